/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a document: white space collapses, control characters vanish,
 * broken UTF-8 becomes U+FFFD. In a block of code it stays as it is.
 */
#include "service/doc_stack.h"

/* Adds bytes to the text node at the end, or begins one. */
void
doc_text_put(struct doc *d, const char *p, size_t n, unsigned style)
{
	struct doc_node *last = doc_node_last(d);

	if (d->text.n + n > d->limits.text_bytes) {
		d->over = "too much text";
		return;
	}
	if (last == NULL || last->kind != DOC_TEXT || last->style != style ||
	    last->at + last->n != d->text.n) {
		last = doc_node_add(d, DOC_TEXT);
		if (last == NULL)
			return;
		last->style = (uint8_t)style;
	}
	if (buf_add(&d->text, p, n))
		last->n += (uint32_t)n;
}

static void
ink(struct doc *d, const char *p, size_t n, unsigned style)
{
	if (!doc_inline_place(d))
		return;
	if (d->spaced && d->inked)
		doc_text_put(d, " ", 1, style);
	d->spaced = false;
	d->inked = true;
	doc_text_put(d, p, n, style);
}

enum text_class {
	CLASS_INK,
	CLASS_SPACE,
	CLASS_DROP,
	CLASS_BAD
};

static enum text_class
class_of(uint32_t c)
{
	if (c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xa0 ||
	    (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
	    c == 0x202f || c == 0x205f || c == 0x3000)
		return CLASS_SPACE;
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x200b ||
	    c == 0x2060 || c == 0xfeff)
		return CLASS_DROP;
	return CLASS_INK;
}

/* Classifies the character at p and gives its length in bytes, >= 1. */
static enum text_class
char_at(const char *p, size_t n, size_t *len)
{
	static const uint8_t first[4] = {0x7f, 0x1f, 0x0f, 0x07};
	unsigned char c = (unsigned char)p[0];
	size_t want = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t code = c & first[want - 1];

	*len = 1;
	if (want == 1)
		return class_of(c);
	if (want > n || !str_utf8_ok((struct str){p, want}))
		return CLASS_BAD;
	*len = want;
	for (size_t i = 1; i < want; i++)
		code = code << 6 | ((unsigned char)p[i] & 0x3f);
	return class_of(code);
}

/* A single blank between two plain letters: stays as it is. */
static bool
plain_gap(struct str s, size_t i)
{
	return s.p[i] == ' ' && i + 1 < s.n &&
	    (unsigned char)s.p[i + 1] > ' ' && (unsigned char)s.p[i + 1] < 0x7f;
}

static void
text_collapse(struct doc *d, struct str s, unsigned style)
{
	size_t from = 0;
	size_t i = 0;

	while (i < s.n && d->over == NULL) {
		size_t len = 1;
		enum text_class class = (unsigned char)s.p[i] > ' ' &&
			(unsigned char)s.p[i] < 0x7f
		    ? CLASS_INK
		    : char_at(s.p + i, s.n - i, &len);

		if (class == CLASS_INK || (i > from && plain_gap(s, i))) {
			i += len;
			continue;
		}
		if (i > from)
			ink(d, s.p + from, i - from, style);
		if (class == CLASS_BAD)
			ink(d, "\xef\xbf\xbd", 3, style);
		else if (class == CLASS_SPACE)
			d->spaced = d->inked;
		i += len;
		from = i;
	}
	if (i > from && d->over == NULL)
		ink(d, s.p + from, i - from, style);
}

/* In a block of code: everything but control characters. */
static void
text_verbatim(struct doc *d, struct str s)
{
	size_t from = 0;
	size_t i = 0;

	while (i < s.n && d->over == NULL) {
		size_t len = 1;
		enum text_class class = char_at(s.p + i, s.n - i, &len);

		if (class == CLASS_INK || s.p[i] == '\n' || s.p[i] == '\t' ||
		    (class == CLASS_SPACE && s.p[i] != '\r')) {
			i += len;
			continue;
		}
		if (i > from)
			doc_text_put(d, s.p + from, i - from, DOC_PLAIN);
		if (class == CLASS_BAD)
			doc_text_put(d, "\xef\xbf\xbd", 3, DOC_PLAIN);
		i += len;
		from = i;
	}
	if (i > from && d->over == NULL)
		doc_text_put(d, s.p + from, i - from, DOC_PLAIN);
}

void
doc_text(struct doc *d, struct str utf8, unsigned style)
{
	if (d->over != NULL || utf8.n == 0)
		return;
	if (doc_top_kind(d) == DOC_CODE_BLOCK && !doc_top(d)->split)
		text_verbatim(d, utf8);
	else
		text_collapse(d, utf8, style);
}
