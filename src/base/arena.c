/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

enum {
	BLOCK_BYTES = 2048
};

struct arena_block {
	struct arena_block *next;
	alignas(max_align_t) char bytes[];
};

void
arena_fini(struct arena *a)
{
	struct arena_block *next;

	for (struct arena_block *b = a->head; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){0};
}

void
arena_reset(struct arena *a)
{
	struct arena_block *head = a->head, *next;

	if (head == NULL)
		return;
	if (a->end - head->bytes != BLOCK_BYTES) {
		arena_fini(a);
		return;
	}
	for (struct arena_block *b = head->next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	head->next = NULL;
	a->at = head->bytes;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *b;
	size_t room;
	void *p;

	n = (n + align - 1) / align * align;
	if (a->at == NULL || (size_t)(a->end - a->at) < n) {
		room = n > BLOCK_BYTES ? n : BLOCK_BYTES;
		b = xmalloc(sizeof *b + room);
		b->next = a->head;
		a->head = b;
		a->at = b->bytes;
		a->end = b->bytes + room;
	}
	p = a->at;
	a->at += n;
	return p;
}

char *
arena_cstr(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n != 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct str
arena_str(struct arena *a, struct str s)
{
	return (struct str){arena_cstr(a, s), s.n};
}

char *
arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	n = n < 0 ? 0 : n;
	p = arena_alloc(a, (size_t)n + 1);
	(void)vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}
