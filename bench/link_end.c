/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_end URL WORKER_ID SERVICE: a worker that does no work. It registers,
 * links, says that the service is ready, and answers as answers.h says.
 */
#include <stdio.h>
#include <stdlib.h>

#include "answers.h"
#include "base/mem.h"
#include "net/httpc.h"
#include "worker/link.h"

enum {
	BEAT_MS = 10 * 1000
};

struct end {
	struct loop *loop;
	struct addr to;
	const char *host, *id, *service;
	struct link link;
	struct timer beat;
};

static void
on_request(void *owner, struct stream *s, const struct http_head *head)
{
	struct end *e = owner;

	answer_request(e->loop, s, head);
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

	const struct httpc_ask ask = {.to = &e->to,
	    .head = &head,
	    .body = str_of(json),
	    .max = 65536,
	    .timeout_ms = 5000};

	(void)httpc_request(e->loop, &ask, done, e);
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
