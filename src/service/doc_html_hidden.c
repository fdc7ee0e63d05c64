/* SPDX-License-Identifier: Apache-2.0 */
#include "service/doc_html_hidden.h"

#include <ctype.h>

enum {
	STYLE_MAX = 2048,
	RULES_BYTES = 256 * 1024
};

static char
lower(char c)
{
	return (char)tolower((unsigned char)c);
}

/* Lower case without white space, so that a plain search finds it. */
static size_t
squeeze(struct str s, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n + 1 < cap; i++) {
		if (!isspace((unsigned char)s.p[i]))
			out[n++] = lower(s.p[i]);
	}
	out[n] = '\0';
	return n;
}

bool
hidden_by_style(struct str style)
{
	static const char *const signs[] = {"display:none", "visibility:hidden",
	    "mso-hide:all", "font-size:0;", "font-size:0px;"};
	char z[STYLE_MAX];
	size_t n = squeeze(style, z, sizeof z - 1);

	z[n] = ';';
	z[n + 1] = '\0';
	for (size_t i = 0; i < COUNT_OF(signs); i++) {
		if (strstr(z, signs[i]) != NULL)
			return true;
	}
	return false;
}

/* Keeps ".x" or "#x" of a selector that is one simple element. */
static void
selector_take(struct hidden *h, struct str s)
{
	size_t at = 0;

	while (s.n != 0 && isspace((unsigned char)s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n != 0 && isspace((unsigned char)s.p[s.n - 1]))
		s.n--;
	while (at < s.n && isalnum((unsigned char)s.p[at]))
		at++;
	if (at == s.n || (s.p[at] != '.' && s.p[at] != '#'))
		return;
	for (size_t i = at + 1; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (!isalnum(c) && c != '-' && c != '_' && c < 0x80)
			return;
	}
	(void)buf_add(&h->text, s.p + at, s.n - at);
	(void)buf_c(&h->text, '\n');
}

static size_t
skip_comment(struct str css, size_t i)
{
	const char *end = memmem(css.p + i, css.n - i, "*/", 2);

	return end != NULL ? (size_t)(end - css.p) + 2 : css.n;
}

/* Behind the block that begins at i with '{', nested blocks and all. */
static size_t
skip_block(struct str css, size_t i)
{
	int depth = 0;

	for (; i < css.n; i++) {
		if (css.p[i] == '{')
			depth++;
		else if (css.p[i] == '}' && --depth == 0)
			return i + 1;
	}
	return i;
}

void
hidden_style(struct hidden *h, struct str css)
{
	size_t from = 0;
	size_t i = 0;

	h->text.max = RULES_BYTES;
	while (i < css.n) {
		struct str selectors, body;
		size_t end;

		if (css.p[i] == '/' && i + 1 < css.n && css.p[i + 1] == '*') {
			i = skip_comment(css, i + 2);
			from = i;
			continue;
		}
		if (css.p[i] == ';' || css.p[i] == '}')
			from = i + 1; /* @import and the like */
		if (css.p[i] != '{') {
			i++;
			continue;
		}
		end = skip_block(css, i);
		selectors = (struct str){css.p + from, i - from};
		body = (struct str){css.p + i + 1, end - i - 1};
		if (memchr(selectors.p, '@', selectors.n) == NULL &&
		    hidden_by_style(body)) {
			while (selectors.p != NULL)
				selector_take(h, str_cut(&selectors, ','));
		}
		i = end;
		from = end;
	}
}

void
hidden_build(struct hidden *h)
{
	struct str rest = buf_view(&h->text);

	while (rest.n != 0) {
		struct str name = str_cut(&rest, '\n');

		(void)map_put(&h->set, name, h);
	}
}

void
hidden_fini(struct hidden *h)
{
	map_fini(&h->set);
	buf_fini(&h->text);
}

static struct str
attr(const xmlNode *node, const char *name)
{
	for (const xmlAttr *a = node->properties; a != NULL; a = a->next) {
		if (strcasecmp((const char *)a->name, name) != 0)
			continue;
		if (a->children == NULL || a->children->content == NULL)
			return STR("");
		return str_of((const char *)a->children->content);
	}
	return (struct str){NULL, 0};
}

static bool
named(const struct hidden *h, char sign, struct str name)
{
	char z[128];

	return name.n != 0 && name.n < sizeof z - 2 &&
	    str_fmt(z, sizeof z, "%c%.*s", sign, STR_ARG(name)) &&
	    map_get(&h->set, str_of(z)) != NULL;
}

bool
hidden_is(const struct hidden *h, const xmlNode *node)
{
	struct str class;

	if (node->properties == NULL)
		return false;
	if (attr(node, "hidden").p != NULL ||
	    hidden_by_style(attr(node, "style")))
		return true;
	if (h->set.n == 0)
		return false;
	if (named(h, '#', attr(node, "id")))
		return true;
	class = attr(node, "class");
	while (class.n != 0) {
		if (named(h, '.', str_cut(&class, ' ')))
			return true;
	}
	return false;
}
