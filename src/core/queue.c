/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting times differ between entries (a service with no worker at the moment
 * is waited for less long than a busy one), so the timer looks at all of them:
 * the list is short.
 */
#include "core/queue.h"

#include <assert.h>

static void
queue_on_timer(void *arg)
{
	struct queue *q = arg;
	int64_t now = loop_now_ms(q->loop), first = INT64_MAX;
	struct queue_entry *e, *next;
	struct queue_list late;

	TAILQ_INIT(&late);
	TAILQ_FOREACH_SAFE(e, &q->list, entry, next) {
		if (e->until_ms > now) {
			first = MIN_OF(first, e->until_ms);
			continue;
		}
		queue_drop(q, e);
		TAILQ_INSERT_TAIL(&late, e, entry);
	}
	if (first != INT64_MAX)
		timer_set(&q->timer, first - now);
	while ((e = TAILQ_FIRST(&late)) != NULL) {
		TAILQ_REMOVE(&late, e, entry);
		q->on_late(q->owner, e);
	}
}

void
queue_init(struct queue *q, struct loop *l, size_t max,
    void (*on_late)(void *owner, struct queue_entry *e), void *owner)
{
	*q = (struct queue){.loop = l,
	    .max = max,
	    .on_late = on_late,
	    .owner = owner};
	TAILQ_INIT(&q->list);
	timer_init(&q->timer, l, queue_on_timer, q);
}

void
queue_fini(struct queue *q)
{
	assert(q->n == 0);
	timer_clear(&q->timer);
}

static void
watch(struct queue *q, struct queue_entry *e, int64_t wait_ms)
{
	int64_t now = loop_now_ms(q->loop);

	assert(!e->queued);
	e->queued = true;
	if (e->since_ms == 0)
		e->since_ms = now;
	if (e->until_ms == 0 || e->until_ms > now + wait_ms)
		e->until_ms = now + wait_ms;
	q->n++;
	if (!timer_is_set(&q->timer) || q->timer.at_ms > e->until_ms)
		timer_set(&q->timer, e->until_ms - now);
}

bool
queue_put(struct queue *q, struct queue_entry *e, int64_t wait_ms)
{
	if (q->n >= q->max)
		return false;
	watch(q, e, wait_ms);
	TAILQ_INSERT_TAIL(&q->list, e, entry);
	return true;
}

void
queue_unget(struct queue *q, struct queue_entry *e, int64_t wait_ms)
{
	watch(q, e, wait_ms);
	TAILQ_INSERT_HEAD(&q->list, e, entry);
}

void
queue_drop(struct queue *q, struct queue_entry *e)
{
	if (!e->queued)
		return;
	TAILQ_REMOVE(&q->list, e, entry);
	e->queued = false;
	q->n--;
}

struct queue_entry *
queue_take(struct queue *q)
{
	struct queue_entry *e = TAILQ_FIRST(&q->list);

	if (e == NULL)
		return NULL;
	queue_drop(q, e);
	q->wait_ms += 0.2 *
	    ((double)(loop_now_ms(q->loop) - e->since_ms) - q->wait_ms);
	return e;
}

unsigned
queue_retry_after(const struct queue *q)
{
	double s = q->wait_ms / 1000.0 + (double)q->n / 100.0;

	return s < 1 ? 1 : s > 60 ? 60 : (unsigned)s;
}
