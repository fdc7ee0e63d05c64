/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary frames into an HTTP/2 session. The lowest bit of the first byte is
 * our role, the others say where the bytes are cut in two. As the server we
 * echo; as the client we have two requests under way.
 */
#include "echo.h"

#include "net/h2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/* SETTINGS of the peer, the first frame either way */
static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};

static void
on_over(void *owner, const struct err *why)
{
	assert(why == NULL || why->code != ERR_OK);
	*(int *)owner = 1;
}

static void
on_answer(void *owner UNUSED, const struct http_head *h)
{
	assert(h->status >= 100 && h->status <= 999);
	for (size_t i = 0; i < h->n_fields; i++)
		assert(http_is_value(h->fields[i].value));
}

static void
on_trailers(void *owner UNUSED, const struct http_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert(http_is_value(f[i].value));
}

static const struct stream_sink asking_sink = {
    .on_head = on_answer,
    .on_body = echo_on_body,
    .on_trailers = on_trailers,
    .on_end = echo_on_end,
    .on_fail = echo_on_fail,
};

static void
ask(struct h2 *h2, bool body)
{
	const struct http_head head = {.method = STR("POST"),
	    .target = STR("/x"),
	    .authority = STR("h"),
	    .scheme = STR("http"),
	    .content_length = -1,
	    .no_body = !body};
	struct echo *e = xcalloc(1, sizeof(*e));
	struct err err;

	e->s = h2_open(h2, &asking_sink, e, &err);
	if (e->s == NULL) {
		free(e);
		return;
	}
	stream_send_head(e->s, &head);
}

static void
give(struct loop *l, int fd, const void *p, size_t n)
{
	if (n > 0 && send(fd, p, n, MSG_NOSIGNAL) > 0)
		turns(l, 3, fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *l; /* one for all: making it is most of the time */
	struct h2_conf conf = {.on_request = echo_on_request,
	    .on_closed = on_over};
	struct h2 *h2;
	int over = 0;
	int fds[2];
	size_t cut;

	if (size < 1 || size > 60000)
		return 0;
	if (l == NULL)
		l = loop_new();
	cut = (size_t)data[0] * (size - 1) / 255;
	conf.server = (data[0] & 1) != 0;
	conf.owner = &over;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		fds) < 0)
		return 0;
	h2 = h2_new(l, sock_from_fd(l, fds[0], NULL), &conf);
	if (conf.server)
		give(l, fds[1], preface, sizeof(preface) - 1);
	give(l, fds[1], settings, sizeof(settings));
	if (!conf.server && over == 0) {
		ask(h2, false);
		ask(h2, true);
	}
	give(l, fds[1], data + 1, cut);
	give(l, fds[1], data + 1 + cut, size - 1 - cut);
	close(fds[1]);
	loop_turn(l, false);
	if (over == 0)
		h2_close(h2);
	while (over == 0)
		loop_turn(l, false);
	loop_turn(l, false);
	return 0;
}
