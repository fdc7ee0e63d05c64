/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last hop: a request that came over the link goes to the unix socket of
 * its service's process, when that is ready and has a free slot.
 *
 *   /service/<name or alias>/<rest>?<query>   ->   /<rest>?<query>
 *
 * Not ready: 503 with Retry-After at once. All slots busy: the request waits,
 * within bounds; then 503. A service that dies before it answered resets the
 * stream, so that the coordinator decides about a second try.
 */
#ifndef WORKER_SLOTS_H
#define WORKER_SLOTS_H

#include "core/catalogue.h"
#include "core/hop.h"
#include "core/queue.h"
#include "net/httpc.h"

struct slots_conf {
	struct loop *loop;
	/* The service's socket, or NULL when it is not ready; then reason()
	 * says why ("" = nothing known). Both are asked for every request. */
	const struct addr *(*addr)(void *owner, enum service_id id);
	const char *(*reason)(void *owner, enum service_id id);
	void *owner;
	unsigned concurrency;           /* per service; 0 = 16 */
	unsigned waiting;               /* per service; 0 = 64 */
	int64_t wait_ms;                /* 0 = 30,000 */
	int64_t first_byte_ms, idle_ms; /* 0 = the pump's */
};

struct slot_request;
TAILQ_HEAD(slot_list, slot_request);

struct slot {
	struct httpc *pool;
	struct addr at; /* whose pool it is */
	unsigned busy;
	struct queue queue;
	uint64_t served, refused;
};

struct slots {
	struct slots_conf conf;
	struct slot of[SERVICE__COUNT];
	struct slot_list all;
	struct hop hop;
	struct timer again; /* no connection was free */
	unsigned active;    /* requests here, waiting ones too */
	bool closing;
};

void slots_init(struct slots *ss, const struct slots_conf *conf);
void slots_fini(struct slots *ss); /* cancels what runs */
/* Is this target for slots_request()? */
bool slots_is_service(struct str target);
/* Takes the stream. */
void slots_request(struct slots *ss, struct stream *s,
    const struct http_head *head);
unsigned slots_active(const struct slots *ss);
/* A service became ready, or its slots may have become free. */
void slots_look_again(struct slots *ss, enum service_id id);

#endif
