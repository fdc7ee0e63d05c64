/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading order of a page: columns of text and tables are found by the white
 * lanes ("gutters") that run down through several rows.
 *
 * A group is a run of rows that share at least one gutter. Where both sides
 * read like prose, or their rows do not stand on common lines, the sides are
 * columns and each is laid out by itself; otherwise the group is a table.
 */
#include "service/doc_pdf_rows.h"

#include <ctype.h>

#include "base/mem.h"
#include "service/doc_text.h"

enum {
	LANES = 24,
	DEPTH = 6
};

struct lane {
	double x0, x1;
};

struct lanes {
	struct lane v[LANES];
	size_t n;
};

/* What stands between two gutters. */
struct side {
	size_t rows, chars, words, wide, marks;
	double x0, x1;
};

struct group {
	struct pdf_row *r;
	size_t n;
	struct lanes gutters;
	struct side sides[LANES + 1];
	size_t shared; /* rows with ink on more than one side */
};

static void region(struct pdf_layout *l, struct pdf_word *w, size_t n,
    unsigned depth);

/* White between words of a row, at least `least` wide. */
static struct lanes
row_gaps(const struct pdf_row *r, double least)
{
	struct lanes g = {.n = 0};
	double right = r->w->x1;

	for (size_t i = 1; i < r->n; i++) {
		if (r->w[i].x0 - right >= least && g.n < LANES)
			g.v[g.n++] = (struct lane){right, r->w[i].x0};
		right = MAX_OF(right, r->w[i].x1);
	}
	return g;
}

/* The widest part of the lane that the row leaves free. */
static struct lane
free_part(const struct pdf_row *r, struct lane lane)
{
	struct lane best = {0, 0};
	double at = lane.x0;

	for (size_t i = 0; i < r->n; i++) {
		const struct pdf_word *w = &r->w[i];

		if (w->x1 <= at || w->x0 >= lane.x1)
			continue;
		if (w->x0 - at > best.x1 - best.x0)
			best = (struct lane){at, w->x0};
		at = MAX_OF(at, w->x1);
	}
	if (lane.x1 - at > best.x1 - best.x0)
		best = (struct lane){at, lane.x1};
	return best;
}

/* A gap no wider than the blank between two words is only a lane where the
 * words stand on the edge of their column, as cells do and prose does not. */
static bool
is_lane(const struct pdf_row *r, struct lane was, struct lane now)
{
	double w = now.x1 - now.x0, slack = 0.1 * r->size;

	if (w < 0.2 * r->size)
		return false;
	return w >= 0.6 * r->size || now.x1 > was.x1 - slack ||
	    now.x0 < was.x0 + slack;
}

/* Narrows the lanes by a row; the ones it crosses are left out. */
static struct lanes
narrowed(const struct lanes *g, const struct pdf_row *r)
{
	struct lanes out = {.n = 0};

	for (size_t i = 0; i < g->n; i++) {
		struct lane f = free_part(r, g->v[i]);

		if (is_lane(r, g->v[i], f))
			out.v[out.n++] = f;
	}
	return out;
}

static bool
wide_gap_in(const struct pdf_row *r, const struct lanes *g)
{
	struct lanes gaps = row_gaps(r, 0.75 * r->size);

	for (size_t i = 0; i < gaps.n; i++)
		for (size_t k = 0; k < g->n; k++)
			if (gaps.v[i].x0 < g->v[k].x1 &&
			    gaps.v[i].x1 > g->v[k].x0)
				return true;
	return false;
}

/* A bullet, or "3.": what stands before a list item. */
static bool
is_mark(const struct pdf_page *p, const struct pdf_word *w)
{
	struct str s = pdf_word_text(p, w);
	char text[40];
	unsigned v;

	if (s.n == 0 || s.n > 11 ||
	    !str_fmt(text, sizeof text, "%.*s x", STR_ARG(s)))
		return false;
	return text_bullet(str_of(text)) > 0 ||
	    text_number(str_of(text), &v) > 0;
}

/* The lanes that a row starts a group with; the blank behind the mark of a
 * list item is none. */
static struct lanes
first_lanes(const struct pdf_page *p, const struct pdf_row *r)
{
	struct lanes g = row_gaps(r, 0.75 * r->size);

	if (g.n > 0 && r->n > 1 && g.v[0].x1 <= r->w[1].x0 &&
	    is_mark(p, r->w)) {
		g.n--;
		memmove(g.v, g.v + 1, g.n * sizeof g.v[0]);
	}
	return g;
}

/* Past the last row of the group that starts at row i; i + 1: no group. */
static size_t
group_end(const struct pdf_page *p, const struct pdf_row *r, size_t n, size_t i,
    struct lanes *g)
{
	size_t e = i + 1, several = 1;

	*g = first_lanes(p, &r[i]);
	if (g->n == 0)
		return i + 1;
	for (; e < n; e++) {
		struct lanes next = narrowed(g, &r[e]);
		bool multi = next.n > 0 && wide_gap_in(&r[e], &next);

		if (next.n == 0 || r[e].y0 - r[e - 1].y1 > 10 * r[e].size)
			break;
		if (next.n != g->n && !multi)
			break;
		if (next.n == g->n || several < 2)
			*g = next;
		several += multi;
	}
	return several > 1 ? e : i + 1;
}

/* What the row leaves free of these lanes. */
static struct lanes
cut_by(const struct lanes *all, const struct pdf_row *r)
{
	struct lanes out = {.n = 0};

	for (size_t k = 0; k < all->n; k++) {
		double at = all->v[k].x0, end = all->v[k].x1;

		for (size_t m = 0; m < r->n; m++) {
			const struct pdf_word *w = &r->w[m];

			if (w->x1 <= at || w->x0 >= end)
				continue;
			if (w->x0 - at >= 0.2 * w->size && out.n < LANES)
				out.v[out.n++] = (struct lane){at, w->x0};
			at = MAX_OF(at, w->x1);
		}
		if (end - at >= 0.2 * r->size && out.n < LANES)
			out.v[out.n++] = (struct lane){at, end};
	}
	return out;
}

/* Words that begin or end a column at this lane, whichever are more. */
static size_t
on_edge(const struct group *g, struct lane lane)
{
	size_t begin = 0, end = 0;

	for (size_t i = 0; i < g->n; i++)
		for (size_t m = 0; m < g->r[i].n; m++) {
			const struct pdf_word *w = &g->r[i].w[m];
			double slack = 0.1 * w->size;

			begin += w->x0 > lane.x1 - slack &&
			    w->x0 < lane.x1 + slack;
			end += w->x1 > lane.x0 - slack &&
			    w->x1 < lane.x0 + slack;
		}
	return MAX_OF(begin, end);
}

/* Was it seen when the group was found, or is it wide in two rows? Justified
 * text has white lanes by chance. */
static bool
is_gutter(const struct group *g, const struct lanes *seed, struct lane lane)
{
	struct lanes one = {.v = {lane}, .n = 1};
	size_t wide = 0;

	if (lane.x1 - lane.x0 < 0.6 * g->r->size && on_edge(g, lane) < 2)
		return false;
	for (size_t i = 0; i < seed->n; i++)
		if (seed->v[i].x0 < lane.x1 && seed->v[i].x1 > lane.x0)
			return true;
	for (size_t i = 0; i < g->n && wide < 2; i++)
		wide += wide_gap_in(&g->r[i], &one);
	return wide > 1;
}

/* All lanes that no row of the group has ink in, but for rows that span. */
static void
group_gutters(struct group *g, const struct lanes *seed)
{
	struct lanes all = {.n = 1};
	double left = g->r->x0, right = g->r->x1;

	for (size_t i = 0; i < g->n; i++) {
		left = MIN_OF(left, g->r[i].x0);
		right = MAX_OF(right, g->r[i].x1);
	}
	all.v[0] = (struct lane){left - 1, right + 1};
	for (size_t i = 0; i < g->n; i++)
		if (narrowed(seed, &g->r[i]).n == seed->n)
			all = cut_by(&all, &g->r[i]);
	g->gutters.n = 0;
	for (size_t k = 0; k < all.n; k++)
		if (all.v[k].x0 > left && all.v[k].x1 < right &&
		    is_gutter(g, seed, all.v[k]))
			g->gutters.v[g->gutters.n++] = all.v[k];
}

static size_t
side_of(const struct group *g, const struct pdf_word *w)
{
	size_t k = 0;

	while (k < g->gutters.n &&
	    w->x0 >= (g->gutters.v[k].x0 + g->gutters.v[k].x1) / 2 - 0.01)
		k++;
	return k;
}

static void
measure_row(struct group *g, const struct pdf_row *r, const struct pdf_page *p)
{
	size_t sides = 0;

	for (size_t i = 0; i < r->n;) {
		size_t k = side_of(g, &r->w[i]), e = i, chars = 0;
		struct side *s = &g->sides[k];

		for (; e < r->n && side_of(g, &r->w[e]) == k; e++)
			chars += r->w[e].n + 1;
		if (e == i)
			e++;
		s->rows++;
		s->chars += chars;
		s->words += e - i;
		s->x0 = s->rows == 1 ? r->w[i].x0 : MIN_OF(s->x0, r->w[i].x0);
		s->x1 = MAX_OF(s->x1, r->w[e - 1].x1);
		if (e == i + 1 && is_mark(p, &r->w[i]))
			s->marks++;
		sides++;
		i = e;
	}
	g->shared += sides > 1;
}

static void
measure(struct group *g, const struct pdf_page *p)
{
	for (size_t i = 0; i < g->n; i++)
		measure_row(g, &g->r[i], p);
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k <= g->gutters.n; k++) {
			struct side *s = &g->sides[k];
			double x0 = 1e9, x1 = 0;

			for (size_t m = 0; m < g->r[i].n; m++)
				if (side_of(g, &g->r[i].w[m]) == k) {
					x0 = MIN_OF(x0, g->r[i].w[m].x0);
					x1 = MAX_OF(x1, g->r[i].w[m].x1);
				}
			s->wide += x1 - x0 > 0.7 * (s->x1 - s->x0);
		}
}

static bool
prose(const struct side *s)
{
	return s->rows >= 4 && s->chars > 17 * s->rows &&
	    s->words > 3 * s->rows && s->wide * 5 >= s->rows * 2;
}

enum kind {
	FLOW,
	COLUMNS,
	TABLE
};

static enum kind
classify(const struct group *g)
{
	size_t text = 0, least = SIZE_MAX;

	if (g->gutters.n == 0)
		return FLOW;
	if (g->sides[0].marks * 10 >= g->sides[0].rows * 9 &&
	    g->sides[0].rows > 0 && g->gutters.n == 1)
		return FLOW; /* bullets and their items */
	for (size_t k = 0; k <= g->gutters.n; k++) {
		text += prose(&g->sides[k]);
		least = MIN_OF(least, g->sides[k].rows);
	}
	if (text >= 2 && text >= g->gutters.n)
		return COLUMNS;
	if (g->gutters.n == 1 && least > 2 && g->shared * 10 < least * 6)
		return COLUMNS;
	return g->shared > 1 ? TABLE : FLOW;
}

/* Regions within columns, to DEPTH. */
static void /* NOLINTNEXTLINE(misc-no-recursion) */
put_columns(struct pdf_layout *l, struct group *g, unsigned depth)
{
	size_t n = 0, k;
	struct pdf_word *w;

	for (size_t i = 0; i < g->n; i++)
		n += g->r[i].n;
	w = xcalloc(n + 1, sizeof *w);
	for (size_t side = 0; side <= g->gutters.n; side++) {
		k = 0;
		for (size_t i = 0; i < g->n; i++)
			for (size_t m = 0; m < g->r[i].n; m++)
				if (side_of(g, &g->r[i].w[m]) == side)
					w[k++] = g->r[i].w[m];
		region(l, w, k, depth + 1);
	}
	free(w);
}

/* --- tables --------------------------------------------------------- */

static unsigned
filled(const struct group *g, const struct pdf_row *r)
{
	unsigned mask = 0;

	for (size_t i = 0; i < r->n; i++)
		mask |= 1u << side_of(g, &r->w[i]);
	return mask;
}

static bool
numeric(const struct pdf_page *p, const struct pdf_row *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct str s = pdf_word_text(p, &r->w[i]);

		for (size_t k = 0; k < s.n; k++)
			if (isdigit((uint8_t)s.p[k]))
				return true;
	}
	return false;
}

/* Is row i the wrapped rest of the cells of the row above? */
static bool
wrapped(const struct group *g, const struct pdf_page *p, size_t i, double least,
    double most)
{
	const struct pdf_row *r = &g->r[i];
	unsigned now = filled(g, r), before = filled(g, &g->r[i - 1]);
	double dy = r->y1 - g->r[i - 1].y1;
	struct str first = pdf_word_text(p, r->w);
	bool small = first.n > 0 && islower((uint8_t)*first.p);

	if ((now & ~before) != 0 || dy > 1.5 * r->size)
		return false;
	if (most > least * 1.25 && dy < least * 1.1)
		return (now & 1) == 0 || small || i == 1;
	if ((now & 1) != 0)
		return (now & (now - 1)) == 0 && small;
	return small || ((now & (now - 1)) == 0 && !numeric(p, r));
}

static struct pdf_word *
word_in(const struct group *g, const struct pdf_row *r, size_t side, bool last)
{
	struct pdf_word *found = NULL;

	for (size_t m = 0; m < r->n; m++)
		if (side_of(g, &r->w[m]) == side && (found == NULL || last))
			found = &r->w[m];
	return found;
}

/* Joins words that were divided at the end of a line within a cell. */
static void
join_divided(const struct pdf_page *p, const struct group *g, size_t from,
    size_t to)
{
	for (size_t i = from; i + 1 < to; i++)
		for (size_t k = 0; k <= g->gutters.n; k++) {
			struct pdf_word *a = word_in(g, &g->r[i], k, true),
					*b = word_in(g, &g->r[i + 1], k, false);
			struct str s, t;

			if (a == NULL || b == NULL)
				continue;
			s = pdf_word_text(p, a);
			t = pdf_word_text(p, b);
			if (s.n > 2 && t.n > 0 && s.p[s.n - 1] == '-' &&
			    isalpha((uint8_t)s.p[s.n - 2]) &&
			    islower((uint8_t)*t.p)) {
				a->n--;
				b->glued = true;
			}
		}
}

/* The row's words in column k, run by run. more: the cell has words already;
 * returned: it has now. */
static bool
put_side(struct pdf_layout *l, const struct group *g, const struct pdf_row *r,
    size_t k, bool more, bool header)
{
	for (size_t m = 0; m < r->n;) {
		size_t e = m;

		while (e < r->n && side_of(g, &r->w[e]) == k)
			e++;
		if (e > m) {
			pdf_words_put(l, r->w + m, e - m, more, header);
			more = true;
		}
		m = e > m ? e : m + 1;
	}
	return more;
}

static void
put_cells(struct pdf_layout *l, const struct group *g, size_t from, size_t to,
    bool header)
{
	join_divided(l->page, g, from, to);
	doc_row(l->d, header);
	for (size_t k = 0; k <= g->gutters.n; k++) {
		bool more = false;

		doc_cell(l->d, 1, 1);
		for (size_t i = from; i < to; i++)
			more = put_side(l, g, &g->r[i], k, more, header);
		doc_end(l->d);
	}
	doc_end(l->d);
}

/* How many rows of the group are really table: a lone line after a large gap,
 * or one in much larger type, is not. */
static size_t
table_rows(const struct group *g)
{
	size_t n = g->n;

	for (size_t i = 1; i < g->n; i++) {
		const struct pdf_row *r = &g->r[i], *p = &g->r[i - 1];
		unsigned f = filled(g, r);

		if ((f & (f - 1)) != 0)
			continue;
		if (r->y1 - p->y1 > 2.3 * r->size + 4 ||
		    r->size > 1.25 * p->size) {
			n = i;
			break;
		}
	}
	while (n > 2) {
		unsigned f = filled(g, &g->r[n - 1]);

		if (f != 1 ||
		    g->r[n - 1].y1 - g->r[n - 2].y1 <
			1.15 * (g->r[1].y1 - g->r[0].y1))
			break;
		n--;
	}
	return n;
}

static size_t
put_table(struct pdf_layout *l, struct group *g)
{
	size_t n = table_rows(g);
	double least = 1e9, most = 0;
	bool header = true;

	for (size_t i = 1; i < n; i++) {
		double dy = g->r[i].y1 - g->r[i - 1].y1;

		least = MIN_OF(least, dy);
		most = MAX_OF(most, dy);
	}
	doc_table(l->d);
	for (size_t i = 0; i < n;) {
		size_t e = i + 1;

		while (e < n && wrapped(g, l->page, e, least, most))
			e++;
		put_cells(l, g, i, e, header);
		header = false;
		i = e;
	}
	doc_end(l->d);
	return n;
}

/* --- regions -------------------------------------------------------- */

static void /* NOLINTNEXTLINE(misc-no-recursion) */
region(struct pdf_layout *l, struct pdf_word *w, size_t n, unsigned depth)
{
	struct pdf_row *r;
	size_t rows = pdf_rows_make(w, n, &r), from = 0, i = 0;

	while (i < rows && depth < DEPTH) {
		struct lanes seed;
		struct group g = {.r = r + i};
		size_t e = group_end(l->page, r, rows, i, &seed);
		enum kind kind = FLOW;

		if (e > i + 1) {
			g.n = e - i;
			group_gutters(&g, &seed);
			measure(&g, l->page);
			kind = classify(&g);
		}
		if (kind == FLOW) {
			i = e;
			continue;
		}
		pdf_flow(l, r + from, i - from);
		if (kind == COLUMNS)
			put_columns(l, &g, depth);
		else
			e = i + put_table(l, &g);
		from = i = e;
	}
	pdf_flow(l, r + from, rows - from);
	free(r);
}

/* Tiny type is there for machines, not for readers. */
static bool
readable(const struct pdf_word *w)
{
	return w->n > 0 && w->y1 - w->y0 > 1;
}

/* Text that runs up or down beside the rest. */
static bool
sideways(const struct pdf_word *w)
{
	return w->n > 2 && w->y1 - w->y0 > 2.2 * w->size &&
	    w->y1 - w->y0 > w->x1 - w->x0;
}

void
pdf_layout(struct pdf_page *page, struct pdf_styles *st, struct doc *d)
{
	struct pdf_layout l = {page, st, d};
	size_t n, kept = 0, aside = 0;
	struct pdf_word *w, *side;

	pdf_margins_drop(page, st);
	w = pdf_words(page, &n);
	for (size_t i = 0; i < n; i++)
		aside += sideways(&w[i]);
	side = xcalloc(aside + 1, sizeof *side);
	aside = 0;
	for (size_t i = 0; i < n; i++) {
		if (readable(&w[i]) && sideways(&w[i]))
			side[aside++] = w[i];
		else if (readable(&w[i]))
			w[kept++] = w[i];
	}
	if (kept > 0)
		region(&l, w, kept, 0);
	if (aside > 0) {
		doc_para(d);
		pdf_words_put(&l, side, aside, false, true);
		doc_end(d);
	}
	free(side);
}
