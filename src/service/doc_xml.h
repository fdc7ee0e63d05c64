/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads XML as a stream of starts, ends and texts, in linear time and without
 * a tree.
 *
 * Everything that makes XML dangerous is off: no document type (a DOCTYPE ends
 * the parse with ERR_CORRUPT, unless allowed, and then nothing in it is used),
 * no entities but the five of XML, no external anything, no network, limited
 * depth and size. Elements are known by (namespace, local name): a reader
 * lists the ones it cares about and gets their `id`, all others get 0.
 */
#ifndef SERVICE_DOC_XML_H
#define SERVICE_DOC_XML_H

#include "service/doc.h"
#include "service/doc_zip.h"

/* Namespaces by the prefix they usually have; several addresses (OOXML's
 * transitional and strict ones) may mean the same. */
enum doc_ns {
	NS_OTHER,
	NS_NONE, /* in no namespace */
	NS_W,    /* WordprocessingML */
	NS_A,    /* DrawingML */
	NS_P,    /* PresentationML */
	NS_S,    /* SpreadsheetML */
	NS_R,    /* officeDocument relationships (attributes) */
	NS_REL,  /* package relationships */
	NS_MC,   /* markup compatibility */
	NS_WP,   /* wordprocessingDrawing */
	NS_WPS,  /* wordprocessingShape */
	NS_W14,  /* Word 2010 */
	NS_V,    /* VML */
	NS_M,    /* OfficeMath */
	NS_PIC,  /* picture */
	NS_C,    /* chart */
	NS_DGM,  /* diagram */
	NS_DC,   /* Dublin Core */
	NS_DCTERMS,
	NS_CP,     /* core properties */
	NS_OFFICE, /* OpenDocument from here on */
	NS_TEXT,
	NS_TABLE,
	NS_DRAW,
	NS_STYLE,
	NS_FO,
	NS_FORM,
	NS_XLINK,
	NS_SVG,
	NS_META,
	NS_NUMBER,
	NS_PRESENTATION,
	NS_CALCEXT,
	NS_LOEXT,
	NS_MANIFEST,
	NS_MATHML,
	NS_XHTML,
	NS_OPF, /* EPUB */
	NS_NCX,
	NS_CONTAINER,
	NS_EPUB,
	NS_XMLENC,
};

struct doc_xml_name {
	enum doc_ns ns;
	const char *local;
	int id; /* > 0 */
};

struct doc_xml; /* the parse in progress; only valid in callbacks */

struct doc_xml_events {
	/* What to recognise; ends with {0}. */
	const struct doc_xml_name *names;
	void (*start)(void *user, struct doc_xml *x, int id);
	void (*end)(void *user, struct doc_xml *x, int id);
	/* Text may come in pieces. NULL when not wanted. */
	void (*text)(void *user, struct doc_xml *x, struct str s);
	bool allow_doctype;
};

/* Parses a whole document. Stops with the error of doc_xml_stop(), or with
 * ERR_CORRUPT (not well-formed, DOCTYPE) or ERR_LIMIT (depth). `what` names
 * the part in messages. */
int doc_xml_parse(struct str bytes, const char *what,
    const struct doc_xml_events *events, void *user, struct err *err)
    MUST_CHECK;
/* The same for an entry of an archive. */
int doc_xml_part(struct doc_zip *z, struct str name,
    const struct doc_xml_events *events, void *user, struct err *err)
    MUST_CHECK;

/* In start(): the value of an attribute by local name, whatever its
 * namespace; empty (p == NULL) when it is missing. */
struct str doc_xml_attr(const struct doc_xml *x, const char *local);
/* The same by namespace, where local names clash (r:id and id). */
struct str doc_xml_attr_ns(const struct doc_xml *x, enum doc_ns ns,
    const char *local);
/* Attribute as a number, or `fallback`. */
int64_t doc_xml_int(const struct doc_xml *x, const char *local,
    int64_t fallback);
/* How deep the current element is; the root is 1. */
unsigned doc_xml_depth(const struct doc_xml *x);
/* Ends the parse without (ok) or with a failure that `err` describes. */
void doc_xml_stop(struct doc_xml *x);
void doc_xml_fail(struct doc_xml *x, const struct err *err);

/* The relations of an OOXML part, from its ".rels". A missing file is none. */
struct doc_rels {
	struct buf recs; /* struct doc_rel[] */
	struct buf text;
};
struct doc_rel {
	struct str id;
	struct str type;   /* the last word: "hyperlink", "slide" */
	struct str target; /* an address, or a part's name in the archive */
	bool external;
};
int doc_rels_read(struct doc_zip *z, struct str part, struct doc_rels *rels,
    struct err *err) MUST_CHECK;
void doc_rels_fini(struct doc_rels *rels);
size_t doc_rels_count(const struct doc_rels *rels);
struct doc_rel doc_rels_at(const struct doc_rels *rels, size_t i);
/* False when there is none. */
bool doc_rels_by_id(const struct doc_rels *rels, struct str id,
    struct doc_rel *out);
bool doc_rels_by_type(const struct doc_rels *rels, const char *type,
    struct doc_rel *out);

/* docProps/core.xml (OOXML) or meta.xml (OpenDocument) into the metadata; a
 * missing or damaged part is no metadata. */
void doc_props_read(struct doc_zip *z, const char *part, struct doc *d);

#endif
