/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PPTX (ECMA-376 PresentationML): a page per slide, in the order of the show.
 * Hidden slides are left out.
 */
#include "service/doc_pptx_slide.h"

enum {
	EL_SLIDE_ID = 1
};

struct deck {
	struct doc_zip *z;
	struct doc *d;
	const struct doc_in *in;
	struct doc_rels rels;
	unsigned number;
};

static void
on_slide_id(void *user, struct doc_xml *x, int id)
{
	struct deck *deck = user;
	struct doc_rel rel;
	struct err err;

	if (id != EL_SLIDE_ID)
		return;
	deck->number++;
	if ((deck->in->first != 0 && deck->number < deck->in->first) ||
	    (deck->in->last != 0 && deck->number > deck->in->last))
		return;
	if (!doc_rels_by_id(&deck->rels, doc_xml_attr_ns(x, NS_R, "id"),
		&rel)) {
		(void)err_set(&err, ERR_CORRUPT, "slide %u is missing",
		    deck->number);
		doc_xml_fail(x, &err);
		return;
	}
	if (pptx_slide_read(deck->z, deck->d, rel.target, deck->number, &err) !=
	    0)
		doc_xml_fail(x, &err);
}

static void
on_slide_id_end(void *user UNUSED, struct doc_xml *x UNUSED, int id UNUSED)
{
}

static int
deck_read(struct deck *deck, struct err *err)
{
	static const struct doc_xml_name names[] = {
	    {NS_P, "sldId", EL_SLIDE_ID},
	    {0},
	};
	static const struct doc_xml_events events = {.names = names,
	    .start = on_slide_id,
	    .end = on_slide_id_end};
	struct doc_rels rels;
	struct doc_rel rel;
	char main_part[DOC_ZIP_PATH_MAX] = "ppt/presentation.xml";
	int rc = doc_rels_read(deck->z, STR(""), &rels, err);

	if (rc == 0 && doc_rels_by_type(&rels, "officeDocument", &rel))
		(void)str_copy(main_part, sizeof main_part, rel.target);
	doc_rels_fini(&rels);
	if (rc != 0)
		return -1;
	if (!doc_zip_has(deck->z, str_of(main_part)))
		return err_set(err, ERR_CORRUPT,
		    "the PPTX file has no main document part");
	doc_props_read(deck->z, "docProps/core.xml", deck->d);
	rc = doc_rels_read(deck->z, str_of(main_part), &deck->rels, err);
	if (rc == 0)
		rc = doc_xml_part(deck->z, str_of(main_part), &events, deck,
		    err);
	doc_rels_fini(&deck->rels);
	return rc == 0 ? doc_failed(deck->d, err) : -1;
}

static int
pptx_read(const struct doc_in *in, struct doc *d, struct err *err)
{
	struct deck deck = {.d = d, .in = in};
	int rc;

	deck.z = doc_zip_open((struct str){(const char *)in->p, in->n},
	    in->limits, err);
	if (deck.z == NULL)
		return -1;
	rc = deck_read(&deck, err);
	doc_zip_close(deck.z);
	return rc;
}

static int
pptx_sniff(const struct doc_in *in)
{
	struct str bytes = {(const char *)in->p, in->n};
	bool named = str_ends(in->name, ".pptx") || str_ends(in->name, ".PPTX");
	struct doc_zip *z;
	int score = 0;

	if (!doc_zip_magic(bytes))
		return 0;
	z = doc_zip_open(bytes, in->limits, NULL);
	if (z == NULL)
		return named ? 50 : 0;
	if (doc_zip_has_under(z, "ppt/"))
		score = doc_zip_has(z, STR("[Content_Types].xml")) ? 100 : 70;
	else if (named && doc_zip_has(z, STR("[Content_Types].xml")))
		score = 60;
	doc_zip_close(z);
	return score;
}

const struct doc_format doc_format_pptx = {
    .name = "pptx",
    .mime = "application/"
	    "vnd.openxmlformats-officedocument.presentationml.presentation",
    .sniff = pptx_sniff,
    .read = pptx_read,
};
