/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/proc.h"

#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "net/loop.h"
#include "proc/spawn.h"

enum {
	START_TIMEOUT_MS = 30000,
	STOP_TIMEOUT_MS = 5000,
};

struct proc {
	unsigned magic;
#define PROC_MAGIC 0x9c0c5e01u
	struct loop *loop;
	const struct proc_sink *sink;
	void *owner;
	char *name;
	char **argv;
	char **env;
	enum proc_ready ready;
	int64_t start_timeout_ms;
	int64_t stop_timeout_ms;

	struct sm sm;
	bool want_up;
	bool rejected; /* STOPPING, but not because that was asked for */
	struct spawn *child;
	struct timer timer; /* of the state: start limit, kill, back-off */
	struct defer tell;
	int64_t deaths[PROC_DEATHS]; /* when, the latest first; 0 = none */
	char why[PROC_WHY_MAX];
	char *lines[PROC_LINES]; /* a ring */
	size_t lines_seen;
};

const struct sm_state proc_states[] = {
    [PROC_DOWN] = {"down", SM_TO(PROC_STARTING)},
    [PROC_STARTING] = {"starting",
	SM_TO(PROC_READY) | SM_TO(PROC_STOPPING) | SM_TO(PROC_BACKOFF) |
	    SM_TO(PROC_FAILED)},
    [PROC_READY] = {"ready",
	SM_TO(PROC_STOPPING) | SM_TO(PROC_BACKOFF) | SM_TO(PROC_FAILED)},
    [PROC_STOPPING] = {"stopping",
	SM_TO(PROC_DOWN) | SM_TO(PROC_STARTING) | SM_TO(PROC_BACKOFF) |
	    SM_TO(PROC_FAILED)},
    [PROC_BACKOFF] = {"backoff", SM_TO(PROC_STARTING) | SM_TO(PROC_DOWN)},
    [PROC_FAILED] = {"failed", SM_TO(PROC_STARTING) | SM_TO(PROC_DOWN)},
};

static const int64_t backoff_ms[PROC_DEATHS - 1] = {100, 500, 1000, 2000};

static void child_start(struct proc *p);

static void
tell(void *arg)
{
	struct proc *p;

	CAST_OBJ(p, arg, PROC_MAGIC);
	p->sink->on_state(p->owner, p, proc_state(p));
}

/* The one place where the state changes. */
static void
move(struct proc *p, enum proc_state next)
{
	sm_move(&p->sm, (int)next);
	timer_clear(&p->timer);
	loop_defer(p->loop, &p->tell);
}

/* How many deaths lie within the window, this one included. */
static size_t
count_death(struct proc *p)
{
	int64_t now = loop_now_ms(p->loop);
	size_t n = 1;

	for (size_t i = PROC_DEATHS - 1; i > 0; i--)
		p->deaths[i] = p->deaths[i - 1];
	p->deaths[0] = now;
	while (n < PROC_DEATHS && p->deaths[n] != 0 &&
	    now - p->deaths[n] < PROC_DEATHS_MS)
		n++;
	return n;
}

static void
died(struct proc *p)
{
	size_t n = count_death(p);

	if (n == PROC_DEATHS) {
		log_error("proc", "%s failed: %d crashes in a minute, last: %s",
		    p->name, PROC_DEATHS, p->why);
		move(p, PROC_FAILED);
		return;
	}
	log_warn("proc", "%s ended: %s; starting it again in %lld ms", p->name,
	    p->why, (long long)backoff_ms[n - 1]);
	move(p, PROC_BACKOFF);
	timer_set(&p->timer, backoff_ms[n - 1]);
}

static void
stop_child(struct proc *p)
{
	move(p, PROC_STOPPING);
	spawn_kill(p->child, SIGTERM);
	spawn_kill(p->child, SIGCONT);
	timer_set(&p->timer, p->stop_timeout_ms);
}

static void
proc_on_timer(void *arg)
{
	struct proc *p;
	char why[64];

	CAST_OBJ(p, arg, PROC_MAGIC);
	switch (proc_state(p)) {
	case PROC_STARTING:
		(void)str_fmt(why, sizeof why, "not ready within %lld s",
		    (long long)((p->start_timeout_ms + 999) / 1000));
		proc_reject(p, why);
		return;
	case PROC_STOPPING:
		log_warn("proc", "%s ignores SIGTERM; killing it", p->name);
		spawn_kill(p->child, SIGKILL);
		return;
	case PROC_BACKOFF:
		child_start(p);
		return;
	case PROC_DOWN:
	case PROC_READY:
	case PROC_FAILED:
		assert(false && "no timer runs in this state");
	}
}

static void
proc_on_line(void *owner, struct str line)
{
	struct proc *p;
	char **slot;

	CAST_OBJ(p, owner, PROC_MAGIC);
	slot = &p->lines[p->lines_seen++ % PROC_LINES];
	free(*slot);
	*slot = xstrndup(line.p != NULL ? line.p : "", line.n);
	if (p->sink->on_line != NULL)
		p->sink->on_line(p->owner, p, line);
}

static void
proc_on_ready(void *owner)
{
	struct proc *p;

	CAST_OBJ(p, owner, PROC_MAGIC);
	proc_ready(p);
}

static void
proc_on_exit(void *owner, int wait_status)
{
	struct proc *p;
	char why[SPAWN_WHY_MAX];

	CAST_OBJ(p, owner, PROC_MAGIC);
	spawn_free(p->child);
	p->child = NULL;
	if (!p->rejected)
		(void)str_fmt(p->why, sizeof p->why, "%s",
		    spawn_why(wait_status, why));
	if (proc_state(p) != PROC_STOPPING || (p->rejected && p->want_up))
		died(p);
	else if (p->want_up)
		child_start(p);
	else
		move(p, PROC_DOWN);
	p->rejected = false;
}

static const struct spawn_sink child_sink = {
    .on_line = proc_on_line,
    .on_ready = proc_on_ready,
    .on_exit = proc_on_exit,
};

static void
child_start(struct proc *p)
{
	struct spawn_conf conf = {
	    .argv = (const char *const *)p->argv,
	    .env = (const char *const *)p->env,
	    .ready_fd = p->ready == PROC_READY_FD,
	};
	struct err err = {0};

	move(p, PROC_STARTING);
	p->child = spawn_new(p->loop, &conf, &child_sink, p, &err);
	if (p->child == NULL) {
		(void)str_fmt(p->why, sizeof p->why, "%s", err.msg);
		died(p);
		return;
	}
	if (p->ready == PROC_READY_AT_ONCE)
		move(p, PROC_READY);
	else
		timer_set(&p->timer, p->start_timeout_ms);
}

/* A NULL-ended vector of strings, copied. */
static char **
copy_strings(const char *const *v)
{
	size_t n = 0;
	char **copy;

	while (v != NULL && v[n] != NULL)
		n++;
	copy = xcalloc(n + 1, sizeof *copy);
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(v[i]);
	return copy;
}

static void
free_strings(char **v)
{
	for (size_t i = 0; v[i] != NULL; i++)
		free(v[i]);
	free(v);
}

struct proc *
proc_new(struct loop *l, const struct proc_spec *spec,
    const struct proc_sink *sink, void *owner)
{
	struct proc *p = xcalloc(1, sizeof *p);

	p->magic = PROC_MAGIC;
	p->loop = l;
	p->sink = sink;
	p->owner = owner;
	p->name = xstrdup(spec->name);
	p->argv = copy_strings(spec->argv);
	p->env = copy_strings(spec->env);
	p->ready = spec->ready;
	p->start_timeout_ms = spec->start_timeout_ms > 0
	    ? spec->start_timeout_ms
	    : START_TIMEOUT_MS;
	p->stop_timeout_ms = spec->stop_timeout_ms > 0 ? spec->stop_timeout_ms
						       : STOP_TIMEOUT_MS;
	p->tell = (struct defer){.fn = tell, .arg = p};
	timer_init(&p->timer, l, proc_on_timer, p);
	sm_init(&p->sm, proc_states, "proc", 0, PROC_DOWN);
	return p;
}

void
proc_start(struct proc *p)
{
	enum proc_state now = proc_state(p);

	CHECK_OBJ(p, PROC_MAGIC);
	p->want_up = true;
	if (now == PROC_FAILED)
		for (size_t i = 0; i < PROC_DEATHS; i++)
			p->deaths[i] = 0;
	if (now == PROC_DOWN || now == PROC_FAILED)
		child_start(p);
}

void
proc_stop(struct proc *p)
{
	CHECK_OBJ(p, PROC_MAGIC);
	p->want_up = false;
	switch (proc_state(p)) {
	case PROC_STARTING:
	case PROC_READY:
		stop_child(p);
		return;
	case PROC_BACKOFF:
	case PROC_FAILED:
		move(p, PROC_DOWN);
		return;
	case PROC_DOWN:
	case PROC_STOPPING:
		return;
	}
}

void
proc_ready(struct proc *p)
{
	CHECK_OBJ(p, PROC_MAGIC);
	if (proc_state(p) == PROC_STARTING)
		move(p, PROC_READY);
}

void
proc_reject(struct proc *p, const char *why)
{
	CHECK_OBJ(p, PROC_MAGIC);
	if (proc_state(p) != PROC_STARTING && proc_state(p) != PROC_READY)
		return;
	(void)str_fmt(p->why, sizeof p->why, "%s", why);
	p->rejected = true;
	stop_child(p);
}

void
proc_free(struct proc *p)
{
	if (p == NULL)
		return;
	CHECK_OBJ(p, PROC_MAGIC);
	spawn_free(p->child);
	timer_clear(&p->timer);
	loop_undefer(p->loop, &p->tell);
	for (size_t i = 0; i < PROC_LINES; i++)
		free(p->lines[i]);
	free_strings(p->argv);
	free_strings(p->env);
	free(p->name);
	KILL_OBJ(p);
	free(p);
}

enum proc_state
proc_state(const struct proc *p)
{
	return (enum proc_state)p->sm.state;
}

pid_t
proc_pid(const struct proc *p)
{
	return p->child != NULL ? spawn_pid(p->child) : 0;
}

const char *
proc_why(const struct proc *p)
{
	return p->why;
}

const char *
proc_line(const struct proc *p, size_t i)
{
	size_t kept = MIN_OF(p->lines_seen, (size_t)PROC_LINES);

	if (i >= kept)
		return NULL;
	return p->lines[(p->lines_seen - kept + i) % PROC_LINES];
}
