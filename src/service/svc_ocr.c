/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vision-ocr: page images and PDFs to text, words with boxes, hOCR and
 * searchable PDF. Every page is read as a picture, also where a PDF has a text
 * layer: that is what document-processing is for.
 *
 * A file of several pages is only counted by the first cell; each page is then
 * read by a cell of its own, as many at once as there are cores.
 */
#include "service/doc.h"
#include "service/doc_pdf.h"
#include "service/hocr.h"
#include "service/ocr_bank.h"
#include "service/pdf_out.h"

#include "base/mem.h"

enum {
	RENDER_DPI = 300,
	WORDS_PER_FRAME = 500,
	WORD_MAX = 512,
	PAGE_TEXT_MAX = 32 * 1024 * 1024,
	PAGE_PDF_MAX = 64 * 1024 * 1024,
};

/* "Hearth reads 42": 420 x 70 black on white, 300 dpi, PNG. */
static const uint8_t test_doc[] = {0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a,
    0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x01,
    0xa4, 0x00, 0x00, 0x00, 0x46, 0x01, 0x00, 0x00, 0x00, 0x00, 0xab, 0xcc,
    0xdd, 0xa5, 0x00, 0x00, 0x00, 0x09, 0x70, 0x48, 0x59, 0x73, 0x00, 0x00,
    0x2e, 0x23, 0x00, 0x00, 0x2e, 0x23, 0x01, 0x78, 0xa5, 0x3f, 0x76, 0x00,
    0x00, 0x01, 0xc4, 0x49, 0x44, 0x41, 0x54, 0x48, 0x89, 0xed, 0xd5, 0x31,
    0x8e, 0xab, 0x30, 0x10, 0x06, 0xe0, 0x41, 0x14, 0x29, 0x7d, 0x04, 0x8e,
    0x92, 0x22, 0xf7, 0x5a, 0x47, 0x4a, 0x41, 0xc9, 0x11, 0xf6, 0x2a, 0x44,
    0x7e, 0x7a, 0xb9, 0x86, 0xa3, 0x14, 0xdb, 0xda, 0x9d, 0x0b, 0xcb, 0xb3,
    0xff, 0x60, 0xf2, 0x16, 0x88, 0xd1, 0x13, 0x29, 0xb6, 0x02, 0xa5, 0xe1,
    0x8f, 0x3f, 0x62, 0xcf, 0x18, 0x87, 0xf8, 0x8d, 0xcb, 0xd1, 0xae, 0x76,
    0xb5, 0xab, 0xdf, 0x53, 0x7e, 0x7e, 0x6b, 0xd6, 0x94, 0xe3, 0x78, 0xfc,
    0x9f, 0xba, 0x70, 0xaf, 0xd6, 0x95, 0x5f, 0x51, 0x75, 0xa2, 0x7a, 0xb3,
    0x4a, 0x50, 0xd5, 0x3b, 0x4a, 0xf5, 0x9b, 0x55, 0xac, 0x93, 0x76, 0x7a,
    0xb3, 0x3a, 0x31, 0x87, 0xcd, 0x2a, 0x98, 0x77, 0x94, 0x2b, 0xab, 0x58,
    0x71, 0xa8, 0xd8, 0xf7, 0xe7, 0xca, 0xf7, 0x78, 0xc4, 0xad, 0xce, 0x41,
    0xaa, 0x4c, 0x22, 0xdc, 0xfb, 0xb2, 0x72, 0xa4, 0x2d, 0x69, 0x7f, 0x86,
    0x3a, 0xa3, 0x9d, 0x7f, 0xeb, 0x1c, 0x44, 0x3a, 0x05, 0x6a, 0x98, 0x1f,
    0x65, 0x65, 0x49, 0x3e, 0x9e, 0xa0, 0x08, 0xea, 0x4f, 0x9d, 0x83, 0x40,
    0xe0, 0x50, 0xa6, 0xac, 0xae, 0xb1, 0xf9, 0x8a, 0x8d, 0x6b, 0x3c, 0xbb,
    0xe3, 0x81, 0xb9, 0xd7, 0x63, 0xf0, 0x51, 0x3b, 0xfe, 0xc4, 0x8c, 0xa1,
    0x0a, 0x95, 0x37, 0xa9, 0xe1, 0xd4, 0x38, 0x0d, 0xa5, 0x5b, 0xe6, 0x2b,
    0x8f, 0x01, 0xd7, 0x77, 0x19, 0xd6, 0x8a, 0xe2, 0xb9, 0x22, 0x3a, 0xb6,
    0x8c, 0x79, 0x61, 0x10, 0x94, 0x94, 0xcd, 0x70, 0x0e, 0xee, 0x7c, 0x19,
    0x54, 0x87, 0xcc, 0xae, 0x28, 0xb5, 0x54, 0xea, 0xa9, 0x1a, 0x23, 0xbf,
    0xff, 0xa2, 0x3a, 0xee, 0x46, 0xe5, 0xb3, 0xca, 0xc1, 0x83, 0x8d, 0xf4,
    0x2f, 0x89, 0xba, 0x2c, 0x14, 0xd6, 0xa5, 0xb8, 0x4b, 0xa4, 0xfc, 0x53,
    0xdd, 0x38, 0x07, 0x86, 0x8d, 0x14, 0x21, 0x1d, 0x91, 0xb5, 0xaf, 0x8a,
    0x48, 0x85, 0x99, 0xca, 0x81, 0x28, 0x94, 0x34, 0x6a, 0x64, 0x85, 0xb7,
    0x12, 0x83, 0xec, 0x52, 0xd9, 0x41, 0x45, 0x92, 0x56, 0x19, 0xcc, 0xb2,
    0xa8, 0x7a, 0x5e, 0x28, 0x04, 0x50, 0x8c, 0x1d, 0x25, 0x6a, 0x7a, 0x4a,
    0xfc, 0xac, 0x0b, 0xdf, 0xcf, 0xd7, 0x25, 0x81, 0x28, 0xdb, 0x70, 0x40,
    0xbd, 0x26, 0x5b, 0x63, 0xaa, 0x6e, 0x4b, 0x75, 0xcb, 0x2a, 0x65, 0xe5,
    0x0a, 0xaa, 0x93, 0x1a, 0x4d, 0x55, 0x0e, 0x1e, 0x3c, 0x94, 0x41, 0xd4,
    0xa4, 0xc9, 0xff, 0x54, 0xbb, 0x54, 0x39, 0xb8, 0x4b, 0x97, 0xa4, 0x78,
    0x66, 0xda, 0xe4, 0x99, 0x4a, 0x4b, 0x95, 0xa6, 0xea, 0x52, 0x50, 0xb2,
    0x1f, 0xa2, 0x92, 0xfd, 0x34, 0xaa, 0x1c, 0x60, 0xf7, 0x3e, 0xd5, 0xa1,
    0xa0, 0x7a, 0xee, 0xae, 0x41, 0x94, 0x1e, 0x55, 0x0e, 0xf0, 0xa6, 0x3c,
    0x86, 0x46, 0x99, 0xa4, 0x0a, 0xca, 0x8e, 0x5d, 0x0e, 0xd5, 0xa8, 0x72,
    0x80, 0xb7, 0xd2, 0x52, 0x56, 0x44, 0xfa, 0x45, 0x61, 0xf7, 0xd8, 0x6a,
    0xaa, 0x72, 0x80, 0x13, 0xc0, 0xca, 0xb9, 0xb1, 0xa2, 0x22, 0xda, 0x78,
    0x80, 0x4a, 0x4f, 0x95, 0x03, 0x9c, 0x36, 0x61, 0xf8, 0xd7, 0x79, 0x55,
    0xdb, 0xaf, 0x5d, 0xed, 0x6a, 0x57, 0xbb, 0xfa, 0x25, 0xf5, 0x0d, 0x61,
    0x7b, 0x4f, 0x95, 0xf8, 0xca, 0x67, 0x9a, 0x00, 0x00, 0x00, 0x00, 0x49,
    0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

/* A file with pages that are pictures. */
struct source {
	const struct service_doc *doc;
	enum image_kind kind; /* IMAGE_NONE: a PDF */
	struct pdf *pdf;
	unsigned pages;
};

static int
source_open(struct source *s, const struct service_doc *doc, struct err *err)
{
	struct image_info info;

	*s = (struct source){.doc = doc, .kind = image_kind_of(doc->p, doc->n)};
	if (s->kind != IMAGE_NONE) {
		if (image_probe(doc->p, doc->n, 0, &info, err) != 0)
			return -1;
		s->pages = info.pages;
		return 0;
	}
	/* Some programs put a few bytes before the mark. */
	if (memmem(doc->p, MIN_OF(doc->n, 1024), "%PDF-", 5) == NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "neither an image nor a PDF; images are PNG, JPEG, TIFF, "
		    "WebP, BMP, GIF, JPEG 2000 and PNM");
	s->pdf = pdf_open(doc->p, doc->n, &doc_default_limits, err);
	if (s->pdf == NULL)
		return -1;
	s->pages = pdf_pages(s->pdf);
	return 0;
}

static struct image *
source_image(const struct source *s, unsigned page, struct err *err)
{
	struct pdf_picture pic;
	struct image *im;

	if (s->pdf == NULL)
		return image_decode(s->doc->p, s->doc->n, page - 1,
		    doc_default_limits.pixels, err);
	if (pdf_render_page(s->pdf, page, RENDER_DPI, doc_default_limits.pixels,
		&pic, err) != 0)
		return NULL;
	im = image_from_grey(pic.width, pic.height, pic.stride, pic.grey,
	    RENDER_DPI, err);
	free(pic.grey);
	return im;
}

static void
send_words(const struct ocr_page *page, uint32_t number, struct frame_out *out)
{
	for (unsigned i = 0; i < page->nwords; i += WORDS_PER_FRAME) {
		unsigned end = MIN_OF(i + WORDS_PER_FRAME, page->nwords);

		frame_begin(out, FRAME_WORDS);
		frame_put_u32(out, number);
		for (unsigned k = i; k < end; k++) {
			const struct ocr_word *w = &page->words[k];
			struct str text = str_of(w->text);

			if (text.n > WORD_MAX)
				continue;
			frame_put_word(out,
			    &(struct frame_word){.text = text,
				.confidence = w->confidence,
				.x = (uint32_t)MAX_OF(w->box.x0, 0),
				.y = (uint32_t)MAX_OF(w->box.y0, 0),
				.w = (uint32_t)MAX_OF(w->box.x1 - w->box.x0, 0),
				.h = (uint32_t)MAX_OF(w->box.y1 - w->box.y0,
				    0)});
		}
		frame_close(out);
	}
}

static int
too_large(struct err *err)
{
	return err_set(err, ERR_LIMIT, "a page's result is too large");
}

static int
send_texts(const struct service_job *job, const struct ocr_page *page,
    uint32_t number, struct frame_out *out, struct err *err)
{
	struct buf b = BUF_INIT(PAGE_TEXT_MAX);
	bool ok = ocr_markdown(page, &b);

	if (ok)
		frame_send_chunks(out, FRAME_MARKDOWN, number, buf_view(&b));
	buf_clear(&b);
	ok = ok && ocr_text(page, &b);
	if (ok)
		frame_send_chunks(out, FRAME_PLAIN, number, buf_view(&b));
	buf_clear(&b);
	if (ok && job->hocr) {
		ok = hocr_page(&b, page, number);
		frame_send_chunks(out, FRAME_HOCR, number, buf_view(&b));
	}
	buf_fini(&b);
	return ok ? 0 : too_large(err);
}

static int
send_pdf(const struct source *s, const struct image *im,
    const struct ocr_page *page, uint32_t number, struct frame_out *out,
    struct err *err)
{
	struct buf b = BUF_INIT(PAGE_PDF_MAX);
	bool jpeg = s->kind == IMAGE_JPEG;
	bool ok = pdf_page(&b, im, page, jpeg ? s->doc->p : NULL,
	    jpeg ? s->doc->n : 0);

	if (ok)
		frame_send_chunks(out, FRAME_PDF, number, buf_view(&b));
	buf_fini(&b);
	return ok ? 0 : too_large(err);
}

static int
send_page(const struct source *s, const struct image *im,
    const struct ocr_page *page, uint32_t number, struct frame_out *out,
    struct err *err)
{
	const struct service_job *job = s->doc->job;

	frame_send_page(out,
	    &(struct frame_page){.number = number,
		.method = FRAME_METHOD_OCR,
		.confidence = page->nwords > 0 ? page->confidence : -1,
		.us = page->us,
		.width = page->width,
		.height = page->height,
		.rotation = page->rotation,
		.skew = page->skew,
		.problem = page->blank ? STR("blank page")
				       : str_of(page->problem)});
	if (job->words)
		send_words(page, number, out);
	if (send_texts(job, page, number, out, err) != 0)
		return -1;
	return job->pdf ? send_pdf(s, im, page, number, out, err) : 0;
}

static int
read_page(struct ocr *ocr, const struct source *s, uint32_t number,
    struct frame_out *out, struct err *err)
{
	struct image *im = source_image(s, number, err);
	struct ocr_page page;
	int rc;

	if (im == NULL)
		return -1;
	rc = ocr_read(ocr, im, NULL, &page, err);
	if (rc == 0) {
		rc = send_page(s, im, &page, number, out, err);
		ocr_page_fini(&page);
	}
	image_free(im);
	return rc;
}

static void
send_format(const struct source *s, struct frame_out *out)
{
	bool pdf = s->kind == IMAGE_NONE;

	frame_begin(out, FRAME_FORMAT);
	frame_put_str(out, str_of(pdf ? "pdf" : image_name(s->kind)));
	frame_put_str(out,
	    str_of(pdf ? "application/pdf" : image_mime(s->kind)));
	frame_put_u32(out, s->pages);
	frame_close(out);
}

static int
read_source(struct ocr_bank *bank, const struct source *s,
    struct frame_out *out, struct err *err)
{
	const struct service_job *job = s->doc->job;
	unsigned first = job->first > 0 ? job->first : 1;
	unsigned last = job->last > 0 ? MIN_OF(job->last, s->pages) : s->pages;

	if (s->pages > doc_default_limits.pages)
		return err_set(err, ERR_LIMIT, "%u pages; at most %u are read",
		    s->pages, doc_default_limits.pages);
	if (first > last)
		return err_set(err, ERR_INVALID, "pages: the document has %u",
		    s->pages);
	send_format(s, out);
	if (job->single || first == last)
		return read_page(ocr_bank_get(bank, job), s, first, out, err);
	for (unsigned page = first; page <= last; page++) {
		frame_begin(out, FRAME_SPLIT);
		frame_put_u32(out, page);
		frame_close(out);
	}
	return 0;
}

static int
svc_ocr_run(void *state, const struct service_doc *doc, struct frame_out *out,
    struct err *err)
{
	struct source s;
	int rc;

	if (source_open(&s, doc, err) != 0)
		return -1;
	rc = read_source(state, &s, out, err);
	pdf_close(s.pdf);
	return rc;
}

static int
svc_ocr_warm(void **state, struct err *err)
{
	*state = ocr_bank_new(err);
	return *state != NULL ? 0 : -1;
}

static int
svc_ocr_prepare(void *state, const struct service_job *job, struct err *err)
{
	return ocr_bank_prepare(state, job, err);
}

static const char *const svc_ocr_methods[] = {"hybrid", "tesseract", NULL};

extern const struct service svc_ocr;
const struct service svc_ocr = {
    .name = "vision-ocr",
    .summary = "Reads page images and scanned PDFs with Tesseract: text, "
	       "words with boxes and confidence, hOCR, searchable PDF.",
    .methods = svc_ocr_methods,
    .pages_only = true,
    .warm = svc_ocr_warm,
    .prepare = svc_ocr_prepare,
    .run = svc_ocr_run,
    .test_doc = test_doc,
    .test_doc_n = sizeof(test_doc),
    .test_name = "self-test.png",
    .test_text = "42",
};
