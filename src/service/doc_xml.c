/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML on libxml2's SAX2 interface, with our own handlers for all that could
 * reach out: there are no entities to look up and nothing to load. libxml2
 * interns names, so an element is recognised by two pointers and a small
 * cache.
 */
#include "service/doc_xml.h"

#include <limits.h>

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "base/obj.h"

enum {
	DEPTH_MAX = 240,
	CACHE_SIZE = 512 /* a power of two */
};

struct known {
	const xmlChar *local, *uri;
	int id;
};

struct doc_xml {
	unsigned magic;
#define DOC_XML_MAGIC 0x0d0c9a15
	const struct doc_xml_events *events;
	void *user;
	xmlParserCtxt *ctxt;
	const xmlChar **attrs; /* five pointers each; NULL outside start() */
	int n_attrs;
	unsigned depth;
	bool stopped, failed;
	struct err why;
	struct known cache[CACHE_SIZE];
};

/* --- namespaces ------------------------------------------------------- */

struct ns_uri {
	enum doc_ns ns;
	const char *uri;
};

#define OOXML "http://schemas.openxmlformats.org/"
#define STRICT "http://purl.oclc.org/ooxml/"
#define MICROSOFT "http://schemas.microsoft.com/office/"
#define OASIS "urn:oasis:names:tc:opendocument:xmlns:"

static const struct ns_uri ns_uris[] = {
    {NS_W, OOXML "wordprocessingml/2006/main"},
    {NS_W, STRICT "wordprocessingml/main"},
    {NS_A, OOXML "drawingml/2006/main"},
    {NS_A, STRICT "drawingml/main"},
    {NS_P, OOXML "presentationml/2006/main"},
    {NS_P, STRICT "presentationml/main"},
    {NS_S, OOXML "spreadsheetml/2006/main"},
    {NS_S, STRICT "spreadsheetml/main"},
    {NS_R, OOXML "officeDocument/2006/relationships"},
    {NS_R, STRICT "officeDocument/relationships"},
    {NS_REL, OOXML "package/2006/relationships"},
    {NS_MC, OOXML "markup-compatibility/2006"},
    {NS_WP, OOXML "drawingml/2006/wordprocessingDrawing"},
    {NS_WP, STRICT "drawingml/wordprocessingDrawing"},
    {NS_WPS, MICROSOFT "word/2010/wordprocessingShape"},
    {NS_W14, MICROSOFT "word/2010/wordml"},
    {NS_V, "urn:schemas-microsoft-com:vml"},
    {NS_M, OOXML "officeDocument/2006/math"},
    {NS_M, STRICT "officeDocument/math"},
    {NS_PIC, OOXML "drawingml/2006/picture"},
    {NS_PIC, STRICT "drawingml/picture"},
    {NS_C, OOXML "drawingml/2006/chart"},
    {NS_C, STRICT "drawingml/chart"},
    {NS_DGM, OOXML "drawingml/2006/diagram"},
    {NS_DGM, STRICT "drawingml/diagram"},
    {NS_DC, "http://purl.org/dc/elements/1.1/"},
    {NS_DCTERMS, "http://purl.org/dc/terms/"},
    {NS_CP, OOXML "package/2006/metadata/core-properties"},
    {NS_OFFICE, OASIS "office:1.0"},
    {NS_TEXT, OASIS "text:1.0"},
    {NS_TABLE, OASIS "table:1.0"},
    {NS_DRAW, OASIS "drawing:1.0"},
    {NS_STYLE, OASIS "style:1.0"},
    {NS_FO, OASIS "xsl-fo-compatible:1.0"},
    {NS_FORM, OASIS "form:1.0"},
    {NS_XLINK, "http://www.w3.org/1999/xlink"},
    {NS_SVG, OASIS "svg-compatible:1.0"},
    {NS_META, OASIS "meta:1.0"},
    {NS_NUMBER, OASIS "datastyle:1.0"},
    {NS_PRESENTATION, OASIS "presentation:1.0"},
    {NS_CALCEXT,
	"urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:"
	"1.0"},
    {NS_LOEXT,
	"urn:org:documentfoundation:names:experimental:office:xmlns:loext:"
	"1.0"},
    {NS_MANIFEST, OASIS "manifest:1.0"},
    {NS_MATHML, "http://www.w3.org/1998/Math/MathML"},
    {NS_XHTML, "http://www.w3.org/1999/xhtml"},
    {NS_OPF, "http://www.idpf.org/2007/opf"},
    {NS_NCX, "http://www.daisy.org/z3986/2005/ncx/"},
    {NS_CONTAINER, OASIS "container"},
    {NS_EPUB, "http://www.idpf.org/2007/ops"},
    {NS_XMLENC, "http://www.w3.org/2001/04/xmlenc#"},
};

static enum doc_ns
ns_of(const xmlChar *uri)
{
	if (uri == NULL)
		return NS_NONE;
	for (size_t i = 0; i < COUNT_OF(ns_uris); i++) {
		if (strcmp((const char *)uri, ns_uris[i].uri) == 0)
			return ns_uris[i].ns;
	}
	return NS_OTHER;
}

static int
id_search(const struct doc_xml *x, const xmlChar *local, const xmlChar *uri)
{
	enum doc_ns ns = ns_of(uri);

	for (const struct doc_xml_name *n = x->events->names; n->id != 0; n++) {
		if (n->ns == ns && strcmp(n->local, (const char *)local) == 0)
			return n->id;
	}
	return 0;
}

static int
id_of(struct doc_xml *x, const xmlChar *local, const xmlChar *uri)
{
	uintptr_t h = (uintptr_t)local * 31 + (uintptr_t)uri;
	struct known *k = &x->cache[(h ^ h >> 9) & (CACHE_SIZE - 1)];

	if (k->local != local || k->uri != uri)
		*k = (struct known){local, uri, id_search(x, local, uri)};
	return k->id;
}

/* --- SAX -------------------------------------------------------------- */

static struct doc_xml *
self(void *p)
{
	struct doc_xml *x;

	CAST_OBJ(x, p, DOC_XML_MAGIC);
	return x;
}

void
doc_xml_stop(struct doc_xml *x)
{
	x->stopped = true;
	xmlStopParser(x->ctxt);
}

void
doc_xml_fail(struct doc_xml *x, const struct err *err)
{
	if (!x->failed && !x->stopped)
		x->why = *err;
	x->failed = true;
	doc_xml_stop(x);
}

/* The parameters are libxml2's. */
static void
/* NOLINTNEXTLINE(readability-function-size) */
on_start(void *p, const xmlChar *local, const xmlChar *prefix UNUSED,
    const xmlChar *uri, int n_ns UNUSED, const xmlChar **ns UNUSED, int n_attrs,
    int n_default UNUSED, const xmlChar **attrs)
{
	struct doc_xml *x = self(p);
	struct err err;

	if (x->stopped)
		return;
	if (++x->depth > DEPTH_MAX) {
		(void)err_set(&err, ERR_LIMIT,
		    "its XML is nested more than %d deep", DEPTH_MAX);
		doc_xml_fail(x, &err);
		return;
	}
	x->attrs = attrs;
	x->n_attrs = n_attrs;
	x->events->start(x->user, x, id_of(x, local, uri));
	x->attrs = NULL;
	x->n_attrs = 0;
}

static void
on_end(void *p, const xmlChar *local, const xmlChar *prefix UNUSED,
    const xmlChar *uri)
{
	struct doc_xml *x = self(p);

	if (x->stopped)
		return;
	x->events->end(x->user, x, id_of(x, local, uri));
	x->depth--;
}

static void
on_text(void *p, const xmlChar *s, int n)
{
	struct doc_xml *x = self(p);

	if (x->stopped || x->events->text == NULL || n <= 0)
		return;
	x->events->text(x->user, x, (struct str){(const char *)s, (size_t)n});
}

static void
refuse_doctype(struct doc_xml *x)
{
	struct err err;

	(void)err_set(&err, ERR_CORRUPT,
	    "its XML declares a document type, which is refused");
	doc_xml_fail(x, &err);
}

static void
on_doctype(void *p, const xmlChar *name UNUSED, const xmlChar *public UNUSED,
    const xmlChar *system UNUSED)
{
	struct doc_xml *x = self(p);

	if (!x->events->allow_doctype)
		refuse_doctype(x);
}

static void
on_entity(void *p, const xmlChar *name UNUSED, int type UNUSED,
    const xmlChar *public UNUSED, const xmlChar *system UNUSED,
    xmlChar *content UNUSED)
{
	refuse_doctype(self(p));
}

static xmlEntityPtr
no_entity(void *p UNUSED, const xmlChar *name UNUSED)
{
	return NULL;
}

static xmlParserInputPtr
no_input(void *p UNUSED, const xmlChar *public UNUSED,
    const xmlChar *system UNUSED)
{
	return NULL;
}

static void
sax_fill(xmlSAXHandler *sax)
{
	*sax = (xmlSAXHandler){.initialized = XML_SAX2_MAGIC,
	    .startElementNs = on_start,
	    .endElementNs = on_end,
	    .characters = on_text,
	    .ignorableWhitespace = on_text,
	    .cdataBlock = on_text,
	    .internalSubset = on_doctype,
	    .entityDecl = on_entity,
	    .getEntity = no_entity,
	    .getParameterEntity = no_entity,
	    .resolveEntity = no_input};
}

static int
outcome(const struct doc_xml *x, const char *what, struct err *err)
{
	const xmlError *e;

	if (x->failed) {
		if (err != NULL)
			*err = x->why;
		return err_wrap(err, "'%s' cannot be read", what);
	}
	if (x->stopped || x->ctxt->wellFormed)
		return 0;
	e = xmlCtxtGetLastError(x->ctxt);
	if (e != NULL && e->code == XML_ERR_NO_MEMORY)
		return err_set(err, ERR_LIMIT, "'%s' needs too much memory",
		    what);
	return err_set(err, ERR_CORRUPT,
	    "'%s' is damaged: not well-formed XML (line %d)", what,
	    e != NULL ? e->line : 0);
}

int
doc_xml_parse(struct str bytes, const char *what,
    const struct doc_xml_events *events, void *user, struct err *err)
{
	struct doc_xml x = {.magic = DOC_XML_MAGIC,
	    .events = events,
	    .user = user};
	int rc;

	if (bytes.n == 0 || bytes.n > INT_MAX)
		return err_set(err, bytes.n == 0 ? ERR_CORRUPT : ERR_LIMIT,
		    "'%s' is %s", what, bytes.n == 0 ? "empty" : "too large");
	x.ctxt = xmlCreateMemoryParserCtxt(bytes.p, (int)bytes.n);
	if (x.ctxt == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	(void)xmlCtxtUseOptions(x.ctxt,
	    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	sax_fill(x.ctxt->sax);
	x.ctxt->userData = &x;
	(void)xmlParseDocument(x.ctxt);
	rc = outcome(&x, what, err);
	if (x.ctxt->myDoc != NULL)
		xmlFreeDoc(x.ctxt->myDoc);
	x.ctxt->myDoc = NULL;
	xmlFreeParserCtxt(x.ctxt);
	return rc;
}

int
doc_xml_part(struct doc_zip *z, struct str name,
    const struct doc_xml_events *events, void *user, struct err *err)
{
	struct buf b = doc_zip_buf(z);
	char what[96];
	int rc;

	(void)str_copy(what, sizeof what, name);
	rc = doc_zip_read(z, name, &b, err);
	if (rc == 0)
		rc = doc_xml_parse(buf_view(&b), what, events, user, err);
	buf_fini(&b);
	return rc;
}

/* --- attributes ------------------------------------------------------- */

static struct str
attr_value(const struct doc_xml *x, int i)
{
	const xmlChar **a = x->attrs + (size_t)i * 5;

	return (struct str){(const char *)a[3], (size_t)(a[4] - a[3])};
}

struct str
doc_xml_attr(const struct doc_xml *x, const char *local)
{
	for (int i = 0; i < x->n_attrs; i++) {
		if (strcmp((const char *)x->attrs[(size_t)i * 5], local) == 0)
			return attr_value(x, i);
	}
	return (struct str){NULL, 0};
}

struct str
doc_xml_attr_ns(const struct doc_xml *x, enum doc_ns ns, const char *local)
{
	for (int i = 0; i < x->n_attrs; i++) {
		if (strcmp((const char *)x->attrs[(size_t)i * 5], local) == 0 &&
		    ns_of(x->attrs[i * 5 + 2]) == ns)
			return attr_value(x, i);
	}
	return (struct str){NULL, 0};
}

int64_t
doc_xml_int(const struct doc_xml *x, const char *local, int64_t fallback)
{
	int64_t v;

	return str_i64(doc_xml_attr(x, local), &v) ? v : fallback;
}

unsigned
doc_xml_depth(const struct doc_xml *x)
{
	return x->depth;
}
