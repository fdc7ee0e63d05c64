/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading order from loose words.
 *
 * Words of one Tesseract line are cut where the gap is wide: a *piece* is a
 * run of words that surely belong together. Pieces at the same height make a
 * row. A gutter, a strip of paper that no piece crosses for several rows,
 * splits rows into columns of prose when both sides look like prose or their
 * lines do not stand level; otherwise the rows are those of a table or of
 * labels with values, and are read across.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "service/ocr_engine.h"

enum {
	COLUMNS_MAX = 24,
	DEPTH_MAX = 6
};

struct piece {
	struct ocr_box box;
	double middle; /* y, level with the baseline's slope taken out */
	unsigned first, count; /* in the sorted words */
	int row;
};

struct maker {
	struct ocr_page *page;
	struct raw_word *words; /* sorted into pieces */
	unsigned nwords;
	struct piece *pieces;
	unsigned npieces;
	double height; /* median height of a word */
	unsigned blocks;
};

static int
by_line_x(const void *va, const void *vb)
{
	const struct raw_word *a = va, *b = vb;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return (a->box.x0 > b->box.x0) - (a->box.x0 < b->box.x0);
}

static int
by_int(const void *va, const void *vb)
{
	const int *a = va, *b = vb;

	return (*a > *b) - (*a < *b);
}

static double
median_height(const struct raw_word *w, unsigned n)
{
	int *hs = xreallocarray(NULL, n + 1, sizeof(int));
	double m;

	for (unsigned i = 0; i < n; i++)
		hs[i] = w[i].box.y1 - w[i].box.y0;
	qsort(hs, n, sizeof(int), by_int);
	m = n > 0 ? hs[n / 2] : 1;
	free(hs);
	return MAX_OF(m, 4.0);
}

static void
box_join(struct ocr_box *a, const struct ocr_box *b)
{
	a->x0 = MIN_OF(a->x0, b->x0);
	a->y0 = MIN_OF(a->y0, b->y0);
	a->x1 = MAX_OF(a->x1, b->x1);
	a->y1 = MAX_OF(a->y1, b->y1);
}

static void
cut_pieces(struct maker *m)
{
	m->pieces = xreallocarray(NULL, m->nwords + 1, sizeof(*m->pieces));
	for (unsigned i = 0; i < m->nwords; i++) {
		const struct raw_word *w = &m->words[i];
		struct piece *p = m->npieces > 0 ? &m->pieces[m->npieces - 1]
						 : NULL;

		if (p == NULL || w->line != w[-1].line ||
		    w->box.x0 - w[-1].box.x1 > 1.3 * m->height) {
			m->pieces[m->npieces++] = (struct piece){.box = w->box,
			    .first = i};
			p = &m->pieces[m->npieces - 1];
		}
		box_join(&p->box, &w->box);
		p->count++;
		/* Above the baseline by half a small letter. */
		p->middle += ((w->base0 + w->base1) / 2.0 - 0.3 * m->height -
				 p->middle) /
		    p->count;
	}
}

static int
by_middle(const void *va, const void *vb)
{
	const struct piece *a = va, *b = vb;

	return (a->middle > b->middle) - (a->middle < b->middle);
}

static int
by_row_x(const void *va, const void *vb)
{
	const struct piece *a = va, *b = vb;

	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	return (a->box.x0 > b->box.x0) - (a->box.x0 < b->box.x0);
}

/* Numbers rows from the top: a piece joins the row whose last piece is level
 * with it and leaves room for it. Sorts by row, then from left to right. */
static void
make_rows(const struct maker *m, struct piece *p, unsigned n)
{
	int row = -1;
	double middle = 0;

	qsort(p, n, sizeof(*p), by_middle);
	for (unsigned i = 0; i < n; i++) {
		bool joins = row >= 0 && p[i].middle - middle < 0.5 * m->height;

		for (unsigned k = i; joins && k-- > 0 && p[k].row == row;)
			if (MIN_OF(p[i].box.x1, p[k].box.x1) -
				MAX_OF(p[i].box.x0, p[k].box.x0) >
			    0.3 * m->height)
				joins = false;
		if (!joins) {
			row++;
			middle = p[i].middle;
		}
		p[i].row = row;
	}
	qsort(p, n, sizeof(*p), by_row_x);
}

/* --- writing into the page --------------------------------------------- */

static unsigned
add_line(struct maker *m, const struct piece *p, unsigned n, unsigned para)
{
	struct ocr_page *page = m->page;
	struct ocr_line *line = &page->lines[page->nlines];

	*line = (struct ocr_line){.first = page->nwords,
	    .para = para,
	    .box = p[0].box};
	for (unsigned i = 0; i < n; i++) {
		box_join(&line->box, &p[i].box);
		for (unsigned k = 0; k < p[i].count; k++) {
			const struct raw_word *w = &m->words[p[i].first + k];

			page->words[page->nwords++] =
			    (struct ocr_word){.text = arena_cstr(&page->mem,
						  str_of(w->text)),
				.box = w->box,
				.confidence = (double)w->confidence,
				.line = page->nlines};
			line->count++;
		}
	}
	return page->nlines++;
}

static struct ocr_para *
add_para(struct maker *m, enum ocr_kind kind)
{
	struct ocr_para *para = &m->page->paras[m->page->nparas++];

	*para = (struct ocr_para){.kind = kind,
	    .first = m->page->nlines,
	    .block = m->blocks,
	    .first_cell = m->page->ncells};
	return para;
}

static void
close_para(struct maker *m, struct ocr_para *para)
{
	para->count = m->page->nlines - para->first;
	para->box = m->page->lines[para->first].box;
	for (unsigned i = 1; i < para->count; i++)
		box_join(&para->box, &m->page->lines[para->first + i].box);
}

/* --- tables ------------------------------------------------------------- */

/* The strips that the pieces of some rows leave free, as column edges:
 * column k lies between edge[k] and edge[k + 1]. Returns their number. */
static unsigned
find_columns(const struct maker *m, const struct piece *p, unsigned n,
    int *edge)
{
	struct {
		int x0, x1;
	} span[COLUMNS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++) {
		int x0 = p[i].box.x0, x1 = p[i].box.x1;

		for (unsigned k = 0; k < count;) {
			if (x0 - span[k].x1 < 0.7 * m->height &&
			    span[k].x0 - x1 < 0.7 * m->height) {
				x0 = MIN_OF(x0, span[k].x0);
				x1 = MAX_OF(x1, span[k].x1);
				span[k] = span[--count];
				k = 0;
			} else {
				k++;
			}
		}
		if (count == COLUMNS_MAX)
			return 0;
		span[count].x0 = x0;
		span[count].x1 = x1;
		count++;
	}
	for (unsigned i = 0; i < count; i++)
		edge[i] = span[i].x0;
	qsort(edge, count, sizeof(int), by_int);
	edge[count] = INT32_MAX;
	return count;
}

static void
put_table_row(struct maker *m, const struct piece *p, unsigned n,
    const int *edge, unsigned columns)
{
	struct ocr_para *para = add_para(m, OCR_ROW);
	unsigned word = m->page->nwords;

	add_line(m, p, n, m->page->nparas - 1);
	para->cells = para->columns = columns;
	for (unsigned k = 0, i = 0; k < columns; k++) {
		struct ocr_cell *cell = &m->page->cells[m->page->ncells++];

		*cell = (struct ocr_cell){.first = word, .column = k};
		for (; i < n && p[i].box.x0 < edge[k + 1]; i++)
			cell->count += p[i].count;
		word += cell->count;
	}
	close_para(m, para);
}

static unsigned
row_length(const struct piece *p, unsigned n)
{
	unsigned k = 1;

	while (k < n && p[k].row == p[0].row)
		k++;
	return k;
}

/* How many pieces from the start make a table: rows of two pieces or more,
 * one-piece rows only between them, no large step. `edge` as above. */
static unsigned
table_length(const struct maker *m, const struct piece *p, unsigned n,
    int *edge, unsigned *columns)
{
	unsigned at = 0, good = 0, rows = 0;

	while (at < n) {
		unsigned len = row_length(p + at, n - at), cols;

		if (len < 2 && (at == 0 || rows == 0))
			break;
		if (at > 0 && p[at].middle - p[at - 1].middle > 4 * m->height)
			break;
		cols = find_columns(m, p, at + len, edge);
		if (cols < 2)
			break;
		at += len;
		if (len >= 2) {
			good = at;
			rows++;
		} else if (p[at - 1].box.x1 - p[at - 1].box.x0 >
		    20 * m->height) {
			break;
		}
	}
	*columns = good > 0 ? find_columns(m, p, good, edge) : 0;
	return rows >= 2 && *columns >= 2 ? good : 0;
}

/* --- paragraphs --------------------------------------------------------- */

static bool
starts_item(const struct maker *m, const struct piece *p)
{
	const char *t = m->words[p->first].text;
	size_t n = strspn(t, "0123456789");

	if (p->count < 2)
		return false;
	if (strcmp(t, "\u2022") == 0 || strcmp(t, "-") == 0 ||
	    strcmp(t, "*") == 0 || strcmp(t, "\u00b7") == 0 ||
	    strcmp(t, "\u00b0") == 0)
		return true;
	return n > 0 && n <= 2 && (t[n] == '.' || t[n] == ')') &&
	    t[n + 1] == '\0';
}

/* Is the line larger than the body text? By the letters, not the box. */
static bool
is_large(const struct maker *m, const struct piece *p)
{
	int h[3] = {0};
	unsigned n = 0, mid;

	for (unsigned i = 0; i < p->count && n < 3; i++, n++) {
		const struct ocr_box *b = &m->words[p->first + i].box;

		h[n] = b->y1 - b->y0;
	}
	if (n == 0)
		return false;
	qsort(h, n, sizeof(int), by_int);
	mid = n / 2;
	return h[mid] > 1.35 * m->height && p->count <= 14;
}

/* Does `q` continue the paragraph that `p` is the last line of? */
static bool
continues(const struct maker *m, const struct piece *p, const struct piece *q,
    int right)
{
	double step = q->middle - p->middle;
	int first = m->words[q->first].box.x1 - m->words[q->first].box.x0;

	if (step > 2.1 * m->height || step < 0.4 * m->height)
		return false;
	if (starts_item(m, q) || is_large(m, p) != is_large(m, q))
		return false;
	if (abs(q->box.x0 - p->box.x0) > 3 * m->height)
		return false;
	/* The next word would have fitted: the line was ended on purpose. */
	return p->box.x1 + first + 1.2 * m->height > right;
}

static void
put_line(struct maker *m, const struct piece *p, unsigned n, int right)
{
	struct ocr_page *page = m->page;
	struct ocr_para *last = page->nparas > 0
	    ? &page->paras[page->nparas - 1]
	    : NULL;
	const struct piece *before = p - 1;

	if (last != NULL && last->block == m->blocks && n == 1 &&
	    last->kind != OCR_ROW && last->count > 0 && before->row >= 0 &&
	    continues(m, before, p, right)) {
		add_line(m, p, n, page->nparas - 1);
		close_para(m, last);
		return;
	}
	last = add_para(m,
	    n == 1 && starts_item(m, p)    ? OCR_ITEM
		: n == 1 && is_large(m, p) ? OCR_HEADING
					   : OCR_PARA);
	add_line(m, p, n, page->nparas - 1);
	close_para(m, last);
}

/* Rows of one column or table, from the top. */
static void
put_rows(struct maker *m, struct piece *p, unsigned n)
{
	int right = 0;

	for (unsigned i = 0; i < n; i++)
		right = MAX_OF(right, p[i].box.x1);
	m->blocks++;
	for (unsigned i = 0; i < n;) {
		int edge[COLUMNS_MAX + 1];
		unsigned columns = 0;
		unsigned len = table_length(m, p + i, n - i, edge, &columns);
		unsigned end = i + len;

		if (len == 0) {
			len = row_length(p + i, n - i);
			if (i == 0)
				m->blocks++;
			put_line(m, p + i, len, right);
			i += len;
			continue;
		}
		m->blocks++;
		while (i < end) {
			len = row_length(p + i, end - i);
			put_table_row(m, p + i, len, edge, columns);
			i += len;
		}
		m->blocks++;
	}
}

/* --- columns ------------------------------------------------------------ */

struct side {
	unsigned lines, words;
	double width, widest;
};

static void
count_side(struct side *s, const struct piece *p)
{
	double w = p->box.x1 - p->box.x0;

	s->lines++;
	s->words += p->count;
	s->width += w;
	s->widest = MAX_OF(s->widest, w);
}

static bool
is_prose(const struct side *s)
{
	return s->lines >= 3 && s->words >= 3.2 * s->lines &&
	    s->width > 0.5 * s->widest * s->lines;
}

/* Are the pieces, cut at x, two columns of their own? */
static bool
are_columns(const struct maker *m, const struct piece *p, unsigned n, double x)
{
	struct side a = {0}, b = {0};
	unsigned level = 0, flush = 0, less;
	int left = INT32_MAX;

	for (unsigned i = 0; i < n; i++)
		if (p[i].box.x0 >= x)
			left = MIN_OF(left, p[i].box.x0);
	for (unsigned i = 0; i < n; i++) {
		if (p[i].box.x0 >= x) {
			count_side(&b, &p[i]);
			flush += p[i].box.x0 - left < 2.5 * m->height;
			continue;
		}
		count_side(&a, &p[i]);
		for (unsigned k = 0; k < n; k++)
			if (p[k].box.x0 >= x &&
			    fabs(p[k].middle - p[i].middle) <
				0.25 * m->height) {
				level++;
				break;
			}
	}
	if (a.lines < 2 || b.lines < 2)
		return false;
	/* Figures are set flush right; columns of text flush left. */
	if (flush * 2 < b.lines)
		return false;
	if (is_prose(&a) && is_prose(&b))
		return true;
	less = MIN_OF(a.lines, b.lines);
	return less >= 3 && level * 2 < less;
}

/* The middle of the widest strip that no piece of p crosses; 0 if none. */
static double
find_gutter(const struct maker *m, const struct piece *p, unsigned n)
{
	double best = 0, at = 0;

	for (unsigned i = 0; i < n; i++) {
		int from = p[i].box.x1, to = INT32_MAX;

		for (unsigned k = 0; k < n && to > from; k++) {
			if (p[k].box.x1 <= from)
				continue;
			to = MIN_OF(to, p[k].box.x0);
		}
		if (to != INT32_MAX && to - from > best) {
			best = to - from;
			at = from + best / 2;
		}
	}
	return best > 0.9 * m->height ? at : 0;
}

static void put_region(struct maker *m, struct piece *p, unsigned n, int depth);

/* The longest run of rows from `from` that share a gutter which makes them
 * columns; 0 if there is none. */
static unsigned
column_run(const struct maker *m, const struct piece *p, unsigned n,
    double *gutter)
{
	unsigned best = 0;

	for (unsigned at = 0; at < n;) {
		double x;

		at += row_length(p + at, n - at);
		x = find_gutter(m, p, at);
		if (x <= 0)
			break;
		if (are_columns(m, p, at, x)) {
			best = at;
			*gutter = x;
		}
	}
	return best;
}

/* Columns within columns, to DEPTH_MAX. NOLINTBEGIN(misc-no-recursion) */
static void
put_columns(struct maker *m, struct piece *p, unsigned n, double x, int depth)
{
	struct piece *part = xreallocarray(NULL, n + 1, sizeof(*part));

	for (int side = 0; side < 2; side++) {
		unsigned k = 1; /* put_line() looks one back */

		part[0] = (struct piece){.row = -1};
		for (unsigned i = 0; i < n; i++)
			if ((p[i].box.x0 >= x) == (side == 1))
				part[k++] = p[i];
		make_rows(m, part + 1, k - 1);
		put_region(m, part + 1, k - 1, depth + 1);
	}
	free(part);
}

static void
put_region(struct maker *m, struct piece *p, unsigned n, int depth)
{
	unsigned plain = 0;

	for (unsigned i = 0; i < n;) {
		double x = 0;
		unsigned run = depth < DEPTH_MAX
		    ? column_run(m, p + i, n - i, &x)
		    : 0;

		if (run == 0) {
			i += row_length(p + i, n - i);
			continue;
		}
		if (i > plain)
			put_rows(m, p + plain, i - plain);
		put_columns(m, p + i, run, x, depth);
		i += run;
		plain = i;
	}
	if (n > plain)
		put_rows(m, p + plain, n - plain);
}
/* NOLINTEND(misc-no-recursion) */

/* --- the page ----------------------------------------------------------- */

void
layout_page(const struct raw_list *raw, struct ocr_page *page)
{
	struct maker m = {.page = page};
	struct piece *all;
	size_t n;

	m.words = xreallocarray(NULL, raw->n + 1, sizeof(*m.words));
	for (unsigned i = 0; i < raw->n; i++)
		if (!raw->words[i].dropped)
			m.words[m.nwords++] = raw->words[i];
	qsort(m.words, m.nwords, sizeof(*m.words), by_line_x);
	m.height = median_height(m.words, m.nwords);
	cut_pieces(&m);
	n = m.npieces;
	page->words = arena_alloc(&page->mem,
	    (m.nwords + 1) * sizeof(*page->words));
	page->lines = arena_alloc(&page->mem, (n + 1) * sizeof(*page->lines));
	page->paras = arena_alloc(&page->mem, (n + 1) * sizeof(*page->paras));
	page->cells = arena_alloc(&page->mem,
	    (n + 1) * COLUMNS_MAX * sizeof(*page->cells));
	assert(
	    page->words != NULL && page->lines != NULL && page->paras != NULL);
	all = xreallocarray(NULL, n + 1, sizeof(*all));
	all[0] = (struct piece){.row = -1};
	memcpy(all + 1, m.pieces, n * sizeof(*all));
	make_rows(&m, all + 1, m.npieces);
	put_region(&m, all + 1, m.npieces, 0);
	free(all);
	free(m.pieces);
	free(m.words);
}
