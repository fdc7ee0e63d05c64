/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "proc/proc.h"

extern const struct CMUnitTest proc_tests[];
extern const size_t proc_tests_count;

enum {
	LIMIT_MS = 20000
};

struct watcher {
	struct loop *loop;
	struct timer limit;
	enum proc_state until;
	char trail[512];
	unsigned starts;
};

static void
on_state(void *owner, struct proc *p UNUSED, enum proc_state now)
{
	static const char *const names[] = {[PROC_DOWN] = "down",
	    [PROC_STARTING] = "starting",
	    [PROC_READY] = "ready",
	    [PROC_STOPPING] = "stopping",
	    [PROC_BACKOFF] = "backoff",
	    [PROC_FAILED] = "failed"};
	struct watcher *w = owner;
	size_t n = strlen(w->trail);

	w->starts += now == PROC_STARTING;
	(void)snprintf(w->trail + n, sizeof w->trail - n, "%s ", names[now]);
	if (now == w->until)
		loop_stop(w->loop);
}

static const struct proc_sink sink = {.on_state = on_state};

static void
too_long(void *arg)
{
	struct watcher *w = arg;

	fail_msg("waited too long: %s", w->trail);
}

static struct proc *
new_proc(struct watcher *w, const char *script, struct proc_spec spec)
{
	const char *argv[] = {"/bin/sh", "-c", script, NULL};

	log_setup(LOG_FORM_HUMAN, LOG_LEVEL_ERROR);
	*w = (struct watcher){.loop = loop_new()};
	timer_init(&w->limit, w->loop, too_long, w);
	timer_set(&w->limit, LIMIT_MS);
	spec.name = "test";
	spec.argv = argv;
	return proc_new(w->loop, &spec, &sink, w);
}

static void
run_until(struct watcher *w, enum proc_state state)
{
	w->until = state;
	loop_run(w->loop);
}

static void
done(struct watcher *w, struct proc *p)
{
	proc_free(p);
	timer_clear(&w->limit);
	loop_free(w->loop);
}

static void
up_and_down(void **state UNUSED)
{
	struct watcher w;
	struct proc *p = new_proc(&w, "echo >&3; sleep 100",
	    (struct proc_spec){.ready = PROC_READY_FD});

	proc_start(p);
	assert_string_equal(w.trail, ""); /* never from inside the call */
	run_until(&w, PROC_READY);
	assert_true(proc_pid(p) > 0);
	proc_stop(p);
	run_until(&w, PROC_DOWN);
	assert_int_equal(proc_pid(p), 0);
	assert_string_equal(w.trail, "starting ready stopping down ");
	done(&w, p);
}

static void
the_owner_may_tell_readiness(void **state UNUSED)
{
	struct watcher w;
	struct proc *p = new_proc(&w, "sleep 100",
	    (struct proc_spec){.ready = PROC_READY_TOLD});

	proc_ready(p); /* too early: ignored */
	proc_start(p);
	run_until(&w, PROC_STARTING);
	proc_ready(p);
	run_until(&w, PROC_READY);
	done(&w, p); /* freed while it runs */
}

static void
a_crash_is_mended_fast(void **state UNUSED)
{
	struct watcher w;
	struct proc *p = new_proc(&w, "sleep 100",
	    (struct proc_spec){.ready = PROC_READY_AT_ONCE});
	int64_t began;
	pid_t first;

	proc_start(p);
	run_until(&w, PROC_READY);
	first = proc_pid(p);
	began = clock_ms();
	assert_int_equal(kill(first, SIGKILL), 0);
	run_until(&w, PROC_BACKOFF);
	assert_string_equal(proc_why(p), "signal 9 (Killed)");
	run_until(&w, PROC_READY);
	assert_true(clock_ms() - began < 1000);
	assert_int_not_equal(proc_pid(p), first);
	done(&w, p);
}

static void
a_crash_loop_fails_with_the_last_words(void **state UNUSED)
{
	struct watcher w;
	struct proc *p = new_proc(&w,
	    "i=0; while [ $i -lt 80 ]; do i=$((i+1)); echo line $i; done; exit 3",
	    (struct proc_spec){.ready = PROC_READY_TOLD});
	size_t n = 0;

	proc_start(p);
	run_until(&w, PROC_FAILED);
	assert_int_equal(w.starts, PROC_DEATHS);
	assert_string_equal(proc_why(p), "exit status 3");
	while (proc_line(p, n) != NULL)
		n++;
	assert_int_equal(n, PROC_LINES);
	assert_string_equal(proc_line(p, 0), "line 31");
	assert_string_equal(proc_line(p, n - 1), "line 80");
	proc_start(p); /* once more by hand, with a clean tally */
	run_until(&w, PROC_BACKOFF);
	proc_stop(p);
	run_until(&w, PROC_DOWN);
	done(&w, p);
}

static void
a_missing_program_is_a_death(void **state UNUSED)
{
	struct watcher w;
	struct proc *p;
	const char *argv[] = {"/nonexistent/program", NULL};
	struct proc_spec spec = {.name = "none", .argv = argv};

	log_setup(LOG_FORM_HUMAN, LOG_LEVEL_ERROR);
	w = (struct watcher){.loop = loop_new()};
	timer_init(&w.limit, w.loop, too_long, &w);
	timer_set(&w.limit, LIMIT_MS);
	p = proc_new(w.loop, &spec, &sink, &w);
	proc_start(p);
	run_until(&w, PROC_BACKOFF);
	assert_non_null(strstr(proc_why(p), "/nonexistent/program"));
	done(&w, p);
}

static void
a_slow_start_is_a_death(void **state UNUSED)
{
	struct watcher w;
	struct proc *p = new_proc(&w, "sleep 100",
	    (struct proc_spec){.ready = PROC_READY_FD,
		.start_timeout_ms = 100});

	proc_start(p);
	run_until(&w, PROC_BACKOFF);
	assert_string_equal(w.trail, "starting stopping backoff ");
	assert_string_equal(proc_why(p), "not ready within 1 s");
	proc_stop(p);
	run_until(&w, PROC_DOWN);
	done(&w, p);
}

static void
a_rejected_child_is_a_death(void **state UNUSED)
{
	struct watcher w;
	struct proc *p = new_proc(&w, "sleep 100",
	    (struct proc_spec){.ready = PROC_READY_TOLD});

	proc_reject(p, "too early: ignored");
	proc_start(p);
	run_until(&w, PROC_STARTING);
	proc_reject(p, "self-test failed");
	run_until(&w, PROC_BACKOFF);
	assert_string_equal(proc_why(p), "self-test failed");
	done(&w, p);
}

static void
a_deaf_child_is_killed(void **state UNUSED)
{
	struct watcher w;
	struct proc *p = new_proc(&w,
	    "trap '' TERM; echo >&3; while :; do sleep 1; done",
	    (struct proc_spec){.ready = PROC_READY_FD, .stop_timeout_ms = 200});

	proc_start(p);
	run_until(&w, PROC_READY);
	proc_stop(p);
	run_until(&w, PROC_DOWN);
	assert_string_equal(proc_why(p), "signal 9 (Killed)");
	done(&w, p);
}

static void
wanted_again_while_stopping(void **state UNUSED)
{
	struct watcher w;
	struct proc *p = new_proc(&w, "sleep 100",
	    (struct proc_spec){.ready = PROC_READY_AT_ONCE});

	proc_start(p);
	run_until(&w, PROC_READY);
	proc_stop(p);
	run_until(&w, PROC_STOPPING);
	proc_start(p);
	run_until(&w, PROC_READY);
	assert_string_equal(w.trail, "ready stopping ready ");
	done(&w, p);
}

static bool
move_aborts(int from, int to)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct sm m;

		(void)close(STDERR_FILENO);
		(void)signal(SIGABRT, SIG_DFL);
		sm_init(&m, proc_states, "proc", 0, from);
		sm_move(&m, to);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
every_illegal_move_aborts(void **state UNUSED)
{
	enum {
		N = PROC_FAILED + 1
	};
	static const char legal[N][N + 1] = {
	    /* to: DSRTBF */
	    [PROC_DOWN] = "-x----",
	    [PROC_STARTING] = "--xxxx",
	    [PROC_READY] = "---xxx",
	    [PROC_STOPPING] = "xx--xx",
	    [PROC_BACKOFF] = "xx----",
	    [PROC_FAILED] = "xx----",
	};

	for (int from = 0; from < N; from++)
		for (int to = 0; to < N; to++)
			assert_int_equal(move_aborts(from, to),
			    legal[from][to] == '-');
}

const struct CMUnitTest proc_tests[] = {
    cmocka_unit_test(up_and_down),
    cmocka_unit_test(the_owner_may_tell_readiness),
    cmocka_unit_test(a_crash_is_mended_fast),
    cmocka_unit_test(a_crash_loop_fails_with_the_last_words),
    cmocka_unit_test(a_missing_program_is_a_death),
    cmocka_unit_test(a_slow_start_is_a_death),
    cmocka_unit_test(a_rejected_child_is_a_death),
    cmocka_unit_test(a_deaf_child_is_killed),
    cmocka_unit_test(wanted_again_while_stopping),
    cmocka_unit_test(every_illegal_move_aborts),
};
const size_t proc_tests_count = COUNT_OF(proc_tests);
