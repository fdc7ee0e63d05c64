/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/loop.h"
#include "proc/spawn.h"

extern const struct CMUnitTest spawn_tests[];
extern const size_t spawn_tests_count;

enum {
	LIMIT_MS = 20000
};

struct seen {
	struct loop *loop;
	struct timer limit;
	size_t lines;
	size_t longest;
	char last[SPAWN_LINE_MAX + 1];
	char all[4096];
	bool ready;
	bool ended;
	int status;
};

static void
on_line(void *owner, struct str line)
{
	struct seen *s = owner;
	size_t n = strlen(s->all);

	s->lines++;
	s->longest = MAX_OF(s->longest, line.n);
	(void)str_copy(s->last, sizeof s->last, line);
	(void)snprintf(s->all + n, sizeof s->all - n, "%.*s\n", STR_ARG(line));
}

static void
on_ready(void *owner)
{
	struct seen *s = owner;

	s->ready = true;
}

static void
on_end(void *owner, int status)
{
	struct seen *s = owner;

	s->ended = true;
	s->status = status;
	loop_stop(s->loop);
}

static const struct spawn_sink sink = {on_line, on_ready, on_end};

static void
too_long(void *arg UNUSED)
{
	fail_msg("the child did not end in time");
}

static void
seen_init(struct seen *s)
{
	*s = (struct seen){.loop = loop_new()};
	timer_init(&s->limit, s->loop, too_long, s);
	timer_set(&s->limit, LIMIT_MS);
}

static void
seen_fini(struct seen *s, struct spawn *child)
{
	spawn_free(child);
	timer_clear(&s->limit);
	loop_free(s->loop);
}

static struct spawn *
shell(struct seen *s, const char *script, struct spawn_conf conf)
{
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	struct err err = {0};
	struct spawn *child;

	conf.argv = argv;
	child = spawn_new(s->loop, &conf, &sink, s, &err);
	if (child == NULL)
		fail_msg("%s", err.msg);
	return child;
}

static void
run_shell(struct seen *s, const char *script)
{
	struct spawn *child;

	seen_init(s);
	child = shell(s, script, (struct spawn_conf){0});
	loop_run(s->loop);
	assert_true(s->ended);
	seen_fini(s, child);
}

static void
output_and_end_are_heard(void **state UNUSED)
{
	struct seen s;

	run_shell(&s, "echo one; echo two >&2; printf three; exit 7");
	assert_string_equal(s.all, "one\ntwo\nthree\n");
	assert_true(WIFEXITED(s.status));
	assert_int_equal(WEXITSTATUS(s.status), 7);
}

static void
the_child_has_only_what_it_was_given(void **state UNUSED)
{
	static const char *const env[] = {"A=1", NULL};
	struct seen s;
	struct spawn *child;
	int leak = open("/dev/null", O_RDONLY); /* not CLOEXEC on purpose */
	int pipe_fds[2];

	assert_int_equal(setenv("HEARTH_TEST_SECRET", "x", 1), 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(write(pipe_fds[1], "handed\n", 7), 7);
	(void)close(pipe_fds[1]);
	seen_init(&s);
	child = shell(&s,
	    "echo \"$A $HEARTH_TEST_SECRET\"; read x <&4; echo $x;"
	    "for i in 3 5 6 7 8 9; do (: <&$i) 2>/dev/null && echo open; done;"
	    "pwd;"
	    "read x || echo empty",
	    (struct spawn_conf){.env = env,
		.cwd = "/",
		.fds = &pipe_fds[0],
		.n_fds = 1});
	loop_run(s.loop);
	seen_fini(&s, child);
	(void)close(pipe_fds[0]);
	(void)close(leak);
	assert_true(leak < 10);
	assert_string_equal(s.all, "1 \nhanded\n/\nempty\n");
}

static void
readiness_is_told(void **state UNUSED)
{
	struct seen s;
	struct spawn *child;

	seen_init(&s);
	child = shell(&s, "echo >&3; exec 3>&-; sleep 0.2",
	    (struct spawn_conf){.ready_fd = true});
	loop_run(s.loop);
	assert_true(s.ready);
	seen_fini(&s, child);
	seen_init(&s);
	child = shell(&s, "exec 3>&-; sleep 0.1",
	    (struct spawn_conf){.ready_fd = true});
	loop_run(s.loop);
	assert_false(s.ready); /* closed in silence */
	seen_fini(&s, child);
}

static void
a_chatty_child_never_blocks(void **state UNUSED)
{
	struct seen s;
	int64_t began = clock_ms();

	run_shell(&s,
	    "yes 0123456789012345678901234567890 | head -c 100000000;"
	    "echo; echo end");
	assert_true(s.lines > 2800000);
	assert_string_equal(s.last, "end");
	assert_true(clock_ms() - began < LIMIT_MS);
}

static void
long_and_odd_lines_are_cut(void **state UNUSED)
{
	struct seen s;

	run_shell(&s,
	    "head -c 5000000 /dev/zero | tr '\\0' x; echo; "
	    "printf 'a\\377b\\r\\n'; printf '\\n'");
	assert_int_equal(s.lines, 3);
	assert_int_equal(s.longest, SPAWN_LINE_MAX);
	assert_string_equal(s.last, "");
	assert_non_null(strstr(s.all, "\na?b\n"));
}

static void
closed_pipes_do_not_spin(void **state UNUSED)
{
	struct seen s;
	clock_t before = clock();

	run_shell(&s, "exec >&- 2>&-; sleep 0.5");
	assert_int_equal(s.lines, 0);
	assert_true(clock() - before < CLOCKS_PER_SEC / 4);
}

static void
a_missing_program_is_an_error(void **state UNUSED)
{
	const char *argv[] = {"/nonexistent/program", NULL};
	struct spawn_conf conf = {.argv = argv};
	struct err err = {0};
	struct seen s;

	seen_init(&s);
	assert_null(spawn_new(s.loop, &conf, &sink, &s, &err));
	assert_non_null(strstr(err.msg, "/nonexistent/program"));
	assert_int_equal(err.sys, ENOENT);
	seen_fini(&s, NULL);
}

/* The grandchild holds the pipe and the group; both end with the leader. */
static void
the_group_dies_with_its_leader(void **state UNUSED)
{
	struct seen s;
	long pid;

	run_shell(&s, "sleep 100 & echo $!");
	pid = strtol(s.all, NULL, 10);
	assert_true(pid > 1);
	for (int i = 0; i < 200 && kill((pid_t)pid, 0) == 0; i++) {
		char path[64], text[64] = "";
		FILE *f;

		(void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
		f = fopen(path, "re");
		if (f != NULL) {
			/* Nothing is read of one that is reaped meanwhile. */
			if (fgets(text, sizeof text, f) == NULL)
				text[0] = '\0';
			(void)fclose(f);
		}
		if (strstr(text, ") Z") != NULL)
			return; /* dead; its new parent is slow to reap */
		(void)usleep(10000);
	}
	assert_int_not_equal(kill((pid_t)pid, 0), 0);
}

static void
freeing_kills(void **state UNUSED)
{
	struct seen s;
	struct spawn *child;
	pid_t pid;

	seen_init(&s);
	child = shell(&s, "trap '' TERM; sleep 100", (struct spawn_conf){0});
	pid = spawn_pid(child);
	assert_int_equal(kill(pid, 0), 0);
	seen_fini(&s, child);
	assert_int_equal(kill(pid, 0), -1);
	assert_false(s.ended);
}

/* A process of our own that starts a child and is killed: the child follows. */
static void
a_killed_parent_leaves_no_orphan(void **state UNUSED)
{
	int told[2];
	pid_t parent, child = 0;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		struct seen s;
		struct spawn *c;

		seen_init(&s);
		c = shell(&s, "trap '' TERM HUP; sleep 100",
		    (struct spawn_conf){0});
		child = spawn_pid(c);
		if (write(told[1], &child, sizeof child) < 0)
			_exit(1);
		loop_run(s.loop);
		_exit(0);
	}
	assert_int_equal(read(told[0], &child, sizeof child), sizeof child);
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	for (int i = 0; i < 200 && kill(child, 0) == 0; i++)
		(void)usleep(10000);
	(void)close(told[0]);
	(void)close(told[1]);
	/* Gone, or a zombie whose new parent is slow. */
	if (kill(child, 0) == 0) {
		char path[64], text[64] = "";
		FILE *f;

		(void)snprintf(path, sizeof path, "/proc/%d/stat", child);
		f = fopen(path, "re");
		assert_non_null(f);
		assert_non_null(fgets(text, sizeof text, f));
		(void)fclose(f);
		assert_non_null(strstr(text, ") Z"));
	}
}

static void
environments_are_picked(void **state UNUSED)
{
	static const char *const names[] = {"HEARTH_T1", "HEARTH_T2", NULL};
	static const char *const extra[] = {"X=y", NULL};
	char **env;

	assert_int_equal(setenv("HEARTH_T1", "one", 1), 0);
	assert_int_equal(unsetenv("HEARTH_T2"), 0);
	env = spawn_env(names, extra);
	assert_string_equal(env[0], "HEARTH_T1=one");
	assert_string_equal(env[1], "X=y");
	assert_null(env[2]);
	free(env);
	env = spawn_env(NULL, NULL);
	assert_null(env[0]);
	free(env);
}

const struct CMUnitTest spawn_tests[] = {
    cmocka_unit_test(output_and_end_are_heard),
    cmocka_unit_test(the_child_has_only_what_it_was_given),
    cmocka_unit_test(readiness_is_told),
    cmocka_unit_test(a_chatty_child_never_blocks),
    cmocka_unit_test(long_and_odd_lines_are_cut),
    cmocka_unit_test(closed_pipes_do_not_spin),
    cmocka_unit_test(a_missing_program_is_an_error),
    cmocka_unit_test(the_group_dies_with_its_leader),
    cmocka_unit_test(freeing_kills),
    cmocka_unit_test(a_killed_parent_leaves_no_orphan),
    cmocka_unit_test(environments_are_picked),
};
const size_t spawn_tests_count = COUNT_OF(spawn_tests);
