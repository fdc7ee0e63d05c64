/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that is known only by its tunnel_url: HTTP/1.1 connections to it,
 * kept alive, over plain http. Its host is looked up when it is first needed,
 * and again after none of its addresses took a connection; what can never be
 * a worker (unspecified, multicast, link-local) is never dialled.
 */
#ifndef COORDINATOR_URL_POOL_H
#define COORDINATOR_URL_POOL_H

#include "net/httpc.h"
#include "net/lookup.h"

enum {
	URL_POOL_CONNECTIONS = 256,
	URL_POOL_IDLE = 32
};

struct url_pool {
	struct loop *loop;
	struct url url;
	struct httpc *pool; /* NULL until an address is known */
	struct addr addrs[LOOKUP_ADDRS_MAX];
	size_t n, at; /* addrs[at] is dialled */
	struct lookup *lookup;
	struct err why; /* why there is no address; code ERR_OK: never tried */
	int64_t looked_ms;
	void (*on_found)(void *owner);
	void *owner;
};

/* Reads the URL. on_found(owner) is called when a look-up is over. */
int url_pool_open(struct url_pool *p, struct loop *l, struct str url,
    void (*on_found)(void *owner), void *owner, struct err *err) MUST_CHECK;
void url_pool_close(struct url_pool *p);
/* As httpc_open() without a sink; also ERR_BUSY while the host is looked up,
 * and the look-up's own error for some seconds after it failed. */
struct stream *url_pool_stream(struct url_pool *p, struct err *err);
/* A connection could not be made: the next one goes elsewhere. */
void url_pool_failed(struct url_pool *p);
bool url_pool_is_idle(const struct url_pool *p);

#endif
