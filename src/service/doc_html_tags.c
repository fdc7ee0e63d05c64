/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The elements of HTML, as the reader sees them, and their attributes.
 */
#include "service/doc_html_tree.h"

/* Sorted by name. */
static const struct html_tag tags[] = {
    {"a", EL_LINK, 0},
    {"address", EL_BLOCK, 0},
    {"area", EL_SKIP, 0},
    {"article", EL_BLOCK, 0},
    {"aside", EL_BLOCK, 0},
    {"audio", EL_SKIP, 0},
    {"b", EL_STYLED, DOC_BOLD},
    {"blockquote", EL_QUOTE, 0},
    {"body", EL_BLOCK, 0},
    {"br", EL_BR, 0},
    {"canvas", EL_SKIP, 0},
    {"caption", EL_BLOCK, 0},
    {"center", EL_BLOCK, 0},
    {"code", EL_STYLED, DOC_CODE},
    {"datalist", EL_SKIP, 0},
    {"dd", EL_DD, 0},
    {"del", EL_STYLED, DOC_STRIKE},
    {"details", EL_BLOCK, 0},
    {"dialog", EL_BLOCK, 0},
    {"dir", EL_LIST, 0},
    {"div", EL_BLOCK, 0},
    {"dl", EL_DL, 0},
    {"dt", EL_DT, 0},
    {"em", EL_STYLED, DOC_ITALIC},
    {"embed", EL_SKIP, 0},
    {"fieldset", EL_BLOCK, 0},
    {"figcaption", EL_BLOCK, 0},
    {"figure", EL_BLOCK, 0},
    {"footer", EL_BLOCK, 0},
    {"form", EL_BLOCK, 0},
    {"frameset", EL_SKIP, 0},
    {"h1", EL_HEADING, 1},
    {"h2", EL_HEADING, 2},
    {"h3", EL_HEADING, 3},
    {"h4", EL_HEADING, 4},
    {"h5", EL_HEADING, 5},
    {"h6", EL_HEADING, 6},
    {"head", EL_SKIP, 0},
    {"header", EL_BLOCK, 0},
    {"hgroup", EL_BLOCK, 0},
    {"hr", EL_HR, 0},
    {"i", EL_STYLED, DOC_ITALIC},
    {"iframe", EL_SKIP, 0},
    {"img", EL_IMG, 0},
    {"input", EL_INPUT, 0},
    {"kbd", EL_STYLED, DOC_CODE},
    {"legend", EL_BLOCK, 0},
    {"li", EL_ITEM, 0},
    {"link", EL_SKIP, 0},
    {"main", EL_BLOCK, 0},
    {"map", EL_SKIP, 0},
    {"menu", EL_LIST, 0},
    {"meta", EL_SKIP, 0},
    {"nav", EL_BLOCK, 0},
    {"noframes", EL_SKIP, 0},
    {"noscript", EL_SKIP, 0},
    {"object", EL_SKIP, 0},
    {"ol", EL_LIST, 1},
    {"optgroup", EL_SKIP, 0},
    {"option", EL_SKIP, 0},
    {"p", EL_P, 0},
    {"plaintext", EL_PRE, 0},
    {"pre", EL_PRE, 0},
    {"q", EL_Q, 0},
    {"rp", EL_SKIP, 0},
    {"rt", EL_SKIP, 0},
    {"s", EL_STYLED, DOC_STRIKE},
    {"samp", EL_STYLED, DOC_CODE},
    {"script", EL_SKIP, 0},
    {"search", EL_BLOCK, 0},
    {"section", EL_BLOCK, 0},
    {"select", EL_SELECT, 0},
    {"source", EL_SKIP, 0},
    {"strike", EL_STYLED, DOC_STRIKE},
    {"strong", EL_STYLED, DOC_BOLD},
    {"style", EL_SKIP, 0},
    {"sub", EL_STYLED, DOC_SUB},
    {"summary", EL_BLOCK, 0},
    {"sup", EL_STYLED, DOC_SUPER},
    {"svg", EL_SKIP, 0},
    {"table", EL_TABLE, 0},
    {"td", EL_CELL, 0},
    {"template", EL_SKIP, 0},
    {"th", EL_CELL, 1},
    {"title", EL_SKIP, 0},
    {"tr", EL_ROW, 0},
    {"track", EL_SKIP, 0},
    {"tt", EL_STYLED, DOC_CODE},
    {"ul", EL_LIST, 0},
    {"video", EL_SKIP, 0},
    {"xmp", EL_PRE, 0},
};

static int
tag_compare(const void *key, const void *member)
{
	return strcasecmp(key, ((const struct html_tag *)member)->name);
}

struct html_tag
html_tag_of(const xmlNode *node)
{
	const struct html_tag *t = bsearch(node->name, tags, COUNT_OF(tags),
	    sizeof tags[0], tag_compare);

	return t != NULL ? *t : (struct html_tag){"", EL_INLINE, 0};
}

/* The value of an attribute, borrowed; p == NULL without one. */
struct str
html_attr(const xmlNode *node, const char *name)
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

unsigned
html_attr_number(const xmlNode *node, const char *name, unsigned fallback)
{
	struct str s = str_trim(html_attr(node, name));
	uint64_t v;

	return str_u64(s, &v) && v > 0 && v < 100000 ? (unsigned)v : fallback;
}

/* The node after this one in document order, inside `top`. */
const xmlNode *
html_node_next(const xmlNode *node, const xmlNode *top, bool inside)
{
	if (inside && node->children != NULL &&
	    node->type != XML_ENTITY_REF_NODE)
		return node->children;
	while (node != top) {
		if (node->next != NULL)
			return node->next;
		node = node->parent;
	}
	return NULL;
}

bool
html_is(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE &&
	    strcasecmp((const char *)node->name, name) == 0;
}
