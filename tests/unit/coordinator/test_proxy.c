/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole coordinator on a free port, workers on real links and clients on
 * real connections, in one loop. What a worker does is in the path.
 */
#include "unit/unit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "coordinator/coordinator.h"
#include "coordinator/links.h"
#include "coordinator/proxy.h"

extern const struct CMUnitTest proxy_tests[];
extern const size_t proxy_tests_count;

struct rig;

struct job { /* an exchange at a worker */
	struct worker *w;
	struct stream *s;
	size_t got;
	bool ended, failed;
	char head[4096]; /* "name: value\n" of all fields */
	char target[256];
};

struct worker {
	struct rig *rig;
	struct h1_client *dial;
	struct stream *asking;
	struct h2 *h2;
	int refused; /* status instead of 101 */
	bool over;
	struct job jobs[16];
	size_t n_jobs;
	size_t n_resets;
};

struct client {
	struct rig *rig;
	struct h1_client *h1;
	struct stream *s;
	int status, n_hints;
	bool ended, failed, closed;
	struct buf body;
	char head[4096];
	char upgrade[32];
};

struct rig {
	struct loop *loop;
	struct coordinator *co;
	struct worker w[3];
	struct client c[8];
	size_t n_w, n_c;
	struct timer late;
	bool timed_out, stopped;
};

static void
turn(struct rig *r)
{
	loop_turn(r->loop, true);
	if (r->timed_out)
		fail_msg("too late");
}

#define UNTIL(r, condition)          \
	do {                         \
		while (!(condition)) \
			turn(r);     \
	} while (0)

static void
too_late(void *arg)
{
	((struct rig *)arg)->timed_out = true;
}

static void
note_fields(char *out, size_t cap, const struct http_head *h)
{
	size_t at = strlen(out);

	for (size_t i = 0; i < h->n_fields; i++) {
		(void)str_fmt(out + at, cap - at, "%.*s: %.*s\n",
		    STR_ARG(h->fields[i].name), STR_ARG(h->fields[i].value));
		at += strlen(out + at);
	}
}

/* --- workers -------------------------------------------------------------- */

static void
answer(struct job *j, int status, const char *text, bool events)
{
	struct http_field f[] = {{STR("content-type"),
				     events ? STR("text/event-stream")
					    : STR("text/html")},
	    {STR("set-cookie"), STR("a=b")}, {STR("server"), STR("x")},
	    {STR("access-control-allow-origin"), STR("*")},
	    {STR("x-kept"), STR("yes")}};
	const struct http_head h = {.status = status,
	    .fields = f,
	    .n_fields = COUNT_OF(f),
	    .content_length = events ? -1 : (int64_t)strlen(text)};

	stream_send_head(j->s, &h);
	(void)stream_write(j->s, text, strlen(text));
	if (!events) {
		stream_end(j->s);
		stream_close(j->s);
		j->s = NULL;
	}
}

static void
job_on_body(void *owner, const uint8_t *p, size_t n)
{
	struct job *j = owner;

	j->got += n;
	stream_consumed(j->s, n);
	if (str_ends(str_of(j->target), "/echo"))
		(void)stream_write(j->s, p, n);
}

static void
job_on_end(void *owner)
{
	struct job *j = owner;

	j->ended = true;
	if (str_ends(str_of(j->target), "/upload"))
		answer(j, 200, "thanks", false);
}

static void
job_on_room(void *owner UNUSED)
{
}

static void
job_on_fail(void *owner, const struct err *why UNUSED)
{
	struct job *j = owner;

	j->failed = true;
	j->w->n_resets++;
	stream_close(j->s);
	j->s = NULL;
}

static const struct stream_sink job_sink = {
    .on_body = job_on_body,
    .on_end = job_on_end,
    .on_room = job_on_room,
    .on_fail = job_on_fail,
};

/* The sample handshake of RFC 6455 1.3. */
static void
switch_protocols(struct job *j, const struct http_head *h)
{
	struct http_field f = {STR("Sec-WebSocket-Accept"),
	    STR("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")};

	stream_send_head(j->s,
	    &(struct http_head){.status = 101,
		.upgrade = h->upgrade,
		.fields = &f,
		.n_fields = 1,
		.content_length = -1});
}

static void
worker_serves(void *owner, struct stream *s, const struct http_head *h)
{
	struct worker *w = owner;
	struct job *j = &w->jobs[w->n_jobs++];
	struct str path = http_path(h->target);

	*j = (struct job){.w = w, .s = s};
	(void)str_copy(j->target, sizeof(j->target), h->target);
	note_fields(j->head, sizeof(j->head), h);
	stream_own(s, &job_sink, j);
	if (str_ends(path, "/ok"))
		answer(j, 200, "hello", false);
	else if (str_ends(path, "/die"))
		h2_close(w->h2);
	else if (str_ends(path, "/events"))
		answer(j, 200, "data: 1\n\n", true);
	else if (h->upgrade.n > 0)
		switch_protocols(j, h);
}

static void
worker_over(void *owner, const struct err *why UNUSED)
{
	struct worker *w = owner;

	w->h2 = NULL;
	w->over = true;
}

static void
ask_on_head(void *owner, const struct http_head *h)
{
	struct worker *w = owner;
	struct h2_conf conf = {.server = true,
	    .on_request = worker_serves,
	    .on_closed = worker_over,
	    .owner = w};
	struct sock *sock;

	if (h->status != 101) {
		w->refused = h->status;
		stream_close(w->asking);
		w->asking = NULL;
		return;
	}
	sock = h1_take_sock(w->asking);
	w->asking = NULL;
	w->dial = NULL;
	assert_non_null(sock);
	w->h2 = h2_new(w->rig->loop, sock, &conf);
}

static void
ask_on_body(void *owner UNUSED, const uint8_t *p UNUSED, size_t n UNUSED)
{
}

static void
ask_on_end(void *owner UNUSED)
{
}

static void
ask_on_fail(void *owner UNUSED, const struct err *why UNUSED)
{
}

static const struct stream_sink ask_sink = {
    .on_head = ask_on_head,
    .on_body = ask_on_body,
    .on_end = ask_on_end,
    .on_fail = ask_on_fail,
};

static void
dial_on_idle(void *owner UNUSED, struct h1_client *c UNUSED)
{
}

static void
dial_on_closed(void *owner, struct h1_client *c)
{
	struct worker *w = owner;

	if (w->dial == c)
		w->dial = NULL;
}

static const struct addr *
front(const struct rig *r)
{
	return httpd_addr(r->co->edge.listeners[0]);
}

static struct node *
node_add(struct rig *r, const char *id, uint32_t places)
{
	const struct row_worker row = {.id = str_of(id),
	    .capabilities = STR("{}"),
	    .services = STR("[]"),
	    .containers = STR("[]"),
	    .link = true,
	    .assigned = SERVICE_BIT(SERVICE_DOCUMENTS)};
	struct node *n = registry_put(&r->co->registry, &row, true);

	n->places = places;
	return n;
}

static struct worker *
dial(struct rig *r, const char *id, const char *epoch)
{
	struct worker *w = &r->w[r->n_w++];
	struct http_field f[] = {{STR("Hearth-Worker-Id"), str_of(id)},
	    {STR("Hearth-Epoch"), str_of(epoch)}};

	*w = (struct worker){.rig = r};
	w->dial = h1_connect(r->loop, front(r), 5000, NULL, dial_on_idle,
	    dial_on_closed, w);
	w->asking = h1_open(w->dial, &ask_sink, w);
	stream_send_head(w->asking,
	    &(struct http_head){.method = STR("GET"),
		.target = STR("/api/worker/link"),
		.authority = STR("localhost"),
		.fields = f,
		.n_fields = 2,
		.content_length = -1,
		.no_body = true,
		.upgrade = STR("hearth-link/1")});
	return w;
}

static struct worker *
worker_up(struct rig *r, const char *id, uint32_t places)
{
	struct worker *w;
	struct node *n = node_add(r, id, places);

	w = dial(r, id, "1");
	UNTIL(r, w->h2 != NULL && n->link != NULL);
	return w;
}

/* --- clients -------------------------------------------------------------- */

static void
client_on_head(void *owner, const struct http_head *h)
{
	struct client *c = owner;

	if (h->status < 200 && h->status != 101) {
		c->n_hints++;
		return;
	}
	c->status = h->status;
	(void)str_copy(c->upgrade, sizeof(c->upgrade), h->upgrade);
	note_fields(c->head, sizeof(c->head), h);
}

static void
client_on_body(void *owner, const uint8_t *p, size_t n)
{
	struct client *c = owner;

	(void)buf_add(&c->body, p, n);
	stream_consumed(c->s, n);
}

static void
client_on_end(void *owner)
{
	((struct client *)owner)->ended = true;
}

static void
client_on_room(void *owner UNUSED)
{
}

static void
client_close(struct client *c)
{
	if (c->s != NULL)
		stream_close(c->s);
	c->s = NULL;
	if (c->h1 != NULL)
		h1_client_close(c->h1);
}

static void
client_on_fail(void *owner, const struct err *why UNUSED)
{
	struct client *c = owner;

	c->failed = true;
	stream_close(c->s);
	c->s = NULL;
}

static const struct stream_sink client_sink = {
    .on_head = client_on_head,
    .on_body = client_on_body,
    .on_end = client_on_end,
    .on_room = client_on_room,
    .on_fail = client_on_fail,
};

static void
client_on_closed(void *owner, struct h1_client *h1 UNUSED)
{
	struct client *c = owner;

	c->closed = true;
	c->h1 = NULL;
}

static struct client *
ask_with(struct rig *r, const char *method, const char *target,
    struct http_field *f, size_t n_f, const char *body)
{
	struct client *c = &r->c[r->n_c++];
	size_t n = body != NULL ? strlen(body) : 0;

	*c = (struct client){.rig = r, .body = BUF_INIT(1 << 20)};
	c->h1 = h1_connect(r->loop, front(r), 5000, NULL, dial_on_idle,
	    client_on_closed, c);
	c->s = h1_open(c->h1, &client_sink, c);
	stream_send_head(c->s,
	    &(struct http_head){.method = str_of(method),
		.target = str_of(target),
		.authority = STR("localhost"),
		.fields = f,
		.n_fields = n_f,
		.content_length = body != NULL ? (int64_t)n : -1,
		.no_body = n == 0,
		.upgrade = str_ends(str_of(target), "/echo")
		    ? STR("websocket")
		    : (struct str){0}});
	if (n > 0) {
		assert_int_equal(stream_write(c->s, body, n), n);
		stream_end(c->s);
	}
	return c;
}

static struct client *
ask(struct rig *r, const char *method, const char *path)
{
	char target[128];

	(void)str_fmt(target, sizeof(target), "/service/documents%s", path);
	return ask_with(r, method, target, NULL, 0,
	    str_eqz(str_of(method), "POST") ? "body" : NULL);
}

/* --- the rig -------------------------------------------------------------- */

static struct rig *
rig_new(size_t queue)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	const struct coordinator_conf conf = {.listen = "127.0.0.1:0",
	    .socket = "",
	    .store = "memory:",
	    .name = "test",
	    .allowed_origins = "http://good.example",
	    .version = "0",
	    .stale_ms = 300000,
	    .forget_ms = 600000,
	    .queue = queue,
	    .debug_headers = true};
	struct err err = {0};

	r->loop = loop_new();
	timer_init(&r->late, r->loop, too_late, r);
	timer_set(&r->late, 20000);
	r->co = coordinator_start(r->loop, &conf, &err);
	if (r->co == NULL)
		fail_msg("%s", err.msg);
	return r;
}

static void
on_stopped(void *arg)
{
	((struct rig *)arg)->stopped = true;
}

static void
rig_free(struct rig *r)
{
	for (size_t i = 0; i < r->n_c; i++) {
		client_close(&r->c[i]);
		buf_fini(&r->c[i].body);
	}
	coordinator_stop(r->co, 100, on_stopped, r);
	UNTIL(r, r->stopped);
	for (size_t i = 0; i < r->n_w; i++) {
		struct worker *w = &r->w[i];

		for (size_t k = 0; k < w->n_jobs; k++)
			if (w->jobs[k].s != NULL)
				stream_close(w->jobs[k].s);
		if (w->asking != NULL)
			stream_close(w->asking);
		if (w->dial != NULL)
			h1_client_close(w->dial);
		if (w->h2 != NULL)
			h2_close(w->h2);
		UNTIL(r, w->h2 == NULL && w->dial == NULL);
	}
	for (size_t i = 0; i < r->n_c; i++)
		UNTIL(r, r->c[i].h1 == NULL);
	timer_clear(&r->late);
	for (int i = 0; i < 20; i++)
		loop_turn(r->loop, false);
	loop_free(r->loop);
	free(r);
}

static bool
has(const char *head, const char *line)
{
	char want[256];

	(void)str_fmt(want, sizeof(want), "%s\n", line);
	return strcasestr(head, want) != NULL;
}

/* --- what is tested ------------------------------------------------------- */

static void
a_request_goes_to_the_worker_and_back(void **state UNUSED)
{
	struct rig *r = rig_new(0);
	struct worker *w = worker_up(r, "w1", 4);
	struct client *c = ask(r, "GET", "/a/ok?x=%2F&y=1");

	UNTIL(r, c->ended);
	assert_int_equal(c->status, 200);
	assert_string_equal(buf_cstr(&c->body), "hello");
	assert_string_equal(w->jobs[0].target,
	    "/service/document-processing/a/ok?x=%2F&y=1");
	assert_true(has(c->head, "hearth-worker: w1"));
	assert_true(has(c->head, "hearth-service: document-processing"));
	assert_non_null(strcasestr(c->head, "x-request-id: "));
	assert_true(has(c->head, "x-content-type-options: nosniff"));
	assert_true(has(c->head, "content-security-policy: sandbox"));
	assert_true(has(c->head, "x-kept: yes"));
	assert_null(strcasestr(c->head, "set-cookie"));
	assert_null(strcasestr(c->head, "access-control"));
	assert_null(strcasestr(c->head, "server:"));
	rig_free(r);
}

static void
claims_of_identity_are_replaced(void **state UNUSED)
{
	struct http_field f[] = {{STR("X-Forwarded-For"), STR("6.6.6.6")},
	    {STR("Forwarded"), STR("for=6.6.6.6")},
	    {STR("X-Real-IP"), STR("6.6.6.6")},
	    {STR("CF-Connecting-IP"), STR("6.6.6.6")},
	    {STR("True-Client-IP"), STR("6.6.6.6")},
	    {STR("Hearth-Worker"), STR("evil")},
	    {STR("X-Request-Id"), STR("mine-1")},
	    {STR("traceparent"),
		STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"
		    "01")},
	    {STR("X-Own"), STR("kept")}};
	struct rig *r = rig_new(0);
	struct worker *w = worker_up(r, "w1", 4);
	struct client *c = ask_with(r, "GET", "/service/documents/ok", f,
	    COUNT_OF(f), NULL);
	const char *head = w->jobs[0].head;

	UNTIL(r, c->ended);
	assert_null(strstr(head, "6.6.6.6"));
	assert_null(strstr(head, "evil"));
	assert_true(has(head,
	    "forwarded: for=127.0.0.1;host=\"localhost\";proto=http"));
	assert_true(has(head, "x-request-id: mine-1"));
	assert_true(has(head, "x-own: kept"));
	assert_true(has(head,
	    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-"
	    "b7ad6b7169203331-01"));
	assert_true(has(head, "via: 1.1 test"));
	assert_true(has(c->head, "x-request-id: mine-1"));
	rig_free(r);
}

static void
a_loop_is_refused(void **state UNUSED)
{
	struct http_field f[] = {{STR("Via"), STR("1.0 a, 1.1 test")}};
	struct rig *r = rig_new(0);
	struct client *c;

	(void)worker_up(r, "w1", 4);
	c = ask_with(r, "GET", "/service/documents/ok", f, 1, NULL);
	UNTIL(r, c->ended);
	assert_int_equal(c->status, 508);
	rig_free(r);
}

static void
nobody_there_is_503_with_a_reason(void **state UNUSED)
{
	struct rig *r = rig_new(0);
	struct client *c = ask(r, "GET", "/ok");

	UNTIL(r, c->ended);
	assert_int_equal(c->status, 503);
	assert_non_null(strcasestr(c->head, "retry-after: "));
	assert_non_null(strstr(buf_cstr(&c->body),
	    "No workers currently provide the 'document-processing' service"));
	rig_free(r);
}

/* Both workers may get it first; whoever does dies. */
static void
a_get_is_sent_again_to_another_worker(void **state UNUSED)
{
	struct rig *r = rig_new(0);
	struct worker *a = worker_up(r, "w1", 4);
	struct worker *b = worker_up(r, "w2", 4);
	struct client *c = ask(r, "GET", "/hang");
	struct worker *second;

	UNTIL(r, a->n_jobs + b->n_jobs == 1);
	second = a->n_jobs == 1 ? b : a;
	h2_close((a->n_jobs == 1 ? a : b)->h2);
	UNTIL(r, second->n_jobs == 1);
	answer(&second->jobs[0], 200, "second", false);
	UNTIL(r, c->ended);
	assert_int_equal(c->status, 200);
	assert_string_equal(buf_cstr(&c->body), "second");
	rig_free(r);
}

static void
a_post_is_never_sent_twice(void **state UNUSED)
{
	struct rig *r = rig_new(0);
	struct worker *a = worker_up(r, "w1", 4);
	struct worker *b = worker_up(r, "w2", 4);
	struct client *c = ask(r, "POST", "/die");

	UNTIL(r, c->ended);
	assert_int_equal(c->status, 502);
	assert_non_null(strstr(buf_cstr(&c->body), "\"may_have_run\":true"));
	assert_int_equal(a->n_jobs + b->n_jobs, 1);
	rig_free(r);
}

static void
a_body_cut_short_is_seen(void **state UNUSED)
{
	struct rig *r = rig_new(0);
	struct worker *w = worker_up(r, "w1", 4);
	struct client *c = ask(r, "GET", "/events");

	UNTIL(r, c->body.n > 0);
	h2_close(w->h2);
	UNTIL(r, c->failed);
	assert_false(c->ended);
	assert_non_null(strstr(buf_cstr(&c->body), "event: error"));
	rig_free(r);
}

static void
a_client_that_leaves_cancels_the_work(void **state UNUSED)
{
	struct rig *r = rig_new(0);
	struct worker *w = worker_up(r, "w1", 4);
	struct client *c = ask(r, "GET", "/events");
	int64_t from;

	UNTIL(r, c->body.n > 0);
	from = loop_now_ms(r->loop);
	client_close(c);
	UNTIL(r, w->jobs[0].failed);
	assert_true(loop_now_ms(r->loop) - from <= 100);
	rig_free(r);
}

static void
requests_wait_for_a_place_in_turn(void **state UNUSED)
{
	struct rig *r = rig_new(1);
	struct worker *w = worker_up(r, "w1", 1);
	struct client *a = ask(r, "GET", "/hang"), *b, *c;

	UNTIL(r, w->n_jobs == 1);
	b = ask(r, "GET", "/hang");
	UNTIL(r, proxy_waiting(r->co->proxy, SERVICE_DOCUMENTS) == 1);
	c = ask(r, "GET", "/hang"); /* one too many */
	UNTIL(r, c->ended);
	assert_int_equal(c->status, 503);
	assert_non_null(strcasestr(c->head, "retry-after: "));
	assert_int_equal(w->n_jobs, 1);
	answer(&w->jobs[0], 200, "1", false);
	UNTIL(r, a->ended && w->n_jobs == 2);
	answer(&w->jobs[1], 200, "2", false);
	UNTIL(r, b->ended);
	assert_string_equal(buf_cstr(&b->body), "2");
	rig_free(r);
}

static void
who_leaves_the_queue_is_forgotten(void **state UNUSED)
{
	struct rig *r = rig_new(4);
	struct worker *w = worker_up(r, "w1", 1);
	struct client *a = ask(r, "GET", "/hang"), *b;

	UNTIL(r, w->n_jobs == 1);
	b = ask(r, "GET", "/hang");
	UNTIL(r, proxy_waiting(r->co->proxy, SERVICE_DOCUMENTS) == 1);
	client_close(b);
	UNTIL(r, proxy_waiting(r->co->proxy, SERVICE_DOCUMENTS) == 0);
	answer(&w->jobs[0], 200, "1", false);
	UNTIL(r, a->ended);
	assert_int_equal(w->n_jobs, 1);
	rig_free(r);
}

static void
a_worker_that_comes_back_is_waited_for(void **state UNUSED)
{
	struct rig *r = rig_new(4);
	struct worker *w = worker_up(r, "w1", 4);
	struct client *c;

	h2_close(w->h2);
	UNTIL(r, w->over);
	UNTIL(r, links_find(r->co->links, STR("w1")) == NULL);
	c = ask(r, "GET", "/ok");
	UNTIL(r, proxy_waiting(r->co->proxy, SERVICE_DOCUMENTS) == 1);
	w = dial(r, "w1", "2");
	UNTIL(r, c->ended);
	assert_int_equal(c->status, 200);
	rig_free(r);
}

static void
silence_is_504(void **state UNUSED)
{
	struct rig *r = rig_new(0);
	struct client *c;

	(void)worker_up(r, "w1", 4);
	r->co->proxy->conf.first_byte_ms = 50;
	c = ask(r, "GET", "/hang");
	UNTIL(r, c->ended);
	assert_int_equal(c->status, 504);
	rig_free(r);
}

static void
an_upload_passes(void **state UNUSED)
{
	struct rig *r = rig_new(0);
	struct worker *w = worker_up(r, "w1", 4);
	struct client *c = ask(r, "POST", "/upload");

	UNTIL(r, c->ended);
	assert_int_equal(c->status, 200);
	assert_string_equal(buf_cstr(&c->body), "thanks");
	assert_int_equal(w->jobs[0].got, 4);
	rig_free(r);
}

static void
a_websocket_passes(void **state UNUSED)
{
	struct http_field f[] = {{STR("Sec-WebSocket-Key"),
				     STR("dGhlIHNhbXBsZSBub25jZQ==")},
	    {STR("Sec-WebSocket-Version"), STR("13")}};
	struct rig *r = rig_new(0);
	struct worker *w = worker_up(r, "w1", 4);
	struct client *c = ask_with(r, "GET", "/service/documents/echo", f, 2,
	    NULL);

	UNTIL(r, c->status != 0);
	assert_int_equal(c->status, 101);
	assert_string_equal(c->upgrade, "websocket");
	assert_true(
	    has(c->head, "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
	assert_int_equal(stream_write(c->s, "ping", 4), 4);
	UNTIL(r, c->body.n == 4);
	assert_string_equal(buf_cstr(&c->body), "ping");
	client_close(c);
	UNTIL(r, w->jobs[0].failed || w->jobs[0].ended);
	rig_free(r);
}

static void
the_later_epoch_wins(void **state UNUSED)
{
	struct rig *r = rig_new(0);
	struct worker *a = worker_up(r, "w1", 4), *b, *c;

	b = dial(r, "w1", "1");
	UNTIL(r, b->refused != 0);
	assert_int_equal(b->refused, 409);
	assert_false(a->over);
	c = dial(r, "w1", "2");
	UNTIL(r, c->h2 != NULL && a->over);
	assert_int_equal(link_epoch(links_find(r->co->links, STR("w1"))), 2);
	assert_non_null(registry_find(&r->co->registry, STR("w1"))->link);
	rig_free(r);
}

static void
an_unknown_worker_is_told_so(void **state UNUSED)
{
	struct rig *r = rig_new(0);
	struct worker *w = dial(r, "stranger", "1");

	UNTIL(r, w->refused != 0);
	assert_int_equal(w->refused, 404);
	rig_free(r);
}

const struct CMUnitTest proxy_tests[] = {
    cmocka_unit_test(a_request_goes_to_the_worker_and_back),
    cmocka_unit_test(claims_of_identity_are_replaced),
    cmocka_unit_test(a_loop_is_refused),
    cmocka_unit_test(nobody_there_is_503_with_a_reason),
    cmocka_unit_test(a_get_is_sent_again_to_another_worker),
    cmocka_unit_test(a_post_is_never_sent_twice),
    cmocka_unit_test(a_body_cut_short_is_seen),
    cmocka_unit_test(a_client_that_leaves_cancels_the_work),
    cmocka_unit_test(requests_wait_for_a_place_in_turn),
    cmocka_unit_test(who_leaves_the_queue_is_forgotten),
    cmocka_unit_test(a_worker_that_comes_back_is_waited_for),
    cmocka_unit_test(silence_is_504),
    cmocka_unit_test(an_upload_passes),
    cmocka_unit_test(a_websocket_passes),
    cmocka_unit_test(the_later_epoch_wins),
    cmocka_unit_test(an_unknown_worker_is_told_so),
};
const size_t proxy_tests_count = COUNT_OF(proxy_tests);
