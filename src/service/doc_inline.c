/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of one block. Markdown's emphasis only works where its delimiters
 * flank words (CommonMark 6.2); where they would not, the emphasis is dropped,
 * never the text. Bold is the outermost, then italic, then struck out.
 */
#include "service/doc_inline.h"

#include <ctype.h>

enum {
	EMPHASIS = DOC_BOLD | DOC_ITALIC | DOC_STRIKE
};

struct piece {
	uint32_t node;
	uint8_t
	    kind; /* DOC_TEXT, DOC_BREAK, DOC_LINK, DOC_END (of a link)... */
	uint8_t style; /* what may be shown of it */
};

bool
inline_visible(const struct inline_state *in)
{
	return in->page == 0 || in->now == in->page;
}

void
inline_note_page(struct inline_state *in, const struct doc_node *n)
{
	if (n->kind != DOC_PAGE)
		return;
	in->now = doc_page_recs(in->d)[n->b].info.number;
	in->marks_to = n->b + 1;
}

void
inline_start_at(struct inline_state *in, uint32_t from)
{
	const struct doc_page_rec *recs = doc_page_recs(in->d);

	for (size_t i = 0; i < doc_pages(in->d) && recs[i].node < from; i++)
		in->now = recs[i].info.number;
}

uint32_t
inline_end(const struct inline_state *in, uint32_t i)
{
	uint32_t peer = doc_nodes(in->d)[i].peer;

	return peer != 0 ? peer : doc_node_count(in->d);
}

/* --- characters ------------------------------------------------------- */

static bool
alnum(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* Does "&name;" or "&#1;" begin at p? */
static bool
looks_like_entity(const char *p, size_t n)
{
	size_t i = 1;

	if (i < n && p[i] == '#')
		i++;
	if (i >= n || !isalnum((unsigned char)p[i]))
		return false;
	while (i < n && i < 34 && isalnum((unsigned char)p[i]))
		i++;
	return i < n && p[i] == ';';
}

/* Must a run of '*', '_' or '~' be escaped? Not when it cannot open or close
 * emphasis: between spaces, or '_' inside a word. */
static bool
run_needs_escape(char c, int before, int after, size_t run)
{
	bool left_space = before == 0 || before == ' ' || before == '\n';
	bool right_space = after == 0 || after == ' ' || after == '\n';

	if (left_space && right_space)
		return false;
	if (c == '_')
		return !(alnum(before) && alnum(after));
	if (c == '~')
		return run >= 2 || !left_space;
	return true;
}

static size_t
escape_run(struct buf *out, struct str s, size_t i, int before)
{
	char c = s.p[i];
	size_t run = 1;
	int after;

	while (i + run < s.n && s.p[i + run] == c)
		run++;
	after = i + run < s.n ? (unsigned char)s.p[i + run] : 0;
	for (size_t k = 0; k < run; k++) {
		if (run_needs_escape(c, before, after, run))
			(void)buf_c(out, '\\');
		(void)buf_c(out, c);
	}
	return run;
}

static bool
needs_escape(struct str s, size_t i, bool in_cell)
{
	int next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;

	switch (s.p[i]) {
	case '\\':
		return next == 0 || (next < 0x80 && ispunct(next));
	case '`':
		return true;
	case '[':
		return next == '^';
	case ']':
		return next == '(' || next == '[' || next == ':' || next == 0;
	case '<':
		return next == 0 || next == '/' || next == '!' || next == '?' ||
		    (next < 0x80 && isalpha(next));
	case '&':
		return looks_like_entity(s.p + i, s.n - i);
	case '|':
		return in_cell;
	default:
		return false;
	}
}

static void
escape(struct buf *out, struct str s, int before, bool in_cell)
{
	static const char special[] = "\\`[]<&|*_~";
	size_t from = 0;
	size_t i = 0;

	while (i < s.n) {
		char c = s.p[i];
		int prev = i > 0 ? (unsigned char)s.p[i - 1] : before;

		if (memchr(special, c, sizeof special - 1) == NULL) {
			i++;
			continue;
		}
		(void)buf_add(out, s.p + from, i - from);
		from = i;
		if (c == '*' || c == '_' || c == '~') {
			i += escape_run(out, s, i, prev);
			from = i;
			continue;
		}
		if (needs_escape(s, i, in_cell))
			(void)buf_c(out, '\\');
		i++;
	}
	(void)buf_add(out, s.p + from, i - from);
}

/* "1. ", "12) ": where a line begins like this, its sign; else SIZE_MAX. */
static size_t
list_number_end(struct str s)
{
	size_t i = 0;

	while (i < s.n && i < 10 && isdigit((unsigned char)s.p[i]))
		i++;
	if (i == 0 || i == 10 || i == s.n || (s.p[i] != '.' && s.p[i] != ')'))
		return SIZE_MAX;
	return i + 1 == s.n || s.p[i + 1] == ' ' ? i : SIZE_MAX;
}

/* How many bytes of a line may stand before a backslash that keeps the line
 * from being read as a block of another kind; SIZE_MAX for none. */
static size_t
line_start_escape(struct str s)
{
	size_t i = 0;

	if (s.n == 0)
		return SIZE_MAX;
	switch (s.p[0]) {
	case '#':
		while (i < s.n && s.p[i] == '#')
			i++;
		return i <= 6 && (i == s.n || s.p[i] == ' ') ? 0 : SIZE_MAX;
	case '>':
		return 0;
	case '-':
	case '+':
	case '*':
		if (s.n == 1 || s.p[1] == ' ')
			return 0;
		FALLTHROUGH;
	case '=':
	case '_':
	case '~':
		while (i < s.n && (s.p[i] == s.p[0] || s.p[i] == ' '))
			i++;
		return i == s.n || (s.p[0] == '~' && i >= 3) ? 0 : SIZE_MAX;
	default:
		return list_number_end(s);
	}
}

/* Digits and signs that exist as superscripts or subscripts. */
static bool
script_put(struct buf *out, struct str s, bool super)
{
	static const char chars[] = "0123456789+-";
	static const char *const up[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷",
	    "⁸", "⁹", "⁺", "⁻"};
	static const char *const down[] = {"₀", "₁", "₂", "₃", "₄", "₅", "₆",
	    "₇", "₈", "₉", "₊", "₋"};

	for (size_t i = 0; i < s.n; i++) {
		if (memchr(chars, s.p[i], sizeof chars - 1) == NULL)
			return false;
	}
	for (size_t i = 0; i < s.n; i++) {
		const char *at = memchr(chars, s.p[i], sizeof chars - 1);

		(void)buf_z(out, (super ? up : down)[at - chars]);
	}
	return true;
}

/* --- emphasis --------------------------------------------------------- */

static struct piece *
pieces_of(struct inline_state *in, size_t *n)
{
	*n = in->pieces.n / sizeof(struct piece);
	return (struct piece *)(void *)in->pieces.p;
}

static struct str
piece_text(const struct inline_state *in, const struct piece *p)
{
	return doc_node_text(in->d, &doc_nodes(in->d)[p->node]);
}

/* Classes of the characters around a delimiter; what is neither surely a word
 * character nor surely punctuation is OTHER. */
enum flank {
	FLANK_SPACE,
	FLANK_WORD,
	FLANK_PUNCT,
	FLANK_OTHER
};

static enum flank
flank_of(struct str s, bool last)
{
	unsigned char c;
	size_t i = s.n - 1;

	if (s.n == 0)
		return FLANK_SPACE;
	while (last && i > 0 && ((unsigned char)s.p[i] & 0xc0) == 0x80)
		i--;
	c = (unsigned char)s.p[last ? i : 0];
	if (c == ' ')
		return FLANK_SPACE;
	if (c < 0x80)
		return alnum(c) ? FLANK_WORD : FLANK_PUNCT;
	/* U+00A0..BF, U+2000..2FFF, U+3000..3FFF: signs of some kind */
	return c == 0xc2 || c == 0xe2 || c == 0xe3 || c == 0xef ? FLANK_OTHER
								: FLANK_WORD;
}

static enum flank
neighbour(struct inline_state *in, size_t i, int step)
{
	size_t n;
	const struct piece *p = pieces_of(in, &n);

	if ((step < 0 && i == 0) || (step > 0 && i + 1 >= n))
		return FLANK_SPACE;
	p += (ptrdiff_t)i + step;
	if (p->kind == DOC_BREAK)
		return FLANK_SPACE;
	if (p->kind != DOC_TEXT)
		return FLANK_PUNCT; /* a bracket */
	if ((p->style & EMPHASIS) != 0 &&
	    flank_of(piece_text(in, p), step < 0) != FLANK_SPACE)
		return FLANK_OTHER; /* another delimiter may stand between */
	return flank_of(piece_text(in, p), step < 0);
}

/* Can delimiters stand around pieces [from, to)? */
static bool
run_flanks(struct inline_state *in, size_t from, size_t to)
{
	size_t n;
	const struct piece *p = pieces_of(in, &n);
	struct str first = piece_text(in, &p[from]);
	struct str last = piece_text(in, &p[to - 1]);
	enum flank before = neighbour(in, from, -1);
	enum flank after = neighbour(in, to - 1, 1);

	if (first.n != 0 && first.p[0] == ' ') {
		first = (struct str){first.p + 1, first.n - 1};
		before = FLANK_SPACE;
	}
	if (first.n == 0 && to - from == 1)
		return false;
	if (flank_of(last, true) == FLANK_SPACE)
		return false;
	if (before == FLANK_OTHER || after == FLANK_OTHER)
		return false;
	if (flank_of(first, false) != FLANK_WORD && before == FLANK_WORD)
		return false;
	return flank_of(last, true) == FLANK_WORD || after != FLANK_WORD;
}

/* Clears `bit` where its delimiters could not work; runs of one bit end where
 * one of the `outer` bits changes. */
static void
emphasis_check(struct inline_state *in, unsigned bit, unsigned outer)
{
	size_t n;
	struct piece *p = pieces_of(in, &n);
	size_t to;

	for (size_t from = 0; from < n; from = to) {
		to = from + 1;
		if (p[from].kind != DOC_TEXT || (p[from].style & bit) == 0)
			continue;
		while (to < n && p[to].kind == DOC_TEXT &&
		    (p[to].style & bit) != 0 &&
		    (p[to].style & outer) == (p[from].style & outer))
			to++;
		if (run_flanks(in, from, to))
			continue;
		for (size_t i = from; i < to; i++)
			p[i].style = (uint8_t)(p[i].style & ~bit);
	}
}

/* --- links ------------------------------------------------------------ */

/* Only what a reader may follow from anywhere; never script or data. */
static bool
url_is_good(struct str url)
{
	static const char *const schemes[] = {"http://", "https://",
	    "mailto:", "tel:"};

	for (size_t i = 0; i < COUNT_OF(schemes); i++) {
		size_t n = strlen(schemes[i]);

		if (url.n > n && str_ieqz((struct str){url.p, n}, schemes[i]))
			return true;
	}
	return false;
}

static void
url_put(struct buf *out, struct str url)
{
	for (size_t i = 0; i < url.n; i++) {
		unsigned char c = (unsigned char)url.p[i];

		if (c <= ' ' || c == 0x7f || strchr("()<>[]\\|`\"*", c) != NULL)
			(void)buf_fmt(out, "%%%02X", (unsigned)c);
		else
			(void)buf_c(out, (char)c);
	}
}

/* --- one block -------------------------------------------------------- */

static void
piece_add(struct inline_state *in, int kind, uint32_t node, unsigned style)
{
	struct piece p = {.node = node,
	    .kind = (uint8_t)kind,
	    .style = (uint8_t)style};

	(void)buf_add(&in->pieces, &p, sizeof p);
}

static void
pieces_collect(struct inline_state *in, uint32_t from, uint32_t to,
    enum inline_mode mode)
{
	const struct doc_node *nodes = doc_nodes(in->d);
	unsigned mask = mode == INLINE_PARA ? 0xff
	    : mode == INLINE_CELL           ? (unsigned)~(DOC_BOLD | DOC_ITALIC)
					    : (unsigned)~DOC_BOLD;

	buf_clear(&in->pieces);
	for (uint32_t i = from; i < to; i++) {
		const struct doc_node *n = &nodes[i];

		if (n->kind == DOC_FOOTNOTE || n->kind == DOC_ASIDE) {
			i = inline_end(in, i);
			continue;
		}
		inline_note_page(in, n);
		if (n->kind == DOC_END) {
			if (nodes[n->peer].kind == DOC_LINK)
				piece_add(in, DOC_END, n->peer, 0);
			continue;
		}
		if (n->kind == DOC_LINK)
			piece_add(in, DOC_LINK, i, 0);
		else if (n->kind != DOC_PAGE && inline_visible(in))
			piece_add(in, n->kind, i, n->style & mask);
	}
}

static void
delimiters(struct buf *out, unsigned *open, unsigned want)
{
	static const struct {
		unsigned bit;
		const char *z;
	} marks[] = {{DOC_BOLD, "**"}, {DOC_ITALIC, "*"}, {DOC_STRIKE, "~~"}};
	size_t keep = 0;

	while (
	    keep < COUNT_OF(marks) && ((*open ^ want) & marks[keep].bit) == 0)
		keep++;
	for (size_t i = COUNT_OF(marks); i-- > keep;) {
		if ((*open & marks[i].bit) != 0)
			(void)buf_z(out, marks[i].z);
	}
	for (size_t i = keep; i < COUNT_OF(marks); i++) {
		if ((want & marks[i].bit) != 0)
			(void)buf_z(out, marks[i].z);
	}
	*open = want & EMPHASIS;
}

static void
code_put(struct buf *out, struct str s, bool in_cell)
{
	const char *fence = memchr(s.p, '`', s.n) != NULL ? "``" : "`";
	const char *pad = s.p[0] == '`' || s.p[s.n - 1] == '`' ? " " : "";

	(void)buf_z(out, fence);
	(void)buf_z(out, pad);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '|' && in_cell)
			(void)buf_c(out, '\\');
		(void)buf_c(out, s.p[i]);
	}
	(void)buf_z(out, pad);
	(void)buf_z(out, fence);
}

static void
text_put(struct inline_state *in, const struct piece *p, unsigned *open,
    enum inline_mode mode, struct buf *out)
{
	struct str s = piece_text(in, p);
	unsigned style = in->md ? p->style : p->style & ~(unsigned)EMPHASIS;
	int before;

	if (s.n != 0 && s.p[0] == ' ' && out->n == 0)
		s = (struct str){s.p + 1, s.n - 1};
	if (s.n != 0 && s.p[0] == ' ') {
		/* the space stands outside an emphasis that begins here */
		if ((style & EMPHASIS & ~*open) != 0 || (*open & ~style) != 0) {
			delimiters(out, open, *open & style);
			(void)buf_c(out, ' ');
			s = (struct str){s.p + 1, s.n - 1};
		}
	}
	if (s.n == 0)
		return;
	if ((style & (DOC_SUPER | DOC_SUB)) != 0) {
		delimiters(out, open, style & EMPHASIS);
		if (script_put(out, s, (style & DOC_SUPER) != 0))
			return;
	}
	if (!in->md) {
		(void)buf_str(out, s);
		return;
	}
	if ((style & DOC_CODE) != 0) {
		delimiters(out, open, 0);
		if (s.p[0] == ' ') {
			(void)buf_c(out, ' ');
			s = (struct str){s.p + 1, s.n - 1};
		}
		if (s.n != 0)
			code_put(out, s, mode == INLINE_CELL);
		return;
	}
	delimiters(out, open, style & EMPHASIS);
	before = out->n != 0 ? (unsigned char)out->p[out->n - 1] : 0;
	escape(out, s, before, mode == INLINE_CELL);
}

static void
break_put(struct inline_state *in, enum inline_mode mode, struct buf *out)
{
	if (out->n == 0)
		return;
	if (mode == INLINE_CELL)
		(void)buf_z(out, in->md ? "<br>" : " ");
	else if (mode == INLINE_HEADING)
		(void)buf_c(out, ' ');
	else
		(void)buf_z(out, in->md ? "\\\n" : "\n");
}

static void
leaf_put(struct inline_state *in, const struct piece *p, struct buf *out)
{
	struct str s = piece_text(in, p);

	if (p->kind == DOC_NOTE_REF) {
		(void)buf_fmt(out, in->md ? "[^%.*s]" : "[%.*s]", STR_ARG(s));
		return;
	}
	(void)buf_z(out, in->md ? "![" : "[");
	if (in->md)
		escape(out, s, 0, true);
	else
		(void)buf_str(out, s);
	(void)buf_z(out, in->md ? "]()" : "]");
}

/* A line that would be taken for a list item, a heading... is escaped. */
static void
protect_lines(struct buf *out, size_t from, struct buf *scratch)
{
	struct str rest = {out->p + from, out->n - from};

	buf_clear(scratch);
	while (rest.p != NULL) {
		struct str line = str_cut(&rest, '\n');
		size_t at = line_start_escape(line);

		if (at == SIZE_MAX)
			at = line.n;
		(void)buf_add(scratch, line.p, at);
		if (at < line.n)
			(void)buf_c(scratch, '\\');
		(void)buf_add(scratch, line.p + at, line.n - at);
		if (rest.p != NULL)
			(void)buf_c(scratch, '\n');
	}
	out->n = from;
	(void)buf_str(out, buf_view(scratch));
}

/* Opens or closes a link; `at` is where the current one's text begins. */
static void
link_put(struct inline_state *in, const struct piece *p, size_t *at,
    struct buf *out)
{
	struct str url = piece_text(in, p);

	if (p->kind == DOC_LINK) {
		if (*at == SIZE_MAX && url_is_good(url)) {
			*at = out->n;
			(void)buf_c(out, '[');
		}
		return;
	}
	if (*at == SIZE_MAX || !url_is_good(url))
		return;
	if (out->n == *at + 1) {
		out->n = *at; /* no text to click on */
	} else {
		(void)buf_z(out, "](");
		url_put(out, url);
		(void)buf_c(out, ')');
	}
	*at = SIZE_MAX;
}

void
inline_render(struct inline_state *in, uint32_t from, uint32_t to,
    enum inline_mode mode, struct buf *out)
{
	size_t start = out->n;
	size_t link = SIZE_MAX;
	unsigned open = 0;
	const struct piece *p;
	size_t n;

	pieces_collect(in, from, to, mode);
	if (in->md) {
		emphasis_check(in, DOC_BOLD, 0);
		emphasis_check(in, DOC_ITALIC, DOC_BOLD);
		emphasis_check(in, DOC_STRIKE, DOC_BOLD | DOC_ITALIC);
	}
	p = pieces_of(in, &n);
	while (n != 0 && p[n - 1].kind == DOC_BREAK)
		n--;
	for (size_t i = 0; i < n; i++) {
		if (p[i].kind == DOC_TEXT) {
			text_put(in, &p[i], &open, mode, out);
			continue;
		}
		if (in->md)
			delimiters(out, &open, 0);
		if (p[i].kind == DOC_BREAK)
			break_put(in, mode, out);
		else if (p[i].kind == DOC_LINK || p[i].kind == DOC_END) {
			if (in->md)
				link_put(in, &p[i], &link, out);
		} else {
			leaf_put(in, &p[i], out);
		}
	}
	while (out->n > start && out->p[out->n - 1] == ' ')
		out->n--;
	if (!in->md)
		return;
	delimiters(out, &open, 0);
	if (mode == INLINE_PARA && out->n > start) {
		struct buf scratch = in->pieces;

		protect_lines(out, start, &scratch);
		in->pieces = scratch;
	}
}

/* --- cells ------------------------------------------------------------ */

static const char *
cell_tag(int kind, bool end)
{
	switch (kind) {
	case DOC_TABLE:
		return end ? "</table>" : "<table>";
	case DOC_ROW:
		return end ? "</tr>" : "<tr>";
	case DOC_CELL:
		return end ? "</td>" : "<td>";
	default:
		return "";
	}
}

/* The end of a nested row or cell in plain text. */
static const char *
cell_gap(int kind)
{
	return kind == DOC_ROW ? "; " : kind == DOC_CELL ? " " : "";
}

/* One paragraph of a cell; line ends would break the table. */
static void
cell_block(struct inline_state *in, uint32_t i, const char *item, bool due,
    struct buf *out)
{
	struct buf *line = &in->line;

	buf_clear(line);
	inline_render(in, i + 1, inline_end(in, i), INLINE_CELL, line);
	if (line->n == 0)
		return;
	if (due)
		(void)buf_z(out, in->md ? "<br>" : " ");
	(void)buf_z(out, item);
	for (size_t k = 0; k < line->n; k++)
		(void)buf_c(out, (char)(line->p[k] == '\n' ? ' ' : line->p[k]));
}

void
inline_cell(struct inline_state *in, uint32_t cell, uint32_t end,
    struct buf *out)
{
	const struct doc_node *nodes = doc_nodes(in->d);
	const char *item = "";
	bool due = false; /* a break, because something stands before */
	bool nested = false;

	for (uint32_t i = cell + 1; i < end; i++) {
		int kind = nodes[i].kind;
		bool closes = kind == DOC_END;
		size_t before = out->n;

		inline_note_page(in, &nodes[i]);
		if (closes)
			kind = nodes[nodes[i].peer].kind;
		if (kind == DOC_FOOTNOTE && !closes) {
			i = inline_end(in, i);
		} else if (kind == DOC_ITEM) {
			item = closes ? "" : "• ";
		} else if (kind == DOC_TABLE || kind == DOC_ROW ||
		    kind == DOC_CELL) {
			if (in->md)
				(void)buf_z(out, cell_tag(kind, closes));
			else if (closes)
				(void)buf_z(out, cell_gap(kind));
			due = false;
			nested = true;
		} else if (!closes &&
		    (kind == DOC_PARA || kind == DOC_HEADING ||
			kind == DOC_CODE_BLOCK)) {
			cell_block(in, i, item, due, out);
			if (out->n != before) {
				item = "";
				due = true;
			}
			/* go on inside: there may be asides */
		}
	}
	while (nested && !in->md && out->n != 0 &&
	    (out->p[out->n - 1] == ' ' || out->p[out->n - 1] == ';'))
		out->n--;
}
