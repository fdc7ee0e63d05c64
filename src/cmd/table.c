/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"

static void
add(struct table *t, char *text)
{
	str_tame(text);
	if (t->at == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->cells = xreallocarray(t->cells, t->cap, sizeof *t->cells);
	}
	t->cells[t->at++] = text;
}

void
table_init(struct table *t, const char *titles)
{
	struct str rest = str_of(titles);

	*t = (struct table){0};
	while (rest.p != NULL) {
		add(t, arena_cstr(&t->arena, str_cut(&rest, '|')));
		t->columns++;
	}
	assert(t->columns <= TABLE_COLUMNS_MAX);
}

void
table_fini(struct table *t)
{
	free(t->cells);
	arena_fini(&t->arena);
}

void
table_cell(struct table *t, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	add(t, arena_cstr(&t->arena, str_of(text)));
}

/* Characters, not bytes: continuation bytes of UTF-8 take no column. */
static size_t
width(const char *z)
{
	size_t n = 0;

	for (; *z != '\0'; z++)
		n += ((unsigned char)*z & 0xc0) != 0x80;
	return n;
}

void
table_print(const struct table *t, FILE *out)
{
	size_t widest[TABLE_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < t->at; i++) {
		size_t *w = &widest[i % t->columns];

		*w = MAX_OF(*w, width(t->cells[i]));
	}
	for (size_t i = 0; i < t->at; i++) {
		size_t column = i % t->columns;

		(void)fputs(t->cells[i], out);
		if (column + 1 == t->columns)
			(void)fputc('\n', out);
		else
			(void)fprintf(out, "%*s",
			    (int)(widest[column] - width(t->cells[i]) + 2), "");
	}
}
