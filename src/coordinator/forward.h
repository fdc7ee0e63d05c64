/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request head as a worker gets it, made from the client's: routed fields
 * copied, fields of this hop and claims of identity dropped, ours added
 * (Forwarded, Via, X-Request-Id). Over a link the worker adds the rest; for
 * others, hop_expand() does.
 */
#ifndef COORDINATOR_FORWARD_H
#define COORDINATOR_FORWARD_H

#include "core/hop.h"
#include "net/addr.h"
#include "net/http.h"

enum {
	FORWARD_ID_MAX = 64
};

struct forward {
	const char *via; /* "1.1 name": us */
	struct hop hop;
	struct addr peer; /* of the last request; this is its text: */
	char peer_text[ADDR_TEXT_MAX];
};

/* name: a token. */
void forward_init(struct forward *f, const char *name);
void forward_fini(struct forward *f);
/* The target on a worker; rest is what stands behind "/service/NAME". */
struct str forward_target(struct arena *a, const char *service,
    struct str rest);
/* Builds *out in the arena, with nothing borrowed but target, id and
 * constants. id (FORWARD_ID_MAX + 1 bytes) becomes the client's request id if
 * that is valid, else a new one. The head has room for HOP_FIELDS. False: the
 * request has passed here before. */
bool forward_head(struct forward *f, struct arena *a,
    const struct http_head *in, const struct addr *peer, struct str target,
    char *id, struct http_head *out);

#endif
