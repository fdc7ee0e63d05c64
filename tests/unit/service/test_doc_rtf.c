/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "service/doc.h"

extern const struct CMUnitTest doc_rtf_tests[];
extern const size_t doc_rtf_tests_count;

static void
expect(struct str rtf, enum err_code code, const char *md)
{
	struct doc_in in = {.p = (const uint8_t *)rtf.p,
	    .n = rtf.n,
	    .limits = &doc_default_limits};
	struct err err = {0};
	struct doc *d = doc_new(NULL);
	struct buf out = BUF_INIT(1 << 20);
	int rc = doc_format_rtf.read(&in, d, &err);

	assert_int_equal(rc, code == ERR_OK ? 0 : -1);
	assert_int_equal(err.code, code);
	if (md != NULL) {
		assert_true(doc_markdown(d, 0, &out));
		assert_string_equal(buf_cstr(&out), md);
	}
	doc_free(d);
	buf_fini(&out);
}

static void
text_and_what_is_none(void **state UNUSED)
{
	expect(STR("{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}{\\*\\foo bar}"
		   "Caf\\'e9 \\u8364?5{\\v hidden}{\\deleted gone}\\par "
		   "{\\field{\\*\\fldinst PAGE}{\\fldrslt 7}}"
		   "{\\pict 8950}\\line{\\b end}\\par}"),
	    ERR_OK,
	    "Caf\xc3\xa9 \xe2\x82\xac"
	    "5\n\n7\\\n**end**\n");
	expect(STR("{\\rtf1\\bin5 }}}}}ok}"), ERR_OK, "ok\n");
	expect(STR("{\\rtf1{\\fonttbl{\\f1\\fcharset204 X;}}\\f1\\'cf\\'f0}"),
	    ERR_OK, "\xd0\x9f\xd1\x80\n");
}

static void
headings_lists_tables_notes(void **state UNUSED)
{
	expect(
	    STR("{\\rtf1{\\stylesheet{\\s1 heading 1;}}\\pard\\s1 T\\par"
		"\\pard{\\listtext 1.\\tab}one\\par{\\listtext 2.\\tab}"
		"two\\par\\pard\\trowd\\cellx1\\cellx2\\intbl a\\cell b\\cell"
		"\\row\\intbl c\\cell d\\cell\\row\\pard end"
		"{\\footnote note}\\par}"),
	    ERR_OK,
	    "# T\n\n1. one\n2. two\n\n| a | b |\n| --- | --- |\n| c | d |\n\n"
	    "end[^1]\n\n[^1]: note\n");
}

static void
bad_ones_end(void **state UNUSED)
{
	struct buf b = BUF_INIT(1 << 20);

	buf_z(&b, "{\\rtf1 ");
	for (int i = 0; i < 100000; i++)
		buf_c(&b, '{');
	expect(buf_view(&b), ERR_LIMIT, NULL);
	expect(STR("{\\rtf1\\'"), ERR_OK, "");
	expect(STR("{\\rtf1\\bin999999999 x"), ERR_OK, "");
	expect(STR("{\\rtf1\\u-1}}}}\\cell\\row\\cell"), ERR_OK, NULL);
	buf_fini(&b);
}

const struct CMUnitTest doc_rtf_tests[] = {
    cmocka_unit_test(text_and_what_is_none),
    cmocka_unit_test(headings_lists_tables_notes),
    cmocka_unit_test(bad_ones_end),
};
const size_t doc_rtf_tests_count = COUNT_OF(doc_rtf_tests);
