/* SPDX-License-Identifier: Apache-2.0 */
#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

enum {
	EVENT_MS = 100,
	EVENTS = 50
};

struct job {
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

void
answer_request(void *owner, struct stream *s, const struct http_head *head)
{
	struct http_field type = {STR("content-type"),
	    STR("text/event-stream")};
	const struct http_head events = {.status = 200,
	    .fields = &type,
	    .n_fields = 1,
	    .content_length = -1};
	struct loop *l = owner;
	struct job *j;

	if (str_ends(head->target, "/events")) {
		j = xcalloc(1, sizeof(*j));
		j->s = s;
		j->left = EVENTS;
		stream_own(s, &job_sink, j);
		stream_send_head(s, &events);
		timer_init(&j->timer, l, job_on_timer, j);
		timer_set(&j->timer, rand() % EVENT_MS);
		return;
	}
	j = xcalloc(1, sizeof(*j));
	j->s = s;
	stream_own(s, &job_sink, j);
	if (head->no_body) {
		answer_ok(s);
		job_end(j);
	}
}
