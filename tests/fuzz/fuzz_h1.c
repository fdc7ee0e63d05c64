/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary bytes into the server side of HTTP/1.1. The first byte says where
 * they are cut in two. The handler echoes, so that both directions run, and
 * what was understood must be well-formed.
 */
#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static void
on_request(void *owner, struct stream *s, const struct http_head *h)
{
	struct http_head answer = {.status = 200, .content_length = -1};
	struct echo *e = xcalloc(1, sizeof(*e));

	(void)owner;
	assert(http_is_token(h->method) && http_is_target(h->target));
	for (size_t i = 0; i < h->n_fields; i++)
		assert(http_is_name(h->fields[i].name) &&
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
on_closed(void *owner)
{
	*(int *)owner = 1;
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *l; /* one for all: making it is most of the time */
	struct h1_server *h1;
	int closed = 0;
	int fds[2];
	size_t cut;

	if (size < 1 || size > 60000)
		return 0;
	if (l == NULL)
		l = loop_new();
	cut = (size_t)data[0] * (size - 1) / 255;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		fds) < 0)
		return 0;
	h1 = h1_serve(l, sock_from_fd(l, fds[0], NULL), NULL, on_request,
	    on_closed, &closed);
	if (cut > 0 && send(fds[1], data + 1, cut, MSG_NOSIGNAL) > 0)
		turns(l, 2, fds[1]);
	if (send(fds[1], data + 1 + cut, size - 1 - cut, MSG_NOSIGNAL) > 0)
		turns(l, 3, fds[1]);
	close(fds[1]);
	loop_turn(l, false);
	if (closed == 0)
		h1_server_close(h1);
	while (closed == 0)
		loop_turn(l, false);
	return 0;
}
