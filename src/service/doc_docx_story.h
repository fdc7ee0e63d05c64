/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the reader of a DOCX story: what its parts share.
 *
 * Paragraphs, cells and rows are opened late ("placed"), when the first text
 * in them comes: their properties stand before it, and what stays empty leaves
 * no trace.
 */
#ifndef SERVICE_DOC_DOCX_STORY_H
#define SERVICE_DOC_DOCX_STORY_H

#include "service/doc_docx.h"

enum el {
	EL_P = 1,
	EL_PPR,
	EL_PSTYLE,
	EL_NUM_ID,
	EL_ILVL,
	EL_OUTLINE,
	EL_R,
	EL_RPR,
	EL_RSTYLE,
	EL_BOLD,
	EL_ITALIC,
	EL_STRIKE,
	EL_VANISH,
	EL_VERT,
	EL_T,
	EL_TAB,
	EL_BR,
	EL_NB_HYPHEN,
	EL_SYM,
	EL_FLD_CHAR,
	EL_FLD_SIMPLE,
	EL_INSTR,
	EL_CHECKBOX,
	EL_CHECK_DEFAULT,
	EL_CHECKED,
	EL_DD_LIST,
	EL_DD_RESULT,
	EL_DD_ENTRY,
	EL_HYPERLINK,
	EL_FOOT_REF,
	EL_END_REF,
	EL_FOOTNOTE,
	EL_ENDNOTE,
	EL_DEL,  /* run content, or a property of a mark or row */
	EL_SKIP, /* never looked into */
	EL_TBL,
	EL_TR,
	EL_TRPR,
	EL_TBL_HEADER,
	EL_GRID_BEFORE,
	EL_TC,
	EL_GRID_SPAN,
	EL_V_MERGE,
	EL_ALTERNATE,
	EL_CHOICE,
	EL_FALLBACK,
	EL_BOX,
	EL_DOC_PR,
	EL_SDT,
	EL_SDT_PR,
	EL_PLACEHOLDER,
	EL_GALLERY,
	EL_SDT_CONTENT,
};

enum {
	CTX_MAX = 200,
	LIST_MAX = 12,
	FIELD_MAX = 32,
	SDT_MAX = 64
};

struct para {
	bool in, open, heading, listed;
	bool mark_deleted;
	int num, level, outline;
	bool own_num;
	const struct docx_style *style;
};

struct list {
	int num, level;
	bool ordered;
};

/* What text flows into: the body, a cell, a box, a note. */
struct ctx {
	struct para para;
	struct list lists[LIST_MAX];
	int n_lists;
	/* of the row and cell that are being read */
	bool row_open, row_header, row_gone, cell_open;
	unsigned grid_before, span;
};

struct field {
	bool in_code, drop;
	bool inked;  /* its result has text */
	bool linked; /* a link was opened for it */
	char code[200];
	size_t code_n;
	char value[128]; /* of a form field without a result */
};

struct sdt {
	bool placeholder, contents;
};

struct story {
	struct docx *x;
	struct doc *d;
	struct doc_rels rels;
	struct ctx ctx[CTX_MAX];
	int n_ctx; /* at least 1 */
	struct field fields[FIELD_MAX];
	int n_fields;
	int fields_over; /* nested deeper than we follow */
	struct sdt sdts[SDT_MAX];
	int n_sdts;
	unsigned skip;
	bool in_ppr, in_rpr, in_run, in_trpr, in_text, in_instr, in_sdt_pr;
	int alternates[32]; /* has a choice been taken? */
	int n_alternates;
	unsigned style; /* of the run */
	bool hidden;
	int64_t dd_result, dd_at;
	bool no_link; /* an address-less hyperlink is open */
};

/* Where text flows to now. */
static inline struct ctx *
docx_ctx(struct story *s)
{
	return &s->ctx[s->n_ctx - 1];
}

/* The value of a switch like <w:b/>: on, unless it says otherwise. */
bool docx_flag(const struct doc_xml *x);

/* Paragraphs; a placed one is open in the document. */
void docx_para_begin(struct story *s);
void docx_para_end(struct story *s);
void docx_para_place(struct story *s);
void docx_para_property(struct story *s, const struct doc_xml *x, int id);

/* A new place for text to flow to, and back; fails the parse past CTX_MAX. */
void docx_ctx_push(struct story *s, struct doc_xml *x);
void docx_ctx_pop(struct story *s);

/* Tables. */
void docx_table_begin(struct story *s);
void docx_row_end(struct story *s);
void docx_cell_begin(struct story *s, struct doc_xml *x);
void docx_cell_end(struct story *s);
/* Opens the row and the cell that the text is in, if there are any. */
void docx_cell_place(struct story *s);

/* Runs: text, signs of symbol fonts, references to notes. */
void docx_run_begin(struct story *s);
void docx_run_property(struct story *s, const struct doc_xml *x, int id);
void docx_text_put(struct story *s, struct str text);
void docx_symbol(struct story *s, const struct doc_xml *x);
void docx_note_ref(struct story *s, const struct doc_xml *x, bool end);

/* Fields. Is this text part of a field's code, or of a result that is
 * dropped? */
bool docx_in_field_code(const struct story *s);
void docx_field_char(struct story *s, const struct doc_xml *x);
/* A piece of a field's code. */
void docx_field_code(struct story *s, struct str text);
void docx_form_value(struct story *s, const struct doc_xml *x, int id);

#endif
