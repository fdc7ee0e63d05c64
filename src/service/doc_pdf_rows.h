/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of words, shared by the steps of the PDF layout: doc_pdf_layout.c finds
 * columns and tables, doc_pdf_flow.c makes paragraphs of the other rows.
 */
#ifndef SERVICE_DOC_PDF_ROWS_H
#define SERVICE_DOC_PDF_ROWS_H

#include "service/doc_pdf_page.h"

struct pdf_row {
	struct pdf_word *w; /* left to right */
	size_t n;
	double x0, y0, x1, y1;
	double size; /* of most of its text */
	bool bold;   /* all of it */
};

struct pdf_layout {
	struct pdf_page *page;
	struct pdf_styles *st;
	struct doc *d;
};

/* Sorts the words into rows, top to bottom; the caller frees *rows. */
size_t pdf_rows_make(struct pdf_word *w, size_t n, struct pdf_row **rows);
struct str pdf_word_text(const struct pdf_page *p, const struct pdf_word *w);
/* Text of a row, for looking at; borrowed from b. */
struct str pdf_row_text(const struct pdf_page *p, const struct pdf_row *r,
    struct buf *b);
/* Puts n words as inline text; `space` first when something came before. */
void pdf_words_put(struct pdf_layout *l, const struct pdf_word *w, size_t n,
    bool space, bool plain);
/* Rows as headings, lists and paragraphs. */
void pdf_flow(struct pdf_layout *l, struct pdf_row *rows, size_t n);

#endif
