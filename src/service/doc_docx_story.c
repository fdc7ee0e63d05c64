/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one story of a DOCX file: paragraphs, tables, lists, boxes, fields.
 *
 * Paragraphs, cells and rows are opened late, when the first text in them
 * comes: their properties stand before it, and what stays empty leaves no
 * trace. Tracked changes are read in their accepted form.
 */
#include <stdlib.h>

#include "service/doc_docx.h"

enum el {
	EL_P = 1,
	EL_PPR,
	EL_PSTYLE,
	EL_NUM_ID,
	EL_ILVL,
	EL_OUTLINE,
	EL_R,
	EL_RPR,
	EL_RSTYLE,
	EL_BOLD,
	EL_ITALIC,
	EL_STRIKE,
	EL_VANISH,
	EL_VERT,
	EL_T,
	EL_TAB,
	EL_BR,
	EL_NB_HYPHEN,
	EL_SYM,
	EL_FLD_CHAR,
	EL_FLD_SIMPLE,
	EL_INSTR,
	EL_CHECKBOX,
	EL_CHECK_DEFAULT,
	EL_CHECKED,
	EL_DD_LIST,
	EL_DD_RESULT,
	EL_DD_ENTRY,
	EL_HYPERLINK,
	EL_FOOT_REF,
	EL_END_REF,
	EL_FOOTNOTE,
	EL_ENDNOTE,
	EL_DEL,  /* run content, or a property of a mark or row */
	EL_SKIP, /* never looked into */
	EL_TBL,
	EL_TR,
	EL_TRPR,
	EL_TBL_HEADER,
	EL_GRID_BEFORE,
	EL_TC,
	EL_GRID_SPAN,
	EL_V_MERGE,
	EL_ALTERNATE,
	EL_CHOICE,
	EL_FALLBACK,
	EL_BOX,
	EL_DOC_PR,
	EL_SDT,
	EL_SDT_PR,
	EL_PLACEHOLDER,
	EL_GALLERY,
	EL_SDT_CONTENT,
};

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

enum {
	CTX_MAX = 200,
	LIST_MAX = 12,
	FIELD_MAX = 32,
	SDT_MAX = 64
};

struct para {
	bool in, open, heading, listed;
	bool mark_deleted;
	int num, level, outline;
	bool own_num;
	const struct docx_style *style;
};

struct list {
	int num, level;
	bool ordered;
};

/* What text flows into: the body, a cell, a box, a note. */
struct ctx {
	struct para para;
	struct list lists[LIST_MAX];
	int n_lists;
	/* of the row and cell that are being read */
	bool row_open, row_header, row_gone, cell_open;
	unsigned grid_before, span;
};

struct field {
	bool in_code, drop;
	bool inked;  /* its result has text */
	bool linked; /* a link was opened for it */
	char code[200];
	size_t code_n;
	char value[128]; /* of a form field without a result */
};

struct sdt {
	bool placeholder, contents;
};

struct story {
	struct docx *x;
	struct doc *d;
	struct doc_rels rels;
	struct ctx ctx[CTX_MAX];
	int n_ctx; /* at least 1 */
	struct field fields[FIELD_MAX];
	int n_fields;
	int fields_over; /* nested deeper than we follow */
	struct sdt sdts[SDT_MAX];
	int n_sdts;
	unsigned skip;
	bool in_ppr, in_rpr, in_run, in_trpr, in_text, in_instr, in_sdt_pr;
	int alternates[32]; /* has a choice been taken? */
	int n_alternates;
	unsigned style; /* of the run */
	bool hidden;
	int64_t dd_result, dd_at;
	bool no_link; /* an address-less hyperlink is open */
};

static struct ctx *
ctx(struct story *s)
{
	return &s->ctx[s->n_ctx - 1];
}

static bool
flag(const struct doc_xml *x)
{
	struct str v = doc_xml_attr(x, "val");

	return !(str_eqz(v, "0") || str_eqz(v, "false") || str_eqz(v, "off"));
}

/* --- paragraphs and lists --------------------------------------------- */

static void
lists_close(struct story *s, int keep)
{
	struct ctx *c = ctx(s);

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
	struct ctx *c = ctx(s);
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

static void cell_place(struct story *s);

static void
para_place(struct story *s)
{
	struct para *p = &ctx(s)->para;
	const struct docx_level *def = NULL;
	int num = p->num;
	int level = p->level;
	int heading = 0;

	if (p->open)
		return;
	cell_place(s);
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

static void
para_begin(struct story *s)
{
	struct para *p = &ctx(s)->para;

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
	struct para *p = &ctx(s)->para;

	if (p->open)
		doc_end(s->d);
	*p = (struct para){0};
}

static void
para_end(struct story *s)
{
	struct para *p = &ctx(s)->para;

	p->in = false;
	if (!p->mark_deleted)
		para_finish(s);
}

/* --- rows and cells --------------------------------------------------- */

/* Opens the row and the cell that the text is in, if there are any. */
static void
cell_place(struct story *s)
{
	struct ctx *c = ctx(s);
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

static void
ctx_push(struct story *s, struct doc_xml *x)
{
	struct err err;

	if (s->n_ctx == CTX_MAX) {
		(void)err_set(&err, ERR_LIMIT, "tables are nested too deeply");
		doc_xml_fail(x, &err);
		return;
	}
	s->ctx[s->n_ctx++] = (struct ctx){.para = {.in = false}};
}

static void
ctx_pop(struct story *s)
{
	para_finish(s);
	lists_close(s, 0);
	if (s->n_ctx > 1)
		s->n_ctx--;
}

static void
cell_begin(struct story *s, struct doc_xml *x)
{
	ctx_push(s, x);
	ctx(s)->span = 1;
}

static void
cell_end(struct story *s)
{
	if (s->n_ctx < 2)
		return;
	cell_place(s);
	para_finish(s);
	lists_close(s, 0);
	doc_end(s->d);
	s->n_ctx--;
}

static void
row_end(struct story *s)
{
	struct ctx *c = ctx(s);

	if (c->row_open)
		doc_end(s->d);
	c->row_open = false;
}

static void
table_begin(struct story *s)
{
	para_finish(s);
	cell_place(s);
	lists_close(s, 0);
	doc_table(s->d);
}

/* --- text ------------------------------------------------------------- */

/* Is this text part of a field's code, or of a result that is dropped? */
static bool
in_field_code(const struct story *s)
{
	for (int i = 0; i < s->n_fields; i++) {
		if (s->fields[i].in_code || s->fields[i].drop)
			return true;
	}
	return s->fields_over != 0;
}

static void
text_put(struct story *s, struct str text)
{
	const struct para *p = &ctx(s)->para;

	if (s->hidden || in_field_code(s) || !p->in || text.n == 0)
		return;
	if (!p->open) {
		size_t i = 0;

		while (i < text.n &&
		    (text.p[i] == ' ' || text.p[i] == '\t' ||
			text.p[i] == '\n'))
			i++;
		if (i == text.n)
			return; /* only white space: nothing yet */
	}
	para_place(s);
	if (s->n_fields != 0)
		s->fields[s->n_fields - 1].inked = true;
	doc_text(s->d, text, s->style);
}

/* What a character of a symbol font shows. */
static void
symbol(struct story *s, const struct doc_xml *x)
{
	static const struct {
		const char *code, *text;
	} wingdings[] = {{"FE", "☑"}, {"A8", "☐"}, {"6F", "☐"}, {"FD", "☒"},
	    {"FC", "✓"}, {"FB", "✗"}, {"78", "☒"}, {"52", "☑"}, {"4C", "☹"},
	    {"4A", "☺"}, {"E0", "→"}, {"DF", "←"}, {"F0", "→"}, {"2A", "✉"},
	    {"28", "☎"}, {"29", "✆"}};
	struct str code = doc_xml_attr(x, "char");
	struct str font = doc_xml_attr(x, "font");

	if (code.n >= 2 && str_starts(font, "Wingdings")) {
		struct str low = {code.p + code.n - 2, 2};

		for (size_t i = 0; i < COUNT_OF(wingdings); i++) {
			if (str_ieqz(low, wingdings[i].code))
				text_put(s, str_of(wingdings[i].text));
		}
	}
}

static void
note_ref(struct story *s, const struct doc_xml *x, bool end)
{
	struct docx_note note = {.id = doc_xml_int(x, "id", -1), .end = end};
	char label[24];

	if (s->hidden || in_field_code(s))
		return;
	note.number = end ? ++s->x->endnotes : ++s->x->footnotes;
	if (!buf_add(&s->x->notes, &note, sizeof note))
		return;
	(void)str_fmt(label, sizeof label, end ? "e%u" : "%u", note.number);
	para_place(s);
	doc_note_ref(s->d, str_of(label));
}

/* --- fields ----------------------------------------------------------- */

static struct str
field_word(struct str *rest)
{
	struct str word;

	while (rest->n != 0 && rest->p[0] == ' ') {
		rest->p++;
		rest->n--;
	}
	if (rest->n != 0 && rest->p[0] == '"') {
		rest->p++;
		rest->n--;
		return str_cut(rest, '"');
	}
	word = str_cut(rest, ' ');
	return word;
}

/* A table of contents repeats the headings; a link's address is its code. */
static void
field_result(struct story *s, struct field *f)
{
	struct str rest = {f->code, f->code_n};
	struct str kind = field_word(&rest);

	f->in_code = false;
	f->drop = str_ieqz(kind, "TOC");
	if (str_ieqz(kind, "HYPERLINK") && rest.n != 0 && !s->hidden &&
	    !in_field_code(s) && ctx(s)->para.in) {
		struct str url = field_word(&rest);

		if (url.n != 0 && url.p[0] != '\\') {
			para_place(s);
			doc_link(s->d, url);
			f->linked = true;
		}
	}
}

static void
field_char(struct story *s, const struct doc_xml *x)
{
	struct str type = doc_xml_attr(x, "fldCharType");
	struct field *f = s->n_fields != 0 ? &s->fields[s->n_fields - 1] : NULL;

	if (str_eqz(type, "begin")) {
		if (s->n_fields == FIELD_MAX)
			s->fields_over++;
		else
			s->fields[s->n_fields++] = (struct field){
			    .in_code = true};
	} else if (s->fields_over != 0) {
		s->fields_over -= str_eqz(type, "end");
	} else if (f != NULL && str_eqz(type, "separate")) {
		field_result(s, f);
	} else if (f != NULL && str_eqz(type, "end")) {
		f->in_code = false;
		if (!f->inked && f->value[0] != '\0')
			text_put(s, str_of(f->value));
		if (f->linked)
			doc_end(s->d);
		s->n_fields--;
	}
}

/* Values of legacy form fields stand in the field's own data. */
static void
form_value(struct story *s, const struct doc_xml *x, int id)
{
	struct field *f = s->n_fields != 0 ? &s->fields[s->n_fields - 1] : NULL;

	if (f == NULL)
		return;
	switch (id) {
	case EL_CHECKBOX:
		(void)str_copy(f->value, sizeof f->value, STR("☐"));
		break;
	case EL_CHECK_DEFAULT:
	case EL_CHECKED:
		if (str_starts(str_of(f->value), "☐") ||
		    str_starts(str_of(f->value), "☒"))
			(void)str_copy(f->value, sizeof f->value,
			    flag(x) ? STR("☒") : STR("☐"));
		break;
	case EL_DD_LIST:
		s->dd_result = 0;
		s->dd_at = 0;
		break;
	case EL_DD_RESULT:
		s->dd_result = doc_xml_int(x, "val", 0);
		break;
	case EL_DD_ENTRY:
		if (s->dd_at++ == s->dd_result)
			(void)str_copy(f->value, sizeof f->value,
			    doc_xml_attr(x, "val"));
		break;
	default:
		break;
	}
}

/* --- properties ------------------------------------------------------- */

static void
para_property(struct story *s, const struct doc_xml *x, int id)
{
	struct para *p = &ctx(s)->para;

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

static void
style_bit(struct story *s, unsigned bit, bool on)
{
	s->style = on ? s->style | bit : s->style & ~bit;
}

static void
run_style(struct story *s, const struct docx_style *style)
{
	if (style == NULL)
		return;
	if (style->hidden != DOCX_UNSET)
		s->hidden = style->hidden == 1;
	if (style->bold != DOCX_UNSET)
		style_bit(s, DOC_BOLD, style->bold == 1);
	if (style->italic != DOCX_UNSET)
		style_bit(s, DOC_ITALIC, style->italic == 1);
	if (style->strike != DOCX_UNSET)
		style_bit(s, DOC_STRIKE, style->strike == 1);
}

static void
run_property(struct story *s, const struct doc_xml *x, int id)
{
	struct str v = doc_xml_attr(x, "val");

	switch (id) {
	case EL_RSTYLE:
		run_style(s, docx_style_find(&s->x->styles, v));
		break;
	case EL_BOLD:
		style_bit(s, DOC_BOLD, flag(x));
		break;
	case EL_ITALIC:
		style_bit(s, DOC_ITALIC, flag(x));
		break;
	case EL_STRIKE:
		style_bit(s, DOC_STRIKE, flag(x));
		break;
	case EL_VANISH:
		s->hidden = flag(x);
		break;
	case EL_VERT:
		style_bit(s, DOC_SUPER, str_eqz(v, "superscript"));
		style_bit(s, DOC_SUB, str_eqz(v, "subscript"));
		break;
	default:
		break;
	}
}

static void
run_begin(struct story *s)
{
	const struct docx_style *style = ctx(s)->para.style;

	s->in_run = true;
	s->style = DOC_PLAIN;
	s->hidden = style != NULL && style->hidden == 1;
}

/* --- events ----------------------------------------------------------- */

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
		ctx_push(s, x);
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
	if (id.n == 0 || !ctx(s)->para.in || in_field_code(s) ||
	    !doc_rels_by_id(&s->rels, id, &rel) || !rel.external)
		return;
	para_place(s);
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
			sdt->placeholder = flag(x);
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
	struct ctx *c = ctx(s);

	switch (id) {
	case EL_TBL:
		table_begin(s);
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
		c->row_header = flag(x);
		break;
	case EL_GRID_BEFORE:
		c->grid_before = (unsigned)(doc_xml_int(x, "val", 0) & 63);
		break;
	case EL_TC:
		if (c->row_gone)
			s->skip = doc_xml_depth(x);
		else
			cell_begin(s, x);
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
		ctx(s)->para.mark_deleted = true;
	else if (s->in_trpr)
		ctx(s)->row_gone = true;
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
			text_put(s, STR("\t"));
		break;
	case EL_BR:
		if (ctx(s)->para.open && !s->hidden && !in_field_code(s))
			doc_break(s->d);
		break;
	case EL_NB_HYPHEN:
		text_put(s, STR("-"));
		break;
	case EL_SYM:
		symbol(s, x);
		break;
	case EL_FLD_CHAR:
		field_char(s, x);
		break;
	case EL_INSTR:
		s->in_instr = true;
		break;
	case EL_HYPERLINK:
		link_begin(s, x);
		break;
	case EL_FOOT_REF:
		note_ref(s, x, false);
		break;
	case EL_END_REF:
		note_ref(s, x, true);
		break;
	case EL_BOX:
		cell_place(s);
		doc_aside(s->d);
		ctx_push(s, x);
		break;
	case EL_DOC_PR:
		if (!s->hidden && ctx(s)->para.in &&
		    doc_xml_attr(x, "descr").n != 0) {
			para_place(s);
			doc_image(s->d, doc_xml_attr(x, "descr"));
		}
		break;
	default:
		form_value(s, x, id);
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
		para_begin(s);
		break;
	case EL_PPR:
		s->in_ppr = true;
		break;
	case EL_R:
		run_begin(s);
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
			run_property(s, x, id);
		else if (s->in_ppr)
			para_property(s, x, id);
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
		row_end(s);
		break;
	case EL_TRPR:
		s->in_trpr = false;
		break;
	case EL_TC:
		cell_end(s);
		break;
	case EL_ALTERNATE:
		if (s->n_alternates > 0)
			s->n_alternates--;
		break;
	case EL_BOX:
	case EL_FOOTNOTE:
	case EL_ENDNOTE:
		ctx_pop(s);
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
		para_end(s);
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
	struct field *f = s->n_fields != 0 ? &s->fields[s->n_fields - 1] : NULL;

	if (s->skip != 0)
		return;
	if (s->in_text) {
		text_put(s, text);
	} else if (s->in_instr && f != NULL && f->in_code) {
		size_t n = MIN_OF(text.n, sizeof f->code - f->code_n);

		memcpy(f->code + f->code_n, text.p, n);
		f->code_n += n;
	}
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
		ctx_pop(s);
	ctx_pop(s);
	doc_rels_fini(&s->rels);
	free(s);
	return rc;
}
