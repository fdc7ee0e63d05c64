/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTML, as libxml2's parser repairs it. The tree is walked without recursion;
 * what a browser would not show is never entered. A table that only places
 * things (no header, one row or column, tables or headings inside) is read as
 * the blocks it places.
 */
#include "service/doc_html.h"

#include <limits.h>

#include <libxml/HTMLparser.h>
#include <libxml/SAX2.h>
#include <libxml/parserInternals.h>

#include "base/obj.h"
#include "service/doc_charset.h"
#include "service/doc_html_hidden.h"
#include "service/doc_sniff.h"

enum {
	NODE_DEPTH_MAX = 3000,
	TABLE_MAX = 40,
	LIST_MAX = 60
};

enum el {
	EL_INLINE, /* unknown ones, too */
	EL_SKIP,   /* never shown */
	EL_BLOCK,
	EL_HEADING,
	EL_P,
	EL_LIST,
	EL_ITEM,
	EL_DL,
	EL_DT,
	EL_DD,
	EL_QUOTE,
	EL_PRE,
	EL_TABLE,
	EL_ROW,
	EL_CELL,
	EL_BR,
	EL_HR,
	EL_LINK,
	EL_IMG,
	EL_INPUT,
	EL_SELECT,
	EL_Q,
	EL_STYLED,
};

struct tag {
	const char *name;
	enum el el;
	unsigned arg; /* style, level, ordered */
};

/* Sorted by name. */
static const struct tag tags[] = {
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

struct html {
	unsigned magic;
#define HTML_MAGIC 0x0d0c4731
	struct doc *d;
	struct hidden hidden;
	unsigned style;
	unsigned bits[8]; /* how many elements ask for each style bit */
	int in_heading, in_pre;
	bool pre_fresh;
	bool layout[TABLE_MAX], table_open[TABLE_MAX];
	int n_tables;
	bool item_open[LIST_MAX];
	int n_lists;
	bool too_deep;
};

static int
tag_compare(const void *key, const void *member)
{
	return strcasecmp(key, ((const struct tag *)member)->name);
}

static struct tag
tag_of(const xmlNode *node)
{
	const struct tag *t = bsearch(node->name, tags, COUNT_OF(tags),
	    sizeof tags[0], tag_compare);

	return t != NULL ? *t : (struct tag){"", EL_INLINE, 0};
}

/* The value of an attribute, borrowed; p == NULL without one. */
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

static unsigned
attr_number(const xmlNode *node, const char *name, unsigned fallback)
{
	struct str s = str_trim(attr(node, name));
	uint64_t v;

	return str_u64(s, &v) && v > 0 && v < 100000 ? (unsigned)v : fallback;
}

/* --- walking ---------------------------------------------------------- */

/* The node after this one in document order, inside `top`. */
static const xmlNode *
node_next(const xmlNode *node, const xmlNode *top, bool inside)
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

static bool
is(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE &&
	    strcasecmp((const char *)node->name, name) == 0;
}

/* --- tables ----------------------------------------------------------- */

/* Signs of a table that only places things on the page. */
static bool
only_places(const xmlNode *table)
{
	struct str role = attr(table, "role");
	unsigned rows = 0;
	unsigned cells = 0;
	unsigned widest = 0;

	if (str_ieqz(role, "presentation") || str_ieqz(role, "none"))
		return true;
	for (const xmlNode *n = node_next(table, table, true); n != NULL;
	     n = node_next(n, table, true)) {
		if (n->type != XML_ELEMENT_NODE)
			continue;
		if (is(n, "th") || is(n, "caption"))
			return false;
		if (is(n, "table") || is(n, "h1") || is(n, "h2") ||
		    is(n, "h3") || is(n, "hr") || is(n, "form"))
			return true;
		if (is(n, "tr")) {
			rows++;
			cells = 0;
		} else if (is(n, "td")) {
			cells++;
			widest = MAX_OF(widest, cells);
		}
	}
	return rows < 2 || widest < 2;
}

static void
table_enter(struct html *h, const xmlNode *node)
{
	bool layout = h->n_tables >= TABLE_MAX || h->in_heading != 0 ||
	    only_places(node);

	doc_block_end(h->d);
	if (h->n_tables < TABLE_MAX) {
		h->layout[h->n_tables] = layout;
		h->table_open[h->n_tables] = false;
	}
	h->n_tables++;
}

static bool
in_data_table(const struct html *h)
{
	return h->n_tables > 0 && h->n_tables <= TABLE_MAX &&
	    !h->layout[h->n_tables - 1];
}

static void
table_leave(struct html *h)
{
	if (in_data_table(h) && h->table_open[h->n_tables - 1])
		doc_end(h->d);
	h->n_tables--;
	doc_block_end(h->d);
}

/* A row of header cells, or one in the table's head. */
static bool
row_is_header(const xmlNode *row)
{
	bool any = false;

	if (row->parent != NULL && is(row->parent, "thead"))
		return true;
	for (const xmlNode *n = row->children; n != NULL; n = n->next) {
		if (is(n, "td"))
			return false;
		any = any || is(n, "th");
	}
	return any;
}

static void
row_enter(struct html *h, const xmlNode *node)
{
	if (!in_data_table(h)) {
		doc_block_end(h->d);
		return;
	}
	if (!h->table_open[h->n_tables - 1])
		doc_table(h->d); /* late: a caption stands before it */
	h->table_open[h->n_tables - 1] = true;
	doc_row(h->d, row_is_header(node));
}

static void
cell_enter(struct html *h, const xmlNode *node)
{
	if (in_data_table(h) && h->table_open[h->n_tables - 1])
		doc_cell(h->d, attr_number(node, "colspan", 1),
		    attr_number(node, "rowspan", 1));
	else
		doc_block_end(h->d);
}

/* --- lists ------------------------------------------------------------ */

/* An item stays open until the next one, so that a list that (wrongly) stands
 * between items belongs to the item before it. */
static void
list_enter(struct html *h, const xmlNode *node, bool ordered)
{
	doc_list(h->d, ordered, ordered ? attr_number(node, "start", 1) : 1);
	if (h->n_lists < LIST_MAX)
		h->item_open[h->n_lists] = false;
	h->n_lists++;
}

static void
item_enter(struct html *h)
{
	bool *open = h->n_lists > 0 && h->n_lists <= LIST_MAX
	    ? &h->item_open[h->n_lists - 1]
	    : NULL;

	if (open != NULL && *open)
		doc_end(h->d);
	if (open != NULL)
		*open = true;
	doc_item(h->d);
}

static void
item_leave(struct html *h)
{
	if (h->n_lists == 0 || h->n_lists > LIST_MAX)
		doc_end(h->d);
}

static void
list_leave(struct html *h)
{
	if (h->n_lists <= LIST_MAX && h->item_open[h->n_lists - 1])
		doc_end(h->d);
	h->n_lists--;
	doc_end(h->d);
}

/* --- inline ----------------------------------------------------------- */

static void
style_set(struct html *h, unsigned bit, int by)
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

static void
control(struct html *h, const xmlNode *node)
{
	static const char *const silent[] = {"hidden", "submit", "button",
	    "image", "reset", "password", "file"};
	struct str type = attr(node, "type");

	for (size_t i = 0; i < COUNT_OF(silent); i++) {
		if (str_ieqz(type, silent[i]))
			return;
	}
	doc_text(h->d, STR(" "), h->style);
	if (str_ieqz(type, "checkbox") || str_ieqz(type, "radio"))
		doc_text(h->d,
		    attr(node, "checked").p != NULL ? STR("☒") : STR("☐"),
		    h->style);
	else
		doc_text(h->d, attr(node, "value"), h->style);
	doc_text(h->d, STR(" "), h->style);
}

static void
text_of(struct html *h, const xmlNode *top)
{
	for (const xmlNode *n = node_next(top, top, true); n != NULL;
	     n = node_next(n, top, true)) {
		if (n->type == XML_TEXT_NODE && n->content != NULL)
			doc_text(h->d, str_of((const char *)n->content),
			    h->style);
	}
}

/* What is chosen: the selected options, or the first one. */
static void
choice(struct html *h, const xmlNode *node)
{
	const xmlNode *first = NULL;
	bool any = false;

	doc_text(h->d, STR(" "), h->style);
	for (const xmlNode *n = node_next(node, node, true); n != NULL;
	     n = node_next(n, node, true)) {
		if (!is(n, "option"))
			continue;
		if (first == NULL)
			first = n;
		if (attr(n, "selected").p != NULL) {
			if (any)
				doc_text(h->d, STR(", "), h->style);
			text_of(h, n);
			any = true;
		}
	}
	if (!any && first != NULL && attr(node, "multiple").p == NULL)
		text_of(h, first);
	doc_text(h->d, STR(" "), h->style);
}

/* A link is only opened for an address that may be followed. */
static bool
link_enter(struct html *h, const xmlNode *node)
{
	struct str href = str_trim(attr(node, "href"));

	if (h->in_pre != 0 || href.n == 0 || href.p[0] == '#' ||
	    (memchr(href.p, ':', href.n) == NULL))
		return false;
	doc_link(h->d, href);
	return true;
}

/* --- elements --------------------------------------------------------- */

/* Inside a heading all blocks are only white space. */
static void
block_edge(struct html *h)
{
	if (h->in_pre != 0)
		return;
	if (h->in_heading != 0)
		doc_text(h->d, STR(" "), h->style);
	else
		doc_block_end(h->d);
}

static void
heading_enter(struct html *h, unsigned level)
{
	if (h->in_heading++ == 0)
		doc_heading(h->d, (int)level);
}

static void
pre_enter(struct html *h)
{
	if (h->in_pre++ == 0)
		doc_code(h->d, STR(""));
	h->pre_fresh = true;
}

static void
term_enter(struct html *h, bool definition)
{
	if (!definition)
		item_enter(h);
	doc_para(h->d);
	if (!definition)
		style_set(h, DOC_BOLD, 1);
}

/* Opens an element; false when it is not to be entered. */
static bool
enter_block(struct html *h, const xmlNode *node, struct tag t)
{
	switch (t.el) {
	case EL_HEADING:
		heading_enter(h, t.arg);
		break;
	case EL_P:
	case EL_BLOCK:
		block_edge(h);
		break;
	case EL_LIST:
		list_enter(h, node, t.arg != 0);
		break;
	case EL_ITEM:
		item_enter(h);
		break;
	case EL_DL:
		list_enter(h, node, false);
		break;
	case EL_DT:
	case EL_DD:
		term_enter(h, t.el == EL_DD);
		break;
	case EL_QUOTE:
		doc_quote(h->d);
		break;
	case EL_PRE:
		pre_enter(h);
		break;
	case EL_TABLE:
		table_enter(h, node);
		break;
	case EL_ROW:
		row_enter(h, node);
		break;
	case EL_CELL:
		cell_enter(h, node);
		break;
	default:
		break;
	}
	return true;
}

/* Inside headings and code nothing but text and breaks has a meaning. */
static bool
restricted(const struct html *h, enum el el)
{
	if (h->in_heading == 0 && h->in_pre == 0)
		return false;
	return el >= EL_BLOCK && el <= EL_CELL && el != EL_HEADING &&
	    el != EL_PRE;
}

static bool
enter(struct html *h, xmlNode *node)
{
	struct tag t = tag_of(node);

	if (t.el == EL_SKIP || hidden_is(&h->hidden, node))
		return false;
	if (restricted(h, t.el)) {
		block_edge(h);
		return true;
	}
	switch (t.el) {
	case EL_BR:
		if (h->in_heading != 0)
			doc_text(h->d, STR(" "), h->style);
		else
			doc_break(h->d);
		return false;
	case EL_HR:
		if (h->in_heading == 0 && h->in_pre == 0)
			doc_rule(h->d);
		return false;
	case EL_IMG:
		if (h->in_pre == 0)
			doc_image(h->d, attr(node, "alt"));
		return false;
	case EL_INPUT:
		control(h, node);
		return false;
	case EL_SELECT:
		choice(h, node);
		return false;
	case EL_LINK:
		node->_private = link_enter(h, node) ? h : NULL;
		return true;
	case EL_Q:
		doc_text(h->d, STR("“"), h->style);
		return true;
	case EL_STYLED:
		style_set(h, t.arg, 1);
		return true;
	default:
		return enter_block(h, node, t);
	}
}

static void
leave_block(struct html *h, struct tag t)
{
	switch (t.el) {
	case EL_HEADING:
		if (--h->in_heading == 0)
			doc_end(h->d);
		break;
	case EL_P:
	case EL_BLOCK:
		block_edge(h);
		break;
	case EL_LIST:
	case EL_DL:
		list_leave(h);
		break;
	case EL_ITEM:
		item_leave(h);
		break;
	case EL_DT:
		style_set(h, DOC_BOLD, -1);
		doc_end(h->d);
		if (h->n_lists == 0 || h->n_lists > LIST_MAX)
			doc_end(h->d);
		break;
	case EL_DD:
	case EL_QUOTE:
		doc_end(h->d);
		break;
	case EL_PRE:
		if (--h->in_pre == 0)
			doc_end(h->d);
		break;
	case EL_TABLE:
		table_leave(h);
		break;
	case EL_ROW:
	case EL_CELL:
		if (in_data_table(h) && h->table_open[h->n_tables - 1])
			doc_end(h->d);
		else
			doc_block_end(h->d);
		break;
	default:
		break;
	}
}

static void
leave(struct html *h, const xmlNode *node)
{
	struct tag t = tag_of(node);

	if (restricted(h, t.el)) {
		block_edge(h);
		return;
	}
	switch (t.el) {
	case EL_LINK:
		if (node->_private != NULL)
			doc_end(h->d);
		break;
	case EL_Q:
		doc_text(h->d, STR("”"), h->style);
		break;
	case EL_STYLED:
		style_set(h, t.arg, -1);
		break;
	default:
		leave_block(h, t);
		break;
	}
}

static void
text(struct html *h, const xmlNode *node)
{
	struct str s = str_of((const char *)node->content);

	if (h->in_pre != 0 && h->pre_fresh && s.n != 0 && s.p[0] == '\n') {
		s.p++;
		s.n--;
	}
	h->pre_fresh = false;
	doc_text(h->d, s, h->style);
}

static void
walk(struct html *h, xmlNode *top)
{
	xmlNode *node = top;

	while (node != NULL && doc_failed(h->d, NULL) == 0) {
		bool inside = false;

		if (node->type == XML_ELEMENT_NODE)
			inside = enter(h, node);
		else if ((node->type == XML_TEXT_NODE ||
			     node->type == XML_CDATA_SECTION_NODE) &&
		    node->content != NULL)
			text(h, node);
		if (inside && node->children != NULL) {
			node = node->children;
			continue;
		}
		if (inside)
			leave(h, node);
		while (node != top && node->next == NULL) {
			node = node->parent;
			leave(h, node);
		}
		node = node == top ? NULL : node->next;
	}
}

/* --- the page --------------------------------------------------------- */

static void
meta(struct html *h, const xmlNode *node)
{
	struct str name = attr(node, "name");
	struct str content = attr(node, "content");

	if (str_ieqz(name, "author"))
		doc_meta(h->d, "author", content);
	else if (str_ieqz(name, "description"))
		doc_meta(h->d, "subject", content);
	else if (str_ieqz(name, "keywords"))
		doc_meta(h->d, "keywords", content);
}

/* Looks at the head before the text: metadata and style sheets. */
static void
look_ahead(struct html *h, const xmlNode *top, bool with_meta)
{
	for (const xmlNode *n = top; n != NULL; n = node_next(n, top, true)) {
		struct str content = {NULL, 0};

		if (n->type != XML_ELEMENT_NODE)
			continue;
		if (n->children != NULL && n->children->content != NULL)
			content = str_of((const char *)n->children->content);
		if (is(n, "style"))
			hidden_style(&h->hidden, content);
		if (!with_meta)
			continue;
		if (is(n, "title"))
			doc_meta(h->d, "title", content);
		else if (is(n, "meta"))
			meta(h, n);
		else if (is(n, "html"))
			doc_meta(h->d, "language", attr(n, "lang"));
	}
	hidden_build(&h->hidden);
}

static void
on_start(void *p, const xmlChar *name, const xmlChar **atts)
{
	xmlParserCtxt *ctxt = p;
	struct html *h;

	CAST_OBJ(h, ctxt->_private, HTML_MAGIC);
	ctxt->options |= XML_PARSE_HUGE; /* our own limit instead of 256 */
	if (ctxt->nodeNr > NODE_DEPTH_MAX) {
		h->too_deep = true;
		xmlStopParser(ctxt);
		return;
	}
	xmlSAX2StartElement(p, name, atts);
}

int
doc_html_add(struct doc *d, struct str utf8, bool with_meta, struct err *err)
{
	struct html h = {.magic = HTML_MAGIC, .d = d};
	htmlParserCtxtPtr ctxt;
	htmlDocPtr page;

	if (utf8.n > INT_MAX / 2)
		return err_set(err, ERR_LIMIT, "the page is too large");
	ctxt = htmlNewParserCtxt();
	if (ctxt == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	ctxt->_private = &h;
	ctxt->sax->startElement = on_start;
	page = htmlCtxtReadMemory(ctxt, utf8.n != 0 ? utf8.p : "", (int)utf8.n,
	    NULL, "UTF-8",
	    HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
		HTML_PARSE_NONET | HTML_PARSE_COMPACT);
	if (page != NULL && !h.too_deep) {
		xmlNode *root = xmlDocGetRootElement(page);

		if (root != NULL) {
			look_ahead(&h, root, with_meta);
			walk(&h, root);
			doc_block_end(d);
		}
	}
	hidden_fini(&h.hidden);
	if (page != NULL)
		xmlFreeDoc(page);
	htmlFreeParserCtxt(ctxt);
	if (h.too_deep)
		return err_set(err, ERR_LIMIT,
		    "the page's elements are nested more than %d deep",
		    NODE_DEPTH_MAX);
	return doc_failed(d, err);
}

/* --- the format ------------------------------------------------------- */

/* The value behind `name` = in a tag, up to a quote, space or '>'. */
static bool
value_after(struct str head, const char *name, char *out, size_t cap)
{
	size_t n = strlen(name);

	for (size_t i = 0; i + n < head.n; i++) {
		struct str v;
		size_t len = 0;

		if (!str_ieqz((struct str){head.p + i, n}, name))
			continue;
		v = str_trim((struct str){head.p + i + n, head.n - i - n});
		if (v.n == 0 || v.p[0] != '=')
			continue;
		v = str_trim((struct str){v.p + 1, v.n - 1});
		if (v.n != 0 && (v.p[0] == '"' || v.p[0] == '\'')) {
			v.p++;
			v.n--;
		}
		while (len < v.n && strchr("\"'> ;/?\r\n\t", v.p[len]) == NULL)
			len++;
		if (len != 0 && str_copy(out, cap, (struct str){v.p, len}))
			return true;
	}
	return false;
}

void
doc_html_charset(struct str bytes, char *out, size_t cap)
{
	/* as browsers do: these labels mean windows-1252 */
	static const char *const western[] = {"iso-8859-1", "iso8859-1",
	    "latin1", "us-ascii", "ascii", "l1"};
	struct str head = {bytes.p, MIN_OF(bytes.n, (size_t)4096)};

	if (!value_after(head, "charset", out, cap) &&
	    !(str_starts(head, "<?xml") &&
		value_after(head, "encoding", out, cap)))
		out[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(western); i++) {
		if (str_ieqz(str_of(out), western[i]))
			(void)str_copy(out, cap, STR("windows-1252"));
	}
}

static int
html_read(const struct doc_in *in, struct doc *d, struct err *err)
{
	struct str bytes = {(const char *)in->p, in->n};
	struct buf utf8 = BUF_INIT(MIN_OF(in->n, (size_t)1 << 28) * 3 + 64);
	char charset[64];
	int rc;

	doc_html_charset(bytes, charset, sizeof charset);
	rc = charset_to_utf8(bytes, charset[0] != '\0' ? charset : NULL, &utf8,
	    err);
	if (rc == 0)
		rc = doc_html_add(d, buf_view(&utf8), true, err);
	buf_fini(&utf8);
	return rc;
}

const struct doc_format doc_format_html = {
    .name = "html",
    .mime = "text/html",
    .sniff = sniff_html,
    .read = html_read,
};
