/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain text in any encoding. Its light structure is kept: underlined and
 * "# " headings, lists, tables made of tabs, paragraphs between blank lines.
 * A long line followed by more text was wrapped by a machine and is joined; a
 * short one (an address, a poem) stays a line of its own.
 */
#include "service/doc_text.h"

#include <ctype.h>

#include "service/doc_charset.h"
#include "service/doc_sniff.h"

enum {
	WRAPPED = 50
}; /* bytes: a line this long may go on */

struct lines {
	struct str rest, line, next; /* next.p is NULL past the end */
};

static struct str
trim_end(struct str s)
{
	while (s.n > 0 && isspace((uint8_t)s.p[s.n - 1]))
		s.n--;
	return s;
}

/* A line ends with LF, CR LF, CR or a form feed. */
static struct str
cut_line(struct str *rest)
{
	struct str s = {rest->p, 0};
	size_t skip;

	if (rest->p == NULL || rest->n == 0) {
		rest->p = NULL;
		return (struct str){NULL, 0};
	}
	while (s.n < rest->n && s.p[s.n] != '\n' && s.p[s.n] != '\r' &&
	    s.p[s.n] != '\f')
		s.n++;
	skip = s.n + (s.n < rest->n);
	if (s.n + 1 < rest->n && s.p[s.n] == '\r' && s.p[s.n + 1] == '\n')
		skip++;
	rest->p += skip;
	rest->n -= skip;
	return trim_end(s);
}

static void
lines_step(struct lines *l)
{
	l->line = l->next;
	l->next = cut_line(&l->rest);
}

static size_t
indent(struct str s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
		n++;
	return n;
}

static struct str
from(struct str s, size_t n)
{
	return (struct str){s.p + n, s.n - n};
}

size_t
text_bullet(struct str s)
{
	static const char *const marks[] = {"-", "*", "+", "\xe2\x80\xa2",
	    "\xe2\x97\xa6", "\xe2\x96\xaa", "\xc2\xb7", "\xe2\x80\xa3",
	    "\xe2\x97\x8f", "\xe2\x96\xa0", "\xe2\x97\x8b", "\xe2\x80\x93",
	    "\xef\x82\xb7", "\xef\x82\xa7", "\xe2\x9e\xa2", "\xe2\x9c\x93",
	    "\xe2\x9c\x94"};

	for (size_t i = 0; i < COUNT_OF(marks); i++) {
		size_t n = strlen(marks[i]), sp;

		if (s.n <= n || memcmp(s.p, marks[i], n) != 0)
			continue;
		sp = indent(from(s, n));
		if (sp > 0 && n + sp < s.n)
			return n + sp;
	}
	return 0;
}

size_t
text_number(struct str s, unsigned *value)
{
	size_t n = 0, sp;
	unsigned v = 0;

	while (n < s.n && n < 3 && isdigit((uint8_t)s.p[n]))
		v = v * 10 + (unsigned)(s.p[n++] - '0');
	if (n == 0 || n >= s.n || (s.p[n] != '.' && s.p[n] != ')'))
		return 0;
	n++;
	sp = indent(from(s, n));
	if (sp == 0 || n + sp >= s.n)
		return 0;
	*value = v;
	return n + sp;
}

/* A line of nothing but this sign. */
static bool
all_of(struct str s, const char *signs, size_t least)
{
	if (s.n < least)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != s.p[0] || strchr(signs, s.p[i]) == NULL)
			return false;
	return true;
}

static unsigned
tabs(struct str s)
{
	unsigned n = 0;

	for (size_t i = indent(s); i < s.n; i++)
		n += s.p[i] == '\t';
	return n;
}

static void
tab_table(struct lines *l, struct doc *d)
{
	bool header = true;
	unsigned n = tabs(l->line);

	doc_table(d);
	while (l->line.p != NULL && l->line.n > 0 && tabs(l->line) == n) {
		struct str rest = l->line;

		doc_row(d, header);
		while (rest.p != NULL) {
			doc_cell(d, 1, 1);
			doc_text(d, str_cut(&rest, '\t'), DOC_PLAIN);
			doc_end(d);
		}
		doc_end(d);
		header = false;
		lines_step(l);
	}
	doc_end(d);
}

static bool
is_item(struct str s)
{
	unsigned v;

	s = from(s, indent(s));
	return text_bullet(s) > 0 || text_number(s, &v) > 0;
}

/* Was `next` part of the same line before a machine wrapped it? Then its
 * first word had no room left, and it does not look like a new entry. */
static bool
goes_on(struct str line, struct str next, size_t width)
{
	size_t word = 0;
	uint8_t c;

	next = from(next, indent(next));
	if (next.n == 0 || line.n < WRAPPED)
		return false;
	c = (uint8_t)*next.p;
	while (word < next.n && next.p[word] != ' ')
		word++;
	if (line.n + 1 + word <= width)
		return false;
	return islower(c) ||
	    (width >= WRAPPED + 10 && (isalpha(c) || c >= 0x80 || c == '('));
}

/* The longest of the lines up to the next blank one. */
static size_t
widest(const struct lines *l)
{
	struct str rest = l->rest, s = l->next;
	size_t max = l->line.n;

	for (int i = 0; i < 100 && s.n > 0; i++) {
		max = MAX_OF(max, s.n);
		s = cut_line(&rest);
	}
	return max;
}

/* The lines of one paragraph or item, up to a blank line or another block. */
static void
flow(struct lines *l, struct doc *d, struct str first)
{
	size_t width = widest(l);
	struct str last = l->line;

	doc_text(d, first, DOC_PLAIN);
	lines_step(l);
	while (l->line.n > 0 && !is_item(l->line) &&
	    !(l->next.n > 0 && tabs(l->line) > 0 &&
		tabs(l->line) == tabs(l->next)) &&
	    !all_of(l->next, "=", 3)) {
		if (goes_on(last, l->line, width))
			doc_text(d, STR(" "), DOC_PLAIN);
		else
			doc_break(d);
		doc_text(d, from(l->line, indent(l->line)), DOC_PLAIN);
		last = l->line;
		lines_step(l);
	}
}

static void
list(struct lines *l, struct doc *d)
{
	struct str s = from(l->line, indent(l->line));
	unsigned v = 1;
	bool ordered = text_bullet(s) == 0 && text_number(s, &v) > 0;

	doc_list(d, ordered, v);
	while (l->line.p != NULL) {
		size_t skip;

		if (l->line.n == 0 && l->next.n > 0 && is_item(l->next))
			lines_step(l);
		s = from(l->line, indent(l->line));
		skip = ordered ? text_number(s, &v) : text_bullet(s);
		if (skip == 0)
			break;
		doc_item(d);
		flow(l, d, from(s, skip));
		doc_end(d);
	}
	doc_end(d);
}

static bool
heading(struct lines *l, struct doc *d)
{
	struct str s = l->line;
	int level = 0;
	bool under1 = all_of(l->next, "=", 3),
	     under2 = all_of(l->next, "-~", 3);

	if ((under1 || under2) && l->next.n + 12 > s.n &&
	    s.n + 40 > l->next.n && tabs(s) == 0) {
		doc_heading(d, under1 ? 1 : 2);
		doc_text(d, from(s, indent(s)), DOC_PLAIN);
		doc_end(d);
		lines_step(l);
		lines_step(l);
		return true;
	}
	while (level < (int)s.n && s.p[level] == '#')
		level++;
	if (level == 0 || level > 6 || (size_t)level >= s.n ||
	    s.p[level] != ' ')
		return false;
	doc_heading(d, level);
	doc_text(d, from(s, (size_t)level), DOC_PLAIN);
	doc_end(d);
	lines_step(l);
	return true;
}

static void
block(struct lines *l, struct doc *d)
{
	struct str s = l->line;

	if (s.n == 0) {
		lines_step(l);
	} else if (heading(l, d)) {
		return;
	} else if (all_of(s, "-=_*~#", 3)) {
		doc_rule(d);
		lines_step(l);
	} else if (tabs(s) > 0 && tabs(s) == tabs(l->next)) {
		tab_table(l, d);
	} else if (is_item(s)) {
		list(l, d);
	} else {
		doc_para(d);
		flow(l, d, from(s, indent(s)));
		doc_end(d);
	}
}

void
text_blocks(struct str utf8, struct doc *d)
{
	struct lines l = {.rest = utf8};

	lines_step(&l);
	lines_step(&l);
	while (l.line.p != NULL && doc_failed(d, NULL) == 0)
		block(&l, d);
}

static int
text_sniff(const struct doc_in *in)
{
	static const char *const binary[] = {"pdf", "docx", "xlsx", "pptx",
	    "odt", "ods", "odp", "epub", "png", "jpg", "jpeg", "tif", "tiff",
	    "webp", "gif", "bmp", "zip", "doc", "xls", "ppt"};
	struct str head = {(const char *)in->p, MIN_OF(in->n, (size_t)4096)};
	const char *charset = charset_detect(head, NULL);

	if (charset == NULL)
		return 0;
	/* A single-byte encoding can be read into almost any bytes. */
	for (size_t i = 0; i < COUNT_OF(binary); i++)
		if (sniff_ext(in, binary[i]) && memcmp(charset, "UTF", 3) != 0)
			return 0;
	return 30;
}

static int
text_read(const struct doc_in *in, struct doc *d, struct err *err)
{
	struct buf b = BUF_INIT(in->limits->text_bytes);
	struct str bytes = {(const char *)in->p, in->n};
	int rc = charset_to_utf8(bytes, NULL, &b, err);

	if (rc == 0) {
		text_blocks(buf_view(&b), d);
		rc = doc_failed(d, err);
	}
	buf_fini(&b);
	return rc;
}

const struct doc_format doc_format_txt = {
    .name = "txt",
    .mime = "text/plain",
    .sniff = text_sniff,
    .read = text_read,
};
