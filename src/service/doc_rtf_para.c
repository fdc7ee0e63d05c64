/* SPDX-License-Identifier: Apache-2.0 */
/* RTF's text and the blocks that are made of it. */
#include "service/doc_rtf.h"

#include <ctype.h>

#include "service/doc_charset.h"

/* --- text ------------------------------------------------------------- */

static uint8_t
style_of(const struct rtf_state *s)
{
	return (uint8_t)((s->bold ? DOC_BOLD : 0) |
	    (s->italic ? DOC_ITALIC : 0) | (s->strike ? DOC_STRIKE : 0) |
	    (s->super ? DOC_SUPER : 0) | (s->sub ? DOC_SUB : 0));
}

static void
put_utf8(struct rtf *r, struct str s)
{
	struct rtf_run run = {.style = style_of(&r->st)};

	if (r->st.hidden || r->st.deleted)
		return;
	switch (r->st.dest) {
	case D_BODY:
		buf_str(&r->para.text, s);
		run.end = (uint32_t)r->para.text.n;
		buf_add(&r->para.runs, &run, sizeof run);
		break;
	case D_NOTE:
		buf_str(&r->para.note, s);
		break;
	case D_LIST_TEXT:
		buf_str(&r->para.mark, s);
		break;
	case D_STYLES:
	case D_FIELD_CODE:
	case D_TITLE:
	case D_AUTHOR:
	case D_SUBJECT:
		buf_str(&r->out, s);
		break;
	case D_SKIP:
	case D_FONTS:
	case D_INFO:
		break;
	}
}

static int
font_page(const struct rtf *r)
{
	int f = r->st.font;

	if (f >= 0 && f < RTF_FONTS && r->fonts[f] != 0)
		return r->fonts[f];
	return r->codepage;
}

void
rtf_flush_bytes(struct rtf *r)
{
	char name[32];
	struct buf u = BUF_INIT(4 * r->bytes.n + 16);
	int cp = font_page(r);

	if (r->bytes.n == 0)
		return;
	if (cp == 437 || cp == 850 || cp == 852 || cp == 866)
		str_fmt(name, sizeof name, "ibm-%d", cp);
	else if (cp == 10000)
		str_fmt(name, sizeof name, "macintosh");
	else if (cp == 65001)
		str_fmt(name, sizeof name, "UTF-8");
	else if (cp == 932)
		str_fmt(name, sizeof name, "windows-31j");
	else
		str_fmt(name, sizeof name, "windows-%d", cp);
	if (charset_decode(buf_view(&r->bytes), name, &u, NULL) == 0 ||
	    charset_decode(buf_view(&r->bytes), "windows-1252", &u, NULL) == 0)
		put_utf8(r, buf_view(&u));
	buf_fini(&u);
	buf_clear(&r->bytes);
}

void
rtf_put_byte(struct rtf *r, uint8_t b)
{
	if (r->skip > 0) {
		r->skip--;
		return;
	}
	if (r->st.dest == D_SKIP || r->st.dest == D_INFO)
		return;
	buf_c(&r->bytes, (char)b);
	if (r->bytes.n > 4096)
		rtf_flush_bytes(r);
}

void
rtf_put_z(struct rtf *r, const char *z)
{
	rtf_flush_bytes(r);
	put_utf8(r, str_of(z));
}

void
rtf_put_code(struct rtf *r, int value)
{
	uint32_t c = (uint32_t)(value < 0 ? value + 65536 : value);
	struct buf b = BUF_INIT(8);

	rtf_flush_bytes(r);
	r->skip = r->st.uc;
	if (c >= 0xd800 && c < 0xdc00) {
		r->lead = c;
		return;
	}
	if (c >= 0xdc00 && c < 0xe000 && r->lead != 0)
		c = 0x10000 + ((r->lead - 0xd800) << 10) + (c - 0xdc00);
	else if (c >= 0xf020 && c < 0xf100) /* symbol fonts */
		c = c == 0xf0b7 || c == 0xf0a7 ? 0x2022 : c - 0xf000;
	r->lead = 0;
	if (c >= 32)
		charset_put(&b, c);
	put_utf8(r, buf_view(&b));
	buf_fini(&b);
}

/* --- paragraphs ------------------------------------------------------- */

static void
para_clear(struct rtf_para *p)
{
	buf_clear(&p->text);
	buf_clear(&p->runs);
	buf_clear(&p->mark);
}

static void
run_put(struct rtf *r, struct str s, unsigned style)
{
	size_t from = 0;

	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && s.p[i] != '\n' && s.p[i] != 1)
			continue;
		if (i > from)
			doc_text(r->d, (struct str){s.p + from, i - from},
			    style);
		if (i < s.n && s.p[i] == '\n') {
			doc_break(r->d);
		} else if (i < s.n) {
			char label[16];

			str_fmt(label, sizeof label, "%u", ++r->refs);
			doc_note_ref(r->d, str_of(label));
		}
		from = i + 1;
	}
}

static void
runs_put(struct rtf *r, bool plain)
{
	const struct rtf_run *run = (const struct rtf_run *)(void *)
					r->para.runs.p;
	size_t n = r->para.runs.n / sizeof *run, from = 0;

	for (size_t i = 0; i < n;) {
		size_t e = i;

		while (e + 1 < n && run[e + 1].style == run[i].style)
			e++;
		run_put(r,
		    (struct str){r->para.text.p + from, run[e].end - from},
		    plain ? DOC_PLAIN : run[i].style);
		from = run[e].end;
		i = e + 1;
	}
}

void
rtf_list_end(struct rtf *r)
{
	if (r->in_list)
		doc_end(r->d);
	r->in_list = false;
}

void
rtf_table_end(struct rtf *r)
{
	if (r->in_row)
		doc_end(r->d);
	if (r->in_table)
		doc_end(r->d);
	r->in_row = r->in_table = false;
}

void
rtf_notes_put(struct rtf *r)
{
	struct str rest = buf_view(&r->para.note);

	if (rest.n > 0)
		str_cut(&rest, 1);
	while (rest.n > 0) {
		char label[16];

		str_fmt(label, sizeof label, "%u", ++r->notes);
		doc_footnote(r->d, str_of(label));
		doc_text(r->d, str_cut(&rest, 1), DOC_PLAIN);
		doc_end(r->d);
	}
	buf_clear(&r->para.note);
}

static bool
blank(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isspace((uint8_t)s.p[i]))
			return false;
	return true;
}

static int
outline_of(const struct rtf *r)
{
	if (r->para.outline >= 0)
		return r->para.outline;
	if (r->para.style >= 0 && r->para.style < RTF_STYLES)
		return r->outlines[r->para.style];
	return -1;
}

static void
item_put(struct rtf *r)
{
	struct str mark = str_trim(buf_view(&r->para.mark));
	unsigned v = 1;
	bool ordered = mark.n > 0 && isdigit((uint8_t)*mark.p);

	if (ordered) {
		v = 0;
		for (size_t i = 0;
		     i < mark.n && i < 6 && isdigit((uint8_t)mark.p[i]); i++)
			v = v * 10 + (unsigned)(mark.p[i] - '0');
	}
	if (!r->in_list || r->ordered != ordered) {
		rtf_list_end(r);
		doc_list(r->d, ordered, v);
		r->in_list = true;
		r->ordered = ordered;
	}
	doc_item(r->d);
	runs_put(r, false);
	doc_end(r->d);
}

/* The paragraph is complete. */
void
rtf_para_end(struct rtf *r)
{
	int level = outline_of(r);

	if (r->para.in_table && r->in_row) {
		if (!blank(buf_view(&r->para.text)))
			rtf_put_z(r, "\n");
		return;
	}
	rtf_table_end(r);
	if (blank(buf_view(&r->para.text))) {
		para_clear(&r->para);
		return;
	}
	if (level >= 0 && level < 6 && r->para.text.n < 400) {
		rtf_list_end(r);
		doc_heading(r->d, level + 1);
		runs_put(r, true);
		doc_end(r->d);
	} else if (r->para.mark.n > 0 || r->para.listed) {
		item_put(r);
	} else {
		rtf_list_end(r);
		doc_para(r->d);
		runs_put(r, false);
		doc_end(r->d);
	}
	rtf_notes_put(r);
	para_clear(&r->para);
}

void
rtf_row_open(struct rtf *r)
{
	if (r->in_row)
		return;
	rtf_list_end(r);
	if (!r->in_table) {
		doc_table(r->d);
		r->in_table = true;
		r->first_row = true;
	}
	doc_row(r->d, r->first_row);
	r->in_row = true;
	r->first_row = false;
}

void
rtf_cell_end(struct rtf *r)
{
	rtf_row_open(r);
	while (r->para.text.n > 0 &&
	    r->para.text.p[r->para.text.n - 1] == '\n' &&
	    r->para.runs.n >= sizeof(struct rtf_run)) {
		r->para.text.n--;
		r->para.runs.n -= sizeof(struct rtf_run);
	}
	doc_cell(r->d, 1, 1);
	if (r->para.mark.n > 0) {
		doc_text(r->d, buf_view(&r->para.mark), DOC_PLAIN);
		doc_text(r->d, STR(" "), DOC_PLAIN);
	}
	runs_put(r, false);
	doc_end(r->d);
	para_clear(&r->para);
}

void
rtf_row_end(struct rtf *r)
{
	if (r->in_row)
		doc_end(r->d);
	r->in_row = false;
	para_clear(&r->para);
}
