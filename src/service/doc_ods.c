/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ODS: every visible sheet as a heading and its tables (OpenDocument 1.3 part
 * 3, chapter 9). Cells hold their text as it was shown; hidden sheets, rows
 * and columns, and annotations, are left out. Repeated cells without text are
 * only counted.
 */
#include "base/mem.h"
#include "service/doc_sheet.h"
#include "service/doc_sniff.h"
#include "service/doc_xml.h"
#include "service/doc_zip.h"

enum {
	HIDDEN = 256,
	REPEATS = 4096
};

enum {
	EL_TABLE = 1,
	EL_STYLE,
	EL_TABLE_PROPS,
	EL_COLUMN,
	EL_ROW,
	EL_CELL,
	EL_COVERED,
	EL_P,
	EL_NOTE,
	EL_SPACE,
	EL_TAB,
	EL_BREAK,
};

struct ods {
	struct doc *d;
	struct sheet sheet;
	struct buf value;
	struct buf hidden_styles; /* NUL-terminated names */
	char style[128];
	char name[128];
	bool sheet_hidden, row_hidden, in_cell;
	unsigned notes, tables, paras;
	uint32_t row, rows, col, cols, columns;
	uint32_t hidden[HIDDEN][2];
	size_t hiddens;
	struct err err;
};

static bool
style_hidden(const struct ods *o, struct str name)
{
	const char *p = o->hidden_styles.p, *end = p + o->hidden_styles.n;

	for (; p < end; p += strlen(p) + 1)
		if (str_eqz(name, p))
			return true;
	return false;
}

static uint32_t
repeated(const struct doc_xml *xml, const char *name)
{
	int64_t n = doc_xml_int(xml, name, 1);

	return n < 1 ? 1 : n > 1 << 24 ? 1 << 24 : (uint32_t)n;
}

static void
table_start(struct ods *o, struct doc_xml *xml)
{
	if (o->tables++ > 0)
		return; /* a table within a cell */
	str_copy(o->name, sizeof o->name, doc_xml_attr(xml, "name"));
	o->sheet_hidden = style_hidden(o, doc_xml_attr(xml, "style-name"));
	o->row = o->rows = o->columns = 0;
	o->hiddens = 0;
}

static void
column_start(struct ods *o, struct doc_xml *xml)
{
	uint32_t n = repeated(xml, "number-columns-repeated");
	struct str v = doc_xml_attr(xml, "visibility");

	if ((str_eqz(v, "collapse") || str_eqz(v, "filter")) &&
	    o->hiddens < HIDDEN) {
		o->hidden[o->hiddens][0] = o->columns;
		o->hidden[o->hiddens++][1] = o->columns + n - 1;
	}
	o->columns += n;
}

static void
row_start(struct ods *o, struct doc_xml *xml)
{
	struct str v = doc_xml_attr(xml, "visibility");

	o->row += o->rows;
	o->rows = repeated(xml, "number-rows-repeated");
	o->row_hidden = str_eqz(v, "collapse") || str_eqz(v, "filter");
	o->col = o->cols = 0;
}

static void
cell_start(struct ods *o, struct doc_xml *xml)
{
	o->col += o->cols;
	o->cols = repeated(xml, "number-columns-repeated");
	o->in_cell = true;
	o->paras = 0;
	buf_clear(&o->value);
}

static void
ods_start(void *user, struct doc_xml *xml, int id)
{
	struct ods *o = user;

	switch (id) {
	case EL_STYLE:
		str_copy(o->style, sizeof o->style, doc_xml_attr(xml, "name"));
		break;
	case EL_TABLE_PROPS:
		if (str_eqz(doc_xml_attr(xml, "display"), "false"))
			buf_add(&o->hidden_styles, o->style,
			    strlen(o->style) + 1);
		break;
	case EL_TABLE:
		table_start(o, xml);
		break;
	case EL_COLUMN:
		column_start(o, xml);
		break;
	case EL_ROW:
		if (o->tables == 1)
			row_start(o, xml);
		break;
	case EL_CELL:
	case EL_COVERED:
		if (o->tables == 1)
			cell_start(o, xml);
		break;
	case EL_NOTE:
		o->notes++;
		break;
	case EL_P:
		if (o->notes == 0 && o->paras++ > 0)
			buf_c(&o->value, '\n');
		break;
	case EL_BREAK:
		buf_c(&o->value, '\n');
		break;
	default: /* EL_SPACE, EL_TAB */
		if (o->notes == 0 && id != 0)
			buf_c(&o->value, ' ');
		break;
	}
}

static bool
hidden(const struct ods *o, uint32_t col)
{
	for (size_t i = 0; i < o->hiddens; i++)
		if (col >= o->hidden[i][0] && col <= o->hidden[i][1])
			return true;
	return o->row_hidden || o->sheet_hidden;
}

static void
cell_end(struct ods *o)
{
	uint32_t cols = MIN_OF(o->cols, (uint32_t)REPEATS),
		 rows = MIN_OF(o->rows, (uint32_t)REPEATS);

	o->in_cell = false;
	if (o->value.n == 0)
		return;
	for (uint32_t r = 0; r < rows; r++)
		for (uint32_t c = 0; c < cols && !o->sheet.cells.full; c++)
			if (!hidden(o, o->col + c))
				sheet_add(&o->sheet, o->row + r, o->col + c,
				    buf_view(&o->value));
	buf_clear(&o->value);
}

static void
ods_end(void *user, struct doc_xml *xml, int id)
{
	struct ods *o = user;

	if (id == EL_NOTE && o->notes > 0)
		o->notes--;
	if ((id == EL_CELL || id == EL_COVERED) && o->tables == 1)
		cell_end(o);
	if (id != EL_TABLE || --o->tables > 0 || o->sheet_hidden)
		return;
	if (sheet_put(&o->sheet, str_of(o->name), o->d, &o->err) < 0)
		doc_xml_fail(xml, &o->err);
}

static void
ods_text(void *user, struct doc_xml *xml UNUSED, struct str s)
{
	struct ods *o = user;

	if (o->in_cell && o->paras > 0 && o->notes == 0)
		buf_str(&o->value, s);
}

static const struct doc_xml_events ods_events = {
    .names = (const struct doc_xml_name[]){{NS_TABLE, "table", EL_TABLE},
	{NS_STYLE, "style", EL_STYLE},
	{NS_STYLE, "table-properties", EL_TABLE_PROPS},
	{NS_TABLE, "table-column", EL_COLUMN}, {NS_TABLE, "table-row", EL_ROW},
	{NS_TABLE, "table-cell", EL_CELL},
	{NS_TABLE, "covered-table-cell", EL_COVERED}, {NS_TEXT, "p", EL_P},
	{NS_OFFICE, "annotation", EL_NOTE}, {NS_TEXT, "s", EL_SPACE},
	{NS_TEXT, "tab", EL_TAB}, {NS_TEXT, "line-break", EL_BREAK}, {0}},
    .start = ods_start,
    .end = ods_end,
    .text = ods_text,
};

/* Encrypted packages say so in their manifest. */
static int
refuse_encrypted(struct doc_zip *z, struct err *err)
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
read_package(struct ods *o, struct doc_zip *z, struct err *err)
{
	if (refuse_encrypted(z, err) < 0)
		return -1;
	if (!doc_zip_has(z, STR("content.xml")))
		return err_set(err, ERR_CORRUPT, "the document has no content");
	doc_props_read(z, "meta.xml", o->d);
	return doc_xml_part(z, STR("content.xml"), &ods_events, o, err);
}

static int
ods_read(const struct doc_in *in, struct doc *d, struct err *err)
{
	struct str bytes = {(const char *)in->p, in->n};
	struct ods *o = xcalloc(1, sizeof *o);
	struct doc_zip *z = doc_zip_open(bytes, in->limits, err);
	int rc = -1;

	o->d = d;
	o->value = BUF_INIT(1 << 20);
	o->hidden_styles = BUF_INIT(1 << 20);
	sheet_init(&o->sheet, in->limits);
	if (z != NULL)
		rc = read_package(o, z, err);
	doc_zip_close(z);
	sheet_fini(&o->sheet);
	buf_fini(&o->value);
	buf_fini(&o->hidden_styles);
	free(o);
	return rc;
}

static int
ods_sniff(const struct doc_in *in)
{
	return sniff_zip(in, NULL,
	    "application/vnd.oasis.opendocument.spreadsheet", "ods");
}

const struct doc_format doc_format_ods = {
    .name = "ods",
    .mime = "application/vnd.oasis.opendocument.spreadsheet",
    .sniff = ods_sniff,
    .read = ods_read,
};
