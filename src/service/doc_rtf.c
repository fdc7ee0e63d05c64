/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTF (Rich Text Format 1.9.1), read in one pass.
 *
 * Groups keep a copy of the character state and the destination; a
 * destination that holds no text (fonts, pictures, "\*" ones that are not
 * known) is skipped with its whole group. Text gathers into a paragraph of
 * runs; \par, \cell and \row decide what becomes of it. Bytes are read in the
 * code page of the current font (ICU), \u overrides them. Hidden text and
 * tracked deletions are dropped, results of fields kept, binary data skipped
 * unread. Groups may nest 512 deep; deeper ones are ERR_LIMIT.
 */
#include "service/doc_rtf.h"

#include <ctype.h>

#include "base/mem.h"
#include "service/doc_sniff.h"

/* --- control words ---------------------------------------------------- */

enum act {
	A_DEST, /* value: enum rtf_dest */
	A_TEXT,
	A_PAR,
	A_CELL,
	A_ROW,
	A_TROWD,
	A_INTBL,
	A_PARD,
	A_PLAIN,
	A_BOLD,
	A_ITALIC,
	A_STRIKE,
	A_HIDDEN,
	A_DELETED,
	A_SUPER,
	A_SUB,
	A_NOSUPER,
	A_UC,
	A_U,
	A_FONT,
	A_CHARSET,
	A_CPG,
	A_PAGE,
	A_STYLE,
	A_OUTLINE,
	A_LIST,
	A_BIN,
	A_UPR,
	A_FTN,
};

struct word {
	const char *name;
	enum act act;
	int value;
	const char *text;
};

/* clang-format off */
static const struct word words[] = {
	{"ansi", A_PAGE, 1252, NULL}, {"ansicpg", A_CPG, 0, NULL},
	{"author", A_DEST, D_AUTHOR, NULL}, {"b", A_BOLD, 0, NULL},
	{"bin", A_BIN, 0, NULL}, {"bkmkend", A_DEST, D_SKIP, NULL},
	{"bkmkstart", A_DEST, D_SKIP, NULL},
	{"bullet", A_TEXT, 0, "\xe2\x80\xa2"}, {"caps", A_TEXT, 0, ""},
	{"cell", A_CELL, 0, NULL}, {"colortbl", A_DEST, D_SKIP, NULL},
	{"deleted", A_DELETED, 0, NULL}, {"emdash", A_TEXT, 0, "\xe2\x80\x94"},
	{"emspace", A_TEXT, 0, " "}, {"endash", A_TEXT, 0, "\xe2\x80\x93"},
	{"enspace", A_TEXT, 0, " "}, {"f", A_FONT, 0, NULL},
	{"fcharset", A_CHARSET, 0, NULL}, {"cpg", A_PAGE, 0, NULL},
	{"fldinst", A_DEST, D_FIELD_CODE, NULL}, {"fldrslt", A_TEXT, 0, ""},
	{"fonttbl", A_DEST, D_FONTS, NULL}, {"footer", A_DEST, D_SKIP, NULL},
	{"footerf", A_DEST, D_SKIP, NULL}, {"footerl", A_DEST, D_SKIP, NULL},
	{"footerr", A_DEST, D_SKIP, NULL}, {"footnote", A_FTN, 0, NULL},
	{"header", A_DEST, D_SKIP, NULL}, {"headerf", A_DEST, D_SKIP, NULL},
	{"headerl", A_DEST, D_SKIP, NULL}, {"headerr", A_DEST, D_SKIP, NULL},
	{"i", A_ITALIC, 0, NULL}, {"ilvl", A_TEXT, 0, ""},
	{"info", A_DEST, D_INFO, NULL}, {"intbl", A_INTBL, 0, NULL},
	{"ldblquote", A_TEXT, 0, "\xe2\x80\x9c"}, {"line", A_TEXT, 0, "\n"},
	{"listtext", A_DEST, D_LIST_TEXT, NULL},
	{"lquote", A_TEXT, 0, "\xe2\x80\x98"}, {"ls", A_LIST, 0, NULL},
	{"mac", A_PAGE, 10000, NULL}, {"nestcell", A_TEXT, 0, "\n"},
	{"nestrow", A_ROW, 0, NULL}, {"nonesttables", A_DEST, D_SKIP, NULL},
	{"nonshppict", A_DEST, D_SKIP, NULL},
	{"nosupersub", A_NOSUPER, 0, NULL}, {"objdata", A_DEST, D_SKIP, NULL},
	{"outlinelevel", A_OUTLINE, 0, NULL}, {"page", A_PAR, 0, NULL},
	{"par", A_PAR, 0, NULL}, {"pard", A_PARD, 0, NULL},
	{"pc", A_PAGE, 437, NULL}, {"pca", A_PAGE, 850, NULL},
	{"pict", A_DEST, D_SKIP, NULL}, {"plain", A_PLAIN, 0, NULL},
	{"pntext", A_DEST, D_LIST_TEXT, NULL},
	{"pntxta", A_DEST, D_SKIP, NULL}, {"pntxtb", A_DEST, D_SKIP, NULL},
	{"qmspace", A_TEXT, 0, " "}, {"rdblquote", A_TEXT, 0, "\xe2\x80\x9d"},
	{"row", A_ROW, 0, NULL}, {"rquote", A_TEXT, 0, "\xe2\x80\x99"},
	{"s", A_STYLE, 0, NULL}, {"sect", A_PAR, 0, NULL},
	{"shppict", A_DEST, D_SKIP, NULL}, {"shpinst", A_TEXT, 0, ""},
	{"shptxt", A_TEXT, 0, ""}, {"sn", A_DEST, D_SKIP, NULL},
	{"sv", A_DEST, D_SKIP, NULL}, {"sp", A_DEST, D_SKIP, NULL},
	{"strike", A_STRIKE, 0, NULL}, {"striked", A_STRIKE, 0, NULL},
	{"stylesheet", A_DEST, D_STYLES, NULL}, {"sub", A_SUB, 0, NULL},
	{"subject", A_DEST, D_SUBJECT, NULL}, {"super", A_SUPER, 0, NULL},
	{"tab", A_TEXT, 0, "\t"}, {"tc", A_DEST, D_SKIP, NULL},
	{"title", A_DEST, D_TITLE, NULL}, {"trowd", A_TROWD, 0, NULL},
	{"u", A_U, 0, NULL}, {"uc", A_UC, 0, NULL}, {"ud", A_TEXT, 0, ""},
	{"upr", A_UPR, 0, NULL}, {"v", A_HIDDEN, 0, NULL},
	{"xe", A_DEST, D_SKIP, NULL}, {"zwj", A_TEXT, 0, "\xe2\x80\x8d"},
	{"atnid", A_DEST, D_SKIP, NULL}, {"atnauthor", A_DEST, D_SKIP, NULL},
	{"annotation", A_DEST, D_SKIP, NULL}, {"themedata", A_DEST, D_SKIP, NULL},
	{"datafield", A_DEST, D_SKIP, NULL}, {"comment", A_DEST, D_SKIP, NULL},
	{"revtbl", A_DEST, D_SKIP, NULL}, {"rsidtbl", A_DEST, D_SKIP, NULL},
	{"listtable", A_DEST, D_SKIP, NULL},
	{"ftnsep", A_DEST, D_SKIP, NULL}, {"ftnsepc", A_DEST, D_SKIP, NULL},
	{"aftnsep", A_DEST, D_SKIP, NULL},
};
/* clang-format on */

/* Windows code pages of \fcharset. */
static int
charset_page(int cs)
{
	static const int map[][2] = {{0, 1252}, {77, 10000}, {128, 932},
	    {129, 949}, {134, 936}, {136, 950}, {161, 1253}, {162, 1254},
	    {163, 1258}, {177, 1255}, {178, 1256}, {186, 1257}, {204, 1251},
	    {222, 874}, {238, 1250}, {255, 850}};

	for (size_t i = 0; i < COUNT_OF(map); i++)
		if (map[i][0] == cs)
			return map[i][1];
	return 0;
}

/* A style's name decides when it has no outline level. */
static void
style_named(struct rtf *r)
{
	struct str s = str_trim(buf_view(&r->out));
	const char *h;

	if (s.n == 0 || r->style_now < 0 || r->style_now >= RTF_STYLES)
		return;
	h = strcasestr(buf_cstr(&r->out), "heading ");
	if (h != NULL && isdigit((uint8_t)h[8]) && h[8] != '0')
		r->outlines[r->style_now] = (int8_t)(h[8] - '1');
	else if (s.n < 8 && strcasestr(buf_cstr(&r->out), "title") != NULL &&
	    strcasestr(buf_cstr(&r->out), "sub") == NULL)
		r->outlines[r->style_now] = 0;
}

static void
pard(struct rtf *r)
{
	r->para.outline = -1;
	r->para.style = -1;
	r->para.in_table = r->para.listed = false;
}

static void
plain(struct rtf *r)
{
	struct rtf_state *s = &r->st;

	s->bold = s->italic = s->strike = s->hidden = s->deleted = false;
	s->super = s->sub = false;
}

static void
font(struct rtf *r, int n)
{
	rtf_flush_bytes(r);
	r->st.font = n;
}

static void
paragraph_word(struct rtf *r, const struct word *w, int n)
{
	switch (w->act) {
	case A_PAR:
		rtf_para_end(r);
		break;
	case A_CELL:
		rtf_cell_end(r);
		break;
	case A_ROW:
		rtf_row_end(r);
		break;
	case A_INTBL:
		r->para.in_table = true;
		if (r->st.dest == D_BODY)
			rtf_row_open(r);
		break;
	case A_PARD:
		pard(r);
		break;
	case A_STYLE:
		if (r->st.dest == D_STYLES)
			r->style_now = n;
		else
			r->para.style = n;
		break;
	case A_OUTLINE:
		if (r->st.dest != D_STYLES)
			r->para.outline = n;
		else if (r->style_now >= 0 && r->style_now < RTF_STYLES &&
		    n < 9)
			r->outlines[r->style_now] = (int8_t)n;
		break;
	case A_LIST:
		r->para.listed = n > 0 && r->st.dest == D_BODY;
		break;
	default:
		break;
	}
}

static void
character_word(struct rtf *r, const struct word *w, bool has, int n)
{
	bool on = !has || n != 0;
	struct rtf_state *s = &r->st;

	rtf_flush_bytes(r);
	switch (w->act) {
	case A_PLAIN:
		plain(r);
		break;
	case A_BOLD:
		s->bold = on;
		break;
	case A_ITALIC:
		s->italic = on;
		break;
	case A_STRIKE:
		s->strike = on;
		break;
	case A_HIDDEN:
		s->hidden = on;
		break;
	case A_DELETED:
		s->deleted = on;
		break;
	case A_SUPER:
		s->super = on;
		break;
	case A_SUB:
		s->sub = on;
		break;
	case A_NOSUPER:
		s->super = s->sub = false;
		break;
	default:
		break;
	}
}

/* A byte 1 marks the place in the text, and the start of the note's text. */
static void
footnote(struct rtf *r)
{
	rtf_put_z(r, "\x01");
	buf_c(&r->para.note, 1);
	r->st.dest = D_NOTE;
}

static void
binary(struct rtf *r, int n)
{
	if (n > 0)
		r->p += MIN_OF((ptrdiff_t)n, r->end - r->p);
}

static void
other_word(struct rtf *r, const struct word *w, bool has, int n)
{
	switch (w->act) {
	case A_DEST:
		if (r->st.dest == D_INFO || r->st.dest == D_BODY ||
		    w->value == D_SKIP || w->value == D_FIELD_CODE)
			r->st.dest = (enum rtf_dest)w->value;
		buf_clear(&r->out);
		break;
	case A_TEXT:
		if (*w->text != 0 && r->skip > 0)
			r->skip--;
		else if (*w->text != 0)
			rtf_put_z(r, w->text);
		break;
	case A_UC:
		r->st.uc = has && n >= 0 && n < 16 ? n : 1;
		break;
	case A_U:
		rtf_put_code(r, n);
		break;
	case A_FONT:
		font(r, n);
		break;
	case A_CHARSET:
		if (r->st.dest == D_FONTS && r->st.font >= 0 &&
		    r->st.font < RTF_FONTS)
			r->fonts[r->st.font] = (uint16_t)charset_page(n);
		break;
	case A_CPG:
	case A_PAGE:
		if (r->st.dest == D_FONTS && r->st.font >= 0 &&
		    r->st.font < RTF_FONTS)
			r->fonts[r->st.font] = (uint16_t)n;
		else if (has || w->value != 0)
			r->codepage = has && n > 0 ? n : w->value;
		break;
	case A_BIN:
		binary(r, n);
		break;
	case A_FTN:
		footnote(r);
		break;
	default:
		break;
	}
}

static void
control(struct rtf *r, struct str name, bool has, int n)
{
	const struct word *w = NULL;
	bool star = r->star;

	r->star = false;
	for (size_t i = 0; i < COUNT_OF(words) && w == NULL; i++)
		if (str_eqz(name, words[i].name))
			w = &words[i];
	if (w == NULL || (star && w->act == A_TEXT && *w->text != 0)) {
		if (star)
			r->st.dest = D_SKIP;
		return;
	}
	if (r->st.dest == D_SKIP && w->act != A_BIN)
		return;
	rtf_flush_bytes(r);
	if (w->act == A_PAR || w->act == A_CELL || w->act == A_ROW) {
		if (r->st.dest == D_NOTE)
			rtf_put_z(r, " ");
		else if (r->st.dest == D_BODY)
			paragraph_word(r, w, n);
	} else if ((w->act >= A_TROWD && w->act <= A_PARD) ||
	    (w->act >= A_STYLE && w->act <= A_LIST)) {
		paragraph_word(r, w, n);
	} else if (w->act >= A_PLAIN && w->act <= A_NOSUPER) {
		character_word(r, w, has, n);
	} else {
		other_word(r, w, has, n);
	}
}

/* --- the bytes -------------------------------------------------------- */

static int
hex(uint8_t c)
{
	return isdigit(c) ? c - '0' : isxdigit(c) ? (c | 32) - 'a' + 10 : 0;
}

static void
symbol(struct rtf *r, uint8_t c)
{
	switch (c) {
	case '\'':
		if (r->end - r->p >= 2) {
			rtf_put_byte(r,
			    (uint8_t)(hex(r->p[0]) << 4 | hex(r->p[1])));
			r->p += 2;
		}
		break;
	case '*':
		r->star = true;
		break;
	case '~':
		rtf_put_z(r, "\xc2\xa0");
		break;
	case '_':
		rtf_put_z(r, "-");
		break;
	case '-': /* optional hyphen */
	case ':':
	case '|':
		break;
	case '\n':
	case '\r':
		control(r, STR("par"), false, 0);
		break;
	case '\t':
		control(r, STR("tab"), false, 0);
		break;
	default:
		rtf_put_byte(r, c);
		break;
	}
}

static void
backslash(struct rtf *r)
{
	const uint8_t *start = r->p;
	struct str name;
	int64_t n = 0;
	bool has = false, minus;

	if (r->p >= r->end)
		return;
	if (!isalpha(*r->p)) {
		symbol(r, *r->p++);
		return;
	}
	while (r->p < r->end && isalpha(*r->p) && r->p - start < 32)
		r->p++;
	name = (struct str){(const char *)start, (size_t)(r->p - start)};
	minus = r->p < r->end && *r->p == '-';
	r->p += minus;
	for (; r->p < r->end && isdigit(*r->p); r->p++, has = true)
		n = n < 100000000 ? n * 10 + (*r->p - '0') : n;
	if (r->p < r->end && *r->p == ' ')
		r->p++;
	control(r, name, has, (int)(minus ? -n : n));
}

static void
group_open(struct rtf *r)
{
	rtf_flush_bytes(r);
	r->skip = 0;
	if (r->depth >= RTF_DEPTH) {
		r->limit = true;
		return;
	}
	r->stack[r->depth++] = r->st;
}

static void
group_close(struct rtf *r)
{
	enum rtf_dest was = r->st.dest;

	rtf_flush_bytes(r);
	r->skip = 0;
	if (was == D_STYLES) {
		style_named(r);
		buf_clear(&r->out);
		r->style_now = 0;
	} else if (was == D_TITLE || was == D_AUTHOR || was == D_SUBJECT) {
		doc_meta(r->d,
		    was == D_TITLE        ? "title"
			: was == D_AUTHOR ? "author"
					  : "subject",
		    buf_view(&r->out));
		buf_clear(&r->out);
	}
	if (r->depth > 0)
		r->st = r->stack[--r->depth];
}

static void
run_all(struct rtf *r)
{
	while (r->p < r->end && !r->limit && doc_failed(r->d, NULL) == 0) {
		uint8_t c = *r->p++;

		switch (c) {
		case '{':
			group_open(r);
			break;
		case '}':
			group_close(r);
			break;
		case '\\':
			backslash(r);
			break;
		case '\r':
		case '\n':
		case 0:
			break;
		default:
			rtf_put_byte(r, c);
			break;
		}
	}
	rtf_flush_bytes(r);
	r->st.dest = D_BODY;
	r->para.in_table = false;
	rtf_para_end(r);
	rtf_notes_put(r);
	rtf_list_end(r);
	rtf_table_end(r);
}

static int
rtf_read(const struct doc_in *in, struct doc *d, struct err *err)
{
	struct rtf *r = xcalloc(1, sizeof *r);
	bool limit;

	r->p = in->p;
	r->end = in->p + in->n;
	r->d = d;
	r->codepage = 1252;
	r->st.uc = 1;
	r->stack = xcalloc(RTF_DEPTH, sizeof *r->stack);
	memset(r->outlines, -1, sizeof r->outlines);
	pard(r);
	r->para.text = BUF_INIT(RTF_PARA_MAX);
	r->para.runs = BUF_INIT(RTF_PARA_MAX);
	r->para.mark = BUF_INIT(4096);
	r->para.note = BUF_INIT(RTF_PARA_MAX);
	r->bytes = BUF_INIT(8192);
	r->out = BUF_INIT(65536);
	run_all(r);
	limit = r->limit;
	buf_fini(&r->para.text);
	buf_fini(&r->para.runs);
	buf_fini(&r->para.mark);
	buf_fini(&r->para.note);
	buf_fini(&r->bytes);
	buf_fini(&r->out);
	free(r->stack);
	free(r);
	if (limit)
		return err_set(err, ERR_LIMIT,
		    "the RTF has groups nested more than %d deep", RTF_DEPTH);
	return doc_failed(d, err);
}

static int
rtf_sniff(const struct doc_in *in)
{
	return sniff_starts(in, "{\\rtf", 5) ? 96 : 0;
}

const struct doc_format doc_format_rtf = {
    .name = "rtf",
    .mime = "application/rtf",
    .sniff = rtf_sniff,
    .read = rtf_read,
};
