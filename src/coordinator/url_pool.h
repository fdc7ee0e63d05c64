/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that is known only by its tunnel_url: HTTP/1.1 connections to it,
 * kept alive. Plain http and numeric addresses (or "localhost") only; what
 * can never be a worker (unspecified, multicast, link-local) is refused.
 */
#ifndef COORDINATOR_URL_POOL_H
#define COORDINATOR_URL_POOL_H

#include "net/httpc.h"

enum {
	URL_POOL_CONNECTIONS = 256,
	URL_POOL_IDLE = 32
};

struct url_pool {
	struct httpc *pool;
	char *authority; /* for Host */
	char *base;      /* path in front of ours, "" or "/x" */
};

/* Reads the URL. ERR_UNSUPPORTED for names and other schemes. */
int url_pool_open(struct url_pool *p, struct loop *l, struct str url,
    struct err *err) MUST_CHECK;
void url_pool_close(struct url_pool *p);

#endif
