/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renders the text of one block: emphasis, links, escapes, line breaks. Used
 * by doc_write.c, which also keeps the state of the walk in `inline_state`.
 */
#ifndef SERVICE_DOC_INLINE_H
#define SERVICE_DOC_INLINE_H

#include "service/doc_node.h"

enum inline_mode {
	INLINE_PARA,
	INLINE_HEADING,
	INLINE_CELL
};

struct inline_state {
	const struct doc *d;
	unsigned page; /* wanted, or 0 */
	unsigned now;  /* page of the current node, or 0 */
	bool md;
	uint32_t marks_from, marks_to; /* page marks that are still to write */
	struct buf pieces;             /* of one block */
	struct buf line;               /* one paragraph of a cell */
};

/* Is the current node on a page that is wanted? */
bool inline_visible(const struct inline_state *in);
/* Follows a page mark; any other node is ignored. */
void inline_note_page(struct inline_state *in, const struct doc_node *n);
/* The page that node `from` lies on. */
void inline_start_at(struct inline_state *in, uint32_t from);
/* Index of the END of container i, or of the end of the document. */
uint32_t inline_end(const struct inline_state *in, uint32_t i);

/* Appends the text of nodes [from, to), which are text, links, breaks... */
void inline_render(struct inline_state *in, uint32_t from, uint32_t to,
    enum inline_mode mode, struct buf *out);
/* Appends everything in a table cell as one line. */
void inline_cell(struct inline_state *in, uint32_t cell, uint32_t end,
    struct buf *out);

#endif
