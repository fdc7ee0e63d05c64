/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ODT (OpenDocument 1.3 text): the header, the text, the footer. Deleted text
 * of tracked changes lies apart from the text and is not read; hidden text and
 * sections are left out; values of form controls stand where the control is.
 */
#include <stdlib.h>

#include "service/doc_odt.h"

enum {
	EL_P = 1,
	EL_H,
	EL_SPAN,
	EL_A,
	EL_LIST,
	EL_ITEM,
	EL_NOTE,
	EL_NOTE_BODY,
	EL_TABLE,
	EL_HEADER_ROWS,
	EL_ROW,
	EL_CELL,
	EL_BOX,
	EL_SHAPE,
	EL_S,
	EL_TAB,
	EL_BREAK,
	EL_SKIP,
	EL_SECTION,
	EL_HIDDEN_TEXT,
	EL_HIDDEN_PARA,
	EL_TITLE,
	EL_CONTROL,
	EL_FORM_VALUE,
	EL_FORM_CHECK,
	EL_FORM_LIST,
	EL_FORM_OPTION,
	EL_BODY,
	EL_MASTER,
	EL_HEADER,
	EL_FOOTER,
};

static const struct doc_xml_name names[] = {
    {NS_TEXT, "p", EL_P},
    {NS_TEXT, "h", EL_H},
    {NS_TEXT, "span", EL_SPAN},
    {NS_TEXT, "a", EL_A},
    {NS_TEXT, "list", EL_LIST},
    {NS_TEXT, "list-item", EL_ITEM},
    {NS_TEXT, "list-header", EL_ITEM},
    {NS_TEXT, "note", EL_NOTE},
    {NS_TEXT, "note-body", EL_NOTE_BODY},
    {NS_TEXT, "note-citation", EL_SKIP},
    {NS_TABLE, "table", EL_TABLE},
    {NS_TABLE, "table-header-rows", EL_HEADER_ROWS},
    {NS_TABLE, "table-row", EL_ROW},
    {NS_TABLE, "table-cell", EL_CELL},
    {NS_TABLE, "covered-table-cell", EL_SKIP},
    {NS_DRAW, "text-box", EL_BOX},
    {NS_DRAW, "custom-shape", EL_SHAPE},
    {NS_DRAW, "rect", EL_SHAPE},
    {NS_DRAW, "ellipse", EL_SHAPE},
    {NS_DRAW, "line", EL_SHAPE},
    {NS_DRAW, "connector", EL_SHAPE},
    {NS_TEXT, "s", EL_S},
    {NS_TEXT, "tab", EL_TAB},
    {NS_TEXT, "line-break", EL_BREAK},
    {NS_TEXT, "tracked-changes", EL_SKIP},
    {NS_TEXT, "ruby-text", EL_SKIP},
    {NS_TEXT, "table-of-content", EL_SKIP},
    {NS_TEXT, "bibliography-mark", EL_SPAN},
    {NS_OFFICE, "annotation", EL_SKIP},
    {NS_OFFICE, "binary-data", EL_SKIP},
    {NS_OFFICE, "event-listeners", EL_SKIP},
    {NS_DRAW, "object", EL_SKIP},
    {NS_SVG, "desc", EL_TITLE},
    {NS_TEXT, "section", EL_SECTION},
    {NS_TEXT, "hidden-text", EL_HIDDEN_TEXT},
    {NS_TEXT, "hidden-paragraph", EL_HIDDEN_PARA},
    {NS_DRAW, "control", EL_CONTROL},
    {NS_FORM, "text", EL_FORM_VALUE},
    {NS_FORM, "textarea", EL_FORM_VALUE},
    {NS_FORM, "formatted-text", EL_FORM_VALUE},
    {NS_FORM, "number", EL_FORM_VALUE},
    {NS_FORM, "date", EL_FORM_VALUE},
    {NS_FORM, "combobox", EL_FORM_VALUE},
    {NS_FORM, "checkbox", EL_FORM_CHECK},
    {NS_FORM, "radio", EL_FORM_CHECK},
    {NS_FORM, "listbox", EL_FORM_LIST},
    {NS_FORM, "option", EL_FORM_OPTION},
    {NS_OFFICE, "text", EL_BODY},
    {NS_STYLE, "master-page", EL_MASTER},
    {NS_STYLE, "header", EL_HEADER},
    {NS_STYLE, "footer", EL_FOOTER},
    {0},
};

enum {
	FRAME_MAX = 256,
	LIST_MAX = 16
};

/* One per element that holds text or begins a new flow of text. */
struct frame {
	bool text;  /* characters count */
	bool block; /* doc_end() is due */
	uint8_t style;
};

struct list {
	const struct odt_list_style *style;
	uint32_t number;
	bool opened;
};

struct control {
	char id[64];
	char value[512];
};

enum part {
	PART_HEADER,
	PART_BODY,
	PART_FOOTER
};

struct odt {
	struct doc *d;
	struct odt_styles styles;
	enum part part;
	bool inside; /* the part we want */
	bool master_seen;
	struct frame frames[FRAME_MAX];
	int n_frames;
	struct list lists[LIST_MAX];
	int n_lists;
	unsigned header_rows;
	unsigned footnotes, endnotes;
	char note_label[24];
	unsigned skip;
	bool in_alt;
	struct buf alt;
	struct buf controls; /* struct control[] */
};

static struct frame
frame_now(const struct odt *o)
{
	return o->n_frames != 0 ? o->frames[o->n_frames - 1]
				: (struct frame){.text = false};
}

static void
frame_push(struct odt *o, struct frame f)
{
	if (o->n_frames < FRAME_MAX)
		o->frames[o->n_frames] = f;
	o->n_frames++;
}

static void
frame_pop(struct odt *o)
{
	if (o->n_frames == 0)
		return;
	o->n_frames--;
	if (o->n_frames < FRAME_MAX && o->frames[o->n_frames].block)
		doc_end(o->d);
}

static uint8_t
style_of(const struct odt_style *s, uint8_t from)
{
	unsigned v = from;

	if (s == NULL)
		return from;
	if (s->bold != ODT_UNSET)
		v = s->bold ? v | DOC_BOLD : v & ~(unsigned)DOC_BOLD;
	if (s->italic != ODT_UNSET)
		v = s->italic ? v | DOC_ITALIC : v & ~(unsigned)DOC_ITALIC;
	if (s->strike != ODT_UNSET)
		v = s->strike ? v | DOC_STRIKE : v & ~(unsigned)DOC_STRIKE;
	if (s->script != ODT_UNSET)
		v |= (unsigned)s->script;
	return (uint8_t)v;
}

/* --- paragraphs ------------------------------------------------------- */

static void
para_begin(struct odt *o, struct doc_xml *x, bool heading)
{
	const struct odt_style *style = odt_style_find(&o->styles, "paragraph",
	    doc_xml_attr(x, "style-name"));
	int level = style != NULL ? odt_style_heading(style) : 0;

	if (style != NULL && style->hidden == 1) {
		o->skip = doc_xml_depth(x);
		return;
	}
	if (heading)
		level = (int)MIN_OF(doc_xml_int(x, "outline-level", 1), 6);
	if (level > 0)
		doc_heading(o->d, level);
	else
		doc_para(o->d);
	/* a paragraph's own bold is how it looks, not what it stresses */
	frame_push(o, (struct frame){.text = true, .block = true});
}

static void
span_begin(struct odt *o, struct doc_xml *x)
{
	const struct odt_style *style = odt_style_find(&o->styles, "text",
	    doc_xml_attr(x, "style-name"));
	struct frame f = frame_now(o);

	if (style != NULL && style->hidden == 1) {
		o->skip = doc_xml_depth(x);
		return;
	}
	frame_push(o,
	    (struct frame){.text = f.text, .style = style_of(style, f.style)});
}

static void
link_begin(struct odt *o, const struct doc_xml *x)
{
	struct frame f = frame_now(o);
	struct str href = doc_xml_attr_ns(x, NS_XLINK, "href");

	f.block = f.text && href.n != 0 && memchr(href.p, ':', href.n) != NULL;
	if (f.block)
		doc_link(o->d, href);
	frame_push(o, f);
}

static void
flow_begin(struct odt *o, bool aside)
{
	if (aside)
		doc_aside(o->d);
	frame_push(o, (struct frame){.block = aside});
}

/* --- lists ------------------------------------------------------------ */

static void
list_begin(struct odt *o, const struct doc_xml *x)
{
	struct list *l;
	int level = o->n_lists;
	const struct odt_list_style *style = odt_list_find(&o->styles,
	    doc_xml_attr(x, "style-name"));

	if (o->n_lists++ >= LIST_MAX)
		return;
	l = &o->lists[level];
	if (style == NULL && level > 0)
		style = l[-1].style;
	if (!str_eqz(doc_xml_attr(x, "continue-numbering"), "true") ||
	    l->style != style)
		l->number = style != NULL && level < ODT_LEVELS &&
			style->start[level] > 0
		    ? style->start[level] - 1
		    : 0;
	l->style = style;
	l->opened = false;
}

static bool
list_is_ordered(const struct odt *o)
{
	const struct list *l = &o->lists[o->n_lists - 1];

	return l->style != NULL && o->n_lists <= ODT_LEVELS &&
	    l->style->ordered[o->n_lists - 1];
}

/* The list is opened by its first item, whose number may be given. */
static void
item_begin(struct odt *o, const struct doc_xml *x)
{
	struct list *l;

	if (o->n_lists == 0 || o->n_lists > LIST_MAX)
		return;
	l = &o->lists[o->n_lists - 1];
	l->number++;
	if (doc_xml_attr(x, "start-value").n != 0)
		l->number = (uint32_t)(doc_xml_int(x, "start-value", 1) &
		    0xffffff);
	if (!l->opened)
		doc_list(o->d, list_is_ordered(o), l->number);
	l->opened = true;
	doc_item(o->d);
}

static void
item_end(struct odt *o)
{
	if (o->n_lists > 0 && o->n_lists <= LIST_MAX)
		doc_end(o->d);
}

static void
list_end(struct odt *o)
{
	if (o->n_lists == 0)
		return;
	if (o->n_lists <= LIST_MAX && o->lists[o->n_lists - 1].opened)
		doc_end(o->d);
	o->n_lists--;
}

/* --- tables and notes ------------------------------------------------- */

static void
cell_begin(struct odt *o, const struct doc_xml *x)
{
	int64_t columns = doc_xml_int(x, "number-columns-spanned", 1);
	int64_t rows = doc_xml_int(x, "number-rows-spanned", 1);
	int64_t repeated = doc_xml_int(x, "number-columns-repeated", 1);

	/* repeated cells of a text table are empty ones */
	for (int64_t i = 1; i < MIN_OF(repeated, 64); i++) {
		doc_cell(o->d, 1, 1);
		doc_end(o->d);
	}
	doc_cell(o->d, (unsigned)MAX_OF(columns, 1) & 0xffff,
	    (unsigned)MAX_OF(rows, 1) & 0xfffff);
	frame_push(o, (struct frame){.block = true});
}

static void
note_begin(struct odt *o, const struct doc_xml *x)
{
	bool end = str_eqz(doc_xml_attr(x, "note-class"), "endnote");

	(void)str_fmt(o->note_label, sizeof o->note_label, end ? "e%u" : "%u",
	    end ? ++o->endnotes : ++o->footnotes);
	doc_note_ref(o->d, str_of(o->note_label));
}

/* --- forms ------------------------------------------------------------ */

static struct control *
control_last(struct odt *o)
{
	size_t n = o->controls.n / sizeof(struct control);

	return n != 0 ? (struct control *)(void *)o->controls.p + n - 1 : NULL;
}

static void
control_value(struct odt *o, const struct doc_xml *x, int id)
{
	struct control c = {.id = ""};
	struct control *last = control_last(o);
	struct str v = doc_xml_attr(x, "current-value");
	struct str label = doc_xml_attr(x, "label");

	if (id == EL_FORM_OPTION) {
		struct str on = doc_xml_attr(x, "current-selected");

		if (on.n == 0)
			on = doc_xml_attr(x, "selected");
		if (last != NULL && str_eqz(on, "true"))
			(void)str_copy(last->value, sizeof last->value, label);
		return;
	}
	(void)str_copy(c.id, sizeof c.id, doc_xml_attr(x, "id"));
	if (v.n == 0)
		v = doc_xml_attr(x, "value");
	if (id == EL_FORM_VALUE) {
		(void)str_copy(c.value, sizeof c.value, v);
	} else if (id == EL_FORM_CHECK) {
		struct str state = doc_xml_attr(x, "current-state");

		if (state.n == 0)
			state = doc_xml_attr(x, "state");
		(void)str_fmt(c.value, sizeof c.value, "%s %.*s",
		    str_eqz(state, "checked") ? "☒" : "☐", STR_ARG(label));
	}
	(void)buf_add(&o->controls, &c, sizeof c);
}

static void
control_put(struct odt *o, const struct doc_xml *x)
{
	const struct control *c = (const void *)o->controls.p;
	struct str id = doc_xml_attr(x, "control");

	for (size_t i = 0; i < o->controls.n / sizeof *c; i++) {
		if (id.n != 0 && str_eqz(id, c[i].id)) {
			doc_text(o->d, STR(" "), DOC_PLAIN);
			doc_text(o->d, str_of(c[i].value), DOC_PLAIN);
			doc_text(o->d, STR(" "), DOC_PLAIN);
			return;
		}
	}
}

/* --- events ----------------------------------------------------------- */

static void
content_start(struct odt *o, struct doc_xml *x, int id)
{
	struct str hidden = doc_xml_attr(x, "is-hidden");

	switch (id) {
	case EL_S:
	case EL_TAB:
		doc_text(o->d, STR(" "), frame_now(o).style);
		break;
	case EL_BREAK:
		doc_break(o->d);
		break;
	case EL_SKIP:
		o->skip = doc_xml_depth(x);
		break;
	case EL_SECTION:
		if (str_eqz(doc_xml_attr(x, "display"), "none") ||
		    (str_eqz(doc_xml_attr(x, "display"), "condition") &&
			str_eqz(hidden, "true")))
			o->skip = doc_xml_depth(x);
		break;
	case EL_HIDDEN_TEXT:
	case EL_HIDDEN_PARA:
		if (!str_eqz(hidden, "false"))
			o->skip = doc_xml_depth(x);
		break;
	case EL_TITLE:
		o->in_alt = true;
		buf_clear(&o->alt);
		break;
	case EL_CONTROL:
		control_put(o, x);
		break;
	case EL_FORM_VALUE:
	case EL_FORM_CHECK:
	case EL_FORM_LIST:
	case EL_FORM_OPTION:
		control_value(o, x, id);
		break;
	default:
		break;
	}
}

static void
block_start(struct odt *o, struct doc_xml *x, int id)
{
	switch (id) {
	case EL_P:
	case EL_H:
		para_begin(o, x, id == EL_H);
		break;
	case EL_SPAN:
		span_begin(o, x);
		break;
	case EL_A:
		link_begin(o, x);
		break;
	case EL_LIST:
		list_begin(o, x);
		break;
	case EL_ITEM:
		item_begin(o, x);
		break;
	case EL_NOTE:
		note_begin(o, x);
		break;
	case EL_NOTE_BODY:
		doc_footnote(o->d, str_of(o->note_label));
		frame_push(o, (struct frame){.block = true});
		break;
	case EL_TABLE:
		doc_table(o->d);
		break;
	case EL_HEADER_ROWS:
		o->header_rows++;
		break;
	case EL_ROW:
		doc_row(o->d, o->header_rows != 0);
		break;
	case EL_CELL:
		cell_begin(o, x);
		break;
	case EL_BOX:
	case EL_SHAPE:
		flow_begin(o, true);
		break;
	default:
		content_start(o, x, id);
		break;
	}
}

/* Is this the element that holds the part we want? */
static bool
part_edge(struct odt *o, const struct doc_xml *x, int id)
{
	if (id == EL_MASTER)
		o->master_seen = str_eqz(doc_xml_attr(x, "name"), "Standard") ||
		    str_eqz(doc_xml_attr(x, "name"), "MP0");
	if (id == EL_HEADER || id == EL_FOOTER)
		return o->master_seen &&
		    o->part == (id == EL_HEADER ? PART_HEADER : PART_FOOTER) &&
		    !str_eqz(doc_xml_attr(x, "display"), "false");
	return id == EL_BODY && o->part == PART_BODY;
}

static void
on_start(void *user, struct doc_xml *x, int id)
{
	struct odt *o = user;

	if (o->skip != 0 || id == 0)
		return;
	if (id >= EL_BODY) {
		o->inside = o->inside || part_edge(o, x, id);
		return;
	}
	if (!o->inside)
		return;
	if (doc_failed(o->d, NULL) != 0)
		doc_xml_stop(x);
	else
		block_start(o, x, id);
}

static void
block_end(struct odt *o, int id)
{
	switch (id) {
	case EL_P:
	case EL_H:
	case EL_SPAN:
	case EL_A:
	case EL_NOTE_BODY:
	case EL_CELL:
	case EL_BOX:
	case EL_SHAPE:
		frame_pop(o);
		break;
	case EL_LIST:
		list_end(o);
		break;
	case EL_ITEM:
		item_end(o);
		break;
	case EL_TABLE:
	case EL_ROW:
		doc_end(o->d);
		break;
	case EL_HEADER_ROWS:
		if (o->header_rows > 0)
			o->header_rows--;
		break;
	case EL_TITLE:
		o->in_alt = false;
		doc_image(o->d, buf_view(&o->alt));
		break;
	default:
		break;
	}
}

static void
on_end(void *user, struct doc_xml *x, int id)
{
	struct odt *o = user;

	if (o->skip != 0) {
		if (o->skip == doc_xml_depth(x))
			o->skip = 0;
		return;
	}
	if (id >= EL_BODY)
		o->inside = false;
	else if (o->inside && id != 0)
		block_end(o, id);
}

static void
on_text(void *user, struct doc_xml *x UNUSED, struct str s)
{
	struct odt *o = user;
	struct frame f = frame_now(o);

	if (o->skip != 0 || !o->inside)
		return;
	if (o->in_alt)
		(void)buf_str(&o->alt, s);
	else if (f.text)
		doc_text(o->d, s, f.style);
}

/* --- the file --------------------------------------------------------- */

static int
read_part(struct odt *o, enum part part, struct str xml, const char *what,
    struct err *err)
{
	static const struct doc_xml_events events = {.names = names,
	    .start = on_start,
	    .end = on_end,
	    .text = on_text};

	o->part = part;
	o->inside = false;
	o->master_seen = false;
	o->n_frames = 0;
	o->n_lists = 0;
	o->header_rows = 0;
	o->skip = 0;
	o->in_alt = false;
	return doc_xml_parse(xml, what, &events, o, err);
}

static int
read_xml(struct doc *d, struct str styles, struct str content, struct err *err)
{
	struct odt *o = calloc(1, sizeof *o);
	int rc = 0;

	if (o == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	o->d = d;
	o->alt = BUF_INIT(8192);
	o->controls = BUF_INIT(4096 * sizeof(struct control));
	odt_styles_init(&o->styles);
	if (styles.n != 0)
		rc = odt_styles_add(&o->styles, styles, "styles.xml", err);
	if (rc == 0)
		rc = odt_styles_add(&o->styles, content, "content.xml", err);
	if (styles.n == 0)
		styles = content; /* a flat file has everything in one */
	odt_styles_build(&o->styles);
	if (rc == 0)
		rc = read_part(o, PART_HEADER, styles, "styles.xml", err);
	if (rc == 0)
		rc = read_part(o, PART_BODY, content, "content.xml", err);
	if (rc == 0)
		rc = read_part(o, PART_FOOTER, styles, "styles.xml", err);
	odt_styles_fini(&o->styles);
	buf_fini(&o->alt);
	buf_fini(&o->controls);
	free(o);
	return rc == 0 ? doc_failed(d, err) : -1;
}

/* Encrypted packages say so in their manifest. */
static int
check_encryption(struct doc_zip *z, struct err *err)
{
	struct buf b = doc_zip_buf(z);
	int rc = 0;

	if (doc_zip_has(z, STR("META-INF/manifest.xml")) &&
	    doc_zip_read(z, STR("META-INF/manifest.xml"), &b, NULL) == 0 &&
	    memmem(buf_cstr(&b), b.n, "encryption-data", 15) != NULL)
		rc = err_set(err, ERR_ENCRYPTED,
		    "the document is encrypted with a password");
	buf_fini(&b);
	return rc;
}

static int
read_package(struct doc_zip *z, struct doc *d, struct err *err)
{
	struct buf styles = doc_zip_buf(z);
	struct buf content = doc_zip_buf(z);
	int rc = check_encryption(z, err);

	if (rc == 0 && !doc_zip_has(z, STR("content.xml")))
		rc = err_set(err, ERR_CORRUPT, "the document has no content");
	if (rc == 0 && doc_zip_has(z, STR("styles.xml")))
		rc = doc_zip_read(z, STR("styles.xml"), &styles, err);
	if (rc == 0)
		rc = doc_zip_read(z, STR("content.xml"), &content, err);
	if (rc == 0) {
		doc_props_read(z, "meta.xml", d);
		rc = read_xml(d, buf_view(&styles), buf_view(&content), err);
	}
	buf_fini(&styles);
	buf_fini(&content);
	return rc;
}

static int
odt_read(const struct doc_in *in, struct doc *d, struct err *err)
{
	struct str bytes = {(const char *)in->p, in->n};
	struct doc_zip *z;
	int rc;

	if (!doc_zip_magic(bytes))
		return read_xml(d, (struct str){NULL, 0}, bytes, err);
	z = doc_zip_open(bytes, in->limits, err);
	if (z == NULL)
		return -1;
	rc = read_package(z, d, err);
	doc_zip_close(z);
	return rc;
}

static int
odt_sniff(const struct doc_in *in)
{
	static const char type[] = "application/vnd.oasis.opendocument.text";
	struct str bytes = {(const char *)in->p, in->n};
	size_t head = MIN_OF(in->n, (size_t)4096);
	struct buf b = BUF_INIT(256);
	struct doc_zip *z;
	int score = 0;

	if (!doc_zip_magic(bytes))
		return memmem(in->p, head, "<office:document", 16) != NULL &&
			memmem(in->p, head, type, sizeof type - 1) != NULL
		    ? 95
		    : 0;
	z = doc_zip_open(bytes, in->limits, NULL);
	if (z == NULL)
		return memmem(in->p, MIN_OF(in->n, (size_t)256), type,
			   sizeof type - 1) != NULL
		    ? 60
		    : 0;
	if (doc_zip_has(z, STR("mimetype")) &&
	    doc_zip_read(z, STR("mimetype"), &b, NULL) == 0 &&
	    str_starts(buf_view(&b), type))
		score = 100;
	buf_fini(&b);
	doc_zip_close(z);
	return score;
}

const struct doc_format doc_format_odt = {
    .name = "odt",
    .mime = "application/vnd.oasis.opendocument.text",
    .sniff = odt_sniff,
    .read = odt_read,
};
