/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <stdlib.h>

#include "base/mem.h"

struct pool_item {
	struct pool_item *next;
};

/* POOL_CLASSES: it is not for the pool. */
static size_t
class_of(size_t n)
{
#ifdef POOL_OFF
	(void)n;
	return POOL_CLASSES;
#else
	return n == 0 ? 0 : MIN_OF((n - 1) / POOL_STEP, (size_t)POOL_CLASSES);
#endif
}

void *
pool_alloc(struct pool *p, size_t n)
{
	size_t class = class_of(n);
	struct pool_item *item;

	if (class == POOL_CLASSES)
		return xmalloc(n);
	item = p->free[class];
	if (item == NULL)
		return xmalloc((class + 1) * POOL_STEP);
	p->free[class] = item->next;
	p->n[class]--;
	return item;
}

void
pool_free(struct pool *p, void *mem, size_t n)
{
	size_t class = class_of(n);
	struct pool_item *item = mem;

	if (class == POOL_CLASSES ||
	    p->n[class] >= POOL_KEEP_BYTES / ((class + 1) * POOL_STEP)) {
		free(mem);
		return;
	}
	item->next = p->free[class];
	p->free[class] = item;
	p->n[class]++;
}

void
pool_fini(struct pool *p)
{
	struct pool_item *item;

	for (size_t i = 0; i < POOL_CLASSES; i++) {
		while ((item = p->free[i]) != NULL) {
			p->free[i] = item->next;
			free(item);
		}
		p->n[i] = 0;
	}
}
