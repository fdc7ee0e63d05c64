/* SPDX-License-Identifier: Apache-2.0 */
/* A request body on its way from a client to whoever will take it. */
#ifndef NET_PUMP_BODY_H
#define NET_PUMP_BODY_H

#include "base/buf.h"
#include "net/stream.h"

enum {
	PUMP_REPLAY_MAX = 64 * 1024,
	PUMP_KEPT_MAX = 1 << 20, /* more than any transport's window */
};

/*
 * A request body, as far as it must be held: bytes that came before there was
 * anywhere to send them (unacknowledged, so at most a window), bytes that
 * upstream does not take yet, and, while `replay` is set, everything from the
 * start up to PUMP_REPLAY_MAX, so that it can be sent again.
 */
struct pump_body {
	unsigned magic;
#define PUMP_BODY_MAGIC 0x9d3b0d1eu
	struct buf kept; /* from offset `from` of the message */
	uint64_t from;
	uint64_t acked; /* offset up to which the client was credited */
	bool ended;
	bool replay;
	struct arena mem;
	struct http_field *trailers;
	size_t n_trailers;
	/* while nobody takes it */
	struct stream *client;
	void (*on_gone)(void *owner);
	void *owner;
};

void pump_body_init(struct pump_body *b, bool replay);
void pump_body_fini(struct pump_body *b);
/* Takes the client's stream until pump_join() or another owner does, and holds
 * what it delivers. Should the client leave, its stream is closed and
 * on_gone(owner) called. */
void pump_body_wait(struct pump_body *b, struct stream *client,
    void (*on_gone)(void *owner), void *owner);
void pump_body_trailers(struct pump_body *b, const struct http_field *f,
    size_t n);
/* May it be sent from the start? */
bool pump_body_whole(const struct pump_body *b);
/* Lets go of what was sent up to that offset, unless it may be needed again. */
void pump_body_trim(struct pump_body *b, uint64_t sent);
/* Those of *n trailer fields that may go on, in the arena; *n becomes their
 * number. */
struct http_field *pump_trailers_copy(struct arena *a,
    const struct http_field *f, size_t *n);

#endif
