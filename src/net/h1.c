/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server side of HTTP/1.1.
 *
 *   idle ──head──> active ──answer and request complete──> idle
 *     │              │ └─ answer complete first: the rest is read off, or the
 *     │              │    connection ends behind the answer
 *     └── idle_ms    └─ anything else: reset, so that nobody takes a part for
 *         head_ms       the whole
 *
 * One timer per connection, moved lazily: it fires at the earliest moment that
 * anything could be due, looks, and sleeps on.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/obj.h"
#include "base/rnd.h"
#include "net/h1_conn.h"

enum {
	SWALLOW_MAX = 64 * 1024, /* of a request that was answered early */
	LOOK_MS = 5000,          /* while an exchange runs */
	TIDY_MS = 1000,          /* idle this long, memory is given back */
	PROBE_MS = 50,           /* after a FIN: is anybody there? */
	RATE_FROM_MS = 10000,    /* a body must come at RATE_MIN from then on */
	RATE_MIN = 500,          /* bytes per second */
};

struct h1_server {
	struct h1_conn c;
};

static struct h1_server *
server_of(struct h1_conn *c)
{
	return CONTAINER_OF(c, struct h1_server, c);
}

/* --- answers of our own --------------------------------------------------- */

static const char *
wire_code(int status)
{
	switch (status) {
	case 408:
		return "timeout";
	case 414:
	case 431:
		return "too_large";
	case 405:
	case 501:
	case 505:
		return "unsupported";
	default:
		return "invalid_request";
	}
}

/* Answers, unless an answer has begun, and ends the connection. */
static void
server_refuse(struct h1_conn *c, int status, const char *why)
{
	char id[RND_ID_LEN + 1];
	char body[512];
	char head[512];
	int n;

	if (c->sock == NULL || c->dead)
		return;
	if (c->out_head) {
		h1_conn_close(c, false);
	} else {
		rnd_id(id);
		n = snprintf(body, sizeof(body),
		    "{\"error\":{\"code\":\"%s\",\"message\":\"%s\","
		    "\"request_id\":\"%s\"},\"detail\":\"%s\"}",
		    wire_code(status), why, id, why);
		(void)str_fmt(head, sizeof(head),
		    "HTTP/1.1 %d %s\r\nDate: %s\r\nX-Request-Id: %s\r\n"
		    "Content-Type: application/json\r\nContent-Length: %d\r\n"
		    "Connection: close\r\n\r\n",
		    status, http_reason(status), loop_http_date(c->loop), id,
		    n);
		sock_write(c->sock, head, strlen(head));
		sock_write(c->sock, body, (size_t)n);
		c->out_head = true;
		h1_conn_close(c, true);
	}
	h1_conn_fail(c, status == 408 ? ERR_TIMEOUT : ERR_PEER, why);
}

static void
server_on_bad(struct h1_conn *c)
{
	server_refuse(c, c->parse.status, c->parse.why);
}

/* --- exchanges ------------------------------------------------------------ */

static bool
server_may_begin(const struct h1_conn *c)
{
	return !c->open && !c->draining;
}

static void
server_on_head(struct h1_conn *c, struct http_head *h)
{
	c->open = true;
	c->keep = c->parse.keep_alive && !c->eof;
	c->head_method = str_eqz(h->method, "HEAD");
	c->expect = h->expect_continue;
	c->stream.ended = h->no_body && h->upgrade.n == 0;
	if (h->upgrade.n > 0)
		h->no_body = false;
	if (c->expect)
		loop_defer(c->loop, &c->again);
	h1_conn_arm(c, loop_now_ms(c->loop) + LOOK_MS);
	c->on_request(c->owner, &c->stream, h);
	assert(!c->open || c->stream.sink != NULL);
}

/* Both messages, or the owner's interest, may be over. */
static void
server_on_over(struct h1_conn *c)
{
	if (c->open)
		return;
	if (!c->out_done) {
		h1_conn_close(c, false);
		return;
	}
	if (c->tunnel || (c->parse.state != H1P_DONE && !c->keep)) {
		h1_conn_close(c, true);
		return;
	}
	if (c->parse.state != H1P_DONE) {
		if (c->swallow == 0)
			c->swallow = SWALLOW_MAX;
		loop_defer(c->loop, &c->again);
		return;
	}
	if (!c->keep || c->draining || (c->eof && c->in_n == 0)) {
		h1_conn_close(c, true);
		return;
	}
	h1_conn_next(c);
	if (!c->running && (c->in_n > 0 || c->eof))
		loop_defer(c->loop, &c->again);
}

static void
server_on_again(struct h1_conn *c)
{
	if (c->sock == NULL || c->dead)
		return;
	if (c->open && c->expect && !c->out_head && c->body_n == 0) {
		static const struct http_head go_on = {.status = 100};

		stream_send_head(&c->stream, &go_on);
	}
	h1_conn_go_on(c);
	if (c->eof && !c->dead && !c->open && c->in_n == c->in_parsed)
		h1_conn_close(c, true);
}

static void
server_on_eof(struct h1_conn *c)
{
	switch (c->parse.state) {
	case H1P_IDLE:
		if (!c->open)
			h1_conn_close(c, true);
		return;
	case H1P_DONE: /* half-closed: still answered */
		if (!addr_is_unix(&c->peer))
			h1_conn_arm(c, loop_now_ms(c->loop) + PROBE_MS);
		return;
	case H1P_RAW:
		h1_conn_fail(c, ERR_PEER, "the client left");
		h1_conn_close(c, false);
		return;
	case H1P_HEAD:
	case H1P_BODY:
	case H1P_FAILED:
		server_refuse(c, 400, "the request ends too early");
		return;
	}
}

/* --- time ----------------------------------------------------------------- */

static void
server_on_idle(struct h1_conn *c, int64_t now)
{
	int64_t idle = now - c->since_ms;

	if (idle >= c->limits.idle_ms) {
		h1_conn_close(c, true);
		return;
	}
	if (idle >= TIDY_MS) {
		h1_parse_tidy(&c->parse);
		sock_tidy(c->sock);
		if (c->in_n == 0) {
			free(c->in);
			c->in = NULL;
			c->in_cap = 0;
		}
		h1_conn_arm(c, c->since_ms + c->limits.idle_ms);
		return;
	}
	h1_conn_arm(c,
	    MIN_OF(c->since_ms + TIDY_MS, c->since_ms + c->limits.idle_ms));
}

static bool
server_body_is_late(const struct h1_conn *c, int64_t now)
{
	int64_t took = now - c->body_from_ms;

	if (now - c->since_ms >= c->limits.body_ms)
		return true;
	return !c->throttled && took > RATE_FROM_MS &&
	    c->body_n < took * RATE_MIN / 1000;
}

/* Asks a client that sends no more whether it still listens: if it is gone,
 * its machine answers with a reset. */
static void
server_probe(struct h1_conn *c)
{
	static const struct http_head probe = {.status = 100};

	if (!c->eof || c->probed || c->out_head || c->parse.http10 ||
	    addr_is_unix(&c->peer))
		return;
	c->probed = true;
	stream_send_head(&c->stream, &probe);
}

static void
server_on_timer(struct h1_conn *c)
{
	int64_t now = loop_now_ms(c->loop);

	if (h1_conn_stalled(c)) {
		h1_conn_close(c, false);
		h1_conn_fail(c, ERR_TIMEOUT, "the client takes nothing");
		return;
	}
	if (c->parse.state == H1P_HEAD) {
		if (now - c->since_ms >= c->limits.head_ms)
			server_refuse(c, 408, "the request head took too long");
		else
			h1_conn_arm(c, c->since_ms + c->limits.head_ms);
		return;
	}
	if (c->parse.state == H1P_IDLE && !c->open) {
		server_on_idle(c, now);
		return;
	}
	if (c->parse.state == H1P_BODY && (c->unacked == 0 || !c->open)) {
		if (server_body_is_late(c, now)) {
			server_refuse(c, 408, "the request body took too long");
			return;
		}
		h1_conn_arm(c, c->since_ms + c->limits.body_ms);
	} else if (c->parse.state == H1P_BODY) {
		c->since_ms = now; /* it is our side that makes it wait */
	}
	if (c->open)
		server_probe(c);
	h1_conn_arm(c, now + MIN_OF(LOOK_MS, c->limits.write_ms));
}

/* --- life ----------------------------------------------------------------- */

static void
server_on_freed(struct h1_conn *c)
{
	c->on_closed(c->owner);
}

static const struct h1_role server_role = {
    .server = true,
    .on_head = server_on_head,
    .on_bad = server_on_bad,
    .on_over = server_on_over,
    .on_eof = server_on_eof,
    .on_timer = server_on_timer,
    .on_again = server_on_again,
    .on_freed = server_on_freed,
    .may_begin = server_may_begin,
};

struct h1_server *
h1_serve(struct loop *l, struct sock *s, const struct h1_limits *limits,
    request_fn *on_request, h1_closed_fn *on_closed, void *owner)
{
	struct h1_server *sv = xcalloc(1, sizeof(*sv));
	struct h1_conn *c = &sv->c;

	h1_conn_init(c, l, &server_role, limits);
	h1_conn_attach(c, s);
	if (addr_is_unix(&c->peer))
		h1_parse_behind_us(&c->parse);
	c->on_request = on_request;
	c->on_closed = on_closed;
	c->owner = owner;
	sock_set_sink(s, &h1_conn_sink, c);
	sock_set_eager(s, true);
	h1_conn_arm(c,
	    loop_now_ms(l) + MIN_OF(c->limits.head_ms, c->limits.idle_ms));
	return server_of(c);
}

void
h1_server_drain(struct h1_server *sv)
{
	struct h1_conn *c = &sv->c;

	CHECK_OBJ(c, H1_CONN_MAGIC);
	c->draining = true;
	if (!c->open && c->parse.state != H1P_BODY)
		h1_conn_close(c, true);
}

void
h1_server_close(struct h1_server *sv)
{
	CHECK_OBJ(&sv->c, H1_CONN_MAGIC);
	h1_conn_close(&sv->c, false);
}
