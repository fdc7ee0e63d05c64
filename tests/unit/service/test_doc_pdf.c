/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <cairo-pdf.h>
#include <cairo.h>
#include <stdlib.h>

#include "service/doc_pdf.h"

extern const struct CMUnitTest doc_pdf_tests[];
extern const size_t doc_pdf_tests_count;

struct sheet {
	struct buf bytes;
	cairo_surface_t *s;
	cairo_t *cr;
};

static cairo_status_t
collect(void *user, const unsigned char *p, unsigned n)
{
	return buf_add(user, p, n) ? CAIRO_STATUS_SUCCESS
				   : CAIRO_STATUS_WRITE_ERROR;
}

static void
sheet_open(struct sheet *s)
{
	s->bytes = BUF_INIT(1 << 22);
	s->s = cairo_pdf_surface_create_for_stream(collect, &s->bytes, 595,
	    842);
	s->cr = cairo_create(s->s);
	cairo_set_font_size(s->cr, 11);
}

static void
at(struct sheet *s, double x, double y, const char *z)
{
	cairo_move_to(s->cr, x, y);
	cairo_show_text(s->cr, z);
}

static void
expect(struct sheet *s, const char *md)
{
	struct doc_in in = {.limits = &doc_default_limits};
	struct err err = {0};
	struct doc *d = doc_new(NULL);
	struct buf out = BUF_INIT(1 << 20);

	cairo_destroy(s->cr);
	cairo_surface_finish(s->s);
	cairo_surface_destroy(s->s);
	in.p = (const uint8_t *)s->bytes.p;
	in.n = s->bytes.n;
	assert_int_equal(doc_format_pdf.read(&in, d, &err), 0);
	assert_true(doc_markdown(d, 0, &out));
	assert_string_equal(buf_cstr(&out), md);
	doc_free(d);
	buf_fini(&out);
	buf_fini(&s->bytes);
}

static void
table_between_paragraphs(void **state UNUSED)
{
	struct sheet s;

	sheet_open(&s);
	at(&s, 50, 100, "A paragraph of ordinary text that stands above the");
	at(&s, 50, 114, "table and is wider than its first column.");
	for (int i = 0; i < 3; i++) {
		static const char *const cell[3][3] = {{"Name", "Town", "Sum"},
		    {"Ann", "Leeds", "1.00"}, {"Bob", "York", "22.50"}};

		at(&s, 50, 150 + 16 * i, cell[i][0]);
		at(&s, 200, 150 + 16 * i, cell[i][1]);
		at(&s, 350, 150 + 16 * i, cell[i][2]);
	}
	expect(&s,
	    "<!-- page 1 -->\n\nA paragraph of ordinary text that stands above "
	    "the table and is wider than its first column.\n\n"
	    "| Name | Town | Sum |\n| --- | --- | --- |\n"
	    "| Ann | Leeds | 1.00 |\n| Bob | York | 22.50 |\n");
}

static void
columns_one_by_one(void **state UNUSED)
{
	struct sheet s;
	struct buf md = BUF_INIT(65536);

	sheet_open(&s);
	for (int i = 0; i < 6; i++) {
		at(&s, 40, 100 + 14 * i, "left column words that go on and");
		at(&s, 320, 100 + 14 * i, "right column text that is as wide");
	}
	buf_z(&md, "<!-- page 1 -->\n\n");
	for (int i = 0; i < 6; i++)
		buf_fmt(&md, "%sleft column words that go on and",
		    i > 0 ? " " : "");
	buf_z(&md, "\n\n");
	for (int i = 0; i < 6; i++)
		buf_fmt(&md, "%sright column text that is as wide",
		    i > 0 ? " " : "");
	buf_z(&md, "\n");
	expect(&s, buf_cstr(&md));
	buf_fini(&md);
}

static void
unseen_text_is_dropped(void **state UNUSED)
{
	struct sheet s;

	sheet_open(&s);
	at(&s, 50, 100, "What can be seen.");
	cairo_set_source_rgb(s.cr, 1, 1, 1);
	at(&s, 50, 130, "What cannot be seen.");
	cairo_set_source_rgb(s.cr, 0, 0, 0.4);
	cairo_rectangle(s.cr, 40, 150, 400, 40);
	cairo_fill(s.cr);
	cairo_set_source_rgb(s.cr, 1, 1, 1);
	at(&s, 50, 175, "White on blue.");
	expect(&s, "<!-- page 1 -->\n\nWhat can be seen.\n\nWhite on blue.\n");
}

static void
pages_are_drawn_within_limits(void **state UNUSED)
{
	struct sheet s;
	struct err err = {0};
	struct pdf_picture im;
	struct pdf *pdf;

	sheet_open(&s);
	cairo_rectangle(s.cr, 0, 0, 300, 842);
	cairo_fill(s.cr);
	cairo_destroy(s.cr);
	cairo_surface_finish(s.s);
	cairo_surface_destroy(s.s);
	pdf = pdf_open(s.bytes.p, s.bytes.n, &doc_default_limits, &err);
	assert_non_null(pdf);
	assert_int_equal(pdf_render_page(pdf, 1, 72, 1000, &im, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(pdf_render_page(pdf, 1, 72, 1000000, &im, &err), 0);
	assert_int_equal(im.width, 595);
	assert_int_equal(im.grey[100 * im.stride + 100], 0);
	assert_in_range(im.grey[100 * im.stride + 500], 250, 255);
	free(im.grey);
	pdf_close(pdf);
	assert_null(
	    pdf_open("%PDF-1.4 nothing", 16, &doc_default_limits, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	buf_fini(&s.bytes);
}

/* What every cell starts with; two can be there at once. */
static void
poppler_is_made_ready(void **state UNUSED)
{
	struct err err = {0};
	struct pdf_warm *a = pdf_warm_new(&err), *b = pdf_warm_new(&err);

	assert_non_null(a);
	assert_non_null(b);
	pdf_warm_free(a);
	pdf_warm_free(b);
	assert_int_equal(err.code, ERR_OK);
}

const struct CMUnitTest doc_pdf_tests[] = {
    cmocka_unit_test(table_between_paragraphs),
    cmocka_unit_test(columns_one_by_one),
    cmocka_unit_test(unseen_text_is_dropped),
    cmocka_unit_test(pages_are_drawn_within_limits),
    cmocka_unit_test(poppler_is_made_ready),
};
const size_t doc_pdf_tests_count = COUNT_OF(doc_pdf_tests);
