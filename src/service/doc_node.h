/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside a document; for doc.c and its neighbours, which build it, and
 * doc_write.c.
 *
 * A document is a flat list of nodes in reading order: every container has a
 * start and an END that know each other's index, leaves stand between. All
 * text lies in one buffer, in the same order.
 */
#ifndef SERVICE_DOC_NODE_H
#define SERVICE_DOC_NODE_H

#include "base/obj.h"
#include "service/doc.h"

enum doc_kind {
	DOC_END,
	/* block containers */
	DOC_QUOTE,
	DOC_LIST, /* a: ordered, b: start */
	DOC_ITEM,
	DOC_TABLE,
	DOC_ROW,  /* a: header */
	DOC_CELL, /* a: colspan, b: rowspan */
	/* containers that do not break the paragraph they stand in */
	DOC_FOOTNOTE, /* text: label */
	DOC_ASIDE,
	/* containers of text */
	DOC_HEADING, /* a: level */
	DOC_PARA,
	DOC_CODE_BLOCK, /* text: language */
	DOC_LINK,       /* text: url */
	/* leaves */
	DOC_TEXT, /* style, text */
	DOC_BREAK,
	DOC_RULE,
	DOC_NOTE_REF, /* text: label */
	DOC_IMAGE,    /* text: alt */
	DOC_PAGE,     /* b: index of the page */
};

struct doc_node {
	uint8_t kind;
	uint8_t style;
	uint16_t a;
	uint32_t b;
	uint32_t at; /* of its text in doc.text */
	uint32_t n;
	uint32_t peer; /* start -> END, END -> start */
};

struct doc_page_rec {
	struct doc_page_info info; /* problem: points into doc.side */
	size_t problem_at, problem_n;
	size_t label_at, label_n;
	uint32_t node;
	uint32_t outer; /* start of the outermost open container, or node */
};

struct doc_meta_rec {
	size_t key_at, key_n, value_at, value_n;
};

enum {
	DOC_STACK_MAX = 640,
	DOC_DEPTH_MAX = 120
};

struct doc_open {
	uint8_t kind;
	bool implicit; /* opened by us; closes by itself */
	bool split;    /* its node was closed early by a block inside it */
	bool was_inked, was_spaced;
	uint32_t node;
	uint32_t url_at, url_n; /* of a link, in doc.text */
};

struct doc {
	unsigned magic;
#define DOC_MAGIC 0x0d0c4ea7
	struct doc_limits limits;
	struct buf nodes; /* struct doc_node[] */
	struct buf text;
	struct buf side;  /* labels, problems, metadata */
	struct buf pages; /* struct doc_page_rec[] */
	struct buf metas; /* struct doc_meta_rec[] */
	struct doc_open open[DOC_STACK_MAX];
	unsigned n_open;
	unsigned depth;
	bool inked;       /* the open block has text already */
	bool spaced;      /* white space is due before the next text */
	const char *over; /* the limit that was passed, or NULL */
};

static inline struct doc_node *
doc_nodes(const struct doc *d)
{
	return (struct doc_node *)(void *)d->nodes.p;
}

static inline uint32_t
doc_node_count(const struct doc *d)
{
	return (uint32_t)(d->nodes.n / sizeof(struct doc_node));
}

static inline struct doc_page_rec *
doc_page_recs(const struct doc *d)
{
	return (struct doc_page_rec *)(void *)d->pages.p;
}

static inline struct str
doc_node_text(const struct doc *d, const struct doc_node *n)
{
	return (struct str){d->text.p != NULL ? d->text.p + n->at : "", n->n};
}

#endif
