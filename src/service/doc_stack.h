/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside a document that is being built: its nodes and the containers that are
 * open. For doc.c, doc_ink.c and doc_page.c.
 */
#ifndef SERVICE_DOC_STACK_H
#define SERVICE_DOC_STACK_H

#include "service/doc_node.h"

/* Adds a node at the end; NULL (and d->over is set) when there are too many.
 * Any pointer to a node is good until the next one is added. */
struct doc_node *doc_node_add(struct doc *d, enum doc_kind kind);
/* The node at the end; NULL without any. */
struct doc_node *doc_node_last(struct doc *d);
/* Ends the node of an entry, or takes it back when nothing came of it. */
void doc_node_close(struct doc *d, uint32_t start);
/* Copies text that belongs to a node itself: a label, an address. */
void doc_node_set_text(struct doc *d, struct doc_node *n, struct str s);

/* A container of text? */
bool doc_kind_is_inline(int kind);
/* The innermost open container; NULL without one. */
struct doc_open *doc_top(struct doc *d);
/* Its kind; DOC_END without one. */
int doc_top_kind(struct doc *d);
/* The innermost container that is not a (split) text container. */
int doc_block_kind(struct doc *d);

/* Opens a container; NULL (and d->over is set) past a limit. */
struct doc_node *doc_push(struct doc *d, enum doc_kind kind, bool implicit);
/* Closes the innermost container; there must be one. */
void doc_pop(struct doc *d);
/* Closes the implicit ones on top. */
void doc_pop_implicit(struct doc *d);
/* Leaves the text containers on top, so that a block can be written. */
void doc_split_inline(struct doc *d);
/* Makes sure that a paragraph, list or table may stand here. */
void doc_block_place(struct doc *d);
/* Opens an implicit paragraph unless text may be written as it is; false when
 * a limit was passed. */
bool doc_inline_place(struct doc *d);

/* Adds bytes as they are to the text node at the end, or begins one. */
void doc_text_put(struct doc *d, const char *p, size_t n, unsigned style);

#endif
