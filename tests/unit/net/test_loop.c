/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <signal.h>
#include <stdlib.h>

#include "net/loop.h"

extern const struct CMUnitTest loop_tests[];
extern const size_t loop_tests_count;

struct many {
	struct loop *loop;
	struct timer t[500];
	int64_t due[500];
	int64_t last_at;
	int fired;
	int expected;
};

static void
many_fired(void *arg)
{
	struct many *m = arg;
	int64_t now = loop_now_ms(m->loop);
	int64_t at = 0;

	for (size_t i = 0; i < COUNT_OF(m->t); i++)
		if (m->due[i] >= 0 && !timer_is_set(&m->t[i])) {
			at = m->due[i];
			m->due[i] = -1;
			break;
		}
	assert_true(at <= now);
	if (++m->fired == m->expected)
		loop_stop(m->loop);
}

static void
timers_fire_when_due_and_only_then(void **state UNUSED)
{
	struct many m = {.loop = loop_new(), .expected = 0};

	srand(7);
	for (size_t i = 0; i < COUNT_OF(m.t); i++) {
		timer_init(&m.t[i], m.loop, many_fired, &m);
		timer_set(&m.t[i], rand() % 20);
	}
	for (size_t i = 0; i < COUNT_OF(m.t); i++) {
		int what = rand() % 3;

		if (what == 0)
			timer_clear(&m.t[i]);
		else if (what == 1)
			timer_set(&m.t[i], rand() % 30);
		m.due[i] = what == 0 ? -1 : m.t[i].at_ms;
		m.expected += what != 0;
	}
	loop_run(m.loop);
	assert_int_equal(m.fired, m.expected);
	loop_free(m.loop);
}

struct order {
	struct loop *loop;
	struct timer first, second;
	struct defer d;
	int n;
	int64_t seen[2];
};

static void
order_first(void *arg)
{
	struct order *o = arg;

	o->seen[0] = ++o->n;
}

static void
order_second(void *arg)
{
	struct order *o = arg;

	o->seen[1] = ++o->n;
	loop_stop(o->loop);
}

static void
a_timer_can_move_forward(void **state UNUSED)
{
	struct order o = {.loop = loop_new()};

	timer_init(&o.first, o.loop, order_first, &o);
	timer_init(&o.second, o.loop, order_second, &o);
	timer_set(&o.first, 1000);
	timer_set(&o.second, 10);
	timer_set(&o.first, 5);
	timer_clear(&o.second);
	timer_clear(&o.second);
	timer_set(&o.second, 10);
	loop_run(o.loop);
	assert_int_equal(o.seen[0], 1);
	assert_int_equal(o.seen[1], 2);
	loop_free(o.loop);
}

static void
deferred(void *arg)
{
	struct order *o = arg;

	o->n++;
	if (o->n < 3)
		loop_defer(o->loop, &o->d);
	else
		loop_stop(o->loop);
}

static void
deferred_work_runs_before_the_loop_waits(void **state UNUSED)
{
	struct order o = {.loop = loop_new()};

	o.d = (struct defer){.fn = deferred, .arg = &o};
	loop_defer(o.loop, &o.d);
	loop_defer(o.loop, &o.d);
	loop_undefer(o.loop, &o.d);
	loop_turn(o.loop, false);
	assert_int_equal(o.n, 0);
	loop_defer(o.loop, &o.d);
	loop_run(o.loop);
	assert_int_equal(o.n, 3);
	loop_free(o.loop);
}

struct threads {
	struct loop *loop;
	struct wake *wake;
	int worked, done, woken, signalled;
};

static void
threads_work(void *arg)
{
	struct threads *t = arg;

	t->worked = 1;
	wake_send(t->wake);
}

static void
threads_stop_when_all(struct threads *t)
{
	loop_assert(t->loop);
	if (t->done && t->woken && t->signalled)
		loop_stop(t->loop);
}

static void
threads_done(void *arg)
{
	struct threads *t = arg;

	assert_int_equal(t->worked, 1);
	t->done++;
	threads_stop_when_all(t);
}

static void
threads_woken(void *arg)
{
	struct threads *t = arg;

	t->woken++;
	threads_stop_when_all(t);
}

static void
threads_signalled(void *arg, int signo)
{
	struct threads *t = arg;

	assert_int_equal(signo, SIGUSR2);
	t->signalled++;
	threads_stop_when_all(t);
}

static void
threads_and_signals_reach_the_loop(void **state UNUSED)
{
	struct threads t = {.loop = loop_new()};

	t.wake = wake_new(t.loop, threads_woken, &t);
	loop_on_signal(t.loop, SIGUSR2, threads_signalled, &t);
	loop_work(t.loop, threads_work, threads_done, &t);
	raise(SIGUSR2);
	loop_run(t.loop);
	assert_int_equal(t.done, 1);
	wake_free(t.wake);
	loop_free(t.loop);
}

const struct CMUnitTest loop_tests[] = {
    cmocka_unit_test(timers_fire_when_due_and_only_then),
    cmocka_unit_test(a_timer_can_move_forward),
    cmocka_unit_test(deferred_work_runs_before_the_loop_waits),
    cmocka_unit_test(threads_and_signals_reach_the_loop),
};
const size_t loop_tests_count = COUNT_OF(loop_tests);
