/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store backend does; only the store's thread calls it (open and load
 * are called before that thread begins). store_mem.c is the template.
 */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "store/store.h"

enum store_op_kind {
	STORE_PUT_WORKER,
	STORE_DEL_WORKER,
	STORE_SET_ASSIGNED,
	STORE_PROBE, /* writes nothing of meaning: can we write again? */
};

struct store_op {
	enum store_op_kind kind;
	struct row_worker worker; /* id and assigned serve the small ones too */
	store_done_fn *done;
	void *arg;
	struct err why; /* ERR_OK: safe */
	TAILQ_ENTRY(store_op) entry;
	char text[]; /* copies of the strings */
};
TAILQ_HEAD(store_ops, store_op);

struct store_backend {
	const char *scheme; /* "memory:"; "" = a file's path */
	void *(*open)(const char *url, struct err *err);
	int (*load)(void *db, const struct store_load *to, struct err *err);
	int (*begin)(void *db, struct err *err);
	int (*apply)(void *db, const struct store_op *op, struct err *err);
	int (*commit)(void *db, struct err *err);
	void (*rollback)(void *db);
	void (*close)(void *db);
};

#define STORE(name) extern const struct store_backend store_##name;
#include "store/stores.def"
#undef STORE

#endif
