/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the groups of one floor. A test file defines
 *
 *     const struct CMUnitTest str_tests[] = {cmocka_unit_test(...), ...};
 *     const size_t str_tests_count = COUNT_OF(str_tests);
 *
 * and its floor's tests.def names it: TESTS(str)
 */
#include "unit/unit.h"

#define TESTS(name)                                    \
	extern const struct CMUnitTest name##_tests[]; \
	extern const size_t name##_tests_count;
#include TESTS_DEF
#undef TESTS

int
main(void)
{
	int failed = 0;

#define TESTS(name)                                            \
	failed += _cmocka_run_group_tests(#name, name##_tests, \
	    name##_tests_count, NULL, NULL);
#include TESTS_DEF
#undef TESTS
	return failed == 0 ? 0 : 1;
}
