/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse cells into tables (doc_sheet.h). */
#include "service/doc_sheet.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
	CELLS_MAX = 1 << 20,
	COLUMNS_MAX = 1024
};

struct cell {
	uint32_t row, col, text, n;
};

void
sheet_init(struct sheet *s, const struct doc_limits *limits)
{
	s->cells = BUF_INIT(CELLS_MAX * sizeof(struct cell));
	s->text = BUF_INIT(limits->text_bytes);
}

void
sheet_fini(struct sheet *s)
{
	buf_fini(&s->cells);
	buf_fini(&s->text);
}

void
sheet_add(struct sheet *s, uint32_t row, uint32_t col, struct str text)
{
	struct cell c = {row, col, (uint32_t)s->text.n, (uint32_t)text.n};

	if (text.n == 0 || !buf_str(&s->text, text))
		return;
	(void)buf_add(&s->cells, &c, sizeof c);
}

static int
by_place(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return x->col < y->col ? -1 : x->col > y->col;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
put_text(struct sheet *s, const struct cell *c, struct doc *d)
{
	struct str rest = {s->text.p + c->text, c->n};
	bool more = false;

	while (rest.p != NULL) {
		if (more)
			doc_break(d);
		doc_text(d, str_cut(&rest, '\n'), DOC_PLAIN);
		more = true;
	}
}

/* The columns that have ink in these cells, in order. */
static size_t
columns(const struct cell *c, size_t n, uint32_t *cols)
{
	uint32_t *all = xcalloc(n + 1, sizeof *all);
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		all[i] = c[i].col;
	qsort(all, n, sizeof *all, by_number);
	for (size_t i = 0; i < n && k < COLUMNS_MAX; i++)
		if (k == 0 || cols[k - 1] != all[i])
			cols[k++] = all[i];
	free(all);
	return k;
}

static size_t
row_end(const struct cell *c, size_t n, size_t i)
{
	size_t e = i + 1;

	while (e < n && c[e].row == c[i].row)
		e++;
	return e;
}

static void
put_row(struct sheet *s, const struct cell *c, size_t n, const uint32_t *cols,
    size_t k, bool header, struct doc *d)
{
	size_t at = 0;

	doc_row(d, header);
	for (size_t i = 0; i < k; i++) {
		doc_cell(d, 1, 1);
		if (at < n && c[at].col == cols[i]) {
			put_text(s, &c[at], d);
			while (at < n && c[at].col == cols[i])
				at++;
		}
		doc_end(d);
	}
	doc_end(d);
}

static void
put_line(struct sheet *s, const struct cell *c, struct doc *d)
{
	doc_para(d);
	put_text(s, c, d);
	doc_end(d);
}

/* Rows without an empty one between them. A lone cell at the top is a title,
 * not the first row of the table. */
static void
put_block(struct sheet *s, const struct cell *c, size_t n, struct doc *d)
{
	uint32_t cols[COLUMNS_MAX];
	size_t i = 0, k;
	bool header = true;

	while (i < n && row_end(c, n, i) == i + 1 &&
	    (i + 1 == n || row_end(c, n, i + 1) > i + 2))
		put_line(s, &c[i++], d);
	if (i == n)
		return;
	k = columns(c + i, n - i, cols);
	doc_table(d);
	while (i < n) {
		size_t e = row_end(c, n, i);

		put_row(s, c + i, e - i, cols, k, header, d);
		header = false;
		i = e;
	}
	doc_end(d);
}

int
sheet_put(struct sheet *s, struct str name, struct doc *d, struct err *err)
{
	struct cell *c = (struct cell *)(void *)s->cells.p;
	size_t n = s->cells.n / sizeof *c, from = 0;
	bool full = s->cells.full || s->text.full;

	doc_heading(d, 2);
	doc_text(d, name, DOC_PLAIN);
	doc_end(d);
	if (n > 0)
		qsort(c, n, sizeof *c, by_place);
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || c[i + 1].row > c[i].row + 1) {
			put_block(s, c + from, i + 1 - from, d);
			from = i + 1;
		}
	buf_clear(&s->cells);
	buf_clear(&s->text);
	if (full)
		return err_set(err, ERR_LIMIT, "a sheet has too many cells");
	return doc_failed(d, err);
}
