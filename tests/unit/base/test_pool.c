/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <string.h>

#include "base/pool.h"

extern const struct CMUnitTest pool_tests[];
extern const size_t pool_tests_count;

static void
pool_hands_out_what_came_back(void **state UNUSED)
{
	struct pool p = {0};
	void *a = pool_alloc(&p, 100);
	void *b;

	memset(a, 1, 100);
	pool_free(&p, a, 100);
	b = pool_alloc(&p, 128); /* the same size, rounded up */
#ifndef POOL_OFF
	assert_ptr_equal(b, a);
#endif
	memset(b, 2, 128);
	pool_free(&p, b, 128);
	pool_fini(&p);
}

static void
pool_takes_every_size(void **state UNUSED)
{
	static const size_t sizes[] = {0, 1, 63, 64, 65, 1023, 1024, 1025,
	    100000};
	struct pool p = {0};
	unsigned char *at[COUNT_OF(sizes)];

	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNT_OF(sizes); i++) {
			at[i] = pool_alloc(&p, sizes[i]);
			memset(at[i], (int)i + 1, sizes[i]);
		}
		for (size_t i = 0; i < COUNT_OF(sizes); i++)
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(at[i][k], i + 1);
		for (size_t i = 0; i < COUNT_OF(sizes); i++)
			pool_free(&p, at[i], sizes[i]);
	}
	pool_fini(&p);
}

static void
pool_keeps_no_more_than_it_may(void **state UNUSED)
{
	enum {
		MANY = 2 * POOL_KEEP_BYTES / POOL_STEP
	};
	static void *at[MANY];
	struct pool p = {0};

	for (size_t i = 0; i < MANY; i++)
		at[i] = pool_alloc(&p, POOL_STEP);
	for (size_t i = 0; i < MANY; i++)
		pool_free(&p, at[i], POOL_STEP);
	assert_true(p.n[0] <= POOL_KEEP_BYTES / POOL_STEP);
	pool_fini(&p);
	assert_int_equal(p.n[0], 0);
}

const struct CMUnitTest pool_tests[] = {
    cmocka_unit_test(pool_hands_out_what_came_back),
    cmocka_unit_test(pool_takes_every_size),
    cmocka_unit_test(pool_keeps_no_more_than_it_may),
};
const size_t pool_tests_count = COUNT_OF(pool_tests);
