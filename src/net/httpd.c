/* SPDX-License-Identifier: Apache-2.0 */
#include "net/httpd.h"

#include <stdlib.h>

#include "base/jsonw.h"
#include "base/mem.h"
#include "base/obj.h"

enum {
	MAX_CONNECTIONS = 10000
};

/* One connection: between its listener and the HTTP/1.1 engine. */
struct conn {
	unsigned magic;
#define CONN_MAGIC 0xc0227ec7u
	struct httpd *d;
	struct h1_server *h1;
	TAILQ_ENTRY(conn) entry;
};

struct httpd {
	unsigned magic;
#define HTTPD_MAGIC 0x477bd000u
	struct loop *loop;
	struct httpd_conf conf;
	struct listener *listener; /* NULL once closing */
	TAILQ_HEAD(, conn) conns;
	size_t n_conns;
	struct timer deadline; /* of closing */
	struct defer finish;
	void (*done)(void *arg);
	void *done_arg;
};

/* --- connections ------------------------------------------------------------ */

static void
maybe_finish(struct httpd *d)
{
	if (d->listener == NULL && d->n_conns == 0)
		loop_defer(d->loop, &d->finish);
}

static void
on_finish(void *arg)
{
	struct httpd *d;
	void (*done)(void *arg);
	void *done_arg;

	CAST_OBJ(d, arg, HTTPD_MAGIC);
	done = d->done;
	done_arg = d->done_arg;
	timer_clear(&d->deadline);
	KILL_OBJ(d);
	free(d);
	if (done != NULL)
		done(done_arg);
}

static void
on_conn_closed(void *owner)
{
	struct conn *c;
	struct httpd *d;

	CAST_OBJ(c, owner, CONN_MAGIC);
	d = c->d;
	TAILQ_REMOVE(&d->conns, c, entry);
	d->n_conns--;
	KILL_OBJ(c);
	free(c);
	maybe_finish(d);
}

static void
on_conn_request(void *owner, struct stream *s, const struct http_head *head)
{
	struct conn *c;

	CAST_OBJ(c, owner, CONN_MAGIC);
	c->d->conf.on_request(c->d->conf.owner, s, head);
}

/* More connections than we take: said in so many words, then closed. */
static void
refuse(struct sock *s)
{
	static const char busy[] =
	    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n"
	    "Content-Type: application/json\r\nContent-Length: 72\r\n"
	    "Connection: close\r\n\r\n"
	    "{\"error\":{\"code\":\"not_available\",\"message\":\"too many "
	    "open connections\"}}";

	sock_write(s, busy, sizeof busy - 1);
	sock_end(s);
	sock_close(s);
}

static void
on_sock(void *owner, struct sock *s)
{
	struct httpd *d;
	struct conn *c;

	CAST_OBJ(d, owner, HTTPD_MAGIC);
	if (d->n_conns >= d->conf.max_connections) {
		refuse(s);
		return;
	}
	c = xcalloc(1, sizeof *c);
	c->magic = CONN_MAGIC;
	c->d = d;
	TAILQ_INSERT_TAIL(&d->conns, c, entry);
	d->n_conns++;
	c->h1 = h1_serve(d->loop, s, &d->conf.limits, on_conn_request,
	    on_conn_closed, c);
}

/* --- the listener --------------------------------------------------------------- */

static void
on_deadline(void *arg)
{
	struct httpd *d;
	struct conn *c, *next;

	CAST_OBJ(d, arg, HTTPD_MAGIC);
	TAILQ_FOREACH_SAFE(c, &d->conns, entry, next)
		h1_server_close(c->h1);
}

struct httpd *
httpd_new(struct loop *l, const struct addr *at, const struct httpd_conf *conf,
    struct err *err)
{
	struct httpd *d = xcalloc(1, sizeof *d);

	d->magic = HTTPD_MAGIC;
	d->loop = l;
	d->conf = *conf;
	if (d->conf.max_connections == 0)
		d->conf.max_connections = MAX_CONNECTIONS;
	d->finish = (struct defer){.fn = on_finish, .arg = d};
	TAILQ_INIT(&d->conns);
	timer_init(&d->deadline, l, on_deadline, d);
	d->listener = listener_new(l, at, on_sock, d, err);
	if (d->listener == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

const struct addr *
httpd_addr(const struct httpd *d)
{
	return listener_addr(d->listener);
}

size_t
httpd_connections(const struct httpd *d)
{
	return d->n_conns;
}

void
httpd_close(struct httpd *d, int64_t ms, void (*done)(void *arg), void *arg)
{
	struct conn *c, *next;

	CHECK_OBJ(d, HTTPD_MAGIC);
	if (d->listener == NULL)
		return;
	listener_close(d->listener);
	d->listener = NULL;
	d->done = done;
	d->done_arg = arg;
	TAILQ_FOREACH_SAFE(c, &d->conns, entry, next)
		h1_server_drain(c->h1);
	timer_set(&d->deadline, ms);
	maybe_finish(d);
}

/* --- answers ---------------------------------------------------------------------
 * Small answers to complete requests leave at once. What the transport does
 * not take now waits in a struct reply. */

struct reply {
	unsigned magic;
#define REPLY_MAGIC 0x4e91a500u
	struct stream *s;
	size_t at, n;
	char bytes[];
};

static void
reply_free(struct reply *r)
{
	stream_close(r->s);
	KILL_OBJ(r);
	free(r);
}

static void
reply_room(void *owner)
{
	struct reply *r;

	CAST_OBJ(r, owner, REPLY_MAGIC);
	r->at += stream_write(r->s, r->bytes + r->at, r->n - r->at);
	if (r->at < r->n)
		return;
	stream_end(r->s);
	reply_free(r);
}

static void
reply_head(void *owner UNUSED, const struct http_head *head UNUSED)
{
}

static void
reply_body(void *owner, const uint8_t *p UNUSED, size_t n)
{
	struct reply *r;

	CAST_OBJ(r, owner, REPLY_MAGIC);
	stream_consumed(r->s, n);
}

static void
reply_end(void *owner UNUSED)
{
}

static void
reply_fail(void *owner, const struct err *why UNUSED)
{
	struct reply *r;

	CAST_OBJ(r, owner, REPLY_MAGIC);
	reply_free(r);
}

static const struct stream_sink reply_sink = {
    .on_head = reply_head,
    .on_body = reply_body,
    .on_room = reply_room,
    .on_end = reply_end,
    .on_fail = reply_fail,
};

/* The rest of the body waits for room. */
static void
reply_later(struct stream *s, struct str rest)
{
	struct reply *r = xmalloc(sizeof *r + rest.n);

	*r = (struct reply){.magic = REPLY_MAGIC, .s = s, .n = rest.n};
	memcpy(r->bytes, rest.p, rest.n);
	stream_own(s, &reply_sink, r);
}

void
reply_bytes(struct stream *s, int status, const char *type,
    const struct http_field *extra, size_t n_extra, struct str body)
{
	struct http_field fields[16];
	struct http_head head = {
	    .status = status,
	    .fields = fields,
	    .content_length = (int64_t)body.n,
	    .no_body = body.n == 0,
	};
	size_t took;

	if (type != NULL)
		fields[head.n_fields++] =
		    (struct http_field){STR("Content-Type"), str_of(type)};
	for (size_t i = 0; i < n_extra && head.n_fields < COUNT_OF(fields); i++)
		fields[head.n_fields++] = extra[i];
	stream_send_head(s, &head);
	took = body.n != 0 ? stream_write(s, body.p, body.n) : 0;
	if (took < body.n) {
		reply_later(s, (struct str){body.p + took, body.n - took});
		return;
	}
	stream_end(s);
	stream_close(s);
}

void
reply_error(struct stream *s, const struct err *err, const char *field,
    const char *request_id)
{
	int status = err_http_status(err->code);
	struct http_field extra[2];
	size_t n = 0;
	struct buf b = BUF_INIT(4096);
	struct jsonw w = jsonw_to(&b);

	jsonw_obj(&w);
	jsonw_key(&w, "error");
	jsonw_obj(&w);
	jsonw_kz(&w, "code", err_wire(err->code));
	jsonw_kz(&w, "message", err->msg);
	if (field != NULL)
		jsonw_kz(&w, "field", field);
	if (request_id != NULL)
		jsonw_kz(&w, "request_id", request_id);
	jsonw_end_obj(&w);
	jsonw_kz(&w, "detail", err->msg);
	jsonw_end_obj(&w);
	if (request_id != NULL)
		extra[n++] = (struct http_field){STR("X-Request-Id"),
		    str_of(request_id)};
	if (status == 429 || status == 503)
		extra[n++] = (struct http_field){STR("Retry-After"), STR("2")};
	reply_bytes(s, status, "application/json", extra, n, buf_view(&b));
	buf_fini(&b);
}

/* --- a whole small body ------------------------------------------------------------ */

struct collect {
	unsigned magic;
#define COLLECT_MAGIC 0xb0d7c011u
	struct stream *s;
	struct buf body;
	body_fn *done;
	void *owner;
};

static void
collect_done(struct collect *c, const struct err *why)
{
	struct collect k = *c;

	KILL_OBJ(c);
	free(c);
	k.done(k.owner, k.s, buf_view(&k.body), why);
	buf_fini(&k.body);
}

static void
collect_body(void *owner, const uint8_t *p, size_t n)
{
	struct err why = {0};
	struct collect *c;

	CAST_OBJ(c, owner, COLLECT_MAGIC);
	if (buf_add(&c->body, p, n)) {
		stream_consumed(c->s, n);
		return;
	}
	(void)err_set(&why, ERR_TOO_BIG,
	    "the request body is larger than the %zu bytes allowed here",
	    c->body.max);
	collect_done(c, &why);
}

static void
collect_end(void *owner)
{
	struct collect *c;

	CAST_OBJ(c, owner, COLLECT_MAGIC);
	collect_done(c, NULL);
}

static void
collect_fail(void *owner, const struct err *why)
{
	struct collect *c;

	CAST_OBJ(c, owner, COLLECT_MAGIC);
	collect_done(c, why);
}

static void
collect_room(void *owner UNUSED)
{
}

static const struct stream_sink collect_sink = {
    .on_head = reply_head,
    .on_body = collect_body,
    .on_room = collect_room,
    .on_end = collect_end,
    .on_fail = collect_fail,
};

void
body_collect(struct stream *s, const struct http_head *head, size_t max,
    body_fn *done, void *owner)
{
	struct collect *c;
	struct err why = {0};

	if (head->content_length > (int64_t)max) {
		(void)err_set(&why, ERR_TOO_BIG,
		    "the request body is larger than the %zu bytes allowed "
		    "here",
		    max);
		done(owner, s, STR(""), &why);
		return;
	}
	if (s->ended) {
		done(owner, s, STR(""), NULL);
		return;
	}
	c = xcalloc(1, sizeof *c);
	c->magic = COLLECT_MAGIC;
	c->s = s;
	c->body = BUF_INIT(max);
	c->done = done;
	c->owner = owner;
	stream_own(s, &collect_sink, c);
}
