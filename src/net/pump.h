/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins two streams: what arrives on one leaves by the other, both ways, with
 * back-pressure end to end. Never holds more than a window.
 *
 * pump_join() comes after the owner has read the client's request head and
 * sent its own version of it upstream. From then on the pump carries the
 * request body and trailers up, and the response heads (through on_head, which
 * may edit them), body and trailers down. When the client leaves, upstream is
 * cancelled at once. When upstream fails before its final head, the owner
 * decides (retry or error answer); later failures cut the client's message
 * short visibly, never with a clean end: an event stream gets a last event
 * "error" before its reset.
 *
 * Of interim responses, 103 is passed on and the others are not.
 */
#ifndef NET_PUMP_H
#define NET_PUMP_H

#include "net/loop.h"
#include "net/pump_body.h"

struct pump;

enum pump_end {
	PUMP_DONE, /* both messages complete */
	PUMP_CLIENT_GONE,
	PUMP_UPSTREAM_LOST, /* before the final head: the client still waits */
	PUMP_UPSTREAM_CUT,  /* in mid-body: the client saw a reset */
};

struct pump_conf {
	/* Called for each response head before it is passed on; edits *head in
	 * place (its field array is the pump's, with room for PUMP_EXTRA more;
	 * strings may live in `a`). May be NULL. */
	void (*on_head)(void *owner, struct arena *a, struct http_head *head);
	/* Once, and last. After PUMP_UPSTREAM_LOST the client stream is given
	 * back to the owner (who must own it anew and answer or close it); in
	 * all other cases both streams are closed already. body_sent tells
	 * whether any byte of the request body was passed upstream. */
	void (*on_done)(void *owner, enum pump_end how, bool body_sent,
	    const struct err *why);
	void *owner;
	/* Borrowed until on_done; NULL when the request has no body that the
	 * owner saw already. */
	struct pump_body *body;
	bool tunnel;           /* the request asks for an upgrade */
	int64_t body_max;      /* of the request; 0 = any. One that is longer
	                        * fails with ERR_TOO_BIG, as if upstream had */
	int64_t first_byte_ms; /* 0 = 60,000: to the final head, then 504 */
	int64_t idle_ms;       /* 0 = 300,000: without a byte either way */
};

enum {
	PUMP_EXTRA = 16
};

/* Takes both streams. */
struct pump *pump_join(struct loop *l, struct stream *client,
    struct stream *upstream, const struct pump_conf *conf);
/* Both streams are closed; on_done is not called. */
void pump_cancel(struct pump *p);

#endif
