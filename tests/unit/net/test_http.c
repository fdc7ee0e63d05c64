/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "net/http.h"

extern const struct CMUnitTest http_tests[];
extern const size_t http_tests_count;

static void
targets_have_one_spelling(void **state UNUSED)
{
	static const char *const cases[][2] = {
	    {"/", "/"},
	    {"/a/b?x=%2f..%00&y", "/a/b?x=%2f..%00&y"}, /* query untouched */
	    {"/a/./b", "/a/b"},
	    {"/a/../b", "/b"},
	    {"/a/b/..", "/a/"},
	    {"/a/b/.", "/a/b/"},
	    {"/a/%2e%2E/b", "/b"},
	    {"/a/.%2e/b?q", "/b?q"},
	    {"/%41%7e%2d", "/A~-"},
	    {"/%c3%a9%e2%82%ac", "/%C3%A9%E2%82%AC"},
	    {"/a;p=1/b", "/a;p=1/b"},
	    {"//a//b", "//a//b"},
	    {"/a/..b/...", "/a/..b/..."},
	    {"/.a", "/.a"},
	    {"/%20", "/%20"},
	    {"*", "*"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena a = {0};
		struct str out;
		struct err err = {0};

		if (http_target_normal(&a, str_of(cases[i][0]), &out, &err) < 0)
			fail_msg("%s: %s", cases[i][0], err.msg);
		if (!str_eqz(out, cases[i][1]))
			fail_msg("%s: %.*s", cases[i][0], STR_ARG(out));
		arena_fini(&a);
	}
}

static void
hostile_targets_are_refused(void **state UNUSED)
{
	static const char *const cases[] = {"", "a", "/..", "/../etc/passwd",
	    "/a/../../b", "/a/%2e%2e/%2e%2e/b", "/a%2fb", "/a%2Fb", "/a%5cb",
	    "/a\\b", "/%00", "/a%", "/a%4", "/a%zz", "/%c0%ae%c0%ae/x",
	    "/%e0%80%af", "/%ff", "/a#b", "/a b", "/\xc3\xa9", "/\x7f", "/\x01",
	    "http://x/"};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena a = {0};
		struct str out;

		if (http_target_normal(&a, str_of(cases[i]), &out, NULL) == 0)
			fail_msg("%s was taken", cases[i]);
		arena_fini(&a);
	}
}

static void
authorities_are_checked(void **state UNUSED)
{
	static const char *const good[] = {"a", "localhost:8080", "127.0.0.1",
	    "[::1]:80", "[::ffff:1.2.3.4]", "a_b.example",
	    "example.com:", "x%41"};
	static const char *const bad[] = {"", ":80", "a:b", "a:80:80",
	    "a:65536", "u@h", "a b", "a/b", "[::1", "[]", "[::1]x", "[::1]:x",
	    "a,b:x", "a?b", "a#b", "\xc3\xa9", "a%4", "::1", "a\\b"};

	for (size_t i = 0; i < COUNT_OF(good); i++)
		if (!http_is_authority(str_of(good[i])))
			fail_msg("%s was refused", good[i]);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (http_is_authority(str_of(bad[i])))
			fail_msg("%s was taken", bad[i]);
}

static void
names_and_values_are_checked(void **state UNUSED)
{
	assert_true(http_is_name(STR("X-Request-Id")));
	assert_false(http_is_name(STR("X_Request_Id")));
	assert_true(http_is_token(STR("a_b#c")));
	assert_false(http_is_name(STR("")));
	assert_false(http_is_name(STR("a b")));
	assert_false(http_is_name(STR("a:b")));
	assert_false(http_is_name(STR("a\xc3")));
	assert_true(http_is_value(STR("a\tb \xc3\xa9")));
	assert_false(http_is_value(STR("a\rb")));
	assert_false(http_is_value(STR("a\nb")));
	assert_false(http_is_value((struct str){"a\0b", 3}));
	for (size_t at = 0; at < 20; at++)
		for (int c = 0; c < 256; c++) {
			char v[20];

			memset(v, 'v', sizeof(v));
			v[at] = (char)c;
			assert_int_equal(http_is_value(
					     (struct str){v, sizeof(v)}),
			    c == '\t' || (c >= 0x20 && c != 0x7f));
		}
}

static void
singletons_have_bits_of_their_own(void **state UNUSED)
{
	uint32_t host = http_singleton(STR("HOST"));

	assert_true(host != 0);
	assert_true(http_singleton(STR("Content-Type")) != 0);
	assert_true(http_singleton(STR("Content-Type")) != host);
	assert_true(http_singleton(STR("sec-websocket-version")) != 0);
	assert_int_equal(http_singleton(STR("Accept")), 0);
	assert_int_equal(http_singleton(STR("X-Hose")), 0);
	assert_int_equal(http_singleton(STR("")), 0);
}

static bool
drop_b(struct str name)
{
	return str_eqz(name, "b");
}

static void
heads_are_edited_in_a_copy(void **state UNUSED)
{
	struct http_field f[] = {{STR("a"), STR("1")}, {STR("b"), STR("2")},
	    {STR("A"), STR("3")}};
	struct http_head h = {.method = STR("GET"), .fields = f, .n_fields = 3};
	struct arena a = {0};
	struct http_head *c = http_head_copy(&a, &h);

	assert_true(c->fields[0].name.p != f[0].name.p);
	http_head_extend(&a, c, 1);
	http_add(c, STR("c"), STR("4"));
	http_drop(c, drop_b);
	assert_int_equal(c->n_fields, 3);
	assert_null(http_get(c, "b"));
	assert_true(str_eqz(*http_get(c, "C"), "4"));
	assert_true(str_eqz(*http_get(c, "a"), "1"));
	assert_int_equal(h.n_fields, 3);
	arena_fini(&a);
}

static void
queries_are_read(void **state UNUSED)
{
	struct arena a = {0};
	struct str q = http_query(STR("/p?a=1&b=x+y%21&c&a=2&d=%"));
	struct str v;

	assert_true(http_query_get(&a, q, "a", &v) && str_eqz(v, "1"));
	assert_true(http_query_get(&a, q, "b", &v) && str_eqz(v, "x y!"));
	assert_true(http_query_get(&a, q, "c", &v) && v.n == 0);
	assert_true(http_query_get(&a, q, "d", &v) && str_eqz(v, "%"));
	assert_false(http_query_get(&a, q, "e", &v));
	assert_false(http_query_get(&a, http_query(STR("/p")), "a", &v));
	assert_true(str_eqz(http_path(STR("/p?x?y")), "/p"));
	arena_fini(&a);
}

const struct CMUnitTest http_tests[] = {
    cmocka_unit_test(targets_have_one_spelling),
    cmocka_unit_test(hostile_targets_are_refused),
    cmocka_unit_test(authorities_are_checked),
    cmocka_unit_test(names_and_values_are_checked),
    cmocka_unit_test(singletons_have_bits_of_their_own),
    cmocka_unit_test(heads_are_edited_in_a_copy),
    cmocka_unit_test(queries_are_read),
};
const size_t http_tests_count = COUNT_OF(http_tests);
