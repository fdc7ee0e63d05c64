/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/service/docs.h"

#include "service/doc_zip.h"

extern const struct CMUnitTest doc_zip_tests[];
extern const size_t doc_zip_tests_count;

static void
entries_are_found_by_name(void **state UNUSED)
{
	struct zip_maker m = zip_begin();
	struct doc_zip *z;
	struct buf b = BUF_INIT(100);
	struct err err = {.code = ERR_OK};

	zip_add(&m, "word/Document.xml", "hello");
	zip_add(&m, "b.txt", "");
	z = doc_zip_open(zip_end(&m), NULL, &err);
	assert_non_null(z);
	assert_int_equal(doc_zip_count(z), 2);
	assert_true(doc_zip_has(z, STR("/word/document.XML")));
	assert_true(doc_zip_has_under(z, "word/"));
	assert_false(doc_zip_has_under(z, "xl/"));
	assert_int_equal(doc_zip_read(z, STR("word/document.xml"), &b, &err),
	    0);
	assert_string_equal(buf_cstr(&b), "hello");
	assert_int_equal(doc_zip_read(z, STR("c"), &b, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	doc_zip_close(z);
	buf_fini(&b);
	zip_fini(&m);
}

static void
names_and_links_that_lead_out_are_refused(void **state UNUSED)
{
	static const char *const bad[] = {"../a", "/a", "a/../../b", "c:x",
	    "a\\b", ".."};
	struct zip_maker m = zip_begin();
	struct doc_zip *z;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		zip_add(&m, bad[i], "x");
	zip_add_raw(&m, "link", STR("/etc/passwd"), 0, 0, 11, 0120777U << 16);
	zip_add(&m, "good", "y");
	z = doc_zip_open(zip_end(&m), NULL, NULL);
	assert_non_null(z);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(doc_zip_has(z, str_of(bad[i])));
	assert_false(doc_zip_has(z, STR("link")));
	assert_true(doc_zip_has(z, STR("good")));
	doc_zip_close(z);
	zip_fini(&m);
}

static enum err_code
open_code(struct str bytes)
{
	struct err err = {.code = ERR_OK};
	struct doc_zip *z = doc_zip_open(bytes, NULL, &err);

	doc_zip_close(z);
	return z == NULL ? err.code : ERR_OK;
}

static void
crooked_archives_are_refused(void **state UNUSED)
{
	struct zip_maker m = zip_begin();
	struct str all;

	zip_add(&m, "a", "one");
	zip_add(&m, "A", "two");
	all = zip_end(&m);
	assert_int_equal(open_code(all), ERR_CORRUPT); /* duplicates */
	assert_int_equal(open_code((struct str){all.p, all.n - 30}),
	    ERR_CORRUPT);
	assert_int_equal(open_code((struct str){all.p, 0}), ERR_CORRUPT);
	zip_fini(&m);

	m = zip_begin();
	zip_add(&m, "a", "0123456789012345678901234567890123456789");
	zip_add(&m, "b", "x");
	/* the second entry begins inside the first */
	m.directory.p[m.directory.n - 1 - 4] = 20;
	assert_int_equal(open_code(zip_end(&m)), ERR_CORRUPT);
	zip_fini(&m);
}

static void
limits_hold(void **state UNUSED)
{
	struct doc_limits limits = doc_default_limits;
	struct zip_maker m = zip_begin();
	struct buf b = BUF_INIT(1000);
	struct err err = {.code = ERR_OK};
	struct doc_zip *z;

	zip_add(&m, "a", "0123456789");
	zip_add_raw(&m, "secret", STR("xxxxxxxxxxxxxxxx"), 8, 1, 100, 0);
	limits.inflated = 15;
	z = doc_zip_open(zip_end(&m), &limits, &err);
	assert_non_null(z);
	assert_int_equal(doc_zip_read(z, STR("secret"), &b, &err), -1);
	assert_int_equal(err.code, ERR_ENCRYPTED);
	assert_int_equal(doc_zip_read(z, STR("a"), &b, &err), 0);
	assert_int_equal(doc_zip_read(z, STR("a"), &b, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	doc_zip_close(z);
	buf_fini(&b);
	zip_fini(&m);
}

static void
resolve(const char *from, const char *target, const char *want)
{
	char path[DOC_ZIP_PATH_MAX];
	struct str got = doc_zip_resolve(str_of(from), str_of(target), path);

	assert_true(str_eqz(got, want));
}

static void
targets_are_resolved(void **state UNUSED)
{
	resolve("word/document.xml", "media/a.png", "word/media/a.png");
	resolve("ppt/slides/s.xml", "../notes/n.xml", "ppt/notes/n.xml");
	resolve("word/document.xml", "/docProps/./x.xml", "docProps/x.xml");
	resolve("", "word/document.xml", "word/document.xml");
	resolve("a.xml", "../b.xml", "");
}

const struct CMUnitTest doc_zip_tests[] = {
    cmocka_unit_test(entries_are_found_by_name),
    cmocka_unit_test(names_and_links_that_lead_out_are_refused),
    cmocka_unit_test(crooked_archives_are_refused),
    cmocka_unit_test(limits_hold),
    cmocka_unit_test(targets_are_resolved),
};
const size_t doc_zip_tests_count = COUNT_OF(doc_zip_tests);
