/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "service/doc_sheet.h"

extern const struct CMUnitTest doc_sheet_tests[];
extern const size_t doc_sheet_tests_count;

static void
shows(double v, const char *code, const char *expected)
{
	struct buf b = BUF_INIT(1024);

	sheet_number(v, str_of(code), false, &b);
	assert_string_equal(buf_cstr(&b), expected);
	buf_fini(&b);
}

static void
numbers_as_shown(void **state UNUSED)
{
	shows(1234.5, "General", "1234.5");
	shows(1234567, "#,##0.00", "1,234,567.00");
	shows(-3.5, "\"\xc2\xa3\"#,##0.00;[Red]-\"\xc2\xa3\"#,##0.00",
	    "-\xc2\xa3"
	    "3.50");
	shows(-3.5, "#,##0.00;(#,##0.00)", "(3.50)");
	shows(12, "[$\xc2\xa3-809]#,##0.00",
	    "\xc2\xa3"
	    "12.00");
	shows(0.125, "0.0%", "12.5%");
	shows(7, "000", "007");
	shows(0, "0;-0;\"-\"", "-");
	shows(1234567, "#,##0,", "1,235");
	shows(12345, "0.00E+00", "1.23E+04");
	shows(5, "\\\xc2\xa3#,##0.00_);",
	    "\xc2\xa3"
	    "5.00");
}

static void
dates_as_shown(void **state UNUSED)
{
	shows(44269, "dd/mm/yyyy", "14/03/2021");
	shows(44269.75, "d mmmm yyyy hh:mm", "14 March 2021 18:00");
	shows(44269.75, "ddd dd-mmm-yy h:mm AM/PM", "Sun 14-Mar-21 6:00 PM");
	shows(1.5, "[h]:mm", "36:00");
	shows(0.5, "hh:mm:ss", "12:00:00");
}

static void
sheets_become_tables(void **state UNUSED)
{
	struct sheet s;
	struct doc *d = doc_new(NULL);
	struct buf out = BUF_INIT(65536);

	sheet_init(&s, &doc_default_limits);
	sheet_add(&s, 0, 0, STR("Title"));
	sheet_add(&s, 1, 0, STR("a"));
	sheet_add(&s, 1, 9, STR("b"));
	sheet_add(&s, 2, 9, STR("c"));
	sheet_add(&s, 1048575, 16383, STR("far"));
	assert_int_equal(sheet_put(&s, STR("S"), d, NULL), 0);
	assert_true(doc_markdown(d, 0, &out));
	assert_string_equal(buf_cstr(&out),
	    "## S\n\nTitle\n\n| a | b |\n| --- | --- |\n|  | c |\n\nfar\n");
	sheet_fini(&s);
	doc_free(d);
	buf_fini(&out);
}

const struct CMUnitTest doc_sheet_tests[] = {
    cmocka_unit_test(numbers_as_shown),
    cmocka_unit_test(dates_as_shown),
    cmocka_unit_test(sheets_become_tables),
};
const size_t doc_sheet_tests_count = COUNT_OF(doc_sheet_tests);
