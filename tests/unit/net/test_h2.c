/* SPDX-License-Identifier: Apache-2.0 */
/* Two sessions over a socket pair, and a session against hand-made frames. */
#include "unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "net/h2.h"

extern const struct CMUnitTest h2_tests[];
extern const size_t h2_tests_count;

struct link;

/* One end of one exchange. */
struct end {
	struct link *link;
	struct stream *s;
	int status;
	int n_interim;
	char path[64];
	char upgrade[16];
	size_t got, unacked;
	uint64_t sum;
	size_t to_send, sent;
	bool hold;  /* acknowledges nothing */
	bool ended; /* on_end came */
	bool failed;
	enum err_code code;
	size_t n_trailers;
	bool echo;
};

struct link {
	struct loop *loop;
	struct h2 *client, *server;
	int64_t client_over_ms;
	bool client_over, server_over, drained, no_over;
	enum err_code client_code;
	struct end ends[600];
	size_t n_ends;
	size_t max_open;
	struct timer late;
	bool timed_out;
	bool slow_all;
};

static uint8_t
pattern(size_t at)
{
	return (uint8_t)(at * 7 + at / 251);
}

/* A free place for one more exchange. */
static struct end *
end_new(struct link *k)
{
	if (k->n_ends < COUNT_OF(k->ends))
		return &k->ends[k->n_ends++];
	for (size_t i = 0; i < k->n_ends; i++)
		if (k->ends[i].s == NULL)
			return &k->ends[i];
	fail_msg("too many exchanges at once");
	return NULL;
}

static void
pump_out(struct end *e)
{
	uint8_t piece[20000];
	size_t n, took;

	while (e->s != NULL && e->sent < e->to_send) {
		n = MIN_OF(sizeof piece, e->to_send - e->sent);
		for (size_t i = 0; i < n; i++)
			piece[i] = pattern(e->sent + i);
		took = stream_write(e->s, piece, n);
		e->sent += took;
		if (took < n)
			return;
	}
	if (e->s != NULL && e->to_send > 0)
		stream_end(e->s);
}

static void
end_on_head(void *owner, const struct http_head *h)
{
	struct end *e = owner;

	if (h->status < 200 && h->status != 101) {
		e->n_interim++;
		return;
	}
	e->status = h->status;
	str_copy(e->upgrade, sizeof e->upgrade, h->upgrade);
}

static void
end_on_body(void *owner, const uint8_t *p, size_t n)
{
	struct end *e = owner;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], pattern(e->got + i));
	e->got += n;
	if (e->hold)
		e->unacked += n;
	else
		stream_consumed(e->s, n);
}

static void
end_on_trailers(void *owner, const struct http_field *f, size_t n)
{
	struct end *e = owner;

	assert_true(n == 0 || f[0].name.n > 0);
	e->n_trailers = n;
}

static void
end_on_end(void *owner)
{
	((struct end *)owner)->ended = true;
}

static void
end_on_room(void *owner)
{
	pump_out(owner);
}

static void
end_close(struct end *e)
{
	if (e->s != NULL)
		stream_close(e->s);
	e->s = NULL;
}

static void
end_on_fail(void *owner, const struct err *why)
{
	struct end *e = owner;

	e->failed = true;
	e->code = why->code;
	end_close(e);
}

static const struct stream_sink end_sink = {
    .on_head = end_on_head,
    .on_body = end_on_body,
    .on_trailers = end_on_trailers,
    .on_room = end_on_room,
    .on_end = end_on_end,
    .on_fail = end_on_fail,
};

/* What the server does is in the path. */
static void
serve(void *owner, struct stream *s, const struct http_head *head)
{
	struct link *k = owner;
	struct http_field f[] = {{STR("X-Mixed-Case"), STR("1")},
	    {STR("content-type"), STR("text/plain")}};
	struct http_head out = {.status = 200,
	    .fields = f,
	    .n_fields = 2,
	    .content_length = -1};
	struct http_field tr[] = {{STR("x-sum"), STR("42")}};
	struct end *e = end_new(k);

	*e = (struct end){.link = k, .s = s};
	stream_own(s, &end_sink, e);
	str_copy(e->path, sizeof e->path, head->target);
	str_copy(e->upgrade, sizeof e->upgrade, head->upgrade);
	k->max_open = MAX_OF(k->max_open, h2_streams(k->server));
	if (k->slow_all)
		e->hold = true;
	if (str_starts(head->target, "/big")) {
		e->to_send = 1 << 20;
		stream_send_head(s, &out);
		pump_out(e);
	} else if (str_starts(head->target, "/small")) {
		out.content_length = 5;
		stream_send_head(s, &out);
		e->to_send = 5;
		pump_out(e);
		end_close(e);
	} else if (str_starts(head->target, "/early")) {
		out.content_length = 0;
		stream_send_head(s, &out);
		end_close(e);
	} else if (str_starts(head->target, "/hints")) {
		out.status = 103;
		stream_send_head(s, &out);
		out.status = 200;
		stream_send_head(s, &out);
		(void)stream_write(s, "", 0);
		s->ops->end(s, tr, 1);
		end_close(e);
	} else if (str_starts(head->target, "/abort")) {
		stream_send_head(s, &out);
		(void)stream_write(s, "\0", 1);
		end_close(e);
	} else if (head->upgrade.n != 0) {
		out.status = 101;
		out.upgrade = head->upgrade;
		stream_send_head(s, &out);
	}
}

static void
client_over(void *owner, const struct err *why)
{
	struct link *k = owner;

	k->client_over = true;
	k->client_over_ms = loop_now_ms(k->loop);
	k->client = NULL;
	k->client_code = why != NULL ? why->code : ERR_OK;
}

static void
server_over(void *owner, const struct err *why UNUSED)
{
	struct link *k = owner;

	k->server_over = true;
	k->server = NULL;
}

static void
client_drained(void *owner)
{
	((struct link *)owner)->drained = true;
}

static void
too_late(void *arg)
{
	((struct link *)arg)->timed_out = true;
}

static void
pair(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd),
	    0);
}

static struct h2_conf
server_conf(struct link *k)
{
	return (struct h2_conf){.server = true,
	    .max_streams = 200,
	    .on_request = serve,
	    .on_closed = server_over,
	    .owner = k};
}

static struct link *
link_new(void)
{
	struct link *k = xcalloc(1, sizeof *k);
	struct h2_conf client = {.on_closed = client_over,
	    .on_drain = client_drained,
	    .owner = k};
	struct h2_conf server = server_conf(k);
	int fd[2];

	pair(fd);
	k->loop = loop_new();
	timer_init(&k->late, k->loop, too_late, k);
	timer_set(&k->late, 60000);
	k->client = h2_new(k->loop, sock_from_fd(k->loop, fd[0], NULL),
	    &client);
	k->server = h2_new(k->loop, sock_from_fd(k->loop, fd[1], NULL),
	    &server);
	return k;
}

#define UNTIL(k, condition)                                        \
	do {                                                       \
		while (!(condition)) {                             \
			loop_turn((k)->loop, true);                \
			if ((k)->timed_out)                        \
				fail_msg("too late: " #condition); \
		}                                                  \
	} while (0)

static void
link_free(struct link *k)
{
	for (size_t i = 0; i < k->n_ends; i++)
		end_close(&k->ends[i]);
	if (k->client != NULL)
		h2_close(k->client);
	if (k->server != NULL)
		h2_close(k->server);
	UNTIL(k, (k->client_over || k->no_over) && k->server_over);
	timer_clear(&k->late);
	for (int i = 0; i < 5; i++)
		loop_turn(k->loop, false);
	loop_free(k->loop);
	free(k);
}

static struct end *
ask(struct link *k, const char *path, size_t upload)
{
	struct end *e = end_new(k);
	struct http_field f[] = {{STR("Accept"), STR("*/*")},
	    {STR("x-request-id"), STR("abc")}};
	struct http_head head = {.method = STR("GET"),
	    .target = str_of(path),
	    .authority = STR("example"),
	    .scheme = STR("http"),
	    .fields = f,
	    .n_fields = 2,
	    .content_length = -1,
	    .no_body = upload == 0};

	*e = (struct end){.link = k, .to_send = upload};
	e->s = h2_open(k->client, &end_sink, e, NULL);
	assert_non_null(e->s);
	if (upload != 0)
		head.method = STR("POST");
	stream_send_head(e->s, &head);
	pump_out(e);
	return e;
}

static void
a_small_exchange(void **state UNUSED)
{
	struct link *k = link_new();
	struct end *e = ask(k, "/small?q=1", 0);

	UNTIL(k, e->ended);
	assert_int_equal(e->status, 200);
	assert_int_equal(e->got, 5);
	assert_false(e->failed);
	assert_string_equal(k->ends[1].path, "/small?q=1");
	end_close(e);
	UNTIL(k, h2_streams(k->client) == 0 && h2_streams(k->server) == 0);
	link_free(k);
}

static void
hints_and_trailers_pass(void **state UNUSED)
{
	struct link *k = link_new();
	struct end *e = ask(k, "/hints", 0);

	UNTIL(k, e->ended);
	assert_int_equal(e->n_interim, 1);
	assert_int_equal(e->status, 200);
	assert_int_equal(e->n_trailers, 1);
	link_free(k);
}

static void
big_bodies_pass_both_ways(void **state UNUSED)
{
	struct link *k = link_new();
	struct end *e = ask(k, "/big", 3 << 20);

	UNTIL(k, e->ended && k->n_ends == 2 && k->ends[1].ended);
	assert_int_equal(e->got, 1 << 20);
	assert_int_equal(k->ends[1].got, 3 << 20);
	link_free(k);
}

/* The promise of flow control: what is not consumed stops its own stream at
 * the window, and no other. */
static void
one_slow_stream_stops_no_other(void **state UNUSED)
{
	struct link *k = link_new();
	struct end *first = ask(k, "/small", 0), *slow;
	struct end *e[100];

	UNTIL(k, first->ended); /* the peer's limits are known */
	slow = ask(k, "/big", 0);
	slow->hold = true;
	for (size_t i = 0; i < COUNT_OF(e); i++)
		e[i] = ask(k, "/big", 0);
	for (size_t i = 0; i < COUNT_OF(e); i++) {
		UNTIL(k, e[i]->ended);
		assert_int_equal(e[i]->got, 1 << 20);
	}
	assert_int_equal(slow->got, H2_WINDOW);
	assert_false(slow->ended);
	slow->hold = false;
	stream_consumed(slow->s, slow->unacked);
	UNTIL(k, slow->ended);
	assert_int_equal(slow->got, 1 << 20);
	link_free(k);
}

static void
a_sender_waits_for_a_slow_receiver(void **state UNUSED)
{
	struct link *k = link_new();
	struct end *e;

	k->slow_all = true;
	e = ask(k, "/sink", 10 << 20);
	for (int i = 0; i < 200; i++)
		loop_turn(k->loop, false);
	assert_true(k->n_ends == 2);
	assert_int_equal(k->ends[1].got, H2_WINDOW);
	assert_true(e->sent <= H2_WINDOW);
	link_free(k);
}

static void
an_early_answer_stops_the_upload(void **state UNUSED)
{
	struct link *k = link_new();
	struct end *e = ask(k, "/early", 10 << 20);

	UNTIL(k, e->ended);
	assert_int_equal(e->status, 200);
	assert_false(e->failed);
	for (int i = 0; i < 20; i++)
		loop_turn(k->loop, false);
	assert_true(e->sent < 10 << 20);
	end_close(e);
	UNTIL(k, h2_streams(k->server) == 0 && h2_streams(k->client) == 0);
	link_free(k);
}

static void
a_cut_body_never_ends_cleanly(void **state UNUSED)
{
	struct link *k = link_new();
	struct end *e = ask(k, "/abort", 0);

	UNTIL(k, e->failed);
	assert_false(e->ended);
	assert_int_equal(e->status, 200);
	assert_int_equal(e->code, ERR_PEER);
	link_free(k);
}

static void
a_closed_stream_is_cancelled_at_the_other_end(void **state UNUSED)
{
	struct link *k = link_new();
	struct end *e = ask(k, "/wait", 0);

	UNTIL(k, k->n_ends == 2);
	end_close(e);
	UNTIL(k, k->ends[1].failed);
	assert_int_equal(k->ends[1].code, ERR_CANCELED);
	link_free(k);
}

static void
websockets_are_tunnels(void **state UNUSED)
{
	struct link *k = link_new();
	struct end *e = end_new(k);
	struct http_field f[] = {{STR("Sec-WebSocket-Key"), STR("xyz")}};
	struct http_head head = {.method = STR("GET"),
	    .target = STR("/ws"),
	    .authority = STR("example"),
	    .scheme = STR("http"),
	    .fields = f,
	    .n_fields = 1,
	    .content_length = -1,
	    .upgrade = STR("websocket")};

	*e = (struct end){.link = k};
	e->s = h2_open(k->client, &end_sink, e, NULL);
	stream_send_head(e->s, &head);
	UNTIL(k, e->status != 0);
	assert_int_equal(e->status, 101);
	assert_string_equal(e->upgrade, "websocket");
	assert_string_equal(k->ends[1].upgrade, "websocket");
	e->to_send = 1000;
	pump_out(e); /* and half-close */
	UNTIL(k, k->ends[1].ended);
	assert_int_equal(k->ends[1].got, 1000);
	k->ends[1].to_send = 2000;
	pump_out(&k->ends[1]);
	UNTIL(k, e->ended);
	assert_int_equal(e->got, 2000);
	link_free(k);
}

static void
the_stream_limit_is_kept(void **state UNUSED)
{
	struct link *k = link_new();
	struct err err = {0};

	UNTIL(k, (ask(k, "/small", 0), k->ends[0].ended));
	k->ends[0].ended = false;
	while (h2_usable(k->client))
		ask(k, "/wait", 0);
	assert_null(h2_open(k->client, &end_sink, k, &err));
	assert_int_equal(err.code, ERR_BUSY);
	for (int i = 0; i < 50; i++)
		loop_turn(k->loop, false);
	assert_true(k->max_open <= 200);
	link_free(k);
}

static void
drain_lets_running_streams_finish(void **state UNUSED)
{
	struct link *k = link_new();
	struct end *e = ask(k, "/wait", 0);
	struct end *last;

	UNTIL(k, k->n_ends == 2);
	h2_drain(k->server);
	UNTIL(k, k->drained);
	assert_false(h2_usable(k->client));
	for (int i = 0; i < 20; i++)
		loop_turn(k->loop, false);
	assert_false(k->client_over);
	last = &k->ends[1];
	stream_send_head(last->s,
	    &(struct http_head){.status = 204,
		.no_body = true,
		.content_length = -1});
	end_close(last);
	UNTIL(k, e->ended);
	end_close(e);
	UNTIL(k, k->client_over && k->server_over);
	assert_int_equal(k->client_code, ERR_OK);
	link_free(k);
}

static void
closing_fails_what_runs(void **state UNUSED)
{
	struct link *k = link_new();
	struct end *e = ask(k, "/wait", 0);

	UNTIL(k, k->n_ends == 2);
	h2_close(k->client);
	assert_false(e->failed); /* never from inside a call */
	UNTIL(k, e->failed && k->ends[1].failed);
	link_free(k);
}

/* --- a silent or hostile peer ------------------------------------------- */

static struct link *
half_link(bool server, int *other)
{
	struct link *k = xcalloc(1, sizeof *k);
	struct h2_conf client = {.on_closed = client_over, .owner = k};
	struct h2_conf conf = server_conf(k);
	int fd[2];

	pair(fd);
	k->loop = loop_new();
	timer_init(&k->late, k->loop, too_late, k);
	timer_set(&k->late, 60000);
	if (server) {
		k->server = h2_new(k->loop, sock_from_fd(k->loop, fd[0], NULL),
		    &conf);
		k->no_over = true;
	} else {
		k->client = h2_new(k->loop, sock_from_fd(k->loop, fd[0], NULL),
		    &client);
		k->server_over = true;
	}
	*other = fd[1];
	return k;
}

static void
silence_is_noticed_within_two_seconds(void **state UNUSED)
{
	int fd;
	struct link *k = half_link(false, &fd);
	int64_t from = loop_now_ms(k->loop), ms;

	UNTIL(k, k->client_over);
	ms = k->client_over_ms - from;
	assert_int_equal(k->client_code, ERR_TIMEOUT);
	assert_true(ms >= 1400 && ms <= 2000);
	(void)close(fd);
	link_free(k);
}

static void
raw(int fd, const void *p, size_t n, struct link *k)
{
	const uint8_t *b = p;
	uint8_t sink[4096];
	ssize_t took;

	while (n > 0) {
		took = send(fd, b, n, MSG_NOSIGNAL);
		if (took > 0) {
			b += took;
			n -= (size_t)took;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			return;
		}
		loop_turn(k->loop, false);
		while (read(fd, sink, sizeof sink) > 0)
			continue;
	}
}

static void
preface(int fd, struct link *k)
{
	raw(fd, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 24 + 9,
	    k);
}

/* `count` times the frames made for each odd stream id, in one go. */
static void
flood(unsigned count, size_t (*frame)(uint8_t *out, uint32_t id))
{
	int fd;
	struct link *k = half_link(true, &fd);
	uint8_t one[256];
	struct buf all = BUF_INIT(1 << 26);
	size_t n;

	preface(fd, k);
	for (unsigned i = 0; i < count; i++) {
		n = frame(one, 2 * i + 1);
		assert_true(buf_add(&all, one, n));
	}
	for (size_t at = 0; at < all.n && !k->server_over; at += n) {
		n = MIN_OF((size_t)16384, all.n - at);
		raw(fd, all.p + at, n, k);
	}
	UNTIL(k, k->server_over);
	assert_true(k->max_open <= 200);
	buf_fini(&all);
	(void)close(fd);
	link_free(k);
}

static size_t
frame_head(uint8_t *out, uint32_t n, uint8_t type, uint8_t flags, uint32_t id)
{
	const uint8_t h[9] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n,
	    type, flags, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
	    (uint8_t)(id >> 8), (uint8_t)id};

	memcpy(out, h, 9);
	return 9;
}

static size_t
request_frame(uint8_t *out, uint32_t id)
{
	/* GET http / with :authority a, all from the static table */
	static const uint8_t block[] = {0x82, 0x86, 0x84, 0x41, 0x01, 'a'};
	size_t n = frame_head(out, sizeof block, 1, 0x5, id);

	memcpy(out + n, block, sizeof block);
	return n + sizeof block;
}

static size_t
rapid_reset(uint8_t *out, uint32_t id)
{
	size_t n = request_frame(out, id);

	n += frame_head(out + n, 4, 3, 0, id);
	memcpy(out + n, "\0\0\0\10", 4);
	return n + 4;
}

/* A WINDOW_UPDATE of 0 makes us reset the stream. */
static size_t
made_you_reset(uint8_t *out, uint32_t id)
{
	size_t n = request_frame(out, id);

	n += frame_head(out + n, 4, 8, 0, id);
	memcpy(out + n, "\0\0\0\0", 4);
	return n + 4;
}

static size_t
ping_frame(uint8_t *out, uint32_t id UNUSED)
{
	size_t n = frame_head(out, 8, 6, 0, 0);

	memset(out + n, 0, 8);
	return n + 8;
}

static size_t
settings_frame(uint8_t *out, uint32_t id UNUSED)
{
	return frame_head(out, 0, 4, 0, 0);
}

static size_t
empty_data(uint8_t *out, uint32_t id)
{
	size_t n = 0;

	if (id == 1) {
		n = request_frame(out, id);
		out[4] = 0x4; /* END_HEADERS alone: a body follows */
	}
	return n + frame_head(out + n, 0, 0, 0, 1);
}

static size_t
continuations(uint8_t *out, uint32_t id)
{
	size_t n = 0;

	if (id == 1) {
		n = request_frame(out, id);
		out[4] = 0;
	}
	return n + frame_head(out + n, 0, 9, 0, 1);
}

static void
floods_end_the_connection(void **state UNUSED)
{
	flood(20000, rapid_reset);
	flood(20000, made_you_reset);
	flood(20000, ping_frame);
	flood(20000, settings_frame);
	flood(20000, empty_data);
	flood(100, continuations);
}

static void
headers_over_the_limit_get_431(void **state UNUSED)
{
	struct link *k = link_new();
	struct end *e = end_new(k);
	struct http_field f[HTTP_FIELDS_MAX + HTTP_ADDED_MAX + 1];
	struct http_head head = {.method = STR("GET"),
	    .target = STR("/small"),
	    .authority = STR("example"),
	    .fields = f,
	    .n_fields = HTTP_FIELDS_MAX + HTTP_ADDED_MAX,
	    .content_length = -1,
	    .no_body = true};

	for (size_t i = 0; i < COUNT_OF(f); i++)
		f[i] = (struct http_field){STR("x-a"), STR("1")};
	*e = (struct end){.link = k};
	e->s = h2_open(k->client, &end_sink, e, NULL);
	stream_send_head(e->s, &head);
	UNTIL(k, e->ended);
	assert_int_equal(e->status, 200);
	end_close(e);
	head.n_fields++;
	*e = (struct end){.link = k};
	e->s = h2_open(k->client, &end_sink, e, NULL);
	stream_send_head(e->s, &head);
	UNTIL(k, e->status != 0);
	assert_int_equal(e->status, 431);
	link_free(k);
}

const struct CMUnitTest h2_tests[] = {
    cmocka_unit_test(a_small_exchange),
    cmocka_unit_test(hints_and_trailers_pass),
    cmocka_unit_test(big_bodies_pass_both_ways),
    cmocka_unit_test(one_slow_stream_stops_no_other),
    cmocka_unit_test(a_sender_waits_for_a_slow_receiver),
    cmocka_unit_test(an_early_answer_stops_the_upload),
    cmocka_unit_test(a_cut_body_never_ends_cleanly),
    cmocka_unit_test(a_closed_stream_is_cancelled_at_the_other_end),
    cmocka_unit_test(websockets_are_tunnels),
    cmocka_unit_test(the_stream_limit_is_kept),
    cmocka_unit_test(drain_lets_running_streams_finish),
    cmocka_unit_test(closing_fails_what_runs),
    cmocka_unit_test(silence_is_noticed_within_two_seconds),
    cmocka_unit_test(floods_end_the_connection),
    cmocka_unit_test(headers_over_the_limit_get_431),
};
const size_t h2_tests_count = COUNT_OF(h2_tests);
