/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XLSX: every visible sheet as a heading and its tables (ECMA-376 part 1,
 * chapter 18). Formulas show their stored results, numbers are written in
 * their formats; hidden sheets, rows and columns, and comments, are left out.
 */
#include "base/mem.h"
#include "service/doc_sheet.h"
#include "service/doc_sniff.h"
#include "service/doc_xml.h"
#include "service/doc_zip.h"

enum {
	SHEETS = 1024,
	HIDDEN = 256,
	FORMAT_LEN = 120
};

enum {
	EL_SHEET = 1,
	EL_PR,
	EL_SI,
	EL_T,
	EL_RPH,
	EL_FMT,
	EL_XFS,
	EL_XF,
	EL_COL,
	EL_ROW,
	EL_C,
	EL_V,
};

struct fmt {
	unsigned id;
	char code[FORMAT_LEN];
};

struct xlsx {
	struct doc_zip *z;
	struct doc *d;
	const struct doc_limits *limits;
	struct doc_rels rels;
	bool from1904;
	struct buf sheets;  /* struct tab[] */
	struct buf text;    /* of shared strings */
	struct buf strings; /* uint32_t ends */
	struct buf fmts;    /* struct fmt[] */
	struct buf xfs;     /* unsigned format ids */
	bool in_xfs, in_rph;
	bool want; /* text goes to `value` */
	struct buf value;
	/* the sheet in work */
	struct sheet sheet;
	uint32_t hidden[HIDDEN][2];
	size_t hiddens;
	uint32_t row, col;
	bool row_hidden;
	char type;
	unsigned style;
};

struct tab {
	char name[128];
	char part[DOC_ZIP_PATH_MAX];
};

static bool
truth(struct str s)
{
	return str_eqz(s, "1") || str_ieqz(s, "true") || str_ieqz(s, "on");
}

static void
on_text(void *user, struct doc_xml *xml UNUSED, struct str s)
{
	struct xlsx *x = user;

	if (x->want && !x->in_rph)
		buf_str(&x->value, s);
}

/* --- workbook ------------------------------------------------------- */

static void
workbook_start(void *user, struct doc_xml *xml, int id)
{
	struct xlsx *x = user;
	struct str state = doc_xml_attr(xml, "state");
	struct tab tab;
	struct doc_rel rel;

	if (id == EL_PR)
		x->from1904 = truth(doc_xml_attr(xml, "date1904"));
	if (id != EL_SHEET || (state.n > 0 && !str_eqz(state, "visible")) ||
	    !doc_rels_by_id(&x->rels, doc_xml_attr_ns(xml, NS_R, "id"), &rel) ||
	    !str_eqz(rel.type, "worksheet"))
		return;
	str_copy(tab.name, sizeof tab.name, doc_xml_attr(xml, "name"));
	str_copy(tab.part, sizeof tab.part, rel.target);
	(void)buf_add(&x->sheets, &tab, sizeof tab);
}

static void
workbook_end(void *user UNUSED, struct doc_xml *xml UNUSED, int id UNUSED)
{
}

static const struct doc_xml_events workbook_events = {
    .names = (const struct doc_xml_name[]){{NS_S, "sheet", EL_SHEET},
	{NS_S, "workbookPr", EL_PR}, {0}},
    .start = workbook_start,
    .end = workbook_end,
};

/* --- shared strings ------------------------------------------------- */

static void
strings_start(void *user, struct doc_xml *xml UNUSED, int id)
{
	struct xlsx *x = user;

	if (id == EL_SI)
		buf_clear(&x->value);
	x->in_rph |= id == EL_RPH;
	x->want = id == EL_T;
}

static void
strings_end(void *user, struct doc_xml *xml UNUSED, int id)
{
	struct xlsx *x = user;
	uint32_t end;

	if (id == EL_T)
		x->want = false;
	if (id == EL_RPH)
		x->in_rph = false;
	if (id != EL_SI)
		return;
	buf_str(&x->text, buf_view(&x->value));
	end = (uint32_t)x->text.n;
	buf_add(&x->strings, &end, sizeof end);
}

static const struct doc_xml_events strings_events = {
    .names = (const struct doc_xml_name[]){{NS_S, "si", EL_SI},
	{NS_S, "t", EL_T}, {NS_S, "rPh", EL_RPH}, {0}},
    .start = strings_start,
    .end = strings_end,
    .text = on_text,
};

static struct str
shared(const struct xlsx *x, size_t i)
{
	const uint32_t *end = (const uint32_t *)(void *)x->strings.p;
	uint32_t from;

	if (i >= x->strings.n / sizeof *end)
		return (struct str){NULL, 0};
	from = i > 0 ? end[i - 1] : 0;
	return (struct str){x->text.p + from, end[i] - from};
}

/* --- styles --------------------------------------------------------- */

static void
styles_start(void *user, struct doc_xml *xml, int id)
{
	struct xlsx *x = user;
	unsigned n = (unsigned)doc_xml_int(xml, "numFmtId", 0);
	struct fmt f = {.id = n};

	if (id == EL_XFS) {
		x->in_xfs = true;
	} else if (id == EL_XF && x->in_xfs) {
		buf_add(&x->xfs, &n, sizeof n);
	} else if (id == EL_FMT) {
		str_copy(f.code, sizeof f.code,
		    doc_xml_attr(xml, "formatCode"));
		buf_add(&x->fmts, &f, sizeof f);
	}
}

static void
styles_end(void *user, struct doc_xml *xml UNUSED, int id)
{
	struct xlsx *x = user;

	if (id == EL_XFS)
		x->in_xfs = false;
}

static const struct doc_xml_events styles_events = {
    .names = (const struct doc_xml_name[]){{NS_S, "cellXfs", EL_XFS},
	{NS_S, "xf", EL_XF}, {NS_S, "numFmt", EL_FMT}, {0}},
    .start = styles_start,
    .end = styles_end,
};

static struct str
format_of(const struct xlsx *x, unsigned style)
{
	const unsigned *xf = (const unsigned *)(void *)x->xfs.p;
	const struct fmt *f = (const struct fmt *)(void *)x->fmts.p;
	unsigned id;

	if (style >= x->xfs.n / sizeof *xf)
		return STR("General");
	id = xf[style];
	for (size_t i = 0; i < x->fmts.n / sizeof *f; i++)
		if (f[i].id == id)
			return str_of(f[i].code);
	return sheet_builtin(id);
}

/* --- sheets --------------------------------------------------------- */

/* "AB12": columns and rows from 0. */
static void
place(struct xlsx *x, struct str ref)
{
	uint32_t col = 0, row = 0;
	size_t i = 0;

	for (; i < ref.n && i < 4 && (ref.p[i] | 32) >= 'a' &&
	     (ref.p[i] | 32) <= 'z';
	     i++)
		col = col * 26 + (uint32_t)((ref.p[i] | 32) - 'a' + 1);
	for (;
	     i < ref.n && row < 10000000 && ref.p[i] >= '0' && ref.p[i] <= '9';
	     i++)
		row = row * 10 + (uint32_t)(ref.p[i] - '0');
	x->col = col > 0 ? col - 1 : x->col + 1;
	if (row > 0)
		x->row = row - 1;
}

static void
sheet_start(void *user, struct doc_xml *xml, int id)
{
	struct xlsx *x = user;
	struct str type;

	switch (id) {
	case EL_COL:
		if (truth(doc_xml_attr(xml, "hidden")) && x->hiddens < HIDDEN) {
			uint32_t *h = x->hidden[x->hiddens++];

			h[0] = (uint32_t)doc_xml_int(xml, "min", 1) - 1;
			h[1] = (uint32_t)doc_xml_int(xml, "max", 1) - 1;
		}
		break;
	case EL_ROW:
		x->row = (uint32_t)doc_xml_int(xml, "r", (int64_t)x->row + 2) -
		    1;
		x->col = UINT32_MAX;
		x->row_hidden = truth(doc_xml_attr(xml, "hidden"));
		break;
	case EL_C:
		type = doc_xml_attr(xml, "t");
		place(x, doc_xml_attr(xml, "r"));
		x->style = (unsigned)doc_xml_int(xml, "s", 0);
		/* n, s(hared), i(nline), e, b, d and "str" */
		x->type = (char)(type.n == 0 ? 'n'
			: type.n == 3        ? 'x'
					     : *type.p);
		buf_clear(&x->value);
		break;
	default:
		x->in_rph |= id == EL_RPH;
		x->want = id == EL_V || id == EL_T;
		break;
	}
}

static bool
hidden(const struct xlsx *x)
{
	for (size_t i = 0; i < x->hiddens; i++)
		if (x->col >= x->hidden[i][0] && x->col <= x->hidden[i][1])
			return true;
	return x->row_hidden;
}

static void
cell(struct xlsx *x)
{
	struct str s = buf_view(&x->value);
	struct buf b = BUF_INIT(1024);
	uint64_t i;
	double v;

	if (s.n == 0 || hidden(x))
		return;
	if (x->type == 's') {
		s = str_u64(str_trim(s), &i) ? shared(x, (size_t)i)
					     : (struct str){NULL, 0};
	} else if (x->type == 'b') {
		s = str_eqz(s, "1") ? STR("TRUE") : STR("FALSE");
	} else if (x->type == 'n' && *s.p != 0) {
		char *end;

		v = strtod(buf_cstr(&x->value), &end);
		if (end != x->value.p) {
			sheet_number(v, format_of(x, x->style), x->from1904,
			    &b);
			s = buf_view(&b);
		}
	}
	sheet_add(&x->sheet, x->row, x->col, s);
	buf_fini(&b);
}

static void
sheet_end(void *user, struct doc_xml *xml UNUSED, int id)
{
	struct xlsx *x = user;

	if (id == EL_V || id == EL_T)
		x->want = false;
	if (id == EL_RPH)
		x->in_rph = false;
	if (id == EL_C)
		cell(x);
}

static const struct doc_xml_events sheet_events = {
    .names = (const struct doc_xml_name[]){{NS_S, "col", EL_COL},
	{NS_S, "row", EL_ROW}, {NS_S, "c", EL_C}, {NS_S, "v", EL_V},
	{NS_S, "t", EL_T}, {NS_S, "rPh", EL_RPH}, {0}},
    .start = sheet_start,
    .end = sheet_end,
    .text = on_text,
};

static int
read_sheet(struct xlsx *x, const struct tab *tab, struct err *err)
{
	x->hiddens = 0;
	x->row = UINT32_MAX;
	x->want = x->in_rph = false;
	if (doc_xml_part(x->z, str_of(tab->part), &sheet_events, x, err) < 0)
		return -1;
	return sheet_put(&x->sheet, str_of(tab->name), x->d, err);
}

static int
optional(struct xlsx *x, const char *type, const struct doc_xml_events *events,
    struct err *err)
{
	struct doc_rel rel;

	if (!doc_rels_by_type(&x->rels, type, &rel) ||
	    !doc_zip_has(x->z, rel.target))
		return 0;
	return doc_xml_part(x->z, rel.target, events, x, err);
}

static int
read_book(struct xlsx *x, struct err *err)
{
	struct doc_rels root;
	struct doc_rel rel = {.target = STR("xl/workbook.xml")};
	struct str part;
	int rc = doc_rels_read(x->z, STR(""), &root, err);

	if (rc < 0)
		return -1;
	(void)doc_rels_by_type(&root, "officeDocument", &rel);
	part = rel.target;
	if (!doc_zip_has(x->z, part))
		rc = err_set(err, ERR_CORRUPT,
		    "the XLSX file has no workbook part");
	if (rc == 0)
		rc = doc_rels_read(x->z, part, &x->rels, err);
	if (rc == 0)
		rc = doc_xml_part(x->z, part, &workbook_events, x, err);
	doc_rels_fini(&root);
	if (rc == 0)
		rc = optional(x, "sharedStrings", &strings_events, err);
	if (rc == 0)
		rc = optional(x, "styles", &styles_events, err);
	for (size_t i = 0; rc == 0 && i < x->sheets.n / sizeof(struct tab); i++)
		rc = read_sheet(x, (struct tab *)(void *)x->sheets.p + i, err);
	return rc;
}

static void
book_fini(struct xlsx *x)
{
	doc_rels_fini(&x->rels);
	sheet_fini(&x->sheet);
	buf_fini(&x->sheets);
	buf_fini(&x->text);
	buf_fini(&x->strings);
	buf_fini(&x->fmts);
	buf_fini(&x->xfs);
	buf_fini(&x->value);
}

static int
xlsx_read(const struct doc_in *in, struct doc *d, struct err *err)
{
	struct str bytes = {(const char *)in->p, in->n};
	struct xlsx *x = xcalloc(1, sizeof *x);
	int rc = -1;

	x->d = d;
	x->limits = in->limits;
	x->sheets = BUF_INIT(SHEETS * sizeof(struct tab));
	x->text = BUF_INIT(in->limits->text_bytes);
	x->strings = BUF_INIT(in->limits->text_bytes);
	x->fmts = BUF_INIT(1 << 20);
	x->xfs = BUF_INIT(1 << 20);
	x->value = BUF_INIT(1 << 20);
	sheet_init(&x->sheet, in->limits);
	x->z = doc_zip_open(bytes, in->limits, err);
	if (x->z != NULL) {
		doc_props_read(x->z, "docProps/core.xml", d);
		rc = read_book(x, err);
	}
	doc_zip_close(x->z);
	book_fini(x);
	free(x);
	return rc;
}

static int
xlsx_sniff(const struct doc_in *in)
{
	return sniff_zip(in, "xl/workbook.xml", NULL, "xlsx");
}

const struct doc_format doc_format_xlsx = {
    .name = "xlsx",
    .mime = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    .sniff = xlsx_sniff,
    .read = xlsx_read,
};
