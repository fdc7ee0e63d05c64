/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable rows. One thread talks to the database; it is the only writer and
 * the only checkpointer (two connections on one file, one committing while the
 * other checkpoints, can corrupt it in the SQLite that Debian 12 has).
 *
 * Requests are handed in from the loop and answered on the loop. All that wait
 * when the thread gets to work are one transaction: a commit costs one sync,
 * however many registrations share it. `done` is called only after the commit
 * is on disk; when the disk is full or broken it gets the error, nothing of
 * the transaction is kept, and the next request tries anew.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/err.h"
#include "net/loop.h"
#include "store/rows.h"

struct store;

/* Called on the loop; why is NULL when the row is safe. */
typedef void store_done_fn(void *arg, const struct err *why);

/* What is in the store when it is opened, row by row. */
struct store_load {
	void (*on_worker)(void *arg, const struct row_worker *r);
	void *arg;
};

/* url: a file's path ("/var/lib/hearth/hearth.db") or "memory:". Opens, brings
 * the file to the newest form, checks it and reads it, before it returns. The
 * folder must exist. Errors are whole sentences: a file that a newer Hearth
 * wrote, a damaged file, one that another process has open. */
struct store *store_open(struct loop *l, const char *url,
    const struct store_load *load, struct err *err) MUST_CHECK;
/* Finishes what waits, then closes. Blocks. No done is called any more. */
void store_close(struct store *s);

/* All strings are copied. done may be NULL (a failure is then logged by the
 * store, and the caller lives with it). */
void store_put_worker(struct store *s, const struct row_worker *r,
    store_done_fn *done, void *arg);
void store_del_worker(struct store *s, struct str id, store_done_fn *done,
    void *arg);
void store_set_assigned(struct store *s, struct str id, uint32_t assigned,
    store_done_fn *done, void *arg);

/* The last commit failed and none has succeeded since; its error, or NULL.
 * While it is set the store tries by itself once a second whether it can
 * write again. */
const struct err *store_trouble(const struct store *s);

struct store_stats {
	uint64_t commits, rows, failures;
	int64_t last_commit_us; /* how long the last one took */
};
void store_get_stats(const struct store *s, struct store_stats *out);

#endif
