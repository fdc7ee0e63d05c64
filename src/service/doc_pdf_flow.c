/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of running text into headings, lists and paragraphs.
 *
 * Larger type is a heading, and so is a short bold line that stands alone. A
 * row that ends early although the next word had room ends a line on purpose;
 * more space than usual, or a first-line indent, begins a paragraph.
 */
#include "service/doc_pdf_rows.h"

#include <ctype.h>

#include "base/mem.h"
#include "service/doc_text.h"

enum {
	MARK_WORDS = 8 /* a mark may be in pieces, and the first words empty */
};

struct flow {
	struct pdf_layout *l;
	struct pdf_row *r;
	size_t n;
	double left, pitch;
	struct buf tmp;
};

static const char *
link_at(const struct pdf_page *p, unsigned id)
{
	const char *z = p->links.p, *end = z + p->links.n;

	while (id > 1 && z < end) {
		z += strlen(z) + 1;
		id--;
	}
	return z < end ? z : "";
}

static bool
same_look(const struct pdf_word *a, const struct pdf_word *b)
{
	return a->link == b->link && a->style == b->style;
}

void
pdf_words_put(struct pdf_layout *l, const struct pdf_word *w, size_t n,
    bool space, bool plain)
{
	struct buf b = BUF_INIT(1 << 20);

	for (size_t i = 0; i < n;) {
		size_t e = i;

		buf_clear(&b);
		for (; e < n && (e == i || same_look(&w[i], &w[e])); e++) {
			if ((e > 0 || space) && !w[e].glued && e > i)
				buf_c(&b, ' ');
			buf_str(&b, pdf_word_text(l->page, &w[e]));
		}
		if ((i > 0 || space) && !w[i].glued)
			doc_text(l->d, STR(" "), DOC_PLAIN);
		if (w[i].link != 0)
			doc_link(l->d, str_of(link_at(l->page, w[i].link)));
		doc_text(l->d, buf_view(&b), plain ? DOC_PLAIN : w[i].style);
		if (w[i].link != 0)
			doc_end(l->d);
		i = e;
	}
	buf_fini(&b);
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
usual_pitch(const struct pdf_row *r, size_t n, double body)
{
	double *d, p = body * 1.2;
	size_t k = 0;

	if (n < 3)
		return p * 1.1;
	d = xcalloc(n, sizeof *d);
	for (size_t i = 1; i < n; i++)
		if (r[i].size < body * 1.12 && r[i].y1 - r[i - 1].y1 < body * 3)
			d[k++] = r[i].y1 - r[i - 1].y1;
	if (k > 1) {
		qsort(d, k, sizeof *d, ascending);
		p = d[k / 3];
	}
	free(d);
	return MIN_OF(MAX_OF(p, body), body * 2.2);
}

static double
smallest_heading(const struct pdf_styles *st)
{
	double least = 1e9;

	for (size_t k = 0; k < COUNT_OF(st->sizes) && st->sizes[k] != 0; k++)
		least = st->sizes[k];
	return least;
}

/* The row's text if it may be a heading's; empty: it may not. */
static struct str
heading_text(struct flow *f, const struct pdf_row *r)
{
	struct str s;
	bool letters = false;

	if (!r->bold && r->size <= smallest_heading(f->l->st) * 0.96)
		return (struct str){0};
	s = pdf_row_text(f->l->page, r, &f->tmp);
	for (size_t k = 0; k < s.n; k++)
		letters |= isalpha((uint8_t)s.p[k]) || (uint8_t)s.p[k] >= 0xc3;
	return letters && s.n <= 160 ? s : (struct str){0};
}

/* By its size alone; 0: none. *next: the level behind those. */
static int
size_level(const struct flow *f, const struct pdf_row *r, int *next)
{
	const struct pdf_styles *st = f->l->st;

	*next = 1;
	for (size_t k = 0; k < COUNT_OF(st->sizes); k++, ++*next) {
		if (st->sizes[k] == 0)
			break;
		if (r->size > st->sizes[k] * 0.96)
			return MIN_OF(*next, 6);
	}
	return 0;
}

/* 0: none. A bold row stands alone, or below a heading of a larger size. */
static int
heading_level(struct flow *f, size_t i)
{
	const struct pdf_row *r = &f->r[i];
	struct str s = heading_text(f, r);
	int next, unused, level = s.n > 0 ? size_level(f, r, &next) : 0;

	if (level > 0)
		return level;
	if (s.n == 0 || !r->bold || s.n > 90 ||
	    strchr(".,;", s.p[s.n - 1]) != NULL)
		return 0;
	if (i + 1 < f->n && f->r[i + 1].bold &&
	    f->r[i + 1].y1 - r->y1 < f->pitch * 1.3)
		return 0;
	if (i > 0 && r->y1 - f->r[i - 1].y1 < f->pitch * 1.15 &&
	    (heading_text(f, &f->r[i - 1]).n == 0 ||
		size_level(f, &f->r[i - 1], &unused) == 0))
		return 0;
	return MIN_OF(MAX_OF(next, 2), 6);
}

static bool
ends_hyphen(const struct flow *f, const struct pdf_row *r, size_t *cut)
{
	const struct pdf_word *w = &r->w[r->n - 1];
	struct str s = pdf_word_text(f->l->page, w);

	*cut = 1;
	if (s.n > 2 && s.p[s.n - 1] == '-' && isalpha((uint8_t)s.p[s.n - 2]))
		return true;
	*cut = 2;
	return s.n > 3 && memcmp(s.p + s.n - 2, "\xc2\xad", 2) == 0;
}

/* Puts row i behind row i - 1 of the same paragraph. */
static void
join(struct flow *f, size_t i, bool broken, size_t skip)
{
	struct pdf_row *r = &f->r[i];
	bool more = i > 0 && skip == 0 && !broken;
	size_t cut;

	if (broken)
		doc_break(f->l->d);
	if (i + 1 < f->n && ends_hyphen(f, r, &cut)) {
		struct str next = pdf_word_text(f->l->page, f->r[i + 1].w);

		if (next.n > 0 && islower((uint8_t)*next.p) &&
		    f->r[i + 1].y1 - r->y1 < f->pitch * 1.6) {
			r->w[r->n - 1].n -= (uint32_t)cut;
			f->r[i + 1].w->glued = true;
		}
	}
	pdf_words_put(f->l, r->w + skip, r->n - skip, more, false);
}

/* The right edge of the text around row i, of about its size. */
static double
right_edge(const struct flow *f, size_t i)
{
	double size = f->r[i].size, right = f->r[i].x1;
	size_t from = i > 8 ? i - 8 : 0, to = MIN_OF(i + 9, f->n);

	for (size_t k = from; k < to; k++)
		if (f->r[k].size < size * 1.12 && f->r[k].size > size * 0.88)
			right = MAX_OF(right, f->r[k].x1);
	return right;
}

/* The next row would have had room for its first word on this one. */
static bool
ends_early(const struct flow *f, size_t i)
{
	const struct pdf_row *r = &f->r[i], *next = &f->r[i + 1];
	double word = next->w->x1 - next->w->x0;

	return !next->w->glued &&
	    r->x1 + word + r->size * 0.6 < right_edge(f, i);
}

static size_t
item_mark(struct flow *f, size_t i, bool *ordered, unsigned *value)
{
	struct pdf_row start = f->r[i];
	struct str s;
	size_t skip, mark;

	start.n = MIN_OF(start.n, (size_t)MARK_WORDS);
	s = pdf_row_text(f->l->page, &start, &f->tmp);
	skip = text_bullet(s);
	*ordered = false;
	if (skip == 0) {
		skip = text_number(s, value);
		*ordered = skip > 0;
	}
	if (skip == 0 || f->r[i].n < 2)
		return 0;
	mark = f->r[i].w->n;
	return mark < skip ? 1 : 0;
}

/* Does row i begin a new block behind row i - 1? */
static bool
begins_block(struct flow *f, size_t i)
{
	const struct pdf_row *r = &f->r[i], *p = &f->r[i - 1];
	bool ordered;
	unsigned v;

	if (r->y1 - p->y1 > f->pitch * 1.25 + 1 || r->y1 < p->y1 - 1)
		return true;
	if (r->size > p->size * 1.15 || r->size < p->size * 0.85)
		return true;
	return heading_level(f, i) > 0 || item_mark(f, i, &ordered, &v) > 0;
}

/* Likewise, or a paragraph whose first line is indented? */
static bool
begins_para(struct flow *f, size_t i)
{
	const struct pdf_row *r = &f->r[i], *p = &f->r[i - 1];

	if (begins_block(f, i))
		return true;
	return r->x0 > p->x0 + r->size * 0.8 &&
	    p->x0 < f->left + r->size * 0.5 && i + 1 < f->n &&
	    f->r[i + 1].x0 < r->x0 - r->size * 0.5;
}

static size_t
put_para(struct flow *f, size_t i)
{
	doc_para(f->l->d);
	join(f, i, false, 0);
	for (i++; i < f->n && !begins_para(f, i); i++)
		join(f, i, ends_early(f, i - 1), 0);
	doc_end(f->l->d);
	return i;
}

static size_t
put_heading(struct flow *f, size_t i, int level)
{
	doc_heading(f->l->d, level);
	pdf_words_put(f->l, f->r[i].w, f->r[i].n, false, true);
	for (i++; i < f->n && heading_level(f, i) == level &&
	     f->r[i].size > f->r[i - 1].size * 0.97 &&
	     f->r[i].size > f->l->st->body * 1.12 &&
	     f->r[i].y1 - f->r[i - 1].y1 < f->r[i].size * 1.5;
	     i++)
		pdf_words_put(f->l, f->r[i].w, f->r[i].n, true, true);
	doc_end(f->l->d);
	return i;
}

static size_t
put_item(struct flow *f, size_t i, size_t skip)
{
	double x = f->r[i].x0;

	doc_item(f->l->d);
	join(f, i, false, skip);
	for (i++; i < f->n && !begins_block(f, i) &&
	     f->r[i].x0 > x + f->r[i].size * 0.4;
	     i++)
		join(f, i, false, 0);
	doc_end(f->l->d);
	return i;
}

static size_t
put_list(struct flow *f, size_t i)
{
	bool ordered, other;
	unsigned start = 1, v;
	size_t skip = item_mark(f, i, &ordered, &start);

	doc_list(f->l->d, ordered, start);
	while (skip > 0) {
		i = put_item(f, i, skip);
		if (i >= f->n || heading_level(f, i) > 0)
			break;
		skip = item_mark(f, i, &other, &v);
		if (other != ordered)
			break;
	}
	doc_end(f->l->d);
	return i;
}

void
pdf_flow(struct pdf_layout *l, struct pdf_row *rows, size_t n)
{
	struct flow f = {l, rows, n, 1e9, 0, BUF_INIT(1 << 20)};

	for (size_t i = 0; i < n; i++) {
		f.left = MIN_OF(f.left, rows[i].x0);
	}
	f.pitch = usual_pitch(rows, n, l->st->body);
	for (size_t i = 0; i < n;) {
		int level = heading_level(&f, i);
		bool ordered;
		unsigned v;

		if (level > 0)
			i = put_heading(&f, i, level);
		else if (item_mark(&f, i, &ordered, &v) > 0)
			i = put_list(&f, i);
		else
			i = put_para(&f, i);
	}
	buf_fini(&f.tmp);
}
