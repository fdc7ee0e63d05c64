/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds a document: its life, its blocks and the leaves that are no text.
 */
#include "service/doc.h"

#include <stdlib.h>

#include "base/mem.h"
#include "service/doc_stack.h"

const struct doc_limits doc_default_limits = {
    .text_bytes = (size_t)32 << 20,
    .blocks = 2000000,
    .depth = 64,
    .pages = 2000,
    .inflated = (size_t)512 << 20,
    .ratio = 100,
    .pixels = 64000000,
};

struct doc *
doc_new(const struct doc_limits *limits)
{
	struct doc *d = xcalloc(1, sizeof *d);

	d->magic = DOC_MAGIC;
	d->limits = limits != NULL ? *limits : doc_default_limits;
	if (d->limits.text_bytes > UINT32_MAX / 2)
		d->limits.text_bytes = UINT32_MAX / 2;
	if (d->limits.blocks > UINT32_MAX / 8)
		d->limits.blocks = UINT32_MAX / 8;
	if (d->limits.depth > DOC_DEPTH_MAX)
		d->limits.depth = DOC_DEPTH_MAX;
	/* a start, an END and two leaves for each block */
	d->nodes = BUF_INIT(d->limits.blocks * 4 * sizeof(struct doc_node));
	d->text = BUF_INIT(d->limits.text_bytes);
	d->side = BUF_INIT((size_t)1 << 20);
	d->pages = BUF_INIT(d->limits.pages * sizeof(struct doc_page_rec));
	d->metas = BUF_INIT(64 * sizeof(struct doc_meta_rec));
	return d;
}

void
doc_free(struct doc *d)
{
	if (d == NULL)
		return;
	CHECK_OBJ(d, DOC_MAGIC);
	buf_fini(&d->nodes);
	buf_fini(&d->text);
	buf_fini(&d->side);
	buf_fini(&d->pages);
	buf_fini(&d->metas);
	KILL_OBJ(d);
	free(d);
}

int
doc_failed(const struct doc *d, struct err *err)
{
	if (d->over == NULL)
		return 0;
	return err_set(err, ERR_LIMIT, "the document has %s", d->over);
}

/* --- blocks ----------------------------------------------------------- */

static struct doc_node *
block(struct doc *d, enum doc_kind kind)
{
	if (d->over != NULL)
		return NULL;
	doc_block_place(d);
	return d->over == NULL ? doc_push(d, kind, false) : NULL;
}

void
doc_heading(struct doc *d, int level)
{
	struct doc_node *n = block(d, DOC_HEADING);

	if (n != NULL)
		n->a = (uint16_t)(level < 1 ? 1 : level > 6 ? 6 : level);
}

void
doc_para(struct doc *d)
{
	(void)block(d, DOC_PARA);
}

void
doc_quote(struct doc *d)
{
	(void)block(d, DOC_QUOTE);
}

void
doc_list(struct doc *d, bool ordered, unsigned start)
{
	struct doc_node *n = block(d, DOC_LIST);

	if (n == NULL)
		return;
	n->a = ordered;
	n->b = start > 999999999 ? 1 : start;
}

/* Closes what is implicit down to a `parent`, or opens one. */
static void
parent_place(struct doc *d, enum doc_kind parent)
{
	doc_split_inline(d);
	while (d->n_open != 0 && doc_top(d)->implicit &&
	    doc_top_kind(d) != (int)parent)
		doc_pop(d);
	if (doc_block_kind(d) != (int)parent) {
		doc_block_place(d);
		(void)doc_push(d, parent, true);
	}
}

void
doc_item(struct doc *d)
{
	if (d->over != NULL)
		return;
	parent_place(d, DOC_LIST);
	if (d->over == NULL)
		(void)doc_push(d, DOC_ITEM, false);
}

void
doc_code(struct doc *d, struct str language)
{
	struct doc_node *n = block(d, DOC_CODE_BLOCK);

	if (n != NULL)
		doc_node_set_text(d, n, language);
}

void
doc_table(struct doc *d)
{
	(void)block(d, DOC_TABLE);
}

void
doc_row(struct doc *d, bool header)
{
	struct doc_node *n;

	if (d->over != NULL)
		return;
	parent_place(d, DOC_TABLE);
	n = d->over == NULL ? doc_push(d, DOC_ROW, false) : NULL;
	if (n != NULL)
		n->a = header;
}

void
doc_cell(struct doc *d, unsigned colspan, unsigned rowspan)
{
	struct doc_node *n;

	if (d->over != NULL)
		return;
	doc_split_inline(d);
	while (d->n_open != 0 && doc_top(d)->implicit &&
	    doc_top_kind(d) != DOC_ROW)
		doc_pop(d);
	if (doc_block_kind(d) != DOC_ROW) {
		parent_place(d, DOC_TABLE);
		if (d->over == NULL)
			(void)doc_push(d, DOC_ROW, true);
	}
	n = d->over == NULL ? doc_push(d, DOC_CELL, false) : NULL;
	if (n == NULL)
		return;
	n->a = (uint16_t)(colspan < 1 ? 1 : MIN_OF(colspan, 16384U));
	n->b = rowspan < 1 ? 1 : MIN_OF(rowspan, 1048576U);
}

/* The label's letters and digits, so that it can be written anywhere. */
static void
label_set(struct doc *d, struct doc_node *n, struct str label)
{
	char z[32];
	size_t used = 0;

	for (size_t i = 0; i < label.n && used < sizeof z; i++) {
		char c = label.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || c == '-')
			z[used++] = c;
	}
	doc_node_set_text(d, n, (struct str){z, used});
}

/* A container inside whatever is open, which stays as it is. */
static struct doc_node *
float_open(struct doc *d, enum doc_kind kind)
{
	int at;

	if (d->over != NULL)
		return NULL;
	at = doc_block_kind(d);
	if (doc_top(d) == NULL || !doc_kind_is_inline(doc_top_kind(d)) ||
	    doc_top(d)->split) {
		if (at == DOC_LIST || at == DOC_TABLE || at == DOC_ROW)
			doc_block_place(d);
	}
	return d->over == NULL ? doc_push(d, kind, false) : NULL;
}

void
doc_footnote(struct doc *d, struct str label)
{
	struct doc_node *n = float_open(d, DOC_FOOTNOTE);

	if (n != NULL)
		label_set(d, n, label);
}

void
doc_aside(struct doc *d)
{
	(void)float_open(d, DOC_ASIDE);
}

void
doc_end(struct doc *d)
{
	if (d->over != NULL)
		return;
	doc_pop_implicit(d);
	if (d->n_open != 0)
		doc_pop(d);
}

void
doc_block_end(struct doc *d)
{
	if (d->over == NULL)
		doc_split_inline(d);
}

/* --- other leaves ----------------------------------------------------- */

void
doc_link(struct doc *d, struct str url)
{
	struct doc_node *n;

	if (!doc_inline_place(d))
		return;
	if (d->spaced && d->inked)
		doc_text_put(d, " ", 1, DOC_PLAIN);
	d->spaced = false;
	n = d->over == NULL ? doc_push(d, DOC_LINK, false) : NULL;
	if (n == NULL)
		return;
	doc_node_set_text(d, n, url);
	d->open[d->n_open - 1].url_at = n->at;
	d->open[d->n_open - 1].url_n = n->n;
}

void
doc_break(struct doc *d)
{
	const struct doc_node *last;
	struct doc_open *o;

	if (d->over != NULL)
		return;
	o = doc_top(d);
	if (o != NULL && o->kind == DOC_CODE_BLOCK && !o->split) {
		doc_text_put(d, "\n", 1, DOC_PLAIN);
		return;
	}
	if (!d->inked || o == NULL || !doc_kind_is_inline(o->kind) || o->split)
		return;
	d->spaced = false;
	last = doc_node_last(d);
	if (last != NULL && last->kind == DOC_BREAK && o->kind == DOC_PARA) {
		d->nodes.n -= sizeof *last;
		doc_node_close(d, o->node);
		(void)doc_node_add(d, DOC_PARA);
		o->node = doc_node_count(d) - 1;
		d->inked = false;
		return;
	}
	(void)doc_node_add(d, DOC_BREAK);
}

void
doc_rule(struct doc *d)
{
	if (d->over != NULL)
		return;
	doc_block_place(d);
	if (d->over == NULL)
		(void)doc_node_add(d, DOC_RULE);
}

static struct doc_node *
leaf(struct doc *d, enum doc_kind kind)
{
	if (!doc_inline_place(d))
		return NULL;
	if (d->spaced && d->inked && kind == DOC_IMAGE)
		doc_text_put(d, " ", 1, DOC_PLAIN);
	if (kind == DOC_IMAGE)
		d->spaced = false;
	d->inked = true;
	return d->over == NULL ? doc_node_add(d, kind) : NULL;
}

void
doc_note_ref(struct doc *d, struct str label)
{
	struct doc_node *n = leaf(d, DOC_NOTE_REF);

	if (n != NULL)
		label_set(d, n, label);
}

void
doc_image(struct doc *d, struct str alt)
{
	struct doc_node *n;

	alt = str_trim(alt);
	if (alt.n == 0)
		return;
	n = leaf(d, DOC_IMAGE);
	if (n != NULL)
		doc_node_set_text(d, n, alt);
}
