/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "base/str.h"

extern const struct CMUnitTest str_tests[];
extern const size_t str_tests_count;

static void
numbers_are_strict(void **state UNUSED)
{
	uint64_t u;
	int64_t i;
	double d;

	assert_true(str_u64(STR("18446744073709551615"), &u));
	assert_true(u == UINT64_MAX);
	assert_false(str_u64(STR("18446744073709551616"), &u));
	assert_false(str_u64(STR(""), &u));
	assert_false(str_u64(STR("+1"), &u));
	assert_false(str_u64(STR(" 1"), &u));
	assert_false(str_u64(STR("1 "), &u));
	assert_true(str_i64(STR("-5"), &i));
	assert_int_equal(i, -5);
	assert_false(str_i64(STR("--5"), &i));
	assert_true(str_double(STR("0.25"), &d));
	assert_true(d == 0.25);
	assert_false(str_double(STR("1e999"), &d));
	assert_false(str_double(STR("nan"), &d));
}

static void
cut_takes_the_text_apart(void **state UNUSED)
{
	struct str rest = STR("a,,b");

	assert_true(str_eqz(str_cut(&rest, ','), "a"));
	assert_true(str_eqz(str_cut(&rest, ','), ""));
	assert_true(str_eqz(str_cut(&rest, ','), "b"));
	assert_null(rest.p);
}

static void
utf8_follows_the_standard(void **state UNUSED)
{
	assert_true(str_utf8_ok(STR("a\xc2\xa3\xe2\x82\xac\xf0\x9f\x98\x80")));
	assert_false(str_utf8_ok(STR("\xc0\xaf")));         /* overlong */
	assert_false(str_utf8_ok(STR("\xed\xa0\x80")));     /* surrogate */
	assert_false(str_utf8_ok(STR("\xf4\x90\x80\x80"))); /* > 10FFFF */
	assert_false(str_utf8_ok(STR("\xe2\x82")));         /* cut */
}

static void
terminals_are_not_given_orders(void **state UNUSED)
{
	char text[] = "a\033[31m\x7f\xc2\x9b z\xe2\x80\xae\xe2\x81\xa6 "
		      "\xc2\xa3\xe2\x82\xac\t\xc2";

	str_tame(text);
	assert_string_equal(text,
	    "a?[31m??? z?????? \xc2\xa3\xe2\x82\xac?\xc2");
	assert_int_equal(str_unsafe(""), 0);
	assert_int_equal(str_unsafe("\xe2\x80"), 0);
}

const struct CMUnitTest str_tests[] = {
    cmocka_unit_test(numbers_are_strict),
    cmocka_unit_test(cut_takes_the_text_apart),
    cmocka_unit_test(utf8_follows_the_standard),
    cmocka_unit_test(terminals_are_not_given_orders),
};
const size_t str_tests_count = COUNT_OF(str_tests);
