/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ocr-dump FILE [text|md|hocr|pdf|words] [PAGE]: what OCR makes of an image,
 * without the services around it. For work on OCR itself. A page of 0 means
 * all of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/hocr.h"
#include "service/ocr.h"
#include "service/pdf_out.h"

struct file {
	uint8_t *p;
	size_t n;
};

static struct file
slurp(const char *path)
{
	struct file f = {0};
	FILE *in = fopen(path, "rb");
	size_t cap = 64 << 20;

	if (in == NULL)
		return f;
	f.p = malloc(cap);
	if (f.p != NULL)
		f.n = fread(f.p, 1, cap, in);
	fclose(in);
	return f;
}

static void
put_words(const struct ocr_page *page)
{
	for (unsigned i = 0; i < page->nwords; i++) {
		const struct ocr_word *w = &page->words[i];

		printf("%d %d %d %d %.2f %u %s\n", w->box.x0, w->box.y0,
		    w->box.x1, w->box.y1, w->confidence, w->line, w->text);
	}
}

static void
put_page(const char *how, const struct file *f, unsigned number,
    const struct image *im, const struct ocr_page *page)
{
	struct buf out = BUF_INIT(256 << 20), blob = BUF_INIT(256 << 20);

	if (strcmp(how, "words") == 0)
		put_words(page);
	else if (strcmp(how, "md") == 0)
		ocr_markdown(page, &out);
	else if (strcmp(how, "hocr") == 0) {
		hocr_head(&out, "en");
		hocr_page(&out, page, number);
		hocr_tail(&out);
	} else if (strcmp(how, "pdf") == 0) {
		struct str one;

		pdf_page(&blob, im, page, f->p, f->n);
		one = buf_view(&blob);
		pdf_join(&out, &one, 1);
	} else
		ocr_text(page, &out);
	fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
	buf_fini(&blob);
}

int
main(int argc, char **argv)
{
	struct err err = {0};
	struct file f = argc > 1 ? slurp(argv[1]) : (struct file){0};
	const char *how = argc > 2 ? argv[2] : "text";
	unsigned number = argc > 3 ? (unsigned)atoi(argv[3]) : 1;
	struct image *im = image_decode(f.p, f.n, number - 1, 64000000, &err);
	struct ocr *o = ocr_new(NULL, NULL, &err);
	struct ocr_page page;

	if (im == NULL || o == NULL ||
	    ocr_read(o, im, NULL, &page, &err) != 0) {
		fprintf(stderr, "ocr-dump: %s\n", err.msg);
		return 1;
	}
	put_page(how, &f, number, im, &page);
	fprintf(stderr,
	    "%ld ms, %u passes, confidence %.3f, rotation %d, skew %.2f\n",
	    (long)(page.us / 1000), page.passes, page.confidence, page.rotation,
	    page.skew);
	ocr_page_fini(&page);
	ocr_free(o);
	image_free(im);
	free(f.p);
	return 0;
}
