/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to the coordinator: dialled by the worker, upgraded with GET
 * /api/worker/link, then HTTP/2 with the worker as the server. It is dialled
 * again whenever it is lost, after 0.1 to 5 s with jitter, always under the
 * same name.
 *
 *   down --link_start()--> dialling --101--> up --lost--> waiting --.
 *                             ^  '--- refused ---------------^      |
 *                             '--------------------------------------'
 */
#ifndef WORKER_LINK_H
#define WORKER_LINK_H

#include "net/h2.h"

enum link_event {
	LINK_UP,
	LINK_LOST,    /* it will be dialled again */
	LINK_UNKNOWN, /* the coordinator does not know us: register again, then
	               * link_dial_now() */
};

struct link_conf {
	struct loop *loop;
	struct addr to;
	const char *host;      /* for Host, "coordinator:8080"; borrowed */
	const char *worker_id; /* borrowed */
	uint32_t max_streams;  /* 0 = 1,000 */
	/* Requests of the coordinator, as h1_serve() offers them. */
	request_fn *on_request;
	void (*on_event)(void *owner, enum link_event e, const struct err *why);
	void *owner;
};

struct link {
	unsigned magic;
#define WORKER_LINK_MAGIC 0x11a40f0eu
	struct link_conf conf;
	struct h1_client *dial; /* while dialling */
	struct stream *asking;
	struct h2 *h2; /* NULL = down */
	struct h2 *leaving;
	uint64_t epoch;
	unsigned fails; /* in a row */
	int64_t up_ms;
	struct timer again;
	bool wanted;
	bool lost; /* it was said that it is down */
	void (*on_stopped)(void *arg);
	void *stopped_arg;
};

void link_init(struct link *k, const struct link_conf *conf);
void link_start(struct link *k);    /* dials, from now on again and again */
void link_dial_now(struct link *k); /* rather than after the delay */
uint64_t link_next_epoch(struct link *k); /* also for the registration */
/* GOAWAY, waits for what runs (at most ms), then calls done(arg). */
void link_stop(struct link *k, int64_t ms, void (*done)(void *arg), void *arg);
/* After link_stop(): waits no longer for what runs. */
void link_stop_now(struct link *k);

#endif
