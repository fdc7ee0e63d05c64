/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_end URL WORKER_ID SERVICE: a worker that does no work, so that the
 * coordinator alone is measured. It registers, links, says that the service is
 * ready, and answers from memory:
 *
 *   /ok       200 "ok"
 *   /events   server-sent events for 5 s, 10 per second; the data of each is
 *             CLOCK_MONOTONIC in nanoseconds at sending
 *   a body    taken and thrown away, then 200 "ok"
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/httpc.h"
#include "worker/link.h"

enum {
	EVENT_MS = 100,
	EVENTS = 50,
	BEAT_MS = 10 * 1000
};

struct end {
	struct loop *loop;
	struct addr to;
	const char *host, *id, *service;
	struct link link;
	struct timer beat;
};

struct job {
	struct end *end;
	struct stream *s;
	struct timer timer;
	unsigned left;
	char line[64];
};

static void
job_end(struct job *j)
{
	if (j->left > 0)
		timer_clear(&j->timer);
	stream_close(j->s);
	free(j);
}

static void
answer_ok(struct stream *s)
{
	struct http_field type = {STR("content-type"), STR("text/plain")};
	const struct http_head head = {.status = 200,
	    .fields = &type,
	    .n_fields = 1,
	    .content_length = 2};

	stream_send_head(s, &head);
	(void)stream_write(s, "ok", 2);
	stream_end(s);
}

static void
job_on_body(void *owner, const uint8_t *p UNUSED, size_t n)
{
	struct job *j = owner;

	stream_consumed(j->s, n);
}

static void
job_on_room(void *owner UNUSED)
{
}

static void
job_on_end(void *owner)
{
	struct job *j = owner;

	if (j->left > 0)
		return;
	answer_ok(j->s);
	job_end(j);
}

static void
job_on_fail(void *owner, const struct err *why UNUSED)
{
	job_end(owner);
}

static const struct stream_sink job_sink = {
    .on_body = job_on_body,
    .on_room = job_on_room,
    .on_end = job_on_end,
    .on_fail = job_on_fail,
};

static void
job_on_timer(void *arg)
{
	struct job *j = arg;
	struct timespec t;
	int n;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	n = snprintf(j->line, sizeof(j->line), "data: %lld\n\n",
	    (long long)t.tv_sec * 1000000000 + t.tv_nsec);
	(void)stream_write(j->s, j->line, (size_t)n);
	if (--j->left == 0) {
		stream_end(j->s);
		job_end(j);
		return;
	}
	timer_set(&j->timer, EVENT_MS);
}

static void
on_request(void *owner, struct stream *s, const struct http_head *head)
{
	struct http_field type = {STR("content-type"),
	    STR("text/event-stream")};
	const struct http_head events = {.status = 200,
	    .fields = &type,
	    .n_fields = 1,
	    .content_length = -1};
	struct end *e = owner;
	struct job *j;

	if (str_ends(head->target, "/events")) {
		j = xcalloc(1, sizeof(*j));
		j->end = e;
		j->s = s;
		j->left = EVENTS;
		stream_own(s, &job_sink, j);
		stream_send_head(s, &events);
		timer_init(&j->timer, e->loop, job_on_timer, j);
		timer_set(&j->timer, rand() % EVENT_MS);
		return;
	}
	j = xcalloc(1, sizeof(*j));
	j->end = e;
	j->s = s;
	stream_own(s, &job_sink, j);
	if (head->no_body) {
		answer_ok(s);
		job_end(j);
	}
}

static void
post(struct end *e, const char *target, const char *json, httpc_done_fn *done)
{
	struct http_field type = {STR("content-type"), STR("application/json")};
	const struct http_head head = {.method = STR("POST"),
	    .target = str_of(target),
	    .authority = str_of(e->host),
	    .scheme = STR("http"),
	    .fields = &type,
	    .n_fields = 1};

	(void)httpc_request(e->loop, &e->to, &head, str_of(json), 65536, 5000,
	    done, e);
}

static void
beat_done(void *owner, int status, struct str body, const struct err *why)
{
	struct end *e = owner;

	if (why != NULL || status != 200)
		fprintf(stderr, "heartbeat: %d %s %.*s\n", status,
		    why != NULL ? why->msg : "", STR_ARG(body));
	timer_set(&e->beat, BEAT_MS);
}

static void
on_beat(void *arg)
{
	struct end *e = arg;
	char json[512];

	(void)snprintf(json, sizeof(json),
	    "{\"worker_id\":\"%s\",\"status\":\"healthy\",\"current_load\":0.1,"
	    "\"services_status\":{\"%s\":{\"state\":\"ready\"}}}",
	    e->id, e->service);
	post(e, "/api/worker/heartbeat", json, beat_done);
}

static void
registered(void *owner, int status, struct str body, const struct err *why)
{
	struct end *e = owner;

	if (why != NULL || status != 200) {
		fprintf(stderr, "register: %d %s %.*s\n", status,
		    why != NULL ? why->msg : "", STR_ARG(body));
		exit(1);
	}
	link_start(&e->link);
}

static void
on_link(void *owner, enum link_event what, const struct err *why)
{
	struct end *e = owner;

	if (what == LINK_UP)
		timer_set(&e->beat, 0);
	else
		fprintf(stderr, "link: %s\n", why != NULL ? why->msg : "lost");
}

int
main(int argc, char **argv)
{
	struct end e = {0};
	struct link_conf conf;
	struct str host, rest;
	char json[512];

	if (argc != 4 || !str_starts(str_of(argv[1]), "http://")) {
		fprintf(stderr, "usage: link_end URL WORKER_ID SERVICE\n");
		return 2;
	}
	rest = str_of(argv[1] + 7);
	host = str_cut(&rest, '/');
	e.host = xstrndup(host.p, host.n);
	e.id = argv[2];
	e.service = argv[3];
	if (addr_parse(str_of(e.host), &e.to, NULL) < 0) {
		fprintf(stderr, "link_end: '%s' is no address\n", e.host);
		return 2;
	}
	e.loop = loop_new();
	conf = (struct link_conf){.loop = e.loop,
	    .to = e.to,
	    .host = e.host,
	    .worker_id = e.id,
	    .on_request = on_request,
	    .on_event = on_link,
	    .owner = &e};
	link_init(&e.link, &conf);
	timer_init(&e.beat, e.loop, on_beat, &e);
	(void)snprintf(json, sizeof(json),
	    "{\"worker_id\":\"%s\",\"tunnel_url\":\"\",\"link\":true,"
	    "\"capabilities\":{\"worker_type\":\"cpu\",\"cpu_cores\":1024,"
	    "\"ram\":\"64GB\"}}",
	    e.id);
	post(&e, "/api/worker/register", json, registered);
	loop_run(e.loop);
	return 0;
}
