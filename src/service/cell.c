/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cell has two ends: its socket is closed, and the zygote reports its death.
 * Only when both have happened is it over; whatever made us give up on it
 * before (a bad frame, the clock, the owner) is remembered in `why`.
 */
#include "service/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/obj.h"
#include "proc/watch.h"

enum {
	WALL_MS = 120 * 1000,
	OUTPUT_MAX = 96 * 1024 * 1024,
	READ_SIZE = 64 * 1024,
	READS_PER_TURN = 16, /* so that one talker leaves room for others */
};

enum cell_state {
	CELL_WAITING,
	CELL_RUNNING,
	CELL_DYING
};

struct cell {
	unsigned magic;
#define CELL_MAGIC 0x6ce11a3du
	struct cells *pool;
	enum cell_state state;
	uint32_t id;
	struct service_job job;
	int input;
	int channel; /* a stream socket; -1: at its end */
	struct watch *watch;
	struct timer wall;
	struct frame_in in;
	bool buried; /* the zygote reported its death */
	bool said_end;
	bool killed;    /* by us */
	struct err why; /* code 0: nothing wrong so far */
	int64_t asked_ms;
	struct cell_usage usage;
	const struct cell_sink *sink; /* NULL: cancelled */
	void *owner;
	TAILQ_ENTRY(cell) entry;
};

struct cells {
	struct loop *loop;
	struct cells_conf conf;
	struct watch *watch;
	struct defer pump;
	bool gone;
	uint32_t next_id;
	unsigned n_running;
	unsigned n_waiting;
	uint8_t *scratch;
	TAILQ_HEAD(, cell) running; /* and dying */
	TAILQ_HEAD(, cell) waiting;
};

/* --- the end of a cell --------------------------------------------------- */

static void
explain_signal(int signo, int64_t rss_kb, const struct sandbox_profile *limits,
    struct err *err)
{
	bool large = limits->memory_bytes != 0 &&
	    (uint64_t)rss_kb * 1024 > limits->memory_bytes / 2;

	if (signo == SIGXCPU)
		err_set(err, ERR_TIMEOUT,
		    "reading the document took more than %u s of CPU time",
		    limits->cpu_s);
	else if (signo == SIGKILL || large)
		err_set(err, ERR_LIMIT,
		    "reading the document needs more memory than allowed");
	else if (signo == SIGSYS)
		err_set(err, ERR_CRASHED,
		    "the document made its reader try something forbidden");
	else
		err_set(err, ERR_CRASHED,
		    "the document made its reader crash (%s)",
		    sigabbrev_np(signo) != NULL ? sigabbrev_np(signo) : "?");
}

void
cell_explain(int status, int64_t rss_kb, const struct sandbox_profile *limits,
    struct err *err)
{
	if (WIFSIGNALED(status))
		explain_signal(WTERMSIG(status), rss_kb, limits, err);
	else
		err_set(err, ERR_CRASHED,
		    "the document made its reader end without a result");
}

static void
cell_hang_up(struct cell *c)
{
	watch_free(c->watch);
	c->watch = NULL;
	closep(&c->channel);
	c->channel = -1;
}

static void
cell_drop(struct cell *c)
{
	struct cells *pool = c->pool;

	CHECK_OBJ(c, CELL_MAGIC);
	if (c->state == CELL_WAITING) {
		TAILQ_REMOVE(&pool->waiting, c, entry);
		pool->n_waiting--;
	} else {
		TAILQ_REMOVE(&pool->running, c, entry);
		pool->n_running--;
		loop_defer(pool->loop, &pool->pump);
	}
	timer_clear(&c->wall);
	cell_hang_up(c);
	frame_in_fini(&c->in);
	KILL_OBJ(c);
	free(c);
}

/* Both ends are known, or nothing more is to be known. */
static void
cell_finish(struct cell *c)
{
	const struct cell_sink *sink = c->sink;
	struct cell_usage usage;
	void *owner = c->owner;
	struct err why = c->why;

	if (why.code == ERR_OK && !c->said_end)
		err_set(&why, ERR_CRASHED, "the document reader vanished");
	c->usage.wall_ms = loop_now_ms(c->pool->loop) - c->asked_ms -
	    c->usage.wait_ms;
	usage = c->usage;
	cell_drop(c);
	if (sink != NULL)
		sink->on_end(owner, why.code != ERR_OK ? &why : NULL, &usage);
}

static void
cell_check(struct cell *c)
{
	if (c->channel < 0 && c->buried)
		cell_finish(c);
}

/* Gives up on it; the first reason is kept. */
static void
cell_kill(struct cell *c, const struct err *why)
{
	if (c->why.code == ERR_OK && why != NULL)
		c->why = *why;
	timer_clear(&c->wall);
	cell_hang_up(c);
	if (c->state == CELL_RUNNING && !c->buried)
		c->killed = zygote_send_kill(c->pool->conf.zygote_fd, c->id) ==
		    0;
	c->state = CELL_DYING;
}

/* --- what it says -------------------------------------------------------- */

static int
cell_error_frame(const struct frame *f, struct err *err)
{
	struct frame_cur cur = frame_open(f);
	uint32_t code = frame_u32(&cur);
	struct str text = frame_text(&cur);

	if (!frame_done(&cur) || code == ERR_OK || code >= ERR__COUNT)
		return err_set(err, ERR_CRASHED,
		    "the document reader broke its protocol (error)");
	return err_set(err, (enum err_code)code, "%.*s", STR_ARG(text));
}

static int
cell_on_frame(void *owner, const struct frame *f, struct err *err)
{
	struct cell *c;

	CAST_OBJ(c, owner, CELL_MAGIC);
	if (f->type == FRAME_ERROR)
		return cell_error_frame(f, err);
	if (f->type == FRAME_END) {
		c->said_end = true;
		return 0;
	}
	assert(c->sink != NULL);
	return c->sink->on_frame(c->owner, f, err);
}

static void
cell_on_readable(void *arg)
{
	struct cell *c;
	struct err err = {0};

	CAST_OBJ(c, arg, CELL_MAGIC);
	for (int i = 0; i < READS_PER_TURN; i++) {
		ssize_t n = read(c->channel, c->pool->scratch, READ_SIZE);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			/* Closing its channel is no way to live on. */
			cell_kill(c, NULL);
			break;
		}
		if (frame_feed(&c->in, c->pool->scratch, (size_t)n,
			cell_on_frame, c, &err) != 0) {
			cell_kill(c, &err);
			break;
		}
	}
	cell_check(c);
}

static void
cell_on_wall(void *arg)
{
	struct cell *c;
	struct err err = {0};

	CAST_OBJ(c, arg, CELL_MAGIC);
	err_set(&err, ERR_TIMEOUT, "reading the document took more than %lld s",
	    (long long)(c->pool->conf.wall_ms / 1000));
	cell_kill(c, &err);
	cell_check(c);
}

/* --- starting ------------------------------------------------------------ */

static int
cell_start(struct cell *c, struct err *err)
{
	struct cells *pool = c->pool;
	int fds[2];
	int rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return err_sys(err, errno, "cannot make a socket pair");
	c->channel = fds[0];
	(void)fcntl(c->channel, F_SETFL, O_NONBLOCK);
	rc = zygote_send_start(pool->conf.zygote_fd, c->id, &c->job, c->input,
	    fds[1], err);
	(void)close(fds[1]);
	if (rc != 0)
		return -1;
	c->watch = watch_new(pool->loop, c->channel, cell_on_readable, c, err);
	if (c->watch == NULL) {
		(void)zygote_send_kill(pool->conf.zygote_fd, c->id);
		return -1;
	}
	timer_set(&c->wall, pool->conf.wall_ms);
	return 0;
}

static void
cells_pump(void *arg)
{
	struct cells *pool = arg;
	struct cell *c;

	while (pool->n_running < pool->conf.running &&
	    (c = TAILQ_FIRST(&pool->waiting)) != NULL) {
		TAILQ_REMOVE(&pool->waiting, c, entry);
		pool->n_waiting--;
		TAILQ_INSERT_TAIL(&pool->running, c, entry);
		pool->n_running++;
		c->state = CELL_RUNNING;
		c->usage.wait_ms = loop_now_ms(pool->loop) - c->asked_ms;
		if (pool->gone)
			err_set(&c->why, ERR_UNAVAILABLE,
			    "the service lost its reader process");
		else if (cell_start(c, &c->why) == 0)
			continue;
		cell_finish(c);
	}
}

struct cell *
cells_run(struct cells *pool, const struct service_job *job, int input,
    const struct cell_sink *sink, void *owner)
{
	struct cell *c = xcalloc(1, sizeof(*c));

	c->magic = CELL_MAGIC;
	c->pool = pool;
	c->state = CELL_WAITING;
	c->id = ++pool->next_id;
	c->job = *job;
	c->input = input;
	c->channel = -1;
	c->asked_ms = loop_now_ms(pool->loop);
	c->sink = sink;
	c->owner = owner;
	frame_in_init(&c->in, pool->conf.output_max);
	timer_init(&c->wall, pool->loop, cell_on_wall, c);
	TAILQ_INSERT_TAIL(&pool->waiting, c, entry);
	pool->n_waiting++;
	loop_defer(pool->loop, &pool->pump);
	return c;
}

int
cell_tell(struct cell *c, struct str bytes, struct err *err)
{
	CHECK_OBJ(c, CELL_MAGIC);
	if (c->channel >= 0 &&
	    send(c->channel, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT) ==
		(ssize_t)bytes.n)
		return 0;
	return err_set(err, ERR_CRASHED, "the document reader does not listen");
}

void
cell_cancel(struct cell *c)
{
	CHECK_OBJ(c, CELL_MAGIC);
	c->sink = NULL;
	if (c->state == CELL_WAITING) {
		cell_drop(c);
		return;
	}
	cell_kill(c, NULL);
	/* Its slot is free when the zygote has buried it; when it has, nobody
	 * else will look at it again. */
	if (c->buried)
		cell_drop(c);
}

/* --- the zygote's words -------------------------------------------------- */

static struct cell *
cells_find(struct cells *pool, uint32_t id)
{
	struct cell *c;

	TAILQ_FOREACH(c, &pool->running, entry) {
		/* The analyzer does not see that freeing unlinks. */
		if (c->id == id) /* NOLINT(clang-analyzer-unix.Malloc) */
			return c;
	}
	return NULL;
}

static void
cells_on_ended(struct cells *pool, const struct zygote_say *say)
{
	struct cell *c = cells_find(pool, say->id);
	struct err end = {0};

	if (c == NULL)
		return;
	c->buried = true;
	c->usage.cpu_us = say->cpu_us;
	c->usage.rss_kb = say->rss_kb;
	/* What it said before it died may still be in the channel; how it died
	 * matters only when it did not say the end. */
	while (c->channel >= 0) {
		struct cell *same = c;

		cell_on_readable(c);
		c = cells_find(pool, say->id);
		if (c != same)
			return;
	}
	/* Our SIGKILL behind its end of file explains nothing. */
	if (c->killed && WIFSIGNALED(say->status) &&
	    WTERMSIG(say->status) == SIGKILL)
		cell_explain(0, 0, NULL, &end);
	else
		cell_explain(say->status, say->rss_kb,
		    &pool->conf.zygote->sandbox, &end);
	if (c->why.code == ERR_OK && !c->said_end)
		c->why = end;
	cell_check(c);
}

static void
cells_on_refused(struct cells *pool, const struct zygote_say *say)
{
	struct cell *c = cells_find(pool, say->id);

	if (c == NULL)
		return;
	if (c->why.code == ERR_OK)
		err_set(&c->why,
		    say->code < ERR__COUNT ? (enum err_code)say->code
					   : ERR_INTERNAL,
		    "%s", say->text);
	cell_hang_up(c);
	c->buried = true;
	cell_check(c);
}

static void
cells_on_gone(struct cells *pool)
{
	struct err why = {0};
	struct cell *c;
	struct cell *next;

	err_set(&why, ERR_UNAVAILABLE, "the service lost its reader process");
	pool->gone = true;
	loop_defer(pool->loop, &pool->pump);
	watch_free(pool->watch);
	pool->watch = NULL;
	TAILQ_FOREACH_SAFE(c, &pool->running, entry, next) {
		if (c->why.code == ERR_OK)
			c->why = why;
		cell_hang_up(c);
		c->buried = true;
	}
	/* Collect, then call: owners may cancel their other cells. */
	while ((c = TAILQ_FIRST(&pool->running)) != NULL)
		cell_finish(c); /* NOLINT(clang-analyzer-unix.Malloc) */
	if (pool->conf.on_state != NULL)
		pool->conf.on_state(pool->conf.owner, true, 0, &why);
}

static void
cells_on_state(struct cells *pool, const struct zygote_say *say)
{
	struct err why = {0};

	if (pool->conf.on_state == NULL)
		return;
	if (say->op == ZYGOTE_FAILED)
		err_set(&why,
		    say->code < ERR__COUNT ? (enum err_code)say->code
					   : ERR_INTERNAL,
		    "%s", say->text);
	pool->conf.on_state(pool->conf.owner, false, (unsigned)say->status,
	    say->op == ZYGOTE_FAILED ? &why : NULL);
}

static void
cells_on_readable(void *arg)
{
	struct cells *pool = arg;
	struct zygote_say say;
	int rc;

	while ((rc = zygote_receive(pool->conf.zygote_fd, &say)) > 0) {
		if (say.op == ZYGOTE_ENDED)
			cells_on_ended(pool, &say);
		else if (say.op == ZYGOTE_REFUSED)
			cells_on_refused(pool, &say);
		else
			cells_on_state(pool, &say);
	}
	if (rc < 0)
		cells_on_gone(pool);
}

struct cells *
cells_new(struct loop *l, const struct cells_conf *conf, struct err *err)
{
	struct cells *pool = xcalloc(1, sizeof(*pool));

	pool->loop = l;
	pool->conf = *conf;
	if (pool->conf.wall_ms == 0)
		pool->conf.wall_ms = WALL_MS;
	if (pool->conf.output_max == 0)
		pool->conf.output_max = OUTPUT_MAX;
	pool->scratch = xmalloc(READ_SIZE);
	pool->pump = (struct defer){.fn = cells_pump, .arg = pool};
	TAILQ_INIT(&pool->running);
	TAILQ_INIT(&pool->waiting);
	pool->watch = watch_new(l, conf->zygote_fd, cells_on_readable, pool,
	    err);
	if (pool->watch == NULL) {
		free(pool->scratch);
		free(pool);
		return NULL;
	}
	return pool;
}

void
cells_free(struct cells *pool)
{
	struct cell *c;

	/* NOLINTBEGIN(clang-analyzer-unix.Malloc): freeing unlinks */
	while ((c = TAILQ_FIRST(&pool->waiting)) != NULL)
		cell_cancel(c);
	while ((c = TAILQ_FIRST(&pool->running)) != NULL) {
		c->sink = NULL;
		cell_kill(c, NULL);
		cell_drop(c);
	}
	/* NOLINTEND(clang-analyzer-unix.Malloc) */
	loop_undefer(pool->loop, &pool->pump);
	watch_free(pool->watch);
	(void)close(pool->conf.zygote_fd);
	free(pool->scratch);
	free(pool);
}

unsigned
cells_running(const struct cells *pool)
{
	return pool->n_running;
}

unsigned
cells_free_slots(const struct cells *pool)
{
	unsigned taken = pool->n_running + pool->n_waiting;

	return taken < pool->conf.running ? pool->conf.running - taken : 0;
}

unsigned
cells_waiting(const struct cells *pool)
{
	return pool->n_waiting;
}
