/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that wait for a place: first come, first served,
 * bounded in number and in time. An entry is embedded in whoever waits.
 */
#ifndef CORE_QUEUE_H
#define CORE_QUEUE_H

#include "base/list.h"
#include "net/loop.h"

struct queue_entry {
	bool queued;
	int64_t since_ms;
	int64_t until_ms;
	TAILQ_ENTRY(queue_entry) entry;
};

TAILQ_HEAD(queue_list, queue_entry);

struct queue {
	struct loop *loop;
	struct queue_list list;
	size_t n;
	size_t max;
	double wait_ms; /* of late, smoothed: what Retry-After is made of */
	struct timer timer;
	/* Its time is up; it is no longer queued. */
	void (*on_late)(void *owner, struct queue_entry *e);
	void *owner;
};

void queue_init(struct queue *q, struct loop *l, size_t max,
    void (*on_late)(void *owner, struct queue_entry *e), void *owner);
void queue_fini(struct queue *q); /* must be empty */
/* False when full. Waiting again later keeps the place in time (since_ms). */
bool queue_put(struct queue *q, struct queue_entry *e, int64_t wait_ms);
/* Back at the head, after a try that found no place after all. */
void queue_unget(struct queue *q, struct queue_entry *e, int64_t wait_ms);
struct queue_entry *queue_take(struct queue *q); /* the first, or NULL */
void queue_drop(struct queue *q, struct queue_entry *e); /* it gave up */
/* Seconds after which it is worth asking again, 1 to 60. */
unsigned queue_retry_after(const struct queue *q);

#endif
