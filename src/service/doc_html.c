/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTML, as libxml2's parser repairs it: its encoding, its head, its limits.
 */
#include "service/doc_html.h"

#include <limits.h>

#include <libxml/HTMLparser.h>
#include <libxml/SAX2.h>
#include <libxml/parserInternals.h>

#include "service/doc_charset.h"
#include "service/doc_html_tree.h"
#include "service/doc_sniff.h"

enum {
	NODE_DEPTH_MAX = 3000
};

/* --- the page --------------------------------------------------------- */

static void
meta(struct html *h, const xmlNode *node)
{
	struct str name = html_attr(node, "name");
	struct str content = html_attr(node, "content");

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
	for (const xmlNode *n = top; n != NULL;
	     n = html_node_next(n, top, true)) {
		struct str content = {NULL, 0};

		if (n->type != XML_ELEMENT_NODE)
			continue;
		if (n->children != NULL && n->children->content != NULL)
			content = str_of((const char *)n->children->content);
		if (html_is(n, "style"))
			hidden_style(&h->hidden, content);
		if (!with_meta)
			continue;
		if (html_is(n, "title"))
			doc_meta(h->d, "title", content);
		else if (html_is(n, "meta"))
			meta(h, n);
		else if (html_is(n, "html"))
			doc_meta(h->d, "language", html_attr(n, "lang"));
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
			html_walk(&h, root);
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
