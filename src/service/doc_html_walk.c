/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the tree of an HTML page, without recursion: opens and closes what its
 * elements are in the document. What a browser would not show is never entered.
 */
#include "service/doc_html_tree.h"

/* --- lists ------------------------------------------------------------ */

/* An item stays open until the next one, so that a list that (wrongly) stands
 * between items belongs to the item before it. */
static void
list_enter(struct html *h, const xmlNode *node, bool ordered)
{
	doc_list(h->d, ordered,
	    ordered ? html_attr_number(node, "start", 1) : 1);
	if (h->n_lists < HTML_LIST_MAX)
		h->item_open[h->n_lists] = false;
	h->n_lists++;
}

static void
item_enter(struct html *h)
{
	bool *open = h->n_lists > 0 && h->n_lists <= HTML_LIST_MAX
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
	if (h->n_lists == 0 || h->n_lists > HTML_LIST_MAX)
		doc_end(h->d);
}

static void
list_leave(struct html *h)
{
	if (h->n_lists <= HTML_LIST_MAX && h->item_open[h->n_lists - 1])
		doc_end(h->d);
	h->n_lists--;
	doc_end(h->d);
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
		html_style_set(h, DOC_BOLD, 1);
}

/* Opens an element; false when it is not to be entered. */
static bool
enter_block(struct html *h, const xmlNode *node, struct html_tag t)
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
		html_table_enter(h, node);
		break;
	case EL_ROW:
		html_row_enter(h, node);
		break;
	case EL_CELL:
		html_cell_enter(h, node);
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
	struct html_tag t = html_tag_of(node);

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
			doc_image(h->d, html_attr(node, "alt"));
		return false;
	case EL_INPUT:
		html_control(h, node);
		return false;
	case EL_SELECT:
		html_choice(h, node);
		return false;
	case EL_LINK:
		node->_private = html_link_enter(h, node) ? h : NULL;
		return true;
	case EL_Q:
		doc_text(h->d, STR("“"), h->style);
		return true;
	case EL_STYLED:
		html_style_set(h, t.arg, 1);
		return true;
	default:
		return enter_block(h, node, t);
	}
}

static void
leave_block(struct html *h, struct html_tag t)
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
		html_style_set(h, DOC_BOLD, -1);
		doc_end(h->d);
		if (h->n_lists == 0 || h->n_lists > HTML_LIST_MAX)
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
		html_table_leave(h);
		break;
	case EL_ROW:
	case EL_CELL:
		if (html_in_data_table(h) && h->table_open[h->n_tables - 1])
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
	struct html_tag t = html_tag_of(node);

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
		html_style_set(h, t.arg, -1);
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

void
html_walk(struct html *h, xmlNode *top)
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
