/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of HTTP/1.1 client connections, and whole small exchanges.
 *
 * A connection is idle or carries one exchange; h1.c says when it may be used
 * again. The last one that became idle is used first, so that the rest can go.
 */
#include "net/httpc.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/obj.h"

enum {
	CONNECT_MS = 5000,
	/* Less than servers keep them, so that a request seldom meets a
	 * connection that is being closed. */
	IDLE_MS = 30 * 1000,
	/* The pump watches the time of an answer. */
	BODY_MS = 3600 * 1000,
};

struct httpc_conn {
	unsigned magic;
#define HTTPC_CONN_MAGIC 0x9c0aa117u
	struct httpc *pool;
	struct h1_client *h1;
	bool idle;
	TAILQ_ENTRY(httpc_conn) entry;
};

TAILQ_HEAD(httpc_list, httpc_conn);

struct httpc {
	unsigned magic;
#define HTTPC_MAGIC 0x9c071b5eu
	struct loop *loop;
	struct addr to;
	size_t max_connections, max_idle;
	struct httpc_list busy, idle;
	size_t n, n_idle;
	bool freed;
};

static const struct h1_limits pool_limits = {
    .idle_ms = IDLE_MS,
    .head_ms = BODY_MS,
    .body_ms = BODY_MS,
};

struct httpc *
httpc_new(struct loop *l, const struct addr *to, size_t max_connections,
    size_t max_idle)
{
	struct httpc *p = xcalloc(1, sizeof(*p));

	p->magic = HTTPC_MAGIC;
	p->loop = l;
	p->to = *to;
	p->max_connections = max_connections;
	p->max_idle = max_idle;
	TAILQ_INIT(&p->busy);
	TAILQ_INIT(&p->idle);
	return p;
}

static void
maybe_free(struct httpc *p)
{
	if (!p->freed || p->n > 0)
		return;
	KILL_OBJ(p);
	free(p);
}

void
httpc_free(struct httpc *p)
{
	struct httpc_conn *c;

	CHECK_OBJ(p, HTTPC_MAGIC);
	p->freed = true;
	TAILQ_FOREACH(c, &p->idle, entry)
		h1_client_close(c->h1);
	TAILQ_FOREACH(c, &p->busy, entry)
		h1_client_close(c->h1);
	maybe_free(p);
}

void
httpc_move(struct httpc *p, const struct addr *to)
{
	struct httpc_conn *c;

	CHECK_OBJ(p, HTTPC_MAGIC);
	p->to = *to;
	TAILQ_FOREACH(c, &p->idle, entry)
		h1_client_close(c->h1);
}

bool
httpc_is_idle(const struct httpc *p)
{
	return TAILQ_EMPTY(&p->busy);
}

static void
unlist(struct httpc_conn *c)
{
	struct httpc *p = c->pool;

	if (c->idle) {
		TAILQ_REMOVE(&p->idle, c, entry);
		p->n_idle--;
	} else {
		TAILQ_REMOVE(&p->busy, c, entry);
	}
}

static void
conn_on_idle(void *owner, struct h1_client *h1)
{
	struct httpc_conn *c;
	struct httpc *p;

	CAST_OBJ(c, owner, HTTPC_CONN_MAGIC);
	p = c->pool;
	if (c->idle)
		return;
	if (p->freed || p->n_idle >= p->max_idle) {
		h1_client_close(h1);
		return;
	}
	unlist(c);
	c->idle = true;
	TAILQ_INSERT_HEAD(&p->idle, c, entry);
	p->n_idle++;
}

static void
conn_on_closed(void *owner, struct h1_client *h1 UNUSED)
{
	struct httpc_conn *c;
	struct httpc *p;

	CAST_OBJ(c, owner, HTTPC_CONN_MAGIC);
	p = c->pool;
	unlist(c);
	p->n--;
	KILL_OBJ(c);
	free(c);
	maybe_free(p);
}

static struct httpc_conn *
conn_new(struct httpc *p)
{
	struct httpc_conn *c = xcalloc(1, sizeof(*c));

	c->magic = HTTPC_CONN_MAGIC;
	c->pool = p;
	c->h1 = h1_connect(p->loop, &p->to, CONNECT_MS, &pool_limits,
	    conn_on_idle, conn_on_closed, c);
	p->n++;
	TAILQ_INSERT_TAIL(&p->busy, c, entry);
	return c;
}

struct stream *
httpc_open(struct httpc *p, const struct stream_sink *sink, void *owner,
    struct err *err)
{
	struct httpc_conn *c = TAILQ_FIRST(&p->idle);

	CHECK_OBJ(p, HTTPC_MAGIC);
	if (p->freed) {
		err_set(err, ERR_UNAVAILABLE, "the pool is closing");
		return NULL;
	}
	if (c != NULL) {
		unlist(c);
		c->idle = false;
		TAILQ_INSERT_TAIL(&p->busy, c, entry);
	} else if (p->n < p->max_connections) {
		c = conn_new(p);
	} else {
		err_set(err, ERR_BUSY, "all %zu connections are in use",
		    p->max_connections);
		return NULL;
	}
	return h1_open(c->h1, sink, owner);
}

/* --- a whole small exchange ---------------------------------------------- */

struct httpc_call {
	unsigned magic;
#define HTTPC_CALL_MAGIC 0x9cca1100u
	struct h1_client *h1;
	struct stream *s;
	struct timer timer;
	char *body;
	size_t body_n, sent;
	int status;
	struct buf got;
	httpc_done_fn *done;
	void *owner;
	bool over;
};

static void
call_free(struct httpc_call *c)
{
	buf_fini(&c->got);
	free(c->body);
	KILL_OBJ(c);
	free(c);
}

/* Lets go of the connection; the memory goes when that is gone. */
static void
call_end(struct httpc_call *c)
{
	timer_clear(&c->timer);
	c->over = true;
	if (c->s != NULL)
		stream_close(c->s);
	c->s = NULL;
	h1_client_close(c->h1);
}

static void
call_done(struct httpc_call *c, const struct err *why)
{
	httpc_done_fn *done = c->done;
	void *owner = c->owner;
	struct err copy;

	if (c->over)
		return;
	if (why != NULL)
		copy = *why;
	call_end(c);
	done(owner, why != NULL ? 0 : c->status,
	    why != NULL ? (struct str){0} : buf_view(&c->got),
	    why != NULL ? &copy : NULL);
}

static void
call_on_head(void *owner, const struct http_head *head)
{
	struct httpc_call *c;

	CAST_OBJ(c, owner, HTTPC_CALL_MAGIC);
	c->status = head->status;
}

static void
call_on_body(void *owner, const uint8_t *p, size_t n)
{
	struct httpc_call *c;
	struct err err;

	CAST_OBJ(c, owner, HTTPC_CALL_MAGIC);
	if (!buf_add(&c->got, p, n)) {
		err_set(&err, ERR_TOO_BIG, "the answer is over %zu bytes",
		    c->got.max);
		call_done(c, &err);
		return;
	}
	stream_consumed(c->s, n);
}

static void
call_send(struct httpc_call *c)
{
	if (c->body_n == 0 || c->sent == c->body_n)
		return;
	c->sent += stream_write(c->s, c->body + c->sent, c->body_n - c->sent);
	if (c->sent == c->body_n)
		stream_end(c->s);
}

static void
call_on_room(void *owner)
{
	struct httpc_call *c;

	CAST_OBJ(c, owner, HTTPC_CALL_MAGIC);
	call_send(c);
}

static void
call_on_end(void *owner)
{
	struct httpc_call *c;

	CAST_OBJ(c, owner, HTTPC_CALL_MAGIC);
	call_done(c, NULL);
}

static void
call_on_fail(void *owner, const struct err *why)
{
	struct httpc_call *c;

	CAST_OBJ(c, owner, HTTPC_CALL_MAGIC);
	call_done(c, why);
}

static const struct stream_sink call_sink = {
    .on_head = call_on_head,
    .on_body = call_on_body,
    .on_room = call_on_room,
    .on_end = call_on_end,
    .on_fail = call_on_fail,
};

static void
call_on_timer(void *arg)
{
	struct httpc_call *c;
	struct err err;

	CAST_OBJ(c, arg, HTTPC_CALL_MAGIC);
	err_set(&err, ERR_TIMEOUT, "no answer in time");
	call_done(c, &err);
}

static void
call_on_idle(void *owner UNUSED, struct h1_client *h1 UNUSED)
{
}

static void
call_on_closed(void *owner, struct h1_client *h1 UNUSED)
{
	struct httpc_call *c;
	struct err err;

	CAST_OBJ(c, owner, HTTPC_CALL_MAGIC);
	if (!c->over) {
		err_set(&err, ERR_PEER, "the connection was closed");
		call_done(c, &err);
	}
	call_free(c);
}

struct httpc_call *
httpc_request(struct loop *l, const struct httpc_ask *ask, httpc_done_fn *done,
    void *owner)
{
	struct httpc_call *c = xcalloc(1, sizeof(*c));
	struct http_head h = *ask->head;
	struct str body = ask->body;

	c->magic = HTTPC_CALL_MAGIC;
	c->done = done;
	c->owner = owner;
	c->got = BUF_INIT(ask->max);
	c->body = body.n > 0 ? xstrndup(body.p, body.n) : NULL;
	c->body_n = body.n;
	h.content_length = (int64_t)body.n;
	h.no_body = body.n == 0;
	if (h.no_body && http_method_is_safe(h.method))
		h.content_length = -1;
	c->h1 = h1_connect(l, ask->to, ask->timeout_ms, &pool_limits,
	    call_on_idle, call_on_closed, c);
	c->s = h1_open(c->h1, &call_sink, c);
	timer_init(&c->timer, l, call_on_timer, c);
	timer_set(&c->timer, ask->timeout_ms);
	stream_send_head(c->s, &h);
	call_send(c);
	return c;
}

void
httpc_cancel(struct httpc_call *c)
{
	CHECK_OBJ(c, HTTPC_CALL_MAGIC);
	if (!c->over)
		call_end(c);
}
