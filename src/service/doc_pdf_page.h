/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One page of a PDF as words with places, between doc_pdf.c (which gets them
 * from poppler) and doc_pdf_layout.c (which makes blocks of them). Units are
 * points, y grows downwards. Text is borrowed from the page's buffer.
 */
#ifndef SERVICE_DOC_PDF_PAGE_H
#define SERVICE_DOC_PDF_PAGE_H

#include "service/doc_pdf_styles.h"

struct pdf_word {
	double x0, y0, x1, y1;
	double size;
	uint32_t text, n; /* bytes in the page's text */
	uint32_t row;     /* set by the layout */
	uint16_t link;    /* 1 + index, 0: none */
	uint8_t style;    /* enum doc_style */
	bool glued;       /* no blank before it */
};

struct pdf_page {
	double width, height;
	struct buf text;
	struct buf words; /* struct pdf_word[] */
	struct buf links; /* NUL-terminated addresses, one behind the other */
	int turned;       /* quarter turns that were undone */
	bool picture;     /* no usable text layer */
	bool blank;
	int64_t us;
};

void pdf_layout(struct pdf_page *page, struct pdf_styles *st, struct doc *d);

static inline struct pdf_word *
pdf_words(const struct pdf_page *p, size_t *n)
{
	*n = p->words.n / sizeof(struct pdf_word);
	return (struct pdf_word *)(void *)p->words.p;
}

#endif
