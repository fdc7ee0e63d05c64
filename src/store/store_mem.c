/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store that forgets: for tests, and for `--data memory:`. It is the
 * shortest thing that fulfils the contract of backend.h.
 */
#include "store/backend.h"

#include "base/mem.h"

struct mem {
	uint64_t applied;
};

static void *
mem_open(const char *url UNUSED, struct err *err UNUSED)
{
	return xcalloc(1, sizeof(struct mem));
}

static int
mem_load(void *db UNUSED, const struct store_load *to UNUSED,
    struct err *err UNUSED)
{
	return 0;
}

static int
mem_begin(void *db UNUSED, struct err *err UNUSED)
{
	return 0;
}

static int
mem_apply(void *db, const struct store_op *op UNUSED, struct err *err UNUSED)
{
	struct mem *m = db;

	m->applied++;
	return 0;
}

static void
mem_rollback(void *db UNUSED)
{
}

static void
mem_close(void *db)
{
	freep(&db);
}

const struct store_backend store_mem = {
    .scheme = "memory:",
    .open = mem_open,
    .load = mem_load,
    .begin = mem_begin,
    .apply = mem_apply,
    .commit = mem_begin,
    .rollback = mem_rollback,
    .close = mem_close,
};
