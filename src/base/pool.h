/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of one thread for objects that come and go with every request: what
 * is freed is kept in a list per size and handed out again. (The C library
 * keeps seven of each size at hand; a proxy has hundreds in flight.)
 *
 * What is kept is bounded; larger objects, and all of them under
 * AddressSanitizer, which must see each end of life, go to malloc. Like
 * xmalloc(), it does not fail.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/defs.h"

/* gcc and clang say it each in their own way. */
#if defined(__SANITIZE_ADDRESS__)
#define POOL_OFF
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_OFF
#endif
#endif

enum {
	POOL_STEP = 64,               /* sizes are rounded up to this */
	POOL_CLASSES = 16,            /* so up to 1 KiB is kept */
	POOL_KEEP_BYTES = 128 * 1024, /* per size */
};

struct pool {
	struct pool_item *free[POOL_CLASSES];
	uint32_t n[POOL_CLASSES];
};

void *pool_alloc(struct pool *p, size_t n);
/* n: as it was asked for. */
void pool_free(struct pool *p, void *mem, size_t n);
/* Gives back what is kept; what is in use must not be. */
void pool_fini(struct pool *p);

#endif
