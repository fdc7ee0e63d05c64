/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 on a sock, either side, on llhttp.
 *
 * A connection carries one exchange at a time. The parser stops at the end of
 * each message; what was read beyond it is put back and read again when the
 * next exchange may begin, so a pipelined request costs nothing until its
 * turn.
 */
#include "net/h1.h"

#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/obj.h"

enum {
	HEAD_MS = 10 * 1000,
	IDLE_MS = 75 * 1000,
	BODY_MS = 30 * 1000,
	WRITE_MS = 30 * 1000,
	TICK_MS = 500,
	HEAD_BYTES = HTTP_HEAD_MAX + HTTP_LINE_MAX,
};

struct h1_span {
	uint32_t at, n;
};

struct h1_conn {
	unsigned magic;
#define H1_MAGIC 0x48313131u
	struct stream base; /* of the exchange that runs */
	struct loop *loop;
	struct sock *sock; /* NULL once it was given away */
	struct h1_limits limits;
	bool server;
	struct addr peer;
	llhttp_t parser;
	struct buf head; /* bytes of the head being read */
	struct h1_span line, *names, *values;
	size_t n_fields, cap_fields;
	bool in_value;
	enum h1_phase {
		H1_IDLE,
		H1_HEAD,
		H1_BODY,
		H1_OVER /* the message is complete */
	} phase;
	size_t unacked;
	uint64_t left; /* to write; UINT64_MAX = unknown */
	bool open : 1; /* an exchange is with an owner */
	bool parsing : 1;
	bool head_sent : 1, out_done : 1, chunked : 1, close_after : 1;
	bool want_room : 1, tunnel : 1, upgrade_asked : 1, is_head : 1;
	bool http10 : 1, expect : 1, draining : 1, closing : 1, failing : 1;
	bool too_big : 1, too_long : 1, eof : 1, connected : 1, bad_te : 1;
	bool sent_any : 1, told_idle : 1;
	int64_t since_ms; /* of what the timer watches */
	uint64_t written; /* mark for write stalls */
	struct timer timer;
	struct defer again;
	struct err why;
	request_fn *on_request;
	h1_closed_fn *on_closed;
	void (*on_idle)(void *owner, struct h1_client *c);
	void (*on_client_closed)(void *owner, struct h1_client *c);
	void *owner;
};

struct h1_server {
	struct h1_conn c;
};
struct h1_client {
	struct h1_conn c;
};

static const llhttp_settings_t h1_settings;
static void h1_next(struct h1_conn *c);
static const struct stream_ops h1_ops;

static struct h1_conn *
conn_of(struct stream *s)
{
	CHECK_OBJ(s, STREAM_MAGIC);
	return CONTAINER_OF(s, struct h1_conn, base);
}

static void
conn_close(struct h1_conn *c, bool end)
{
	if (c->closing || c->sock == NULL)
		return;
	c->closing = true;
	timer_clear(&c->timer);
	if (end)
		sock_end(c->sock);
	sock_close(c->sock);
}

static void
touch(struct h1_conn *c)
{
	c->since_ms = loop_now_ms(c->loop);
}

/* --- failing -------------------------------------------------------------- */

static void
fail(struct h1_conn *c, const struct err *why)
{
	if (!c->open || c->failing)
		return;
	c->failing = true;
	c->base.sink->on_fail(c->base.owner, why);
}

static void
refuse(struct h1_conn *c, int status, const char *text)
{
	char out[512];
	int n;

	if (!c->server || c->head_sent) {
		struct err err;

		err_set(&err, ERR_PEER, "%s", text);
		fail(c, &err);
		conn_close(c, false);
		return;
	}
	n = snprintf(out, sizeof(out),
	    "{\"error\":{\"code\":\"invalid_request\",\"message\":\"%s\"},"
	    "\"detail\":\"%s\"}",
	    text, text);
	{
		char head[512];
		int h = snprintf(head, sizeof(head),
		    "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
		    "Content-Length: %d\r\nConnection: close\r\n\r\n",
		    status, http_reason(status), n);

		sock_write(c->sock, head, (size_t)h);
		sock_write(c->sock, out, (size_t)n);
	}
	conn_close(c, true);
}

/* --- reading -------------------------------------------------------------- */

static struct h1_conn *
of_parser(llhttp_t *p)
{
	struct h1_conn *c = CONTAINER_OF(p, struct h1_conn, parser);

	CHECK_OBJ(c, H1_MAGIC);
	return c;
}

static int
on_begin(llhttp_t *p)
{
	struct h1_conn *c = of_parser(p);

	buf_clear(&c->head);
	c->line = (struct h1_span){0};
	c->n_fields = 0;
	c->in_value = true;
	c->phase = H1_HEAD;
	if (c->server)
		touch(c);
	return 0;
}

static int
grow(struct h1_conn *c, struct h1_span *s, const char *at, size_t n, size_t max)
{
	if (s->n == 0)
		s->at = (uint32_t)c->head.n;
	if (s->n + n > max || !buf_add(&c->head, at, n))
		return -1;
	s->n += (uint32_t)n;
	return 0;
}

static int
on_url(llhttp_t *p, const char *at, size_t n)
{
	struct h1_conn *c = of_parser(p);

	if (grow(c, &c->line, at, n, HTTP_LINE_MAX) < 0) {
		c->too_long = true;
		return -1;
	}
	return 0;
}

static int
on_field(llhttp_t *p, const char *at, size_t n)
{
	struct h1_conn *c = of_parser(p);

	if (c->in_value) {
		c->in_value = false;
		if (c->n_fields == HTTP_FIELDS_MAX) {
			c->too_big = true;
			return -1;
		}
		if (c->n_fields == c->cap_fields) {
			c->cap_fields = c->cap_fields ? 2 * c->cap_fields : 16;
			c->names = xreallocarray(c->names, c->cap_fields,
			    sizeof(*c->names));
			c->values = xreallocarray(c->values, c->cap_fields,
			    sizeof(*c->values));
		}
		c->names[c->n_fields] = (struct h1_span){0};
		c->values[c->n_fields] = (struct h1_span){0};
		c->n_fields++;
	}
	if (grow(c, &c->names[c->n_fields - 1], at, n, HTTP_FIELD_MAX) < 0) {
		c->too_big = true;
		return -1;
	}
	return 0;
}

static int
on_value(llhttp_t *p, const char *at, size_t n)
{
	struct h1_conn *c = of_parser(p);

	c->in_value = true;
	if (n > 0 &&
	    grow(c, &c->values[c->n_fields - 1], at, n, HTTP_FIELD_MAX) < 0) {
		c->too_big = true;
		return -1;
	}
	return 0;
}

static struct str
text(const struct h1_conn *c, struct h1_span s)
{
	return (struct str){c->head.p + s.at, s.n};
}

static bool
names(struct str list, struct str name)
{
	while (list.n > 0)
		if (str_ieq(str_trim(str_cut(&list, ',')), name))
			return true;
	return false;
}

static size_t
fields(struct h1_conn *c, struct http_field *out, struct http_head *h)
{
	struct str connection = {0};
	size_t n = 0;

	for (size_t i = 0; i < c->n_fields; i++)
		if (str_ieqz(text(c, c->names[i]), "connection"))
			connection = text(c, c->values[i]);
	for (size_t i = 0; i < c->n_fields; i++) {
		struct str name = text(c, c->names[i]);
		struct str value = str_trim(text(c, c->values[i]));

		if (str_ieqz(name, "host")) {
			h->authority = value;
			continue;
		}
		if (str_ieqz(name, "upgrade") &&
		    names(connection, STR("upgrade")))
			h->upgrade = value;
		if (str_ieqz(name, "expect"))
			h->expect_continue = str_ieqz(value, "100-continue");
		if (str_ieqz(name, "content-length") || http_hop_by_hop(name) ||
		    str_ieqz(name, "expect") ||
		    (connection.n > 0 && names(connection, name)))
			continue;
		out[n++] = (struct http_field){name, value};
	}
	return n;
}

static int
on_headers(llhttp_t *p)
{
	struct http_field out[HTTP_FIELDS_MAX];
	struct http_head h = {.content_length = -1, .fields = out};
	struct h1_conn *c = of_parser(p);
	bool body;

	h.n_fields = fields(c, out, &h);
	if ((p->flags & F_CONTENT_LENGTH) != 0)
		h.content_length = (int64_t)p->content_length;
	c->phase = H1_BODY;
	touch(c);
	if (c->server) {
		h.method = str_of(
		    llhttp_method_name((llhttp_method_t)p->method));
		h.target = text(c, c->line);
		h.scheme = STR("http");
		c->is_head = p->method == HTTP_HEAD;
		c->upgrade_asked = h.upgrade.n > 0;
		c->http10 = p->http_minor == 0;
		c->close_after = !llhttp_should_keep_alive(p);
		body = (p->flags & F_CHUNKED) != 0 || h.content_length > 0;
		h.no_body = !body && !c->upgrade_asked;
		c->open = true;
		c->base.ended = h.no_body;
		c->head_sent = c->out_done = c->tunnel = c->failing = false;
		c->unacked = 0;
		c->on_request(c->owner, &c->base, &h);
		return c->upgrade_asked && !body ? 2 : 0;
	}
	h.status = p->status_code;
	if (h.status == 101 || h.status >= 200)
		c->close_after = !llhttp_should_keep_alive(p);
	if (h.status == 101)
		c->tunnel = true;
	body = !(c->is_head || h.status < 200 || h.status == 204 ||
	    h.status == 304 || h.content_length == 0);
	h.no_body = !body && h.status >= 200;
	c->base.ended = h.no_body;
	if (c->open)
		c->base.sink->on_head(c->base.owner, &h);
	return c->tunnel ? 2 : c->is_head && h.status >= 200 ? 1 : 0;
}

static int
on_body(llhttp_t *p, const char *at, size_t n)
{
	struct h1_conn *c = of_parser(p);

	touch(c);
	if (!c->open)
		return 0;
	c->unacked += n;
	c->base.sink->on_body(c->base.owner, (const uint8_t *)at, n);
	if (c->open && c->unacked >= STREAM_WINDOW)
		sock_pause(c->sock);
	return 0;
}

static int
on_complete(llhttp_t *p)
{
	struct h1_conn *c = of_parser(p);

	if (!c->server && p->status_code < 200 && p->status_code != 101)
		return 0; /* interim: the final one follows */
	if (c->server ? c->upgrade_asked : c->tunnel)
		return 0;
	c->phase = H1_OVER;
	c->base.ended = true;
	if (c->open)
		c->base.sink->on_end(c->base.owner);
	return HPE_PAUSED;
}

static const llhttp_settings_t h1_settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

static void
parse_error(struct h1_conn *c)
{
	if (c->closing || c->sock == NULL)
		return;
	if (c->too_long)
		refuse(c, 414, "the request line is too long");
	else if (c->too_big)
		refuse(c, 431, "the header fields are too large");
	else
		refuse(c, 400, "malformed HTTP message");
}

static void
raw_body(struct h1_conn *c, const uint8_t *p, size_t n)
{
	(void)on_body(&c->parser, (const char *)p, n);
}

static void
h1_on_data(void *owner, const uint8_t *p, size_t n)
{
	struct h1_conn *c;
	enum llhttp_errno e;
	struct sock *sock;
	const char *at;

	CAST_OBJ(c, owner, H1_MAGIC);
	sock = c->sock;
	if (c->closing)
		return;
	if (c->tunnel) {
		raw_body(c, p, n);
		return;
	}
	if (c->phase == H1_OVER || (c->upgrade_asked && c->phase == H1_BODY)) {
		sock_pause(c->sock); /* its turn comes */
		sock_unread(c->sock, p, n);
		return;
	}
	c->parsing = true;
	e = llhttp_execute(&c->parser, (const char *)p, n);
	c->parsing = false;
	if (e == HPE_OK)
		return;
	at = llhttp_get_error_pos(&c->parser);
	if (e == HPE_PAUSED || e == HPE_PAUSED_UPGRADE) {
		size_t used = at != NULL ? (size_t)(at - (const char *)p) : n;

		if (e == HPE_PAUSED)
			llhttp_resume(&c->parser);
		else
			llhttp_resume_after_upgrade(&c->parser);
		if (!c->closing && used < n)
			sock_unread(sock, p + used, n - used);
		if (c->sock == NULL) {
			/* Given away: the rest goes with it. */
			return;
		}
		if (!c->open && !c->closing && c->phase == H1_OVER)
			h1_next(c);
		else if (!c->closing && !c->tunnel && used < n)
			sock_pause(c->sock);
		return;
	}
	parse_error(c);
}

/* --- writing -------------------------------------------------------------- */

static void
put(char *out, size_t *at, struct str s)
{
	if (s.n > 0)
		memcpy(out + *at, s.p, s.n);
	*at += s.n;
}

static size_t
head_size(const struct http_head *h)
{
	size_t n = 400 + h->method.n + h->target.n + h->authority.n +
	    2 * h->upgrade.n;

	for (size_t i = 0; i < h->n_fields; i++)
		n += h->fields[i].name.n + h->fields[i].value.n + 4;
	return n;
}

static void
h1_send_head(struct stream *s, const struct http_head *h)
{
	struct h1_conn *c = conn_of(s);
	char stack[4096], *out = stack, digits[64];
	size_t need = head_size(h), n = 0;
	bool final = h->status == 0 || h->status >= 200 || h->status == 101;

	if (c->sock == NULL || c->closing)
		return;
	if (need > sizeof(stack))
		out = xmalloc(need);
	if (h->status == 0) {
		c->is_head = str_eqz(h->method, "HEAD");
		put(out, &n, h->method);
		put(out, &n, STR(" "));
		put(out, &n, h->target);
		put(out, &n, STR(" HTTP/1.1\r\nHost: "));
		put(out, &n, h->authority.n ? h->authority : STR("localhost"));
		put(out, &n, STR("\r\n"));
	} else {
		(void)str_fmt(digits, sizeof(digits), "HTTP/1.1 %d ",
		    h->status);
		put(out, &n, str_of(digits));
		put(out, &n, str_of(http_reason(h->status)));
		put(out, &n, STR("\r\n"));
	}
	for (size_t i = 0; i < h->n_fields; i++) {
		put(out, &n, h->fields[i].name);
		put(out, &n, STR(": "));
		put(out, &n, h->fields[i].value);
		put(out, &n, STR("\r\n"));
	}
	if (final) {
		c->head_sent = true;
		c->left = UINT64_MAX;
		c->chunked = false;
		if (h->upgrade.n > 0) {
			put(out, &n, STR("Connection: Upgrade\r\nUpgrade: "));
			put(out, &n, h->upgrade);
			put(out, &n, STR("\r\n"));
			if (h->status == 101)
				c->tunnel = true;
		} else if (h->content_length >= 0) {
			(void)str_fmt(digits, sizeof(digits),
			    "Content-Length: %lld\r\n",
			    (long long)h->content_length);
			put(out, &n, str_of(digits));
			c->left = (uint64_t)h->content_length;
		} else if (!h->no_body && h->status != 204 &&
		    h->status != 304) {
			if (c->server && c->http10) {
				c->close_after = true;
			} else {
				c->chunked = true;
				put(out, &n,
				    STR("Transfer-Encoding: chunked\r\n"));
			}
		}
		if (c->server && (c->close_after || c->draining) && !c->tunnel)
			put(out, &n, STR("Connection: close\r\n"));
		c->out_done = !c->tunnel && h->upgrade.n == 0 &&
		    (h->no_body || c->left == 0);
		if (c->server && c->is_head) {
			c->left = UINT64_MAX;
			c->chunked = false;
		}
	}
	put(out, &n, STR("\r\n"));
	sock_write(c->sock, out, n);
	c->sent_any = true;
	touch(c);
	if (out != stack)
		free(out);
	if (c->tunnel && c->server && !c->parsing)
		sock_resume(c->sock);
}

static size_t
h1_write(struct stream *s, const uint8_t *p, size_t n)
{
	struct h1_conn *c = conn_of(s);
	char size[24];
	size_t room, queued;

	if (c->sock == NULL || c->closing || c->failing || n == 0)
		return 0;
	if (c->out_done || (c->server && c->is_head && !c->tunnel))
		return n;
	queued = sock_queued(c->sock);
	if (queued >= SOCK_HIGH_WATER) {
		c->want_room = true;
		return 0;
	}
	room = 2 * SOCK_HIGH_WATER - queued;
	if (n > room)
		c->want_room = true;
	n = MIN_OF(n, room);
	n = (size_t)MIN_OF((uint64_t)n, c->left);
	if (c->chunked) {
		(void)str_fmt(size, sizeof(size), "%zx\r\n", n);
		sock_write(c->sock, size, strlen(size));
	}
	sock_write(c->sock, p, n);
	if (c->chunked)
		sock_write(c->sock, "\r\n", 2);
	if (c->left != UINT64_MAX && (c->left -= n) == 0)
		c->out_done = true;
	return n;
}

static void
h1_end(struct stream *s, const struct http_field *t, size_t n)
{
	struct h1_conn *c = conn_of(s);

	if (c->sock == NULL || c->closing || c->out_done)
		return;
	if (c->tunnel) {
		c->out_done = true;
		sock_end(c->sock);
		return;
	}
	if (c->left != UINT64_MAX && c->left > 0)
		return; /* shorter than promised: closed as incomplete */
	c->out_done = true;
	if (!c->chunked)
		return;
	sock_write(c->sock, "0\r\n", 3);
	for (size_t i = 0; i < n; i++) {
		sock_write(c->sock, t[i].name.p, t[i].name.n);
		sock_write(c->sock, ": ", 2);
		sock_write(c->sock, t[i].value.p, t[i].value.n);
		sock_write(c->sock, "\r\n", 2);
	}
	sock_write(c->sock, "\r\n", 2);
}

static void
h1_consumed(struct stream *s, size_t n)
{
	struct h1_conn *c = conn_of(s);

	if (c->sock == NULL || c->closing)
		return;
	c->unacked -= MIN_OF(n, c->unacked);
	if (c->unacked < STREAM_WINDOW / 2 &&
	    (c->phase == H1_BODY || c->tunnel))
		sock_resume(c->sock);
}

/* The exchange is over and the connection good for another. */
static void
h1_next(struct h1_conn *c)
{
	if (c->closing)
		return;
	c->phase = H1_IDLE;
	c->unacked = 0;
	touch(c);
	if (c->server) {
		if (c->close_after || c->draining) {
			conn_close(c, true);
			return;
		}
		sock_resume(c->sock);
		return;
	}
	if (c->close_after) {
		conn_close(c, true);
		return;
	}
	sock_resume(c->sock);
	loop_defer(c->loop, &c->again);
}

static void
h1_on_again(void *arg)
{
	struct h1_conn *c;

	CAST_OBJ(c, arg, H1_MAGIC);
	if (!c->open && !c->closing && c->phase == H1_IDLE)
		c->on_idle(c->owner, (struct h1_client *)(void *)c);
}

static void
h1_close_stream(struct stream *s)
{
	struct h1_conn *c = conn_of(s);

	c->open = false;
	if (c->sock == NULL) {
		return;
	}
	if (c->closing)
		return;
	if (c->server && c->upgrade_asked && !c->tunnel && c->out_done)
		c->phase = H1_OVER;
	if (c->tunnel) {
		conn_close(c, c->out_done);
		return;
	}
	if (c->out_done && c->phase == H1_OVER) {
		if (!c->parsing)
			h1_next(c);
		return;
	}
	if (c->server && c->out_done && c->phase == H1_BODY &&
	    c->base.ended) { /* no body: its end comes with the parser */
		return;
	}
	conn_close(c, c->server && c->out_done);
}

static const struct stream_ops h1_ops = {
    .send_head = h1_send_head,
    .write = h1_write,
    .end = h1_end,
    .consumed = h1_consumed,
    .close = h1_close_stream,
};

/* --- the sock ------------------------------------------------------------- */

static void
h1_on_room(void *owner)
{
	struct h1_conn *c;

	CAST_OBJ(c, owner, H1_MAGIC);
	if (!c->want_room || !c->open)
		return;
	c->want_room = false;
	c->base.sink->on_room(c->base.owner);
}

static void
h1_on_eof(void *owner)
{
	struct h1_conn *c;
	struct err err;

	CAST_OBJ(c, owner, H1_MAGIC);
	c->eof = true;
	c->close_after = true;
	if (c->closing)
		return;
	if (c->tunnel) {
		if (c->open && !c->base.ended) {
			c->base.ended = true;
			c->base.sink->on_end(c->base.owner);
		}
		return;
	}
	if (!c->server && c->phase == H1_BODY &&
	    llhttp_finish(&c->parser) == HPE_OK)
		return;
	if (c->open && c->server && c->phase == H1_OVER)
		return; /* half-closed: still answered */
	err_set(&err, ERR_PEER, "the connection was closed early");
	fail(c, &err);
	conn_close(c, !c->open);
}

static void
h1_on_close(void *owner, const struct err *why)
{
	struct h1_conn *c;
	struct err err;

	CAST_OBJ(c, owner, H1_MAGIC);
	c->closing = true;
	timer_clear(&c->timer);
	loop_undefer(c->loop, &c->again);
	if (why == NULL)
		err_set(&err, ERR_PEER, "the connection was closed");
	fail(c, why != NULL ? why : &err);
	c->sock = NULL;
	if (c->server)
		c->on_closed(c->owner);
	else
		c->on_client_closed(c->owner, (struct h1_client *)(void *)c);
	buf_fini(&c->head);
	free(c->names);
	free(c->values);
	if (c->open)
		return; /* leaked by an owner that never closes */
	KILL_OBJ(c);
	free(c);
}

static void
h1_on_open(void *owner)
{
	struct h1_conn *c;

	CAST_OBJ(c, owner, H1_MAGIC);
	c->connected = true;
	touch(c);
}

static const struct sock_sink h1_sink = {
    .on_open = h1_on_open,
    .on_data = h1_on_data,
    .on_eof = h1_on_eof,
    .on_room = h1_on_room,
    .on_close = h1_on_close,
};

static void
h1_on_timer(void *arg)
{
	struct h1_conn *c;
	int64_t ms;

	CAST_OBJ(c, arg, H1_MAGIC);
	ms = loop_now_ms(c->loop) - c->since_ms;
	timer_set(&c->timer, TICK_MS);
	if (c->phase == H1_IDLE && !c->open && ms > c->limits.idle_ms)
		conn_close(c, true);
	else if (c->phase == H1_HEAD && c->server && ms > c->limits.head_ms)
		refuse(c, 408, "the request head took too long");
}

static void
conn_init(struct h1_conn *c, struct loop *l, const struct h1_limits *limits,
    bool server)
{
	c->magic = H1_MAGIC;
	c->loop = l;
	c->server = server;
	if (limits != NULL)
		c->limits = *limits;
	if (c->limits.head_ms == 0)
		c->limits.head_ms = HEAD_MS;
	if (c->limits.idle_ms == 0)
		c->limits.idle_ms = IDLE_MS;
	c->base = (struct stream){.magic = STREAM_MAGIC,
	    .ops = &h1_ops,
	    .peer = &c->peer};
	c->head = BUF_INIT(HEAD_BYTES);
	c->again = (struct defer){.fn = h1_on_again, .arg = c};
	llhttp_init(&c->parser, server ? HTTP_REQUEST : HTTP_RESPONSE,
	    &h1_settings);
	timer_init(&c->timer, l, h1_on_timer, c);
	timer_set(&c->timer, TICK_MS);
	touch(c);
}

struct h1_server *
h1_serve(struct loop *l, struct sock *s, const struct h1_limits *limits,
    request_fn *on_request, h1_closed_fn *on_closed, void *owner)
{
	struct h1_server *sv = xcalloc(1, sizeof(*sv));
	struct h1_conn *c = &sv->c;

	conn_init(c, l, limits, true);
	c->sock = s;
	c->peer = *sock_peer(s);
	c->on_request = on_request;
	c->on_closed = on_closed;
	c->owner = owner;
	sock_set_sink(s, &h1_sink, c);
	return sv;
}

void
h1_server_drain(struct h1_server *sv)
{
	sv->c.draining = true;
	if (!sv->c.open)
		conn_close(&sv->c, true);
}

void
h1_server_close(struct h1_server *sv)
{
	conn_close(&sv->c, false);
}

static void
nobody_on_close(void *arg)
{
	struct h1_conn *c = arg;

	if (c->server)
		c->on_closed(c->owner);
	else
		c->on_client_closed(c->owner, (struct h1_client *)(void *)c);
	buf_fini(&c->head);
	free(c->names);
	free(c->values);
	KILL_OBJ(c);
	free(c);
}

struct sock *
h1_take_sock(struct stream *s)
{
	struct h1_conn *c = conn_of(s);
	struct sock *sock = c->sock;

	if (c->closing)
		return NULL;
	c->open = false;
	c->sock = NULL;
	timer_clear(&c->timer);
	sock_set_sink(sock, NULL, NULL);
	sock_resume(sock);
	c->again.fn = nobody_on_close;
	loop_defer(c->loop, &c->again);
	return sock;
}

struct h1_client *
h1_connect(struct loop *l, const struct addr *to, int64_t timeout_ms,
    const struct h1_limits *limits,
    void (*on_idle)(void *owner, struct h1_client *c),
    void (*on_closed)(void *owner, struct h1_client *c), void *owner)
{
	struct h1_client *cl = xcalloc(1, sizeof(*cl));
	struct h1_conn *c = &cl->c;

	conn_init(c, l, limits, false);
	c->peer = *to;
	c->on_idle = on_idle;
	c->on_client_closed = on_closed;
	c->owner = owner;
	c->sock = sock_dial(l, to, timeout_ms, &h1_sink, c);
	return cl;
}

struct stream *
h1_open(struct h1_client *cl, const struct stream_sink *sink, void *owner)
{
	struct h1_conn *c = &cl->c;

	loop_undefer(c->loop, &c->again);
	c->open = true;
	c->head_sent = c->out_done = c->failing = c->tunnel = false;
	c->close_after = false;
	c->base.ended = false;
	c->unacked = 0;
	stream_own(&c->base, sink, owner);
	return &c->base;
}

void
h1_client_close(struct h1_client *cl)
{
	conn_close(&cl->c, false);
}
