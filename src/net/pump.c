/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two halves. Up: request body, from the client's stream through a pump_body
 * to upstream. Down: response, from upstream through `down` to the client.
 * A piece is offered to the other side at once, straight from the transport's
 * memory; what is not taken is kept, and its sender is not credited for it
 * until it is.
 *
 * Nothing here is called back from inside an operation of a stream, so every
 * function that may end the pump does so as its last step.
 */
#include "net/pump.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/obj.h"
#include "base/pool.h"

enum {
	FIRST_BYTE_MS = 60 * 1000,
	IDLE_MS = 300 * 1000,
	LAST_WORD_MS = 20, /* for the error event to leave */
};

struct pump {
	unsigned magic;
#define PUMP_MAGIC 0x9d3b0a77u
	struct loop *loop;
	struct stream *client;
	struct stream *upstream;
	struct pump_conf conf;
	struct pump_body own;   /* when the owner has none */
	struct pump_body *body; /* up */
	uint64_t sent;          /* offset of the body passed upstream */
	struct buf down;        /* taken from upstream, not by the client: */
	size_t down_at;         /* from here on */
	struct arena mem;
	struct http_field *trailers; /* of the response */
	size_t n_trailers;
	struct timer timer;
	int64_t moved_ms; /* when bytes last came either way */
	bool up_ended : 1;
	bool in_final : 1;
	bool tunnel : 1; /* 101 was passed on */
	bool sse : 1;
	bool down_in : 1;    /* upstream's message is complete */
	bool down_ended : 1; /* and so is ours to the client */
	bool cutting : 1;
	struct err why;
};

/* --- the end -------------------------------------------------------------- */

static void
pump_free(struct pump *p)
{
	timer_clear(&p->timer);
	pump_body_fini(&p->own);
	buf_fini(&p->down);
	arena_fini(&p->mem);
	KILL_OBJ(p);
	pool_free(loop_pool(p->loop), p, sizeof(*p));
}

static void
pump_finish(struct pump *p, enum pump_end how, const struct err *why)
{
	const struct pump_conf conf = p->conf;
	bool body_sent = p->sent > 0;
	struct err copy;

	if (why != NULL)
		copy = *why;
	if (p->upstream != NULL)
		stream_close(p->upstream);
	if (how != PUMP_UPSTREAM_LOST)
		stream_close(p->client);
	pump_free(p);
	conf.on_done(conf.owner, how, body_sent, why != NULL ? &copy : NULL);
}

void
pump_cancel(struct pump *p)
{
	CHECK_OBJ(p, PUMP_MAGIC);
	if (p->upstream != NULL)
		stream_close(p->upstream);
	stream_close(p->client);
	pump_free(p);
}

/* Done when the response is over; a tunnel, when both ways are. What is left
 * of an upload after an early answer is of no use to anybody. */
static void
finish_if_done(struct pump *p)
{
	if (p->down_ended && (!p->tunnel || p->up_ended))
		pump_finish(p, PUMP_DONE, NULL);
}

/* An event stream that breaks says so before it is cut. */
static void
last_word(struct pump *p, const struct err *why)
{
	static const char event[] =
	    "\n\nevent: error\ndata: {\"error\":{\"code\":\"bad_gateway\","
	    "\"message\":\"the stream broke off\"}}\n\n";

	p->cutting = true;
	p->why = *why;
	stream_close(p->upstream);
	p->upstream = NULL;
	(void)stream_write(p->client, event, sizeof(event) - 1);
	timer_set(&p->timer, LAST_WORD_MS);
}

static void
upstream_failed(struct pump *p, const struct err *why)
{
	if (!p->in_final)
		pump_finish(p, PUMP_UPSTREAM_LOST, why);
	else if (p->sse && p->down.n == 0)
		last_word(p, why);
	else
		pump_finish(p, PUMP_UPSTREAM_CUT, why);
}

static int64_t
limit_ms(const struct pump *p)
{
	if (!p->in_final)
		return p->conf.first_byte_ms > 0 ? p->conf.first_byte_ms
						 : FIRST_BYTE_MS;
	return p->conf.idle_ms > 0 ? p->conf.idle_ms : IDLE_MS;
}

static void
pump_on_timer(void *arg)
{
	struct pump *p;
	struct err err;
	int64_t left;

	CAST_OBJ(p, arg, PUMP_MAGIC);
	if (p->cutting) {
		err = p->why;
		pump_finish(p, PUMP_UPSTREAM_CUT, &err);
		return;
	}
	left = p->moved_ms + limit_ms(p) - loop_now_ms(p->loop);
	if (left > 0) {
		timer_set(&p->timer, left);
		return;
	}
	err_set(&err, ERR_TIMEOUT, "no byte for %lld ms",
	    (long long)limit_ms(p));
	upstream_failed(p, &err);
}

static void
moved(struct pump *p)
{
	p->moved_ms = loop_now_ms(p->loop);
}

/* --- up ------------------------------------------------------------------- */

/* Credits the client for what upstream took, once. */
static void
credit_client(struct pump *p)
{
	struct pump_body *b = p->body;

	if (p->sent <= b->acked)
		return;
	stream_consumed(p->client, (size_t)(p->sent - b->acked));
	b->acked = p->sent;
}

static void
push_up(struct pump *p)
{
	struct pump_body *b = p->body;
	size_t at = (size_t)(p->sent - b->from);

	if (p->upstream == NULL)
		return;
	if (at < b->kept.n) {
		p->sent += stream_write(p->upstream, b->kept.p + at,
		    b->kept.n - at);
		credit_client(p);
		pump_body_trim(b, p->sent);
	}
	if (b->ended && !p->up_ended && p->sent == b->from + b->kept.n) {
		p->up_ended = true;
		p->upstream->ops->end(p->upstream, b->trailers, b->n_trailers);
	}
}

/* A tunnel has no end, and nothing that could be too big. */
static bool
is_too_big(const struct pump *p)
{
	return p->conf.body_max > 0 && !p->tunnel &&
	    p->body->from + p->body->kept.n > (uint64_t)p->conf.body_max;
}

static void
client_on_body(void *owner, const uint8_t *bytes, size_t n)
{
	struct pump_body *b;
	struct err err;
	struct pump *p;
	size_t took = 0;
	bool direct;

	CAST_OBJ(p, owner, PUMP_MAGIC);
	b = p->body;
	moved(p);
	if (p->upstream == NULL)
		return;
	direct = p->sent == b->from + b->kept.n;
	if (direct)
		took = stream_write(p->upstream, bytes, n);
	if (b->replay && b->kept.n + n <= PUMP_REPLAY_MAX) {
		(void)buf_add(&b->kept, bytes, n);
		p->sent += took;
	} else {
		pump_body_trim(b, p->sent);
		if (b->replay) { /* it became too long to be sent again */
			b->replay = false;
			pump_body_trim(b, p->sent);
		}
		p->sent += took;
		if (direct)
			b->from = p->sent;
		(void)buf_add(&b->kept, bytes + took, n - took);
	}
	if (is_too_big(p)) {
		err_set(&err, ERR_TOO_BIG, "the request body is too large");
		upstream_failed(p, &err);
		return;
	}
	credit_client(p);
}

static void
client_on_trailers(void *owner, const struct http_field *f, size_t n)
{
	struct pump *p;

	CAST_OBJ(p, owner, PUMP_MAGIC);
	pump_body_trailers(p->body, f, n);
}

static void
client_on_end(void *owner)
{
	struct pump *p;

	CAST_OBJ(p, owner, PUMP_MAGIC);
	p->body->ended = true;
	push_up(p);
	finish_if_done(p);
}

static void
upstream_on_room(void *owner)
{
	struct pump *p;

	CAST_OBJ(p, owner, PUMP_MAGIC);
	moved(p);
	push_up(p);
	finish_if_done(p);
}

/* The client left: nobody needs what upstream is doing. */
static void
client_on_fail(void *owner, const struct err *why)
{
	struct pump *p;

	CAST_OBJ(p, owner, PUMP_MAGIC);
	pump_finish(p, PUMP_CLIENT_GONE, why);
}

/* --- down ----------------------------------------------------------------- */

static bool
is_event_stream(const struct http_head *h)
{
	const struct str *type = http_get(h, "content-type");

	return type != NULL && str_starts(*type, "text/event-stream");
}

static void
upstream_on_head(void *owner, const struct http_head *head)
{
	/* Only its first places are used: zeroing all of it would cost more
	 * than the rest of this function. */
	__attribute__((uninitialized)) struct http_field
	    fields[HTTP_FIELDS_MAX + PUMP_EXTRA];
	struct http_head h = *head;
	struct pump *p;
	struct err err;

	CAST_OBJ(p, owner, PUMP_MAGIC);
	moved(p);
	if (h.status < 200 && h.status != 103 && h.status != 101)
		return;
	if (p->conf.tunnel && h.status >= 200 && h.status < 300) {
		/* In HTTP/2 a success would open the tunnel (RFC 8441). */
		err_set(&err, ERR_PEER, "the upgrade was ignored");
		upstream_failed(p, &err);
		return;
	}
	assert(h.n_fields <= HTTP_FIELDS_MAX);
	if (h.n_fields != 0)
		memcpy(fields, h.fields, h.n_fields * sizeof(*fields));
	h.fields = fields;
	h.room = COUNT_OF(fields) - h.n_fields;
	if (p->conf.on_head != NULL)
		p->conf.on_head(p->conf.owner, &p->mem, &h);
	if (h.status >= 200 || h.status == 101) {
		p->in_final = true;
		p->tunnel = h.status == 101;
		p->sse = is_event_stream(&h);
		p->body->replay = false;
		timer_set(&p->timer, limit_ms(p));
	}
	stream_send_head(p->client, &h);
}

static void
end_down(struct pump *p)
{
	if (!p->down_in || p->down_ended || p->down.n > 0)
		return;
	p->down_ended = true;
	p->client->ops->end(p->client, p->trailers, p->n_trailers);
	finish_if_done(p);
}

static void
keep_down(struct pump *p, const uint8_t *bytes, size_t n)
{
	if (p->down_at > p->down.n / 2) { /* seldom: half of it was moved */
		buf_shift(&p->down, p->down_at);
		p->down_at = 0;
	}
	(void)buf_add(&p->down, bytes, n);
}

static void
upstream_on_body(void *owner, const uint8_t *bytes, size_t n)
{
	struct pump *p;
	size_t took = 0;

	CAST_OBJ(p, owner, PUMP_MAGIC);
	moved(p);
	if (p->down.n == 0)
		took = stream_write(p->client, bytes, n);
	if (took > 0)
		stream_consumed(p->upstream, took);
	if (took < n)
		keep_down(p, bytes + took, n - took);
}

static void
upstream_on_trailers(void *owner, const struct http_field *f, size_t n)
{
	struct pump *p;

	CAST_OBJ(p, owner, PUMP_MAGIC);
	p->n_trailers = n;
	p->trailers = pump_trailers_copy(&p->mem, f, &p->n_trailers);
}

static void
upstream_on_end(void *owner)
{
	struct pump *p;

	CAST_OBJ(p, owner, PUMP_MAGIC);
	p->down_in = true;
	end_down(p);
}

static void
client_on_room(void *owner)
{
	struct pump *p;
	size_t took;

	CAST_OBJ(p, owner, PUMP_MAGIC);
	moved(p);
	if (p->down.n > 0) {
		took = stream_write(p->client, p->down.p + p->down_at,
		    p->down.n - p->down_at);
		p->down_at += took;
		if (p->upstream != NULL && took > 0)
			stream_consumed(p->upstream, took);
	}
	if (p->down.n > 0 && p->down_at == p->down.n) {
		buf_fini(&p->down);
		p->down = BUF_INIT(PUMP_KEPT_MAX);
		p->down_at = 0;
	}
	end_down(p);
}

static void
upstream_on_fail(void *owner, const struct err *why)
{
	struct pump *p;

	CAST_OBJ(p, owner, PUMP_MAGIC);
	if (p->down_in && !p->tunnel) { /* its answer is complete */
		stream_close(p->upstream);
		p->upstream = NULL;
		return;
	}
	upstream_failed(p, why);
}

static const struct stream_sink client_sink = {
    .on_body = client_on_body,
    .on_trailers = client_on_trailers,
    .on_room = client_on_room,
    .on_end = client_on_end,
    .on_fail = client_on_fail,
};

static const struct stream_sink upstream_sink = {
    .on_head = upstream_on_head,
    .on_body = upstream_on_body,
    .on_trailers = upstream_on_trailers,
    .on_room = upstream_on_room,
    .on_end = upstream_on_end,
    .on_fail = upstream_on_fail,
};

struct pump *
pump_join(struct loop *l, struct stream *client, struct stream *upstream,
    const struct pump_conf *conf)
{
	struct pump *p = pool_alloc(loop_pool(l), sizeof(*p));

	*p = (struct pump){
	    .magic = PUMP_MAGIC,
	    .loop = l,
	    .client = client,
	    .upstream = upstream,
	    .conf = *conf,
	    .down = BUF_INIT(PUMP_KEPT_MAX),
	};
	pump_body_init(&p->own, false);
	p->body = conf->body != NULL ? conf->body : &p->own;
	timer_init(&p->timer, l, pump_on_timer, p);
	moved(p);
	timer_set(&p->timer, limit_ms(p));
	stream_own(client, &client_sink, p);
	stream_own(upstream, &upstream_sink, p);
	push_up(p);
	return p;
}
