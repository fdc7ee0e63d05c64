/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that does not fail: small allocations whose size we chose abort when
 * there is none, since a supervised process restarts faster than it could
 * limp. Anything sized by a peer goes through buf.h, which has a maximum.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/defs.h"

void *xmalloc(size_t n) NONNULL_RESULT;
void *xcalloc(size_t n, size_t size) NONNULL_RESULT;
void *xrealloc(void *p, size_t n) NONNULL_RESULT;
void *xreallocarray(void *p, size_t n, size_t size) NONNULL_RESULT;
char *xstrdup(const char *s) NONNULL_RESULT;
char *xstrndup(const char *s, size_t n) NONNULL_RESULT;
/* Formats into new memory; the caller frees. */
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);

/* For main(), of a program that serves: up to 2 MiB of free heap stay ours.
 * Otherwise buffers that come and go under load would be given back to the
 * kernel, and faulted in again, many times a second. */
void mem_keep_heap(void);

/* For CLEANUP(): frees what the variable points to. */
void freep(void *pp);
/* For CLEANUP(): closes the descriptor the variable holds, unless < 0. */
void closep(const int *fd);

#endif
