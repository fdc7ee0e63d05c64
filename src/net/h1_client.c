/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client side of HTTP/1.1: one connection, one exchange at a time.
 *
 * It may be used again only after both messages were complete and framed, and
 * not a byte too many came: who answers more than was asked is not believed
 * about the next answer either.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/obj.h"
#include "net/h1_conn.h"

struct h1_client {
	struct h1_conn c;
};

static struct h1_client *
client_of(struct h1_conn *c)
{
	return CONTAINER_OF(c, struct h1_client, c);
}

static void
client_break(struct h1_conn *c, enum err_code code, const char *why)
{
	h1_conn_close(c, false);
	h1_conn_fail(c, code, why);
}

static bool
client_may_begin(const struct h1_conn *c UNUSED)
{
	return true; /* what comes unasked is surplus */
}

static void
client_on_head(struct h1_conn *c, struct http_head *h)
{
	if (!c->open || !c->out_head) {
		client_break(c, ERR_PEER, "an answer to nothing");
		return;
	}
	if (h->status >= 200) {
		c->keep = c->keep && c->parse.keep_alive;
		c->stream.ended = h->no_body;
	}
	c->tunnel = h->status == 101;
	if (c->stream.sink->on_head != NULL)
		c->stream.sink->on_head(c->stream.owner, h);
}

static void
client_on_bad(struct h1_conn *c)
{
	client_break(c, ERR_PEER, c->parse.why);
}

static void
client_on_over(struct h1_conn *c)
{
	if (c->open)
		return;
	if (!c->out_done || c->parse.state != H1P_DONE || !c->keep || c->eof) {
		/* Cut short, unless all that is missing is the end. */
		h1_conn_close(c, c->out_done && c->parse.state == H1P_DONE);
		return;
	}
	loop_defer(c->loop, &c->again);
}

/* The run that ended the answer is over: was it all there was? */
static void
client_on_again(struct h1_conn *c)
{
	if (c->sock == NULL || c->dead)
		return;
	if (c->open || c->parse.state != H1P_DONE) {
		h1_conn_go_on(c);
		return;
	}
	if (c->in_n > 0 || c->eof || !c->out_done || !c->keep) {
		h1_conn_close(c, true);
		return;
	}
	h1_conn_next(c);
	h1_conn_arm(c, c->since_ms + c->limits.idle_ms);
	c->on_idle(c->owner, client_of(c));
}

static void
client_on_eof(struct h1_conn *c)
{
	if (c->open && h1_parse_eof(&c->parse))
		return; /* the answer ended with the connection */
	if (c->parse.state == H1P_DONE || !c->open) {
		h1_conn_close(c, true);
		return;
	}
	client_break(c, ERR_PEER, "the answer ends too early");
}

static bool
client_waits_for_head(const struct h1_conn *c)
{
	return c->open && c->limits.head_ms > 0 &&
	    (c->parse.state == H1P_IDLE || c->parse.state == H1P_HEAD);
}

static void
client_on_timer(struct h1_conn *c)
{
	int64_t now = loop_now_ms(c->loop);

	if (h1_conn_stalled(c)) {
		client_break(c, ERR_TIMEOUT, "the peer takes nothing");
		return;
	}
	if (client_waits_for_head(c)) {
		if (now - c->since_ms >= c->limits.head_ms) {
			client_break(c, ERR_TIMEOUT, "no answer in time");
			return;
		}
		h1_conn_arm(c, c->since_ms + c->limits.head_ms);
	}
	if (!c->open && now - c->since_ms >= c->limits.idle_ms) {
		h1_conn_close(c, true);
		return;
	}
	h1_conn_arm(c,
	    now +
		(c->open ? c->limits.write_ms
			 : MAX_OF(c->since_ms + c->limits.idle_ms - now, 1)));
}

static void
client_on_freed(struct h1_conn *c)
{
	c->on_client_closed(c->owner, client_of(c));
}

static const struct h1_role client_role = {
    .on_head = client_on_head,
    .on_bad = client_on_bad,
    .on_over = client_on_over,
    .on_eof = client_on_eof,
    .on_timer = client_on_timer,
    .on_again = client_on_again,
    .on_freed = client_on_freed,
    .may_begin = client_may_begin,
};

struct h1_client *
h1_connect(struct loop *l, const struct addr *to, int64_t timeout_ms,
    const struct h1_limits *limits,
    void (*on_idle)(void *owner, struct h1_client *c),
    void (*on_closed)(void *owner, struct h1_client *c), void *owner)
{
	struct h1_client *cl = xcalloc(1, sizeof(*cl));
	struct h1_conn *c = &cl->c;

	h1_conn_init(c, l, &client_role, limits);
	if (limits == NULL || limits->head_ms == 0)
		c->limits.head_ms = 0; /* as long as the answer takes */
	c->on_idle = on_idle;
	c->on_client_closed = on_closed;
	c->owner = owner;
	h1_conn_attach(c, sock_dial(l, to, timeout_ms, &h1_conn_sink, c));
	return cl;
}

struct stream *
h1_open(struct h1_client *cl, const struct stream_sink *sink, void *owner)
{
	struct h1_conn *c = &cl->c;

	CHECK_OBJ(c, H1_CONN_MAGIC);
	assert(!c->open);
	c->open = true;
	c->failed = false;
	c->since_ms = loop_now_ms(c->loop);
	stream_own(&c->stream, sink, owner);
	if (c->limits.head_ms > 0)
		h1_conn_arm(c, c->since_ms + c->limits.head_ms);
	return &c->stream;
}

void
h1_client_close(struct h1_client *cl)
{
	CHECK_OBJ(&cl->c, H1_CONN_MAGIC);
	h1_conn_close(&cl->c, !cl->c.open);
}
