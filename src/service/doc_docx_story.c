/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one story of a DOCX file: its elements and what each of them does.
 * Tracked changes are read in their accepted form.
 */
#include "service/doc_docx_story.h"

#include <stdlib.h>

static const struct doc_xml_name names[] = {
    {NS_W, "p", EL_P},
    {NS_W, "pPr", EL_PPR},
    {NS_W, "pStyle", EL_PSTYLE},
    {NS_W, "numId", EL_NUM_ID},
    {NS_W, "ilvl", EL_ILVL},
    {NS_W, "outlineLvl", EL_OUTLINE},
    {NS_W, "r", EL_R},
    {NS_W, "rPr", EL_RPR},
    {NS_W, "rStyle", EL_RSTYLE},
    {NS_W, "b", EL_BOLD},
    {NS_W, "i", EL_ITALIC},
    {NS_W, "strike", EL_STRIKE},
    {NS_W, "dstrike", EL_STRIKE},
    {NS_W, "vanish", EL_VANISH},
    {NS_W, "vertAlign", EL_VERT},
    {NS_W, "t", EL_T},
    {NS_M, "t", EL_T},
    {NS_W, "tab", EL_TAB},
    {NS_W, "ptab", EL_TAB},
    {NS_W, "br", EL_BR},
    {NS_W, "cr", EL_BR},
    {NS_W, "noBreakHyphen", EL_NB_HYPHEN},
    {NS_W, "sym", EL_SYM},
    {NS_W, "fldChar", EL_FLD_CHAR},
    {NS_W, "fldSimple", EL_FLD_SIMPLE},
    {NS_W, "instrText", EL_INSTR},
    {NS_W, "checkBox", EL_CHECKBOX},
    {NS_W, "default", EL_CHECK_DEFAULT},
    {NS_W, "checked", EL_CHECKED},
    {NS_W, "ddList", EL_DD_LIST},
    {NS_W, "result", EL_DD_RESULT},
    {NS_W, "listEntry", EL_DD_ENTRY},
    {NS_W, "hyperlink", EL_HYPERLINK},
    {NS_W, "footnoteReference", EL_FOOT_REF},
    {NS_W, "endnoteReference", EL_END_REF},
    {NS_W, "footnote", EL_FOOTNOTE},
    {NS_W, "endnote", EL_ENDNOTE},
    {NS_W, "del", EL_DEL},
    {NS_W, "moveFrom", EL_DEL},
    {NS_W, "delText", EL_SKIP},
    {NS_W, "delInstrText", EL_SKIP},
    {NS_W, "pPrChange", EL_SKIP},
    {NS_W, "rPrChange", EL_SKIP},
    {NS_W, "tblPrChange", EL_SKIP},
    {NS_W, "trPrChange", EL_SKIP},
    {NS_W, "tcPrChange", EL_SKIP},
    {NS_W, "sectPrChange", EL_SKIP},
    {NS_W, "numberingChange", EL_SKIP},
    {NS_W, "sectPr", EL_SKIP},
    {NS_W, "rt", EL_SKIP}, /* the reading aid of a ruby */
    {NS_W, "tbl", EL_TBL},
    {NS_W, "tr", EL_TR},
    {NS_W, "trPr", EL_TRPR},
    {NS_W, "tblHeader", EL_TBL_HEADER},
    {NS_W, "gridBefore", EL_GRID_BEFORE},
    {NS_W, "tc", EL_TC},
    {NS_W, "gridSpan", EL_GRID_SPAN},
    {NS_W, "vMerge", EL_V_MERGE},
    {NS_MC, "AlternateContent", EL_ALTERNATE},
    {NS_MC, "Choice", EL_CHOICE},
    {NS_MC, "Fallback", EL_FALLBACK},
    {NS_W, "txbxContent", EL_BOX},
    {NS_WP, "docPr", EL_DOC_PR},
    {NS_W, "sdt", EL_SDT},
    {NS_W, "sdtPr", EL_SDT_PR},
    {NS_W, "sdtContent", EL_SDT_CONTENT},
    {NS_W, "showingPlcHdr", EL_PLACEHOLDER},
    {NS_W, "docPartGallery", EL_GALLERY},
    {0},
};

static void
notes_begin(struct story *s, struct doc_xml *x, bool end)
{
	const struct docx_note *note = (const void *)s->x->notes.p;
	size_t n = s->x->notes.n / sizeof *note;
	int64_t id = doc_xml_int(x, "id", -1);
	char label[24];

	for (size_t i = 0; i < n; i++) {
		if (note[i].id != id || note[i].end != end)
			continue;
		(void)str_fmt(label, sizeof label, end ? "e%u" : "%u",
		    note[i].number);
		doc_footnote(s->d, str_of(label));
		docx_ctx_push(s, x);
		return;
	}
	s->skip = doc_xml_depth(x); /* a separator, or never referred to */
}

static void
link_begin(struct story *s, const struct doc_xml *x)
{
	struct doc_rel rel;
	struct str id = doc_xml_attr_ns(x, NS_R, "id");

	s->no_link = true;
	if (id.n == 0 || !docx_ctx(s)->para.in || docx_in_field_code(s) ||
	    !doc_rels_by_id(&s->rels, id, &rel) || !rel.external)
		return;
	docx_para_place(s);
	doc_link(s->d, rel.target);
	s->no_link = false;
}

/* Of alternatives only one is read: the first choice, else the fallback. */
static void
alternate(struct story *s, struct doc_xml *x, int id)
{
	int *taken;

	if (id == EL_ALTERNATE) {
		if (s->n_alternates < (int)COUNT_OF(s->alternates))
			s->alternates[s->n_alternates] = 0;
		s->n_alternates++;
		return;
	}
	if (s->n_alternates == 0 ||
	    s->n_alternates > (int)COUNT_OF(s->alternates))
		return;
	taken = &s->alternates[s->n_alternates - 1];
	if (*taken != 0)
		s->skip = doc_xml_depth(x);
	*taken = 1;
}

static void
structured(struct story *s, struct doc_xml *x, int id)
{
	struct sdt *sdt = s->n_sdts > 0 && s->n_sdts <= SDT_MAX
	    ? &s->sdts[s->n_sdts - 1]
	    : NULL;

	switch (id) {
	case EL_SDT:
		if (s->n_sdts++ < SDT_MAX)
			s->sdts[s->n_sdts - 1] = (struct sdt){0};
		break;
	case EL_SDT_PR:
		s->in_sdt_pr = true;
		break;
	case EL_PLACEHOLDER:
		if (sdt != NULL && s->in_sdt_pr)
			sdt->placeholder = docx_flag(x);
		break;
	case EL_GALLERY:
		if (sdt != NULL && s->in_sdt_pr)
			sdt->contents = str_eqz(doc_xml_attr(x, "val"),
			    "Table of Contents");
		break;
	case EL_SDT_CONTENT:
		if (sdt != NULL && (sdt->placeholder || sdt->contents))
			s->skip = doc_xml_depth(x);
		break;
	default:
		break;
	}
}

static void
table_start(struct story *s, struct doc_xml *x, int id)
{
	struct ctx *c = docx_ctx(s);

	switch (id) {
	case EL_TBL:
		docx_table_begin(s);
		break;
	case EL_TR:
		c->row_open = false;
		c->row_header = false;
		c->row_gone = false;
		c->grid_before = 0;
		break;
	case EL_TRPR:
		s->in_trpr = true;
		break;
	case EL_TBL_HEADER:
		c->row_header = docx_flag(x);
		break;
	case EL_GRID_BEFORE:
		c->grid_before = (unsigned)(doc_xml_int(x, "val", 0) & 63);
		break;
	case EL_TC:
		if (c->row_gone)
			s->skip = doc_xml_depth(x);
		else
			docx_cell_begin(s, x);
		break;
	case EL_GRID_SPAN:
		if (c->span != 0)
			c->span = (unsigned)MAX_OF(doc_xml_int(x, "val", 1) &
				16383,
			    1);
		break;
	default:
		break;
	}
}

static void
deleted(struct story *s, struct doc_xml *x)
{
	if (s->in_ppr)
		docx_ctx(s)->para.mark_deleted = true;
	else if (s->in_trpr)
		docx_ctx(s)->row_gone = true;
	else
		s->skip = doc_xml_depth(x);
}

static void
content_start(struct story *s, struct doc_xml *x, int id)
{
	switch (id) {
	case EL_T:
		s->in_text = true;
		break;
	case EL_TAB:
		if (s->in_run)
			docx_text_put(s, STR("\t"));
		break;
	case EL_BR:
		if (docx_ctx(s)->para.open && !s->hidden &&
		    !docx_in_field_code(s))
			doc_break(s->d);
		break;
	case EL_NB_HYPHEN:
		docx_text_put(s, STR("-"));
		break;
	case EL_SYM:
		docx_symbol(s, x);
		break;
	case EL_FLD_CHAR:
		docx_field_char(s, x);
		break;
	case EL_INSTR:
		s->in_instr = true;
		break;
	case EL_HYPERLINK:
		link_begin(s, x);
		break;
	case EL_FOOT_REF:
		docx_note_ref(s, x, false);
		break;
	case EL_END_REF:
		docx_note_ref(s, x, true);
		break;
	case EL_BOX:
		docx_cell_place(s);
		doc_aside(s->d);
		docx_ctx_push(s, x);
		break;
	case EL_DOC_PR:
		if (!s->hidden && docx_ctx(s)->para.in &&
		    doc_xml_attr(x, "descr").n != 0) {
			docx_para_place(s);
			doc_image(s->d, doc_xml_attr(x, "descr"));
		}
		break;
	default:
		docx_form_value(s, x, id);
		break;
	}
}

static void
on_start(void *user, struct doc_xml *x, int id)
{
	struct story *s = user;

	if (s->skip != 0 || id == 0)
		return;
	if (doc_failed(s->d, NULL) != 0) {
		doc_xml_stop(x);
		return;
	}
	switch (id) {
	case EL_P:
		docx_para_begin(s);
		break;
	case EL_PPR:
		s->in_ppr = true;
		break;
	case EL_R:
		docx_run_begin(s);
		break;
	case EL_RPR:
		s->in_rpr = true;
		break;
	case EL_FOOTNOTE:
	case EL_ENDNOTE:
		notes_begin(s, x, id == EL_ENDNOTE);
		break;
	case EL_DEL:
		deleted(s, x);
		break;
	case EL_SKIP:
		s->skip = doc_xml_depth(x);
		break;
	case EL_ALTERNATE:
	case EL_CHOICE:
	case EL_FALLBACK:
		alternate(s, x, id);
		break;
	default:
		if (s->in_rpr && s->in_run && !s->in_ppr)
			docx_run_property(s, x, id);
		else if (s->in_ppr)
			docx_para_property(s, x, id);
		else if (id >= EL_TBL && id <= EL_V_MERGE)
			table_start(s, x, id);
		else if (id >= EL_SDT && id <= EL_SDT_CONTENT)
			structured(s, x, id);
		else
			content_start(s, x, id);
		break;
	}
}

static void
container_end(struct story *s, int id)
{
	switch (id) {
	case EL_TBL:
		doc_end(s->d);
		break;
	case EL_TR:
		docx_row_end(s);
		break;
	case EL_TRPR:
		s->in_trpr = false;
		break;
	case EL_TC:
		docx_cell_end(s);
		break;
	case EL_ALTERNATE:
		if (s->n_alternates > 0)
			s->n_alternates--;
		break;
	case EL_BOX:
	case EL_FOOTNOTE:
	case EL_ENDNOTE:
		docx_ctx_pop(s);
		doc_end(s->d);
		break;
	case EL_SDT:
		if (s->n_sdts > 0)
			s->n_sdts--;
		break;
	case EL_SDT_PR:
		s->in_sdt_pr = false;
		break;
	default:
		break;
	}
}

static void
on_end(void *user, struct doc_xml *x, int id)
{
	struct story *s = user;

	if (s->skip != 0) {
		if (s->skip == doc_xml_depth(x))
			s->skip = 0;
		else
			return;
		if (id == EL_TC || id == EL_FOOTNOTE || id == EL_ENDNOTE)
			return; /* it was never opened */
	}
	switch (id) {
	case EL_P:
		docx_para_end(s);
		break;
	case EL_PPR:
		s->in_ppr = false;
		break;
	case EL_R:
		s->in_run = false;
		s->hidden = false;
		break;
	case EL_RPR:
		s->in_rpr = false;
		break;
	case EL_T:
		s->in_text = false;
		break;
	case EL_INSTR:
		s->in_instr = false;
		break;
	case EL_HYPERLINK:
		if (!s->no_link)
			doc_end(s->d);
		s->no_link = true;
		break;
	default:
		container_end(s, id);
		break;
	}
}

static void
on_text(void *user, struct doc_xml *x UNUSED, struct str text)
{
	struct story *s = user;

	if (s->skip != 0)
		return;
	if (s->in_text)
		docx_text_put(s, text);
	else if (s->in_instr)
		docx_field_code(s, text);
}

int
docx_story(struct docx *x, struct str part, struct err *err)
{
	static const struct doc_xml_events events = {.names = names,
	    .start = on_start,
	    .end = on_end,
	    .text = on_text};
	struct story *s = calloc(1, sizeof *s);
	int rc;

	if (s == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	s->x = x;
	s->d = x->d;
	s->n_ctx = 1;
	s->no_link = true;
	rc = doc_rels_read(x->z, part, &s->rels, err);
	if (rc == 0)
		rc = doc_xml_part(x->z, part, &events, s, err);
	while (s->n_ctx > 1)
		docx_ctx_pop(s);
	docx_ctx_pop(s);
	doc_rels_fini(&s->rels);
	free(s);
	return rc;
}
