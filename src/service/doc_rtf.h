/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RTF reader's state: doc_rtf.c follows groups and control words,
 * doc_rtf_para.c decodes text and makes blocks of paragraphs, lists and rows.
 */
#ifndef SERVICE_DOC_RTF_H
#define SERVICE_DOC_RTF_H

#include "service/doc.h"

enum {
	RTF_DEPTH = 512,
	RTF_FONTS = 1024,
	RTF_STYLES = 512,
	RTF_PARA_MAX = 8 << 20
};

enum rtf_dest {
	D_BODY,
	D_SKIP,
	D_FONTS,
	D_STYLES,
	D_FIELD_CODE,
	D_NOTE,
	D_LIST_TEXT,
	D_TITLE,
	D_AUTHOR,
	D_SUBJECT,
	D_INFO,
};

struct rtf_state {
	enum rtf_dest dest;
	bool bold, italic, strike, hidden, deleted, super, sub;
	int uc;
	int font;
};

struct rtf_run { /* of the paragraph's text */
	uint32_t end;
	uint8_t style;
};

struct rtf_para {
	struct buf text;
	struct buf runs; /* struct rtf_run[] */
	struct buf mark; /* \listtext or \pntext: "1.", a bullet */
	struct buf note; /* text of footnotes met in it */
	int outline;     /* 0 to 8, -1: none */
	int style;
	bool listed, in_table;
};

struct rtf {
	const uint8_t *p, *end;
	struct doc *d;
	struct rtf_state st;
	struct rtf_state *stack;
	unsigned depth;
	int skip;      /* fallback characters still to drop after \u */
	unsigned lead; /* high surrogate */
	struct rtf_para para;
	bool in_table, in_row, in_list, ordered, first_row;
	int codepage;
	uint16_t fonts[RTF_FONTS];   /* code page, 0: the document's */
	int8_t outlines[RTF_STYLES]; /* of paragraph styles, -1: none */
	int style_now;
	bool star;        /* \* was the last control */
	struct buf bytes; /* not yet decoded */
	struct buf out;   /* where decoded text goes outside the body */
	unsigned notes, refs;
	bool limit;
};

/* Text of the current destination: a byte in the font's code page, UTF-8, or
 * the value of \u. Bytes are decoded together, by rtf_flush_bytes(). */
void rtf_flush_bytes(struct rtf *r);
void rtf_put_byte(struct rtf *r, uint8_t b);
void rtf_put_z(struct rtf *r, const char *z);
void rtf_put_code(struct rtf *r, int value);

/* A paragraph, cell or row is complete. */
void rtf_para_end(struct rtf *r);
void rtf_row_open(struct rtf *r);
void rtf_cell_end(struct rtf *r);
void rtf_row_end(struct rtf *r);
void rtf_notes_put(struct rtf *r);
void rtf_list_end(struct rtf *r);
void rtf_table_end(struct rtf *r);

#endif
