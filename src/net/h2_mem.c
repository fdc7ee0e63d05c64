/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for nghttp2, which makes four pieces for each request. */
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "net/h2_priv.h"

/* A piece's size stands in front of it. */
union piece {
	size_t n;
	max_align_t align;
};

static void *
mem_alloc(size_t n, void *pool)
{
	union piece *m = pool_alloc(pool, n + sizeof *m);

	m->n = n;
	return m + 1;
}

static void
mem_free(void *p, void *pool)
{
	union piece *m = p;

	if (m != NULL)
		pool_free(pool, m - 1, m[-1].n + sizeof *m);
}

static void *
mem_zeroed(size_t n, size_t size, void *pool)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return memset(mem_alloc(bytes, pool), 0, bytes);
}

static void *
mem_realloc(void *p, size_t n, void *pool)
{
	union piece *m = p;
	void *new = mem_alloc(n, pool);

	if (m != NULL)
		memcpy(new, m, MIN_OF(n, m[-1].n));
	mem_free(p, pool);
	return new;
}

nghttp2_mem
h2_mem(struct loop *l)
{
	return (nghttp2_mem){loop_pool(l), mem_alloc, mem_free, mem_zeroed,
	    mem_realloc};
}
