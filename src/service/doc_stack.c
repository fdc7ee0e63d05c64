/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stack `open` holds the containers that are open; an implicit one was
 * opened because the reader put text (or a row, an item...) where a container
 * was missing, and closes by itself. A block inside a paragraph splits the
 * paragraph: its entry stays on the stack, so that the reader's doc_end()
 * still finds it, but its node is closed.
 */
#include "service/doc_stack.h"

struct doc_node *
doc_node_add(struct doc *d, enum doc_kind kind)
{
	struct doc_node *n;

	n = (struct doc_node *)(void *)buf_room(&d->nodes, sizeof *n);
	if (n == NULL) {
		d->over = "too many parts";
		return NULL;
	}
	*n = (struct doc_node){.kind = (uint8_t)kind,
	    .at = (uint32_t)d->text.n};
	buf_grew(&d->nodes, sizeof *n);
	return n;
}

struct doc_node *
doc_node_last(struct doc *d)
{
	uint32_t count = doc_node_count(d);

	return count != 0 ? doc_nodes(d) + count - 1 : NULL;
}

static bool
counts_as_nesting(int kind)
{
	return kind == DOC_QUOTE || kind == DOC_LIST || kind == DOC_TABLE ||
	    kind == DOC_FOOTNOTE || kind == DOC_ASIDE;
}

bool
doc_kind_is_inline(int kind)
{
	return kind == DOC_HEADING || kind == DOC_PARA ||
	    kind == DOC_CODE_BLOCK || kind == DOC_LINK;
}

struct doc_open *
doc_top(struct doc *d)
{
	return d->n_open != 0 ? &d->open[d->n_open - 1] : NULL;
}

int
doc_top_kind(struct doc *d)
{
	return d->n_open != 0 ? d->open[d->n_open - 1].kind : DOC_END;
}

struct doc_node *
doc_push(struct doc *d, enum doc_kind kind, bool implicit)
{
	struct doc_node *n;

	if (d->n_open == DOC_STACK_MAX ||
	    (counts_as_nesting((int)kind) && d->depth == d->limits.depth)) {
		d->over = "parts nested too deeply";
		return NULL;
	}
	n = doc_node_add(d, kind);
	if (n == NULL)
		return NULL;
	d->open[d->n_open++] = (struct doc_open){.kind = (uint8_t)kind,
	    .implicit = implicit,
	    .node = doc_node_count(d) - 1,
	    .was_inked = d->inked,
	    .was_spaced = d->spaced};
	d->depth += counts_as_nesting((int)kind);
	if (kind != DOC_LINK) {
		d->inked = false;
		d->spaced = false;
	}
	return n;
}

/* Ends the node of an entry, or takes it back when nothing came of it. */
void
doc_node_close(struct doc *d, uint32_t start)
{
	struct doc_node *n = doc_nodes(d) + start;
	struct doc_node *end;
	uint32_t at = doc_node_count(d);

	if (at == start + 1 && n->kind != DOC_ITEM && n->kind != DOC_CELL &&
	    n->kind != DOC_ROW && n->kind != DOC_CODE_BLOCK) {
		d->nodes.n -= sizeof *n;
		return;
	}
	end = doc_node_add(d, DOC_END);
	if (end == NULL)
		return;
	end->peer = start;
	doc_nodes(d)[start].peer = at;
}

void
doc_pop(struct doc *d)
{
	struct doc_open o = d->open[--d->n_open];

	if (!o.split)
		doc_node_close(d, o.node);
	d->depth -= counts_as_nesting(o.kind);
	if (o.kind == DOC_FOOTNOTE || o.kind == DOC_ASIDE) {
		d->inked = o.was_inked;
		d->spaced = o.was_spaced;
	} else if (o.kind != DOC_LINK) {
		d->inked = false;
		d->spaced = false;
	}
}

void
doc_pop_implicit(struct doc *d)
{
	while (d->n_open != 0 && doc_top(d)->implicit)
		doc_pop(d);
}

static void
entry_remove(struct doc *d, unsigned i)
{
	d->n_open--;
	memmove(&d->open[i], &d->open[i + 1],
	    (d->n_open - i) * sizeof d->open[0]);
}

/* Leaves the text containers on top, so that a block can be written. */
void
doc_split_inline(struct doc *d)
{
	unsigned i = d->n_open;

	while (i > 0 && doc_kind_is_inline(d->open[i - 1].kind)) {
		struct doc_open *o = &d->open[--i];

		if (!o->split)
			doc_node_close(d, o->node);
		if (o->implicit)
			entry_remove(d, i);
		else
			o->split = true;
	}
	d->inked = false;
	d->spaced = false;
}

/* The innermost container that is not a (split) text container. */
int
doc_block_kind(struct doc *d)
{
	for (unsigned i = d->n_open; i > 0; i--) {
		if (!doc_kind_is_inline(d->open[i - 1].kind))
			return d->open[i - 1].kind;
	}
	return DOC_END;
}

/* Makes sure that a paragraph, list or table may stand here. */
void
doc_block_place(struct doc *d)
{
	doc_split_inline(d);
	if (doc_block_kind(d) == DOC_LIST)
		(void)doc_push(d, DOC_ITEM, true);
	if (doc_block_kind(d) == DOC_TABLE)
		(void)doc_push(d, DOC_ROW, true);
	if (doc_block_kind(d) == DOC_ROW) {
		struct doc_node *n = doc_push(d, DOC_CELL, true);

		if (n != NULL) {
			n->a = 1;
			n->b = 1;
		}
	}
}

/* Opens an implicit paragraph unless text may be written as it is. */
bool
doc_inline_place(struct doc *d)
{
	const struct doc_open *o = doc_top(d);
	struct doc_open link = {.kind = DOC_END};
	struct doc_node *n;

	if (d->over != NULL)
		return false;
	if (o != NULL && doc_kind_is_inline(o->kind) && !o->split &&
	    o->kind != DOC_LINK)
		return true;
	if (o != NULL && o->kind == DOC_LINK && !o->split)
		return true;
	for (unsigned i = d->n_open; i > 0; i--) {
		if (!doc_kind_is_inline(d->open[i - 1].kind))
			break;
		if (d->open[i - 1].kind == DOC_LINK)
			link = d->open[i - 1];
	}
	doc_block_place(d);
	if (d->over != NULL || doc_push(d, DOC_PARA, true) == NULL)
		return false;
	if (link.kind == DOC_LINK) {
		n = doc_push(d, DOC_LINK, true);
		if (n != NULL) {
			n->at = link.url_at;
			n->n = link.url_n;
		}
	}
	return d->over == NULL;
}

/* Copies text that belongs to a node itself: a label, an address. */
void
doc_node_set_text(struct doc *d, struct doc_node *n, struct str s)
{
	if (s.n > 4096)
		s.n = 4096;
	while (s.n != 0 && !str_utf8_ok(s))
		s.n--;
	n->at = (uint32_t)d->text.n;
	n->n = (uint32_t)s.n;
	if (!buf_str(&d->text, s)) {
		n->n = 0;
		d->over = "too much text";
	}
}
