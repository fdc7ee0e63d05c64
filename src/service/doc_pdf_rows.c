/* SPDX-License-Identifier: Apache-2.0 */
/* Words into rows, and what all pages that are read together have in common:
 * sizes of type and running lines at the top and bottom. */
#include "service/doc_pdf_rows.h"

#include <ctype.h>
#include <strings.h>

#include "base/mem.h"
#include "service/doc_charset.h"

enum {
	SIZES = 400,
	MARGIN_ROWS = 6
};

struct str
pdf_word_text(const struct pdf_page *p, const struct pdf_word *w)
{
	return (struct str){p->text.p + w->text, w->n};
}

static int
by_middle(const void *a, const void *b)
{
	const struct pdf_word *x = a, *y = b;
	double p = x->y0 + x->y1, q = y->y0 + y->y1;

	return p < q ? -1 : p > q ? 1 : x->x0 < y->x0 ? -1 : x->x0 > y->x0;
}

static int
by_left(const void *a, const void *b)
{
	const struct pdf_word *x = a, *y = b;

	return x->x0 < y->x0 ? -1 : x->x0 > y->x0;
}

static bool
same_row(const struct pdf_word *first, const struct pdf_word *w)
{
	double low = MAX_OF(first->y0, w->y0), high = MIN_OF(first->y1, w->y1);
	double h = MIN_OF(first->y1 - first->y0, w->y1 - w->y0);

	return high - low > 0.5 * h;
}

static void
row_finish(struct pdf_row *r)
{
	double most = 0;

	qsort(r->w, r->n, sizeof *r->w, by_left);
	*r = (struct pdf_row){r->w, r->n, r->w->x0, r->w->y0, r->w->x1,
	    r->w->y1, r->w->size, true};
	for (size_t i = 0; i < r->n; i++) {
		struct pdf_word *w = &r->w[i];

		r->x1 = MAX_OF(r->x1, w->x1);
		r->y0 = MIN_OF(r->y0, w->y0);
		r->y1 = MAX_OF(r->y1, w->y1);
		r->bold = r->bold && (w->style & DOC_BOLD) != 0;
		if (w->n > most) {
			most = w->n;
			r->size = w->size;
		}
		if (i > 0 && w->x0 - w[-1].x1 < 0.1 * w->size &&
		    w->x0 - w[-1].x1 > -0.5 * w->size)
			w->glued = true;
		else
			w->glued = false;
	}
}

size_t
pdf_rows_make(struct pdf_word *w, size_t n, struct pdf_row **rows)
{
	struct pdf_row *r = xcalloc(n + 1, sizeof *r);
	size_t made = 0;

	if (n > 1)
		qsort(w, n, sizeof *w, by_middle);
	for (size_t i = 0; i < n;) {
		size_t e = i + 1;

		while (e < n && same_row(&w[i], &w[e]))
			e++;
		r[made].w = w + i;
		r[made].n = e - i;
		row_finish(&r[made++]);
		i = e;
	}
	*rows = r;
	return made;
}

struct str
pdf_row_text(const struct pdf_page *p, const struct pdf_row *r, struct buf *b)
{
	buf_clear(b);
	for (size_t i = 0; i < r->n; i++) {
		if (i > 0 && !r->w[i].glued)
			buf_c(b, ' ');
		buf_str(b, pdf_word_text(p, &r->w[i]));
	}
	return buf_view(b);
}

/* --- running lines -------------------------------------------------- */

/* Digits become one '#', so that "Page 3" is like "Page 4". */
static void
pattern(struct str s, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n + 1 < cap; i++) {
		bool digit = isdigit((uint8_t)s.p[i]);

		if (digit && n > 0 && out[n - 1] == '#')
			continue;
		out[n++] = digit ? '#' : s.p[i];
	}
	out[n] = 0;
}

/* "Page 3 of 9", "- 3 -", "3/9", "iv". */
static bool
page_number(const char *p)
{
	bool number = false;

	while (*p != 0) {
		if (*p == '#') {
			number = true;
			p++;
		} else if (strncasecmp(p, "page", 4) == 0) {
			p += 4;
		} else if (strncasecmp(p, "of", 2) == 0) {
			p += 2;
		} else if (strchr(" -/|.()[]", *p) != NULL) {
			p++;
		} else {
			return false;
		}
	}
	return number;
}

static bool
in_margin(const struct pdf_page *p, const struct pdf_word *w)
{
	return w->y1 < 0.09 * p->height || w->y0 > 0.91 * p->height;
}

/* Rows in the margins of a page, made of copies of its words. */
static size_t
margin_rows(const struct pdf_page *p, struct pdf_word **copy,
    struct pdf_row **rows)
{
	size_t n, k = 0;
	const struct pdf_word *w = pdf_words(p, &n);

	*copy = xcalloc(n + 1, sizeof **copy);
	for (size_t i = 0; i < n; i++)
		if (in_margin(p, &w[i]))
			(*copy)[k++] = w[i];
	return pdf_rows_make(*copy, k, rows);
}

struct seen {
	char text[120];
	unsigned pages;
	bool shown;
};

static struct seen *
seen_find(struct pdf_styles *st, const char *text)
{
	struct seen *s = (struct seen *)(void *)st->margins.p;

	for (size_t i = 0; i < st->margins.n / sizeof *s; i++)
		if (strcmp(s[i].text, text) == 0)
			return &s[i];
	return NULL;
}

static void
learn_margins(struct pdf_styles *st, const struct pdf_page *p)
{
	struct pdf_word *copy;
	struct pdf_row *rows;
	struct buf b = BUF_INIT(65536);
	size_t n = margin_rows(p, &copy, &rows);

	for (size_t i = 0; i < n && st->margins.n < (1u << 19); i++) {
		struct seen fresh = {.pages = 1}, *old;

		pattern(pdf_row_text(p, &rows[i], &b), fresh.text,
		    sizeof fresh.text);
		old = seen_find(st, fresh.text);
		if (old != NULL)
			old->pages++;
		else
			buf_add(&st->margins, &fresh, sizeof fresh);
	}
	buf_fini(&b);
	free(copy);
	free(rows);
}

void
pdf_margins_drop(struct pdf_page *p, struct pdf_styles *st)
{
	struct pdf_word *copy, *w;
	struct pdf_row *rows;
	struct buf b = BUF_INIT(65536);
	size_t n = margin_rows(p, &copy, &rows), words;
	char text[120];

	w = pdf_words(p, &words);
	for (size_t i = 0; i < n; i++) {
		struct seen *s;
		bool drop;

		pattern(pdf_row_text(p, &rows[i], &b), text, sizeof text);
		s = seen_find(st, text);
		drop = page_number(text);
		if (!drop && s != NULL && s->pages > 1 &&
		    s->pages * 3 >= st->pages) {
			drop = s->shown;
			s->shown = true;
		}
		for (size_t k = 0; drop && k < words; k++)
			if (in_margin(p, &w[k]) && w[k].y0 < rows[i].y1 &&
			    w[k].y1 > rows[i].y0)
				w[k].n = 0;
	}
	buf_fini(&b);
	free(copy);
	free(rows);
}

/* --- sizes of type -------------------------------------------------- */

static void
count_sizes(const struct pdf_page *p, size_t counts[SIZES])
{
	size_t n;
	const struct pdf_word *w = pdf_words(p, &n);

	for (size_t i = 0; i < n; i++) {
		double s = w[i].size * 2 + 0.5;

		if (s >= 1 && s < (double)SIZES)
			counts[(size_t)s] += w[i].n;
	}
}

void
pdf_styles_learn(struct pdf_styles *st, const struct pdf_page *pages, size_t n)
{
	size_t counts[SIZES] = {0}, best = 0, k = 0;

	st->pages = (unsigned)n;
	for (size_t i = 0; i < n; i++) {
		count_sizes(&pages[i], counts);
		if (n > 1)
			learn_margins(st, &pages[i]);
	}
	for (size_t i = 1; i < SIZES; i++)
		if (counts[i] > counts[best])
			best = i;
	st->body = best > 0 ? (double)best / 2 : 11;
	for (size_t i = SIZES - 1; i > 0 && k < COUNT_OF(st->sizes); i--) {
		double s = (double)i / 2;

		if (counts[i] == 0 || s < st->body * 1.12)
			continue;
		if (k == 0 || s < st->sizes[k - 1] * 0.94)
			st->sizes[k++] = s;
	}
}
