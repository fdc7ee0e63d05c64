/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections that workers dialled: after GET /api/worker/link has been
 * upgraded, the coordinator is the HTTP/2 client on it.
 *
 *   Connection: Upgrade, Upgrade: hearth-link/1
 *   Hearth-Worker-Id: [A-Za-z0-9._:-]{1,128}
 *   Hearth-Epoch: decimal; grows with every dial of a worker
 *
 * One worker has one link: the later epoch wins and cuts the earlier one, an
 * earlier or equal one is refused with 409.
 */
#ifndef COORDINATOR_LINKS_H
#define COORDINATOR_LINKS_H

#include "base/list.h"
#include "base/map.h"
#include "net/h2.h"

#define LINKS_TARGET "/api/worker/link"
#define LINKS_PROTOCOL "hearth-link/1"

struct link;
TAILQ_HEAD(link_list, link);

struct links_conf {
	struct loop *loop;
	/* May this worker have a link? 0, or -1 with the reason. NULL: all. */
	int (*allow)(void *owner, struct str worker_id, struct err *err);
	/* Link is NULL when it is down (or draining: no new requests). */
	void (*on_change)(void *owner, struct str worker_id, struct link *link);
	void *owner;
};

struct links {
	struct links_conf conf;
	struct map by_id;     /* worker id -> struct link, not draining */
	struct link_list all; /* draining ones too */
	size_t n;
	uint64_t n_replaced; /* cut by a later epoch: for the metrics */
	bool closing;
};

void links_init(struct links *ls, const struct links_conf *conf);
/* Cuts every link; on_change is not called. Memory goes as the socks close. */
void links_fini(struct links *ls);

/* Handles the upgrade request: takes the stream. */
void links_accept(struct links *ls, struct stream *s,
    const struct http_head *head, const char *request_id);
struct link *links_find(const struct links *ls, struct str worker_id);
/* No new requests; what runs goes on. */
void links_drain_all(struct links *ls);

uint64_t link_epoch(const struct link *k);
bool link_is_open(const struct link *k); /* neither draining nor over */
/* As h2_open(). */
struct stream *link_open(struct link *k, const struct stream_sink *sink,
    void *owner, struct err *err);
/* Sends a small JSON request whose answer only matters to the log. */
void link_put(struct link *k, const char *target, struct str json);

#endif
