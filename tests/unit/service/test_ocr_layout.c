/* SPDX-License-Identifier: Apache-2.0 */
/* Reading order from made-up words: columns, tables, labels with values. */
#include "unit/unit.h"

#include <string.h>

#include "service/ocr_engine.h"

/* Puts words of 20 pixels a letter's height, one line each call. */
static void
put(struct raw_list *raw, int x, int y, const char *text)
{
	struct str rest = str_of(text);

	while (rest.n > 0) {
		struct str word = str_cut(&rest, ' ');
		char z[64];
		int width = (int)word.n * 14;

		str_copy(z, sizeof(z), word);
		raw_add(raw,
		    (struct raw_word){.text = z,
			.box = {x, y, x + width, y + 26},
			.confidence = 0.9F,
			.line = raw->lines,
			.base0 = y + 26,
			.base1 = y + 26});
		x += width + 10;
	}
	raw->lines++;
}

static void
check(struct raw_list *raw, const char *text, const char *markdown)
{
	struct ocr_page page = {0};
	struct buf out = BUF_INIT(65536);

	layout_page(raw, &page);
	assert_true(ocr_text(&page, &out));
	assert_string_equal(buf_cstr(&out), text);
	if (markdown != NULL) {
		buf_clear(&out);
		assert_true(ocr_markdown(&page, &out));
		assert_string_equal(buf_cstr(&out), markdown);
	}
	buf_fini(&out);
	ocr_page_fini(&page);
	raw_fini(raw);
}

static void
test_columns(void **state UNUSED)
{
	struct raw_list raw = {0};

	for (int i = 0; i < 4; i++) {
		put(&raw, 100, 100 + 40 * i, "the left side has prose in it");
		put(&raw, 700, 100 + 40 * i, "and so does the right side");
	}
	check(&raw,
	    "the left side has prose in it the left side has prose in it "
	    "the left side has prose in it the left side has prose in it\n"
	    "\nand so does the right side and so does the right side "
	    "and so does the right side and so does the right side\n",
	    NULL);
}

static void
test_table(void **state UNUSED)
{
	struct raw_list raw = {0};

	put(&raw, 100, 100, "Date");
	put(&raw, 500, 100, "Paid");
	put(&raw, 100, 150, "3 May");
	put(&raw, 500, 150, "12.50");
	put(&raw, 100, 200, "9 May");
	put(&raw, 500, 200, "7.00");
	check(&raw, "Date\tPaid\n3 May\t12.50\n9 May\t7.00\n",
	    "| Date | Paid |\n| --- | --- |\n| 3 May | 12.50 |\n"
	    "| 9 May | 7.00 |\n");
}

static void
test_nothing(void **state UNUSED)
{
	struct raw_list raw = {0};

	check(&raw, "", "");
}

extern const struct CMUnitTest ocr_layout_tests[];
extern const size_t ocr_layout_tests_count;

const struct CMUnitTest ocr_layout_tests[] = {
    cmocka_unit_test(test_columns),
    cmocka_unit_test(test_table),
    cmocka_unit_test(test_nothing),
};
const size_t ocr_layout_tests_count = COUNT_OF(ocr_layout_tests);
