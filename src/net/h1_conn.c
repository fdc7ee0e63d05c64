/* SPDX-License-Identifier: Apache-2.0 */
#include "net/h1_conn.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/obj.h"

enum {
	IN_FIRST_CAP = 1024,
	HEAD_MS = 10000,
	IDLE_MS = 75000,
	BODY_MS = 30000,
	WRITE_MS = 30000,
	LENGTH_MAX = 24, /* digits of a length, and the like */
};

/* --- closing -------------------------------------------------------------- */

static void
conn_gone(void *arg)
{
	struct h1_conn *c;

	CAST_OBJ(c, arg, H1_CONN_MAGIC);
	timer_clear(&c->timer);
	loop_undefer(c->loop, &c->again);
	h1_parse_fini(&c->parse);
	free(c->in);
	c->role->on_freed(c);
	KILL_OBJ(c);
	free(c);
}

static void
conn_maybe_free(struct h1_conn *c)
{
	if (c->sock != NULL || c->open || c->freeing)
		return;
	c->freeing = true;
	loop_defer(c->loop, &c->gone);
}

void
h1_conn_close(struct h1_conn *c, bool end)
{
	c->dead = true;
	c->keep = false;
	if (c->sock == NULL)
		return;
	if (end)
		sock_end(c->sock);
	sock_close(c->sock);
}

void
h1_conn_fail(struct h1_conn *c, enum err_code code, const char *why)
{
	struct err err = {.code = code};

	if (!c->open || c->failed)
		return;
	c->failed = true;
	err_set(&err, code, "%s", why);
	if (c->stream.sink != NULL && c->stream.sink->on_fail != NULL)
		c->stream.sink->on_fail(c->stream.owner, &err);
}

void
h1_conn_arm(struct h1_conn *c, int64_t at_ms)
{
	if (!timer_is_set(&c->timer) || c->timer.at_ms > at_ms)
		timer_set(&c->timer, at_ms - loop_now_ms(c->loop));
}

bool
h1_conn_stalled(struct h1_conn *c)
{
	int64_t now = loop_now_ms(c->loop);

	if (c->sock == NULL || sock_queued(c->sock) == 0 ||
	    sock_written(c->sock) != c->mark || c->mark_ms == 0) {
		c->mark_ms = now;
		c->mark = c->sock != NULL ? sock_written(c->sock) : 0;
	} else if (now - c->mark_ms >= c->limits.write_ms) {
		return true;
	}
	return false;
}

/* --- reading -------------------------------------------------------------- */

static bool
conn_can_parse(const struct h1_conn *c)
{
	if (c->dead || c->sock == NULL)
		return false;
	switch (c->parse.state) {
	case H1P_IDLE:
	case H1P_HEAD:
		return c->role->may_begin(c);
	case H1P_BODY:
		return c->unacked < STREAM_WINDOW || !c->open;
	case H1P_RAW:
		return c->tunnel && c->open && c->unacked < STREAM_WINDOW;
	case H1P_DONE:
	case H1P_FAILED:
		break;
	}
	return false;
}

static void
conn_body(void *owner, const uint8_t *p, size_t n)
{
	struct h1_conn *c = owner;

	c->body_n += (int64_t)n;
	c->since_ms = loop_now_ms(c->loop);
	if (!c->open || c->failed) {
		c->swallow -= (int64_t)n;
		return;
	}
	c->unacked += n;
	c->stream.sink->on_body(c->stream.owner, p, n);
}

static void
conn_end(void *owner, const struct http_field *f, size_t n)
{
	struct h1_conn *c = owner;

	c->stream.ended = true;
	if (c->open && !c->failed && n > 0 &&
	    c->stream.sink->on_trailers != NULL)
		c->stream.sink->on_trailers(c->stream.owner, f, n);
	if (c->open && !c->failed && c->stream.sink->on_end != NULL)
		c->stream.sink->on_end(c->stream.owner);
}

static void
conn_head(void *owner, struct http_head *h)
{
	struct h1_conn *c = owner;

	c->since_ms = c->body_from_ms = loop_now_ms(c->loop);
	c->body_n = 0;
	c->throttled = false;
	c->role->on_head(c, h);
}

static const struct h1_events conn_events = {
    .on_head = conn_head,
    .on_body = conn_body,
    .on_end = conn_end,
};

/* Parses or passes on a piece of b; returns how much was used. */
static size_t
conn_step(struct h1_conn *c, const char *b, size_t n)
{
	size_t most = STREAM_WINDOW;

	if (c->open && c->parse.state != H1P_IDLE && c->parse.state != H1P_HEAD)
		most -= c->unacked;
	n = MIN_OF(n, most);
	c->due_over = false;
	if (c->parse.state == H1P_RAW) {
		conn_body(c, (const uint8_t *)b, n);
		if (c->due_over && !c->dead)
			c->role->on_over(c);
		return n;
	}
	n = h1_parse_feed(&c->parse, b, n);
	if (c->parse.state == H1P_FAILED)
		c->role->on_bad(c);
	else if (!c->dead && (c->parse.state == H1P_DONE || c->due_over))
		c->role->on_over(c);
	else if (!c->open && c->swallow < 0)
		h1_conn_close(c, true);
	return n;
}

static void
conn_in_room(struct h1_conn *c, size_t n)
{
	size_t cap = c->in_cap != 0 ? c->in_cap : IN_FIRST_CAP;

	if (c->in_n + n <= c->in_cap)
		return;
	while (cap < c->in_n + n)
		cap *= 2;
	c->in = xrealloc(c->in, cap);
	c->in_cap = cap;
	h1_parse_moved(&c->parse, c->in);
}

/* Keeps what of b was not used up to `pos`, or is part of a head. */
static void
conn_keep(struct h1_conn *c, const char *b, size_t pos, size_t n)
{
	size_t from = pos;

	if (c->parse.mark != NULL)
		from = (size_t)(c->parse.mark - b);
	if (from == n || c->dead) {
		c->in_n = c->in_parsed = 0;
		if (c->in_cap > IN_FIRST_CAP) {
			free(c->in);
			c->in = NULL;
			c->in_cap = 0;
		}
		return;
	}
	if (b == c->in) {
		memmove(c->in, c->in + from, n - from);
	} else {
		c->in_n = 0;
		conn_in_room(c, n - from);
		memcpy(c->in, b + from, n - from);
	}
	c->in_n = n - from;
	c->in_parsed = pos - from;
	if (c->parse.mark != NULL)
		h1_parse_moved(&c->parse, c->in);
}

/* Pauses or resumes the sock; waits with the right patience. */
static void
conn_settle(struct h1_conn *c)
{
	bool waits = c->in_n > c->in_parsed;
	bool full = (c->parse.state == H1P_BODY || c->parse.state == H1P_RAW) &&
	    !conn_can_parse(c);
	int64_t ms = c->limits.idle_ms;

	if (c->sock == NULL || c->dead)
		return;
	if (waits || full) {
		c->throttled = true;
		sock_pause(c->sock);
	} else {
		sock_resume(c->sock);
	}
	if (c->parse.state == H1P_HEAD && c->limits.head_ms > 0)
		ms = c->limits.head_ms;
	else if (c->parse.state == H1P_BODY)
		ms = c->limits.body_ms;
	h1_conn_arm(c, c->since_ms + ms);
}

static void
conn_run(struct h1_conn *c, const char *b, size_t n)
{
	struct sock *sock = c->sock;
	size_t pos = 0;

	if (c->dead || c->running)
		return;
	if (c->in_n > 0) {
		conn_in_room(c, n);
		if (n > 0)
			memcpy(c->in + c->in_n, b, n);
		n = c->in_n += n;
		b = c->in;
		pos = c->in_parsed;
	}
	c->running = true;
	while (pos < n && conn_can_parse(c))
		pos += conn_step(c, b + pos, n - pos);
	c->running = false;
	if (c->sock == NULL) { /* given away, with what is left */
		if (sock != NULL)
			sock_unread(sock, (const uint8_t *)b + pos, n - pos);
		c->in_n = 0;
		return;
	}
	conn_keep(c, b, pos, n);
	conn_settle(c);
}

static void
conn_on_data(void *owner, const uint8_t *p, size_t n)
{
	struct h1_conn *c;

	CAST_OBJ(c, owner, H1_CONN_MAGIC);
	if (c->parse.state == H1P_IDLE && !c->open)
		c->since_ms = loop_now_ms(c->loop);
	conn_run(c, (const char *)p, n);
}

void
h1_conn_go_on(struct h1_conn *c)
{
	conn_run(c, c->in, 0);
}

static void
conn_on_again(void *arg)
{
	struct h1_conn *c;

	CAST_OBJ(c, arg, H1_CONN_MAGIC);
	if (c->due_end) {
		c->due_end = false;
		if (c->open && !c->failed && !c->stream.ended)
			conn_end(c, NULL, 0);
	}
	c->role->on_again(c);
}

/* --- writing -------------------------------------------------------------- */

static char *
put(char *to, struct str s)
{
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

static char *
put_field(char *to, struct str name, struct str value)
{
	to = put(to, name);
	to = put(to, STR(": "));
	to = put(to, value);
	return put(to, STR("\r\n"));
}

static char *
put_number(char *to, uint64_t v)
{
	char digits[LENGTH_MAX];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	return put(to, (struct str){digits + n, sizeof(digits) - n});
}

/* Fields that would break the framing or split the message stay behind. */
static bool
may_leave(const struct http_field *f)
{
	/* Names come from a parser or from our own text. */
	if (f->name.n == 0 || !http_is_value(f->value))
		return false;
	switch (f->name.n) {
	case 4:
		return !str_ieqz(f->name, "host");
	case 7:
		return !str_ieqz(f->name, "upgrade");
	case 10:
		return !str_ieqz(f->name, "connection") &&
		    !str_ieqz(f->name, "keep-alive");
	case 14:
		return !str_ieqz(f->name, "content-length");
	case 17:
		return !str_ieqz(f->name, "transfer-encoding");
	default:
		return true;
	}
}

static size_t
head_size(const struct http_head *h)
{
	size_t n = 256 + h->method.n + h->target.n + h->authority.n +
	    h->upgrade.n;

	for (size_t i = 0; i < h->n_fields; i++)
		n += h->fields[i].name.n + h->fields[i].value.n + 4;
	return n;
}

static char *
put_start(struct h1_conn *c, char *to, const struct http_head *h)
{
	if (!c->role->server) {
		to = put(to, h->method);
		*to++ = ' ';
		to = put(to, h->target);
		to = put(to, STR(" HTTP/1.1\r\n"));
		return put_field(to, STR("Host"),
		    h->authority.n > 0 ? h->authority : STR("localhost"));
	}
	to = put(to, STR("HTTP/1.1 "));
	to = put_number(to, (uint64_t)h->status);
	*to++ = ' ';
	to = put(to, str_of(http_reason(h->status)));
	return put(to, STR("\r\n"));
}

static char *
put_fields(struct h1_conn *c, char *to, const struct http_head *h)
{
	bool date = !c->role->server || h->status < 200;

	for (size_t i = 0; i < h->n_fields; i++) {
		const struct http_field *f = &h->fields[i];

		if (!may_leave(f))
			continue;
		if (f->name.n == 4 && str_ieqz(f->name, "date"))
			date = true;
		to = put_field(to, f->name, f->value);
	}
	if (!date)
		to = put_field(to, STR("Date"),
		    str_of(loop_http_date(c->loop)));
	return to;
}

/* Decides how the body's end will be told, and says so. */
static char *
put_framing(struct h1_conn *c, char *to, const struct http_head *h)
{
	bool bare = h->status == 204 || h->status == 304 ||
	    (h->status > 0 && h->status < 200);
	int64_t length = h->content_length;

	if (h->no_body && length < 0 && !bare && !c->head_method &&
	    (c->role->server || str_eqz(h->method, "POST") ||
		str_eqz(h->method, "PUT") || str_eqz(h->method, "PATCH")))
		length = 0;
	c->mute = bare || (c->role->server && c->head_method);
	c->chunked = false;
	c->left = length;
	if (length >= 0 && (!bare || h->status == 304)) {
		to = put(to, STR("Content-Length: "));
		to = put_number(to, (uint64_t)length);
		to = put(to, STR("\r\n"));
	} else if (!c->mute && !h->no_body) {
		if (c->parse.http10 && c->role->server) {
			c->keep = false; /* until the connection ends */
		} else {
			c->chunked = true;
			to = put(to, STR("Transfer-Encoding: chunked\r\n"));
		}
	}
	c->out_done = h->no_body || c->mute || length == 0;
	return to;
}

/* May the connection go on behind this answer? */
static char *
put_connection(struct h1_conn *c, char *to)
{
	bool chunked = (c->parse.ll.flags & F_CHUNKED) != 0;

	if (c->parse.raw) { /* the upgrade is refused */
		c->due_end = true;
		c->keep = false;
	} else if (!c->stream.ended &&
	    (c->expect || chunked ||
		c->parse.ll.content_length > STREAM_WINDOW)) {
		c->keep = false; /* more than is worth reading off */
	}
	c->keep = c->keep && !c->draining;
	if (!c->keep)
		return put(to, STR("Connection: close\r\n"));
	if (c->parse.http10)
		return put(to, STR("Connection: keep-alive\r\n"));
	return to;
}

static void
conn_send_head(struct stream *s, const struct http_head *h)
{
	struct h1_conn *c = CONTAINER_OF(s, struct h1_conn, stream);
	bool interim = h->status > 0 && h->status < 200 && h->status != 101;
	char *start;
	char *to;

	CHECK_OBJ(c, H1_CONN_MAGIC);
	if (c->sock == NULL || c->out_head ||
	    (interim && c->parse.http10 && c->role->server))
		return;
	if (!c->role->server) {
		c->head_method = str_eqz(h->method, "HEAD");
		c->parse.no_body = c->head_method;
		c->parse.upgrade_ok = h->upgrade.n > 0;
	}
	start = to = sock_reserve(c->sock, head_size(h));
	if (start == NULL)
		return;
	to = put_start(c, to, h);
	to = put_fields(c, to, h);
	if (interim) {
		c->expect = c->expect && h->status != 100;
	} else if (h->upgrade.n > 0 && (h->status == 0 || h->status == 101)) {
		to = put(to, STR("Connection: Upgrade\r\n"));
		to = put_field(to, STR("Upgrade"), h->upgrade);
		c->tunnel = h->status == 101;
		c->left = -1;
		c->chunked = c->mute = false;
	} else {
		to = put_framing(c, to, h);
	}
	c->out_head = !interim;
	if (c->role->server && !interim && !c->tunnel)
		to = put_connection(c, to);
	to = put(to, STR("\r\n"));
	sock_commit(c->sock, (size_t)(to - start));
	if (c->tunnel || c->due_end)
		loop_defer(c->loop, &c->again);
}

/* Takes as much as the queue should hold. */
static size_t
conn_put_body(struct h1_conn *c, const uint8_t *p, size_t n)
{
	size_t done = 0;

	while (done < n && sock_queued(c->sock) < SOCK_HIGH_WATER) {
		size_t k = MIN_OF(n - done,
		    SOCK_HIGH_WATER - sock_queued(c->sock));
		struct iovec v[3];
		char size[LENGTH_MAX];
		int m = 0;

		if (c->chunked) {
			(void)str_fmt(size, sizeof(size), "%zx\r\n", k);
			v[m++] = sock_piece(size, strlen(size));
		}
		v[m++] = sock_piece(p + done, k);
		if (c->chunked)
			v[m++] = sock_piece("\r\n", 2);
		sock_writev(c->sock, v, m);
		done += k;
	}
	return done;
}

static size_t
conn_write(struct stream *s, const uint8_t *p, size_t n)
{
	struct h1_conn *c = CONTAINER_OF(s, struct h1_conn, stream);
	size_t most = n;
	size_t done;

	CHECK_OBJ(c, H1_CONN_MAGIC);
	if (c->sock == NULL || c->mute || c->out_done || n == 0 ||
	    sock_is_closing(c->sock))
		return n;
	if (c->left >= 0 && (uint64_t)c->left < most)
		most = (size_t)c->left; /* never more than promised */
	done = conn_put_body(c, p, most);
	if (c->left >= 0) {
		c->left -= (int64_t)done;
		if (done == most && most < n)
			done = n;
	}
	if (done < n) {
		c->mark_ms = loop_now_ms(c->loop);
		c->mark = sock_written(c->sock);
		h1_conn_arm(c, c->mark_ms + c->limits.write_ms);
	}
	return done;
}

static void
conn_put_trailers(struct h1_conn *c, const struct http_field *f, size_t n)
{
	size_t size = 8;
	char *start;
	char *to;

	for (size_t i = 0; i < n; i++)
		size += f[i].name.n + f[i].value.n + 4;
	start = to = sock_reserve(c->sock, size);
	if (start == NULL)
		return;
	to = put(to, STR("0\r\n"));
	for (size_t i = 0; i < n; i++)
		if (may_leave(&f[i]))
			to = put_field(to, f[i].name, f[i].value);
	to = put(to, STR("\r\n"));
	sock_commit(c->sock, (size_t)(to - start));
}

static void
conn_end_message(struct stream *s, const struct http_field *f, size_t n)
{
	struct h1_conn *c = CONTAINER_OF(s, struct h1_conn, stream);

	CHECK_OBJ(c, H1_CONN_MAGIC);
	if (!c->out_head || (c->out_done && !c->tunnel))
		return;
	if (c->left > 0 && !c->mute)
		return; /* less than promised: stream_close() cuts it */
	c->out_done = true;
	if (c->sock == NULL)
		return;
	if (c->tunnel)
		sock_end(c->sock);
	else if (c->chunked)
		conn_put_trailers(c, f, n);
}

static void
conn_consumed(struct stream *s, size_t n)
{
	struct h1_conn *c = CONTAINER_OF(s, struct h1_conn, stream);

	CHECK_OBJ(c, H1_CONN_MAGIC);
	c->unacked -= MIN_OF(n, c->unacked);
	if (!c->running && c->throttled && c->unacked <= STREAM_WINDOW / 2)
		loop_defer(c->loop, &c->again);
}

static void
conn_close_stream(struct stream *s)
{
	struct h1_conn *c = CONTAINER_OF(s, struct h1_conn, stream);

	CHECK_OBJ(c, H1_CONN_MAGIC);
	assert(c->open);
	c->open = false;
	c->stream.sink = NULL;
	if (c->sock == NULL) {
		conn_maybe_free(c);
		return;
	}
	if (c->running)
		c->due_over = true; /* not from inside the parser */
	else if (!c->dead)
		c->role->on_over(c);
}

static const struct stream_ops conn_ops = {
    .send_head = conn_send_head,
    .write = conn_write,
    .end = conn_end_message,
    .consumed = conn_consumed,
    .close = conn_close_stream,
};

/* --- the sock ------------------------------------------------------------- */

static void
conn_on_room(void *owner)
{
	struct h1_conn *c;

	CAST_OBJ(c, owner, H1_CONN_MAGIC);
	if (c->open && !c->failed && c->stream.sink->on_room != NULL)
		c->stream.sink->on_room(c->stream.owner);
}

static void
conn_on_eof(void *owner)
{
	struct h1_conn *c;

	CAST_OBJ(c, owner, H1_CONN_MAGIC);
	c->eof = true;
	if (c->dead)
		return;
	if (c->parse.state == H1P_RAW && c->tunnel) {
		if (c->open && !c->stream.ended)
			conn_end(c, NULL, 0);
		return;
	}
	c->role->on_eof(c);
}

static void
conn_on_open(void *owner)
{
	struct h1_conn *c;

	CAST_OBJ(c, owner, H1_CONN_MAGIC);
	c->connected = true;
}

static void
conn_on_close(void *owner, const struct err *why)
{
	struct h1_conn *c;

	CAST_OBJ(c, owner, H1_CONN_MAGIC);
	c->dead = true;
	c->sock = NULL;
	if (why == NULL)
		h1_conn_fail(c, ERR_PEER, "the connection was closed");
	else /* without a connection, nothing was sent */
		h1_conn_fail(c, c->connected ? why->code : ERR_UNAVAILABLE,
		    why->msg);
	conn_maybe_free(c);
}

const struct sock_sink h1_conn_sink = {
    .on_open = conn_on_open,
    .on_data = conn_on_data,
    .on_eof = conn_on_eof,
    .on_room = conn_on_room,
    .on_close = conn_on_close,
};

static void
conn_on_timer(void *arg)
{
	struct h1_conn *c;

	CAST_OBJ(c, arg, H1_CONN_MAGIC);
	if (c->sock != NULL && !c->dead)
		c->role->on_timer(c);
}

/* --- life ----------------------------------------------------------------- */

void
h1_conn_next(struct h1_conn *c)
{
	h1_parse_next(&c->parse);
	c->unacked = 0;
	c->swallow = 0;
	c->stream.ended = false;
	c->out_head = c->out_done = c->chunked = c->mute = false;
	c->expect = c->failed = c->head_method = c->throttled = false;
	c->since_ms = loop_now_ms(c->loop);
}

static int64_t
or_default(int64_t v, int64_t otherwise)
{
	return v > 0 ? v : otherwise;
}

void
h1_conn_init(struct h1_conn *c, struct loop *l, const struct h1_role *role,
    const struct h1_limits *limits)
{
	static const struct h1_limits none = {0};

	if (limits == NULL)
		limits = &none;
	c->magic = H1_CONN_MAGIC;
	c->loop = l;
	c->role = role;
	c->limits = (struct h1_limits){
	    .head_ms = or_default(limits->head_ms, HEAD_MS),
	    .idle_ms = or_default(limits->idle_ms, IDLE_MS),
	    .body_ms = or_default(limits->body_ms, BODY_MS),
	    .write_ms = or_default(limits->write_ms, WRITE_MS),
	};
	c->stream.magic = STREAM_MAGIC;
	c->stream.ops = &conn_ops;
	c->stream.peer = &c->peer;
	c->keep = true;
	c->connected = role->server;
	c->since_ms = loop_now_ms(l);
	h1_parse_init(&c->parse, role->server, &conn_events, c);
	timer_init(&c->timer, l, conn_on_timer, c);
	c->again = (struct defer){.fn = conn_on_again, .arg = c};
	c->gone = (struct defer){.fn = conn_gone, .arg = c};
}

void
h1_conn_attach(struct h1_conn *c, struct sock *s)
{
	c->sock = s;
	c->peer = *sock_peer(s);
}

struct sock *
h1_take_sock(struct stream *s)
{
	struct h1_conn *c = CONTAINER_OF(s, struct h1_conn, stream);
	struct sock *sock = c->sock;

	CHECK_OBJ(c, H1_CONN_MAGIC);
	c->open = false;
	c->dead = true;
	c->sock = NULL;
	conn_maybe_free(c);
	if (sock == NULL)
		return NULL;
	sock_set_sink(sock, NULL, NULL);
	sock_set_eager(sock, false);
	if (!c->running && c->in_n > c->in_parsed)
		sock_unread(sock, (const uint8_t *)c->in + c->in_parsed,
		    c->in_n - c->in_parsed);
	sock_resume(sock);
	return sock;
}
