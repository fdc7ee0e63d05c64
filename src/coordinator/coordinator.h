/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role's root struct: everything the coordinator has hangs off it.
 *
 * Start order: store (which fills the registry), placement, routing, listeners
 * last. Stop order: listeners, routing, store.
 */
#ifndef COORDINATOR_COORDINATOR_H
#define COORDINATOR_COORDINATOR_H

#include "coordinator/assign.h"
#include "coordinator/edge.h"
#include "coordinator/events.h"
#include "coordinator/registry.h"
#include "store/store.h"

struct coordinator_conf {   /* strings are borrowed and outlive us */
	const char *listen; /* "127.0.0.1:8080" */
	const char *socket; /* path of the unix socket; "" = none */
	const char *store;  /* see store_open() */
	const char *name;   /* what /health calls us */
	const char *allowed_origins;
	const char *allowed_hosts; /* see hosts_allow() */
	const char *version;
	enum place_policy policy;
	int64_t stale_ms, forget_ms;
	size_t queue;     /* requests that may wait per service */
	int64_t body_max; /* of a request to a service; 0 = the default */
	bool debug_headers;
};

struct links;
struct proxy;

struct coordinator {
	unsigned magic;
#define COORDINATOR_MAGIC 0xc00d1a70u
	struct loop *loop;
	struct coordinator_conf conf;
	struct store *store;
	struct registry registry;
	struct assign assign;
	struct events events;
	struct edge edge;
	int64_t started_ms;

	/* Routing: links.c and proxy.c put themselves here when they start.
	 * Without them /service/ and the link are answered 503. */
	struct links *links;
	struct proxy *proxy;
	/* ANY /service/{name}/{path}; takes the stream. rest begins with '/'
	 * and carries the query string. */
	void (*on_service)(struct coordinator *c, struct stream *s,
	    const struct http_head *head, enum service_id service,
	    struct str rest);
	/* GET /api/worker/link with its upgrade; takes the stream. */
	void (*on_link)(struct coordinator *c, struct stream *s,
	    const struct http_head *head);
	/* More samples for GET /metrics; may be NULL. */
	void (*on_metrics)(struct coordinator *c, struct buf *out);
};

/* NULL with a sentence for people. Listens when it returns. */
struct coordinator *coordinator_start(struct loop *l,
    const struct coordinator_conf *conf, struct err *err) MUST_CHECK;
/* Stops listening, lets running requests finish (at most ms), then calls
 * done(arg) after everything is closed and freed. */
void coordinator_stop(struct coordinator *c, int64_t ms,
    void (*done)(void *arg), void *arg);

#endif
