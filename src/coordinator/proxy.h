/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client request to a service becomes one request to a worker.
 *
 *            .--> waiting (queue) --.
 *   start ---+                      +--> running (pump) --> over
 *            '----------------------'        |
 *                  ^---------- retry --------'
 *
 * A request waits while every worker of its service has all its places busy,
 * or while the only one is just being connected again; the queue is bounded.
 * It is sent again only when the first worker never processed it, or when
 * nothing of an answer came and its method may be repeated: to another worker,
 * within a budget of a fifth of the traffic.
 *
 * Fields (RELIABILITY.md rules 3, 19, 20, 26): what ends at this hop and what
 * claims an identity is dropped, ours are added; of the worker's answer, what
 * would speak for our origin is dropped.
 */
#ifndef COORDINATOR_PROXY_H
#define COORDINATOR_PROXY_H

#include "coordinator/forward.h"
#include "coordinator/links.h"
#include "coordinator/registry.h"
#include "core/queue.h"
#include "net/stream.h"

enum {
	PROXY_TRIES = 2
};

struct proxy_conf {
	struct loop *loop;
	struct registry *registry;
	const char *name;      /* of this coordinator, for Via; a token */
	size_t queue;          /* that may wait per service; 0 = 256 */
	int64_t queue_ms;      /* how long; 0 = 30,000 */
	int64_t body_max;      /* bytes of a request; 0 = 256 MiB */
	int64_t away_ms;       /* for a worker to come back; 0 = 2,000 */
	int64_t first_byte_ms; /* 0 = 60,000 */
	int64_t idle_ms;       /* 0 = 300,000 */
	bool quiet;            /* no Hearth-* fields in answers */
	/* Fields for browsers (CORS); fills at most 4. May be NULL. */
	size_t (*cors)(void *owner, const struct http_head *head,
	    struct http_field *out);
	void *owner;
};

struct exchange;
TAILQ_HEAD(exchange_list, exchange);

struct proxy_stats {
	uint64_t requests, answered, refused, failed, cancelled;
	uint64_t retries, queued;
};

struct proxy {
	struct proxy_conf conf;
	struct queue queues[SERVICE__COUNT];
	struct exchange_list all;
	struct exchange_list spare; /* kept for reuse, with their memory */
	size_t n, n_spare;
	struct forward forward;
	struct map pools;  /* url -> struct proxy_pool */
	double budget;     /* retries that may still be made */
	struct timer tick; /* looks again while somebody waits */
	struct proxy_stats stats;
	struct proxy_stats of[SERVICE__COUNT];
	bool closing;
};

void proxy_init(struct proxy *p, const struct proxy_conf *conf);
/* Cancels what runs. */
void proxy_fini(struct proxy *p);
/* Takes the stream. rest: the path behind the service's name, beginning with
 * '/', and the query string, in normal form. */
void proxy_request(struct proxy *p, struct stream *s,
    const struct http_head *head, enum service_id service, struct str rest);
/* A worker may have become able to take what waits. */
void proxy_look_again(struct proxy *p);
size_t proxy_waiting(const struct proxy *p, enum service_id service);

#endif
