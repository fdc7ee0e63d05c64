/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one event loop of a process, on libuv, and what hangs off it: timers,
 * work for later in the same turn, work for a thread, signals.
 *
 * Everything belongs to the loop's thread unless it says otherwise. Callbacks
 * never run from inside the call that asked for them.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/list.h"

struct loop;

struct loop *loop_new(void);
void loop_run(struct loop *l);  /* until loop_stop() */
void loop_stop(struct loop *l); /* loop_run() returns after this turn */
/* One turn, for tests and fuzzers; waits for something to do when asked to. */
void loop_turn(struct loop *l, bool wait);
/* Only after loop_run() returned and every object on the loop was closed. */
void loop_free(struct loop *l);
void loop_assert(const struct loop *l); /* aborts on another thread */
/* Monotonic ms, read once a turn: cheap. */
int64_t loop_now_ms(const struct loop *l);

/* The time of day for HTTP's Date field, made once a second. */
const char *loop_http_date(struct loop *l);

/* --- timers: embedded by value, no closing, any number of them ----------- */

typedef void timer_fn(void *arg);

struct timer {
	struct loop *loop;
	timer_fn *fn;
	void *arg;
	int64_t at_ms; /* monotonic; meaningful while slot != 0 */
	uint32_t slot; /* place in the loop's heap, from 1; 0 = not set */
};

void timer_init(struct timer *t, struct loop *l, timer_fn *fn, void *arg);
/* Fires once, delay_ms from now; setting again moves it. */
void timer_set(struct timer *t, int64_t delay_ms);
void timer_clear(struct timer *t); /* a no-op when not set */
bool timer_is_set(const struct timer *t);

/* --- later in this turn -------------------------------------------------- */

/* Zeroed except for fn and arg. */
typedef void defer_fn(void *arg);

struct defer {
	defer_fn *fn;
	void *arg;
	bool queued;
	TAILQ_ENTRY(defer) entry;
};

/* Runs fn(arg) before the loop waits again; posting twice runs it once. */
void loop_defer(struct loop *l, struct defer *d);
void loop_undefer(struct loop *l, struct defer *d);

/* Memory for what lives as long as a request; see base/pool.h. */
struct pool;
struct pool *loop_pool(struct loop *l);

/* --- other threads ------------------------------------------------------- */

/* Runs work(arg) on a pool thread, then done(arg) on the loop. */
void loop_work(struct loop *l, void (*work)(void *arg), void (*done)(void *arg),
    void *arg);
/* Thread-safe: wakes the loop, which then runs fn(arg) once per turn in which
 * it was called at least once. */
struct wake;
struct wake *wake_new(struct loop *l, void (*fn)(void *arg), void *arg);
void wake_send(struct wake *w); /* any thread */
void wake_free(struct wake *w); /* loop thread */

/* --- signals ------------------------------------------------------------- */

/* Calls fn(arg, signo) on the loop for each arrival; lives as long as the
 * loop. */
void loop_on_signal(struct loop *l, int signo, void (*fn)(void *arg, int signo),
    void *arg);

#endif
