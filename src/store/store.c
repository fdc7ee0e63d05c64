/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's thread. `waiting` and `finished` are shared under the lock;
 * everything else belongs to one side: the backend to the thread, trouble and
 * the statistics to the loop.
 */
#include "store/store.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "store/backend.h"

enum {
	STORE_RETRY_MS = 1000
};

struct store {
	unsigned magic;
#define STORE_MAGIC 0x5704e001u
	struct loop *loop;
	const struct store_backend *be;
	void *db;

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct store_ops waiting, finished;
	bool stop;
	int64_t commit_us; /* of the last commit; under the lock */
	uint64_t commits;

	struct wake *wake;
	struct timer retry; /* while in trouble */
	bool in_trouble;
	struct err trouble;
	struct store_stats stats;
};

static const struct store_backend *const backends[] = {
#define STORE(name) &store_##name,
#include "store/stores.def"
#undef STORE
};

/* --- the thread ---------------------------------------------------------- */

/* One transaction of all of them; on failure none of them happened. */
static int
commit_all(struct store *s, struct store_ops *ops, struct err *err)
{
	struct store_op *op;

	if (s->be->begin(s->db, err) < 0)
		return -1;
	TAILQ_FOREACH(op, ops, entry) {
		if (s->be->apply(s->db, op, err) < 0) {
			s->be->rollback(s->db);
			return -1;
		}
	}
	if (s->be->commit(s->db, err) < 0) {
		s->be->rollback(s->db);
		return -1;
	}
	return 0;
}

static void
work(struct store *s, struct store_ops *ops)
{
	int64_t began_us = clock_us();
	struct err why = {0};
	struct store_op *op;

	if (commit_all(s, ops, &why) < 0) {
		TAILQ_FOREACH(op, ops, entry)
			op->why = why;
	}
	(void)pthread_mutex_lock(&s->lock);
	s->commit_us = clock_us() - began_us;
	s->commits++;
	TAILQ_CONCAT(&s->finished, ops, entry);
	(void)pthread_mutex_unlock(&s->lock);
	wake_send(s->wake);
}

/* Waits for work and takes all of it; false when told to stop and nothing is
 * left. */
static bool
work_wait(struct store *s, struct store_ops *ops)
{
	TAILQ_INIT(ops);
	(void)pthread_mutex_lock(&s->lock);
	while (TAILQ_EMPTY(&s->waiting) && !s->stop)
		(void)pthread_cond_wait(&s->work, &s->lock);
	TAILQ_CONCAT(ops, &s->waiting, entry);
	(void)pthread_mutex_unlock(&s->lock);
	return !TAILQ_EMPTY(ops);
}

static void *
thread_main(void *arg)
{
	struct store *s;
	struct store_ops ops;

	CAST_OBJ(s, arg, STORE_MAGIC);
	while (work_wait(s, &ops))
		work(s, &ops);
	return NULL;
}

/* --- the loop ------------------------------------------------------------ */

static void
submit(struct store *s, struct store_op *op)
{
	bool was_empty;

	loop_assert(s->loop);
	(void)pthread_mutex_lock(&s->lock);
	was_empty = TAILQ_EMPTY(&s->waiting);
	TAILQ_INSERT_TAIL(&s->waiting, op, entry);
	(void)pthread_mutex_unlock(&s->lock);
	if (was_empty)
		(void)pthread_cond_signal(&s->work);
}

static void
note_outcome(struct store *s, const struct store_op *op)
{
	bool bad = op->why.code != ERR_OK;

	s->stats.rows += !bad;
	s->stats.failures += bad;
	if (bad && !s->in_trouble) {
		log_error("store",
		    "%s; nothing new can be saved until that is "
		    "over",
		    op->why.msg);
		timer_set(&s->retry, STORE_RETRY_MS);
	} else if (!bad && s->in_trouble) {
		log_info("store", "writing again");
		timer_clear(&s->retry);
	}
	s->in_trouble = bad;
	if (bad)
		s->trouble = op->why;
}

static void
on_wake(void *arg)
{
	struct store *s;
	struct store_ops ops;
	struct store_op *op, *next;

	CAST_OBJ(s, arg, STORE_MAGIC);
	TAILQ_INIT(&ops);
	(void)pthread_mutex_lock(&s->lock);
	TAILQ_CONCAT(&ops, &s->finished, entry);
	s->stats.last_commit_us = s->commit_us;
	s->stats.commits = s->commits;
	(void)pthread_mutex_unlock(&s->lock);
	TAILQ_FOREACH_SAFE(op, &ops, entry, next) {
		note_outcome(s, op);
		if (op->done != NULL)
			op->done(op->arg,
			    op->why.code != ERR_OK ? &op->why : NULL);
		free(op);
	}
}

static struct str
copy(char **at, struct str s)
{
	struct str out = {*at, s.n};

	if (s.n != 0)
		memcpy(*at, s.p, s.n);
	(*at)[s.n] = '\0';
	*at += s.n + 1;
	return out;
}

static struct store_op *
op_new(enum store_op_kind kind, size_t text, store_done_fn *done, void *arg)
{
	struct store_op *op = xcalloc(1, sizeof *op + text);

	op->kind = kind;
	op->done = done;
	op->arg = arg;
	return op;
}

static void
on_retry(void *arg)
{
	struct store *s;

	CAST_OBJ(s, arg, STORE_MAGIC);
	submit(s, op_new(STORE_PROBE, 0, NULL, NULL));
	timer_set(&s->retry, STORE_RETRY_MS);
}

void
store_put_worker(struct store *s, const struct row_worker *r,
    store_done_fn *done, void *arg)
{
	struct store_op *op = op_new(STORE_PUT_WORKER,
	    r->id.n + r->url.n + r->capabilities.n + r->services.n +
		r->containers.n + r->version.n + 6,
	    done, arg);
	char *at = op->text;

	op->worker = *r;
	op->worker.id = copy(&at, r->id);
	op->worker.url = copy(&at, r->url);
	op->worker.capabilities = copy(&at, r->capabilities);
	op->worker.services = copy(&at, r->services);
	op->worker.containers = copy(&at, r->containers);
	op->worker.version = copy(&at, r->version);
	submit(s, op);
}

static void
submit_worker(struct store *s, enum store_op_kind kind, struct str id,
    uint32_t assigned, store_done_fn *done, void *arg)
{
	struct store_op *op = op_new(kind, id.n + 1, done, arg);
	char *at = op->text;

	op->worker.id = copy(&at, id);
	op->worker.assigned = assigned;
	submit(s, op);
}

void
store_del_worker(struct store *s, struct str id, store_done_fn *done, void *arg)
{
	submit_worker(s, STORE_DEL_WORKER, id, 0, done, arg);
}

void
store_set_assigned(struct store *s, struct str id, uint32_t assigned,
    store_done_fn *done, void *arg)
{
	submit_worker(s, STORE_SET_ASSIGNED, id, assigned, done, arg);
}

const struct err *
store_trouble(const struct store *s)
{
	return s->in_trouble ? &s->trouble : NULL;
}

void
store_get_stats(const struct store *s, struct store_stats *out)
{
	*out = s->stats;
}

/* --- life ---------------------------------------------------------------- */

static int
start_thread(struct store *s, struct err *err)
{
	sigset_t all, old;
	int e;

	/* Signals are the loop's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(&s->thread, NULL, thread_main, s);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e != 0)
		return err_sys(err, e, "start the store's thread");
	return 0;
}

struct store *
store_open(struct loop *l, const char *url, const struct store_load *load,
    struct err *err)
{
	struct store *s = xcalloc(1, sizeof *s);
	size_t i = 0;

	s->magic = STORE_MAGIC;
	s->loop = l;
	TAILQ_INIT(&s->waiting);
	TAILQ_INIT(&s->finished);
	timer_init(&s->retry, l, on_retry, s);
	while (i + 1 < COUNT_OF(backends) &&
	    !str_starts(str_of(url), backends[i]->scheme))
		i++;
	s->be = backends[i];
	s->db = s->be->open(url, err);
	if (s->db == NULL)
		goto fail;
	if (s->be->load(s->db, load, err) < 0)
		goto opened;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->work, NULL);
	s->wake = wake_new(l, on_wake, s);
	if (start_thread(s, err) < 0)
		goto started;
	return s;
started:
	wake_free(s->wake);
opened:
	s->be->close(s->db);
fail:
	free(s);
	return NULL;
}

void
store_close(struct store *s)
{
	struct store_op *op;

	(void)pthread_mutex_lock(&s->lock);
	s->stop = true;
	(void)pthread_mutex_unlock(&s->lock);
	(void)pthread_cond_signal(&s->work);
	(void)pthread_join(s->thread, NULL);
	s->be->close(s->db);
	timer_clear(&s->retry);
	wake_free(s->wake);
	while ((op = TAILQ_FIRST(&s->finished)) != NULL) {
		TAILQ_REMOVE(&s->finished, op, entry);
		free(op);
	}
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_cond_destroy(&s->work);
	KILL_OBJ(s);
	free(s);
}
