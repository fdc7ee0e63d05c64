/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for all pages of a PDF: the sizes of type that make headings, and
 * the running lines at the top and bottom that are shown once.
 *
 * It is learnt page by page before any page is laid out. When several cells
 * share a document, each sends what its pages taught, the host adds it up
 * (numbers and hashes only, never text) and sends every cell the sum, so that
 * the result is the same as from one cell.
 */
#ifndef SERVICE_DOC_PDF_STYLES_H
#define SERVICE_DOC_PDF_STYLES_H

#include "service/doc.h"
#include "service/frame.h"

struct pdf_page;

enum {
	PDF_SIZES = 400, /* of type, in half points */
	PDF_LINES_MAX = 4096
};

/* A line in a margin; digits count as alike. */
struct pdf_line {
	uint64_t key;   /* hash of its text */
	uint32_t pages; /* times it was seen */
	uint32_t laid;  /* 1 + the part with the first page that shows it; 0 */
	bool shown;
};

struct pdf_styles {
	double body;     /* size of most of the text */
	double sizes[5]; /* of headings, largest first; 0: none */
	unsigned pages;
	unsigned pictures; /* of these, without a usable text layer */
	uint64_t counts[PDF_SIZES];
	struct buf lines; /* struct pdf_line[], in the order they were seen */
	uint32_t *by_key; /* 1 + index into lines; NULL: none yet */
};

void pdf_styles_init(struct pdf_styles *st);
void pdf_styles_fini(struct pdf_styles *st);

/* Pages come in their order; with `lines`, margins count too. */
void pdf_styles_learn(struct pdf_styles *st, const struct pdf_page *page,
    bool lines);
/* Adds what a part learnt; parts come in the order of their pages. */
void pdf_styles_add(struct pdf_styles *st, const struct pdf_styles *part,
    uint32_t index);
/* Once all is known: decides `body` and `sizes`. */
void pdf_styles_conclude(struct pdf_styles *st);

/* Empties the words of page numbers, and of running lines shown before. */
void pdf_margins_drop(struct pdf_page *p, struct pdf_styles *st);

/* All that was learnt, for the host. */
void pdf_styles_send(const struct pdf_styles *st, struct frame_out *out);
/* The sum, for a part: only lines that run through the document, and whether
 * an earlier part has shown them. */
void pdf_styles_send_sum(const struct pdf_styles *sum, uint32_t index,
    struct frame_out *out);
/* Replaces what is known by what the frame says; false when it is none of
 * ours. Works on untrusted bytes. */
bool pdf_styles_get(struct pdf_styles *st, struct frame_cur *c) MUST_CHECK;

#endif
