/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that arrive. nghttp2 has checked them against RFC 9113 (pseudo
 * fields, names and values, content length against DATA); here they become
 * heads, bodies and ends, within our limits.
 *
 * A stream's owner may close it in any callback, so every step after one looks
 * the stream up again.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/h2_priv.h"

static struct h2_stream *
stream_of(struct h2 *h, int32_t id)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(h->ng, id);

	if (s != NULL)
		CHECK_OBJ(&s->base, STREAM_MAGIC);
	return s;
}

/* The stream as far as an owner still listens to it. */
static struct h2_stream *
heard(struct h2 *h, int32_t id)
{
	struct h2_stream *s = h->over ? NULL : stream_of(h, id);

	return s == NULL || s->orphan ? NULL : s;
}

static int
refuse(struct h2 *h, int32_t id, uint32_t code)
{
	(void)nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, id, code);
	return 0;
}

/* --- heads --------------------------------------------------------------- */

void
h2_head_fini(struct h2_head *in)
{
	buf_fini(&in->bytes);
	free(in->spans);
	free(in->fields);
}

static void
head_begin(struct h2_head *in, int32_t id)
{
	in->id = id;
	buf_clear(&in->bytes);
	in->n = 0;
	memset(in->pseudo, 0, sizeof in->pseudo);
	in->content_length = -1;
	in->too_big = false;
	in->expect_continue = false;
}

static int
on_begin_headers(nghttp2_session *ng UNUSED, const nghttp2_frame *f, void *user)
{
	struct h2_stream *s;
	struct h2 *h;

	CAST_OBJ(h, user, H2_MAGIC);
	if (f->hd.type != NGHTTP2_HEADERS || h->over)
		return 0;
	head_begin(&h->head, f->hd.stream_id);
	if (f->headers.cat == NGHTTP2_HCAT_REQUEST) {
		if (h->n_streams >= h->conf.max_streams) {
			h->head.id = 0;
			h2_glitch(h);
			return refuse(h, f->hd.stream_id,
			    NGHTTP2_REFUSED_STREAM);
		}
		s = h2_stream_new(h, f->hd.stream_id);
		s->head_sent = false;
		s->orphan = true; /* until it was offered to somebody */
		(void)nghttp2_session_set_stream_user_data(h->ng, s->id, s);
	} else if (heard(h, f->hd.stream_id) == NULL) {
		h->head.id = 0;
	}
	return 0;
}

static bool
span_add(struct h2_head *in, struct str name, struct str value,
    struct h2_span *out)
{
	out->name_at = (uint32_t)in->bytes.n;
	out->name_n = (uint32_t)name.n;
	if (!buf_str(&in->bytes, name))
		return false;
	out->value_at = (uint32_t)in->bytes.n;
	out->value_n = (uint32_t)value.n;
	return buf_str(&in->bytes, value);
}

static int
pseudo_of(struct str name)
{
	static const struct {
		const char *name;
		enum h2_pseudo which;
	} table[] = {
	    {":method", H2_METHOD},
	    {":path", H2_PATH},
	    {":scheme", H2_SCHEME},
	    {":authority", H2_AUTHORITY},
	    {":protocol", H2_PROTOCOL},
	    {":status", H2_STATUS},
	};

	for (size_t i = 0; i < COUNT_OF(table); i++)
		if (str_eqz(name, table[i].name))
			return (int)table[i].which;
	return -1;
}

/* Host, framing and expectation are told apart from the other fields. Returns
 * true when the field needs no place among them. */
static bool
field_is_special(struct h2_head *in, struct str name, struct str value)
{
	int64_t n;

	switch (name.n) {
	case 4:
		if (!str_eqz(name, "host"))
			return false;
		if (in->pseudo[H2_AUTHORITY].value_n == 0)
			in->too_big |= !span_add(in, name, value,
			    &in->pseudo[H2_AUTHORITY]);
		return true;
	case 6:
		if (!str_eqz(name, "expect"))
			return false;
		in->expect_continue = str_ieqz(value, "100-continue");
		return true;
	case 14:
		if (!str_eqz(name, "content-length"))
			return false;
		if (str_i64(value, &n) && n >= 0)
			in->content_length = n;
		return true;
	default:
		return false;
	}
}

static void
field_add(struct h2_head *in, struct str name, struct str value)
{
	struct h2_span span = {0};
	int which;

	if (name.n > 0 && name.p[0] == ':') {
		which = pseudo_of(name);
		if (which >= 0 &&
		    (value.n > HTTP_LINE_MAX ||
			!span_add(in, name, value, &in->pseudo[which])))
			in->too_big = true;
		return;
	}
	if (field_is_special(in, name, value))
		return;
	if (in->n == in->max || name.n + value.n > HTTP_FIELD_MAX ||
	    !span_add(in, name, value, &span)) {
		in->too_big = true;
		return;
	}
	if (in->n == in->cap) {
		in->cap = in->cap == 0 ? 16 : 2 * in->cap;
		in->spans = xreallocarray(in->spans, in->cap,
		    sizeof *in->spans);
		in->fields = xreallocarray(in->fields, in->cap,
		    sizeof *in->fields);
	}
	in->spans[in->n++] = span;
}

/* nghttp2 says how many parameters there are.
 * NOLINTBEGIN(readability-function-size) */
static int
on_header(nghttp2_session *ng UNUSED, const nghttp2_frame *f,
    const uint8_t *name, size_t name_n, const uint8_t *value, size_t value_n,
    uint8_t flags UNUSED, void *user)
{
	struct h2 *h;

	CAST_OBJ(h, user, H2_MAGIC);
	if (h->head.id != f->hd.stream_id || h->head.too_big)
		return 0;
	field_add(&h->head, (struct str){(const char *)name, name_n},
	    (struct str){(const char *)value, value_n});
	return 0;
}

static int
on_invalid_header(nghttp2_session *ng UNUSED, const nghttp2_frame *f UNUSED,
    const uint8_t *name UNUSED, size_t name_n UNUSED,
    const uint8_t *value UNUSED, size_t value_n UNUSED, uint8_t flags UNUSED,
    void *user UNUSED)
{
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream */
}
/* NOLINTEND(readability-function-size) */

static struct str
text_at(const struct h2_head *in, uint32_t at, uint32_t n)
{
	return (struct str){in->bytes.p + at, n};
}

static struct str
pseudo(const struct h2_head *in, enum h2_pseudo which)
{
	const struct h2_span *span = &in->pseudo[which];

	return span->value_n == 0 ? (struct str){0}
				  : text_at(in, span->value_at, span->value_n);
}

static void
fields_view(struct h2_head *in)
{
	const struct h2_span *span;

	for (size_t i = 0; i < in->n; i++) {
		span = &in->spans[i];
		in->fields[i].name = text_at(in, span->name_at, span->name_n);
		in->fields[i].value = text_at(in, span->value_at,
		    span->value_n);
	}
}

static void
head_view(struct h2_head *in, bool last, struct http_head *out)
{
	fields_view(in);
	*out = (struct http_head){
	    .fields = in->fields,
	    .n_fields = in->n,
	    .content_length = in->content_length,
	    .no_body = last,
	    .expect_continue = in->expect_continue,
	};
}

/* --- messages ------------------------------------------------------------ */

static void
arrived(struct h2 *h, int32_t id)
{
	struct h2_stream *s = stream_of(h, id);

	if (s == NULL)
		return;
	s->in_done = s->base.ended = true;
	if (!s->orphan && !h->over)
		s->base.sink->on_end(s->base.owner);
}

static void
answer_too_big(struct h2 *h, int32_t id)
{
	static const uint8_t name[] = ":status", value[] = "431";
	nghttp2_nv nv = {(uint8_t *)(uintptr_t)name,
	    (uint8_t *)(uintptr_t)value, sizeof name - 1, sizeof value - 1,
	    NGHTTP2_NV_FLAG_NONE};
	struct h2_stream *s = stream_of(h, id);

	h2_glitch(h);
	(void)nghttp2_submit_response(h->ng, id, &nv, 1, NULL);
	h2_reset_later(s, NGHTTP2_NO_ERROR);
}

static int
on_request_head(struct h2 *h, const nghttp2_frame *f)
{
	struct h2_stream *s = stream_of(h, f->hd.stream_id);
	bool last = (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	struct h2_head *in = &h->head;
	struct http_head head;

	if (s == NULL)
		return 0;
	if (in->too_big) {
		answer_too_big(h, f->hd.stream_id);
		return 0;
	}
	head_view(in, last, &head);
	head.method = pseudo(in, H2_METHOD);
	head.target = pseudo(in, H2_PATH);
	head.scheme = pseudo(in, H2_SCHEME);
	head.authority = pseudo(in, H2_AUTHORITY);
	head.upgrade = pseudo(in, H2_PROTOCOL);
	if (str_eqz(head.method, "CONNECT")) {
		if (!str_eqz(head.upgrade, "websocket"))
			return refuse(h, f->hd.stream_id,
			    NGHTTP2_REFUSED_STREAM);
		head.method = STR("GET");
		s->tunnel = true;
	}
	s->in_final = true;
	s->in_done = s->base.ended = last;
	s->orphan = false;
	if (h->over || h->drain_told) {
		s->orphan = true;
		return refuse(h, f->hd.stream_id, NGHTTP2_REFUSED_STREAM);
	}
	h->conf.on_request(h->conf.owner, &s->base, &head);
	if (last)
		arrived(h, f->hd.stream_id);
	return 0;
}

static int
on_response_head(struct h2 *h, const nghttp2_frame *f, struct h2_stream *s)
{
	bool last = (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	struct h2_head *in = &h->head;
	struct http_head head;
	struct str status;
	uint64_t n;

	head_view(in, last, &head);
	status = pseudo(in, H2_STATUS);
	if (in->too_big || !str_u64(status, &n) || n < 100 || n > 999 ||
	    n == 101 || (n < 200 && ++s->n_interim > H2_INTERIM_MAX)) {
		h2_glitch(h);
		return refuse(h, f->hd.stream_id, NGHTTP2_ENHANCE_YOUR_CALM);
	}
	head.status = (int)n;
	s->in_final = n >= 200;
	if (s->tunnel && n == 200) {
		head.status = 101;
		head.upgrade = STR("websocket");
	} else if (n >= 200) {
		s->tunnel = false;
	}
	s->base.ended = last;
	s->base.sink->on_head(s->base.owner, &head);
	if (last)
		arrived(h, f->hd.stream_id);
	return 0;
}

static void
on_trailers(struct h2 *h, const nghttp2_frame *f, struct h2_stream *s)
{
	struct h2_head *in = &h->head;

	fields_view(in);
	if (s->base.sink->on_trailers != NULL && !in->too_big)
		s->base.sink->on_trailers(s->base.owner, in->fields, in->n);
	if ((f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
		arrived(h, f->hd.stream_id);
}

static int
on_headers(struct h2 *h, const nghttp2_frame *f)
{
	struct h2_stream *s;

	if (f->headers.cat == NGHTTP2_HCAT_REQUEST)
		return on_request_head(h, f);
	s = heard(h, f->hd.stream_id);
	if (s == NULL) {
		s = stream_of(h, f->hd.stream_id);
		if (s != NULL && (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
			s->in_done = true;
		return 0;
	}
	if (s->in_final || h->conf.server) {
		on_trailers(h, f, s);
		return 0;
	}
	return on_response_head(h, f, s);
}

static void
on_ping(struct h2 *h, const nghttp2_frame *f)
{
	uint64_t sent = 0;

	if ((f->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
		h2_glitch(h);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		sent |= (uint64_t)f->ping.opaque_data[i] << (8 * i);
	if (h->ping_us != 0 && sent == (uint64_t)h->ping_us)
		h->rtt_us = clock_us() - h->ping_us;
}

static int
on_frame(nghttp2_session *ng UNUSED, const nghttp2_frame *f, void *user)
{
	bool last = (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	struct h2 *h;

	CAST_OBJ(h, user, H2_MAGIC);
	if (h->over)
		return 0;
	switch (f->hd.type) {
	case NGHTTP2_HEADERS:
		if (h->head.id != f->hd.stream_id)
			return 0;
		return on_headers(h, f);
	case NGHTTP2_DATA:
		if (last)
			arrived(h, f->hd.stream_id);
		else if (f->hd.length == 0)
			h2_glitch(h);
		return 0;
	case NGHTTP2_PING:
		on_ping(h, f);
		return 0;
	case NGHTTP2_RST_STREAM:
		if (h->conf.server)
			h2_glitch(h);
		return 0;
	case NGHTTP2_SETTINGS:
		if ((f->hd.flags & NGHTTP2_FLAG_ACK) == 0)
			h2_glitch(h);
		return 0;
	case NGHTTP2_PRIORITY:
		h2_glitch(h);
		return 0;
	case NGHTTP2_GOAWAY:
		h2_going_away(h);
		return 0;
	default:
		return 0;
	}
}

/* A frame that made nghttp2 reset the stream or end the session by itself
 * (MadeYouReset): counted like a reset of the peer's own. */
static int
on_invalid_frame(nghttp2_session *ng UNUSED, const nghttp2_frame *f UNUSED,
    int code UNUSED, void *user)
{
	struct h2 *h;

	CAST_OBJ(h, user, H2_MAGIC);
	h2_glitch(h);
	return 0;
}

static int
on_data(nghttp2_session *ng, uint8_t flags UNUSED, int32_t id, const uint8_t *p,
    size_t n, void *user)
{
	struct h2_stream *s;
	struct h2 *h;

	CAST_OBJ(h, user, H2_MAGIC);
	(void)nghttp2_session_consume_connection(ng, n);
	s = heard(h, id);
	if (s != NULL)
		s->base.sink->on_body(s->base.owner, p, n);
	return 0;
}

/* --- the end of a stream ------------------------------------------------- */

static int
on_stream_close(nghttp2_session *ng UNUSED, int32_t id, uint32_t code,
    void *user)
{
	struct h2_stream *s;
	struct err err;
	struct h2 *h;

	CAST_OBJ(h, user, H2_MAGIC);
	if (!h->conf.server && h->n_opened > 0)
		h->n_opened--;
	s = stream_of(h, id);
	if (s == NULL)
		return 0;
	s->closed = true;
	if (s->orphan) {
		h2_stream_free(s);
		return 0;
	}
	/* A client that has its whole answer lost nothing. */
	if (s->in_done && (s->out_last || !h->conf.server) &&
	    (code == NGHTTP2_NO_ERROR || !h->conf.server))
		return 0;
	s->fail_code = code;
	if (h->over)
		return 0;
	if (!h->receiving) {
		s->failing = true;
		h2_tell_later(s);
		return 0;
	}
	h2_fail_text(s, &err);
	s->base.sink->on_fail(s->base.owner, &err);
	return 0;
}

void
h2_recv_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb,
	    on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(cb,
	    on_invalid_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb,
	    on_invalid_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb,
	    on_stream_close);
}
