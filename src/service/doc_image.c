/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page images as documents. One reader for all formats that image.h decodes;
 * what is read goes into the document as paragraphs, lists and tables.
 */
#include "service/doc_image.h"

#include <string.h>

static void
put_words(struct doc *d, const struct ocr_page *page, unsigned first,
    unsigned count)
{
	for (unsigned i = first; i < first + count; i++) {
		const char *text = page->words[i].text;
		size_t before = i > first ? strlen(page->words[i - 1].text) : 0;
		bool hang = before > 1 &&
		    page->words[i].line != page->words[i - 1].line &&
		    page->words[i - 1].text[before - 1] == '-';

		if (i > first && !hang)
			doc_text(d, STR(" "), DOC_PLAIN);
		doc_text(d, str_of(text), DOC_PLAIN);
	}
}

static void
put_row(struct doc *d, const struct ocr_page *page, const struct ocr_para *para,
    bool head)
{
	doc_row(d, head);
	for (unsigned k = 0; k < para->cells; k++) {
		const struct ocr_cell *c = &page->cells[para->first_cell + k];

		doc_cell(d, 1, 1);
		put_words(d, page, c->first, c->count);
		doc_end(d);
	}
	doc_end(d);
}

static void
put_para(struct doc *d, const struct ocr_page *page,
    const struct ocr_para *para)
{
	const struct ocr_line *a = &page->lines[para->first];
	const struct ocr_line *b = &page->lines[para->first + para->count - 1];

	if (para->kind == OCR_HEADING)
		doc_heading(d, 3);
	else
		doc_para(d);
	put_words(d, page, a->first, b->first + b->count - a->first);
	doc_end(d);
}

void
doc_image_put(struct doc *d, const struct ocr_page *page)
{
	bool table = false;

	doc_page_read(d, page->blank ? DOC_METHOD_NONE : DOC_METHOD_OCR,
	    page->confidence, page->us, str_of(page->problem));
	for (unsigned i = 0; i < page->nparas; i++) {
		const struct ocr_para *para = &page->paras[i];
		bool same = i > 0 && para->block == para[-1].block;

		if (table && (para->kind != OCR_ROW || !same)) {
			doc_end(d);
			table = false;
		}
		if (para->kind != OCR_ROW) {
			put_para(d, page, para);
			continue;
		}
		if (!table)
			doc_table(d);
		put_row(d, page, para, !table);
		table = true;
	}
	if (table)
		doc_end(d);
}

int
doc_image_read(struct doc *d, struct ocr *o, const struct image *im,
    struct err *err)
{
	struct ocr_page page;

	if (o == NULL) {
		doc_page_read(d, DOC_METHOD_NONE, 0, 0,
		    STR("the page is a picture and no OCR is available"));
		return 0;
	}
	if (ocr_read(o, im, NULL, &page, err) != 0)
		return -1;
	doc_image_put(d, &page);
	ocr_page_fini(&page);
	return 0;
}

static int
sniff_image(const struct doc_in *in)
{
	return image_kind_of(in->p, in->n) != IMAGE_NONE ? 90 : 0;
}

static int
read_images(const struct doc_in *in, struct doc *d, struct err *err)
{
	const struct doc_limits *limits = in->limits != NULL
	    ? in->limits
	    : &doc_default_limits;
	struct image_info info;
	unsigned last;

	if (image_probe(in->p, in->n, 0, &info, err) != 0)
		return -1;
	if (info.pages > limits->pages)
		return err_set(err, ERR_LIMIT,
		    "the image has %u pages, the limit is %u", info.pages,
		    limits->pages);
	last = in->last == 0 ? info.pages : MIN_OF(in->last, info.pages);
	for (unsigned i = MAX_OF(in->first, 1U); i <= last; i++) {
		struct image *im = image_decode(in->p, in->n, i - 1,
		    limits->pixels, err);
		int rc;

		if (im == NULL)
			return err_wrap(err, "page %u", i);
		doc_page(d, i, (struct str){0});
		rc = doc_image_read(d, in->ocr, im, err);
		image_free(im);
		if (rc != 0)
			return err_wrap(err, "page %u", i);
	}
	return doc_failed(d, err);
}

const struct doc_format doc_format_image = {
    .name = "image",
    .mime = "image/*",
    .sniff = sniff_image,
    .read = read_images,
};
