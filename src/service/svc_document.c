/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document-processing: any supported file to Markdown and plain text.
 *
 * The first cell reads everything that needs no OCR. Pages that turn out to be
 * pictures are named in FRAME_SPLIT, and each is read by a cell of its own, as
 * many at once as there are cores.
 */
#include "service/doc.h"
#include "service/doc_image.h"
#include "service/doc_pdf.h"
#include "service/doc_pdf_styles.h"
#include "service/ocr_bank.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

enum {
	META_MAX = 8 * 1024,
	RENDER_DPI = 300,
	/* With fewer pages or bytes it is read before help is there. */
	SHARE_LEAST = 8,
	SHARE_BYTES = 20 * 1024,
};

/* What the warm parent has. */
struct warm {
	struct ocr_bank *bank; /* NULL: no OCR here */
	struct err why;        /* ... and why not */
	struct pdf_warm *pdf;
};

struct work {
	const struct service_doc *doc;
	const struct ocr_bank *bank; /* NULL: no OCR here */
	const struct doc_format *fmt;
	struct frame_out *out;
	struct ocr *ocr; /* reads pictures in this cell; NULL: others do */
	unsigned pages;  /* of all cells together; 0: only this one */
	bool shared;     /* other cells read pages, and have said: */
	size_t pictures; /* how many pages of all need OCR */
};

static const char test_doc[] =
    "Hearth\tself-test\nThe quick brown fox, 42 pounds.\n";

static void
send_about(const struct work *w, const struct doc *d)
{
	struct frame_out *out = w->out;
	struct str key;
	struct str value;

	frame_begin(out, FRAME_FORMAT);
	frame_put_str(out, str_of(w->fmt->name));
	frame_put_str(out, str_of(w->fmt->mime));
	frame_put_u32(out, MAX_OF(w->pages, (uint32_t)doc_pages(d)));
	frame_close(out);
	for (size_t i = 0; doc_meta_at(d, i, &key, &value); i++) {
		if (value.n > META_MAX || key.n > META_MAX)
			continue;
		frame_begin(out, FRAME_META);
		frame_put_str(out, key);
		frame_put_str(out, value);
		frame_close(out);
	}
}

static int
send_text(const struct doc *d, uint32_t page, struct frame_out *out,
    struct err *err)
{
	struct buf b = BUF_INIT(2 * doc_default_limits.text_bytes);
	bool fits = doc_markdown(d, page, &b);

	if (fits)
		frame_send_chunks(out, FRAME_MARKDOWN, page, buf_view(&b));
	buf_clear(&b);
	fits = fits && doc_plain(d, page, &b);
	if (fits)
		frame_send_chunks(out, FRAME_PLAIN, page, buf_view(&b));
	buf_fini(&b);
	return fits ? 0 : err_set(err, ERR_LIMIT, "the text is too large");
}

static void
send_page(const struct doc_page_info *p, struct frame_out *out)
{
	frame_send_page(out,
	    &(struct frame_page){
		.number = p->number,
		.method = p->method == DOC_METHOD_TEXT ? FRAME_METHOD_TEXT
		    : p->method == DOC_METHOD_OCR      ? FRAME_METHOD_OCR
						       : FRAME_METHOD_NONE,
		.confidence = p->method == DOC_METHOD_NONE ? -1 : p->confidence,
		.us = p->us,
		.problem = p->problem,
	    });
}

/* A page that had no text to take: OCR may read it. */
static bool
wants_ocr(const struct doc_page_info *p)
{
	return p->method == DOC_METHOD_NONE && p->problem.n > 0 &&
	    !str_eqz(p->problem, "blank page");
}

static size_t
how_many_want_ocr(const struct doc *d)
{
	struct doc_page_info p;
	size_t n = 0;

	for (size_t i = 0; i < doc_pages(d); i++) {
		doc_page_info(d, i, &p);
		n += wants_ocr(&p);
	}
	return n;
}

/* All of it, or page by page when some pages go to other cells. */
static int
send_doc(const struct work *w, const struct doc *d, struct err *err)
{
	bool single = w->doc->job->single;
	bool split = !single && w->bank != NULL &&
	    (w->pictures > 0 || how_many_want_ocr(d) > 0);
	struct frame_out *out = w->out;
	struct doc_page_info p;

	send_about(w, d);
	for (size_t i = 0; i < doc_pages(d); i++) {
		doc_page_info(d, i, &p);
		if (split && wants_ocr(&p)) {
			frame_begin(out, FRAME_SPLIT);
			frame_put_u32(out, p.number);
			frame_close(out);
			continue;
		}
		send_page(&p, out);
		if ((single || split) && send_text(d, p.number, out, err) != 0)
			return -1;
	}
	return single || split ? 0 : send_text(d, 0, out, err);
}

/* A page of a PDF that is a picture. */
static int
read_picture(void *user, struct pdf *pdf, unsigned page, struct doc *d,
    struct err *err)
{
	const struct work *w = user;
	struct pdf_picture pic;
	struct image *im;
	int rc;

	if (pdf_render_page(pdf, page, RENDER_DPI, doc_default_limits.pixels,
		&pic, err))
		return -1;
	im = image_from_grey(pic.width, pic.height, pic.stride, pic.grey,
	    RENDER_DPI, err);
	free(pic.grey);
	if (im == NULL)
		return -1;
	rc = doc_image_read(d, w->ocr, im, err);
	image_free(im);
	return rc;
}

/* --- pages shared with other cells ------------------------------------- */

static int
broken(struct err *err)
{
	return err_set(err, ERR_INTERNAL, "the answer makes no sense");
}

/* Offers the pages; what is left to this cell comes back. */
static int
offer_pages(struct work *w, unsigned *first, unsigned *last, struct err *err)
{
	struct buf b = BUF_INIT(FRAME_HEAD + FRAME_MAX);
	unsigned had = *last, from = *first;
	struct frame f;
	struct frame_cur c;
	int rc;

	w->pages = *last - *first + 1;
	frame_begin(w->out, FRAME_SHARE);
	frame_put_u32(w->out, *first);
	frame_put_u32(w->out, *last);
	frame_close(w->out);
	rc = frame_ask(w->out, FRAME_SHARE, &b, &f, err);
	if (rc == 0) {
		c = frame_open(&f);
		*first = frame_u32(&c);
		*last = frame_u32(&c);
		if (!frame_done(&c) || *first != from || *last < from ||
		    *last > had)
			rc = broken(err);
	}
	buf_fini(&b);
	return rc;
}

/* Tells what these pages taught, and learns what all of them did. */
static int
exchange_styles(void *user, struct pdf_styles *st, struct err *err)
{
	struct work *w = user;
	struct buf b = BUF_INIT(FRAME_HEAD + FRAME_MAX);
	struct frame f;
	struct frame_cur c;
	int rc;

	pdf_styles_send(st, w->out);
	rc = frame_ask(w->out, FRAME_STYLES, &b, &f, err);
	if (rc == 0) {
		c = frame_open(&f);
		rc = pdf_styles_get(st, &c) ? 0 : broken(err);
		w->shared = true;
		w->pages = st->pages;
		w->pictures = st->pictures;
	}
	buf_fini(&b);
	return rc;
}

static int
read_pages(struct work *w, struct pdf *pdf, struct doc *d, struct err *err)
{
	const struct service_job *job = w->doc->job;
	unsigned first = job->first, last = job->last, end;
	bool part = job->part;

	if (pdf_range(pdf, &first, &last, err) != 0)
		return -1;
	end = last;
	if (job->share && last - first + 1 >= SHARE_LEAST &&
	    w->doc->n >= SHARE_BYTES && offer_pages(w, &first, &last, err) != 0)
		return -1;
	part = part || last != end;
	return pdf_read(pdf, first, last, d,
	    &(struct pdf_hooks){
		.on_picture = w->ocr != NULL ? read_picture : NULL,
		.on_styles = part ? exchange_styles : NULL,
		.user = w,
	    },
	    err);
}

static int
read_pdf(struct work *w, const struct doc_in *in, struct doc *d,
    struct err *err)
{
	struct pdf *pdf = pdf_open(in->p, in->n, in->limits, err);
	int rc;

	if (pdf == NULL)
		return -1;
	if (!w->doc->job->single && !w->doc->job->part)
		pdf_meta(pdf, d);
	rc = read_pages(w, pdf, d, err);
	pdf_close(pdf);
	return rc;
}

static int
read_doc(struct work *w, struct doc *d, struct err *err)
{
	const struct service_doc *doc = w->doc;
	enum image_kind kind = image_kind_of(doc->p, doc->n);
	/* A picture with one page is read at once, here. */
	bool ocr = w->bank != NULL &&
	    (doc->job->single || (kind != IMAGE_NONE && kind != IMAGE_TIFF));
	struct doc_in in = {.p = doc->p,
	    .n = doc->n,
	    .name = str_of(doc->job->name),
	    .mime = str_of(doc->job->mime),
	    .first = doc->job->first,
	    .last = doc->job->last,
	    .limits = &doc_default_limits,
	    .ocr = ocr ? ocr_bank_get(w->bank, doc->job) : NULL};
	int rc;

	w->ocr = in.ocr;
	w->fmt = doc_sniff(&in, err);
	if (w->fmt == NULL)
		return -1;
	if (w->fmt == &doc_format_pdf)
		rc = read_pdf(w, &in, d, err);
	else
		rc = w->fmt->read(&in, d, err);
	return rc == 0 ? doc_failed(d, err) : -1;
}

static bool
nothing_but_pictures(const struct work *w, const struct doc *d)
{
	if (w->shared)
		return w->pictures == w->pages;
	return doc_pages(d) > 0 && how_many_want_ocr(d) == doc_pages(d);
}

static int
document_run(void *state, const struct service_doc *doc, struct frame_out *out,
    struct err *err)
{
	const struct warm *warm = state;
	struct work w = {.doc = doc, .bank = warm->bank, .out = out};
	struct doc *d = doc_new(&doc_default_limits);
	int rc = read_doc(&w, d, err);

	/* Nothing but pictures and no way to read them is no result. */
	if (rc == 0 && w.bank == NULL && nothing_but_pictures(&w, d))
		rc = err_set(err, ERR_UNAVAILABLE,
		    "it is a picture, and pictures cannot be read here: %s",
		    warm->why.msg);
	if (rc == 0)
		rc = send_doc(&w, d, err);
	doc_free(d);
	return rc;
}

/* Without OCR (no language data) text is still read; pages that are pictures
 * are named as unread. */
static int
document_warm(void **state, struct err *err)
{
	struct warm *warm = xcalloc(1, sizeof(*warm));

	warm->bank = ocr_bank_new(&warm->why);
	if (warm->bank == NULL)
		log_warn("service", "pictures will not be read: %s",
		    warm->why.msg);
	*state = warm;
	warm->pdf = pdf_warm_new(err);
	return warm->pdf != NULL ? 0 : -1;
}

static int
document_prepare(void *state, const struct service_job *job, struct err *err)
{
	const struct warm *warm = state;

	return warm->bank != NULL ? ocr_bank_prepare(warm->bank, job, err) : 0;
}

static const char *const document_methods[] = {"hybrid", "text", "tesseract",
    NULL};

extern const struct service svc_document;
const struct service svc_document = {
    .name = "document-processing",
    .summary = "Reads documents (PDF, office, mail, web, text, images) and "
	       "answers with Markdown and plain text.",
    .methods = document_methods,
    .warm = document_warm,
    .prepare = document_prepare,
    .run = document_run,
    .test_doc = (const uint8_t *)test_doc,
    .test_doc_n = sizeof(test_doc) - 1,
    .test_name = "self-test.txt",
    .test_text = "quick brown fox",
};
