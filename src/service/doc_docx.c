/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOCX (ECMA-376 WordprocessingML): finds the parts and reads them in order:
 * the headers of the first section, the body, the footers, the notes.
 */
#include "service/doc_docx.h"

enum {
	EL_HEADER = 1,
	EL_FOOTER,
	EL_TITLE_PAGE,
	EL_SECTION
};

static struct str
bytes_of(const struct doc_in *in)
{
	return (struct str){(const char *)in->p, in->n};
}

static int
docx_sniff(const struct doc_in *in)
{
	struct str bytes = bytes_of(in);
	struct doc_zip *z;
	int score = 0;

	if (!doc_zip_magic(bytes))
		return 0;
	z = doc_zip_open(bytes, in->limits, NULL);
	if (z == NULL) /* damaged: only the name can tell */
		return str_ends(in->name, ".docx") ||
			str_ends(in->name, ".DOCX")
		    ? 50
		    : memmem(in->p, MIN_OF(in->n, (size_t)4096), "word/", 5) !=
			NULL
		    ? 40
		    : 0;
	if (doc_zip_has_under(z, "word/"))
		score = doc_zip_has(z, STR("[Content_Types].xml")) ? 100 : 70;
	else if (doc_zip_has(z, STR("[Content_Types].xml")) &&
	    str_ends(in->name, ".docx"))
		score = 60;
	doc_zip_close(z);
	return score;
}

/* --- headers and footers ---------------------------------------------- */

struct edges {
	char ids[6][64]; /* relations: header first, default, even; footer */
	bool title_page, done;
};

static void
on_edge(void *user, struct doc_xml *x, int id)
{
	struct edges *e = user;
	struct str type = doc_xml_attr(x, "type");
	size_t slot = str_eqz(type, "first") ? 0
	    : str_eqz(type, "even")          ? 2
					     : 1;
	char *to;

	if (e->done)
		return;
	if (id == EL_TITLE_PAGE) {
		struct str v = doc_xml_attr(x, "val");

		e->title_page = !str_eqz(v, "0") && !str_eqz(v, "false");
	}
	if (id != EL_HEADER && id != EL_FOOTER)
		return;
	to = e->ids[id == EL_HEADER ? slot : slot + 3];
	(void)str_copy(to, sizeof e->ids[0], doc_xml_attr_ns(x, NS_R, "id"));
}

static void
on_edge_end(void *user, struct doc_xml *x, int id)
{
	struct edges *e = user;

	if (id == EL_SECTION) {
		e->done = true;
		doc_xml_stop(x);
	}
}

/* The section's properties stand behind its text, so look for them first. */
static int
edges_find(struct docx *x, struct str part, struct edges *e, struct err *err)
{
	static const struct doc_xml_name names[] = {{NS_W, "headerReference",
							EL_HEADER},
	    {NS_W, "footerReference", EL_FOOTER},
	    {NS_W, "titlePg", EL_TITLE_PAGE}, {NS_W, "sectPr", EL_SECTION},
	    {0}};
	static const struct doc_xml_events events = {.names = names,
	    .start = on_edge,
	    .end = on_edge_end};

	return doc_xml_part(x->z, part, &events, e, err);
}

static int
edges_read(struct docx *x, const struct doc_rels *rels, const struct edges *e,
    size_t base, struct err *err)
{
	for (size_t i = e->title_page ? 0 : 1; i < 2; i++) {
		struct doc_rel rel;

		if (e->ids[base + i][0] == '\0' ||
		    !doc_rels_by_id(rels, str_of(e->ids[base + i]), &rel) ||
		    !doc_zip_has(x->z, rel.target))
			continue;
		if (docx_story(x, rel.target, err) != 0)
			return -1;
	}
	return 0;
}

/* --- the document ----------------------------------------------------- */

static struct str
related(const struct doc_rels *rels, const char *type, const char *fallback)
{
	struct doc_rel rel;

	if (doc_rels_by_type(rels, type, &rel) && !rel.external &&
	    rel.target.n != 0)
		return rel.target;
	return str_of(fallback);
}

static int
read_parts(struct docx *x, struct str main_part, const struct doc_rels *rels,
    struct err *err)
{
	struct edges edges = {.done = false};
	struct doc_rel rel;
	struct str notes;

	if ((doc_rels_by_type(rels, "header", &rel) ||
		doc_rels_by_type(rels, "footer", &rel)) &&
	    edges_find(x, main_part, &edges, err) != 0)
		return -1;
	if (edges_read(x, rels, &edges, 0, err) != 0 ||
	    docx_story(x, main_part, err) != 0 ||
	    edges_read(x, rels, &edges, 3, err) != 0)
		return -1;
	notes = related(rels, "footnotes", "word/footnotes.xml");
	if (x->footnotes != 0 && doc_zip_has(x->z, notes) &&
	    docx_story(x, notes, err) != 0)
		return -1;
	notes = related(rels, "endnotes", "word/endnotes.xml");
	if (x->endnotes != 0 && doc_zip_has(x->z, notes) &&
	    docx_story(x, notes, err) != 0)
		return -1;
	return 0;
}

static int
read_main(struct docx *x, struct str main_part, struct err *err)
{
	struct doc_rels rels;
	int rc = doc_rels_read(x->z, main_part, &rels, err);

	if (rc == 0)
		rc = docx_styles_read(x->z,
		    related(&rels, "styles", "word/styles.xml"),
		    related(&rels, "numbering", "word/numbering.xml"),
		    &x->styles, err);
	if (rc == 0)
		rc = read_parts(x, main_part, &rels, err);
	docx_styles_fini(&x->styles);
	doc_rels_fini(&rels);
	return rc;
}

static int
docx_read(const struct doc_in *in, struct doc *d, struct err *err)
{
	struct docx x = {.d = d, .notes = BUF_INIT((size_t)1 << 20)};
	struct doc_rels rels = {{0}, {0}};
	struct str main_part;
	int rc = -1;

	x.z = doc_zip_open(bytes_of(in), in->limits, err);
	if (x.z == NULL)
		return -1;
	if (doc_rels_read(x.z, STR(""), &rels, err) != 0)
		goto out;
	main_part = related(&rels, "officeDocument", "word/document.xml");
	if (!doc_zip_has(x.z, main_part)) {
		(void)err_set(err, ERR_CORRUPT,
		    "the DOCX file has no main document part");
		goto out;
	}
	doc_props_read(x.z, "docProps/core.xml", d);
	rc = read_main(&x, main_part, err);
	if (rc == 0)
		rc = doc_failed(d, err);
out:
	doc_rels_fini(&rels);
	buf_fini(&x.notes);
	doc_zip_close(x.z);
	return rc;
}

const struct doc_format doc_format_docx = {
    .name = "docx",
    .mime = "application/"
	    "vnd.openxmlformats-officedocument.wordprocessingml.document",
    .sniff = docx_sniff,
    .read = docx_read,
};
