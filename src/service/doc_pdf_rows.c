/* SPDX-License-Identifier: Apache-2.0 */
/* Words into rows. */
#include "service/doc_pdf_rows.h"

#include "base/mem.h"

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

/* Words come in reading order: most pages and rows are sorted already. */
static void
sort(struct pdf_word *w, size_t n, int (*order)(const void *, const void *))
{
	for (size_t i = 1; i < n; i++)
		if (order(&w[i - 1], &w[i]) > 0) {
			qsort(w, n, sizeof *w, order);
			return;
		}
}

static void
row_finish(struct pdf_row *r)
{
	double most = 0;

	sort(r->w, r->n, by_left);
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

	sort(w, n, by_middle);
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
