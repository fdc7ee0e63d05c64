/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the DOCX reader: styles, numbering and the reader of a story (the
 * body, a header, the footnotes). ECMA-376 part 1, section 17.
 */
#ifndef SERVICE_DOC_DOCX_H
#define SERVICE_DOC_DOCX_H

#include "base/map.h"
#include "service/doc_xml.h"

enum {
	DOCX_LEVELS = 9,
	DOCX_UNSET = -1
};

struct docx_style {
	char id[64];
	char based_on[64];
	char name[64];
	int outline;    /* 0 to 8; 9 = body text; DOCX_UNSET */
	int num, level; /* list; DOCX_UNSET, num 0 = none */
	int hidden, bold, italic, strike; /* 0, 1 or DOCX_UNSET */
	bool resolved;
};

enum docx_format {
	DOCX_DECIMAL,
	DOCX_BULLET,
	DOCX_NONE,
	DOCX_LETTER,
	DOCX_UPPER_LETTER,
	DOCX_ROMAN,
	DOCX_UPPER_ROMAN,
};

struct docx_level {
	uint8_t format;
	uint32_t start;
	char text[32]; /* "%1.%2." */
};

struct docx_abstract {
	int64_t id;
	struct docx_level levels[DOCX_LEVELS];
	uint32_t counters[DOCX_LEVELS]; /* last number given; 0 = none yet */
	bool counting[DOCX_LEVELS];
	char link[64]; /* style that holds the real definition */
};

struct docx_num {
	int64_t id, abstract;
	int64_t overrides[DOCX_LEVELS]; /* start, or DOCX_UNSET */
	bool used;
};

struct docx_styles {
	struct buf styles;    /* struct docx_style[] */
	struct buf abstracts; /* struct docx_abstract[] */
	struct buf nums;      /* struct docx_num[] */
	struct map by_id;     /* styles; built once they are all read */
};

/* styles.xml and numbering.xml; missing ones are empty. */
int docx_styles_read(struct doc_zip *z, struct str styles, struct str numbering,
    struct docx_styles *out, struct err *err);
void docx_styles_fini(struct docx_styles *s);
/* With everything it inherits filled in; NULL when unknown. */
struct docx_style *docx_style_find(struct docx_styles *s, struct str id);
/* 1 to 6 for a heading, 0 for other text. */
int docx_style_heading(const struct docx_style *style);

/* The definition of a list level; NULL when there is none. */
const struct docx_level *docx_level_find(struct docx_styles *s, int num,
    int level);
/* Counts one paragraph of a list; writes its label ("(a)", "1.2") for all
 * but bullets. Returns its number. */
uint32_t docx_count(struct docx_styles *s, int num, int level, char *label,
    size_t cap);

/* What the parts of one document share. */
struct docx {
	struct doc_zip *z;
	struct doc *d;
	struct docx_styles styles;
	struct buf notes;   /* struct docx_note[]: as they are referred to */
	unsigned footnotes; /* how many were */
	unsigned endnotes;
};

struct docx_note {
	int64_t id;
	bool end;
	unsigned number;
};

/* Reads one part: document, header, footer, footnotes, endnotes. */
int docx_story(struct docx *x, struct str part, struct err *err);

#endif
