/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both sides of an HTTP/1.1 connection share: running the parser within
 * the stream's window, and writing framed messages. h1.c (server side) and
 * h1_client.c differ in a struct h1_role.
 *
 * Bytes that cannot be used yet (the start of a head, a pipelined request,
 * body beyond the window) wait in `in`, and reading pauses: at most one
 * window plus one read.
 *
 * The connection frees itself, from the loop, when its sock is gone and its
 * stream closed.
 */
#ifndef NET_H1_CONN_H
#define NET_H1_CONN_H

#include "net/h1.h"
#include "net/h1_parse.h"

struct h1_conn;

struct h1_role {
	bool server;
	/* A head was parsed; a new exchange or an answer. */
	void (*on_head)(struct h1_conn *c, struct http_head *h);
	void (*on_bad)(struct h1_conn *c); /* parse.status, parse.why */
	/* The arriving message or the owner's stream is over: go on? */
	void (*on_over)(struct h1_conn *c);
	void (*on_eof)(struct h1_conn *c);
	void (*on_timer)(struct h1_conn *c);
	void (*on_again)(struct h1_conn *c); /* deferred */
	void (*on_freed)(struct h1_conn *c);
	bool (*may_begin)(const struct h1_conn *c); /* another head */
};

struct h1_conn {
	unsigned magic;
#define H1_CONN_MAGIC 0x48314301u
	const struct h1_role *role;
	struct loop *loop;
	struct sock *sock; /* NULL once gone or given away */
	struct stream stream;
	struct addr peer;
	struct h1_parse parse;
	struct h1_limits limits;
	char *in; /* in_n bytes, of which in_parsed went through the parser */
	size_t in_n, in_parsed, in_cap;
	size_t unacked;   /* body bytes that the owner has not consumed */
	int64_t left;     /* of the leaving body; -1 = unknown */
	int64_t swallow;  /* still read off of a body nobody wants */
	int64_t since_ms; /* of what is waited for: head, body, idle */
	int64_t body_from_ms;
	int64_t body_n;
	uint64_t mark; /* written when write progress was last seen */
	int64_t mark_ms;
	bool open : 1;     /* the stream is with an owner */
	bool failed : 1;   /* on_fail was called */
	bool running : 1;  /* inside conn_run() */
	bool dead : 1;     /* nothing more is parsed */
	bool out_head : 1; /* final head sent */
	bool out_done : 1;
	bool chunked : 1; /* the leaving body */
	bool mute : 1;    /* a body is promised but not sent: HEAD, 304 */
	bool tunnel : 1;  /* 101 */
	bool keep : 1;    /* the connection may carry another exchange */
	bool eof : 1;
	bool connected : 1;   /* a dialled sock opened */
	bool head_method : 1; /* HEAD */
	bool expect : 1;      /* the client waits for 100 */
	bool throttled : 1;   /* we made this body wait */
	bool draining : 1;
	bool probed : 1;
	bool due_over : 1; /* the stream was closed while parsing */
	bool due_end : 1;  /* on_end from the loop */
	bool freeing : 1;
	struct timer timer;
	struct defer again;
	struct defer gone;
	/* the owner of the connection */
	request_fn *on_request;
	h1_closed_fn *on_closed;
	void (*on_idle)(void *owner, struct h1_client *c);
	void (*on_client_closed)(void *owner, struct h1_client *c);
	void *owner;
};

void h1_conn_init(struct h1_conn *c, struct loop *l, const struct h1_role *role,
    const struct h1_limits *limits);
void h1_conn_attach(struct h1_conn *c, struct sock *s);
extern const struct sock_sink h1_conn_sink;
/* Closes; end: after what is queued and FIN. A running stream fails later. */
void h1_conn_close(struct h1_conn *c, bool end);
/* Tells the stream's owner, once. */
void h1_conn_fail(struct h1_conn *c, enum err_code code, const char *why);
/* From the loop: parse what waits, read on. */
void h1_conn_go_on(struct h1_conn *c);
/* The timer fires at_ms at the latest. */
void h1_conn_arm(struct h1_conn *c, int64_t at_ms);
/* Ready for the next message both ways. */
void h1_conn_next(struct h1_conn *c);
/* Write progress within the limit? Arms the timer for the next look. */
bool h1_conn_stalled(struct h1_conn *c);

#endif
