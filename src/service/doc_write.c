/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a document as Markdown (GitHub's flavour) or as plain text: one walk
 * over the nodes in reading order. Blocks put a prefix (list marker, quote
 * sign) before each of their lines; the text of a block is first rendered into
 * `line` by doc_inline.c, then written out line by line.
 */
#include <stdlib.h>

#include "service/doc_inline.h"

enum {
	FRAME_MAX = DOC_STACK_MAX,
	JUMP_MAX = DOC_DEPTH_MAX + 8
};

struct frame {
	uint8_t kind;
	bool marked;        /* an item or quote whose sign is in the prefix */
	bool wrote;         /* something was written inside */
	bool after_list;    /* the last thing written inside was a list... */
	bool after_ordered; /* ...of this kind */
	bool second_list;   /* use the other markers: a list before this one */
	bool ordered;
	uint32_t number;
	size_t prefix_n; /* of `prefix` outside */
};

struct jump {
	uint32_t resume, end;
	unsigned frames;
};

struct writer {
	struct inline_state in; /* document, page, markdown, current page */
	struct buf *out;
	struct buf line;   /* of one block */
	struct buf row;    /* of one table row */
	struct buf prefix; /* of continuation lines */
	struct buf marker; /* replaces the prefix on an item's first line */
	struct buf spans;  /* unsigned[]: rows still covered, by column */
	struct frame frames[FRAME_MAX];
	unsigned n_frames;
	struct jump jumps[JUMP_MAX];
	unsigned n_jumps;
	bool any; /* something was written */
};

static struct frame *
frame_top(struct writer *w)
{
	return &w->frames[w->n_frames - 1];
}

static void
frame_push(struct writer *w, int kind)
{
	assert(w->n_frames < FRAME_MAX);
	w->frames[w->n_frames++] = (struct frame){.kind = (uint8_t)kind,
	    .prefix_n = w->prefix.n};
}

static void
frame_pop(struct writer *w)
{
	w->prefix.n = w->frames[--w->n_frames].prefix_n;
}

/* --- lines ------------------------------------------------------------ */

/* Starts a line: the item's marker if it is due, else the prefix. */
static void
line_begin(struct writer *w, bool empty)
{
	struct str s = buf_view(&w->prefix);

	if (w->marker.n != 0) {
		(void)buf_str(w->out, buf_view(&w->marker));
		buf_clear(&w->marker);
		return;
	}
	while (empty && s.n != 0 && s.p[s.n - 1] == ' ')
		s.n--;
	(void)buf_str(w->out, s);
}

static void
line_put(struct writer *w, struct str s)
{
	line_begin(w, s.n == 0);
	(void)buf_str(w->out, s);
	(void)buf_c(w->out, '\n');
}

static void
lines_put(struct writer *w, struct str text)
{
	while (text.p != NULL)
		line_put(w, str_cut(&text, '\n'));
}

/* The sign of an item or quote is added when it turns out to have content. */
static void
frame_mark(struct writer *w, struct frame *f)
{
	const struct frame *list = f - 1;
	char z[24] = "> ";

	f->marked = true;
	f->prefix_n = w->prefix.n;
	if (f->kind == DOC_QUOTE) {
		if (w->marker.n != 0)
			(void)buf_z(&w->marker, z);
		(void)buf_z(&w->prefix, z);
		return;
	}
	if (list->ordered)
		(void)str_fmt(z, sizeof z, "%u%s ", list->number,
		    list->second_list && w->in.md ? ")" : ".");
	else
		(void)str_fmt(z, sizeof z, "%s ",
		    list->second_list && w->in.md ? "*" : "-");
	if (w->marker.n == 0)
		(void)buf_str(&w->marker, buf_view(&w->prefix));
	(void)buf_z(&w->marker, z);
	for (size_t n = strlen(z); n != 0; n--)
		(void)buf_c(&w->prefix, ' ');
}

/* Is a blank line due before a block that begins with frame f? Not between
 * the items of a list, nor before a list inside an item. */
static bool
gap_before(const struct writer *w, const struct frame *f)
{
	if (!w->any || f->kind != DOC_ITEM)
		return w->any;
	return !f[-1].wrote && f[-2].kind != DOC_ITEM;
}

/* An empty line inside the containers that are marked already. */
static void
gap_put(struct writer *w)
{
	struct str s = buf_view(&w->prefix);

	while (s.n != 0 && s.p[s.n - 1] == ' ')
		s.n--;
	(void)buf_str(w->out, s);
	(void)buf_c(w->out, '\n');
}

/* What stands between this block and the one before it. */
static void
block_begin(struct writer *w)
{
	bool decided = false;
	bool gap = w->any;

	for (unsigned i = 1; i < w->n_frames; i++) {
		struct frame *f = &w->frames[i];

		if ((f->kind != DOC_ITEM && f->kind != DOC_QUOTE) || f->marked)
			continue;
		if (!decided)
			gap = gap_before(w, f);
		decided = true;
		if (gap)
			gap_put(w);
		gap = false;
		frame_mark(w, f);
	}
	if (gap)
		gap_put(w);
	for (unsigned i = 0; i < w->n_frames; i++) {
		w->frames[i].wrote = true;
		w->frames[i].after_list = false;
	}
	w->any = true;
}

/* --- blocks ----------------------------------------------------------- */

static void
heading_put(struct writer *w, const struct doc_node *n)
{
	char z[8] = "###### ";

	if (w->line.n == 0)
		return;
	block_begin(w);
	line_begin(w, false);
	if (w->in.md)
		(void)buf_z(w->out, z + 6 - n->a);
	(void)buf_str(w->out, buf_view(&w->line));
	(void)buf_c(w->out, '\n');
}

static void
para_put(struct writer *w)
{
	if (w->line.n == 0)
		return;
	block_begin(w);
	lines_put(w, buf_view(&w->line));
}

/* A fence longer than any run of back-quotes inside. */
static size_t
fence_length(struct str s)
{
	size_t best = 2;
	size_t run = 0;

	for (size_t i = 0; i < s.n; i++) {
		run = s.p[i] == '`' ? run + 1 : 0;
		best = MAX_OF(best, run);
	}
	return best + 1;
}

static void
fence_put(struct writer *w, size_t n, struct str language)
{
	line_begin(w, false);
	while (n-- != 0)
		(void)buf_c(w->out, '`');
	for (size_t i = 0; i < language.n; i++) {
		if (language.p[i] > ' ' && language.p[i] != '`')
			(void)buf_c(w->out, language.p[i]);
	}
	(void)buf_c(w->out, '\n');
}

static void
code_put(struct writer *w, uint32_t i, uint32_t end)
{
	const struct doc *d = w->in.d;
	const struct doc_node *nodes = doc_nodes(d);
	struct str s;
	size_t fence;

	buf_clear(&w->line);
	for (uint32_t k = i + 1; k < end; k++) {
		inline_note_page(&w->in, &nodes[k]);
		if (nodes[k].kind == DOC_TEXT && inline_visible(&w->in))
			(void)buf_str(&w->line, doc_node_text(d, &nodes[k]));
	}
	s = buf_view(&w->line);
	while (s.n != 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == ' '))
		s.n--;
	if (s.n == 0)
		return;
	block_begin(w);
	if (!w->in.md) {
		lines_put(w, s);
		return;
	}
	fence = fence_length(s);
	fence_put(w, fence, doc_node_text(d, &nodes[i]));
	lines_put(w, s);
	fence_put(w, fence, (struct str){NULL, 0});
}

static void
page_put(struct writer *w, const struct doc_node *n)
{
	const struct doc_page_rec *rec = doc_page_recs(w->in.d) + n->b;

	if (w->in.page != 0)
		return;
	if (!w->in.md) {
		if (w->any)
			(void)buf_c(w->out, '\f');
		w->any = false;
		return;
	}
	block_begin(w);
	(void)buf_fmt(w->out, "<!-- page %u -->\n", rec->info.number);
}

static void
pages_due(struct writer *w)
{
	while (w->in.marks_from < w->in.marks_to) {
		struct doc_node n = {.b = w->in.marks_from++};

		page_put(w, &n);
	}
}

/* --- tables ----------------------------------------------------------- */

struct shape {
	uint32_t rows, cells, columns;
	bool nested, blocks;
};

static unsigned *
span_at(struct writer *w, uint32_t column)
{
	while (w->spans.n / sizeof(unsigned) <= column) {
		static const unsigned none[32];

		if (!buf_add(&w->spans, none, sizeof none))
			return NULL;
	}
	return (unsigned *)(void *)w->spans.p + column;
}

/* The next free column from `column` on; covered ones are used up. */
static uint32_t
span_skip(struct writer *w, uint32_t column)
{
	unsigned *left;

	while ((left = span_at(w, column)) != NULL && *left != 0) {
		(*left)--;
		column++;
	}
	return column;
}

static void
span_set(struct writer *w, uint32_t column, const struct doc_node *cell,
    uint32_t columns)
{
	for (uint32_t i = 0; i < cell->a && column + i < columns; i++) {
		unsigned *left = span_at(w, column + i);

		if (left != NULL)
			*left = cell->b - 1;
	}
}

/* Counts rows and columns; a span is as wide as the cells that start in it
 * make it, so that colspan="100" is not a hundred columns. */
static struct shape
table_shape(struct writer *w, uint32_t table, uint32_t end)
{
	const struct doc_node *nodes = doc_nodes(w->in.d);
	struct shape s = {0};
	uint32_t column = 0;

	buf_clear(&w->spans);
	for (uint32_t i = table + 1; i < end; i++) {
		const struct doc_node *n = &nodes[i];

		if (n->kind == DOC_TABLE) {
			s.nested = true;
			i = inline_end(&w->in, i) - 1;
		} else if (n->kind == DOC_HEADING) {
			s.blocks = true;
		} else if (n->kind == DOC_ROW) {
			s.rows++;
			column = 0;
		} else if (n->kind == DOC_CELL) {
			s.cells++;
			column = span_skip(w, column);
			span_set(w, column, n, column + n->a);
			s.columns = MAX_OF(s.columns, column + 1);
			column += n->a;
		} else if (n->kind == DOC_END &&
		    nodes[n->peer].kind == DOC_ROW) {
			(void)span_skip(w, column);
		}
	}
	return s;
}

static bool
only_arranges(const struct shape *s)
{
	return s->cells <= 1 || s->blocks || (s->nested && s->rows == 1);
}

static void
row_cells(struct writer *w, uint32_t row, uint32_t end, uint32_t columns,
    bool *any)
{
	const struct doc_node *nodes = doc_nodes(w->in.d);
	const char *sep = w->in.md ? " | " : "\t";
	uint32_t column = 0;

	buf_clear(&w->row);
	for (uint32_t i = row + 1; i < end; i++) {
		uint32_t cell_end;
		uint32_t at;

		if (nodes[i].kind != DOC_CELL)
			continue;
		cell_end = inline_end(&w->in, i);
		for (at = span_skip(w, column); column < at; column++)
			(void)buf_z(&w->row, column != 0 ? sep : "");
		if (column >= columns)
			break;
		(void)buf_z(&w->row, column != 0 ? sep : "");
		buf_clear(&w->line);
		inline_cell(&w->in, i, cell_end, &w->line);
		*any = *any || w->line.n != 0;
		(void)buf_str(&w->row, buf_view(&w->line));
		span_set(w, column, &nodes[i], columns);
		/* what this cell covers in its own row stays empty */
		for (uint32_t k = 1; k < nodes[i].a && column + 1 < columns;
		     k++) {
			column++;
			(void)buf_z(&w->row, sep);
		}
		column++;
		i = cell_end;
	}
	for (uint32_t at = span_skip(w, column); column < at; column++)
		(void)buf_z(&w->row,
		    column != 0 && column < columns ? sep : "");
	for (; w->in.md && column < columns; column++)
		(void)buf_z(&w->row, column != 0 ? sep : "");
}

static void
row_put(struct writer *w)
{
	struct str s = buf_view(&w->row);

	if (!w->in.md) {
		while (s.n != 0 && s.p[s.n - 1] == '\t')
			s.n--;
		line_put(w, s);
		return;
	}
	line_begin(w, false);
	(void)buf_z(w->out, "| ");
	(void)buf_str(w->out, s);
	(void)buf_z(w->out, " |\n");
}

static void
table_put(struct writer *w, uint32_t table, uint32_t end,
    const struct shape *shape)
{
	const struct doc_node *nodes = doc_nodes(w->in.d);
	bool first = true;

	buf_clear(&w->spans);
	for (uint32_t i = table + 1; i < end; i++) {
		bool any = false;
		uint32_t row_end;

		inline_note_page(&w->in, &nodes[i]);
		if (nodes[i].kind != DOC_ROW)
			continue;
		row_end = inline_end(&w->in, i);
		row_cells(w, i, row_end, shape->columns, &any);
		i = row_end;
		if (!any)
			continue;
		if (first)
			block_begin(w);
		row_put(w);
		if (first && w->in.md) {
			line_begin(w, false);
			for (uint32_t k = 0; k < shape->columns; k++)
				(void)buf_z(w->out, "| --- ");
			(void)buf_z(w->out, "|\n");
		}
		first = false;
	}
}

/* --- the walk --------------------------------------------------------- */

static void
list_open(struct writer *w, const struct doc_node *n)
{
	bool after = frame_top(w)->after_list;
	bool second = after && frame_top(w)->after_ordered == (n->a != 0) &&
	    !frame_top(w)->second_list;

	frame_top(w)->second_list = second;
	frame_push(w, DOC_LIST);
	frame_top(w)->ordered = n->a != 0;
	frame_top(w)->number = n->b - 1;
	frame_top(w)->second_list = second;
}

static void
list_item(struct writer *w)
{
	if (frame_top(w)->kind == DOC_LIST)
		frame_top(w)->number++;
	frame_push(w, DOC_ITEM);
}

static void
list_close(struct writer *w)
{
	struct frame list = *frame_top(w);

	frame_pop(w);
	if (!list.wrote)
		return;
	frame_top(w)->after_list = true;
	frame_top(w)->after_ordered = list.ordered;
}

/* Asides that stood inside the text of a block follow it. */
static void
asides_after(struct writer *w, uint32_t from, uint32_t end, uint32_t *next)
{
	const struct doc_node *nodes = doc_nodes(w->in.d);

	for (uint32_t i = from + 1; i < end; i++) {
		uint32_t stop;

		if (nodes[i].kind != DOC_ASIDE && nodes[i].kind != DOC_FOOTNOTE)
			continue;
		stop = inline_end(&w->in, i);
		if (nodes[i].kind == DOC_ASIDE && w->n_jumps < JUMP_MAX) {
			/* come back to look for more of them */
			w->jumps[w->n_jumps++] = (struct jump){stop, end,
			    w->n_frames};
			*next = i + 1;
			return;
		}
		i = stop;
	}
	*next = end;
}

/* Writes the text of a heading, paragraph or code block. */
static uint32_t
text_block(struct writer *w, uint32_t i)
{
	const struct doc_node *n = &doc_nodes(w->in.d)[i];
	uint32_t end = inline_end(&w->in, i);
	uint32_t next;

	if (n->kind == DOC_CODE_BLOCK) {
		code_put(w, i, end);
	} else {
		buf_clear(&w->line);
		inline_render(&w->in, i + 1, end,
		    n->kind == DOC_HEADING ? INLINE_HEADING : INLINE_PARA,
		    &w->line);
		if (n->kind == DOC_HEADING)
			heading_put(w, n);
		else
			para_put(w);
	}
	pages_due(w);
	asides_after(w, i, end, &next);
	return next == end ? end + 1 : next;
}

static uint32_t
table_block(struct writer *w, uint32_t i)
{
	uint32_t end = inline_end(&w->in, i);
	struct shape shape = table_shape(w, i, end);

	if (only_arranges(&shape)) {
		frame_push(w, DOC_TABLE);
		return i + 1;
	}
	table_put(w, i, end, &shape);
	pages_due(w);
	return end + 1;
}

static void
close_block(struct writer *w, int kind)
{
	switch (kind) {
	case DOC_LIST:
		list_close(w);
		break;
	case DOC_QUOTE:
	case DOC_ITEM:
	case DOC_TABLE:
		frame_pop(w);
		break;
	default:
		break;
	}
}

/* Writes node i (of what is wanted) and returns the index of the next. */
static uint32_t
step(struct writer *w, uint32_t i)
{
	const struct doc_node *nodes = doc_nodes(w->in.d);
	const struct doc_node *n = &nodes[i];

	switch (n->kind) {
	case DOC_HEADING:
	case DOC_PARA:
	case DOC_CODE_BLOCK:
		return text_block(w, i);
	case DOC_TABLE:
		return table_block(w, i);
	case DOC_LIST:
		list_open(w, n);
		break;
	case DOC_ITEM:
		list_item(w);
		break;
	case DOC_QUOTE:
		frame_push(w, DOC_QUOTE);
		break;
	case DOC_FOOTNOTE: /* later */
		return inline_end(&w->in, i) + 1;
	case DOC_RULE:
		if (inline_visible(&w->in)) {
			block_begin(w);
			line_put(w, w->in.md ? STR("---") : STR("----"));
		}
		break;
	case DOC_PAGE:
		inline_note_page(&w->in, n);
		pages_due(w);
		break;
	case DOC_END:
		close_block(w, nodes[n->peer].kind);
		break;
	default:
		break;
	}
	return i + 1;
}

static void
walk(struct writer *w, uint32_t from, uint32_t to)
{
	uint32_t i = from;
	uint32_t next;

	for (;;) {
		const struct jump *j = w->n_jumps != 0
		    ? &w->jumps[w->n_jumps - 1]
		    : NULL;

		if (j != NULL && i == j->resume) {
			uint32_t end = j->end;

			w->n_jumps--;
			asides_after(w, i, end, &next);
			i = next == end ? end + 1 : next;
			continue;
		}
		if (i >= to || w->out->full)
			break;
		i = step(w, i);
	}
	w->n_jumps = 0;
	while (w->n_frames > 1)
		frame_pop(w);
}

static void
footnote_put(struct writer *w, uint32_t i)
{
	struct str label = doc_node_text(w->in.d, &doc_nodes(w->in.d)[i]);

	/* the first line stands behind the label, the others are indented */
	frame_push(w, DOC_FOOTNOTE);
	(void)buf_fmt(&w->marker, w->in.md ? "[^%.*s]: " : "[%.*s] ",
	    STR_ARG(label));
	(void)buf_z(&w->prefix, "    ");
	walk(w, i + 1, inline_end(&w->in, i));
	buf_clear(&w->marker);
}

static void
footnotes(struct writer *w, uint32_t from, uint32_t to)
{
	const struct doc_node *nodes = doc_nodes(w->in.d);

	w->in.now = 0;
	for (uint32_t i = from; i < to && !w->out->full; i++) {
		inline_note_page(&w->in, &nodes[i]);
		if (nodes[i].kind == DOC_FOOTNOTE && inline_visible(&w->in))
			footnote_put(w, i);
	}
}

/* The nodes that hold a page: from its mark, or from the start of the
 * container that was open there, to the end of the one it ends in. */
static bool
page_range(const struct doc *d, unsigned page, uint32_t *from, uint32_t *to)
{
	const struct doc_page_rec *recs = doc_page_recs(d);
	size_t n = doc_pages(d);

	*from = UINT32_MAX;
	*to = doc_node_count(d);
	for (size_t i = 0; i < n; i++) {
		if (recs[i].info.number != page)
			continue;
		*from = MIN_OF(*from, recs[i].outer);
		if (i + 1 < n)
			*to = recs[i + 1].outer == recs[i + 1].node
			    ? recs[i + 1].node
			    : doc_nodes(d)[recs[i + 1].outer].peer + 1;
	}
	return *from != UINT32_MAX;
}

static bool
write_doc(const struct doc *d, unsigned page, bool md, struct buf *out)
{
	struct writer *w;
	uint32_t from = 0;
	uint32_t to = doc_node_count(d);

	CHECK_OBJ(d, DOC_MAGIC);
	if (page != 0 && !page_range(d, page, &from, &to))
		return !out->full;
	w = calloc(1, sizeof *w);
	if (w == NULL)
		return false;
	w->in = (struct inline_state){.d = d, .page = page, .md = md};
	w->in.pieces = BUF_INIT((size_t)256 << 20);
	w->in.line = BUF_INIT((size_t)256 << 20);
	w->out = out;
	w->line = BUF_INIT((size_t)256 << 20);
	w->row = BUF_INIT((size_t)256 << 20);
	w->prefix = BUF_INIT((size_t)64 * 1024);
	w->marker = BUF_INIT((size_t)64 * 1024);
	w->spans = BUF_INIT(40000 * sizeof(unsigned));
	frame_push(w, DOC_END);
	if (page != 0)
		inline_start_at(&w->in, from);
	walk(w, from, to);
	footnotes(w, from, to);
	buf_fini(&w->in.pieces);
	buf_fini(&w->in.line);
	buf_fini(&w->line);
	buf_fini(&w->row);
	buf_fini(&w->prefix);
	buf_fini(&w->marker);
	buf_fini(&w->spans);
	free(w);
	return !out->full;
}

bool
doc_markdown(const struct doc *d, unsigned page, struct buf *out)
{
	return write_doc(d, page, true, out);
}

bool
doc_plain(const struct doc *d, unsigned page, struct buf *out)
{
	return write_doc(d, page, false, out);
}
