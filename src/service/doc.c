/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds a document. The stack `open` holds the containers that are open; an
 * implicit one was opened because the reader put text (or a row, an item...)
 * where a container was missing, and closes by itself. A block inside a
 * paragraph splits the paragraph: its entry stays on the stack, so that the
 * reader's doc_end() still finds it, but its node is closed.
 */
#include "service/doc.h"

#include <stdlib.h>

#include "base/mem.h"
#include "service/doc_node.h"

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

/* --- nodes ------------------------------------------------------------ */

static struct doc_node *
node_add(struct doc *d, enum doc_kind kind)
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

static struct doc_node *
node_last(struct doc *d)
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

static bool
is_inline(int kind)
{
	return kind == DOC_HEADING || kind == DOC_PARA ||
	    kind == DOC_CODE_BLOCK || kind == DOC_LINK;
}

static struct doc_open *
top(struct doc *d)
{
	return d->n_open != 0 ? &d->open[d->n_open - 1] : NULL;
}

static int
top_kind(struct doc *d)
{
	return d->n_open != 0 ? d->open[d->n_open - 1].kind : DOC_END;
}

static struct doc_node *
push(struct doc *d, enum doc_kind kind, bool implicit)
{
	struct doc_node *n;

	if (d->n_open == DOC_STACK_MAX ||
	    (counts_as_nesting((int)kind) && d->depth == d->limits.depth)) {
		d->over = "parts nested too deeply";
		return NULL;
	}
	n = node_add(d, kind);
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
static void
node_close(struct doc *d, uint32_t start)
{
	struct doc_node *n = doc_nodes(d) + start;
	struct doc_node *end;
	uint32_t at = doc_node_count(d);

	if (at == start + 1 && n->kind != DOC_ITEM && n->kind != DOC_CELL &&
	    n->kind != DOC_ROW && n->kind != DOC_CODE_BLOCK) {
		d->nodes.n -= sizeof *n;
		return;
	}
	end = node_add(d, DOC_END);
	if (end == NULL)
		return;
	end->peer = start;
	doc_nodes(d)[start].peer = at;
}

static void
pop(struct doc *d)
{
	struct doc_open o = d->open[--d->n_open];

	if (!o.split)
		node_close(d, o.node);
	d->depth -= counts_as_nesting(o.kind);
	if (o.kind == DOC_FOOTNOTE || o.kind == DOC_ASIDE) {
		d->inked = o.was_inked;
		d->spaced = o.was_spaced;
	} else if (o.kind != DOC_LINK) {
		d->inked = false;
		d->spaced = false;
	}
}

static void
pop_implicit(struct doc *d)
{
	while (d->n_open != 0 && top(d)->implicit)
		pop(d);
}

static void
entry_remove(struct doc *d, unsigned i)
{
	d->n_open--;
	memmove(&d->open[i], &d->open[i + 1],
	    (d->n_open - i) * sizeof d->open[0]);
}

/* Leaves the text containers on top, so that a block can be written. */
static void
split_inline(struct doc *d)
{
	unsigned i = d->n_open;

	while (i > 0 && is_inline(d->open[i - 1].kind)) {
		struct doc_open *o = &d->open[--i];

		if (!o->split)
			node_close(d, o->node);
		if (o->implicit)
			entry_remove(d, i);
		else
			o->split = true;
	}
	d->inked = false;
	d->spaced = false;
}

/* The innermost container that is not a (split) text container. */
static int
block_kind(struct doc *d)
{
	for (unsigned i = d->n_open; i > 0; i--) {
		if (!is_inline(d->open[i - 1].kind))
			return d->open[i - 1].kind;
	}
	return DOC_END;
}

/* Makes sure that a paragraph, list or table may stand here. */
static void
block_place(struct doc *d)
{
	split_inline(d);
	if (block_kind(d) == DOC_LIST)
		(void)push(d, DOC_ITEM, true);
	if (block_kind(d) == DOC_TABLE)
		(void)push(d, DOC_ROW, true);
	if (block_kind(d) == DOC_ROW) {
		struct doc_node *n = push(d, DOC_CELL, true);

		if (n != NULL) {
			n->a = 1;
			n->b = 1;
		}
	}
}

/* Opens an implicit paragraph unless text may be written as it is. */
static bool
inline_place(struct doc *d)
{
	const struct doc_open *o = top(d);
	struct doc_open link = {.kind = DOC_END};
	struct doc_node *n;

	if (d->over != NULL)
		return false;
	if (o != NULL && is_inline(o->kind) && !o->split && o->kind != DOC_LINK)
		return true;
	if (o != NULL && o->kind == DOC_LINK && !o->split)
		return true;
	for (unsigned i = d->n_open; i > 0; i--) {
		if (!is_inline(d->open[i - 1].kind))
			break;
		if (d->open[i - 1].kind == DOC_LINK)
			link = d->open[i - 1];
	}
	block_place(d);
	if (d->over != NULL || push(d, DOC_PARA, true) == NULL)
		return false;
	if (link.kind == DOC_LINK) {
		n = push(d, DOC_LINK, true);
		if (n != NULL) {
			n->at = link.url_at;
			n->n = link.url_n;
		}
	}
	return d->over == NULL;
}

/* Copies text that belongs to a node itself: a label, an address. */
static void
node_set_text(struct doc *d, struct doc_node *n, struct str s)
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

static struct doc_node *
block(struct doc *d, enum doc_kind kind)
{
	if (d->over != NULL)
		return NULL;
	block_place(d);
	return d->over == NULL ? push(d, kind, false) : NULL;
}

/* --- blocks ----------------------------------------------------------- */

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
	split_inline(d);
	while (d->n_open != 0 && top(d)->implicit && top_kind(d) != (int)parent)
		pop(d);
	if (block_kind(d) != (int)parent) {
		block_place(d);
		(void)push(d, parent, true);
	}
}

void
doc_item(struct doc *d)
{
	if (d->over != NULL)
		return;
	parent_place(d, DOC_LIST);
	if (d->over == NULL)
		(void)push(d, DOC_ITEM, false);
}

void
doc_code(struct doc *d, struct str language)
{
	struct doc_node *n = block(d, DOC_CODE_BLOCK);

	if (n != NULL)
		node_set_text(d, n, language);
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
	n = d->over == NULL ? push(d, DOC_ROW, false) : NULL;
	if (n != NULL)
		n->a = header;
}

void
doc_cell(struct doc *d, unsigned colspan, unsigned rowspan)
{
	struct doc_node *n;

	if (d->over != NULL)
		return;
	split_inline(d);
	while (d->n_open != 0 && top(d)->implicit && top_kind(d) != DOC_ROW)
		pop(d);
	if (block_kind(d) != DOC_ROW) {
		parent_place(d, DOC_TABLE);
		if (d->over == NULL)
			(void)push(d, DOC_ROW, true);
	}
	n = d->over == NULL ? push(d, DOC_CELL, false) : NULL;
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
	node_set_text(d, n, (struct str){z, used});
}

/* A container inside whatever is open, which stays as it is. */
static struct doc_node *
float_open(struct doc *d, enum doc_kind kind)
{
	int at;

	if (d->over != NULL)
		return NULL;
	at = block_kind(d);
	if (top(d) == NULL || !is_inline(top_kind(d)) || top(d)->split) {
		if (at == DOC_LIST || at == DOC_TABLE || at == DOC_ROW)
			block_place(d);
	}
	return d->over == NULL ? push(d, kind, false) : NULL;
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
	pop_implicit(d);
	if (d->n_open != 0)
		pop(d);
}

void
doc_block_end(struct doc *d)
{
	if (d->over == NULL)
		split_inline(d);
}

/* --- text ------------------------------------------------------------- */

/* Adds bytes to the text node at the end, or begins one. */
static void
text_put(struct doc *d, const char *p, size_t n, unsigned style)
{
	struct doc_node *last = node_last(d);

	if (d->text.n + n > d->limits.text_bytes) {
		d->over = "too much text";
		return;
	}
	if (last == NULL || last->kind != DOC_TEXT || last->style != style ||
	    last->at + last->n != d->text.n) {
		last = node_add(d, DOC_TEXT);
		if (last == NULL)
			return;
		last->style = (uint8_t)style;
	}
	if (buf_add(&d->text, p, n))
		last->n += (uint32_t)n;
}

static void
ink(struct doc *d, const char *p, size_t n, unsigned style)
{
	if (!inline_place(d))
		return;
	if (d->spaced && d->inked)
		text_put(d, " ", 1, style);
	d->spaced = false;
	d->inked = true;
	text_put(d, p, n, style);
}

enum text_class {
	CLASS_INK,
	CLASS_SPACE,
	CLASS_DROP,
	CLASS_BAD
};

static enum text_class
class_of(uint32_t c)
{
	if (c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xa0 ||
	    (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
	    c == 0x202f || c == 0x205f || c == 0x3000)
		return CLASS_SPACE;
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x200b ||
	    c == 0x2060 || c == 0xfeff)
		return CLASS_DROP;
	return CLASS_INK;
}

/* Classifies the character at p and gives its length in bytes, >= 1. */
static enum text_class
char_at(const char *p, size_t n, size_t *len)
{
	static const uint8_t first[4] = {0x7f, 0x1f, 0x0f, 0x07};
	unsigned char c = (unsigned char)p[0];
	size_t want = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t code = c & first[want - 1];

	*len = 1;
	if (want == 1)
		return class_of(c);
	if (want > n || !str_utf8_ok((struct str){p, want}))
		return CLASS_BAD;
	*len = want;
	for (size_t i = 1; i < want; i++)
		code = code << 6 | ((unsigned char)p[i] & 0x3f);
	return class_of(code);
}

static void
text_collapse(struct doc *d, struct str s, unsigned style)
{
	size_t from = 0;
	size_t i = 0;

	while (i < s.n && d->over == NULL) {
		size_t len = 1;
		enum text_class class = (unsigned char)s.p[i] > ' ' &&
			(unsigned char)s.p[i] < 0x7f
		    ? CLASS_INK
		    : char_at(s.p + i, s.n - i, &len);

		if (class == CLASS_INK) {
			i += len;
			continue;
		}
		if (i > from)
			ink(d, s.p + from, i - from, style);
		if (class == CLASS_BAD)
			ink(d, "\xef\xbf\xbd", 3, style);
		else if (class == CLASS_SPACE)
			d->spaced = d->inked;
		i += len;
		from = i;
	}
	if (i > from && d->over == NULL)
		ink(d, s.p + from, i - from, style);
}

/* In a block of code: everything but control characters. */
static void
text_verbatim(struct doc *d, struct str s)
{
	size_t from = 0;
	size_t i = 0;

	while (i < s.n && d->over == NULL) {
		size_t len = 1;
		enum text_class class = char_at(s.p + i, s.n - i, &len);

		if (class == CLASS_INK || s.p[i] == '\n' || s.p[i] == '\t' ||
		    (class == CLASS_SPACE && s.p[i] != '\r')) {
			i += len;
			continue;
		}
		if (i > from)
			text_put(d, s.p + from, i - from, DOC_PLAIN);
		if (class == CLASS_BAD)
			text_put(d, "\xef\xbf\xbd", 3, DOC_PLAIN);
		i += len;
		from = i;
	}
	if (i > from && d->over == NULL)
		text_put(d, s.p + from, i - from, DOC_PLAIN);
}

void
doc_text(struct doc *d, struct str utf8, unsigned style)
{
	if (d->over != NULL || utf8.n == 0)
		return;
	if (top_kind(d) == DOC_CODE_BLOCK && !top(d)->split)
		text_verbatim(d, utf8);
	else
		text_collapse(d, utf8, style);
}

void
doc_link(struct doc *d, struct str url)
{
	struct doc_node *n;

	if (!inline_place(d))
		return;
	if (d->spaced && d->inked)
		text_put(d, " ", 1, DOC_PLAIN);
	d->spaced = false;
	n = d->over == NULL ? push(d, DOC_LINK, false) : NULL;
	if (n == NULL)
		return;
	node_set_text(d, n, url);
	d->open[d->n_open - 1].url_at = n->at;
	d->open[d->n_open - 1].url_n = n->n;
}

/* --- other leaves ----------------------------------------------------- */

void
doc_break(struct doc *d)
{
	const struct doc_node *last;
	struct doc_open *o;

	if (d->over != NULL)
		return;
	o = top(d);
	if (o != NULL && o->kind == DOC_CODE_BLOCK && !o->split) {
		text_put(d, "\n", 1, DOC_PLAIN);
		return;
	}
	if (!d->inked || o == NULL || !is_inline(o->kind) || o->split)
		return;
	d->spaced = false;
	last = node_last(d);
	if (last != NULL && last->kind == DOC_BREAK && o->kind == DOC_PARA) {
		d->nodes.n -= sizeof *last;
		node_close(d, o->node);
		(void)node_add(d, DOC_PARA);
		o->node = doc_node_count(d) - 1;
		d->inked = false;
		return;
	}
	(void)node_add(d, DOC_BREAK);
}

void
doc_rule(struct doc *d)
{
	if (d->over != NULL)
		return;
	block_place(d);
	if (d->over == NULL)
		(void)node_add(d, DOC_RULE);
}

static struct doc_node *
leaf(struct doc *d, enum doc_kind kind)
{
	if (!inline_place(d))
		return NULL;
	if (d->spaced && d->inked && kind == DOC_IMAGE)
		text_put(d, " ", 1, DOC_PLAIN);
	if (kind == DOC_IMAGE)
		d->spaced = false;
	d->inked = true;
	return d->over == NULL ? node_add(d, kind) : NULL;
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
		node_set_text(d, n, alt);
}

/* --- pages and metadata ----------------------------------------------- */

/* Keeps a short text aside; white space collapsed, broken UTF-8 cut. */
static void
side_put(struct doc *d, struct str s, size_t *at, size_t *n)
{
	bool space = false;

	if (s.n > 4096)
		s.n = 4096;
	while (s.n != 0 && !str_utf8_ok(s))
		s.n--;
	*at = d->side.n;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == 0x7f) {
			space = d->side.n != *at;
			continue;
		}
		if (space)
			(void)buf_c(&d->side, ' ');
		space = false;
		(void)buf_c(&d->side, (char)c);
	}
	*n = d->side.n - *at;
}

void
doc_meta(struct doc *d, const char *key, struct str value)
{
	struct doc_meta_rec rec;
	struct str k, v;

	if (d->over != NULL)
		return;
	for (size_t i = 0; doc_meta_at(d, i, &k, &v); i++) {
		if (str_eqz(k, key))
			return;
	}
	side_put(d, value, &rec.value_at, &rec.value_n);
	if (rec.value_n == 0)
		return;
	side_put(d, str_of(key), &rec.key_at, &rec.key_n);
	(void)buf_add(&d->metas, &rec, sizeof rec);
}

bool
doc_meta_at(const struct doc *d, size_t i, struct str *key, struct str *value)
{
	struct doc_meta_rec rec;

	if (i >= d->metas.n / sizeof rec)
		return false;
	memcpy(&rec, d->metas.p + i * sizeof rec, sizeof rec);
	*key = (struct str){d->side.p + rec.key_at, rec.key_n};
	*value = (struct str){d->side.p + rec.value_at, rec.value_n};
	return true;
}

void
doc_page(struct doc *d, unsigned number, struct str label)
{
	struct doc_page_rec rec = {.info.number = number,
	    .info.method = DOC_METHOD_TEXT,
	    .info.confidence = 1};
	struct doc_node *n;

	if (d->over != NULL)
		return;
	pop_implicit(d);
	side_put(d, label, &rec.label_at, &rec.label_n);
	rec.node = doc_node_count(d);
	rec.outer = d->n_open != 0 && !d->open[0].split ? d->open[0].node
							: rec.node;
	n = node_add(d, DOC_PAGE);
	if (n == NULL)
		return;
	n->b = (uint32_t)(d->pages.n / sizeof rec);
	if (!buf_add(&d->pages, &rec, sizeof rec))
		d->over = "too many pages";
}

void
doc_page_read(struct doc *d, enum doc_method how, double confidence, int64_t us,
    struct str problem)
{
	struct doc_page_rec *rec;

	if (d->over != NULL || d->pages.n == 0)
		return;
	rec = doc_page_recs(d) + d->pages.n / sizeof *rec - 1;
	rec->info.method = how;
	rec->info.confidence = confidence;
	rec->info.us = us;
	side_put(d, problem, &rec->problem_at, &rec->problem_n);
}

size_t
doc_pages(const struct doc *d)
{
	return d->pages.n / sizeof(struct doc_page_rec);
}

void
doc_page_info(const struct doc *d, size_t i, struct doc_page_info *out)
{
	const struct doc_page_rec *rec = doc_page_recs(d) + i;

	assert(i < doc_pages(d));
	*out = rec->info;
	out->problem = (struct str){d->side.p != NULL
		? d->side.p + rec->problem_at
		: "",
	    rec->problem_n};
}
