/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of an office document say about each other and themselves:
 * relations (OPC, ECMA-376 part 2) and core properties.
 */
#include "service/doc_xml.h"

enum {
	REL_RELATION = 1,
	RELS_MAX = 65536
};

/* Positions, because the text buffer moves while it grows. */
struct rel_rec {
	size_t id_at, id_n, type_at, type_n, target_at, target_n;
	bool external;
};

struct rels_reader {
	struct doc_rels *rels;
	struct str part;
};

static void
keep(struct buf *text, struct str s, size_t *at, size_t *n)
{
	*at = text->n;
	*n = buf_str(text, s) ? s.n : 0;
}

static void
on_rel(void *user, struct doc_xml *x, int id)
{
	struct rels_reader *r = user;
	struct rel_rec rec = {0};
	struct str type = doc_xml_attr(x, "Type");
	struct str target = doc_xml_attr(x, "Target");
	char path[DOC_ZIP_PATH_MAX];

	if (id != REL_RELATION)
		return;
	rec.external = str_ieqz(doc_xml_attr(x, "TargetMode"), "External");
	if (!rec.external)
		target = doc_zip_resolve(r->part, target, path);
	for (size_t i = type.n; i > 0; i--) {
		if (type.p[i - 1] == '/') {
			type = (struct str){type.p + i, type.n - i};
			break;
		}
	}
	keep(&r->rels->text, doc_xml_attr(x, "Id"), &rec.id_at, &rec.id_n);
	keep(&r->rels->text, type, &rec.type_at, &rec.type_n);
	keep(&r->rels->text, target, &rec.target_at, &rec.target_n);
	(void)buf_add(&r->rels->recs, &rec, sizeof rec);
}

static void
on_rel_end(void *user UNUSED, struct doc_xml *x UNUSED, int id UNUSED)
{
}

int
doc_rels_read(struct doc_zip *z, struct str part, struct doc_rels *rels,
    struct err *err)
{
	static const struct doc_xml_name names[] = {{NS_REL, "Relationship",
							REL_RELATION},
	    {0}};
	static const struct doc_xml_events events = {.names = names,
	    .start = on_rel,
	    .end = on_rel_end};
	struct rels_reader r = {.rels = rels, .part = part};
	char name[DOC_ZIP_PATH_MAX];
	size_t slash = part.n;

	*rels = (struct doc_rels){.recs = BUF_INIT(
				      RELS_MAX * sizeof(struct rel_rec)),
	    .text = BUF_INIT((size_t)16 << 20)};
	while (slash != 0 && part.p[slash - 1] != '/')
		slash--;
	if (!str_fmt(name, sizeof name, "%.*s_rels/%.*s.rels", (int)slash,
		slash != 0 ? part.p : "", (int)(part.n - slash),
		part.n != slash ? part.p + slash : "") ||
	    !doc_zip_has(z, str_of(name)))
		return 0;
	return doc_xml_part(z, str_of(name), &events, &r, err);
}

void
doc_rels_fini(struct doc_rels *rels)
{
	buf_fini(&rels->recs);
	buf_fini(&rels->text);
}

size_t
doc_rels_count(const struct doc_rels *rels)
{
	return rels->recs.n / sizeof(struct rel_rec);
}

struct doc_rel
doc_rels_at(const struct doc_rels *rels, size_t i)
{
	const struct rel_rec *rec = (const void *)rels->recs.p;
	const char *p = rels->text.p != NULL ? rels->text.p : "";

	rec += i;
	return (struct doc_rel){.id = {p + rec->id_at, rec->id_n},
	    .type = {p + rec->type_at, rec->type_n},
	    .target = {p + rec->target_at, rec->target_n},
	    .external = rec->external};
}

bool
doc_rels_by_id(const struct doc_rels *rels, struct str id, struct doc_rel *out)
{
	for (size_t i = 0; i < doc_rels_count(rels); i++) {
		*out = doc_rels_at(rels, i);
		if (str_eq(out->id, id))
			return true;
	}
	return false;
}

bool
doc_rels_by_type(const struct doc_rels *rels, const char *type,
    struct doc_rel *out)
{
	for (size_t i = 0; i < doc_rels_count(rels); i++) {
		*out = doc_rels_at(rels, i);
		if (str_eqz(out->type, type))
			return true;
	}
	return false;
}

/* --- properties ------------------------------------------------------- */

enum prop {
	PROP_TITLE = 1,
	PROP_AUTHOR,
	PROP_FIRST_AUTHOR,
	PROP_SUBJECT,
	PROP_KEYWORDS,
	PROP_CREATED,
	PROP_MODIFIED,
	PROP_LANGUAGE,
};

static const char *const prop_keys[] = {[PROP_TITLE] = "title",
    [PROP_AUTHOR] = "author",
    [PROP_FIRST_AUTHOR] = "author",
    [PROP_SUBJECT] = "subject",
    [PROP_KEYWORDS] = "keywords",
    [PROP_CREATED] = "created",
    [PROP_MODIFIED] = "modified",
    [PROP_LANGUAGE] = "language"};

struct props_reader {
	struct doc *d;
	struct buf text;
	int open;
};

static void
on_prop(void *user, struct doc_xml *x UNUSED, int id)
{
	struct props_reader *r = user;

	r->open = id;
	buf_clear(&r->text);
}

static void
on_prop_text(void *user, struct doc_xml *x UNUSED, struct str s)
{
	struct props_reader *r = user;

	if (r->open != 0)
		(void)buf_str(&r->text, s);
}

static void
on_prop_end(void *user, struct doc_xml *x UNUSED, int id)
{
	struct props_reader *r = user;

	if (id != 0 && id == r->open)
		doc_meta(r->d, prop_keys[id], buf_view(&r->text));
	r->open = 0;
}

void
doc_props_read(struct doc_zip *z, const char *part, struct doc *d)
{
	static const struct doc_xml_name names[] = {
	    {NS_DC, "title", PROP_TITLE},
	    {NS_META, "initial-creator", PROP_FIRST_AUTHOR},
	    {NS_DC, "creator", PROP_AUTHOR},
	    {NS_DC, "subject", PROP_SUBJECT},
	    {NS_CP, "keywords", PROP_KEYWORDS},
	    {NS_META, "keyword", PROP_KEYWORDS},
	    {NS_DCTERMS, "created", PROP_CREATED},
	    {NS_META, "creation-date", PROP_CREATED},
	    {NS_DCTERMS, "modified", PROP_MODIFIED},
	    {NS_DC, "date", PROP_MODIFIED},
	    {NS_DC, "language", PROP_LANGUAGE},
	    {0},
	};
	static const struct doc_xml_events events = {.names = names,
	    .start = on_prop,
	    .end = on_prop_end,
	    .text = on_prop_text};
	struct props_reader r = {.d = d, .text = BUF_INIT((size_t)64 * 1024)};

	if (doc_zip_has(z, str_of(part)))
		(void)!doc_xml_part(z, str_of(part), &events, &r, NULL);
	buf_fini(&r.text);
}
