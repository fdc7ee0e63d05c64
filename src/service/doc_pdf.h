/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PDF through poppler-glib: opened once from memory, read by page ranges.
 *
 * Text is taken word by word with its place, size and colour, and put into
 * reading order here (doc_pdf_layout.c). A page whose text layer is missing or
 * means nothing is handed to `on_picture`, which may render and recognise it.
 * A struct pdf is used by one process at a time; after fork() both may go on.
 */
#ifndef SERVICE_DOC_PDF_H
#define SERVICE_DOC_PDF_H

#include "service/doc.h"

struct pdf;

/* Borrows the bytes until pdf_close(). ERR_ENCRYPTED, ERR_CORRUPT, ERR_LIMIT
 * (pages), ERR_EMPTY (no pages). */
struct pdf *pdf_open(const void *p, size_t n, const struct doc_limits *limits,
    struct err *err) MUST_CHECK;
void pdf_close(struct pdf *pdf);
unsigned pdf_pages(const struct pdf *pdf);
void pdf_meta(struct pdf *pdf, struct doc *d);

/* Called when all pages are loaded and none is laid out: `st` is what they
 * taught, and becomes what holds for the whole document. */
struct pdf_styles;
typedef int pdf_styles_fn(void *user, struct pdf_styles *st, struct err *err);

/* Called behind doc_page() for a page without usable text; it puts what it
 * reads and says so with doc_page_read(). -1 ends the reading. */
typedef int pdf_picture_fn(void *user, struct pdf *pdf, unsigned page,
    struct doc *d, struct err *err);

struct pdf_hooks {
	pdf_picture_fn *on_picture; /* NULL: marked DOC_METHOD_NONE */
	pdf_styles_fn *on_styles;   /* NULL: these pages are all there is */
	void *user;
};

/* Pages first to last (from 1, inclusive) with their marks; `hooks` may be
 * NULL. */
int pdf_read(struct pdf *pdf, unsigned first, unsigned last, struct doc *d,
    const struct pdf_hooks *hooks, struct err *err) MUST_CHECK;
/* The pages that a range means; 0, 0 is all. ERR_INVALID: it has none. */
int pdf_range(const struct pdf *pdf, unsigned *first, unsigned *last,
    struct err *err) MUST_CHECK;

/* One page as 8-bit grey on white, 0 is black; the caller frees `grey`. The
 * size is checked before anything is drawn: ERR_LIMIT over `pixels`. */
struct pdf_picture {
	unsigned width, height;
	size_t stride;
	uint8_t *grey;
};
int pdf_render_page(struct pdf *pdf, unsigned page, int dpi, size_t pixels,
    struct pdf_picture *out, struct err *err) MUST_CHECK;

/* Makes poppler ready in this process and those forked from it, as long as
 * the result is kept. NULL with the reason. */
struct pdf_warm;
struct pdf_warm *pdf_warm_new(struct err *err) MUST_CHECK;
void pdf_warm_free(struct pdf_warm *w);

#endif
