/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of HTTP/1.1 over real sockets: each case is sent whole and cut at
 * every byte, and must come out the same.
 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/h1.h"

extern const struct CMUnitTest h1_tests[];
extern const size_t h1_tests_count;

/* --- a server that tells what it understood ------------------------------- */

struct site {
	struct loop *loop;
	struct h1_server *h1;
	int requests, closed, failed, ended;
	struct stream *held;
	bool hold;
};

struct visit {
	struct site *site;
	struct stream *s;
	struct buf out;
	size_t body;
	bool tunnel, early;
};

static void
visit_answer(struct visit *v)
{
	struct http_field type[] = {{STR("X-Test"), STR("yes")}};
	struct http_head h = {.status = 200,
	    .fields = type,
	    .n_fields = 1,
	    .content_length = (int64_t)v->out.n};

	stream_send_head(v->s, &h);
	assert_int_equal(stream_write(v->s, v->out.p, v->out.n), v->out.n);
	stream_end(v->s);
	stream_close(v->s);
	buf_fini(&v->out);
	free(v);
}

static void
visit_on_body(void *owner, const uint8_t *p, size_t n)
{
	struct visit *v = owner;

	if (v->tunnel) {
		assert_int_equal(stream_write(v->s, p, n), n);
	} else {
		buf_add(&v->out, p, n);
	}
	v->body += n;
	if (!v->site->hold)
		stream_consumed(v->s, n);
}

static void
visit_on_trailers(void *owner, const struct http_field *f, size_t n)
{
	struct visit *v = owner;

	for (size_t i = 0; i < n; i++)
		buf_fmt(&v->out, "|%.*s=%.*s", STR_ARG(f[i].name),
		    STR_ARG(f[i].value));
}

static void
visit_on_end(void *owner)
{
	struct visit *v = owner;

	v->site->ended++;
	if (v->site->hold)
		return;
	if (v->tunnel) {
		stream_end(v->s);
		stream_close(v->s);
		buf_fini(&v->out);
		free(v);
		return;
	}
	visit_answer(v);
}

static void
visit_on_fail(void *owner, const struct err *why UNUSED)
{
	struct visit *v = owner;

	v->site->failed++;
	stream_close(v->s);
	buf_fini(&v->out);
	free(v);
}

static const struct stream_sink visit_sink = {
    .on_body = visit_on_body,
    .on_trailers = visit_on_trailers,
    .on_end = visit_on_end,
    .on_fail = visit_on_fail,
};

static void
site_on_request(void *owner, struct stream *s, const struct http_head *h)
{
	struct site *site = owner;
	struct visit *v = xcalloc(1, sizeof(*v));

	site->requests++;
	assert_non_null(s->peer);
	v->site = site;
	v->s = s;
	v->out = BUF_INIT(1 << 20);
	buf_fmt(&v->out, "%.*s %.*s %.*s", STR_ARG(h->method),
	    STR_ARG(h->target), STR_ARG(h->authority));
	for (size_t i = 0; i < h->n_fields; i++)
		buf_fmt(&v->out, " %.*s=%.*s", STR_ARG(h->fields[i].name),
		    STR_ARG(h->fields[i].value));
	buf_c(&v->out, ';');
	stream_own(s, &visit_sink, v);
	if (h->upgrade.n > 0) {
		struct http_head answer = {.status = 101,
		    .upgrade = h->upgrade};

		v->tunnel = true;
		stream_send_head(s, &answer);
	} else if (str_eqz(h->target, "/early")) {
		visit_answer(v);
	}
}

static void
site_on_closed(void *owner)
{
	((struct site *)owner)->closed++;
}

/* --- one visit ------------------------------------------------------------ */

struct talk {
	struct site site;
	int fd;
	struct buf got;
	bool eof;
};

static void
talk_open(struct talk *t, const struct h1_limits *limits)
{
	int fds[2];

	*t = (struct talk){.got = BUF_INIT(8 << 20)};
	assert_int_equal(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			     fds),
	    0);
	t->site.loop = loop_new();
	t->fd = fds[1];
	t->site.h1 = h1_serve(t->site.loop,
	    sock_from_fd(t->site.loop, fds[0], NULL), limits, site_on_request,
	    site_on_closed, &t->site);
}

static void
talk_turn(struct talk *t, int turns)
{
	while (turns-- > 0) {
		char *p = buf_room(&t->got, 65536);
		ssize_t n;

		assert_non_null(p);
		loop_turn(t->site.loop, false);
		n = t->eof ? -1 : read(t->fd, p, 65536);
		if (n > 0)
			buf_grew(&t->got, (size_t)n);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			t->eof = true;
	}
}

static void
talk_send(struct talk *t, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(t->fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && errno != EAGAIN)
			return; /* closed on us, which the case expects */
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
		talk_turn(t, 2);
	}
	talk_turn(t, 4);
}

static void
talk_close(struct talk *t)
{
	if (t->site.closed == 0)
		h1_server_close(t->site.h1);
	close(t->fd);
	for (int i = 0; i < 3000 && t->site.closed == 0; i++) {
		loop_turn(t->site.loop, false);
		if (i > 20)
			usleep(1000);
	}
	assert_int_equal(t->site.closed, 1);
	loop_free(t->site.loop);
	buf_fini(&t->got);
}

/* "200 200 400." for three answers and then the end; '.' = closed. */
static void
talk_result(const struct talk *t, char *out, size_t cap)
{
	const char *p = buf_cstr((struct buf *)(uintptr_t)&t->got);

	out[0] = '\0';
	while ((p = strstr(p, "HTTP/1.1 ")) != NULL) {
		size_t n = strlen(out);

		(void)str_fmt(out + n, cap - n, "%s%.3s", n > 0 ? " " : "",
		    p + 9);
		p += 9;
	}
	if (t->eof)
		(void)str_fmt(out + strlen(out), cap - strlen(out), ".");
}

static void
check(const char *in, size_t n, const char *want, const char *holds)
{
	for (size_t cut = 0; cut<n; cut += n> 2000 ? n / 7 : 1) {
		struct talk t;
		char got[200];

		talk_open(&t, NULL);
		if (cut > 0)
			talk_send(&t, in, cut);
		talk_send(&t, in + cut, n - cut);
		talk_result(&t, got, sizeof(got));
		if (strcmp(got, want) != 0)
			fail_msg("cut at %zu: '%s' not '%s' for:\n%.300s", cut,
			    got, want, in);
		if (holds != NULL && strstr(buf_cstr(&t.got), holds) == NULL)
			fail_msg("cut at %zu: no '%s' in:\n%s", cut, holds,
			    buf_cstr(&t.got));
		talk_close(&t);
	}
}

struct rule {
	const char *in, *want, *holds;
};

#define H "Host: a\r\n"
#define G "GET / HTTP/1.1\r\n" H

static void
check_all(const struct rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(rules[i].in, strlen(rules[i].in), rules[i].want,
		    rules[i].holds);
}

static void
what_is_well_formed_is_answered(void **state UNUSED)
{
	static const struct rule rules[] = {
	    {G "\r\n", "200", "GET / a;"},
	    {"\r\n" G "\r\n", "200", NULL},
	    {"GET /a?b=c HTTP/1.1\r\nhOsT:\t x:80 \t\r\n\r\n", "200",
		"GET /a?b=c x:80;"},
	    {G "X: a\tb\r\nY:\r\nZ: \xc3\xa9\r\n\r\n", "200",
		"X=a\tb Y= Z=\xc3\xa9;"},
	    {"GET http://h:1/p?q HTTP/1.1\r\n" H "\r\n", "200",
		"GET /p?q h:1;"},
	    {"GET http://h?q HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"GET http://h HTTP/1.1\r\n" H "\r\n", "200", "GET / h;"},
	    {"OPTIONS * HTTP/1.1\r\n" H "\r\n", "200", "OPTIONS * a;"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", "200",
		"a;hello"},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "200", "a;"},
	    {"POST / HTTP/1.1\r\n" H
	     "Transfer-Encoding: chunked\r\nTrailer: T\r\n\r\n"
	     "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: v\r\n\r\n",
		"200", "Trailer=T;hello!|T=v"},
	    {"POST / HTTP/1.1\r\n" H "transfer-encoding: CHUNKED\r\n\r\n"
	     "0\r\n\r\n" G "\r\n",
		"200 200", NULL},
	    /* pipelined, in order */
	    {"GET /1 HTTP/1.1\r\n" H "\r\nPOST /2 HTTP/1.1\r\n" H
	     "Content-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\n" H "\r\n",
		"200 200 200", "POST /2 a;abc"},
	    {"GET / HTTP/1.0\r\n\r\n", "200.", "GET / ;"},
	    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200",
		"Connection: keep-alive"},
	    {G "Connection: close\r\n\r\n" G "\r\n", "200.",
		"Connection: close"},
	    {"HEAD / HTTP/1.1\r\n" H "\r\n" G "\r\n", "200 200",
		"Content-Length: 9\r\n"},
	    /* what Connection names ends here */
	    {G "Connection: x-mine\r\nX-Mine: 1\r\nY: 2\r\n\r\n", "200",
		"GET / a Y=2;"},
	    {"POST / HTTP/1.1\r\n" H
	     "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
		"100", NULL},
	    {"POST /early HTTP/1.1\r\n" H
	     "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
		"200.", "Connection: close"},
	    {"POST /early HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc" G
	     "\r\n",
		"200 200", NULL},
	    {"POST /early HTTP/1.1\r\n" H "Content-Length: 100000\r\n\r\n",
		"200.", "Connection: close"},
	    /* upgrades */
	    {G "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	       "Sec-WebSocket-Version: 13\r\n"
	       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nraw\r\n",
		"101", "Upgrade: websocket\r\n\r\nraw"},
	    {G "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
	       "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" G "\r\n",
		"200 200", NULL},
	};

	check_all(rules, COUNT_OF(rules));
}

static void
what_can_be_read_in_two_ways_is_refused(void **state UNUSED)
{
	static const struct rule rules[] = {
	    /* framing */
	    {"POST / HTTP/1.1\r\n" H
	     "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"400.", "invalid_request"},
	    {"POST / HTTP/1.1\r\n" H
	     "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
		"400.", NULL},
	    {"POST / HTTP/1.1\r\n" H
	     "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
		"400.", NULL},
	    {"POST / HTTP/1.1\r\n" H
	     "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
		"400.", NULL},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\n", "400.",
		NULL},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n\r\n", "400.",
		NULL},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n\r\n", "400.",
		NULL},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\n", "400.",
		NULL},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 5 5\r\n\r\n", "400.",
		NULL},
	    {"POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", "400.", NULL},
	    {"POST / HTTP/1.1\r\n" H
	     "Content-Length: 99999999999999999999\r\n\r\n",
		"400.", NULL},
	    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"400.", NULL},
	    {"POST / HTTP/1.1\r\n" H
	     "Transfer-Encoding: chunked, chunked\r\n\r\n",
		"400.", NULL},
	    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n",
		"400.", NULL},
	    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n",
		"501.", "unsupported"},
	    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n",
		"501.", NULL},
	    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n",
		"501.", NULL},
	    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", "400.",
		NULL},
	    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nx\r\n",
		"400.", NULL},
	    {"POST / HTTP/1.1\r\n" H
	     "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
		"400.", NULL},
	    {"POST / HTTP/1.1\r\n" H
	     "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n",
		"400.", NULL},
	    {"POST / HTTP/1.1\r\n" H
	     "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n",
		"400.", NULL},
	    {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
	     "ffffffffffffffffff\r\nabc\r\n",
		"400.", NULL},
	    /* bytes */
	    {"GET / HTTP/1.1\nHost: a\n\n", "400.", NULL},
	    {"GET / HTTP/1.1\r\nHost: a\n\r\n", "400.", NULL},
	    {G "X: a\rb\r\n\r\n", "400.", NULL},
	    {G "X: a\r\n b\r\n\r\n", "400.", NULL},
	    {G "X : a\r\n\r\n", "400.", NULL},
	    {G " X: a\r\n\r\n", "400.", NULL},
	    {G ": a\r\n\r\n", "400.", NULL},
	    {G "X@: a\r\n\r\n", "400.", NULL},
	    {G "X\r\n\r\n", "400.", NULL},
	    {G "X_Y: a\r\n\r\n", "400.", NULL},
	    {G "X: \x01\r\n\r\n", "400.", NULL},
	    {G "X: \x7f\r\n\r\n", "400.", NULL},
	    {G "\xc3\xa9: a\r\n\r\n", "400.", NULL},
	    /* Host */
	    {"GET / HTTP/1.1\r\n\r\n", "400.", "Host"},
	    {G H "\r\n", "400.", NULL},
	    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "400.", NULL},
	    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400.", NULL},
	    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "400.", NULL},
	    {"GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", "400.", NULL},
	    {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400.", NULL},
	    {"GET http://x/ HTTP/1.1\r\n\r\n", "400.", NULL},
	    /* targets */
	    {"GET /a#b HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"GET /\x01 HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"GET /a\\b HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"GET a HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"GET ftp://x/ HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"GET http://u:p@x/ HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"GET http:///x HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"GET * HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"CONNECT a:1 HTTP/1.1\r\n" H "\r\n", "405.", NULL},
	    /* the start line */
	    {"FOO! / HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"get / HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"GET / HTTP/2.0\r\n" H "\r\n", "505.", NULL},
	    {"GET / HTTP/1.2\r\n" H "\r\n", "505.", NULL},
	    {"GET / HTTP/0.9\r\n" H "\r\n", "505.", NULL},
	    {"GET / HTTX/1.1\r\n" H "\r\n", "400.", NULL},
	    {"GET  / HTTP/1.1\r\n" H "\r\n", "400.", NULL},
	    {"GET / HTTP/1.1 \r\n" H "\r\n", "400.", NULL},
	    {"GET /\r\n\r\n", "505.", NULL},
	    {"\x16\x03\x01\x02", "400.", NULL},
	    /* fields that may come once */
	    {G "Content-Type: a\r\nContent-Type: a\r\n\r\n", "400.", NULL},
	    {G "Authorization: a\r\nAuthorization: b\r\n\r\n", "400.", NULL},
	    /* Connection does not own these */
	    {G "Connection: host\r\n\r\n", "400.", NULL},
	    {G "Connection: close, Authorization\r\n\r\n", "400.", NULL},
	    {G "Connection: content-length\r\n\r\n", "400.", NULL},
	    {G "Connection: X-Forwarded-For\r\n\r\n", "400.", NULL},
	    {G "Expect: 200-maybe\r\n\r\n", "417.", NULL},
	    /* websockets */
	    {G "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "400.",
		NULL},
	    {"POST / HTTP/1.1\r\n" H
	     "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	     "Content-Length: 1\r\n\r\nx",
		"400.", NULL},
	    /* an error behind good requests */
	    {G "\r\nGET / HTTP/1.1\r\n\r\n", "200 400.", NULL},
	};

	check_all(rules, COUNT_OF(rules));
	check("GET /\0 HTTP/1.1\r\n" H "\r\n", 27, "400.", NULL);
	check(G "X: a\0b\r\n\r\n", sizeof(G "X: a\0b\r\n\r\n") - 1, "400.",
	    NULL);
}

/* --- limits --------------------------------------------------------------- */

static void
line_of(size_t n, const char *want)
{
	struct buf b = BUF_INIT(64 << 10);

	buf_z(&b, "GET /");
	while (b.n < n - 9)
		buf_c(&b, 'x');
	buf_z(&b, " HTTP/1.1\r\n" H "\r\n");
	check(b.p, b.n, want, NULL);
	buf_fini(&b);
}

static void
fields_of(size_t each, size_t count, const char *want, bool trailers)
{
	struct buf b = BUF_INIT(256 << 10);

	if (trailers)
		buf_z(&b,
		    "POST / HTTP/1.1\r\n" H
		    "Transfer-Encoding: chunked\r\n\r\n0\r\n");
	else
		buf_z(&b, G);
	for (size_t i = 0; i < count; i++) {
		buf_fmt(&b, "X%03zu: ", i);
		for (size_t k = 4; k < each; k++)
			buf_c(&b, 'v');
		buf_z(&b, "\r\n");
	}
	buf_z(&b, "\r\n");
	check(b.p, b.n, want, NULL);
	buf_fini(&b);
}

static void
limits_are_exact(void **state UNUSED)
{
	/* Over a unix socket, where the hops before add theirs. */
	static const size_t fields = HTTP_FIELDS_MAX + HTTP_ADDED_MAX;
	static const size_t bytes = HTTP_HEAD_MAX + HTTP_ADDED_BYTES;

	line_of(HTTP_LINE_MAX, "200");
	line_of(HTTP_LINE_MAX + 1, "414.");
	line_of(HTTP_LINE_MAX * 3, "414.");
	fields_of(HTTP_FIELD_MAX, 1, "200", false);
	fields_of(HTTP_FIELD_MAX + 1, 1, "431.", false);
	fields_of(8, fields - 1, "200", false);
	fields_of(8, fields, "431.", false);
	/* Host is 5 bytes of the 32 KiB. */
	fields_of((bytes - 5) / 7, 7, "200", false);
	fields_of(bytes / 7 + 1, 7, "431.", false);
	fields_of(8, fields, "431.", true);
	fields_of(HTTP_FIELD_MAX + 1, 1, "431.", true);
}

static void
wait_for(struct talk *t, const char *want, int64_t at_least, int64_t at_most)
{
	int64_t from = loop_now_ms(t->site.loop);
	char got[200];

	do {
		talk_turn(t, 1);
		usleep(1000);
		talk_result(t, got, sizeof(got));
	} while (
	    strcmp(got, want) != 0 && loop_now_ms(t->site.loop) - from < 5000);
	assert_string_equal(got, want);
	from = loop_now_ms(t->site.loop) - from;
	assert_true(from >= at_least);
	assert_true(from <= at_most);
}

static void
slow_clients_are_told(void **state UNUSED)
{
	static const struct h1_limits limits = {.head_ms = 60,
	    .idle_ms = 60,
	    .body_ms = 60,
	    .write_ms = 60};
	static const struct {
		const char *in, *want;
	} cases[] = {{"G", "408."}, {G, "408."}, {G "\r\n", "200."},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhel", "408."},
	    {G "\r\nGET", "200 408."}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct talk t;

		talk_open(&t, &limits);
		talk_send(&t, cases[i].in, strlen(cases[i].in));
		wait_for(&t, cases[i].want, 40, 2000);
		talk_close(&t);
	}
}

static void
a_client_that_leaves_is_noticed(void **state UNUSED)
{
	struct talk t;

	/* FIN behind a whole request: still answered. */
	talk_open(&t, NULL);
	assert_int_equal(send(t.fd, G "\r\n", strlen(G "\r\n"), 0),
	    (int)strlen(G "\r\n"));
	shutdown(t.fd, SHUT_WR);
	wait_for(&t, "200.", 0, 2000);
	talk_close(&t);
	/* FIN in the middle of one. */
	talk_open(&t, NULL);
	talk_send(&t, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nab",
	    strlen("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nab"));
	shutdown(t.fd, SHUT_WR);
	wait_for(&t, "400.", 0, 2000);
	assert_int_equal(t.site.failed, 1);
	talk_close(&t);
	/* Gone while the answer is being made. */
	talk_open(&t, NULL);
	t.site.hold = true;
	talk_send(&t, G "\r\n", strlen(G "\r\n"));
	close(t.fd);
	t.fd = -1;
	t.eof = true;
	for (int i = 0; i < 100 && t.site.closed == 0; i++)
		loop_turn(t.site.loop, false);
	assert_int_equal(t.site.failed, 1);
	talk_close(&t);
}

static void
a_body_nobody_takes_stops_at_the_window(void **state UNUSED)
{
	static char big[400000];
	struct talk t;
	size_t sent = 0;

	memset(big, 'x', sizeof(big));
	talk_open(&t, NULL);
	t.site.hold = true;
	talk_send(&t, "POST / HTTP/1.1\r\n" H "Content-Length: 400000\r\n\r\n",
	    strlen("POST / HTTP/1.1\r\n" H "Content-Length: 400000\r\n\r\n"));
	for (int i = 0; i < 200; i++) {
		ssize_t k = send(t.fd, big + sent, sizeof(big) - sent,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		sent += k > 0 ? (size_t)k : 0;
		talk_turn(&t, 1);
	}
	assert_true(sent < sizeof(big));
	talk_close(&t);
	assert_int_equal(t.site.failed, 1);
}

/* --- the client side against a scripted peer ------------------------------ */

struct asker {
	struct loop *loop;
	struct h1_client *h1;
	struct stream *s;
	struct listener *ls;
	struct sock *peer;
	const char *script;
	int idle, closed, ended, failed, heads, interim, status;
	enum err_code why;
	struct buf got;
};

static void
asker_on_head(void *owner, const struct http_head *h)
{
	struct asker *a = owner;

	if (h->status < 200)
		a->interim++;
	else
		a->heads++;
	a->status = h->status;
}

static void
asker_on_body(void *owner, const uint8_t *p, size_t n)
{
	struct asker *a = owner;

	buf_add(&a->got, p, n);
	stream_consumed(a->s, n);
}

static void
asker_on_end(void *owner)
{
	((struct asker *)owner)->ended++;
}

static void
asker_on_fail(void *owner, const struct err *why)
{
	struct asker *a = owner;

	a->failed++;
	a->why = why->code;
}

static const struct stream_sink asker_sink = {
    .on_head = asker_on_head,
    .on_body = asker_on_body,
    .on_end = asker_on_end,
    .on_fail = asker_on_fail,
};

static void
peer_on_data(void *owner, const uint8_t *p UNUSED, size_t n UNUSED)
{
	struct asker *a = owner;
	size_t len = strlen(a->script);

	if (len > 0 && a->script[len - 1] == '$') {
		sock_write(a->peer, a->script, len - 1);
		sock_end(a->peer);
	} else {
		sock_write(a->peer, a->script, len);
	}
}

static void
peer_on_close(void *owner, const struct err *why UNUSED)
{
	((struct asker *)owner)->peer = NULL;
}

static const struct sock_sink peer_sink = {.on_data = peer_on_data,
    .on_close = peer_on_close};

static void
peer_on_sock(void *owner, struct sock *s)
{
	struct asker *a = owner;

	a->peer = s;
	sock_set_sink(s, &peer_sink, a);
}

static void
asker_on_idle(void *owner, struct h1_client *c UNUSED)
{
	((struct asker *)owner)->idle++;
}

static void
asker_on_closed(void *owner, struct h1_client *c UNUSED)
{
	((struct asker *)owner)->closed++;
}

/* Asks once; the result as "status body [end|fail] [again|closed]". */
static void
ask(const char *method, const char *script, const char *want)
{
	static const struct h1_limits limits = {.head_ms = 150};
	struct asker a = {.loop = loop_new(), .script = script};
	struct http_head h = {.method = str_of(method),
	    .target = STR("/"),
	    .authority = STR("x"),
	    .content_length = -1,
	    .no_body = true};
	struct addr at;
	char got[400];

	a.got = BUF_INIT(1 << 16);
	assert_int_equal(addr_parse(STR("127.0.0.1:0"), &at, NULL), 0);
	a.ls = listener_new(a.loop, &at, peer_on_sock, &a, NULL);
	assert_non_null(a.ls);
	a.h1 = h1_connect(a.loop, listener_addr(a.ls), 1000, &limits,
	    asker_on_idle, asker_on_closed, &a);
	a.s = h1_open(a.h1, &asker_sink, &a);
	stream_send_head(a.s, &h);
	for (int i = 0; i < 500 && a.ended + a.failed == 0; i++) {
		loop_turn(a.loop, false);
		usleep(1000);
	}
	for (int i = 0; i < 5; i++)
		loop_turn(a.loop, false);
	stream_close(a.s);
	for (int i = 0; i < 50 && a.idle + a.closed == 0; i++) {
		loop_turn(a.loop, false);
		usleep(1000);
	}
	(void)str_fmt(got, sizeof(got), "%d %s %s %s", a.status,
	    buf_cstr(&a.got), a.failed > 0 ? "fail" : "end",
	    a.idle > 0 ? "again" : "closed");
	if (strcmp(got, want) != 0)
		fail_msg("'%s' not '%s' for:\n%s", got, want, script);
	if (a.closed == 0)
		h1_client_close(a.h1);
	for (int i = 0; i < 2000 && (a.closed == 0 || a.peer != NULL); i++) {
		if (a.peer != NULL && i == 5)
			sock_close(a.peer);
		loop_turn(a.loop, false);
		usleep(i > 20 ? 1000 : 0);
	}
	assert_int_equal(a.closed, 1);
	listener_close(a.ls);
	loop_free(a.loop);
	buf_fini(&a.got);
}

static void
answers_are_believed_only_when_framed(void **state UNUSED)
{
	ask("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	    "200 ok end again");
	ask("GET",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "2\r\nok\r\n0\r\n\r\n",
	    "200 ok end again");
	ask("GET", "HTTP/1.1 200 OK\r\n\r\nuntil the end$",
	    "200 until the end end closed");
	ask("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
	    "200  end again");
	ask("GET", "HTTP/1.1 204 No Content\r\n\r\n", "204  end again");
	ask("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
	    "304  end again");
	ask("GET",
	    "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n"
	    "Content-Length: 0\r\n\r\n",
	    "200  end again");
	/* surplus: not believed again */
	ask("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1",
	    "200 ok end closed");
	ask("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	    "200  end closed");
	ask("GET",
	    "HTTP/1.1 200 OK\r\nConnection: close\r\n"
	    "Content-Length: 2\r\n\r\nok",
	    "200 ok end closed");
	/* cut, contradictory, too chatty, silent */
	ask("GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok$",
	    "200 ok fail closed");
	ask("GET",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "2\r\nok\r\n$",
	    "200 ok fail closed");
	ask("GET",
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	    "Content-Length: 3\r\n\r\nok",
	    "0  fail closed");
	ask("GET",
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	    "Transfer-Encoding: chunked\r\n\r\nok",
	    "0  fail closed");
	ask("GET",
	    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
	    "Upgrade: x\r\n\r\n",
	    "0  fail closed");
	ask("GET", "HTTP/1.1 20 OK\r\n\r\n", "0  fail closed");
	ask("GET", "$", "0  fail closed");
	ask("GET", "", "0  fail closed");
	ask("GET",
	    "HTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\n"
	    "HTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\n"
	    "HTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\n"
	    "HTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\n"
	    "HTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\n"
	    "HTTP/1.1 100 A\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
	    "100  fail closed");
}

const struct CMUnitTest h1_tests[] = {
    cmocka_unit_test(answers_are_believed_only_when_framed),
    cmocka_unit_test(what_is_well_formed_is_answered),
    cmocka_unit_test(what_can_be_read_in_two_ways_is_refused),
    cmocka_unit_test(limits_are_exact),
    cmocka_unit_test(slow_clients_are_told),
    cmocka_unit_test(a_client_that_leaves_is_noticed),
    cmocka_unit_test(a_body_nobody_takes_stops_at_the_window),
};
const size_t h1_tests_count = COUNT_OF(h1_tests);
