/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of a DOCX story: their style, their text, symbols, references to notes.
 */
#include "service/doc_docx_story.h"

/* --- style ------------------------------------------------------------ */

bool
docx_flag(const struct doc_xml *x)
{
	struct str v = doc_xml_attr(x, "val");

	return !(str_eqz(v, "0") || str_eqz(v, "false") || str_eqz(v, "off"));
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

void
docx_run_property(struct story *s, const struct doc_xml *x, int id)
{
	struct str v = doc_xml_attr(x, "val");

	switch (id) {
	case EL_RSTYLE:
		run_style(s, docx_style_find(&s->x->styles, v));
		break;
	case EL_BOLD:
		style_bit(s, DOC_BOLD, docx_flag(x));
		break;
	case EL_ITALIC:
		style_bit(s, DOC_ITALIC, docx_flag(x));
		break;
	case EL_STRIKE:
		style_bit(s, DOC_STRIKE, docx_flag(x));
		break;
	case EL_VANISH:
		s->hidden = docx_flag(x);
		break;
	case EL_VERT:
		style_bit(s, DOC_SUPER, str_eqz(v, "superscript"));
		style_bit(s, DOC_SUB, str_eqz(v, "subscript"));
		break;
	default:
		break;
	}
}

void
docx_run_begin(struct story *s)
{
	const struct docx_style *style = docx_ctx(s)->para.style;

	s->in_run = true;
	s->style = DOC_PLAIN;
	s->hidden = style != NULL && style->hidden == 1;
}

/* --- text ------------------------------------------------------------- */

void
docx_text_put(struct story *s, struct str text)
{
	const struct para *p = &docx_ctx(s)->para;

	if (s->hidden || docx_in_field_code(s) || !p->in || text.n == 0)
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
	docx_para_place(s);
	if (s->n_fields != 0)
		s->fields[s->n_fields - 1].inked = true;
	doc_text(s->d, text, s->style);
}

/* What a character of a symbol font shows. */
void
docx_symbol(struct story *s, const struct doc_xml *x)
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
				docx_text_put(s, str_of(wingdings[i].text));
		}
	}
}

void
docx_note_ref(struct story *s, const struct doc_xml *x, bool end)
{
	struct docx_note note = {.id = doc_xml_int(x, "id", -1), .end = end};
	char label[24];

	if (s->hidden || docx_in_field_code(s))
		return;
	note.number = end ? ++s->x->endnotes : ++s->x->footnotes;
	if (!buf_add(&s->x->notes, &note, sizeof note))
		return;
	(void)str_fmt(label, sizeof label, end ? "e%u" : "%u", note.number);
	docx_para_place(s);
	doc_note_ref(s->d, str_of(label));
}
