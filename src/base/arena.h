/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: many small allocations with one lifetime, freed by one call.
 * A request's headers and strings live in one. Memory is aligned for any
 * type and not cleared.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
	struct arena_block *head;
	char *at; /* next free byte of the head block */
	char *end;
};

/* A zeroed struct is an empty arena. */
void arena_fini(struct arena *a);
/* Forgets everything, but keeps one block for what comes next. */
void arena_reset(struct arena *a);
void *arena_alloc(struct arena *a, size_t n) NONNULL_RESULT;
struct str arena_str(struct arena *a, struct str s); /* a copy, plus NUL */
char *arena_cstr(struct arena *a,
    struct str s) NONNULL_RESULT; /* NUL-terminated */
char *arena_fmt(struct arena *a, const char *fmt, ...) PRINTF(2, 3);

#endif
