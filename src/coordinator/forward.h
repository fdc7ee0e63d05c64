/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request head as a worker gets it, made from the client's: routed fields
 * copied, fields of this hop and claims of identity dropped, ours added
 * (Forwarded and its older names, Via, X-Request-Id, traceparent).
 */
#ifndef COORDINATOR_FORWARD_H
#define COORDINATOR_FORWARD_H

#include "net/addr.h"
#include "net/http.h"

enum {
	FORWARD_ID_MAX = 64
};

struct forward {
	const char *via;    /* "1.1 name": us */
	uint64_t random[2]; /* state: ids need not be unpredictable */
	struct addr peer;   /* of the last request; this is its text: */
	char peer_text[ADDR_TEXT_MAX];
};

/* name: a token. */
void forward_init(struct forward *f, const char *name);
void forward_fini(struct forward *f);
/* Builds *out in the arena, with nothing borrowed but id and constants. rest
 * is the target behind "/service/NAME". id (FORWARD_ID_MAX + 1 bytes) becomes
 * the client's request id if that is valid, else a new one. False: the request
 * has passed here before. */
bool forward_head(struct forward *f, struct arena *a,
    const struct http_head *in, const struct addr *peer, const char *service,
    struct str rest, char *id, struct http_head *out);

#endif
