/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pump between two HTTP/2 links: client -> (link 1) -> pump -> (link 2) ->
 * worker, all over socket pairs in one loop.
 */
#include "unit/unit.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/h2.h"
#include "net/pump.h"

extern const struct CMUnitTest pump_tests[];
extern const size_t pump_tests_count;

struct end { /* the client's or the worker's side of an exchange */
	struct chain *chain;
	struct stream *s;
	int status, n_heads;
	uint64_t got, sent, to_send, unacked;
	bool hold, ended, failed, keep;
	size_t n_trailers;
	char last[128];
	struct buf text; /* pieces, one line each */
};

struct chain {
	struct loop *loop;
	struct h2 *h[4]; /* client, front, back, worker */
	unsigned over;
	struct end client[128], worker[128];
	size_t n_clients, n_workers;
	struct pump *pump;
	enum pump_end how;
	bool done, body_sent, lost_open;
	struct stream *lost;
	struct pump_body body;
	struct timer late;
	bool timed_out;
	uint64_t size; /* of what /big sends */
};

static const struct stream_sink end_sink;

static void
send_more(struct end *e)
{
	static uint8_t piece[64 * 1024];
	size_t took;

	while (e->s != NULL && e->sent < e->to_send) {
		size_t n = (size_t)MIN_OF(sizeof(piece), e->to_send - e->sent);

		took = stream_write(e->s, piece, n);
		e->sent += took;
		if (took < n)
			return;
	}
	if (e->s != NULL && e->to_send > 0)
		stream_end(e->s);
}

static void
end_close(struct end *e)
{
	if (e->s != NULL)
		stream_close(e->s);
	e->s = NULL;
}

static void
end_on_head(void *owner, const struct http_head *h)
{
	struct end *e = owner;

	e->status = h->status;
	e->n_heads++;
}

static void
end_on_body(void *owner, const uint8_t *p, size_t n)
{
	struct end *e = owner;

	e->got += n;
	(void)str_copy(e->last, sizeof(e->last),
	    (struct str){(const char *)p, n});
	if (e->keep) {
		(void)buf_add(&e->text, p, n);
		(void)buf_c(&e->text, '|');
	}
	if (e->hold)
		e->unacked += n;
	else
		stream_consumed(e->s, n);
}

static void
end_on_trailers(void *owner, const struct http_field *f UNUSED, size_t n)
{
	((struct end *)owner)->n_trailers = n;
}

static void
end_on_room(void *owner)
{
	send_more(owner);
}

static void
end_on_end(void *owner)
{
	((struct end *)owner)->ended = true;
}

static void
end_on_fail(void *owner, const struct err *why UNUSED)
{
	struct end *e = owner;

	e->failed = true;
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

static void
worker_serves(void *owner, struct stream *s, const struct http_head *head)
{
	struct http_field f = {STR("content-type"), STR("text/event-stream")};
	struct http_head out = {.status = 200, .content_length = -1};
	struct chain *c = owner;
	struct end *e = &c->worker[c->n_workers++];

	*e = (struct end){.chain = c, .s = s};
	stream_own(s, &end_sink, e);
	if (str_starts(head->target, "/never"))
		return;
	if (str_starts(head->target, "/refuse")) {
		end_close(e);
		return;
	}
	if (str_starts(head->target, "/hold"))
		e->hold = true;
	if (str_starts(head->target, "/events")) {
		out.fields = &f;
		out.n_fields = 1;
	}
	stream_send_head(s, &out);
	if (str_starts(head->target, "/big")) {
		e->to_send = c->size;
		send_more(e);
	}
}

static void
on_done(void *owner, enum pump_end how, bool body_sent,
    const struct err *why UNUSED)
{
	struct chain *c = owner;

	c->done = true;
	c->how = how;
	c->body_sent = body_sent;
	c->pump = NULL;
	if (how == PUMP_UPSTREAM_LOST)
		stream_close(c->lost);
}

static void
edit(void *owner UNUSED, struct arena *a UNUSED, struct http_head *h)
{
	http_add(h, STR("hearth-worker"), STR("w1"));
}

static void
front_serves(void *owner, struct stream *s, const struct http_head *head)
{
	struct chain *c = owner;
	const struct pump_conf conf = {.on_head = edit,
	    .on_done = on_done,
	    .owner = c,
	    .first_byte_ms = str_eqz(head->target, "/never") ? 100 : 0};
	struct stream *up = h2_open(c->h[2], &end_sink, NULL, NULL);

	assert_non_null(up);
	stream_send_head(up, head);
	c->lost = s;
	c->pump = pump_join(c->loop, s, up, &conf);
}

static void
link_over(void *owner, const struct err *why UNUSED)
{
	((struct chain *)owner)->over++;
}

static void
too_late(void *arg)
{
	((struct chain *)arg)->timed_out = true;
}

static struct chain *
chain_new(void)
{
	struct chain *c = xcalloc(1, sizeof(*c));
	struct h2_conf client = {.on_closed = link_over, .owner = c};
	struct h2_conf server = {.server = true,
	    .max_streams = 100,
	    .on_closed = link_over,
	    .owner = c};

	c->loop = loop_new();
	timer_init(&c->late, c->loop, too_late, c);
	timer_set(&c->late, 30000);
	for (int i = 0; i < 4; i += 2) {
		int fd[2];

		assert_int_equal(socketpair(AF_UNIX,
				     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				     0, fd),
		    0);
		server.on_request = i == 0 ? front_serves : worker_serves;
		c->h[i] = h2_new(c->loop, sock_from_fd(c->loop, fd[0], NULL),
		    &client);
		c->h[i + 1] = h2_new(c->loop,
		    sock_from_fd(c->loop, fd[1], NULL), &server);
	}
	for (int i = 0; i < 10; i++)
		loop_turn(c->loop, false);
	return c;
}

#define UNTIL(c, condition)                                        \
	do {                                                       \
		while (!(condition)) {                             \
			loop_turn((c)->loop, true);                \
			if ((c)->timed_out)                        \
				fail_msg("too late: " #condition); \
		}                                                  \
	} while (0)

static void
turns(struct chain *c, int n)
{
	for (int i = 0; i < n; i++)
		loop_turn(c->loop, false);
}

static void
chain_free(struct chain *c)
{
	for (size_t i = 0; i < COUNT_OF(c->client); i++) {
		buf_fini(&c->client[i].text);
		end_close(&c->client[i]);
		end_close(&c->worker[i]);
	}
	for (int i = 0; i < 4; i++)
		if (c->h[i] != NULL)
			h2_close(c->h[i]);
	UNTIL(c, c->over == 4);
	timer_clear(&c->late);
	turns(c, 20); /* the socks go */
	loop_free(c->loop);
	free(c);
}

static struct end *
ask(struct chain *c, const char *path, uint64_t upload)
{
	struct end *e = &c->client[c->n_clients++];
	struct http_head head = {.method = upload ? STR("POST") : STR("GET"),
	    .target = str_of(path),
	    .authority = STR("x"),
	    .content_length = -1,
	    .no_body = upload == 0};

	*e = (struct end){.chain = c, .to_send = upload};
	e->text = BUF_INIT(1 << 16);
	e->s = h2_open(c->h[0], &end_sink, e, NULL);
	assert_non_null(e->s);
	stream_send_head(e->s, &head);
	send_more(e);
	return e;
}

static void
both_bodies_pass(void **state UNUSED)
{
	struct chain *c = chain_new();
	struct end *e;

	c->size = 3 << 20;
	e = ask(c, "/big", 5 << 20);
	UNTIL(c, e->ended);
	assert_int_equal(e->status, 200);
	assert_int_equal(e->got, 3 << 20);
	assert_true(c->done && c->how == PUMP_DONE);
	chain_free(c);
}

static size_t
memory_now(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* 200 MiB through two hops and no hop holds more than windows. */
static void
a_huge_body_needs_no_memory(void **state UNUSED)
{
	struct chain *c = chain_new();
	size_t before, most = 0;
	struct end *e;

	c->size = (uint64_t)200 << 20;
	before = memory_now();
	e = ask(c, "/big", 0);
	while (!e->ended && !c->timed_out) {
		loop_turn(c->loop, true);
		most = MAX_OF(most, memory_now());
	}
	assert_int_equal(e->got, (uint64_t)200 << 20);
	assert_true(most < before + (1 << 20) + 2 * H2_WINDOW);
	chain_free(c);
}

/* The windows on the way are all that a slow reader costs. */
static void
a_slow_reader_blocks_the_sender(void **state UNUSED)
{
	struct chain *c = chain_new();
	struct end *e;

	c->size = (uint64_t)1 << 30;
	e = ask(c, "/big", 0);
	e->hold = true;
	turns(c, 500);
	assert_int_equal(e->got, H2_WINDOW);
	assert_true(c->worker[0].sent <= 3 * H2_WINDOW);
	chain_free(c);
}

static void
a_slow_worker_blocks_the_upload(void **state UNUSED)
{
	struct chain *c = chain_new();
	struct end *e = ask(c, "/hold", (uint64_t)1 << 30);

	turns(c, 500);
	assert_int_equal(c->worker[0].got, H2_WINDOW);
	assert_true(e->sent <= 3 * H2_WINDOW);
	chain_free(c);
}

static void
one_slow_client_stops_no_other(void **state UNUSED)
{
	struct chain *c = chain_new();
	struct end *slow;

	c->size = 1 << 20;
	slow = ask(c, "/big", 0);
	slow->hold = true;
	turns(c, 100);
	for (int i = 0; i < 90; i++)
		(void)ask(c, "/big", 0);
	for (size_t i = 1; i < 91; i++) {
		UNTIL(c, c->client[i].ended);
		assert_int_equal(c->client[i].got, 1 << 20);
	}
	assert_false(slow->ended);
	slow->hold = false;
	stream_consumed(slow->s, (size_t)slow->unacked);
	UNTIL(c, slow->ended);
	chain_free(c);
}

static void
a_client_that_leaves_cancels_upstream(void **state UNUSED)
{
	struct chain *c = chain_new();
	struct end *e = ask(c, "/wait", 0);

	UNTIL(c, c->n_workers == 1);
	end_close(e);
	turns(c, 10);
	assert_true(c->worker[0].failed);
	assert_true(c->done && c->how == PUMP_CLIENT_GONE);
	chain_free(c);
}

static void
a_cut_answer_is_seen_as_cut(void **state UNUSED)
{
	struct chain *c = chain_new();
	struct end *e = ask(c, "/wait", 0);

	UNTIL(c, e->status == 200);
	(void)stream_write(c->worker[0].s, "abc", 3);
	turns(c, 5);
	end_close(&c->worker[0]);
	UNTIL(c, e->failed);
	assert_false(e->ended);
	assert_int_equal(e->got, 3);
	assert_true(c->how == PUMP_UPSTREAM_CUT);
	chain_free(c);
}

static void
an_event_stream_says_that_it_was_cut(void **state UNUSED)
{
	struct chain *c = chain_new();
	struct end *e = ask(c, "/events", 0);

	UNTIL(c, e->status == 200);
	(void)stream_write(c->worker[0].s, "data: 1\n\n", 9);
	turns(c, 5);
	end_close(&c->worker[0]);
	UNTIL(c, e->failed);
	assert_false(e->ended);
	assert_non_null(strstr(e->last, "event: error"));
	chain_free(c);
}

static void
events_pass_one_by_one(void **state UNUSED)
{
	struct chain *c = chain_new();
	struct end *e = ask(c, "/events", 0);

	e->keep = true;
	UNTIL(c, e->status == 200);
	for (int i = 0; i < 5; i++) {
		uint64_t before = e->got;

		(void)stream_write(c->worker[0].s, "data: x\n\n", 9);
		for (int k = 0; k < 4 && e->got == before; k++)
			loop_turn(c->loop, false);
		assert_int_equal(e->got, before + 9);
	}
	assert_string_equal(buf_cstr(&e->text),
	    "data: x\n\n|data: x\n\n|data: x\n\n|data: x\n\n|data: x\n\n|");
	chain_free(c);
}

static void
a_lost_upstream_gives_the_client_back(void **state UNUSED)
{
	struct chain *c = chain_new();
	struct end *e = ask(c, "/refuse", 0);

	UNTIL(c, c->done);
	assert_true(c->how == PUMP_UPSTREAM_LOST);
	assert_false(c->body_sent);
	UNTIL(c, e->failed);
	chain_free(c);
}

static void
silence_before_the_head_is_a_time_out(void **state UNUSED)
{
	struct chain *c = chain_new();
	struct end *e = ask(c, "/never", 0);

	UNTIL(c, c->done);
	assert_true(c->how == PUMP_UPSTREAM_LOST);
	UNTIL(c, e->failed && c->worker[0].failed);
	chain_free(c);
}

static void
trailers_and_early_hints_pass(void **state UNUSED)
{
	struct http_field f[] = {{STR("x-sum"), STR("1")},
	    {STR("content-length"), STR("3")}};
	struct chain *c = chain_new();
	struct end *e = ask(c, "/nevermind", 0), *w;

	UNTIL(c, c->n_workers == 1);
	w = &c->worker[0];
	stream_send_head(w->s,
	    &(struct http_head){.status = 103, .content_length = -1});
	stream_send_head(w->s,
	    &(struct http_head){.status = 102, .content_length = -1});
	stream_send_head(w->s,
	    &(struct http_head){.status = 200, .content_length = -1});
	w->s->ops->end(w->s, f, 1);
	UNTIL(c, e->ended);
	assert_int_equal(e->n_heads, 2); /* 103 and 200 */
	assert_int_equal(e->n_trailers, 1);
	chain_free(c);
}

static void
fake_close(struct stream *s)
{
	s->magic = 0;
}

static void
note_gone(void *owner)
{
	*(bool *)owner = true;
}

static void
a_waiting_body_is_held_until_its_client_leaves(void **state UNUSED)
{
	static const struct stream_ops ops = {.close = fake_close};
	struct stream client = {.magic = STREAM_MAGIC, .ops = &ops};
	struct http_field f[] = {{STR("x-sum"), STR("1")},
	    {STR("content-length"), STR("5")}};
	struct pump_body b;
	bool gone = false;
	struct err why;

	pump_body_init(&b, true);
	pump_body_wait(&b, &client, note_gone, &gone);
	client.sink->on_body(client.owner, (const uint8_t *)"hel", 3);
	client.sink->on_body(client.owner, (const uint8_t *)"lo", 2);
	client.sink->on_trailers(client.owner, f, 2);
	client.sink->on_end(client.owner);
	assert_true(b.ended);
	assert_true(pump_body_whole(&b));
	assert_int_equal(b.kept.n, 5);
	assert_memory_equal(b.kept.p, "hello", 5);
	assert_int_equal(b.n_trailers, 1); /* one frames, and stays behind */
	assert_true(str_eqz(b.trailers[0].name, "x-sum"));
	err_set(&why, ERR_PEER, "reset");
	client.sink->on_fail(client.owner, &why);
	assert_true(gone);
	assert_int_equal(client.magic, 0);
	pump_body_fini(&b);
}

const struct CMUnitTest pump_tests[] = {
    cmocka_unit_test(both_bodies_pass),
    cmocka_unit_test(a_huge_body_needs_no_memory),
    cmocka_unit_test(a_slow_reader_blocks_the_sender),
    cmocka_unit_test(a_slow_worker_blocks_the_upload),
    cmocka_unit_test(one_slow_client_stops_no_other),
    cmocka_unit_test(a_client_that_leaves_cancels_upstream),
    cmocka_unit_test(a_cut_answer_is_seen_as_cut),
    cmocka_unit_test(an_event_stream_says_that_it_was_cut),
    cmocka_unit_test(events_pass_one_by_one),
    cmocka_unit_test(a_lost_upstream_gives_the_client_back),
    cmocka_unit_test(silence_before_the_head_is_a_time_out),
    cmocka_unit_test(trailers_and_early_hints_pass),
    cmocka_unit_test(a_waiting_body_is_held_until_its_client_leaves),
};
const size_t pump_tests_count = COUNT_OF(pump_tests);
