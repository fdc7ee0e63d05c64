/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PDF: the document, its words and its pictures, from poppler-glib.
 *
 * poppler reads a page's content once for text, places and attributes
 * together; asking for all three costs little more than pdftotext. Characters
 * of (almost) the paper's colour are looked at on the drawn page and dropped
 * when nothing of them can be seen.
 */
#include "service/doc_pdf.h"

#include <math.h>
#include <poppler.h>

#include "base/mem.h"
#include "service/doc_charset.h"
#include "service/doc_pdf_page.h"
#include "service/doc_sniff.h"

enum {
	LOOK_DPI = 72,
	WORDS_MAX = 400000,
	SLOW_US = 2000000
};

struct pdf {
	PopplerDocument *doc;
	struct doc_limits limits;
	unsigned pages;
};

static int
refused(GError *e, struct err *err)
{
	enum err_code code = ERR_CORRUPT;

	if (g_error_matches(e, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED))
		code = ERR_ENCRYPTED;
	g_error_free(e);
	if (code == ERR_ENCRYPTED)
		return err_set(err, code, "the PDF needs a password");
	return err_set(err, code, "the PDF is damaged and cannot be opened");
}

struct pdf *
pdf_open(const void *p, size_t n, const struct doc_limits *limits,
    struct err *err)
{
	GError *e = NULL;
	GBytes *bytes = g_bytes_new_static(p, n);
	PopplerDocument *doc = poppler_document_new_from_bytes(bytes, NULL, &e);
	struct pdf *pdf;
	int pages;

	g_bytes_unref(bytes);
	if (doc == NULL) {
		refused(e, err);
		return NULL;
	}
	pages = poppler_document_get_n_pages(doc);
	if (pages <= 0 || (unsigned)pages > limits->pages) {
		g_object_unref(doc);
		if (pages <= 0)
			err_set(err, ERR_CORRUPT, "the PDF has no pages");
		else
			err_set(err, ERR_LIMIT,
			    "the PDF has %d pages; the limit is %u", pages,
			    limits->pages);
		return NULL;
	}
	pdf = xcalloc(1, sizeof *pdf);
	*pdf = (struct pdf){doc, *limits, (unsigned)pages};
	return pdf;
}

void
pdf_close(struct pdf *pdf)
{
	if (pdf == NULL)
		return;
	g_object_unref(pdf->doc);
	free(pdf);
}

unsigned
pdf_pages(const struct pdf *pdf)
{
	return pdf->pages;
}

static void
meta_text(struct doc *d, const char *key, char *value)
{
	if (value != NULL)
		doc_meta(d, key, str_of(value));
	g_free(value);
}

static void
meta_time(struct doc *d, const char *key, GDateTime *when)
{
	if (when == NULL)
		return;
	meta_text(d, key, g_date_time_format(when, "%Y-%m-%dT%H:%M:%S%:z"));
	g_date_time_unref(when);
}

void
pdf_meta(struct pdf *pdf, struct doc *d)
{
	PopplerDocument *p = pdf->doc;

	meta_text(d, "title", poppler_document_get_title(p));
	meta_text(d, "author", poppler_document_get_author(p));
	meta_text(d, "subject", poppler_document_get_subject(p));
	meta_text(d, "keywords", poppler_document_get_keywords(p));
	meta_time(d, "created", poppler_document_get_creation_date_time(p));
	meta_time(d, "modified",
	    poppler_document_get_modification_date_time(p));
}

/* --- words ------------------------------------------------------------ */

struct words {
	struct pdf_page *page;
	GList *attr; /* the run that the current character is in */
	struct pdf_word w;
	bool open;
	uint8_t style;    /* of the run, looked up once */
	bool pale;        /* of (almost) the paper's colour */
	struct buf pales; /* bool per word */
	size_t chars, strange;
};

static uint8_t
style_of(const PopplerTextAttributes *a)
{
	const char *f = a->font_name != NULL ? a->font_name : "";
	uint8_t s = DOC_PLAIN;

	if (strcasestr(f, "bold") != NULL || strcasestr(f, "black") != NULL ||
	    strcasestr(f, "heavy") != NULL || strcasestr(f, "semibd") != NULL)
		s |= DOC_BOLD;
	if (strcasestr(f, "italic") != NULL || strcasestr(f, "oblique") != NULL)
		s |= DOC_ITALIC;
	return s;
}

static bool
pale(const PopplerColor *c)
{
	return c->red > 60000 && c->green > 60000 && c->blue > 60000;
}

static void
word_end(struct words *ws)
{
	bool p = ws->pale;

	if (!ws->open)
		return;
	ws->open = false;
	if (ws->w.n == 0 || ws->w.x1 <= ws->w.x0 ||
	    ws->page->words.n / sizeof ws->w >= WORDS_MAX)
		return;
	buf_add(&ws->page->words, &ws->w, sizeof ws->w);
	buf_add(&ws->pales, &p, sizeof p);
}

static void
word_start(struct words *ws, const PopplerRectangle *r)
{
	const PopplerTextAttributes *a = ws->attr != NULL ? ws->attr->data
							  : NULL;

	ws->w = (struct pdf_word){.x0 = r->x1,
	    .y0 = r->y1,
	    .x1 = r->x2,
	    .y1 = r->y2,
	    .size = a != NULL ? a->font_size : r->y2 - r->y1,
	    .text = (uint32_t)ws->page->text.n,
	    .style = ws->style};
	ws->pale = a != NULL && pale(&a->color);
	ws->open = true;
}

static bool
put_char(struct buf *out, uint32_t c)
{
	static const char *const ligatures[] = {"ff", "fi", "fl", "ffi", "ffl",
	    "st", "st"};

	if (c < 0x80)
		return buf_c(out, (char)c);
	if (c >= 0xfb00 && c <= 0xfb06)
		return buf_z(out, ligatures[c - 0xfb00]);
	return charset_put(out, c);
}

static void
word_char(struct words *ws, uint32_t c, const PopplerRectangle *r)
{
	size_t was;

	if (!ws->open)
		word_start(ws, r);
	ws->w.x0 = MIN_OF(ws->w.x0, r->x1);
	ws->w.x1 = MAX_OF(ws->w.x1, r->x2);
	ws->w.y0 = MIN_OF(ws->w.y0, r->y1);
	ws->w.y1 = MAX_OF(ws->w.y1, r->y2);
	was = ws->page->text.n;
	put_char(&ws->page->text, c);
	ws->w.n += (uint32_t)(ws->page->text.n - was);
	ws->chars++;
	ws->strange += c == 0xfffd || c < 0x20 || (c >= 0x80 && c < 0xa0) ||
	    (c >= 0xe000 && c < 0xf000) || (c >= 0xf100 && c < 0xf900);
}

/* Which way most of the text runs: 0 right, 1 down, 2 left, 3 up. */
static int
direction(const PopplerRectangle *r, unsigned n)
{
	size_t votes[4] = {0}, best = 0;

	for (unsigned i = 1; i < n; i++) {
		double dx = r[i].x1 + r[i].x2 - r[i - 1].x1 - r[i - 1].x2,
		       dy = r[i].y1 + r[i].y2 - r[i - 1].y1 - r[i - 1].y2,
		       ax = dx < 0 ? -dx : dx, ay = dy < 0 ? -dy : dy;

		if (ax + ay < 80 && ax > 4 * ay)
			votes[dx > 0 ? 0 : 2]++;
		else if (ax + ay < 80 && ay > 4 * ax)
			votes[dy > 0 ? 1 : 3]++;
	}
	for (size_t i = 1; i < 4; i++)
		if (votes[i] > 2 * votes[best])
			best = i;
	return (int)best;
}

/* Turns the page so that its text runs to the right. */
static void
turn(struct pdf_page *pg, PopplerRectangle *r, unsigned n, int way)
{
	double w = pg->width, h = pg->height;

	for (unsigned i = 0; i < n && way != 0; i++) {
		PopplerRectangle o = r[i];

		if (way == 1)
			r[i] = (PopplerRectangle){o.y1, w - o.x2, o.y2,
			    w - o.x1};
		else if (way == 2)
			r[i] = (PopplerRectangle){w - o.x2, h - o.y2, w - o.x1,
			    h - o.y1};
		else
			r[i] = (PopplerRectangle){h - o.y2, o.x1, h - o.y1,
			    o.x2};
	}
	if (way == 1 || way == 3) {
		pg->width = h;
		pg->height = w;
	}
	pg->turned = way;
}

/* Poppler puts nothing between the last word of a line in one column and the
 * first of the next column: only the places tell. */
static bool
apart(const struct pdf_word *w, const PopplerRectangle *r)
{
	double em = MAX_OF(w->size, 2), mid = (r->y1 + r->y2) / 2;

	if (mid < w->y0 - em || mid > w->y1 + em)
		return true;
	if (mid < w->y0 || mid > w->y1) /* a letter of upright text is near */
		return r->x1 > w->x1 + 0.1 * em || r->x2 < w->x0 - 0.1 * em;
	return r->x1 > w->x1 + 0.3 * em || r->x1 < w->x0 - 0.3 * em;
}

/* charset_next(), without a call for most characters. */
static uint32_t
next_char(struct str text, size_t *at)
{
	uint8_t b = (uint8_t)text.p[*at];

	if (b >= 0x80)
		return charset_next(text, at);
	(*at)++;
	return b;
}

static void
words_scan(struct words *ws, struct str text, const PopplerRectangle *r,
    unsigned rects)
{
	size_t at = 0;

	/* Room for words of six letters: one allocation for most pages. */
	(void)!buf_room(&ws->page->words,
	    MIN_OF(text.n / 6 + 8, (size_t)WORDS_MAX) * sizeof ws->w);
	(void)!buf_room(&ws->page->text, MIN_OF(text.n, (size_t)1 << 20));
	for (unsigned i = 0; at < text.n && i < rects; i++) {
		uint32_t c = next_char(text, &at);
		const PopplerTextAttributes *a;

		if (c == ' ' || c == '\n' || c == 0xa0) {
			word_end(ws);
			continue;
		}
		while (ws->attr != NULL && ws->attr->next != NULL &&
		    ((const PopplerTextAttributes *)ws->attr->data)->end_index <
			(int)i) {
			ws->attr = ws->attr->next;
			a = ws->attr->data;
			ws->style = style_of(a);
			if (ws->open && ws->style != ws->w.style) {
				word_end(ws);
				word_start(ws, &r[i]);
				ws->w.glued = true;
			}
		}
		if (ws->open && apart(&ws->w, &r[i]))
			word_end(ws);
		word_char(ws, c, &r[i]);
	}
	word_end(ws);
}

/* Is there anything to see in this part of the drawn page? */
static bool
shows(const struct pdf_picture *im, const struct pdf_word *w)
{
	double k = (double)LOOK_DPI / 72.0;
	int x0 = (int)(MAX_OF(w->x0, 0.0) * k),
	    y0 = (int)(MAX_OF(w->y0, 0.0) * k);
	int x1 = (int)MIN_OF(ceil(w->x1 * k), (double)im->width);
	int y1 = (int)MIN_OF(ceil(w->y1 * k), (double)im->height);
	int lo = 255, hi = 0;

	for (int y = y0; y < y1; y++)
		for (int x = x0; x < x1; x++) {
			int v = im->grey[(size_t)y * im->stride + (size_t)x];

			lo = MIN_OF(lo, v);
			hi = MAX_OF(hi, v);
		}
	return hi - lo > 40;
}

/* Drops pale words that cannot be seen. */
static void
drop_unseen(struct pdf *pdf, unsigned number, struct words *ws)
{
	size_t n, kept = 0;
	struct pdf_word *w = pdf_words(ws->page, &n);
	const bool *is_pale = (const bool *)ws->pales.p;
	struct pdf_picture im;

	if (n == 0 || is_pale == NULL || ws->page->turned != 0 ||
	    memchr(is_pale, 1, n) == NULL ||
	    pdf_render_page(pdf, number, LOOK_DPI, pdf->limits.pixels, &im,
		NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (!is_pale[i] || shows(&im, &w[i]))
			w[kept++] = w[i];
	ws->page->words.n = kept * sizeof *w;
	free(im.grey);
}

/* Text that is not in the page's content: what a form was filled with. */
static void
extra_word(struct pdf_page *pg, PopplerRectangle r, const char *z)
{
	struct pdf_word w = {.x0 = r.x1 + 2, .x1 = r.x2};
	double h = r.y2 - r.y1;

	if (z == NULL || *z == 0)
		return;
	w.size = MIN_OF(h * 0.7, 12.0);
	w.y0 = pg->height - r.y2 + (h > 24 ? 2 : (h - w.size) / 2);
	w.y1 = w.y0 + w.size;
	w.text = (uint32_t)pg->text.n;
	buf_z(&pg->text, z);
	w.n = (uint32_t)(pg->text.n - w.text);
	w.x1 = MIN_OF(w.x1, w.x0 + 0.5 * w.size * (double)w.n);
	buf_add(&pg->words, &w, sizeof w);
}

static void
field(struct pdf_page *pg, const PopplerFormFieldMapping *m)
{
	char *z = NULL;

	switch (poppler_form_field_get_field_type(m->field)) {
	case POPPLER_FORM_FIELD_TEXT:
		if (!poppler_form_field_text_is_password(m->field))
			z = poppler_form_field_text_get_text(m->field);
		break;
	case POPPLER_FORM_FIELD_CHOICE:
		if (poppler_form_field_choice_is_editable(m->field))
			z = poppler_form_field_choice_get_text(m->field);
		for (int i = 0; z == NULL &&
		     i < poppler_form_field_choice_get_n_items(m->field);
		     i++)
			if (poppler_form_field_choice_is_item_selected(m->field,
				i))
				z = poppler_form_field_choice_get_item(m->field,
				    i);
		break;
	case POPPLER_FORM_FIELD_BUTTON:
		if (poppler_form_field_button_get_button_type(m->field) !=
			POPPLER_FORM_BUTTON_PUSH &&
		    poppler_form_field_button_get_state(m->field))
			z = g_strdup("\xe2\x98\x92");
		break;
	case POPPLER_FORM_FIELD_UNKNOWN:
	case POPPLER_FORM_FIELD_SIGNATURE:
		break;
	}
	extra_word(pg, m->area, z);
	g_free(z);
}

static void
forms_and_notes(PopplerPage *pp, struct pdf_page *pg)
{
	GList *l = poppler_page_get_form_field_mapping(pp);

	for (GList *i = l; i != NULL; i = i->next)
		field(pg, i->data);
	poppler_page_free_form_field_mapping(l);
	l = poppler_page_get_annot_mapping(pp);
	for (GList *i = l; i != NULL; i = i->next) {
		PopplerAnnotMapping *m = i->data;
		char *z = NULL;

		if (poppler_annot_get_annot_type(m->annot) ==
		    POPPLER_ANNOT_FREE_TEXT)
			z = poppler_annot_get_contents(m->annot);
		extra_word(pg, m->area, z);
		g_free(z);
	}
	poppler_page_free_annot_mapping(l);
}

static void
links(PopplerPage *pp, struct pdf_page *pg)
{
	GList *l = poppler_page_get_link_mapping(pp);
	size_t n;
	struct pdf_word *w = pdf_words(pg, &n);
	uint16_t id = 0;

	for (GList *i = l; i != NULL && id < 2000; i = i->next) {
		const PopplerLinkMapping *m = i->data;
		double top = pg->height - m->area.y2,
		       bottom = pg->height - m->area.y1;

		if (m->action->type != POPPLER_ACTION_URI ||
		    m->action->uri.uri == NULL)
			continue;
		id++;
		buf_add(&pg->links, m->action->uri.uri,
		    strlen(m->action->uri.uri) + 1);
		for (size_t k = 0; k < n; k++) {
			double x = (w[k].x0 + w[k].x1) / 2,
			       y = (w[k].y0 + w[k].y1) / 2;

			if (x > m->area.x1 && x < m->area.x2 && y > top &&
			    y < bottom)
				w[k].link = id;
		}
	}
	poppler_page_free_link_mapping(l);
}

/* The share of the page that is covered by its largest image. */
static double
image_share(PopplerPage *pp, const struct pdf_page *pg)
{
	GList *l = poppler_page_get_image_mapping(pp);
	double most = 0, all = pg->width * pg->height;

	for (GList *i = l; i != NULL; i = i->next) {
		const PopplerImageMapping *m = i->data;
		double a = (m->area.x2 - m->area.x1) *
		    (m->area.y2 - m->area.y1);

		most = MAX_OF(most, a < 0 ? -a : a);
	}
	poppler_page_free_image_mapping(l);
	return all > 0 ? most / all : 0;
}

static int64_t
now_us(void)
{
	return g_get_monotonic_time();
}

static void
page_load(struct pdf *pdf, unsigned number, struct pdf_page *pg)
{
	PopplerPage *pp = poppler_document_get_page(pdf->doc, (int)number - 1);
	struct words ws = {.page = pg, .pales = BUF_INIT(WORDS_MAX)};
	PopplerRectangle *rects = NULL;
	GList *attrs;
	guint n = 0;
	char *text;
	int64_t start = now_us();

	*pg = (struct pdf_page){.text = BUF_INIT(pdf->limits.text_bytes),
	    .words = BUF_INIT(WORDS_MAX * sizeof(struct pdf_word) + 4096),
	    .links = BUF_INIT(1 << 20)};
	if (pp == NULL) {
		pg->blank = true;
		return;
	}
	poppler_page_get_size(pp, &pg->width, &pg->height);
	text = poppler_page_get_text(pp);
	attrs = poppler_page_get_text_attributes(pp);
	ws.attr = attrs;
	ws.style = attrs != NULL ? style_of(attrs->data) : DOC_PLAIN;
	if (text != NULL && poppler_page_get_text_layout(pp, &rects, &n)) {
		turn(pg, rects, n, direction(rects, n));
		words_scan(&ws, str_of(text), rects, n);
	}
	g_free(text);
	g_free(rects);
	poppler_page_free_text_attributes(attrs);
	drop_unseen(pdf, number, &ws);
	buf_fini(&ws.pales);
	if (pg->turned == 0) {
		forms_and_notes(pp, pg);
		links(pp, pg);
	}
	pg->picture = ws.strange * 10 > ws.chars * 3 && ws.chars > 0;
	/* Looking for images costs as much again: not for a bomb. */
	if (ws.chars < 80 && !pg->picture && now_us() - start < SLOW_US) {
		double share = image_share(pp, pg);

		pg->picture = share > 0.4 || (pg->words.n == 0 && share > 0.02);
		pg->blank = pg->words.n == 0 && !pg->picture;
	}
	g_object_unref(pp);
	pg->us = now_us() - start;
}

static void
page_fini(struct pdf_page *pg)
{
	buf_fini(&pg->text);
	buf_fini(&pg->words);
	buf_fini(&pg->links);
}

static int
page_put(struct pdf *pdf, unsigned number, struct pdf_page *pg,
    struct pdf_styles *st, struct doc *d, const struct pdf_hooks *hooks,
    struct err *err)
{
	int64_t start = now_us();

	doc_page(d, number, STR(""));
	if (pg->picture && hooks->on_picture != NULL)
		return hooks->on_picture(hooks->user, pdf, number, d, err);
	if (pg->picture) {
		doc_page_read(d, DOC_METHOD_NONE, 0, pg->us,
		    STR("no usable text layer"));
		return 0;
	}
	if (pg->blank) {
		doc_page_read(d, DOC_METHOD_NONE, 0, pg->us, STR("blank page"));
		return 0;
	}
	pdf_layout(pg, st, d);
	doc_page_read(d, DOC_METHOD_TEXT, 1, pg->us + now_us() - start,
	    STR(""));
	return doc_failed(d, err);
}

int
pdf_range(const struct pdf *pdf, unsigned *first, unsigned *last,
    struct err *err)
{
	*first = MAX_OF(*first, 1u);
	*last = *last == 0 ? pdf->pages : MIN_OF(*last, pdf->pages);
	if (*first > *last)
		return err_set(err, ERR_INVALID, "the PDF has %u pages",
		    pdf->pages);
	return 0;
}

static void
pages_load(struct pdf *pdf, unsigned first, struct pdf_page *pages, size_t n,
    bool lines, struct pdf_styles *st)
{
	for (size_t i = 0; i < n; i++) {
		page_load(pdf, first + (unsigned)i, &pages[i]);
		pdf_styles_learn(st, &pages[i], lines);
	}
}

int
pdf_read(struct pdf *pdf, unsigned first, unsigned last, struct doc *d,
    const struct pdf_hooks *hooks, struct err *err)
{
	static const struct pdf_hooks none;
	const struct pdf_hooks *h = hooks != NULL ? hooks : &none;
	struct pdf_styles st;
	struct pdf_page *pages;
	size_t n;
	int rc = 0;

	if (pdf_range(pdf, &first, &last, err) != 0)
		return -1;
	n = last - first + 1;
	pages = xcalloc(n, sizeof *pages);
	pdf_styles_init(&st);
	pages_load(pdf, first, pages, n, n > 1 || h->on_styles != NULL, &st);
	if (h->on_styles != NULL)
		rc = h->on_styles(h->user, &st, err);
	pdf_styles_conclude(&st);
	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			rc = page_put(pdf, first + (unsigned)i, &pages[i], &st,
			    d, h, err);
		page_fini(&pages[i]);
	}
	free(pages);
	pdf_styles_fini(&st);
	return rc;
}

int
pdf_render_page(struct pdf *pdf, unsigned page, int dpi, size_t pixels,
    struct pdf_picture *out, struct err *err)
{
	PopplerPage *pp = poppler_document_get_page(pdf->doc, (int)page - 1);
	double w, h, k = dpi / 72.0;
	cairo_surface_t *s;
	cairo_t *cr;
	const uint8_t *px;
	size_t stride;

	if (pp == NULL)
		return err_set(err, ERR_CORRUPT, "page %u cannot be opened",
		    page);
	poppler_page_get_size(pp, &w, &h);
	w = w * k + 0.5;
	h = h * k + 0.5;
	if (!(w >= 1 && h >= 1) || w > 32000 || h > 32000 ||
	    w * h > (double)pixels) {
		g_object_unref(pp);
		return err_set(err, ERR_LIMIT,
		    "page %u is too large to be drawn at %d dpi", page, dpi);
	}
	*out = (struct pdf_picture){(unsigned)w, (unsigned)h, (unsigned)w,
	    NULL};
	s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)w, (int)h);
	cr = cairo_create(s);
	cairo_set_source_rgb(cr, 1, 1, 1);
	cairo_paint(cr);
	cairo_scale(cr, k, k);
	poppler_page_render_for_printing(pp, cr);
	cairo_destroy(cr);
	cairo_surface_flush(s);
	px = cairo_image_surface_get_data(s);
	stride = (size_t)cairo_image_surface_get_stride(s);
	out->grey = malloc((size_t)out->width * out->height);
	for (size_t y = 0; out->grey != NULL && px != NULL && y < out->height;
	     y++)
		for (size_t x = 0; x < out->width; x++) {
			const uint8_t *c = px + y * stride + 4 * x;

			out->grey[y * out->stride + x] =
			    (uint8_t)((c[0] * 29u + c[1] * 150u + c[2] * 77u) >>
				8);
		}
	cairo_surface_destroy(s);
	g_object_unref(pp);
	if (out->grey == NULL || px == NULL) {
		free(out->grey);
		out->grey = NULL;
		return err_set(err, ERR_NOMEM, "no memory to draw page %u",
		    page);
	}
	return 0;
}

static int
pdf_sniff(const struct doc_in *in)
{
	if (sniff_starts(in, "%PDF-", 5))
		return 96;
	return memmem(in->p, MIN_OF(in->n, (size_t)1024), "%PDF-", 5) != NULL
	    ? 70
	    : 0;
}

static int
pdf_read_all(const struct doc_in *in, struct doc *d, struct err *err)
{
	struct pdf *pdf = pdf_open(in->p, in->n, in->limits, err);
	int rc;

	if (pdf == NULL)
		return -1;
	pdf_meta(pdf, d);
	rc = pdf_read(pdf, in->first, in->last, d, NULL, err);
	pdf_close(pdf);
	return rc;
}

const struct doc_format doc_format_pdf = {
    .name = "pdf",
    .mime = "application/pdf",
    .sniff = pdf_sniff,
    .read = pdf_read_all,
};
