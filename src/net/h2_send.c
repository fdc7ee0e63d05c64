/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that leave: the stream operations.
 *
 * A head or a body given outside of a receive callback is turned into frames
 * during the call, straight from the caller's memory; nothing is kept. Inside
 * one, heads are copied by nghttp2 and up to H2_HELD_MAX of body by us.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "net/h2_priv.h"

static struct h2_stream *
self(struct stream *base)
{
	CHECK_OBJ(base, STREAM_MAGIC);
	return CONTAINER_OF(base, struct h2_stream, base);
}

/* Dead to nghttp2, or about to be. */
static bool
is_mute(const struct h2_stream *s)
{
	return s->h == NULL || s->h->over || s->closed || s->id < 0;
}

static bool
may_borrow(const struct h2 *h)
{
	return !h->receiving && sock_queued(h->sock) <= H2_QUEUE_MAX;
}

/* --- heads --------------------------------------------------------------- */

/* Values that are new with every request would only push useful ones out of
 * the peer's table (RFC 7541 6.2.3 keeps them out). */
static bool
never_repeats(struct str name)
{
	switch (name.n) {
	case 11:
		return str_ieqz(name, "traceparent");
	case 12:
		return str_ieqz(name, "x-request-id");
	case 13:
		return str_ieqz(name, "authorization");
	case 15:
		return str_ieqz(name, "hearth-queue-ms") ||
		    str_ieqz(name, "idempotency-key");
	case 17:
		return str_ieqz(name, "sec-websocket-key");
	case 20:
		return str_ieqz(name, "sec-websocket-accept");
	default:
		return false;
	}
}

static bool
has_upper(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return true;
	return false;
}

/* HTTP/2 names are lower case. The buffer was given room for all of them, so
 * it does not move. */
static struct str
lowered(struct h2 *h, struct str name)
{
	size_t at = h->lower.n;
	char *p;

	if (!has_upper(name))
		return name;
	if (!buf_str(&h->lower, name))
		return (struct str){0};
	p = h->lower.p + at;
	for (size_t i = 0; i < name.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] - 'A' + 'a');
	return (struct str){p, name.n};
}

static void
nv_add(struct h2 *h, size_t *n, struct str name, struct str value,
    uint8_t flags)
{
	if (name.n == 0)
		return;
	h->nv[(*n)++] = (nghttp2_nv){
	    .name = (uint8_t *)(uintptr_t)name.p,
	    .value = (uint8_t *)(uintptr_t)(value.p != NULL ? value.p : ""),
	    .namelen = name.n,
	    .valuelen = value.n,
	    .flags = flags,
	};
}

static void
nv_reserve(struct h2 *h, const struct http_field *f, size_t n)
{
	size_t names = 0;

	if (h->nv_cap < n + 8) {
		h->nv_cap = n + 24;
		h->nv = xreallocarray(h->nv, h->nv_cap, sizeof *h->nv);
	}
	for (size_t i = 0; i < n; i++)
		names += f[i].name.n;
	buf_clear(&h->lower);
	if (buf_room(&h->lower, names) == NULL)
		buf_clear(&h->lower); /* over its maximum: names are dropped */
}

static void
nv_fields(struct h2 *h, size_t *at, const struct http_field *f, size_t n,
    uint8_t flags)
{
	/* Once in a while they are indexed all the same, so that their names
	 * stay in the table. */
	bool secret_now = h->n_heads++ % H2_PRIME_EVERY != 0;
	uint8_t secret;

	for (size_t i = 0; i < n; i++) {
		secret = secret_now && never_repeats(f[i].name)
		    ? NGHTTP2_NV_FLAG_NO_INDEX
		    : 0;
		nv_add(h, at, lowered(h, f[i].name), f[i].value,
		    (uint8_t)(flags | secret));
	}
}

/* digits has room for 24 bytes and outlives the head. */
static struct str
decimal(char *digits, uint64_t v)
{
	char *p = digits + 24;

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	return (struct str){p, (size_t)(digits + 24 - p)};
}

static void
nv_request(struct h2 *h, struct h2_stream *s, size_t *n,
    const struct http_head *head, uint8_t flags)
{
	struct str authority = head->authority;

	s->tunnel = head->upgrade.n != 0;
	nv_add(h, n, STR(":method"), s->tunnel ? STR("CONNECT") : head->method,
	    flags);
	if (s->tunnel)
		nv_add(h, n, STR(":protocol"), head->upgrade, flags);
	nv_add(h, n, STR(":scheme"),
	    head->scheme.n != 0 ? head->scheme : STR("http"), flags);
	nv_add(h, n, STR(":authority"),
	    authority.n != 0 ? authority : STR("localhost"), flags);
	nv_add(h, n, STR(":path"), head->target, flags);
}

/* Is the message complete with its head? */
static bool
bodiless(const struct h2_stream *s, const struct http_head *head)
{
	if (head->status != 0 && head->status < 200)
		return false;
	return !s->tunnel && (head->no_body || head->content_length == 0);
}

/* --- bodies -------------------------------------------------------------- */

static void
block(struct h2_stream *s)
{
	struct h2 *h = s->h;

	if (s->place != H2_NOWHERE)
		return; /* to be told: it will try again then */
	s->place = H2_BLOCKED;
	TAILQ_INSERT_TAIL(&h->blocked, s, place_entry);
}

static ssize_t
last_of_body(struct h2_stream *s, uint32_t *flags)
{
	size_t n = 0;

	s->out_last = true;
	s->out_done = true;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (s->orphan && !s->in_done) /* we want no more of the request */
		h2_reset_later(s, NGHTTP2_NO_ERROR);
	if (s->n_trailers == 0)
		return 0;
	nv_reserve(s->h, s->trailers, s->n_trailers);
	nv_fields(s->h, &n, s->trailers, s->n_trailers, NGHTTP2_NV_FLAG_NONE);
	if (nghttp2_submit_trailer(s->h->ng, s->id, s->h->nv, n) == 0)
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	return 0;
}

/* nghttp2 asks for the next piece; flow control was looked at already. */
static ssize_t
read_body(nghttp2_session *ng, int32_t id, uint8_t *out UNUSED, size_t max,
    uint32_t *flags, nghttp2_data_source *source UNUSED, void *user)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(ng, id);
	struct h2 *h;
	size_t n;

	CAST_OBJ(h, user, H2_MAGIC);
	if (s == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	n = s->held.n != 0 ? s->held.n : s->cur_n;
	if (n == 0 && s->out_done)
		return last_of_body(s, flags);
	if (n == 0 || sock_queued(h->sock) >= SOCK_HIGH_WATER) {
		s->deferred = true;
		if (n != 0)
			block(s);
		else if (s->want_room)
			h2_tell_later(s);
		return NGHTTP2_ERR_DEFERRED;
	}
	n = MIN_OF(n, max);
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (s->left != UINT64_MAX) {
		s->left -= MIN_OF(n, s->left);
		if (s->left == 0 && s->n_trailers == 0)
			(void)last_of_body(s, flags);
	}
	return (ssize_t)n;
}

static ssize_t
frame_length(nghttp2_session *ng UNUSED, uint8_t type UNUSED, int32_t id UNUSED,
    int32_t conn_window, int32_t stream_window, uint32_t frame_max,
    void *user UNUSED)
{
	int32_t n = MIN_OF(conn_window, stream_window);

	return MIN_OF((ssize_t)n, (ssize_t)MIN_OF(frame_max, H2_FRAME_MAX));
}

static int
send_data(nghttp2_session *ng, nghttp2_frame *f, const uint8_t *head, size_t n,
    nghttp2_data_source *source UNUSED, void *user)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(ng,
	    f->hd.stream_id);
	struct h2 *h;

	CAST_OBJ(h, user, H2_MAGIC);
	if (s == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	sock_write(h->sock, head, 9);
	if (s->held.n != 0) {
		assert(n <= s->held.n);
		sock_write(h->sock, s->held.p, n);
		buf_shift(&s->held, n);
		return 0;
	}
	assert(n <= s->cur_n);
	sock_write(h->sock, s->cur, n);
	s->cur += n;
	s->cur_n -= n;
	return 0;
}

static void
wake(struct h2_stream *s)
{
	if (!s->deferred)
		return;
	s->deferred = false;
	(void)nghttp2_session_resume_data(s->h->ng, s->id);
}

/* The sock has room again: everybody who waits for it, in turn. */
void
h2_unblock(struct h2 *h)
{
	struct h2_stream *s;

	while ((s = TAILQ_FIRST(&h->blocked)) != NULL) {
		TAILQ_REMOVE(&h->blocked, s, place_entry);
		s->place = H2_NOWHERE;
		wake(s);
		if (s->want_room)
			h2_tell_later(s);
	}
	h2_later(h);
}

/* --- the operations ------------------------------------------------------ */

static void
fail_later(struct h2_stream *s, uint32_t code)
{
	s->failing = true;
	s->fail_code = code;
	h2_tell_later(s);
}

static int
submit(struct h2_stream *s, const struct http_head *head, size_t n)
{
	nghttp2_data_provider prd = {.read_callback = read_body};
	nghttp2_data_provider *body = bodiless(s, head) ? NULL : &prd;
	struct h2 *h = s->h;
	int rv;

	if (h->conf.server && head->status < 200 && !s->tunnel)
		return nghttp2_submit_headers(h->ng, NGHTTP2_FLAG_NONE, s->id,
		    NULL, h->nv, n, NULL);
	s->head_sent = true;
	s->out_done = s->out_last = body == NULL;
	if (head->content_length > 0 && !s->tunnel)
		s->left = (uint64_t)head->content_length;
	if (h->conf.server)
		return nghttp2_submit_response(h->ng, s->id, h->nv, n, body);
	rv = nghttp2_submit_request(h->ng, NULL, h->nv, n, body, s);
	if (rv > 0)
		s->id = rv;
	if (rv > H2_LAST_ID)
		h2_going_away(h);
	return rv;
}

static void
op_send_head(struct stream *base, const struct http_head *head)
{
	struct h2_stream *s = self(base);
	char status[24], length[24];
	struct h2 *h = s->h;
	uint8_t flags = 0;
	bool interim;
	size_t n = 0;

	if (h == NULL || h->over || s->closed)
		return;
	assert(!s->head_sent);
	if (may_borrow(h))
		flags = NGHTTP2_NV_FLAG_NO_COPY_NAME |
		    NGHTTP2_NV_FLAG_NO_COPY_VALUE;
	nv_reserve(h, head->fields, head->n_fields);
	if (head->status == 0) {
		nv_request(h, s, &n, head, flags);
	} else {
		if (head->status >= 200)
			s->tunnel = false;
		nv_add(h, &n, STR(":status"),
		    decimal(status,
			s->tunnel && head->status == 101
			    ? 200
			    : (uint64_t)head->status),
		    flags);
	}
	nv_fields(h, &n, head->fields, head->n_fields, flags);
	interim = head->status != 0 && head->status < 200;
	/* RFC 9110 8.6: none in a 204, and peers reset the stream over it. */
	if (head->content_length >= 0 && !s->tunnel && !interim &&
	    head->status != 204)
		nv_add(h, &n, STR("content-length"),
		    decimal(length, (uint64_t)head->content_length), flags);
	if (submit(s, head, n) < 0)
		fail_later(s, NGHTTP2_REFUSED_STREAM);
	h2_flush(h);
}

/* Inside a receive callback nothing can be sent: a little is held. */
static size_t
hold(struct h2_stream *s, const uint8_t *p, size_t n)
{
	size_t room = H2_HELD_MAX - MIN_OF(s->held.n, (size_t)H2_HELD_MAX);

	n = MIN_OF(n, room);
	if (n != 0 && buf_add(&s->held, p, n))
		wake(s);
	h2_later(s->h);
	return n;
}

static size_t
op_write(struct stream *base, const uint8_t *p, size_t n)
{
	struct h2_stream *s = self(base);
	struct h2 *h = s->h;
	size_t took;

	if (is_mute(s) || n == 0)
		return 0;
	assert(s->head_sent);
	if (s->out_done)
		return n; /* beyond the end: dropped */
	if (h->receiving) {
		took = hold(s, p, n);
	} else {
		if (s->held.n != 0)
			h2_flush(h);
		if (s->held.n == 0 && sock_queued(h->sock) < SOCK_HIGH_WATER) {
			s->cur = p;
			s->cur_n = n;
			wake(s);
			h2_flush(h);
			n -= s->cur_n;
			took = n;
			n += s->cur_n;
			s->cur = NULL;
			s->cur_n = 0;
		} else {
			took = 0;
		}
	}
	if (took < n && !is_mute(s)) {
		s->want_room = true;
		if (h->receiving)
			h2_tell_later(s);
		else if (sock_queued(h->sock) >= SOCK_HIGH_WATER)
			block(s);
	}
	return took;
}

static void
op_end(struct stream *base, const struct http_field *trailers, size_t n)
{
	struct h2_stream *s = self(base);

	if (is_mute(s) || s->out_done)
		return;
	if (s->left != UINT64_MAX && s->left > s->held.n) {
		/* Shorter than promised: never a clean end. */
		(void)nghttp2_submit_rst_stream(s->h->ng, NGHTTP2_FLAG_NONE,
		    s->id, NGHTTP2_INTERNAL_ERROR);
		h2_flush(s->h);
		return;
	}
	s->out_done = true;
	if (n != 0) {
		s->trailers = arena_alloc(&s->trailer_mem,
		    n * sizeof *trailers);
		for (size_t i = 0; i < n; i++) {
			s->trailers[i].name = arena_str(&s->trailer_mem,
			    trailers[i].name);
			s->trailers[i].value = arena_str(&s->trailer_mem,
			    trailers[i].value);
		}
		s->n_trailers = n;
	}
	wake(s);
	h2_flush(s->h);
}

static void
op_consumed(struct stream *base, size_t n)
{
	struct h2_stream *s = self(base);

	if (is_mute(s) || s->in_done || n == 0)
		return;
	if (nghttp2_session_consume_stream(s->h->ng, s->id, n) == 0)
		h2_later(s->h);
}

static uint32_t
reset_code(const struct h2_stream *s)
{
	if (s->out_last)
		return s->h->conf.server ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL;
	return s->h->conf.server ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_CANCEL;
}

static void
op_close(struct stream *base)
{
	struct h2_stream *s = self(base);
	struct h2 *h = s->h;
	uint32_t code;

	if (is_mute(s)) {
		h2_stream_free(s);
		return;
	}
	if (h->conf.server && s->out_done && !s->out_last) {
		s->orphan = true; /* freed when the last byte has left */
		s->want_room = false;
		return;
	}
	if (s->in_done && s->out_last) {
		(void)nghttp2_session_set_stream_user_data(h->ng, s->id, NULL);
		h2_stream_free(s);
		return;
	}
	code = s->in_done && !h->conf.server ? NGHTTP2_NO_ERROR : reset_code(s);
	if (h->conf.server) {
		h2_reset_later(s, code);
		return;
	}
	(void)nghttp2_session_set_stream_user_data(h->ng, s->id, NULL);
	(void)nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, s->id, code);
	h2_stream_free(s);
	h2_later(h);
}

const struct stream_ops h2_ops = {
    .send_head = op_send_head,
    .write = op_write,
    .end = op_end,
    .consumed = op_consumed,
    .close = op_close,
};

void
h2_send_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_send_data_callback(cb, send_data);
	nghttp2_session_callbacks_set_data_source_read_length_callback(cb,
	    frame_length);
}
