/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the PPTX reader: a slide that is being read.
 */
#ifndef SERVICE_DOC_PPTX_SLIDE_H
#define SERVICE_DOC_PPTX_SLIDE_H

#include "service/doc_xml.h"

enum {
	EL_SLIDE = 1,
	EL_TREE,
	EL_SHAPE,
	EL_GROUP,
	EL_FRAME,
	EL_PIC,
	EL_CONNECTOR,
	EL_PROPS,
	EL_PH,
	EL_OFF,
	EL_EXT,
	EL_P,
	EL_PPR,
	EL_NO_BULLET,
	EL_BULLET,
	EL_NUMBER,
	EL_R,
	EL_RPR,
	EL_LINK,
	EL_T,
	EL_BR,
	EL_TABLE,
	EL_ROW,
	EL_CELL,
	EL_ALTERNATE,
	EL_CHOICE,
	EL_FALLBACK,
	EL_SKIP,
};

enum {
	SHAPE_MAX = 128,
	LIST_MAX = 10
};

struct shape {
	int64_t x, y, w, h;
	bool placed, title;
};

enum bullet {
	BULLET_DEFAULT,
	BULLET_NONE,
	BULLET_SIGN,
	BULLET_NUMBER
};

enum role {
	ROLE_TEXT,
	ROLE_TITLE,
	ROLE_MAIN_TITLE,
	ROLE_BODY,
	ROLE_NONE
};

struct slide {
	struct doc *d;
	struct doc_rels rels;
	bool notes;   /* only the body of a notes page */
	bool measure; /* first pass: only where the shapes are */
	bool hidden;
	struct shape shapes[SHAPE_MAX];
	int n_shapes; /* children of the tree so far */
	int only;     /* the one to read, or -1 for all but the title */
	int title;    /* the one that is the title, or -1 */
	unsigned tree_depth, skip;
	/* the shape that is being read */
	enum role role;
	bool silent;
	/* the paragraph */
	bool in_para, para_open, in_text, in_cell;
	int level, item_level[LIST_MAX], n_lists;
	bool item_ordered[LIST_MAX];
	enum bullet bullet;
	unsigned style;
	bool linked;
	int taken[16], n_alternates;
};

/* Reads one slide and its notes as page `number`. */
int pptx_slide_read(struct doc_zip *z, struct doc *d, struct str part,
    unsigned number, struct err *err);

/* Ends the lists deeper than `keep`. */
void pptx_lists_close(struct slide *s, int keep);
/* Opens the paragraph in the document: its first text has come. */
void pptx_para_place(struct slide *s);
/* What begins in a paragraph: itself, its properties, its runs. */
void pptx_para_start(struct slide *s, struct doc_xml *x, int id);
void pptx_para_end(struct slide *s);
void pptx_run_end(struct slide *s);

void pptx_table_start(struct slide *s, struct doc_xml *x, int id);
void pptx_table_end(struct slide *s, int id);

#endif
