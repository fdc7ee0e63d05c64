/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "net/url.h"

extern const struct CMUnitTest url_tests[];
extern const size_t url_tests_count;

static void
urls_come_apart(void **state UNUSED)
{
	static const struct {
		const char *text, *host;
		unsigned port;
		const char *authority, *base;
	} table[] = {
	    {"http://c:8080", "c", 8080, "c:8080", ""},
	    {"http://[::1]:81/", "::1", 81, "[::1]:81", ""},
	    {"http://10.0.0.1", "10.0.0.1", 80, "10.0.0.1", ""},
	    {"http://edge-local-worker:8000/a/b//", "edge-local-worker", 8000,
		"edge-local-worker:8000", "/a/b"},
	    {"http://h:/", "h", 80, "h:", ""},
	};
	struct err err = {0};
	struct url u;

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		if (url_parse(str_of(table[i].text), &u, &err) < 0)
			fail_msg("%s: %s", table[i].text, err.msg);
		assert_string_equal(u.host, table[i].host);
		assert_int_equal(u.port, table[i].port);
		assert_string_equal(u.authority, table[i].authority);
		assert_string_equal(u.base, table[i].base);
	}
}

static void
others_are_refused(void **state UNUSED)
{
	static const char *const wrong[] = {"", "localhost:8080", "http://",
	    "http:///x", "http://h:0", "http://h:70000", "http://h:1x",
	    "http://u@h", "http://h:80:80", "http://[::1", "http://a b",
	    "http://h/a?b", "http://h/a#b", "http://h/a b", "http://h?x",
	    "ftp://h", "HTTP//h"};
	struct err err = {0};
	struct url u;

	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		if (url_parse(str_of(wrong[i]), &u, &err) == 0)
			fail_msg("taken: %s", wrong[i]);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(url_parse(STR("https://h"), &u, &err), -1);
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "https"));
}

const struct CMUnitTest url_tests[] = {
    cmocka_unit_test(urls_come_apart),
    cmocka_unit_test(others_are_refused),
};
const size_t url_tests_count = COUNT_OF(url_tests);
