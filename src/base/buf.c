/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void
buf_fini(struct buf *b)
{
	free(b->p);
	*b = BUF_INIT(b->max);
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->full = false;
}

char *
buf_room(struct buf *b, size_t n)
{
	size_t want;

	if (b->full || n > b->max - b->n) {
		b->full = true;
		return NULL;
	}
	want = b->n + n + 1;
	if (want > b->cap) {
		size_t cap = b->cap < 64 ? 64 : b->cap * 2;

		if (cap > b->max + 1)
			cap = b->max + 1;
		if (cap < want)
			cap = want;
		b->p = xrealloc(b->p, cap);
		b->cap = cap;
	}
	return b->p + b->n;
}

void
buf_grew(struct buf *b, size_t n)
{
	assert(b->n + n < b->cap);
	b->n += n;
}

bool
buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = buf_room(b, n);

	if (to == NULL)
		return false;
	if (n != 0)
		memcpy(to, p, n);
	b->n += n;
	return true;
}

bool
buf_str(struct buf *b, struct str s)
{
	return buf_add(b, s.p, s.n);
}

bool
buf_z(struct buf *b, const char *z)
{
	return buf_add(b, z, strlen(z));
}

bool
buf_c(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

bool
buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	char *to;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	to = n >= 0 ? buf_room(b, (size_t)n) : NULL;
	if (to != NULL) {
		(void)vsnprintf(to, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
	return to != NULL;
}

void
buf_shift(struct buf *b, size_t n)
{
	assert(n <= b->n);
	b->n -= n;
	if (b->n != 0)
		memmove(b->p, b->p + n, b->n);
}

const char *
buf_cstr(struct buf *b)
{
	if (b->p == NULL)
		return "";
	b->p[b->n] = '\0';
	return b->p;
}

char *
buf_take(struct buf *b)
{
	char *p;

	if (b->p == NULL)
		b->p = xmalloc(1);
	b->p[b->n] = '\0';
	p = b->p;
	b->p = NULL;
	buf_fini(b);
	return p;
}
