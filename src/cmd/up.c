/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/up.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/obj.h"
#include "net/loop.h"
#include "proc/proc.h"
#include "proc/spawn.h"

enum {
	ROLE_ARGS_MAX = CONFIG_ARGS_MAX + 8,
	START_TIMEOUT_MS = 60 * 1000,
	STOP_TIMEOUT_MS = 40 * 1000, /* a worker drains first */
};

struct up;

struct role {
	const char *name;
	struct up *up;
	struct proc *proc;
	bool was_ready;
};

/* In the order of starting; stopped the other way round. */
enum {
	COORDINATOR,
	WORKER,
	ROLES
};

struct up {
	unsigned magic;
#define UP_MAGIC 0x0b5e55edu
	struct loop *loop;
	struct config *conf;
	const struct up_sink *sink;
	struct role roles[ROLES];
	bool stopping;
	bool told;
	struct err why; /* code is ERR_OK while all is well */
};

void
up_url(const struct config *c, char *out, size_t cap)
{
	bool here = strcmp(c->host, "127.0.0.1") == 0 ||
	    strcmp(c->host, "0.0.0.0") == 0 || strcmp(c->host, "::1") == 0;

	(void)str_fmt(out, cap, "http://%s:%llu", here ? "localhost" : c->host,
	    (unsigned long long)c->port);
}

/* --- stopping: the last role first ----------------------------------------- */

static void
stop_next(struct up *u)
{
	for (size_t i = ROLES; i-- > 0;) {
		struct role *r = &u->roles[i];
		enum proc_state s = proc_state(r->proc);

		if (s == PROC_DOWN)
			continue;
		proc_stop(r->proc);
		return;
	}
	loop_stop(u->loop);
}

static void
stop(struct up *u)
{
	if (u->stopping)
		return;
	u->stopping = true;
	stop_next(u);
}

static void
on_signal(void *arg, int signo UNUSED)
{
	struct up *u;

	CAST_OBJ(u, arg, UP_MAGIC);
	stop(u);
}

/* --- the roles' states -------------------------------------------------------- */

static const char *
last_words(const struct proc *p)
{
	const char *last = NULL;
	const char *line;

	for (size_t i = 0; (line = proc_line(p, i)) != NULL; i++)
		last = line;
	return last != NULL ? last : proc_why(p);
}

static void
role_lost(struct role *r)
{
	struct up *u = r->up;

	if (!r->was_ready) {
		(void)err_set(&u->why, ERR_INTERNAL, "%s did not start: %s",
		    r->name, last_words(r->proc));
		stop(u);
	}
}

static void
role_ready(struct role *r)
{
	struct up *u = r->up;

	r->was_ready = true;
	if (r == &u->roles[COORDINATOR] &&
	    proc_state(u->roles[WORKER].proc) == PROC_DOWN)
		proc_start(u->roles[WORKER].proc);
	for (size_t i = 0; i < ROLES; i++) {
		if (!u->roles[i].was_ready)
			return;
	}
	if (!u->told && u->sink->on_ready != NULL)
		u->sink->on_ready(u->sink->owner);
	u->told = true;
}

static void
on_state(void *owner, struct proc *p UNUSED, enum proc_state now)
{
	struct role *r = owner;

	if (r->up->stopping) {
		if (now == PROC_DOWN)
			stop_next(r->up);
		return;
	}
	switch (now) {
	case PROC_READY:
		role_ready(r);
		break;
	case PROC_BACKOFF:
		role_lost(r);
		break;
	case PROC_FAILED:
		(void)err_set(&r->up->why, ERR_INTERNAL, "%s keeps ending: %s",
		    r->name, last_words(r->proc));
		stop(r->up);
		break;
	case PROC_DOWN:
	case PROC_STARTING:
	case PROC_STOPPING:
		break;
	}
}

/* The roles write finished log lines; they are passed on as they are. */
static void
on_line(void *owner UNUSED, struct proc *p UNUSED, struct str line)
{
	(void)fprintf(stderr, "%.*s\n", STR_ARG(line));
}

static const struct proc_sink role_sink = {on_state, on_line};

/* --- starting ------------------------------------------------------------------- */

static const char *const kept_env[] = {"PATH", "HOME", "LANG", "LC_ALL", "TZ",
    "XDG_RUNTIME_DIR", "TMPDIR", "TESSDATA_PREFIX", "ASAN_OPTIONS",
    "UBSAN_OPTIONS", "HEARTH_SANDBOX", "CUDA_VISIBLE_DEVICES", NULL};

static void
role_new(struct up *u, size_t i, const char *name, const char **args, size_t n)
{
	const char *ready[] = {"HEARTH_READY_FD=3", NULL};
	const char *argv[ROLE_ARGS_MAX];
	char **env = spawn_env(kept_env, ready);
	struct role *r = &u->roles[i];
	struct proc_spec spec = {
	    .name = name,
	    .argv = argv,
	    .env = (const char *const *)env,
	    .ready = PROC_READY_FD,
	    .start_timeout_ms = START_TIMEOUT_MS,
	    .stop_timeout_ms = STOP_TIMEOUT_MS,
	};

	argv[0] = "/proc/self/exe";
	argv[1] = name;
	for (size_t k = 0; k < n; k++)
		argv[2 + k] = args[k];
	argv[2 + n] = NULL;
	*r = (struct role){.name = name, .up = u};
	r->proc = proc_new(u->loop, &spec, &role_sink, r);
	free(env);
}

/* The local worker talks to the coordinator beside it, whatever was set. */
static void
set_local(struct config *c)
{
	c->coordinator_url = arena_fmt(&c->arena, "http://%s:%llu",
	    strcmp(c->host, "0.0.0.0") == 0 ? "127.0.0.1" : c->host,
	    (unsigned long long)c->port);
	c->link = arena_fmt(&c->arena, "unix:%s",
	    *c->socket != '\0' ? c->socket
			       : config_path(c, "run/coordinator.sock"));
}

static void
make_roles(struct up *u)
{
	struct config *c = u->conf;
	const char *args[ROLE_ARGS_MAX];
	const char *data = c->data;
	size_t n;

	n = config_args(c, CONFIG_ALL | CONFIG_SERVER, args);
	role_new(u, COORDINATOR, "coordinator", args, n);
	set_local(c);
	c->data = config_path(c, "worker");
	n = config_args(c, CONFIG_ALL | CONFIG_WORKER, args);
	role_new(u, WORKER, "worker", args, n);
	c->data = data;
}

int
up_run(struct config *c, const struct up_sink *sink, struct err *err)
{
	struct up u = {.magic = UP_MAGIC, .conf = c, .sink = sink};

	u.loop = loop_new();
	loop_on_signal(u.loop, SIGTERM, on_signal, &u);
	loop_on_signal(u.loop, SIGINT, on_signal, &u);
	make_roles(&u);
	proc_start(u.roles[COORDINATOR].proc);
	loop_run(u.loop);
	for (size_t i = 0; i < ROLES; i++)
		proc_free(u.roles[i].proc);
	loop_free(u.loop);
	if (u.why.code == ERR_OK)
		return 0;
	*err = u.why;
	return -1;
}
