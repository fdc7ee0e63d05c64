/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "service/doc.h"

extern const struct CMUnitTest doc_tests[];
extern const size_t doc_tests_count;

static void
expect(const struct doc *d, unsigned page, const char *md, const char *text)
{
	struct buf out = BUF_INIT(1 << 20);

	assert_true(doc_markdown(d, page, &out));
	assert_string_equal(buf_cstr(&out), md);
	buf_clear(&out);
	if (text != NULL) {
		assert_true(doc_plain(d, page, &out));
		assert_string_equal(buf_cstr(&out), text);
	}
	buf_fini(&out);
}

static void
text(struct doc *d, const char *z)
{
	doc_text(d, str_of(z), DOC_PLAIN);
}

static void
para(struct doc *d, const char *z)
{
	doc_para(d);
	text(d, z);
	doc_end(d);
}

static void
blocks_and_white_space(void **state UNUSED)
{
	struct doc *d = doc_new(NULL);

	doc_heading(d, 2);
	text(d, "  A \n heading ");
	doc_end(d);
	text(d, " plain ");
	text(d, " text\xc2\xa0with\xc2\xad soft\xff hy\x01phen ");
	doc_break(d);
	text(d, "next");
	para(d, "second");
	doc_rule(d);
	doc_quote(d);
	para(d, "one");
	para(d, "two");
	doc_end(d);
	doc_code(d, STR("sh"));
	text(d, "a  b\n\tc\n");
	doc_end(d);
	expect(d, 0,
	    "## A heading\n\nplain text with soft\xef\xbf\xbd hyphen\\\nnext\n\n"
	    "second\n\n---\n\n> one\n>\n> two\n\n```sh\na  b\n\tc\n```\n",
	    "A heading\n\nplain text with soft\xef\xbf\xbd hyphen\nnext\n\n"
	    "second\n\n----\n\n> one\n>\n> two\n\na  b\n\tc\n");
	doc_free(d);
}

static void
item(struct doc *d, const char *z)
{
	doc_item(d);
	text(d, z);
	doc_end(d);
}

static void
lists_nest_and_number(void **state UNUSED)
{
	struct doc *d = doc_new(NULL);

	para(d, "before");
	doc_list(d, true, 3);
	item(d, "three");
	doc_item(d);
	text(d, "four");
	doc_list(d, false, 1);
	item(d, "deep");
	item(d, "deeper");
	doc_end(d);
	doc_end(d);
	item(d, "five");
	doc_end(d);
	doc_list(d, true, 1);
	item(d, "another");
	doc_end(d);
	doc_list(d, false, 1);
	doc_item(d);
	doc_quote(d);
	text(d, "quoted");
	doc_end(d);
	doc_end(d);
	doc_end(d);
	text(d, "after");
	expect(d, 0,
	    "before\n\n3. three\n4. four\n   - deep\n   - deeper\n5. five\n\n"
	    "1) another\n\n- > quoted\n\nafter\n",
	    "before\n\n3. three\n4. four\n   - deep\n   - deeper\n5. five\n\n"
	    "1. another\n\n- > quoted\n\nafter\n");
	doc_free(d);
}

static void
cell(struct doc *d, const char *z, unsigned colspan, unsigned rowspan)
{
	doc_cell(d, colspan, rowspan);
	text(d, z);
	doc_end(d);
}

static void
tables_become_grids(void **state UNUSED)
{
	struct doc *d = doc_new(NULL);

	doc_table(d);
	doc_row(d, true);
	cell(d, "title", 100, 1);
	doc_end(d);
	doc_row(d, false);
	cell(d, "a|b", 1, 2);
	cell(d, "wide", 2, 1);
	doc_end(d);
	doc_row(d, false);
	cell(d, "x", 1, 1);
	doc_cell(d, 1, 1);
	para(d, "p1");
	para(d, "p2");
	doc_end(d);
	doc_end(d);
	doc_row(d, false); /* nothing in it */
	cell(d, "", 1, 1);
	doc_end(d);
	doc_end(d);
	expect(d, 0,
	    "| title |  |  |\n| --- | --- | --- |\n| a\\|b | wide |  |\n"
	    "|  | x | p1<br>p2 |\n",
	    "title\na|b\twide\n\tx\tp1 p2\n");
	doc_free(d);
}

static void
tables_inside_tables(void **state UNUSED)
{
	struct doc *d = doc_new(NULL);

	doc_table(d); /* a single cell is a frame, not a table */
	doc_row(d, false);
	doc_cell(d, 1, 1);
	para(d, "framed");
	doc_table(d);
	for (int i = 0; i < 2; i++) {
		doc_row(d, i == 0);
		cell(d, "k", 1, 1);
		doc_cell(d, 1, 1);
		if (i == 1) {
			doc_table(d);
			doc_row(d, false);
			cell(d, "1", 1, 1);
			cell(d, "2", 1, 1);
			doc_end(d);
			doc_end(d);
		}
		doc_end(d);
		doc_end(d);
	}
	doc_end(d);
	doc_end(d);
	doc_end(d);
	doc_end(d);
	expect(d, 0,
	    "framed\n\n| k |  |\n| --- | --- |\n"
	    "| k | <table><tr><td>1</td><td>2</td></tr></table> |\n",
	    "framed\n\nk\nk\t1 2\n");
	doc_free(d);
}

static void
emphasis_links_and_escapes(void **state UNUSED)
{
	struct doc *d = doc_new(NULL);

	doc_para(d);
	text(d, "A");
	doc_text(d, STR(" bold"), DOC_BOLD);
	doc_text(d, STR(" both "), DOC_BOLD | DOC_ITALIC);
	text(d, "in");
	doc_text(d, STR("Name:"), DOC_BOLD); /* could not flank */
	text(d, "side ");
	doc_link(d, STR("https://a.example/x?(1)"));
	text(d, "link");
	doc_end(d);
	doc_link(d, STR("javascript:alert(1)"));
	text(d, " script");
	doc_end(d);
	text(d, " m");
	doc_text(d, STR("2"), DOC_SUPER);
	text(d, " x");
	doc_text(d, STR("a`b"), DOC_CODE);
	doc_note_ref(d, STR("1"));
	doc_footnote(d, STR("1"));
	text(d, "the note");
	doc_end(d);
	doc_aside(d);
	para(d, "boxed");
	doc_end(d);
	doc_image(d, STR("a cat"));
	doc_end(d);
	para(d, "# no heading *star* snake_case <b> &amp; a & b ____ 5 * 4");
	para(d, "1. not a list");
	para(d, "- nor this");
	expect(d, 0,
	    "A **bold *both*** inName:side "
	    "[link](https://a.example/x?%281%29) script m² x``a`b``[^1]"
	    "![a cat]()\n\nboxed\n\n"
	    "\\# no heading \\*star\\* snake_case \\<b> \\&amp; a & b ____ "
	    "5 * 4\n\n1\\. not a list\n\n\\- nor this\n\n[^1]: the note\n",
	    "A bold both inName:side link script m² xa`b[1][a cat]\n\n"
	    "boxed\n\n# no heading *star* snake_case <b> &amp; a & b ____ "
	    "5 * 4\n\n1. not a list\n\n- nor this\n\n[1] the note\n");
	doc_free(d);
}

static void
pages_stand_alone(void **state UNUSED)
{
	struct doc *d = doc_new(NULL);
	struct doc_page_info info;

	doc_page(d, 1, STR("i"));
	para(d, "one");
	doc_para(d);
	text(d, "runs");
	doc_page(d, 2, STR(""));
	doc_page_read(d, DOC_METHOD_OCR, 0.5, 7, STR("faint"));
	text(d, " over");
	doc_end(d);
	doc_list(d, true, 1);
	item(d, "a");
	doc_page(d, 3, STR(""));
	item(d, "b");
	doc_end(d);
	expect(d, 0,
	    "<!-- page 1 -->\n\none\n\nruns over\n\n<!-- page 2 -->\n\n"
	    "1. a\n\n<!-- page 3 -->\n2. b\n",
	    "one\n\nruns over\n\f1. a\n\f2. b\n");
	expect(d, 1, "one\n\nruns\n", NULL);
	expect(d, 2, "over\n\n1. a\n", NULL);
	expect(d, 3, "2. b\n", "2. b\n");
	expect(d, 4, "", "");
	assert_int_equal(doc_pages(d), 3);
	doc_page_info(d, 1, &info);
	assert_int_equal(info.method, DOC_METHOD_OCR);
	assert_int_equal(info.us, 7);
	assert_true(str_eqz(info.problem, "faint"));
	doc_free(d);
}

static void
metadata_keeps_the_first(void **state UNUSED)
{
	struct doc *d = doc_new(NULL);
	struct str k, v;

	doc_meta(d, "title", STR(" "));
	doc_meta(d, "title", STR(" A\n letter "));
	doc_meta(d, "title", STR("other"));
	assert_true(doc_meta_at(d, 0, &k, &v));
	assert_true(str_eqz(k, "title"));
	assert_true(str_eqz(v, "A letter"));
	assert_false(doc_meta_at(d, 1, &k, &v));
	doc_free(d);
}

static void
limits_end_it_all(void **state UNUSED)
{
	struct doc_limits limits = doc_default_limits;
	struct err err = {0};
	struct doc *d;

	limits.text_bytes = 10;
	d = doc_new(&limits);
	para(d, "0123456789");
	assert_int_equal(doc_failed(d, &err), 0);
	para(d, "0");
	assert_int_equal(doc_failed(d, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	for (int i = 0; i < 10; i++) {
		doc_list(d, false, 1);
		item(d, "x");
		doc_end(d);
	}
	doc_free(d);
	d = doc_new(NULL);
	for (int i = 0; i < 500; i++) {
		doc_table(d);
		doc_row(d, false);
		doc_cell(d, 1, 1);
	}
	assert_int_equal(doc_failed(d, &err), -1);
	doc_free(d);
}

static void
careless_readers_are_survived(void **state UNUSED)
{
	struct doc *d = doc_new(NULL);

	doc_end(d);
	doc_cell(d, 1, 1);
	text(d, "cell");
	doc_end(d);
	doc_item(d);
	text(d, "item");
	doc_row(d, false);
	text(d, "row");
	doc_link(d, STR("http://x.example/"));
	doc_heading(d, 9);
	text(d, "in a link");
	doc_end(d);
	text(d, "more");
	doc_end(d);
	doc_para(d);
	doc_table(d);
	text(d, "t");
	expect(d, 0,
	    "cell\n\n- item\n\n  row\n\n  ###### in a link\n\n"
	    "  [more](http://x.example/)\n\n  t\n",
	    NULL);
	doc_free(d);
}

const struct CMUnitTest doc_tests[] = {
    cmocka_unit_test(blocks_and_white_space),
    cmocka_unit_test(lists_nest_and_number),
    cmocka_unit_test(tables_become_grids),
    cmocka_unit_test(tables_inside_tables),
    cmocka_unit_test(emphasis_links_and_escapes),
    cmocka_unit_test(pages_stand_alone),
    cmocka_unit_test(metadata_keeps_the_first),
    cmocka_unit_test(limits_end_it_all),
    cmocka_unit_test(careless_readers_are_survived),
};
const size_t doc_tests_count = COUNT_OF(doc_tests);
