/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One turn of the loop: libuv runs timers, then our prepare handle, then waits
 * and runs what arrived, then our check handle. Prepare and check both empty
 * the deferred and late queues, so neither ever waits behind a sleep.
 *
 * Timers live in a binary heap ordered by time, each knowing its slot; a
 * single uv_timer sleeps until the first one. It is moved only when a timer
 * earlier than what it sleeps for appears: firing early costs one empty look.
 */
#include "net/loop.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/pool.h"
#include "net/loop_uv.h"

enum {
	LOOP_LAST_TURNS = 8
};

TAILQ_HEAD(defer_list, defer);

struct loop_signal {
	unsigned magic;
#define LOOP_SIGNAL_MAGIC 0x51994a10u
	uv_signal_t uv;
	void (*fn)(void *arg, int signo);
	void *arg;
	struct loop_signal *next;
};

struct wake {
	unsigned magic;
#define WAKE_MAGIC 0x3a4e0001u
	uv_async_t uv;
	void (*fn)(void *arg);
	void *arg;
	bool freed;
};

struct loop_job {
	unsigned magic;
#define LOOP_JOB_MAGIC 0x10b10b01u
	uv_work_t uv;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

struct loop {
	unsigned magic;
#define LOOP_MAGIC 0x1009a5e5u
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_timer_t sleep;
	int64_t sleep_until_ms; /* what `sleep` is set to; INT64_MAX = off */
	struct timer **heap;    /* heap[0] is unused: slots start at 1 */
	size_t n_timers;
	size_t heap_cap;
	struct defer_list defers;
	struct defer_list late;
	struct loop_signal *signals;
	uv_thread_t thread;
	int64_t date_ms; /* when date was made */
	char date[CLOCK_TEXT_MAX];
	struct pool pool;
	uint8_t scratch[LOOP_SCRATCH];
};

/* --- timers --------------------------------------------------------------- */

static void
heap_put(struct loop *l, size_t slot, struct timer *t)
{
	l->heap[slot] = t;
	t->slot = (uint32_t)slot;
}

static void
heap_up(struct loop *l, size_t slot, struct timer *t)
{
	while (slot > 1 && l->heap[slot / 2]->at_ms > t->at_ms) {
		heap_put(l, slot, l->heap[slot / 2]);
		slot /= 2;
	}
	heap_put(l, slot, t);
}

static void
heap_down(struct loop *l, size_t slot, struct timer *t)
{
	for (;;) {
		size_t kid = slot * 2;

		if (kid > l->n_timers)
			break;
		if (kid < l->n_timers &&
		    l->heap[kid + 1]->at_ms < l->heap[kid]->at_ms)
			kid++;
		if (l->heap[kid]->at_ms >= t->at_ms)
			break;
		heap_put(l, slot, l->heap[kid]);
		slot = kid;
	}
	heap_put(l, slot, t);
}

static void
heap_move(struct loop *l, struct timer *t)
{
	size_t slot = t->slot;

	if (slot > 1 && l->heap[slot / 2]->at_ms > t->at_ms)
		heap_up(l, slot, t);
	else
		heap_down(l, slot, t);
}

void
timer_init(struct timer *t, struct loop *l, timer_fn *fn, void *arg)
{
	*t = (struct timer){.loop = l, .fn = fn, .arg = arg};
}

void
timer_set(struct timer *t, int64_t delay_ms)
{
	struct loop *l = t->loop;
	int64_t now = loop_now_ms(l);

	if (delay_ms < 0)
		delay_ms = 0;
	t->at_ms = delay_ms > INT64_MAX - now ? INT64_MAX : now + delay_ms;
	if (t->slot != 0) {
		heap_move(l, t);
		return;
	}
	if (l->n_timers + 1 >= l->heap_cap) {
		l->heap_cap = l->heap_cap == 0 ? 32 : l->heap_cap * 2;
		l->heap = xreallocarray(l->heap, l->heap_cap,
		    sizeof(struct timer *));
	}
	l->n_timers++;
	heap_up(l, l->n_timers, t);
}

void
timer_clear(struct timer *t)
{
	struct loop *l = t->loop;
	size_t slot = t->slot;
	struct timer *last;

	if (slot == 0)
		return;
	assert(l->heap[slot] == t);
	last = l->heap[l->n_timers--];
	t->slot = 0;
	if (last == t)
		return;
	last->slot = (uint32_t)slot;
	heap_move(l, last);
}

bool
timer_is_set(const struct timer *t)
{
	return t->slot != 0;
}

static void
loop_run_timers(struct loop *l)
{
	int64_t now = loop_now_ms(l);

	/* A timer set from here with delay 0 is due now, and must not keep the
	 * sockets waiting: only those that were due at the start run. */
	for (size_t n = l->n_timers; n > 0 && l->n_timers > 0; n--) {
		struct timer *t = l->heap[1];

		if (t->at_ms > now)
			break;
		timer_clear(t);
		t->fn(t->arg);
	}
}

static void
loop_on_sleep(uv_timer_t *uv)
{
	struct loop *l;

	CAST_OBJ(l, uv->data, LOOP_MAGIC);
	l->sleep_until_ms = INT64_MAX;
	loop_run_timers(l);
}

/* Makes sure that we wake in time for the first timer. */
static void
loop_set_sleep(struct loop *l)
{
	int64_t at;
	int64_t now;

	if (l->n_timers == 0 || l->heap[1]->at_ms >= l->sleep_until_ms)
		return;
	at = l->heap[1]->at_ms;
	now = loop_now_ms(l);
	l->sleep_until_ms = at;
	uv_timer_start(&l->sleep, loop_on_sleep,
	    at > now ? (uint64_t)(at - now) : 0, 0);
}

/* --- later in this turn --------------------------------------------------- */

static void
defer_post(struct defer_list *list, struct defer *d)
{
	if (d->queued)
		return;
	d->queued = true;
	TAILQ_INSERT_TAIL(list, d, entry);
}

static void
defer_drop(struct defer_list *list, struct defer *d)
{
	if (!d->queued)
		return;
	d->queued = false;
	TAILQ_REMOVE(list, d, entry);
}

void
loop_defer(struct loop *l, struct defer *d)
{
	defer_post(&l->defers, d);
}

void
loop_undefer(struct loop *l, struct defer *d)
{
	defer_drop(&l->defers, d);
}

void
loop_late(struct loop *l, struct defer *d)
{
	defer_post(&l->late, d);
}

void
loop_unlate(struct loop *l, struct defer *d)
{
	defer_drop(&l->late, d);
}

static void
loop_run_defers(struct loop *l)
{
	for (;;) {
		struct defer *d = TAILQ_FIRST(&l->defers);

		if (d != NULL) {
			defer_drop(&l->defers, d);
		} else if ((d = TAILQ_FIRST(&l->late)) != NULL) {
			defer_drop(&l->late, d);
		} else {
			return;
		}
		d->fn(d->arg);
	}
}

static void
loop_on_prepare(uv_prepare_t *uv)
{
	struct loop *l;

	CAST_OBJ(l, uv->data, LOOP_MAGIC);
	loop_run_defers(l);
	loop_set_sleep(l);
}

static void
loop_on_check(uv_check_t *uv)
{
	struct loop *l;

	CAST_OBJ(l, uv->data, LOOP_MAGIC);
	loop_run_defers(l);
}

/* --- life ----------------------------------------------------------------- */

struct loop *
loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));
	int rc;

	l->magic = LOOP_MAGIC;
	TAILQ_INIT(&l->defers);
	TAILQ_INIT(&l->late);
	l->sleep_until_ms = INT64_MAX;
	l->thread = uv_thread_self();
	rc = uv_loop_init(&l->uv);
	assert(rc == 0);
	l->uv.data = l;
	uv_prepare_init(&l->uv, &l->prepare);
	uv_check_init(&l->uv, &l->check);
	uv_timer_init(&l->uv, &l->sleep);
	l->prepare.data = l->check.data = l->sleep.data = l;
	uv_prepare_start(&l->prepare, loop_on_prepare);
	uv_check_start(&l->check, loop_on_check);
	return l;
}

void
loop_run(struct loop *l)
{
	CHECK_OBJ(l, LOOP_MAGIC);
	l->thread = uv_thread_self();
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void
loop_turn(struct loop *l, bool wait)
{
	CHECK_OBJ(l, LOOP_MAGIC);
	l->thread = uv_thread_self();
	uv_run(&l->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

void
loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

static void
loop_close_signals(struct loop *l)
{
	for (struct loop_signal *s = l->signals; s != NULL; s = s->next)
		uv_close((uv_handle_t *)&s->uv, NULL);
}

void
loop_free(struct loop *l)
{
	int rc;

	CHECK_OBJ(l, LOOP_MAGIC);
	/* What was just closed may need a few turns to say so. */
	for (int i = 0; i < LOOP_LAST_TURNS; i++)
		uv_run(&l->uv, UV_RUN_NOWAIT);
	loop_run_defers(l);
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_close((uv_handle_t *)&l->check, NULL);
	uv_close((uv_handle_t *)&l->sleep, NULL);
	loop_close_signals(l);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	loop_run_defers(l);
	rc = uv_loop_close(&l->uv);
	assert(rc == 0);
	while (l->signals != NULL) {
		struct loop_signal *s = l->signals;

		l->signals = s->next;
		free(s);
	}
	free(l->heap);
	pool_fini(&l->pool);
	KILL_OBJ(l);
	free(l);
}

void
loop_assert(const struct loop *l)
{
	uv_thread_t self = uv_thread_self();

	CHECK_OBJ(l, LOOP_MAGIC);
	assert(uv_thread_equal(&l->thread, &self));
}

int64_t
loop_now_ms(const struct loop *l)
{
	return (int64_t)uv_now(&l->uv);
}

const char *
loop_http_date(struct loop *l)
{
	int64_t now = loop_now_ms(l);

	if (l->date[0] == '\0' || now - l->date_ms >= 1000) {
		int64_t wall = clock_wall_ms();

		clock_http_date(wall, l->date);
		l->date_ms = now - wall % 1000;
	}
	return l->date;
}

uv_loop_t *
loop_uv(struct loop *l)
{
	return &l->uv;
}

struct pool *
loop_pool(struct loop *l)
{
	return &l->pool;
}

uint8_t *
loop_scratch(struct loop *l)
{
	return l->scratch;
}

/* --- other threads -------------------------------------------------------- */

static void
job_on_work(uv_work_t *uv)
{
	struct loop_job *j;

	CAST_OBJ(j, uv->data, LOOP_JOB_MAGIC);
	j->work(j->arg);
}

static void
job_on_done(uv_work_t *uv, int status UNUSED)
{
	struct loop_job *j;
	void (*done)(void *arg);
	void *arg;

	CAST_OBJ(j, uv->data, LOOP_JOB_MAGIC);
	done = j->done;
	arg = j->arg;
	KILL_OBJ(j);
	free(j);
	done(arg);
}

void
loop_work(struct loop *l, void (*work)(void *arg), void (*done)(void *arg),
    void *arg)
{
	struct loop_job *j = xcalloc(1, sizeof(*j));
	int rc;

	j->magic = LOOP_JOB_MAGIC;
	j->work = work;
	j->done = done;
	j->arg = arg;
	j->uv.data = j;
	rc = uv_queue_work(&l->uv, &j->uv, job_on_work, job_on_done);
	assert(rc == 0);
}

static void
wake_on_async(uv_async_t *uv)
{
	struct wake *w;

	CAST_OBJ(w, uv->data, WAKE_MAGIC);
	if (!w->freed)
		w->fn(w->arg);
}

struct wake *
wake_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct wake *w = xcalloc(1, sizeof(*w));
	int rc;

	w->magic = WAKE_MAGIC;
	w->fn = fn;
	w->arg = arg;
	rc = uv_async_init(&l->uv, &w->uv, wake_on_async);
	assert(rc == 0);
	w->uv.data = w;
	return w;
}

void
wake_send(struct wake *w)
{
	uv_async_send(&w->uv);
}

static void
wake_on_closed(uv_handle_t *uv)
{
	struct wake *w;

	CAST_OBJ(w, uv->data, WAKE_MAGIC);
	KILL_OBJ(w);
	free(w);
}

void
wake_free(struct wake *w)
{
	if (w == NULL)
		return;
	CHECK_OBJ(w, WAKE_MAGIC);
	w->freed = true;
	uv_close((uv_handle_t *)&w->uv, wake_on_closed);
}

/* --- signals -------------------------------------------------------------- */

static void
loop_on_uv_signal(uv_signal_t *uv, int signo)
{
	struct loop_signal *s;

	CAST_OBJ(s, uv->data, LOOP_SIGNAL_MAGIC);
	s->fn(s->arg, signo);
}

void
loop_on_signal(struct loop *l, int signo, void (*fn)(void *arg, int signo),
    void *arg)
{
	struct loop_signal *s = xcalloc(1, sizeof(*s));

	s->magic = LOOP_SIGNAL_MAGIC;
	s->fn = fn;
	s->arg = arg;
	s->next = l->signals;
	l->signals = s;
	uv_signal_init(&l->uv, &s->uv);
	s->uv.data = s;
	uv_signal_start(&s->uv, loop_on_uv_signal, signo);
}
