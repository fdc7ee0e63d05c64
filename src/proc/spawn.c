/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork() and execve() rather than uv_spawn(): only code between the two can
 * ask for the parent's death signal on behalf of any program. The end of the
 * child is heard through a pidfd, so no SIGCHLD handler is needed and other
 * users of child processes are not disturbed.
 *
 * Between fork() and execve() only async-signal-safe calls are made, since
 * other threads (the store, libuv's pool) may hold any lock at that moment.
 */
#include "proc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/obj.h"
#include "net/loop_uv.h"

enum {
	READ_CHUNK = 64 * 1024,
	READS_PER_TURN = 4, /* a chatty child leaves the loop to others */
	READS_AT_END = 64,  /* of what a dead child left in the pipe */
	FIRST_EXTRA_FD = SPAWN_READY_FD + 1,
	FD_ABOVE = FIRST_EXTRA_FD + SPAWN_FDS_MAX,
};

struct watch {
	uv_poll_t poll;
	struct spawn *spawn;
	int fd;
	bool on;
};

struct spawn {
	unsigned magic;
#define SPAWN_MAGIC 0x5baa4e01u
	struct loop *loop;
	const struct spawn_sink *sink;
	void *owner;
	pid_t pid; /* 0 once reaped */
	struct watch life;
	struct watch output;
	struct watch ready;
	unsigned closing; /* handles that libuv has not given back yet */
	bool freed;
	struct buf line;
	bool cutting; /* the rest of an over-long line is being dropped */
};

/* What the child needs, gathered before the fork. */
struct plan {
	const struct spawn_conf *conf;
	char *const *argv;
	char *const *env;
	pid_t parent;
	int null_fd;
	int out_fd;
	int ready_fd; /* -1: none */
	int error_fd; /* takes errno when the program cannot be run */
};

/* ---- in the child ---- */

static int
move_up(int fd)
{
	return fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, FD_ABOVE);
}

/* Puts every descriptor where the program expects it. All of them go above
 * the range first, so that none is overwritten before it was moved. */
static int
child_fds(struct plan *p)
{
	int extra[SPAWN_FDS_MAX];
	size_t n = p->conf->n_fds;
	int keep[4] = {p->null_fd, p->out_fd, p->ready_fd, p->error_fd};

	for (size_t i = 0; i < n; i++)
		if ((extra[i] = move_up(p->conf->fds[i])) < 0)
			return -1;
	for (size_t i = 0; i < COUNT_OF(keep); i++)
		if ((keep[i] = move_up(keep[i])) < 0 && i != 2)
			return -1;
	if (dup2(keep[0], 0) < 0 || dup2(keep[1], 1) < 0 ||
	    dup2(keep[1], 2) < 0)
		return -1;
	(void)close_range(3, FD_ABOVE - 1, 0);
	if (keep[2] >= 0 && dup2(keep[2], SPAWN_READY_FD) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (dup2(extra[i], FIRST_EXTRA_FD + (int)i) < 0)
			return -1;
	/* Everything above must not outlive the execve(). */
	p->error_fd = keep[3];
	return close_range(FD_ABOVE, ~0u, CLOSE_RANGE_CLOEXEC);
}

static void
child_signals(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &sa, NULL);
	(void)sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
}

NORETURN static void
child_run(struct plan *p)
{
	int e;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		goto fail;
	/* The parent may have died before the line above took effect. */
	if (getppid() != p->parent)
		_exit(127);
	child_signals();
	if (setpgid(0, 0) != 0 || child_fds(p) != 0)
		goto fail;
	if (p->conf->cwd != NULL && chdir(p->conf->cwd) != 0)
		goto fail;
	(void)execve(p->argv[0], p->argv, p->env);
fail:
	e = errno;
	if (write(p->error_fd, &e, sizeof e) < 0) {
	}
	_exit(127);
}

/* ---- output ---- */

/* Hands the gathered line on. A line that is no UTF-8 has its odd bytes
 * replaced, since it may end up in JSON. */
static void
line_done(struct spawn *s)
{
	if (s->line.n > 0 && s->line.p[s->line.n - 1] == '\r')
		s->line.n--;
	if (!str_utf8_ok(buf_view(&s->line)))
		for (size_t i = 0; i < s->line.n; i++)
			if ((unsigned char)s->line.p[i] >= 0x80)
				s->line.p[i] = '?';
	if (s->sink->on_line != NULL)
		s->sink->on_line(s->owner, buf_view(&s->line));
	buf_clear(&s->line);
	s->cutting = false;
}

static void
line_add(struct spawn *s, const char *p, size_t n)
{
	size_t room = SPAWN_LINE_MAX - s->line.n;

	if (s->cutting)
		return;
	s->cutting = n > room;
	(void)buf_add(&s->line, p, MIN_OF(n, room));
}

static void
take_output(struct spawn *s, const char *p, size_t n)
{
	const char *nl;

	while (!s->freed && (nl = memchr(p, '\n', n)) != NULL) {
		line_add(s, p, (size_t)(nl - p));
		line_done(s);
		n -= (size_t)(nl + 1 - p);
		p = nl + 1;
	}
	if (!s->freed)
		line_add(s, p, n);
}

/* ---- handles ---- */

static void
release(struct spawn *s)
{
	if (!s->freed || s->closing > 0)
		return;
	buf_fini(&s->line);
	KILL_OBJ(s);
	free(s);
}

static void
watch_on_closed(uv_handle_t *h)
{
	struct watch *w = CONTAINER_OF((uv_poll_t *)(void *)h, struct watch,
	    poll);
	struct spawn *s = w->spawn;

	CHECK_OBJ(s, SPAWN_MAGIC);
	s->closing--;
	release(s);
}

static void
watch_stop(struct watch *w)
{
	if (!w->on)
		return;
	w->on = false;
	(void)uv_poll_stop(&w->poll);
	(void)close(w->fd);
	w->fd = -1;
	w->spawn->closing++;
	uv_close((uv_handle_t *)&w->poll, watch_on_closed);
}

/* Reads at most `reads` chunks; stops watching at the end of the stream. */
static void
read_output(struct spawn *s, int reads)
{
	char chunk[READ_CHUNK];

	while (reads-- > 0 && s->output.on) {
		ssize_t n = read(s->output.fd, chunk, sizeof chunk);

		if (n > 0) {
			take_output(s, chunk, (size_t)n);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		watch_stop(&s->output);
	}
}

static struct spawn *
watch_spawn(uv_poll_t *h)
{
	struct spawn *s = CONTAINER_OF(h, struct watch, poll)->spawn;

	CHECK_OBJ(s, SPAWN_MAGIC);
	return s;
}

static void
output_on_event(uv_poll_t *h, int status UNUSED, int events UNUSED)
{
	struct spawn *s = watch_spawn(h);

	s->closing++; /* keeps s while callbacks run */
	read_output(s, READS_PER_TURN);
	s->closing--;
	release(s);
}

static void
ready_on_event(uv_poll_t *h, int status UNUSED, int events UNUSED)
{
	struct spawn *s = watch_spawn(h);
	char text[64];
	ssize_t n = read(s->ready.fd, text, sizeof text);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	watch_stop(&s->ready);
	if (n > 0 && s->sink->on_ready != NULL)
		s->sink->on_ready(s->owner);
}

/* What is left of the group dies before its leader is reaped: until then the
 * number cannot belong to anybody else. */
static int
reap(struct spawn *s)
{
	int status = 0;

	(void)kill(-s->pid, SIGKILL);
	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	s->pid = 0;
	return status;
}

static void
life_on_event(uv_poll_t *h, int status UNUSED, int events UNUSED)
{
	struct spawn *s = watch_spawn(h);
	int how = reap(s);

	s->closing++;
	watch_stop(&s->life);
	watch_stop(&s->ready);
	read_output(s, READS_AT_END);
	watch_stop(&s->output);
	if (!s->freed && s->line.n > 0)
		line_done(s);
	if (!s->freed)
		s->sink->on_exit(s->owner, how);
	s->closing--;
	release(s);
}

static void
watch_start(struct spawn *s, struct watch *w, int fd, uv_poll_cb on_event)
{
	w->spawn = s;
	w->fd = fd;
	w->on = true;
	if (uv_poll_init(loop_uv(s->loop), &w->poll, fd) != 0 ||
	    uv_poll_start(&w->poll, UV_READABLE, on_event) != 0)
		assert(false && "a fresh descriptor can be watched");
}

/* ---- starting ---- */

/* Waits until the program runs (the pipe closes) or says why it does not. */
static int
exec_result(int fd)
{
	int e = 0;
	ssize_t n;

	do
		n = read(fd, &e, sizeof e);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof e ? e : 0;
}

static pid_t
fork_child(struct plan *p)
{
	sigset_t all, before;
	pid_t pid;

	/* No handler of ours may run in the child. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		child_run(p);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

struct pipes {
	int null_fd;
	int out[2];
	int ready[2];
	int error[2];
};

static void
pipes_close(struct pipes *p)
{
	int all[] = {p->null_fd, p->out[0], p->out[1], p->ready[0], p->ready[1],
	    p->error[0], p->error[1]};

	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (all[i] >= 0)
			(void)close(all[i]);
}

static int
pipes_open(struct pipes *p, bool ready, struct err *err)
{
	*p = (struct pipes){-1, {-1, -1}, {-1, -1}, {-1, -1}};
	p->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (p->null_fd < 0 || pipe2(p->out, O_CLOEXEC) != 0 ||
	    pipe2(p->error, O_CLOEXEC) != 0 ||
	    (ready && pipe2(p->ready, O_CLOEXEC) != 0)) {
		(void)err_sys(err, errno, "opening pipes for a child");
		pipes_close(p);
		return -1;
	}
	(void)fcntl(p->out[0], F_SETFL, O_NONBLOCK);
	if (ready)
		(void)fcntl(p->ready[0], F_SETFL, O_NONBLOCK);
	return 0;
}

/* execve() changes nothing behind these pointers, but its type does not say
 * so. */
static char *const *
strings(const char *const *list)
{
	union {
		const char *const *in;
		char *const *out;
	} cast = {.in = list};

	return cast.out;
}

/* The program runs and its pid, or -1 with nothing left behind. */
static pid_t
start(const struct spawn_conf *conf, struct pipes *pp, struct err *err)
{
	static char *const no_env[] = {NULL};
	struct plan plan = {
	    .conf = conf,
	    .argv = strings(conf->argv),
	    .env = conf->env != NULL ? strings(conf->env) : no_env,
	    .parent = getpid(),
	    .null_fd = pp->null_fd,
	    .out_fd = pp->out[1],
	    .ready_fd = pp->ready[1],
	    .error_fd = pp->error[1],
	};
	pid_t pid = fork_child(&plan);
	int e;

	if (pid < 0)
		return (
		    pid_t)err_sys(err, errno, "starting '%s'", conf->argv[0]);
	(void)close(pp->error[1]);
	pp->error[1] = -1;
	e = exec_result(pp->error[0]);
	if (e == 0)
		return pid;
	(void)waitpid(pid, NULL, 0);
	return (pid_t)err_sys(err, e, "starting '%s'", conf->argv[0]);
}

struct spawn *
spawn_new(struct loop *l, const struct spawn_conf *conf,
    const struct spawn_sink *sink, void *owner, struct err *err)
{
	struct spawn *s;
	struct pipes pp;
	pid_t pid;
	int pidfd;

	loop_assert(l);
	assert(conf->n_fds <= SPAWN_FDS_MAX);
	if (pipes_open(&pp, conf->ready_fd, err) != 0)
		return NULL;
	pid = start(conf, &pp, err);
	if (pid < 0) {
		pipes_close(&pp);
		return NULL;
	}
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		(void)err_sys(err, errno, "watching '%s'", conf->argv[0]);
		(void)kill(-pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		pipes_close(&pp);
		return NULL;
	}
	(void)fcntl(pidfd, F_SETFD, FD_CLOEXEC);
	s = xcalloc(1, sizeof *s);
	s->magic = SPAWN_MAGIC;
	s->loop = l;
	s->sink = sink;
	s->owner = owner;
	s->pid = pid;
	s->line = BUF_INIT(SPAWN_LINE_MAX);
	watch_start(s, &s->life, pidfd, life_on_event);
	watch_start(s, &s->output, pp.out[0], output_on_event);
	pp.out[0] = -1;
	if (conf->ready_fd) {
		watch_start(s, &s->ready, pp.ready[0], ready_on_event);
		pp.ready[0] = -1;
	}
	pipes_close(&pp);
	return s;
}

pid_t
spawn_pid(const struct spawn *s)
{
	return s->pid;
}

void
spawn_kill(struct spawn *s, int signo)
{
	CHECK_OBJ(s, SPAWN_MAGIC);
	if (s->pid > 0)
		(void)kill(-s->pid, signo);
}

void
spawn_free(struct spawn *s)
{
	if (s == NULL)
		return;
	CHECK_OBJ(s, SPAWN_MAGIC);
	assert(!s->freed);
	if (s->pid > 0)
		(void)reap(s);
	s->freed = true;
	s->closing++;
	watch_stop(&s->life);
	watch_stop(&s->output);
	watch_stop(&s->ready);
	s->closing--;
	release(s);
}

/* ---- small helpers ---- */

char *
spawn_why(int wait_status, char *out)
{
	int signo;

	if (WIFEXITED(wait_status)) {
		(void)str_fmt(out, SPAWN_WHY_MAX, "exit status %d",
		    WEXITSTATUS(wait_status));
		return out;
	}
	signo = WTERMSIG(wait_status);
	(void)str_fmt(out, SPAWN_WHY_MAX, "signal %d (%s)", signo,
	    sigdescr_np(signo) != NULL ? sigdescr_np(signo) : "unknown");
	return out;
}

static const char *
env_find(const char *name)
{
	size_t n = strlen(name);

	for (char **e = environ; *e != NULL; e++)
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e;
	return NULL;
}

char **
spawn_env(const char *const *names, const char *const *extra)
{
	size_t count = 1, bytes = 0, k = 0;
	const char **found;
	char **env, *text;

	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		count++;
	for (size_t i = 0; extra != NULL && extra[i] != NULL; i++)
		count++;
	found = xcalloc(count, sizeof *found);
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		if ((found[k] = env_find(names[i])) != NULL)
			k++;
	for (size_t i = 0; extra != NULL && extra[i] != NULL; i++)
		found[k++] = extra[i];
	for (size_t i = 0; i < k; i++)
		bytes += strlen(found[i]) + 1;
	env = xmalloc(count * sizeof *env + bytes);
	text = (char *)(env + count);
	for (size_t i = 0; i < k; i++) {
		size_t n = strlen(found[i]) + 1;

		env[i] = memcpy(text, found[i], n);
		text += n;
	}
	env[k] = NULL;
	free(found);
	return env;
}
