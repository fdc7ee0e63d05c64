/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "service/doc_charset.h"
#include "service/doc_sniff.h"

extern const struct CMUnitTest doc_text_tests[];
extern const size_t doc_text_tests_count;

static void
decodes(struct str bytes, const char *name, const char *utf8)
{
	struct buf b = BUF_INIT(65536);
	const char *found = charset_detect(bytes, NULL);

	assert_non_null(found);
	if (name != NULL)
		assert_string_equal(found, name);
	assert_int_equal(charset_decode(bytes, found, &b, NULL), 0);
	assert_string_equal(buf_cstr(&b), utf8);
	buf_fini(&b);
}

static void
encodings_are_told_apart(void **state UNUSED)
{
	decodes(STR("\xef\xbb\xbfplain"), "UTF-8", "plain");
	decodes(STR("\xff\xfeh\0i\0\xac\x20"), "UTF-16LE", "hi\xe2\x82\xac");
	decodes(STR("\0h\0e\0l\0l\0o\0,\0 \0y"), "UTF-16BE", "hello, y");
	decodes(STR("d\xc3\xa9j\xc3\xa0 vu"), "UTF-8", "d\xc3\xa9j\xc3\xa0 vu");
	decodes(STR("It\x92s \xa3"
		    "5 \x96 caf\xe9"),
	    "windows-1252",
	    "It\xe2\x80\x99s \xc2\xa3"
	    "5 \xe2\x80\x93 caf\xc3\xa9");
	decodes(STR("It\xd5s \xa3"
		    "5 at the caf\x8e"),
	    "macintosh",
	    "It\xe2\x80\x99s \xc2\xa3"
	    "5 at the caf\xc3\xa9");
	decodes(STR("Pay \x9c"
		    "25 at the caf\x82"),
	    "ibm-850",
	    "Pay \xc2\xa3"
	    "25 at the caf\xc3\xa9");
	decodes(STR("\xa4"
		    "25 for Se\xe1n"),
	    NULL,
	    "\xe2\x82\xac"
	    "25 for Se\xc3\xa1n");
	decodes(STR("Prosz\xea zap\xb3"
		    "aci\xe6 do pi\xb9tku"),
	    "windows-1250",
	    "Prosz\xc4\x99 zap\xc5\x82"
	    "aci\xc4\x87 do pi\xc4\x85tku");
	assert_null(charset_detect(STR("\x01\x02\x03 binary \0\0\0"), NULL));
}

static void
ones_are_no_text(void **state UNUSED)
{
	char ff[4096];

	memset(ff, 0xff, sizeof ff);
	assert_null(charset_detect((struct str){ff, sizeof ff}, NULL));
}

static enum err_code
reads(struct str bytes, const char *name, const char *md)
{
	struct doc_in in = {.p = (const uint8_t *)bytes.p,
	    .n = bytes.n,
	    .name = str_of(name),
	    .limits = &doc_default_limits};
	struct err err = {0};
	const struct doc_format *f = doc_sniff(&in, &err);
	struct doc *d;
	struct buf out = BUF_INIT(1 << 20);

	if (f == NULL)
		return err.code;
	d = doc_new(NULL);
	if (f->read(&in, d, &err) == 0) {
		assert_true(doc_markdown(d, 0, &out));
		if (md != NULL)
			assert_string_equal(buf_cstr(&out), md);
	}
	buf_fini(&out);
	doc_free(d);
	return err.code;
}

static void
text_has_structure(void **state UNUSED)
{
	reads(STR("Title\n=====\n\nOne\nTwo\n\n- a\n- b\n\n1. x\n2. y\n"),
	    "a.txt", "# Title\n\nOne\\\nTwo\n\n- a\n- b\n\n1. x\n2. y\n");
	reads(STR("A line that was wrapped by a machine goes on right\n"
		  "here.\n"),
	    "a.txt",
	    "A line that was wrapped by a machine goes on right here.\n");
	reads(STR("Name\tSum\nA\t1\n"), "a.txt",
	    "| Name | Sum |\n| --- | --- |\n| A | 1 |\n");
}

static void
csv_by_its_fields(void **state UNUSED)
{
	reads(STR("a;b\n\"x;1\";2,5\n\"say \"\"no\"\"\";3,1"), "x",
	    "| a | b |\n| --- | --- |\n| x;1 | 2,5 |\n"
	    "| say \"no\" | 3,1 |\n");
	reads(STR("sep=|\nn|v\n1|2\n"), "x.csv",
	    "| n | v |\n| --- | --- |\n| 1 | 2 |\n");
	reads(STR("a,b\r\n\"two\r\nlines\",1\r\n"), "x.csv", NULL);
	reads(STR("Dear Sir, we write\nto you, again, about it, sadly\n"),
	    "letter", "Dear Sir, we write\\\nto you, again, about it, sadly\n");
}

static void
what_cannot_be_read_is_named(void **state UNUSED)
{
	assert_int_equal(reads(STR(""), "a.pdf", NULL), ERR_EMPTY);
	assert_int_equal(reads(STR(" \n"), "a.txt", NULL), ERR_EMPTY);
	assert_int_equal(
	    reads(STR("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
		      "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0"),
		"a.docx", NULL),
	    ERR_ENCRYPTED);
	assert_int_equal(reads(STR("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
				   "W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0"),
			     "a.doc", NULL),
	    ERR_UNSUPPORTED);
	assert_int_equal(reads(STR("\x1f\x8b\x08\0\0\0\0\0"), "a", NULL),
	    ERR_UNSUPPORTED);
}

const struct CMUnitTest doc_text_tests[] = {
    cmocka_unit_test(encodings_are_told_apart),
    cmocka_unit_test(ones_are_no_text),
    cmocka_unit_test(text_has_structure),
    cmocka_unit_test(csv_by_its_fields),
    cmocka_unit_test(what_cannot_be_read_is_named),
};
const size_t doc_text_tests_count = COUNT_OF(doc_text_tests);
