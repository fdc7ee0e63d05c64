/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing bytes, born with a maximum.
 *
 * Invariant: n <= cap <= max (+1: there is always room for a NUL behind the
 * bytes, which buf_cstr() writes). Once an append would pass max, nothing is
 * appended, `full` is set and stays set, and every later append fails: a
 * writer may append many pieces and check once at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
	char *p;
	size_t n;
	size_t cap;
	size_t max;
	bool full;
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

void buf_fini(struct buf *b);  /* frees; the struct is empty again */
void buf_clear(struct buf *b); /* keeps the memory, drops `full` */

bool buf_add(struct buf *b, const void *p, size_t n);
bool buf_str(struct buf *b, struct str s);
bool buf_z(struct buf *b, const char *z);
bool buf_c(struct buf *b, char c);
bool buf_fmt(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Room for n more bytes at the returned place, or NULL when over the maximum;
 * add what was written with buf_grew(). */
char *buf_room(struct buf *b, size_t n) MUST_CHECK;
void buf_grew(struct buf *b, size_t n);
/* Drops n bytes from the front. */
void buf_shift(struct buf *b, size_t n);

/* The bytes as a NUL-terminated string, borrowed until the next change. */
const char *buf_cstr(struct buf *b);
/* Gives the NUL-terminated bytes away; the buffer is empty. Caller frees. */
char *buf_take(struct buf *b);

static inline struct str
buf_view(const struct buf *b)
{
	return (struct str){b->p, b->n};
}

#endif
