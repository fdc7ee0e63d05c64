/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of HTML. One that only places things (no header, one row or column,
 * tables or headings inside) is read as the blocks it places.
 */
#include "service/doc_html_tree.h"

/* Signs of a table that only places things on the page. */
static bool
only_places(const xmlNode *table)
{
	struct str role = html_attr(table, "role");
	unsigned rows = 0;
	unsigned cells = 0;
	unsigned widest = 0;

	if (str_ieqz(role, "presentation") || str_ieqz(role, "none"))
		return true;
	for (const xmlNode *n = html_node_next(table, table, true); n != NULL;
	     n = html_node_next(n, table, true)) {
		if (n->type != XML_ELEMENT_NODE)
			continue;
		if (html_is(n, "th") || html_is(n, "caption"))
			return false;
		if (html_is(n, "table") || html_is(n, "h1") ||
		    html_is(n, "h2") || html_is(n, "h3") || html_is(n, "hr") ||
		    html_is(n, "form"))
			return true;
		if (html_is(n, "tr")) {
			rows++;
			cells = 0;
		} else if (html_is(n, "td")) {
			cells++;
			widest = MAX_OF(widest, cells);
		}
	}
	return rows < 2 || widest < 2;
}

void
html_table_enter(struct html *h, const xmlNode *node)
{
	bool layout = h->n_tables >= HTML_TABLE_MAX || h->in_heading != 0 ||
	    only_places(node);

	doc_block_end(h->d);
	if (h->n_tables < HTML_TABLE_MAX) {
		h->layout[h->n_tables] = layout;
		h->table_open[h->n_tables] = false;
	}
	h->n_tables++;
}

bool
html_in_data_table(const struct html *h)
{
	return h->n_tables > 0 && h->n_tables <= HTML_TABLE_MAX &&
	    !h->layout[h->n_tables - 1];
}

void
html_table_leave(struct html *h)
{
	if (html_in_data_table(h) && h->table_open[h->n_tables - 1])
		doc_end(h->d);
	h->n_tables--;
	doc_block_end(h->d);
}

/* A row of header cells, or one in the table's head. */
static bool
row_is_header(const xmlNode *row)
{
	bool any = false;

	if (row->parent != NULL && html_is(row->parent, "thead"))
		return true;
	for (const xmlNode *n = row->children; n != NULL; n = n->next) {
		if (html_is(n, "td"))
			return false;
		any = any || html_is(n, "th");
	}
	return any;
}

void
html_row_enter(struct html *h, const xmlNode *node)
{
	if (!html_in_data_table(h)) {
		doc_block_end(h->d);
		return;
	}
	if (!h->table_open[h->n_tables - 1])
		doc_table(h->d); /* late: a caption stands before it */
	h->table_open[h->n_tables - 1] = true;
	doc_row(h->d, row_is_header(node));
}

void
html_cell_enter(struct html *h, const xmlNode *node)
{
	if (html_in_data_table(h) && h->table_open[h->n_tables - 1])
		doc_cell(h->d, html_attr_number(node, "colspan", 1),
		    html_attr_number(node, "rowspan", 1));
	else
		doc_block_end(h->d);
}
