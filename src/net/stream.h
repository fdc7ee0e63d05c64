/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP exchange as one side sees it: a message arriving and a message
 * leaving over some transport (h1.c, h2.c). A client on TCP, a stream on a
 * worker's link and a service on a unix socket all look the same, so that
 * pump.c can join any two of them.
 *
 * Flow control is a promise: bytes handed to on_body stay unacknowledged until
 * consumed() is called, and the transport stops reading when its window
 * (STREAM_WINDOW) is spent. Nobody buffers more than the window.
 *
 * Life: a server-side stream is offered by its transport with a request head;
 * a client-side one is opened by the caller, who then sends a request head.
 * Whoever holds the stream calls stream_close() exactly once, whenever it is
 * finished with it: if both messages were complete the transport keeps its
 * connection, otherwise the exchange is cancelled (RST_STREAM, or the HTTP/1
 * connection is closed; a complete answer to a request that is still arriving
 * is delivered first, and up to 64 KiB of the request's rest are read off). After stream_close() no callback comes, and the
 * stream is gone.
 *
 * Callbacks come from the loop, never from inside an op of the same stream.
 * Any op, stream_close() included, may be called from inside a callback.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/err.h"
#include "net/http.h"

enum {
	STREAM_WINDOW = 64 * 1024
};

struct stream;

struct stream_sink {
	/* Request: once. Response: 1xx heads, then the final one. The head is
	 * borrowed during the call. */
	void (*on_head)(void *owner, const struct http_head *head);
	void (*on_body)(void *owner, const uint8_t *p, size_t n);
	/* Trailer fields, before on_end; may be NULL. */
	void (*on_trailers)(void *owner, const struct http_field *f, size_t n);
	void (*on_room)(void *owner); /* write() may be tried again */
	/* The arriving message is complete. At most once. */
	void (*on_end)(void *owner);
	/* The exchange died (peer reset, connection lost, time-out, protocol
	 * error), in whichever direction; possibly after on_end. At most once,
	 * and the last call; stream_close() is still due. */
	void (*on_fail)(void *owner, const struct err *why);
};

struct stream_ops {
	/* Framing is always made here from content_length and no_body. */
	void (*send_head)(struct stream *s, const struct http_head *head);
	/* Takes what fits, perhaps nothing; then on_room comes later. The
	 * body of an answer to HEAD is taken and dropped. */
	size_t (*write)(struct stream *s, const uint8_t *p, size_t n);
	/* Ends the leaving message; trailers may be NULL, 0. */
	void (*end)(struct stream *s, const struct http_field *trailers,
	    size_t n);
	void (*consumed)(struct stream *s, size_t n); /* opens the window */
	void (*close)(struct stream *s);
};

struct stream {
	unsigned magic;
#define STREAM_MAGIC 0x57e3a11du
	const struct stream_ops *ops;
	const struct stream_sink *sink;
	void *owner;
	const struct addr *peer; /* who is at the other end, or NULL */
	/* The arriving message is complete: set before on_head of a message
	 * without a body, otherwise right before on_end. */
	bool ended;
};

static inline void
stream_own(struct stream *s, const struct stream_sink *sink, void *owner)
{
	s->sink = sink;
	s->owner = owner;
}

static inline void
stream_send_head(struct stream *s, const struct http_head *head)
{
	s->ops->send_head(s, head);
}

static inline size_t
stream_write(struct stream *s, const void *p, size_t n)
{
	return s->ops->write(s, p, n);
}

static inline void
stream_end(struct stream *s)
{
	s->ops->end(s, NULL, 0);
}

static inline void
stream_consumed(struct stream *s, size_t n)
{
	s->ops->consumed(s, n);
}

static inline void
stream_close(struct stream *s)
{
	s->ops->close(s);
}

#endif
