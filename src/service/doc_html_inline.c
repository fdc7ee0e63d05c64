/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands inside a line of HTML: styles, form controls, links.
 */
#include "service/doc_html_tree.h"

void
html_style_set(struct html *h, unsigned bit, int by)
{
	for (unsigned i = 0; i < COUNT_OF(h->bits); i++) {
		if (bit >> i == 1)
			h->bits[i] += (unsigned)by;
	}
	h->style = 0;
	for (unsigned i = 0; i < COUNT_OF(h->bits); i++) {
		if (h->bits[i] != 0)
			h->style |= 1U << i;
	}
}

void
html_control(struct html *h, const xmlNode *node)
{
	static const char *const silent[] = {"hidden", "submit", "button",
	    "image", "reset", "password", "file"};
	struct str type = html_attr(node, "type");

	for (size_t i = 0; i < COUNT_OF(silent); i++) {
		if (str_ieqz(type, silent[i]))
			return;
	}
	doc_text(h->d, STR(" "), h->style);
	if (str_ieqz(type, "checkbox") || str_ieqz(type, "radio"))
		doc_text(h->d,
		    html_attr(node, "checked").p != NULL ? STR("☒") : STR("☐"),
		    h->style);
	else
		doc_text(h->d, html_attr(node, "value"), h->style);
	doc_text(h->d, STR(" "), h->style);
}

static void
text_of(struct html *h, const xmlNode *top)
{
	for (const xmlNode *n = html_node_next(top, top, true); n != NULL;
	     n = html_node_next(n, top, true)) {
		if (n->type == XML_TEXT_NODE && n->content != NULL)
			doc_text(h->d, str_of((const char *)n->content),
			    h->style);
	}
}

/* What is chosen: the selected options, or the first one. */
void
html_choice(struct html *h, const xmlNode *node)
{
	const xmlNode *first = NULL;
	bool any = false;

	doc_text(h->d, STR(" "), h->style);
	for (const xmlNode *n = html_node_next(node, node, true); n != NULL;
	     n = html_node_next(n, node, true)) {
		if (!html_is(n, "option"))
			continue;
		if (first == NULL)
			first = n;
		if (html_attr(n, "selected").p != NULL) {
			if (any)
				doc_text(h->d, STR(", "), h->style);
			text_of(h, n);
			any = true;
		}
	}
	if (!any && first != NULL && html_attr(node, "multiple").p == NULL)
		text_of(h, first);
	doc_text(h->d, STR(" "), h->style);
}

/* A link is only opened for an address that may be followed. */
bool
html_link_enter(struct html *h, const xmlNode *node)
{
	struct str href = str_trim(html_attr(node, "href"));

	if (h->in_pre != 0 || href.n == 0 || href.p[0] == '#' ||
	    (memchr(href.p, ':', href.n) == NULL))
		return false;
	doc_link(h->d, href);
	return true;
}
