/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "net/addr.h"

extern const struct CMUnitTest addr_tests[];
extern const size_t addr_tests_count;

static void
addresses_go_both_ways(void **state UNUSED)
{
	static const char *const texts[] = {"127.0.0.1:8080", "0.0.0.0:0",
	    "255.100.9.10:65535", "[::1]:65535", "[fe80::1]:1",
	    "unix:/run/x.sock"};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char out[ADDR_TEXT_MAX];
		struct addr a;

		assert_int_equal(addr_parse(str_of(texts[i]), &a, NULL), 0);
		assert_string_equal(addr_text(&a, out), texts[i]);
	}
}

static void
what_is_no_address_is_refused(void **state UNUSED)
{
	static const char *const texts[] = {"", "localhost:80", "127.0.0.1",
	    "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+1", "127.1:80",
	    "::1:80", "[::1]", "[127.0.0.1]:80", "unix:", "unix:@hidden",
	    "1.2.3.4:80 ", "[::1%lo]:80"};
	char deep[200];

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct addr a;
		struct err err = {0};

		assert_int_equal(addr_parse(str_of(texts[i]), &a, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
	memset(deep, 'x', sizeof(deep));
	memcpy(deep, "unix:/", 6);
	assert_int_equal(addr_parse((struct str){deep, sizeof(deep)},
			     &(struct addr){0}, NULL),
	    -1);
}

static void
loopback_is_recognised(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool loopback;
	} cases[] = {{"127.9.9.9:1", true}, {"[::1]:1", true},
	    {"[::ffff:127.0.0.1]:1", true}, {"unix:/x", true},
	    {"10.0.0.1:1", false}, {"[::ffff:10.0.0.1]:1", false},
	    {"[2001:db8::1]:1", false}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct addr a;

		assert_int_equal(addr_parse(str_of(cases[i].text), &a, NULL),
		    0);
		assert_int_equal(addr_is_loopback(&a), cases[i].loopback);
	}
}

const struct CMUnitTest addr_tests[] = {
    cmocka_unit_test(addresses_go_both_ways),
    cmocka_unit_test(what_is_no_address_is_refused),
    cmocka_unit_test(loopback_is_recognised),
};
const size_t addr_tests_count = COUNT_OF(addr_tests);
