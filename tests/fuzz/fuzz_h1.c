/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary bytes into the server side of HTTP/1.1. The first byte says where
 * they are cut in two. The handler echoes, so that both directions run, and
 * what was understood must be well-formed.
 */
#include "echo.h"

#include "net/h1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_request(void *owner, struct stream *s, const struct http_head *h)
{
	assert(http_is_target(h->target));
	for (size_t i = 0; i < h->n_fields; i++)
		assert(http_is_name(h->fields[i].name)); /* without '_' */
	echo_on_request(owner, s, h);
}

static void
on_closed(void *owner)
{
	*(int *)owner = 1;
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
