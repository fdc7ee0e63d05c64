/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <string.h>

#include "core/pick.h"

extern const struct CMUnitTest pick_tests[];
extern const size_t pick_tests_count;

static void
nodes_of(const void *arg, size_t i, struct pick_node *out)
{
	*out = ((const struct pick_node *)arg)[i];
}

static struct pick
choose(const struct pick_node *n, size_t count, uint32_t turn)
{
	return pick_choose(nodes_of, n, count, turn, 1000000);
}

#define READY .reachable = true, .state = SERVICE_READY, .places = 2

static void
prefers_what_the_header_says(void **state UNUSED)
{
	const struct pick_node work[] = {
	    {READY, .outstanding = 1, .used_at_ms = 999000},
	    {READY, .used_at_ms = 999000},
	};
	const struct pick_node warm[] = {{READY},
	    {READY, .outstanding = 1, .used_at_ms = 999000}};
	const struct pick_node full[] = {{READY},
	    {READY, .outstanding = 2, .used_at_ms = 999000}};
	const struct pick_node told[] = {{.reachable = true, .places = 2},
	    {READY, .outstanding = 1}};
	const struct pick_node out[] = {{READY, .out_until_ms = 1000001},
	    {READY, .outstanding = 2}};

	for (uint32_t turn = 0; turn < 4; turn++) {
		assert_int_equal(choose(work, 2, turn).index, 1);
		assert_int_equal(choose(warm, 2, turn).index, 1);
		assert_int_equal(choose(full, 2, turn).index, 0);
		assert_int_equal(choose(told, 2, turn).index, 1);
		assert_int_equal(choose(out, 2, turn).index, 1);
		assert_true(choose(out, 1, turn).outlier);
	}
	assert_true(choose(full + 1, 1, 0).busy);
}

static void
says_why_there_is_none(void **state UNUSED)
{
	const struct pick_node away[] = {{.state = SERVICE_READY}};
	const struct pick_node drains[] = {{READY, .draining = true}};
	const struct pick_node failed[] = {{.reachable = true,
					       .state = SERVICE_FAILED},
	    {.state = SERVICE_READY}};
	const struct pick_node tried[] = {{READY, .tried = true}};
	char text[200];
	struct pick p;

	assert_int_equal(choose(NULL, 0, 0).why, PICK_NONE);
	assert_int_equal(choose(away, 1, 0).why, PICK_AWAY);
	assert_int_equal(choose(drains, 1, 0).why, PICK_AWAY);
	assert_int_equal(choose(failed, 2, 0).why, PICK_NOT_READY);
	p = choose(tried, 1, 0);
	assert_int_equal(p.why, PICK_TRIED);
	assert_int_equal(p.index, -1);
	for (int why = PICK_OK; why <= PICK_TRIED; why++) {
		p.why = (enum pick_why)why;
		pick_text(&p, "ocr", text, sizeof text);
		assert_true(strlen(text) > 20);
	}
}

static void
equals_take_turns_and_one_good_is_found(void **state UNUSED)
{
	static struct pick_node many[1000];
	size_t hits[4] = {0};

	for (size_t i = 0; i < 4; i++)
		many[i] = (struct pick_node){READY};
	for (uint32_t turn = 0; turn < 400; turn++)
		hits[choose(many, 4, turn).index]++;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(hits[i], 100);
	memset(many, 0, sizeof many);
	many[777] = (struct pick_node){READY};
	assert_int_equal(choose(many, 1000, 3).index, 777);
}

static void
outliers_sit_out_longer_each_time(void **state UNUSED)
{
	struct pick_health h = {0};
	int64_t now = 1000, last = 0;

	for (int i = 1; i < PICK_FAILS; i++)
		pick_report(&h, false, now);
	assert_int_equal(h.out_until_ms, 0);
	for (int i = 0; i < 12; i++) {
		int64_t span;

		pick_report(&h, false, now);
		span = h.out_until_ms - now;
		assert_true(span >= 5000 && span <= 300000 && span >= last);
		/* Failures of what was under way count once. */
		pick_report(&h, false, now + 1);
		assert_int_equal(h.out_until_ms, now + span);
		last = span;
		now = h.out_until_ms + 1;
	}
	assert_int_equal(last, 300000);
	pick_report(&h, true, now);
	assert_int_equal(h.out_until_ms, 0);
	assert_int_equal(h.fails, 0);
}

const struct CMUnitTest pick_tests[] = {
    cmocka_unit_test(prefers_what_the_header_says),
    cmocka_unit_test(says_why_there_is_none),
    cmocka_unit_test(equals_take_turns_and_one_good_is_found),
    cmocka_unit_test(outliers_sit_out_longer_each_time),
};
const size_t pick_tests_count = COUNT_OF(pick_tests);
