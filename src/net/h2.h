/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 on a sock, either role, on nghttp2 (RFC 9113).
 *
 * The connection window is credited when bytes arrive, a stream's window when
 * its owner consumed them: one slow stream never stops the others, and memory
 * is bounded by streams x stream window. PINGs watch a quiet peer. Frames of
 * one turn leave in one write.
 *
 * A WebSocket is an extended CONNECT (RFC 8441): a request head with `upgrade`
 * set is sent as one and arrives with method GET and `upgrade` set; its answer
 * is status 101 with `upgrade` set, as over HTTP/1.1. The Sec-WebSocket-Key and
 * -Accept fields pass as they are.
 *
 * on_fail with ERR_UNAVAILABLE means that the peer never processed the request
 * (REFUSED_STREAM, or beyond the last stream of a GOAWAY): it may be sent again
 * whatever its method.
 *
 * Fields that are sent must hold no connection field (http_hop_by_hop()).
 */
#ifndef NET_H2_H
#define NET_H2_H

#include "net/h1.h"

enum {
	H2_WINDOW = 256 * 1024
}; /* default window of a stream */

struct h2;

struct h2_conf {
	bool server;          /* the role in HTTP/2's sense */
	uint32_t max_streams; /* that the peer may open; 0 = 100 */
	uint32_t window;      /* of a stream, bytes; 0 = H2_WINDOW */
	/* Resets, PINGs, SETTINGS, empty frames and protocol errors that a peer
	 * may cause at once and per second before the connection is closed:
	 * 0 = 1,000 and 33. */
	uint32_t glitch_burst;
	uint32_t glitch_rate;
	int64_t ping_ms;        /* quiet time before a PING; 0 = 500 */
	int64_t patience_ms;    /* without any byte after it; 0 = 1,000 */
	request_fn *on_request; /* server role */
	/* The session is over and frees itself; why is NULL after a drain. */
	void (*on_closed)(void *owner, const struct err *why);
	/* The peer said GOAWAY: no new streams; running ones go on. May be
	 * NULL. */
	void (*on_drain)(void *owner);
	void *owner;
};

/* Takes the sock. */
struct h2 *h2_new(struct loop *l, struct sock *s, const struct h2_conf *conf);
/* Client role. Without a sink, somebody must own the stream before the loop
 * turns. NULL with ERR_BUSY when the peer's stream limit is reached,
 * ERR_UNAVAILABLE when draining or closing. */
struct stream *h2_open(struct h2 *h, const struct stream_sink *sink,
    void *owner, struct err *err);
bool h2_is_open(const struct h2 *h);     /* neither draining nor over */
bool h2_usable(const struct h2 *h);      /* would h2_open() succeed? */
unsigned h2_streams(const struct h2 *h); /* open now */
void h2_drain(struct h2 *h); /* GOAWAY; closes when the last stream ends */
void h2_close(struct h2 *h); /* now; running streams fail */

#endif
