/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a slide: paragraphs, lists, runs, tables.
 */
#include "service/doc_pptx_slide.h"

static bool
is_true(struct str v)
{
	return str_eqz(v, "1") || str_eqz(v, "true");
}

/* --- lists and paragraphs --------------------------------------------- */

void
pptx_lists_close(struct slide *s, int keep)
{
	for (; s->n_lists > keep; s->n_lists--) {
		doc_end(s->d);
		doc_end(s->d);
	}
}

static void
item_place(struct slide *s, bool ordered)
{
	int keep = s->n_lists;

	while (keep > 0 && s->item_level[keep - 1] > s->level)
		keep--;
	pptx_lists_close(s, keep);
	if (keep > 0 && s->item_level[keep - 1] == s->level) {
		if (s->item_ordered[keep - 1] == ordered) {
			doc_end(s->d);
			doc_item(s->d);
			return;
		}
		pptx_lists_close(s, --keep);
	}
	if (s->n_lists == LIST_MAX)
		return;
	s->item_level[s->n_lists] = s->level;
	s->item_ordered[s->n_lists++] = ordered;
	doc_list(s->d, ordered, 1);
	doc_item(s->d);
}

void
pptx_para_place(struct slide *s)
{
	bool listed = s->bullet >= BULLET_SIGN ||
	    (s->bullet == BULLET_DEFAULT && s->role == ROLE_BODY &&
		!s->in_cell && !s->notes);

	if (s->para_open)
		return;
	s->para_open = true;
	if (s->role == ROLE_TITLE || s->role == ROLE_MAIN_TITLE) {
		doc_text(s->d, STR(" "), DOC_PLAIN);
		return; /* the heading is open already */
	}
	if (listed)
		item_place(s, s->bullet == BULLET_NUMBER);
	else
		pptx_lists_close(s, 0);
	doc_para(s->d);
}

static void
para_begin(struct slide *s)
{
	s->in_para = true;
	s->para_open = false;
	s->level = 0;
	s->bullet = BULLET_DEFAULT;
}

void
pptx_para_end(struct slide *s)
{
	if (s->para_open && s->role != ROLE_TITLE && s->role != ROLE_MAIN_TITLE)
		doc_end(s->d);
	s->para_open = false;
	s->in_para = false;
}

/* --- runs ------------------------------------------------------------- */

static void
run_style(struct slide *s, const struct doc_xml *x)
{
	struct str strike = doc_xml_attr(x, "strike");
	int64_t base = doc_xml_int(x, "baseline", 0);

	s->style = DOC_PLAIN;
	if (is_true(doc_xml_attr(x, "b")))
		s->style |= DOC_BOLD;
	if (is_true(doc_xml_attr(x, "i")))
		s->style |= DOC_ITALIC;
	if (strike.n != 0 && !str_eqz(strike, "noStrike"))
		s->style |= DOC_STRIKE;
	if (base != 0)
		s->style |= base > 0 ? DOC_SUPER : DOC_SUB;
}

static void
run_link(struct slide *s, const struct doc_xml *x)
{
	struct doc_rel rel;

	if (!s->in_para || s->linked ||
	    !doc_rels_by_id(&s->rels, doc_xml_attr_ns(x, NS_R, "id"), &rel) ||
	    !rel.external)
		return;
	pptx_para_place(s);
	doc_link(s->d, rel.target);
	s->linked = true;
}

void
pptx_run_end(struct slide *s)
{
	if (s->linked)
		doc_end(s->d);
	s->linked = false;
	s->style = DOC_PLAIN;
}

void
pptx_para_start(struct slide *s, struct doc_xml *x, int id)
{
	switch (id) {
	case EL_P:
		para_begin(s);
		break;
	case EL_PPR:
		s->level = (int)(doc_xml_int(x, "lvl", 0) & 15);
		break;
	case EL_NO_BULLET:
		s->bullet = BULLET_NONE;
		break;
	case EL_BULLET:
		s->bullet = BULLET_SIGN;
		break;
	case EL_NUMBER:
		s->bullet = BULLET_NUMBER;
		break;
	case EL_R:
		s->style = DOC_PLAIN;
		break;
	case EL_RPR:
		run_style(s, x);
		break;
	case EL_LINK:
		run_link(s, x);
		break;
	case EL_T:
		s->in_text = s->in_para;
		break;
	case EL_BR:
		if (s->para_open)
			doc_break(s->d);
		break;
	default:
		break;
	}
}

/* --- tables ----------------------------------------------------------- */

void
pptx_table_start(struct slide *s, struct doc_xml *x, int id)
{
	switch (id) {
	case EL_TABLE:
		pptx_lists_close(s, 0);
		doc_table(s->d);
		break;
	case EL_ROW:
		doc_row(s->d, false);
		break;
	default:
		if (is_true(doc_xml_attr(x, "hMerge")) ||
		    is_true(doc_xml_attr(x, "vMerge"))) {
			s->skip = doc_xml_depth(x); /* covered */
			return;
		}
		s->in_cell = true;
		doc_cell(s->d, (unsigned)(doc_xml_int(x, "gridSpan", 1) & 4095),
		    (unsigned)(doc_xml_int(x, "rowSpan", 1) & 65535));
		break;
	}
}

void
pptx_table_end(struct slide *s, int id)
{
	if (id == EL_CELL) {
		pptx_lists_close(s, 0);
		s->in_cell = false;
	}
	doc_end(s->d);
}
