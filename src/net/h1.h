/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 on a sock, either side, on llhttp without a lenient flag. */
#ifndef NET_H1_H
#define NET_H1_H

#include "net/sock.h"
#include "net/stream.h"

struct h1_limits { /* all in ms or bytes; 0 = the default of RELIABILITY 5 */
	int64_t head_ms;  /* 10,000: first byte to complete head */
	int64_t idle_ms;  /* 75,000: between requests */
	int64_t body_ms;  /* 30,000: without a byte of body */
	int64_t write_ms; /* 30,000: peer takes nothing */
};

/* --- server side --------------------------------------------------------- */

/* A request head arrived. The callee owns the stream: it must stream_own() it
 * before returning, and answer or close it. */
typedef void request_fn(void *owner, struct stream *s,
    const struct http_head *head);
/* The connection is gone and freed itself. */
typedef void h1_closed_fn(void *owner);

struct h1_server;
/* Takes the sock. Requests are answered in order; a pipelined request waits
 * for the one before it. Malformed input is answered with 400, 408, 414, 417,
 * 431, 501 or 505 and a JSON error, then closed. */
struct h1_server *h1_serve(struct loop *l, struct sock *s,
    const struct h1_limits *limits, request_fn *on_request,
    h1_closed_fn *on_closed, void *owner);
/* Finish what is running, then close (at once when idle). */
void h1_server_drain(struct h1_server *sv);
void h1_server_close(struct h1_server *sv);

/* After a 101 was sent or received: gives the raw sock away (with the bytes
 * that were read ahead put back) and frees the connection. For the link; a
 * tunnelled websocket stays a stream. The stream is closed by this. */
struct sock *h1_take_sock(struct stream *s);

/* --- client side ---------------------------------------------------------
 * head_ms is then from opening an exchange to its final head, unlimited by
 * default; how long a body may take is for the owner to say. */

struct h1_client; /* one connection, one exchange at a time */
struct h1_client *h1_connect(struct loop *l, const struct addr *to,
    int64_t timeout_ms, const struct h1_limits *limits,
    void (*on_idle)(void *owner, struct h1_client *c), /* may be used again */
    void (*on_closed)(void *owner, struct h1_client *c), void *owner);
/* Only when new or idle. */
struct stream *h1_open(struct h1_client *cl, const struct stream_sink *sink,
    void *owner);
void h1_client_close(struct h1_client *cl);

#endif
