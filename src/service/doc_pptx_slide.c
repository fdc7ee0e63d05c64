/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slide of a PPTX file: its title as heading, its shapes in reading order,
 * its notes as a quotation. Hidden shapes, slide numbers, dates and footers
 * are left out.
 *
 * Reading order is the order in the file, except that a shape that lies wholly
 * above another one is read before it, and the title before all.
 */
#include "service/doc_pptx_slide.h"

#include <stdlib.h>

static const struct doc_xml_name names[] = {
    {NS_P, "sld", EL_SLIDE},
    {NS_P, "spTree", EL_TREE},
    {NS_P, "sp", EL_SHAPE},
    {NS_P, "grpSp", EL_GROUP},
    {NS_P, "graphicFrame", EL_FRAME},
    {NS_P, "pic", EL_PIC},
    {NS_P, "cxnSp", EL_CONNECTOR},
    {NS_P, "cNvPr", EL_PROPS},
    {NS_P, "ph", EL_PH},
    {NS_A, "off", EL_OFF},
    {NS_A, "ext", EL_EXT},
    {NS_A, "p", EL_P},
    {NS_A, "pPr", EL_PPR},
    {NS_A, "buNone", EL_NO_BULLET},
    {NS_A, "buChar", EL_BULLET},
    {NS_A, "buBlip", EL_BULLET},
    {NS_A, "buAutoNum", EL_NUMBER},
    {NS_A, "r", EL_R},
    {NS_A, "fld", EL_R},
    {NS_A, "rPr", EL_RPR},
    {NS_A, "hlinkClick", EL_LINK},
    {NS_A, "t", EL_T},
    {NS_M, "t", EL_T},
    {NS_A, "br", EL_BR},
    {NS_A, "tbl", EL_TABLE},
    {NS_A, "tr", EL_ROW},
    {NS_A, "tc", EL_CELL},
    {NS_MC, "AlternateContent", EL_ALTERNATE},
    {NS_MC, "Choice", EL_CHOICE},
    {NS_MC, "Fallback", EL_FALLBACK},
    {NS_P, "extLst", EL_SKIP},
    {NS_A, "extLst", EL_SKIP},
    {0},
};

/* --- shapes ----------------------------------------------------------- */

static enum role
role_of(const struct doc_xml *x)
{
	struct str type = doc_xml_attr(x, "type");

	if (str_eqz(type, "title"))
		return ROLE_TITLE;
	if (str_eqz(type, "ctrTitle"))
		return ROLE_MAIN_TITLE;
	if (str_eqz(type, "dt") || str_eqz(type, "ftr") ||
	    str_eqz(type, "hdr") || str_eqz(type, "sldNum") ||
	    str_eqz(type, "sldImg"))
		return ROLE_NONE;
	return type.n == 0 || str_eqz(type, "body") || str_eqz(type, "obj")
	    ? ROLE_BODY
	    : ROLE_TEXT;
}

static bool
is_wanted(const struct slide *s)
{
	int now = s->n_shapes - 1;

	if (s->measure)
		return true;
	return s->only >= 0 ? now == s->only : now != s->title;
}

static void
shape_begin(struct slide *s, struct doc_xml *x)
{
	if (doc_xml_depth(x) == s->tree_depth + 1 && s->tree_depth != 0) {
		s->n_shapes++;
		if (!is_wanted(s)) {
			s->skip = doc_xml_depth(x);
			return;
		}
	}
	s->role = ROLE_TEXT;
	s->silent = s->notes;
}

static void
shape_props(struct slide *s, struct doc_xml *x)
{
	struct str hidden = doc_xml_attr(x, "hidden");

	if (str_eqz(hidden, "1") || str_eqz(hidden, "true"))
		s->silent = true;
}

static void
placeholder(struct slide *s, struct doc_xml *x)
{
	s->role = role_of(x);
	if (s->role == ROLE_NONE)
		s->silent = true;
	else if (s->notes)
		s->silent = s->role != ROLE_BODY;
	if (s->measure) {
		bool title = s->role == ROLE_TITLE ||
		    s->role == ROLE_MAIN_TITLE;

		if (title && s->title < 0 && s->n_shapes > 0)
			s->title = s->n_shapes - 1;
		return;
	}
	if (s->silent)
		return;
	if (s->role == ROLE_TITLE || s->role == ROLE_MAIN_TITLE) {
		pptx_lists_close(s, 0);
		doc_heading(s->d, s->role == ROLE_TITLE ? 2 : 1);
	}
}

static void
shape_end(struct slide *s)
{
	if (!s->measure && !s->silent &&
	    (s->role == ROLE_TITLE || s->role == ROLE_MAIN_TITLE))
		doc_end(s->d);
	pptx_lists_close(s, 0);
	s->role = ROLE_TEXT;
	s->silent = s->notes;
}

/* Where a shape is; of a group, the group's own place comes first. */
static void
place(struct slide *s, const struct doc_xml *x, int id)
{
	struct shape *shape;

	if (s->n_shapes == 0 || s->n_shapes > SHAPE_MAX)
		return;
	shape = &s->shapes[s->n_shapes - 1];
	if (id == EL_OFF && !shape->placed) {
		shape->x = doc_xml_int(x, "x", 0);
		shape->y = doc_xml_int(x, "y", 0);
	} else if (id == EL_EXT && !shape->placed &&
	    doc_xml_attr(x, "cx").n != 0) {
		shape->w = doc_xml_int(x, "cx", 0);
		shape->h = doc_xml_int(x, "cy", 0);
		shape->placed = true;
	}
}

/* --- events ----------------------------------------------------------- */

static void
alternate(struct slide *s, struct doc_xml *x, int id)
{
	int *taken;

	if (id == EL_ALTERNATE) {
		if (s->n_alternates < (int)COUNT_OF(s->taken))
			s->taken[s->n_alternates] = 0;
		s->n_alternates++;
		return;
	}
	if (s->n_alternates == 0 || s->n_alternates > (int)COUNT_OF(s->taken))
		return;
	taken = &s->taken[s->n_alternates - 1];
	if (*taken != 0)
		s->skip = doc_xml_depth(x);
	*taken = 1;
}

static void
picture_alt(struct slide *s, const struct doc_xml *x)
{
	struct str alt = doc_xml_attr(x, "descr");

	if (alt.n != 0 && !s->silent && !s->measure) {
		pptx_lists_close(s, 0);
		doc_para(s->d);
		doc_image(s->d, alt);
		doc_end(s->d);
	}
}

static void
on_start(void *user, struct doc_xml *x, int id)
{
	struct slide *s = user;
	struct str show;

	if (s->skip != 0 || id == 0)
		return;
	if (doc_failed(s->d, NULL) != 0) {
		doc_xml_stop(x);
		return;
	}
	switch (id) {
	case EL_SLIDE:
		show = doc_xml_attr(x, "show");
		s->hidden = str_eqz(show, "0") || str_eqz(show, "false");
		break;
	case EL_TREE:
		s->tree_depth = doc_xml_depth(x);
		break;
	case EL_SHAPE:
	case EL_GROUP:
	case EL_FRAME:
	case EL_PIC:
	case EL_CONNECTOR:
		shape_begin(s, x);
		break;
	case EL_PROPS:
		shape_props(s, x);
		picture_alt(s, x);
		break;
	case EL_PH:
		placeholder(s, x);
		break;
	case EL_OFF:
	case EL_EXT:
		place(s, x, id);
		break;
	case EL_ALTERNATE:
	case EL_CHOICE:
	case EL_FALLBACK:
		alternate(s, x, id);
		break;
	case EL_SKIP:
		s->skip = doc_xml_depth(x);
		break;
	default:
		if (s->measure || s->silent)
			break;
		if (id >= EL_TABLE && id <= EL_CELL)
			pptx_table_start(s, x, id);
		else
			pptx_para_start(s, x, id);
		break;
	}
}

static void
on_end(void *user, struct doc_xml *x, int id)
{
	struct slide *s = user;

	if (s->skip != 0) {
		if (s->skip == doc_xml_depth(x))
			s->skip = 0;
		return;
	}
	switch (id) {
	case EL_SHAPE:
	case EL_FRAME:
	case EL_PIC:
	case EL_CONNECTOR:
		shape_end(s);
		break;
	case EL_T:
		s->in_text = false;
		break;
	case EL_ALTERNATE:
		if (s->n_alternates > 0)
			s->n_alternates--;
		break;
	default:
		if (s->measure || s->silent)
			break;
		if (id == EL_P)
			pptx_para_end(s);
		else if (id == EL_R)
			pptx_run_end(s);
		else if (id >= EL_TABLE && id <= EL_CELL)
			pptx_table_end(s, id);
		break;
	}
}

static void
on_text(void *user, struct doc_xml *x UNUSED, struct str text)
{
	struct slide *s = user;

	if (s->skip != 0 || !s->in_text || s->silent || s->measure)
		return;
	pptx_para_place(s);
	doc_text(s->d, text, s->style);
}

static const struct doc_xml_events events = {.names = names,
    .start = on_start,
    .end = on_end,
    .text = on_text};

/* --- a slide ---------------------------------------------------------- */

static bool
lies_above(const struct shape *a, const struct shape *b)
{
	return a->placed && b->placed && a->y + a->h <= b->y &&
	    a->x < b->x + b->w && b->x < a->x + a->w;
}

/* Puts the shapes into reading order; false when that is the file's. */
static bool
reading_order(const struct slide *s, int *order)
{
	bool moved = false;

	for (int i = 0; i < s->n_shapes; i++) {
		int at = i;

		for (int k = i; k > 0; k--) {
			if (order[k - 1] != s->title &&
			    lies_above(&s->shapes[i], &s->shapes[order[k - 1]]))
				at = k - 1;
		}
		memmove(order + at + 1, order + at,
		    (size_t)(i - at) * sizeof *order);
		order[at] = i;
		moved = moved || at != i;
	}
	return moved;
}

static void
slide_reset(struct slide *s, int only)
{
	s->measure = false;
	s->only = only;
	s->n_shapes = 0;
	s->tree_depth = 0;
	s->skip = 0;
	s->role = ROLE_TEXT;
	s->silent = s->notes;
	s->n_alternates = 0;
	s->in_para = s->para_open = s->in_text = s->in_cell = s->linked = false;
}

static int
slide_parse(struct slide *s, struct str xml, int only, const char *what,
    struct err *err)
{
	slide_reset(s, only);
	return doc_xml_parse(xml, what, &events, s, err);
}

static int
slide_in_order(struct slide *s, struct str xml, const char *what,
    struct err *err)
{
	int order[SHAPE_MAX];
	int n = s->n_shapes;

	if (s->title >= 0 && slide_parse(s, xml, s->title, what, err) != 0)
		return -1;
	s->n_shapes = n;
	if (n > SHAPE_MAX || xml.n > (1 << 20) || !reading_order(s, order))
		return slide_parse(s, xml, -1, what, err);
	for (int i = 0; i < n; i++) {
		if (order[i] != s->title &&
		    slide_parse(s, xml, order[i], what, err) != 0)
			return -1;
	}
	return 0;
}

static int
notes_read(struct doc_zip *z, struct doc *d, const struct doc_rels *rels,
    struct err *err)
{
	struct slide *s;
	struct doc_rel rel;
	int rc;

	if (!doc_rels_by_type(rels, "notesSlide", &rel) ||
	    !doc_zip_has(z, rel.target))
		return 0;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	s->d = d;
	s->notes = true;
	s->title = -1;
	slide_reset(s, -1);
	doc_quote(d);
	rc = doc_rels_read(z, rel.target, &s->rels, err);
	if (rc == 0)
		rc = doc_xml_part(z, rel.target, &events, s, err);
	doc_end(d);
	doc_rels_fini(&s->rels);
	free(s);
	return rc;
}

static int
slide_write(struct slide *s, struct doc_zip *z, struct str xml, unsigned number,
    const char *what, struct err *err)
{
	s->title = -1;
	slide_reset(s, -1);
	s->measure = true;
	if (doc_xml_parse(xml, what, &events, s, err) != 0)
		return -1;
	if (s->hidden)
		return 0;
	doc_page(s->d, number, STR(""));
	if (slide_in_order(s, xml, what, err) != 0)
		return -1;
	return notes_read(z, s->d, &s->rels, err);
}

int
pptx_slide_read(struct doc_zip *z, struct doc *d, struct str part,
    unsigned number, struct err *err)
{
	struct slide *s = calloc(1, sizeof *s);
	struct buf xml = doc_zip_buf(z);
	char what[96];
	int rc;

	if (s == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	s->d = d;
	(void)str_copy(what, sizeof what, part);
	rc = doc_rels_read(z, part, &s->rels, err);
	if (rc == 0)
		rc = doc_zip_read(z, part, &xml, err);
	if (rc == 0)
		rc = slide_write(s, z, buf_view(&xml), number, what, err);
	doc_rels_fini(&s->rels);
	buf_fini(&xml);
	free(s);
	return rc;
}
