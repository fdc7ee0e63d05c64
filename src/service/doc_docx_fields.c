/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of a DOCX story: their code is not text, their result is. ECMA-376
 * part 1, section 17.16.
 */
#include "service/doc_docx_story.h"

/* Is this text part of a field's code, or of a result that is dropped? */
bool
docx_in_field_code(const struct story *s)
{
	for (int i = 0; i < s->n_fields; i++) {
		if (s->fields[i].in_code || s->fields[i].drop)
			return true;
	}
	return s->fields_over != 0;
}

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
	    !docx_in_field_code(s) && docx_ctx(s)->para.in) {
		struct str url = field_word(&rest);

		if (url.n != 0 && url.p[0] != '\\') {
			docx_para_place(s);
			doc_link(s->d, url);
			f->linked = true;
		}
	}
}

void
docx_field_char(struct story *s, const struct doc_xml *x)
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
			docx_text_put(s, str_of(f->value));
		if (f->linked)
			doc_end(s->d);
		s->n_fields--;
	}
}

/* Values of legacy form fields stand in the field's own data. */
void
docx_form_value(struct story *s, const struct doc_xml *x, int id)
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
			    docx_flag(x) ? STR("☒") : STR("☐"));
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

void
docx_field_code(struct story *s, struct str text)
{
	struct field *f = s->n_fields != 0 ? &s->fields[s->n_fields - 1] : NULL;
	size_t n;

	if (f == NULL || !f->in_code)
		return;
	n = MIN_OF(text.n, sizeof f->code - f->code_n);
	memcpy(f->code + f->code_n, text.p, n);
	f->code_n += n;
}
