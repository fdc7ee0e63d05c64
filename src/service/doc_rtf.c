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
#include "service/doc.h"

#include <ctype.h>

#include "base/mem.h"
#include "service/doc_charset.h"
#include "service/doc_sniff.h"

enum {
	DEPTH = 512,
	FONTS = 1024,
	STYLES = 512,
	PARA_MAX = 8 << 20
};

enum dest {
	D_BODY,
	D_SKIP,
	D_FONTS,
	D_STYLES,
	D_FIELD_CODE,
	D_NOTE,
	D_LIST_TEXT,
	D_TITLE,
	D_AUTHOR,
	D_SUBJECT,
	D_INFO,
};

struct state {
	enum dest dest;
	bool bold, italic, strike, hidden, deleted, super, sub;
	int uc;
	int font;
};

struct run { /* of the paragraph's text */
	uint32_t end;
	uint8_t style;
};

struct para {
	struct buf text;
	struct buf runs; /* struct run[] */
	struct buf mark; /* \listtext or \pntext: "1.", a bullet */
	struct buf note; /* text of footnotes met in it */
	int outline;     /* 0 to 8, -1: none */
	int style;
	bool listed, in_table;
};

struct rtf {
	const uint8_t *p, *end;
	struct doc *d;
	struct state st;
	struct state *stack;
	unsigned depth;
	int skip;      /* fallback characters still to drop after \u */
	unsigned lead; /* high surrogate */
	struct para para;
	bool in_table, in_row, in_list, ordered, first_row;
	int codepage;
	uint16_t fonts[FONTS];   /* code page, 0: the document's */
	int8_t outlines[STYLES]; /* of paragraph styles, -1: none */
	int style_now;
	bool star;        /* \* was the last control */
	struct buf bytes; /* not yet decoded */
	struct buf out;   /* where decoded text goes outside the body */
	unsigned notes, refs;
	bool limit;
};

/* --- text ------------------------------------------------------------- */

static uint8_t
style_of(const struct state *s)
{
	return (uint8_t)((s->bold ? DOC_BOLD : 0) |
	    (s->italic ? DOC_ITALIC : 0) | (s->strike ? DOC_STRIKE : 0) |
	    (s->super ? DOC_SUPER : 0) | (s->sub ? DOC_SUB : 0));
}

static void
put_utf8(struct rtf *r, struct str s)
{
	struct run run = {.style = style_of(&r->st)};

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

	if (f >= 0 && f < FONTS && r->fonts[f] != 0)
		return r->fonts[f];
	return r->codepage;
}

static void
flush_bytes(struct rtf *r)
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

static void
put_byte(struct rtf *r, uint8_t b)
{
	if (r->skip > 0) {
		r->skip--;
		return;
	}
	if (r->st.dest == D_SKIP || r->st.dest == D_INFO)
		return;
	buf_c(&r->bytes, (char)b);
	if (r->bytes.n > 4096)
		flush_bytes(r);
}

static void
put_z(struct rtf *r, const char *z)
{
	flush_bytes(r);
	put_utf8(r, str_of(z));
}

static void
put_code(struct rtf *r, int value)
{
	uint32_t c = (uint32_t)(value < 0 ? value + 65536 : value);
	struct buf b = BUF_INIT(8);

	flush_bytes(r);
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
para_clear(struct para *p)
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
	const struct run *run = (const struct run *)(void *)r->para.runs.p;
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

static void
list_end(struct rtf *r)
{
	if (r->in_list)
		doc_end(r->d);
	r->in_list = false;
}

static void
table_end(struct rtf *r)
{
	if (r->in_row)
		doc_end(r->d);
	if (r->in_table)
		doc_end(r->d);
	r->in_row = r->in_table = false;
}

static void
notes_put(struct rtf *r)
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
	if (r->para.style >= 0 && r->para.style < STYLES)
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
		list_end(r);
		doc_list(r->d, ordered, v);
		r->in_list = true;
		r->ordered = ordered;
	}
	doc_item(r->d);
	runs_put(r, false);
	doc_end(r->d);
}

/* The paragraph is complete. */
static void
para_end(struct rtf *r)
{
	int level = outline_of(r);

	if (r->para.in_table && r->in_row) {
		if (!blank(buf_view(&r->para.text)))
			put_z(r, "\n");
		return;
	}
	table_end(r);
	if (blank(buf_view(&r->para.text))) {
		para_clear(&r->para);
		return;
	}
	if (level >= 0 && level < 6 && r->para.text.n < 400) {
		list_end(r);
		doc_heading(r->d, level + 1);
		runs_put(r, true);
		doc_end(r->d);
	} else if (r->para.mark.n > 0 || r->para.listed) {
		item_put(r);
	} else {
		list_end(r);
		doc_para(r->d);
		runs_put(r, false);
		doc_end(r->d);
	}
	notes_put(r);
	para_clear(&r->para);
}

static void
row_open(struct rtf *r)
{
	if (r->in_row)
		return;
	list_end(r);
	if (!r->in_table) {
		doc_table(r->d);
		r->in_table = true;
		r->first_row = true;
	}
	doc_row(r->d, r->first_row);
	r->in_row = true;
	r->first_row = false;
}

static void
cell_end(struct rtf *r)
{
	row_open(r);
	while (r->para.text.n > 0 &&
	    r->para.text.p[r->para.text.n - 1] == '\n' &&
	    r->para.runs.n >= sizeof(struct run)) {
		r->para.text.n--;
		r->para.runs.n -= sizeof(struct run);
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

static void
row_end(struct rtf *r)
{
	if (r->in_row)
		doc_end(r->d);
	r->in_row = false;
	para_clear(&r->para);
}

/* --- control words ---------------------------------------------------- */

enum act {
	A_DEST, /* value: enum dest */
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

	if (s.n == 0 || r->style_now < 0 || r->style_now >= STYLES)
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
	struct state *s = &r->st;

	s->bold = s->italic = s->strike = s->hidden = s->deleted = false;
	s->super = s->sub = false;
}

static void
font(struct rtf *r, int n)
{
	flush_bytes(r);
	r->st.font = n;
}

static void
paragraph_word(struct rtf *r, const struct word *w, int n)
{
	switch (w->act) {
	case A_PAR:
		para_end(r);
		break;
	case A_CELL:
		cell_end(r);
		break;
	case A_ROW:
		row_end(r);
		break;
	case A_INTBL:
		r->para.in_table = true;
		if (r->st.dest == D_BODY)
			row_open(r);
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
		else if (r->style_now >= 0 && r->style_now < STYLES && n < 9)
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
	struct state *s = &r->st;

	flush_bytes(r);
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
	put_z(r, "\x01");
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
			r->st.dest = (enum dest)w->value;
		buf_clear(&r->out);
		break;
	case A_TEXT:
		if (*w->text != 0 && r->skip > 0)
			r->skip--;
		else if (*w->text != 0)
			put_z(r, w->text);
		break;
	case A_UC:
		r->st.uc = has && n >= 0 && n < 16 ? n : 1;
		break;
	case A_U:
		put_code(r, n);
		break;
	case A_FONT:
		font(r, n);
		break;
	case A_CHARSET:
		if (r->st.dest == D_FONTS && r->st.font >= 0 &&
		    r->st.font < FONTS)
			r->fonts[r->st.font] = (uint16_t)charset_page(n);
		break;
	case A_CPG:
	case A_PAGE:
		if (r->st.dest == D_FONTS && r->st.font >= 0 &&
		    r->st.font < FONTS)
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
	flush_bytes(r);
	if (w->act == A_PAR || w->act == A_CELL || w->act == A_ROW) {
		if (r->st.dest == D_NOTE)
			put_z(r, " ");
		else if (r->st.dest == D_BODY)
			paragraph_word(r, w, n);
	} else if (w->act >= A_TROWD && w->act <= A_PARD) {
		paragraph_word(r, w, n);
	} else if (w->act >= A_PLAIN && w->act <= A_NOSUPER) {
		character_word(r, w, has, n);
	} else if (w->act >= A_STYLE && w->act <= A_LIST) {
		paragraph_word(r, w, n);
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
			put_byte(r,
			    (uint8_t)(hex(r->p[0]) << 4 | hex(r->p[1])));
			r->p += 2;
		}
		break;
	case '*':
		r->star = true;
		break;
	case '~':
		put_z(r, "\xc2\xa0");
		break;
	case '_':
		put_z(r, "-");
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
		put_byte(r, c);
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
	flush_bytes(r);
	r->skip = 0;
	if (r->depth >= DEPTH) {
		r->limit = true;
		return;
	}
	r->stack[r->depth++] = r->st;
}

static void
group_close(struct rtf *r)
{
	enum dest was = r->st.dest;

	flush_bytes(r);
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
			put_byte(r, c);
			break;
		}
	}
	flush_bytes(r);
	r->st.dest = D_BODY;
	r->para.in_table = false;
	para_end(r);
	notes_put(r);
	list_end(r);
	table_end(r);
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
	r->stack = xcalloc(DEPTH, sizeof *r->stack);
	memset(r->outlines, -1, sizeof r->outlines);
	pard(r);
	r->para.text = BUF_INIT(PARA_MAX);
	r->para.runs = BUF_INIT(PARA_MAX);
	r->para.mark = BUF_INIT(4096);
	r->para.note = BUF_INIT(PARA_MAX);
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
		    "the RTF has groups nested more than %d deep", DEPTH);
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
