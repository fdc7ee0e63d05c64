/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 connections to one upstream, kept alive and used again: a service
 * on its unix socket, a worker known by URL.
 *
 * A connection goes back to the pool only after a fully framed response; any
 * surplus byte closes it.
 */
#ifndef NET_HTTPC_H
#define NET_HTTPC_H

#include "net/h1.h"

struct httpc;

struct httpc *httpc_new(struct loop *l, const struct addr *to,
    size_t max_connections, size_t max_idle);
void httpc_free(struct httpc *p); /* running streams fail */
/* New connections go there; those that are idle are closed. */
void httpc_move(struct httpc *p, const struct addr *to);
bool httpc_is_idle(const struct httpc *p); /* no stream runs */
/* Without a sink, somebody must own the stream before the loop turns. NULL
 * with ERR_BUSY when max_connections are in use. */
struct stream *httpc_open(struct httpc *p, const struct stream_sink *sink,
    void *owner, struct err *err);

/* A whole small exchange: a head, a body (copied), at most `max` bytes of
 * answer. */
struct httpc_ask {
	const struct addr *to;
	const struct http_head *head;
	struct str body;
	size_t max;
	int64_t timeout_ms;
};
/* Called once; status is 0 when why is set. */
typedef void httpc_done_fn(void *owner, int status, struct str body,
    const struct err *why);
struct httpc_call;
struct httpc_call *httpc_request(struct loop *l, const struct httpc_ask *ask,
    httpc_done_fn *done, void *owner);
void httpc_cancel(struct httpc_call *c); /* done is not called */

#endif
