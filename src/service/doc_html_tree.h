/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the HTML reader: the elements it knows, the page it walks.
 */
#ifndef SERVICE_DOC_HTML_TREE_H
#define SERVICE_DOC_HTML_TREE_H

#include <libxml/tree.h>

#include "base/obj.h"
#include "service/doc.h"
#include "service/doc_html_hidden.h"

enum {
	HTML_TABLE_MAX = 40,
	HTML_LIST_MAX = 60
};

enum el {
	EL_INLINE, /* unknown ones, too */
	EL_SKIP,   /* never shown */
	EL_BLOCK,
	EL_HEADING,
	EL_P,
	EL_LIST,
	EL_ITEM,
	EL_DL,
	EL_DT,
	EL_DD,
	EL_QUOTE,
	EL_PRE,
	EL_TABLE,
	EL_ROW,
	EL_CELL,
	EL_BR,
	EL_HR,
	EL_LINK,
	EL_IMG,
	EL_INPUT,
	EL_SELECT,
	EL_Q,
	EL_STYLED,
};

struct html_tag {
	const char *name;
	enum el el;
	unsigned arg; /* style, level, ordered */
};

struct html {
	unsigned magic;
#define HTML_MAGIC 0x0d0c4731
	struct doc *d;
	struct hidden hidden;
	unsigned style;
	unsigned bits[8]; /* how many elements ask for each style bit */
	int in_heading, in_pre;
	bool pre_fresh;
	bool layout[HTML_TABLE_MAX], table_open[HTML_TABLE_MAX];
	int n_tables;
	bool item_open[HTML_LIST_MAX];
	int n_lists;
	bool too_deep;
};

/* What an element is to us; unknown ones are EL_INLINE. */
struct html_tag html_tag_of(const xmlNode *node);
/* The value of an attribute, borrowed; p == NULL without one. */
struct str html_attr(const xmlNode *node, const char *name);
/* A number from 1 to 99999, else the fallback. */
unsigned html_attr_number(const xmlNode *node, const char *name,
    unsigned fallback);
/* An element of this name? */
bool html_is(const xmlNode *node, const char *name);
/* The node after this one in document order, inside `top`; below `node` only
 * when `inside`. */
const xmlNode *html_node_next(const xmlNode *node, const xmlNode *top,
    bool inside);

/* Reads the tree below `top` into h->d, without recursion. */
void html_walk(struct html *h, xmlNode *top);

/* Tables; one that only places things is read as the blocks it places. */
void html_table_enter(struct html *h, const xmlNode *node);
void html_table_leave(struct html *h);
void html_row_enter(struct html *h, const xmlNode *node);
void html_cell_enter(struct html *h, const xmlNode *node);
/* Is the innermost table one of data, not of layout? */
bool html_in_data_table(const struct html *h);

/* Counts an element that asks for a style in (by = 1) or out (by = -1). */
void html_style_set(struct html *h, unsigned bit, int by);
/* The state of an <input>, the chosen options of a <select>. */
void html_control(struct html *h, const xmlNode *node);
void html_choice(struct html *h, const xmlNode *node);
/* Opens a link; false when its address is none that may be followed. */
bool html_link_enter(struct html *h, const xmlNode *node);

#endif
