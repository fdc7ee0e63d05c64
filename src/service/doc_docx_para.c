/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paragraphs and lists of a DOCX story, and the rows and cells they stand in.
 * All are opened late, when the first text in them comes.
 */
#include "service/doc_docx_story.h"

/* --- paragraphs and lists --------------------------------------------- */

static void
lists_close(struct story *s, int keep)
{
	struct ctx *c = docx_ctx(s);

	for (; c->n_lists > keep; c->n_lists--) {
		doc_end(s->d); /* item */
		doc_end(s->d); /* list */
	}
}

/* Is the label what Markdown would write by itself? */
static bool
label_is_plain(const char *label, uint32_t number)
{
	char z[16];

	(void)str_fmt(z, sizeof z, "%u", number);
	return strncmp(label, z, strlen(z)) == 0 &&
	    (strcmp(label + strlen(z), ".") == 0 ||
		strcmp(label + strlen(z), ")") == 0 ||
		label[strlen(z)] == '\0');
}

static void
list_place(struct story *s, int num, int level, bool ordered, uint32_t number)
{
	struct ctx *c = docx_ctx(s);
	int keep = c->n_lists;

	while (keep > 0 && c->lists[keep - 1].level > level)
		keep--;
	if (keep > 0 && c->lists[keep - 1].level == level) {
		bool same = c->lists[keep - 1].num == num &&
		    c->lists[keep - 1].ordered == ordered;

		lists_close(s, keep);
		if (same) {
			doc_end(s->d);
			doc_item(s->d);
			return;
		}
		keep--;
	}
	lists_close(s, keep);
	if (c->n_lists == LIST_MAX)
		return;
	c->lists[c->n_lists++] = (struct list){num, level, ordered};
	doc_list(s->d, ordered, number);
	doc_item(s->d);
}

static void
list_para(struct story *s, int num, int level, const struct docx_level *def)
{
	char label[120];
	uint32_t number = docx_count(&s->x->styles, num, level, label,
	    sizeof label);
	bool bullet = def->format == DOCX_BULLET || label[0] == '\0';
	bool ordered = !bullet && label_is_plain(label, number);

	list_place(s, num, level, ordered, number);
	doc_para(s->d);
	if (!bullet && !ordered) {
		doc_text(s->d, str_of(label), DOC_PLAIN);
		doc_text(s->d, STR(" "), DOC_PLAIN);
	}
}

/* A numbered heading keeps its number. */
static void
heading_para(struct story *s, int heading, int num, int level,
    const struct docx_level *def)
{
	char label[120] = "";

	lists_close(s, 0);
	if (def != NULL && def->format != DOCX_BULLET)
		(void)docx_count(&s->x->styles, num, level, label,
		    sizeof label);
	doc_heading(s->d, heading);
	if (label[0] != '\0') {
		doc_text(s->d, str_of(label), DOC_PLAIN);
		doc_text(s->d, STR(" "), DOC_PLAIN);
	}
}

void
docx_para_place(struct story *s)
{
	struct para *p = &docx_ctx(s)->para;
	const struct docx_level *def = NULL;
	int num = p->num;
	int level = p->level;
	int heading = 0;

	if (p->open)
		return;
	docx_cell_place(s);
	p->open = true;
	if (!p->own_num && p->style != NULL)
		num = p->style->num;
	if (level < 0)
		level = p->style != NULL && p->style->level > 0
		    ? p->style->level
		    : 0;
	if (num > 0)
		def = docx_level_find(&s->x->styles, num, level);
	if (p->outline >= 0 && p->outline < 9)
		heading = MIN_OF(p->outline + 1, 6);
	else if (p->style != NULL && p->outline != 9)
		heading = docx_style_heading(p->style);
	if (heading != 0) {
		heading_para(s, heading, num, level, def);
	} else if (def != NULL && def->format != DOCX_NONE) {
		list_para(s, num, level, def);
	} else {
		lists_close(s, 0);
		doc_para(s->d);
	}
}

void
docx_para_begin(struct story *s)
{
	struct para *p = &docx_ctx(s)->para;

	if (p->open) { /* the mark before it was deleted: one paragraph */
		p->in = true;
		p->mark_deleted = false;
		return;
	}
	*p = (struct para){.in = true,
	    .num = DOCX_UNSET,
	    .level = DOCX_UNSET,
	    .outline = DOCX_UNSET,
	    .style = docx_style_find(&s->x->styles, STR("Normal"))};
}

static void
para_finish(struct story *s)
{
	struct para *p = &docx_ctx(s)->para;

	if (p->open)
		doc_end(s->d);
	*p = (struct para){0};
}

void
docx_para_end(struct story *s)
{
	struct para *p = &docx_ctx(s)->para;

	p->in = false;
	if (!p->mark_deleted)
		para_finish(s);
}

void
docx_para_property(struct story *s, const struct doc_xml *x, int id)
{
	struct para *p = &docx_ctx(s)->para;

	if (p->open)
		return; /* joined to the paragraph before */
	switch (id) {
	case EL_PSTYLE:
		p->style = docx_style_find(&s->x->styles,
		    doc_xml_attr(x, "val"));
		break;
	case EL_NUM_ID:
		p->num = (int)(doc_xml_int(x, "val", 0) & 0xffffff);
		p->own_num = true;
		break;
	case EL_ILVL:
		p->level = (int)(doc_xml_int(x, "val", 0) & 15);
		break;
	case EL_OUTLINE:
		p->outline = (int)(doc_xml_int(x, "val", 9) & 15);
		break;
	default:
		break;
	}
}

/* --- rows and cells --------------------------------------------------- */

/* Opens the row and the cell that the text is in, if there are any. */
void
docx_cell_place(struct story *s)
{
	struct ctx *c = docx_ctx(s);
	struct ctx *row;

	if (c->cell_open || s->n_ctx < 2 || c->span == 0)
		return;
	row = c - 1;
	c->cell_open = true;
	if (!row->row_open) {
		row->row_open = true;
		doc_row(s->d, row->row_header);
		if (row->grid_before != 0) {
			doc_cell(s->d, row->grid_before, 1);
			doc_end(s->d);
		}
	}
	doc_cell(s->d, c->span, 1);
}

void
docx_ctx_push(struct story *s, struct doc_xml *x)
{
	struct err err;

	if (s->n_ctx == CTX_MAX) {
		(void)err_set(&err, ERR_LIMIT, "tables are nested too deeply");
		doc_xml_fail(x, &err);
		return;
	}
	s->ctx[s->n_ctx++] = (struct ctx){.para = {.in = false}};
}

void
docx_ctx_pop(struct story *s)
{
	para_finish(s);
	lists_close(s, 0);
	if (s->n_ctx > 1)
		s->n_ctx--;
}

void
docx_cell_begin(struct story *s, struct doc_xml *x)
{
	docx_ctx_push(s, x);
	docx_ctx(s)->span = 1;
}

void
docx_cell_end(struct story *s)
{
	if (s->n_ctx < 2)
		return;
	docx_cell_place(s);
	para_finish(s);
	lists_close(s, 0);
	doc_end(s->d);
	s->n_ctx--;
}

void
docx_row_end(struct story *s)
{
	struct ctx *c = docx_ctx(s);

	if (c->row_open)
		doc_end(s->d);
	c->row_open = false;
}

void
docx_table_begin(struct story *s)
{
	para_finish(s);
	docx_cell_place(s);
	lists_close(s, 0);
	doc_table(s->d);
}
