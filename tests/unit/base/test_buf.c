/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include "base/buf.h"

extern const struct CMUnitTest buf_tests[];
extern const size_t buf_tests_count;

static void
never_grows_past_its_maximum(void **state UNUSED)
{
	struct buf b = BUF_INIT(5);

	assert_true(buf_z(&b, "abc"));
	assert_false(buf_z(&b, "def"));
	assert_true(b.full);
	assert_false(buf_c(&b, 'x')); /* once full, always full */
	assert_string_equal(buf_cstr(&b), "abc");
	buf_clear(&b);
	assert_true(buf_fmt(&b, "%d", 12345));
	assert_string_equal(buf_cstr(&b), "12345");
	buf_shift(&b, 3);
	assert_string_equal(buf_cstr(&b), "45");
	buf_fini(&b);
}

const struct CMUnitTest buf_tests[] = {
    cmocka_unit_test(never_grows_past_its_maximum),
};
const size_t buf_tests_count = COUNT_OF(buf_tests);
