/* SPDX-License-Identifier: Apache-2.0 */
/* The fleet over a program that plays good and bad services. */
#include "unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "worker/fleet.h"

extern const struct CMUnitTest fleet_tests[];
extern const size_t fleet_tests_count;

enum {
	LIMIT_MS = 30000
};

struct bench {
	struct loop *loop;
	struct timer limit;
	struct fleet *fleet;
	char dir[64];
	enum service_id watched;
	enum service_state until;
	bool stopped;
};

static void
on_change(void *owner)
{
	struct bench *b = owner;

	if (fleet_state(b->fleet, b->watched) == b->until)
		loop_stop(b->loop);
}

static void
too_long(void *arg)
{
	struct bench *b = arg;

	fail_msg("waited too long; state %s, reason '%s'",
	    service_state_text(fleet_state(b->fleet, b->watched)),
	    fleet_reason(b->fleet, b->watched));
}

static void
bench_init(struct bench *b, const char *programs)
{
	struct fleet_conf conf = {
	    .program = BINARY_DIR "/tests/fake_service",
	    .run_dir = b->dir,
	    .programs = programs,
	    .no_program = "nothing is installed",
	    .on_change = on_change,
	    .owner = b,
	};

	*b = (struct bench){.loop = loop_new(),
	    .dir = "/tmp/fleet-XX"
		   "XX"
		   "XX"};
	log_setup(LOG_FORM_HUMAN, LOG_LEVEL_ERROR);
	assert_non_null(mkdtemp(b->dir));
	timer_init(&b->limit, b->loop, too_long, b);
	timer_set(&b->limit, LIMIT_MS);
	b->fleet = fleet_new(b->loop, &conf);
}

static void
bench_fini(struct bench *b)
{
	fleet_free(b->fleet);
	timer_clear(&b->limit);
	loop_free(b->loop);
	assert_int_equal(rmdir(b->dir), 0); /* no socket was left */
}

static void
run_until(struct bench *b, enum service_id id, enum service_state state)
{
	b->watched = id;
	b->until = state;
	if (fleet_state(b->fleet, id) != state)
		loop_run(b->loop);
	assert_int_equal(fleet_state(b->fleet, id), state);
}

static void
stopped(void *arg)
{
	struct bench *b = arg;

	b->stopped = true;
	loop_stop(b->loop);
}

static void
a_service_is_ready_after_its_self_test(void **state UNUSED)
{
	struct bench b;
	struct wire_state_out out[SERVICE__COUNT];

	bench_init(&b, "document-processing\nvision-ocr\n");
	assert_null(fleet_addr(b.fleet, SERVICE_OCR));
	fleet_want(b.fleet, SERVICE_BIT(SERVICE_OCR));
	assert_int_equal(fleet_state(b.fleet, SERVICE_OCR), SERVICE_STARTING);
	assert_null(fleet_addr(b.fleet, SERVICE_OCR));
	run_until(&b, SERVICE_OCR, SERVICE_READY);
	assert_non_null(fleet_addr(b.fleet, SERVICE_OCR));
	assert_int_equal(fleet_report(b.fleet, out), 1);
	assert_string_equal(out[0].name, "vision-ocr");
	assert_int_equal(out[0].self_test_ms, 3);
	fleet_want(b.fleet, 0);
	run_until(&b, SERVICE_OCR, SERVICE_STOPPED);
	assert_null(fleet_addr(b.fleet, SERVICE_OCR));
	fleet_want(b.fleet, SERVICE_BIT(SERVICE_OCR)); /* while it ends */
	run_until(&b, SERVICE_OCR, SERVICE_READY);
	fleet_stop(b.fleet, stopped, &b);
	assert_false(b.stopped);
	loop_run(b.loop);
	assert_true(b.stopped);
	bench_fini(&b);
}

static void
what_has_no_program_is_not_available(void **state UNUSED)
{
	struct bench b;

	bench_init(&b, "vision-ocr\n");
	fleet_want(b.fleet, SERVICE_BIT(SERVICE_NOTES));
	assert_int_equal(fleet_state(b.fleet, SERVICE_NOTES),
	    SERVICE_NOT_AVAILABLE);
	assert_string_equal(fleet_reason(b.fleet, SERVICE_NOTES),
	    "no program for 'notes-coa' in this version");
	fleet_stop(b.fleet, stopped, &b);
	loop_run(b.loop);
	bench_fini(&b);
	bench_init(&b, NULL);
	fleet_want(b.fleet, SERVICE_BIT(SERVICE_OCR));
	assert_int_equal(fleet_state(b.fleet, SERVICE_OCR),
	    SERVICE_NOT_AVAILABLE);
	assert_string_equal(fleet_reason(b.fleet, SERVICE_OCR),
	    "nothing is installed");
	bench_fini(&b);
}

static void
a_crash_loop_tells_the_last_words(void **state UNUSED)
{
	struct bench b;

	bench_init(&b, "document-processing\nvision-ocr\n");
	fleet_want(b.fleet,
	    SERVICE_BIT(SERVICE_DOCUMENTS) | SERVICE_BIT(SERVICE_OCR));
	run_until(&b, SERVICE_DOCUMENTS, SERVICE_FAILED);
	assert_string_equal(fleet_reason(b.fleet, SERVICE_DOCUMENTS),
	    "keeps ending (exit status 3); last words: last words");
	assert_int_equal(fleet_state(b.fleet, SERVICE_OCR), SERVICE_READY);
	bench_fini(&b); /* freed while one runs */
}

static void
a_failed_self_test_is_no_readiness(void **state UNUSED)
{
	struct bench b;

	bench_init(&b, "ner-extraction\nnotes-coa\n");
	fleet_want(b.fleet,
	    SERVICE_BIT(SERVICE_NER) | SERVICE_BIT(SERVICE_NOTES));
	run_until(&b, SERVICE_NER, SERVICE_FAILED);
	run_until(&b, SERVICE_NOTES, SERVICE_FAILED);
	assert_non_null(strstr(fleet_reason(b.fleet, SERVICE_NER),
	    "self-test failed (status 500): no language en"));
	bench_fini(&b);
}

const struct CMUnitTest fleet_tests[] = {
    cmocka_unit_test(a_service_is_ready_after_its_self_test),
    cmocka_unit_test(what_has_no_program_is_not_available),
    cmocka_unit_test(a_crash_loop_tells_the_last_words),
    cmocka_unit_test(a_failed_self_test_is_no_readiness),
};
const size_t fleet_tests_count = COUNT_OF(fleet_tests);
