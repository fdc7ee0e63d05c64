/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets of a transport share: an owner that sends back what it
 * gets, and turns of a loop whose peer reads everything away. */
#ifndef FUZZ_ECHO_H
#define FUZZ_ECHO_H

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/loop.h"
#include "net/stream.h"

struct echo {
	struct stream *s;
};

static void
echo_on_body(void *owner, const uint8_t *p, size_t n)
{
	struct echo *e = owner;

	(void)stream_write(e->s, p, n);
	stream_consumed(e->s, n);
}

static void
echo_close(struct echo *e)
{
	stream_close(e->s);
	free(e);
}

static void
echo_on_end(void *owner)
{
	struct echo *e = owner;

	stream_end(e->s);
	echo_close(e);
}

static void
echo_on_fail(void *owner, const struct err *why)
{
	assert(why->code != ERR_OK);
	echo_close(owner);
}

static const struct stream_sink echo_sink = {
    .on_body = echo_on_body,
    .on_end = echo_on_end,
    .on_fail = echo_on_fail,
};

/* What a transport understood must be well-formed. */
static void
echo_on_request(void *owner UNUSED, struct stream *s, const struct http_head *h)
{
	struct http_head answer = {.status = 200, .content_length = -1};
	struct echo *e = xcalloc(1, sizeof(*e));

	assert(http_is_token(h->method));
	for (size_t i = 0; i < h->n_fields; i++)
		assert(http_is_token(h->fields[i].name) &&
		    http_is_value(h->fields[i].value));
	e->s = s;
	stream_own(s, &echo_sink, e);
	if (h->upgrade.n > 0) {
		answer.status = 101;
		answer.upgrade = h->upgrade;
	}
	stream_send_head(s, &answer);
}

static void
turns(struct loop *l, int n, int fd)
{
	static char sink[65536];

	while (n-- > 0) {
		loop_turn(l, false);
		while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
	}
}

#endif
