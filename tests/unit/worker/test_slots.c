/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests over a link to a service on a unix socket: an HTTP/2 client, the
 * worker's slots and a small HTTP/1.1 service, in one loop.
 */
#include "unit/unit.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/h2.h"
#include "net/httpd.h"
#include "worker/slots.h"

extern const struct CMUnitTest slots_tests[];
extern const size_t slots_tests_count;

struct rig;

struct held { /* a request that the service has not answered */
	struct rig *rig;
	struct stream *s;
	bool failed;
};

struct answer {
	struct rig *rig;
	struct stream *s;
	int status;
	bool ended, failed;
	bool retry_after;
	char body[512];
};

struct rig {
	struct loop *loop;
	struct h2 *client, *server;
	struct slots slots;
	struct httpd *service;
	struct addr at;
	bool ready, timed_out, service_gone;
	unsigned over;
	struct held held[8];
	size_t n_held;
	char target[256], who[64];
	bool traced;
	struct answer a[8];
	size_t n_a;
	struct timer late;
	char dir[64];
};

#define UNTIL(r, condition)                                        \
	do {                                                       \
		while (!(condition)) {                             \
			loop_turn((r)->loop, true);                \
			if ((r)->timed_out)                        \
				fail_msg("too late: " #condition); \
		}                                                  \
	} while (0)

static void
too_late(void *arg)
{
	((struct rig *)arg)->timed_out = true;
}

/* --- the service ---------------------------------------------------------- */

static void
held_on_body(void *owner, const uint8_t *p UNUSED, size_t n)
{
	stream_consumed(((struct held *)owner)->s, n);
}

static void
held_on_nothing(void *owner UNUSED)
{
}

static void
held_on_fail(void *owner, const struct err *why UNUSED)
{
	struct held *h = owner;

	h->failed = true;
	stream_close(h->s);
	h->s = NULL;
}

static const struct stream_sink held_sink = {
    .on_body = held_on_body,
    .on_end = held_on_nothing,
    .on_room = held_on_nothing,
    .on_fail = held_on_fail,
};

static void
serve(void *owner, struct stream *s, const struct http_head *head)
{
	struct rig *r = owner;
	struct held *h;

	const struct str *v = http_get(head, "x-forwarded-for");

	(void)str_copy(r->who, sizeof(r->who), v != NULL ? *v : STR("?"));
	r->traced = http_get(head, "traceparent") != NULL;
	(void)str_copy(r->target, sizeof(r->target), head->target);
	if (str_starts(head->target, "/hold")) {
		h = &r->held[r->n_held++];
		*h = (struct held){.rig = r, .s = s};
		stream_own(s, &held_sink, h);
		return;
	}
	reply_bytes(s, 200, "text/plain", NULL, 0, STR("served"));
}

static const struct addr *
addr_of(void *owner, enum service_id id)
{
	struct rig *r = owner;

	return r->ready && id == SERVICE_OCR ? &r->at : NULL;
}

static const char *
reason_of(void *owner UNUSED, enum service_id id UNUSED)
{
	return "it is being started";
}

/* --- the coordinator's side ----------------------------------------------- */

static void
on_request(void *owner, struct stream *s, const struct http_head *head)
{
	struct rig *r = owner;

	slots_request(&r->slots, s, head);
}

static void
link_over(void *owner, const struct err *why UNUSED)
{
	((struct rig *)owner)->over++;
}

static void
a_on_head(void *owner, const struct http_head *h)
{
	struct answer *a = owner;

	a->status = h->status;
	a->retry_after = http_get(h, "retry-after") != NULL;
}

static void
a_on_body(void *owner, const uint8_t *p, size_t n)
{
	struct answer *a = owner;

	(void)str_copy(a->body, sizeof(a->body),
	    (struct str){(const char *)p, n});
	stream_consumed(a->s, n);
}

static void
a_on_room(void *owner UNUSED)
{
}

static void
a_close(struct answer *a)
{
	if (a->s != NULL)
		stream_close(a->s);
	a->s = NULL;
}

static void
a_on_end(void *owner)
{
	((struct answer *)owner)->ended = true;
}

static void
a_on_fail(void *owner, const struct err *why UNUSED)
{
	struct answer *a = owner;

	a->failed = true;
	a_close(a);
}

static const struct stream_sink a_sink = {
    .on_head = a_on_head,
    .on_body = a_on_body,
    .on_room = a_on_room,
    .on_end = a_on_end,
    .on_fail = a_on_fail,
};

static struct answer *
ask(struct rig *r, const char *target)
{
	struct http_field f = {STR("forwarded"),
	    STR("for=\"[2001:db8::1]\";host=\"h\";proto=http")};
	struct answer *a = &r->a[r->n_a++];

	*a = (struct answer){.rig = r};
	a->s = h2_open(r->client, &a_sink, a, NULL);
	stream_send_head(a->s,
	    &(struct http_head){.method = STR("GET"),
		.target = str_of(target),
		.authority = STR("x"),
		.fields = &f,
		.n_fields = 1,
		.content_length = -1,
		.no_body = true});
	return a;
}

/* --- the rig -------------------------------------------------------------- */

static struct rig *
rig_new(unsigned concurrency, unsigned waiting)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	struct h2_conf client = {.on_closed = link_over, .owner = r};
	struct h2_conf server = {.server = true,
	    .on_request = on_request,
	    .on_closed = link_over,
	    .owner = r};
	struct httpd_conf service = {.on_request = serve, .owner = r};
	struct slots_conf slots = {.addr = addr_of,
	    .reason = reason_of,
	    .owner = r,
	    .concurrency = concurrency,
	    .waiting = waiting};
	char text[128];
	int fd[2];

	r->loop = slots.loop = loop_new();
	timer_init(&r->late, r->loop, too_late, r);
	timer_set(&r->late, 20000);
	(void)str_fmt(r->dir, sizeof(r->dir), "/tmp/slots-%d-%lld",
	    (int)getpid(), (long long)clock_us());
	assert_int_equal(mkdir(r->dir, 0700), 0);
	(void)str_fmt(text, sizeof(text), "unix:%s/s", r->dir);
	assert_int_equal(addr_parse(str_of(text), &r->at, NULL), 0);
	r->service = httpd_new(r->loop, &r->at, &service, NULL);
	assert_non_null(r->service);
	slots_init(&r->slots, &slots);
	r->ready = true;
	assert_int_equal(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd),
	    0);
	r->client = h2_new(r->loop, sock_from_fd(r->loop, fd[0], NULL),
	    &client);
	r->server = h2_new(r->loop, sock_from_fd(r->loop, fd[1], NULL),
	    &server);
	return r;
}

static void
on_service_gone(void *arg)
{
	((struct rig *)arg)->service_gone = true;
}

static void
rig_free(struct rig *r)
{
	for (size_t i = 0; i < r->n_a; i++)
		a_close(&r->a[i]);
	for (size_t i = 0; i < r->n_held; i++)
		if (r->held[i].s != NULL)
			stream_close(r->held[i].s);
	slots_fini(&r->slots);
	h2_close(r->client);
	h2_close(r->server);
	httpd_close(r->service, 10, on_service_gone, r);
	UNTIL(r, r->over == 2 && r->service_gone);
	for (int i = 0; i < 20; i++)
		loop_turn(r->loop, false);
	timer_clear(&r->late);
	(void)rmdir(r->dir);
	loop_free(r->loop);
	free(r);
}

static void
the_service_sees_its_own_path(void **state UNUSED)
{
	struct rig *r = rig_new(0, 0);
	struct answer *a = ask(r, "/service/vision-ocr/a/b?c=%2Fd");

	UNTIL(r, a->ended);
	assert_int_equal(a->status, 200);
	assert_string_equal(a->body, "served");
	assert_string_equal(r->target, "/a/b?c=%2Fd");
	assert_string_equal(r->who, "2001:db8::1");
	assert_true(r->traced);
	a = ask(r, "/service/ocr");
	UNTIL(r, a->ended);
	assert_string_equal(r->target, "/");
	rig_free(r);
}

static void
a_service_that_is_not_ready_says_so_at_once(void **state UNUSED)
{
	struct rig *r = rig_new(0, 0);
	struct answer *a;

	r->ready = false;
	a = ask(r, "/service/ocr/process");
	UNTIL(r, a->ended);
	assert_int_equal(a->status, 503);
	assert_true(a->retry_after);
	assert_non_null(strstr(a->body, "it is being started"));
	rig_free(r);
}

static void
an_unknown_service_is_404(void **state UNUSED)
{
	struct rig *r = rig_new(0, 0);
	struct answer *a = ask(r, "/service/nonsense/process");

	UNTIL(r, a->ended);
	assert_int_equal(a->status, 404);
	rig_free(r);
}

static void
requests_wait_for_a_slot_within_bounds(void **state UNUSED)
{
	struct rig *r = rig_new(1, 1);
	struct answer *a = ask(r, "/service/ocr/hold"), *b, *c;

	UNTIL(r, r->n_held == 1);
	b = ask(r, "/service/ocr/second");
	UNTIL(r, slots_active(&r->slots) == 2);
	c = ask(r, "/service/ocr/third");
	UNTIL(r, c->ended);
	assert_int_equal(c->status, 503);
	assert_true(c->retry_after);
	assert_false(b->ended);
	reply_bytes(r->held[0].s, 200, "text/plain", NULL, 0, STR("first"));
	r->held[0].s = NULL;
	UNTIL(r, a->ended && b->ended);
	assert_string_equal(a->body, "first");
	assert_string_equal(b->body, "served");
	UNTIL(r, slots_active(&r->slots) == 0);
	rig_free(r);
}

/* The coordinator decides about a second try: no answer is made up. */
static void
a_service_that_dies_resets_the_stream(void **state UNUSED)
{
	struct rig *r = rig_new(0, 0);
	struct answer *a = ask(r, "/service/ocr/hold");

	UNTIL(r, r->n_held == 1);
	stream_close(r->held[0].s);
	r->held[0].s = NULL;
	UNTIL(r, a->failed);
	assert_int_equal(a->status, 0);
	rig_free(r);
}

static void
a_cancelled_request_is_cancelled_in_the_service(void **state UNUSED)
{
	struct rig *r = rig_new(0, 0);
	struct answer *a = ask(r, "/service/ocr/hold");

	UNTIL(r, r->n_held == 1);
	a_close(a);
	UNTIL(r, r->held[0].failed);
	assert_int_equal(slots_active(&r->slots), 0);
	rig_free(r);
}

const struct CMUnitTest slots_tests[] = {
    cmocka_unit_test(the_service_sees_its_own_path),
    cmocka_unit_test(a_service_that_is_not_ready_says_so_at_once),
    cmocka_unit_test(an_unknown_service_is_404),
    cmocka_unit_test(requests_wait_for_a_slot_within_bounds),
    cmocka_unit_test(a_service_that_dies_resets_the_stream),
    cmocka_unit_test(a_cancelled_request_is_cancelled_in_the_service),
};
const size_t slots_tests_count = COUNT_OF(slots_tests);
