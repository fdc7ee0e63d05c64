/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What h2.c (the session), h2_recv.c (frames in) and h2_send.c (frames out)
 * share. Nobody else includes this.
 *
 * nghttp2 must not be asked to send from inside its receive callbacks, so
 * `receiving` guards every path: what is sent meanwhile is queued with copies
 * and leaves when the receive call is over. Owners are called from the receive
 * callbacks (bytes are never copied on their way in), and otherwise only from
 * a deferred call.
 */
#ifndef NET_H2_PRIV_H
#define NET_H2_PRIV_H

#include <nghttp2/nghttp2.h>

#include "base/buf.h"
#include "base/obj.h"
#include "net/h2.h"

enum {
	H2_HELD_MAX = 64 * 1024,   /* written while receiving */
	H2_QUEUE_MAX = 256 * 1024, /* stop making frames above this */
	H2_CONN_WINDOW = 8 << 20, /* credited on arrival: no memory behind it */
	/* One read of a client's body leaves as one frame, in one write. */
	H2_FRAME_MAX = 64 * 1024,
	H2_PRIME_EVERY = 64,
	H2_INTERIM_MAX = 10, /* 1xx heads per response */
	H2_CONTINUATIONS_MAX = 8,
	H2_LAST_ID = INT32_MAX - (1 << 20), /* then a new connection is due */
};

enum h2_place {
	H2_NOWHERE,
	H2_TO_TELL,
	H2_BLOCKED,
	H2_TO_RESET
};

struct h2_stream {
	struct stream base;
	struct h2 *h; /* NULL once the session is over */
	struct loop *loop;
	int32_t id; /* -1 before the request head was sent */
	enum h2_place place;
	/* the message that leaves */
	const uint8_t *cur; /* borrowed during write() */
	size_t cur_n;
	struct buf held; /* written from inside a receive callback */
	uint64_t left;   /* of the content length; UINT64_MAX: not known */
	struct arena trailer_mem;
	struct http_field *trailers;
	size_t n_trailers;
	bool head_sent : 1;
	bool out_done : 1;  /* the owner ended it */
	bool out_last : 1;  /* END_STREAM was handed to nghttp2 */
	bool deferred : 1;  /* nghttp2 waits for resume_data */
	bool want_room : 1; /* on_room is due */
	/* the message that arrives */
	bool in_final : 1; /* its (final) head was seen */
	bool in_done : 1;  /* END_STREAM seen */
	bool tunnel : 1;   /* extended CONNECT (RFC 8441) */
	bool closed : 1;   /* nghttp2 knows it no more */
	bool orphan : 1;   /* closed by its owner, last bytes still to send */
	bool failing : 1;  /* on_fail is due */
	unsigned n_interim;
	uint32_t fail_code; /* RFC 9113 section 7 */
	TAILQ_ENTRY(h2_stream) entry;
	TAILQ_ENTRY(h2_stream) place_entry;
};

TAILQ_HEAD(h2_stream_list, h2_stream);

struct h2_span {
	uint32_t name_at, name_n, value_at, value_n;
};

/* The head being received: frames of one head never interleave. */
struct h2_head {
	int32_t id; /* 0: ignored */
	struct buf bytes;
	struct h2_span *spans;
	struct http_field *fields;
	size_t n, cap, max;
	struct h2_span pseudo[6];
	int64_t content_length;
	bool too_big;
	bool expect_continue;
};

enum h2_pseudo {
	H2_METHOD,
	H2_PATH,
	H2_SCHEME,
	H2_AUTHORITY,
	H2_PROTOCOL,
	H2_STATUS
};

struct h2 {
	unsigned magic;
#define H2_MAGIC 0x4832a11cu
	struct loop *loop;
	struct sock *sock; /* NULL once it is closed */
	struct h2_conf conf;
	struct addr peer;
	nghttp2_session *ng;
	struct h2_stream_list streams, to_tell, blocked, to_reset;
	unsigned n_streams, n_to_tell;
	unsigned n_opened; /* requests nghttp2 counts as ours */
	struct h2_head head;
	nghttp2_nv *nv;
	size_t nv_cap;
	unsigned n_heads;     /* sent */
	struct buf lower;     /* lower-cased names of the head being sent */
	struct defer on_turn; /* flush, and tell what is to be told */
	struct defer on_bye;
	struct timer quiet;
	int64_t heard_ms; /* when bytes last came */
	int64_t ping_ms;  /* when the unanswered PING left; 0 = none */
	int64_t ping_us;
	int64_t rtt_us;
	uint64_t taken_mark; /* bytes the kernel had taken at the PING */
	double tokens;       /* left of the allowance for nonsense */
	int64_t tokens_ms;
	bool receiving : 1;
	bool draining : 1; /* no new streams */
	bool drain_told : 1;
	bool notice_sent : 1; /* first GOAWAY of ours */
	bool doubt : 1;       /* patience is over: one more look */
	bool over : 1;
	bool failed : 1; /* why is set */
	bool told : 1;
	bool sock_gone : 1;
	struct err why;
};

/* h2.c */
struct h2_stream *h2_stream_new(struct h2 *h, int32_t id);
void h2_stream_free(struct h2_stream *s);
void h2_finish(struct h2 *h, const struct err *why); /* NULL: in order */
/* Counts one thing that only an attacker does often. */
void h2_glitch(struct h2 *h);
void h2_later(struct h2 *h); /* flush at turn end */
/* An orphan whose last frames leave first, then a reset. */
void h2_reset_later(struct h2_stream *s, uint32_t code);
void h2_tell_later(struct h2_stream *s); /* room or failure */
void h2_flush(struct h2 *h);
void h2_fail_text(const struct h2_stream *s, struct err *out);
void h2_going_away(struct h2 *h);

/* h2_mem.c: good as long as the loop */
nghttp2_mem h2_mem(struct loop *l);

/* h2_recv.c */
void h2_recv_callbacks(nghttp2_session_callbacks *cb);
void h2_head_fini(struct h2_head *in);

/* h2_send.c */
extern const struct stream_ops h2_ops;
void h2_send_callbacks(nghttp2_session_callbacks *cb);
void h2_unblock(struct h2 *h);

#endif
