/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "net/httpc.h"
#include "net/loop.h"
#include "proc/proc.h"
#include "proc/spawn.h"

enum {
	START_TIMEOUT_MS = 60000,
	STOP_TIMEOUT_MS = 5000,
	TEST_TIMEOUT_MS = 30000,
	TEST_ANSWER_MAX = 16 * 1024,
	/* Between two knocks at a socket that is not there yet. */
	KNOCK_FIRST_MS = 5,
	KNOCK_MAX_MS = 100,
	/* A service that is there but hangs: asked now and then, and started
	 * anew after so many questions without an answer. */
	CHECK_EVERY_MS = 15000,
	CHECK_TIMEOUT_MS = 5000,
	CHECK_MISSES = 2,
	REASON_MAX = 400,
	SOCKET_PATH_MAX = 104, /* sockaddr_un has room for 107 */
};

/* One service. The process exists while it is wanted or still ending. */
struct unit {
	struct fleet *fleet;
	enum service_id id;
	bool wanted;
	enum service_state state;
	char reason[REASON_MAX];
	int64_t self_test_ms; /* -1 = none yet */
	struct proc *proc;
	struct addr addr;
	char path[SOCKET_PATH_MAX];
	struct httpc_call *test; /* the self-test, or a check */
	int64_t test_began_us;
	int64_t knock_ms;
	unsigned misses;
	struct timer timer; /* next knock, next check, retry after FAILED */
};

struct fleet {
	unsigned magic;
#define FLEET_MAGIC 0xf1ee7001u
	struct loop *loop;
	char *program;
	char *run_dir;
	char *programs;
	char *no_program;
	char log[32];       /* "HEARTH_LOG=human" */
	char log_level[48]; /* "HEARTH_LOG_LEVEL=info" */
	void (*on_change)(void *owner);
	void *owner;
	struct unit units[SERVICE__COUNT];
	struct defer tell;
	bool stopping;
	void (*on_stopped)(void *arg);
	void *stopped_arg;
	struct defer stopped;
};

/* What a service may see of our environment. */
static const char *const kept_env[] = {"PATH", "HOME", "LANG", "LC_ALL", "TZ",
    "TMPDIR", "TESSDATA_PREFIX", "ASAN_OPTIONS", "UBSAN_OPTIONS",
    "HEARTH_SANDBOX", "CUDA_VISIBLE_DEVICES", NULL};

/* Readers free and take back thousands of small pieces a page; kept by size,
 * they cost a sixth less time. Can only be asked for from outside. */
static const char heap[] = "GLIBC_TUNABLES=glibc.malloc.tcache_count=8000";

static const char *
unit_name(const struct unit *u)
{
	return catalogue_at(u->id)->name;
}

static void
tell(void *arg)
{
	struct fleet *f;

	CAST_OBJ(f, arg, FLEET_MAGIC);
	f->on_change(f->owner);
}

static void
set_state(struct unit *u, enum service_state state, const char *reason)
{
	if (u->state == state && str_eqz(str_of(u->reason), reason))
		return;
	u->state = state;
	(void)str_fmt(u->reason, sizeof u->reason, "%s", reason);
	loop_defer(u->fleet->loop, &u->fleet->tell);
}

/* ---- the self-test ---- */

static void
test_stop(struct unit *u)
{
	timer_clear(&u->timer);
	if (u->test != NULL)
		httpc_cancel(u->test);
	u->test = NULL;
}

/* The time the service says it took; else how long we waited. */
static int64_t
test_time_ms(const struct unit *u, const struct json_val *answer)
{
	int64_t waited = (clock_us() - u->test_began_us + 999) / 1000;
	double ms;

	if (json_as_f64(json_get(answer, "ms"), &ms) && ms >= 0 && ms < 1e9)
		return (int64_t)(ms + 0.5);
	return waited;
}

static void
test_failed(struct unit *u, const struct json_val *answer, int status)
{
	const struct json_val *e = json_get(answer, "error");
	char why[REASON_MAX];
	struct str text;

	if (!json_as_str(json_get(e, "message"), &text) &&
	    !json_as_str(e, &text))
		text = STR("it gave no reason");
	(void)str_fmt(why, sizeof why, "self-test failed (status %d): %.*s",
	    status, (int)MIN_OF(text.n, (size_t)200), text.p);
	proc_reject(u->proc, why);
}

static void
on_test_done(void *owner, int status, struct str body, const struct err *why)
{
	struct unit *u = owner;
	const struct json_val *root;
	struct json *j;
	bool ok = false;

	CHECK_OBJ(u->fleet, FLEET_MAGIC);
	u->test = NULL;
	if (proc_state(u->proc) != PROC_STARTING)
		return;
	/* Not listening yet: knock again. A service that hangs is caught by
	 * the limit on starting. */
	if (why != NULL) {
		u->knock_ms = MIN_OF(u->knock_ms * 2, (int64_t)KNOCK_MAX_MS);
		timer_set(&u->timer, u->knock_ms);
		return;
	}
	j = json_parse(body, TEST_ANSWER_MAX, NULL);
	root = j != NULL ? json_root(j) : NULL;
	(void)json_as_bool(json_get(root, "ok"), &ok);
	if (status != 200 || !ok) {
		test_failed(u, root, status);
	} else {
		u->self_test_ms = test_time_ms(u, root);
		proc_ready(u->proc);
	}
	json_free(j);
}

static void
knock(struct unit *u)
{
	struct http_head head = {
	    .method = STR("POST"),
	    .target = STR("/selftest"),
	    .authority = STR("localhost"),
	};
	const struct httpc_ask ask = {
	    .to = &u->addr,
	    .head = &head,
	    .max = TEST_ANSWER_MAX,
	    .timeout_ms = TEST_TIMEOUT_MS,
	};

	if (access(u->path, F_OK) != 0) {
		u->knock_ms = MIN_OF(u->knock_ms * 2, (int64_t)KNOCK_MAX_MS);
		timer_set(&u->timer, u->knock_ms);
		return;
	}
	u->test_began_us = clock_us();
	u->test = httpc_request(u->fleet->loop, &ask, on_test_done, u);
}

/* ---- is it still there? ---- */

static void
on_checked(void *owner, int status UNUSED, struct str body UNUSED,
    const struct err *why)
{
	struct unit *u = owner;

	CHECK_OBJ(u->fleet, FLEET_MAGIC);
	u->test = NULL;
	if (proc_state(u->proc) != PROC_READY)
		return;
	u->misses = why != NULL ? u->misses + 1 : 0;
	if (u->misses >= CHECK_MISSES)
		proc_reject(u->proc, "it does not answer any more");
	else
		timer_set(&u->timer, why != NULL ? 1 : CHECK_EVERY_MS);
}

static void
check(struct unit *u)
{
	struct http_head head = {
	    .method = STR("GET"),
	    .target = STR("/health"),
	    .authority = STR("localhost"),
	    .no_body = true,
	};
	const struct httpc_ask ask = {
	    .to = &u->addr,
	    .head = &head,
	    .max = TEST_ANSWER_MAX,
	    .timeout_ms = CHECK_TIMEOUT_MS,
	};

	u->test = httpc_request(u->fleet->loop, &ask, on_checked, u);
}

/* ---- processes ---- */

static const char *
last_words(const struct proc *p)
{
	const char *last = NULL, *line;

	for (size_t i = 0; (line = proc_line(p, i)) != NULL; i++)
		if (line[0] != '\0')
			last = line;
	return last;
}

static void
failed(struct unit *u)
{
	const char *words = last_words(u->proc);
	char reason[REASON_MAX];

	if (words != NULL)
		(void)str_fmt(reason, sizeof reason,
		    "keeps ending (%s); last words: %s", proc_why(u->proc),
		    words);
	else
		(void)str_fmt(reason, sizeof reason, "keeps ending (%s)",
		    proc_why(u->proc));
	set_state(u, SERVICE_FAILED, reason);
	timer_set(&u->timer, FLEET_RETRY_MS);
}

static bool
all_down(const struct fleet *f)
{
	for (size_t i = 0; i < COUNT_OF(f->units); i++)
		if (f->units[i].proc != NULL &&
		    proc_state(f->units[i].proc) != PROC_DOWN)
			return false;
	return true;
}

static void
tell_stopped(void *arg)
{
	struct fleet *f;

	CAST_OBJ(f, arg, FLEET_MAGIC);
	f->on_stopped(f->stopped_arg);
}

static void
on_down(struct unit *u)
{
	struct fleet *f = u->fleet;

	(void)unlink(u->path);
	set_state(u, SERVICE_STOPPED, "");
	if (f->stopping && all_down(f))
		loop_defer(f->loop, &f->stopped);
}

static void
on_state(void *owner, struct proc *p, enum proc_state now)
{
	struct unit *u = owner;
	char reason[REASON_MAX];

	CHECK_OBJ(u->fleet, FLEET_MAGIC);
	if (now != PROC_STARTING && now != PROC_READY)
		test_stop(u);
	switch (now) {
	case PROC_STARTING:
		u->knock_ms = KNOCK_FIRST_MS;
		timer_set(&u->timer, u->knock_ms);
		set_state(u, SERVICE_STARTING, u->reason);
		return;
	case PROC_READY:
		u->misses = 0;
		timer_set(&u->timer, CHECK_EVERY_MS);
		set_state(u, SERVICE_READY, "");
		log_info("fleet", "%s is ready (self-test %lld ms)",
		    unit_name(u), (long long)u->self_test_ms);
		return;
	case PROC_BACKOFF:
		(void)str_fmt(reason, sizeof reason, "starting again: %s",
		    proc_why(p));
		set_state(u, SERVICE_STARTING, reason);
		return;
	case PROC_FAILED:
		failed(u);
		return;
	case PROC_STOPPING:
		set_state(u, u->wanted ? SERVICE_STARTING : SERVICE_STOPPED,
		    u->wanted ? proc_why(p) : "");
		return;
	case PROC_DOWN:
		on_down(u);
		return;
	}
}

/* Services write finished log lines; they are passed on as they are, but for
 * bytes that could upset a terminal. */
static void
on_line(void *owner UNUSED, struct proc *p UNUSED, struct str line)
{
	char text[SPAWN_LINE_MAX + 2];
	size_t n = MIN_OF(line.n, (size_t)SPAWN_LINE_MAX);

	for (size_t i = 0; i < n; i++)
		text[i] = (char)((unsigned char)line.p[i] < 0x20 ? ' '
								 : line.p[i]);
	text[n] = '\n';
	if (write(STDERR_FILENO, text, n + 1) < 0)
		return; /* a full log disk never stops a service */
}

static const struct proc_sink unit_sink = {on_state, on_line};

static void
unit_on_timer(void *arg)
{
	struct unit *u = arg;

	CHECK_OBJ(u->fleet, FLEET_MAGIC);
	if (proc_state(u->proc) == PROC_STARTING)
		knock(u);
	else if (proc_state(u->proc) == PROC_READY)
		check(u);
	else if (proc_state(u->proc) == PROC_FAILED && u->wanted)
		proc_start(u->proc);
}

static void
make_proc(struct unit *u)
{
	struct fleet *f = u->fleet;
	const char *argv[] = {f->program, unit_name(u), "--socket", u->path,
	    NULL};
	const char *const extra[] = {f->log, f->log_level, heap, NULL};
	char **env = spawn_env(kept_env, extra);
	struct proc_spec spec = {
	    .name = unit_name(u),
	    .argv = argv,
	    .env = (const char *const *)env,
	    .ready = PROC_READY_TOLD,
	    .start_timeout_ms = START_TIMEOUT_MS,
	    .stop_timeout_ms = STOP_TIMEOUT_MS,
	};

	u->proc = proc_new(f->loop, &spec, &unit_sink, u);
	free(env);
}

/* Is the name one of the lines? */
static bool
has_line(const char *lines, const char *name)
{
	struct str rest = str_of(lines);

	while (rest.p != NULL)
		if (str_eqz(str_trim(str_cut(&rest, '\n')), name))
			return true;
	return false;
}

static bool
can_run(struct unit *u)
{
	struct fleet *f = u->fleet;
	char reason[REASON_MAX];
	struct err err = {0};
	char at[SOCKET_PATH_MAX + 8];

	if (f->programs == NULL) {
		set_state(u, SERVICE_NOT_AVAILABLE, f->no_program);
		return false;
	}
	if (!has_line(f->programs, unit_name(u))) {
		(void)str_fmt(reason, sizeof reason,
		    "no program for '%s' in this version", unit_name(u));
		set_state(u, SERVICE_NOT_AVAILABLE, reason);
		return false;
	}
	if (u->path[0] != '\0')
		return true;
	if (!str_fmt(u->path, sizeof u->path, "%s/%s.sock", f->run_dir,
		unit_name(u)) ||
	    !str_fmt(at, sizeof at, "unix:%s", u->path) ||
	    addr_parse(str_of(at), &u->addr, &err) != 0) {
		u->path[0] = '\0';
		set_state(u, SERVICE_NOT_AVAILABLE,
		    "the path of its socket is too long; choose another data "
		    "folder with --data");
		return false;
	}
	return true;
}

static void
unit_want(struct unit *u)
{
	if (u->wanted)
		return;
	u->wanted = true;
	if (!can_run(u))
		return;
	if (u->proc == NULL)
		make_proc(u);
	(void)unlink(u->path);
	u->self_test_ms = -1;
	set_state(u, SERVICE_STARTING, "");
	proc_start(u->proc);
}

static void
unit_unwant(struct unit *u)
{
	u->wanted = false;
	if (u->proc != NULL && proc_state(u->proc) != PROC_DOWN) {
		test_stop(u);
		proc_stop(u->proc);
	}
	set_state(u, SERVICE_STOPPED, "");
}

/* ---- the whole ---- */

static char *
copy(const char *z)
{
	return z != NULL ? xstrdup(z) : NULL;
}

struct fleet *
fleet_new(struct loop *l, const struct fleet_conf *conf)
{
	struct fleet *f = xcalloc(1, sizeof *f);

	f->magic = FLEET_MAGIC;
	f->loop = l;
	f->program = xstrdup(conf->program);
	f->run_dir = xstrdup(conf->run_dir);
	f->programs = copy(conf->programs);
	f->no_program = copy(conf->no_program);
	(void)str_fmt(f->log, sizeof f->log, "HEARTH_LOG=%s",
	    conf->log != NULL ? conf->log : "human");
	(void)str_fmt(f->log_level, sizeof f->log_level, "HEARTH_LOG_LEVEL=%s",
	    conf->log_level != NULL ? conf->log_level : "info");
	f->on_change = conf->on_change;
	f->owner = conf->owner;
	f->tell = (struct defer){.fn = tell, .arg = f};
	f->stopped = (struct defer){.fn = tell_stopped, .arg = f};
	for (size_t i = 0; i < COUNT_OF(f->units); i++) {
		struct unit *u = &f->units[i];

		u->fleet = f;
		u->id = (enum service_id)i;
		u->state = SERVICE_STOPPED;
		u->self_test_ms = -1;
		timer_init(&u->timer, l, unit_on_timer, u);
	}
	return f;
}

void
fleet_want(struct fleet *f, service_set wanted)
{
	CHECK_OBJ(f, FLEET_MAGIC);
	if (f->stopping)
		return;
	for (size_t i = 0; i < COUNT_OF(f->units); i++) {
		if ((wanted & SERVICE_BIT(i)) != 0)
			unit_want(&f->units[i]);
		else if (f->units[i].wanted)
			unit_unwant(&f->units[i]);
	}
}

void
fleet_stop(struct fleet *f, void (*done)(void *arg), void *arg)
{
	CHECK_OBJ(f, FLEET_MAGIC);
	assert(!f->stopping);
	f->stopping = true;
	f->on_stopped = done;
	f->stopped_arg = arg;
	for (size_t i = 0; i < COUNT_OF(f->units); i++)
		if (f->units[i].wanted)
			unit_unwant(&f->units[i]);
	if (all_down(f))
		loop_defer(f->loop, &f->stopped);
}

void
fleet_free(struct fleet *f)
{
	if (f == NULL)
		return;
	CHECK_OBJ(f, FLEET_MAGIC);
	for (size_t i = 0; i < COUNT_OF(f->units); i++) {
		struct unit *u = &f->units[i];

		test_stop(u);
		proc_free(u->proc);
		if (u->path[0] != '\0')
			(void)unlink(u->path);
	}
	loop_undefer(f->loop, &f->tell);
	loop_undefer(f->loop, &f->stopped);
	free(f->program);
	free(f->run_dir);
	free(f->programs);
	free(f->no_program);
	KILL_OBJ(f);
	free(f);
}

const struct addr *
fleet_addr(const struct fleet *f, enum service_id id)
{
	return f->units[id].state == SERVICE_READY ? &f->units[id].addr : NULL;
}

enum service_state
fleet_state(const struct fleet *f, enum service_id id)
{
	return f->units[id].state;
}

const char *
fleet_reason(const struct fleet *f, enum service_id id)
{
	return f->units[id].reason;
}

size_t
fleet_report(const struct fleet *f, struct wire_state_out *out)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(f->units); i++) {
		const struct unit *u = &f->units[i];

		if (u->wanted)
			out[n++] = (struct wire_state_out){
			    .name = unit_name(u),
			    .state = u->state,
			    .reason = u->reason,
			    .self_test_ms = u->self_test_ms,
			};
	}
	return n;
}
