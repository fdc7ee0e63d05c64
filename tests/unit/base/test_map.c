/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"

extern const struct CMUnitTest map_tests[];
extern const size_t map_tests_count;

enum {
	N = 5000
};

/* Puts, replaces and deletes at random and compares with a plain array. */
static void
agrees_with_an_array(void **state UNUSED)
{
	static char keys[N][12];
	static int *model[N];
	static int values[2];
	struct map m = {0};
	struct map_entry *e;
	size_t live = 0, seen = 0;
	unsigned seed = 1;

	for (int i = 0; i < N; i++)
		(void)snprintf(keys[i], sizeof keys[i], "worker-%d", i);
	for (int i = 0; i < 20 * N; i++) {
		size_t k = (size_t)rand_r(&seed) % N;

		if (rand_r(&seed) % 3 != 0) {
			int *v = &values[rand_r(&seed) % 2];

			assert_ptr_equal(map_put(&m, str_of(keys[k]), v),
			    model[k]);
			model[k] = v;
		} else {
			assert_ptr_equal(map_del(&m, str_of(keys[k])),
			    model[k]);
			model[k] = NULL;
		}
	}
	for (size_t k = 0; k < N; k++) {
		assert_ptr_equal(map_get(&m, str_of(keys[k])), model[k]);
		live += model[k] != NULL;
	}
	assert_int_equal(m.n, live);
	MAP_FOREACH(e, &m)
		seen++;
	assert_int_equal(seen, live);
	map_fini(&m);
	assert_null(map_get(&m, STR("x")));
	assert_null(map_del(&m, STR("x")));
}

const struct CMUnitTest map_tests[] = {
    cmocka_unit_test(agrees_with_an_array),
};
const size_t map_tests_count = COUNT_OF(map_tests);
