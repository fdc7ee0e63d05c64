/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of an HTTP/2 session: settings, bytes in and out, liveness, the
 * allowance for nonsense, drain and end.
 *
 *   open --GOAWAY sent or received--> draining --last stream--> over
 *     '------- sock closed, protocol error, silence, h2_close() ----^
 *
 * Once over, the streams fail from a deferred call, then on_closed is called,
 * and the memory goes when the sock said goodbye too.
 */
#include "net/h2.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "net/h2_priv.h"

enum {
	PING_MS = 500,
	PATIENCE_MS = 1000,
	DOUBT_MS = 100,   /* one more look at the sock before giving up */
	NOTICE_MS = 1000, /* first to second GOAWAY when no PING returns */
	GLITCH_BURST = 1000,
	GLITCH_RATE = 33,
};

/* --- streams ------------------------------------------------------------- */

struct h2_stream *
h2_stream_new(struct h2 *h, int32_t id)
{
	struct h2_stream *s = pool_alloc(loop_pool(h->loop), sizeof *s);

	*s = (struct h2_stream){
	    .base = {.magic = STREAM_MAGIC, .ops = &h2_ops, .peer = &h->peer},
	    .h = h,
	    .loop = h->loop,
	    .id = id,
	    .left = UINT64_MAX,
	    .held = BUF_INIT(H2_HELD_MAX),
	};
	TAILQ_INSERT_TAIL(&h->streams, s, entry);
	h->n_streams++;
	return s;
}

static void
stream_displace(struct h2 *h, struct h2_stream *s)
{
	if (s->place == H2_TO_TELL) {
		TAILQ_REMOVE(&h->to_tell, s, place_entry);
		h->n_to_tell--;
	} else if (s->place == H2_BLOCKED) {
		TAILQ_REMOVE(&h->blocked, s, place_entry);
	} else if (s->place == H2_TO_RESET) {
		TAILQ_REMOVE(&h->to_reset, s, place_entry);
	}
	s->place = H2_NOWHERE;
}

void
h2_stream_free(struct h2_stream *s)
{
	struct h2 *h = s->h;

	buf_fini(&s->held);
	arena_fini(&s->trailer_mem);
	s->base.magic = 0;
	if (h != NULL) {
		stream_displace(h, s);
		TAILQ_REMOVE(&h->streams, s, entry);
		h->n_streams--;
		if (s->id < 0)
			h->n_opened--;
		if (h->n_streams == 0 && h->draining)
			h2_later(h); /* to end it */
	}
	pool_free(loop_pool(s->loop), s, sizeof *s);
}

void
h2_tell_later(struct h2_stream *s)
{
	struct h2 *h = s->h;

	if (h == NULL || s->orphan || s->place == H2_TO_TELL)
		return;
	stream_displace(h, s);
	s->place = H2_TO_TELL;
	TAILQ_INSERT_TAIL(&h->to_tell, s, place_entry);
	h->n_to_tell++;
	h2_later(h);
}

/* nghttp2 drops what a stream has still to send as soon as a reset is asked
 * for, so the reset waits until those frames have left. */
void
h2_reset_later(struct h2_stream *s, uint32_t code)
{
	struct h2 *h = s->h;

	stream_displace(h, s);
	s->orphan = true;
	s->fail_code = code;
	s->place = H2_TO_RESET;
	TAILQ_INSERT_TAIL(&h->to_reset, s, place_entry);
	h2_later(h);
}

static void
reset(struct h2 *h)
{
	struct h2_stream *s;

	while (!h->over && (s = TAILQ_FIRST(&h->to_reset)) != NULL) {
		(void)nghttp2_session_set_stream_user_data(h->ng, s->id, NULL);
		(void)nghttp2_submit_rst_stream(h->ng, NGHTTP2_FLAG_NONE, s->id,
		    s->fail_code);
		h2_stream_free(s);
	}
}

void
h2_fail_text(const struct h2_stream *s, struct err *out)
{
	switch (s->fail_code) {
	case NGHTTP2_REFUSED_STREAM:
		err_set(out, ERR_UNAVAILABLE, "the peer refused the stream");
		break;
	case NGHTTP2_CANCEL:
		err_set(out, ERR_CANCELED, "the peer cancelled the stream");
		break;
	default:
		err_set(out, ERR_PEER, "the peer reset the stream (%s)",
		    nghttp2_http2_strerror(s->fail_code));
	}
}

/* Only the streams that are due now: owners may cause new entries. */
static void
tell(struct h2 *h)
{
	struct h2_stream *s;
	struct err err;

	for (unsigned n = h->n_to_tell; n > 0 && !h->over; n--) {
		s = TAILQ_FIRST(&h->to_tell);
		if (s == NULL)
			return;
		stream_displace(h, s);
		if (s->failing) {
			s->failing = false;
			s->want_room = false;
			h2_fail_text(s, &err);
			s->base.sink->on_fail(s->base.owner, &err);
		} else if (s->want_room) {
			s->want_room = false;
			s->base.sink->on_room(s->base.owner);
		}
	}
}

/* --- bytes out ----------------------------------------------------------- */

void
h2_later(struct h2 *h)
{
	if (!h->over)
		loop_defer(h->loop, &h->on_turn);
}

/* Everything nghttp2 wants to say goes to the sock, which gathers it into one
 * write per turn. With a peer that does not read we stop asking, so that
 * nghttp2's own limits on queued answers count. */
void
h2_flush(struct h2 *h)
{
	const uint8_t *p;
	struct err err;
	ssize_t n = 0;

	if (h->over)
		return;
	if (h->receiving) {
		h2_later(h);
		return;
	}
	if (sock_queued(h->sock) > H2_QUEUE_MAX)
		return;
	while ((n = nghttp2_session_mem_send(h->ng, &p)) > 0) {
		sock_write(h->sock, p, (size_t)n);
	}
	if (n < 0) {
		err_set(&err, ERR_INTERNAL, "http/2: %s",
		    nghttp2_strerror((int)n));
		h2_finish(h, &err);
	}
}

static void
end_if_done(struct h2 *h)
{
	struct err err;

	if (h->over)
		return;
	if (!nghttp2_session_want_read(h->ng) &&
	    !nghttp2_session_want_write(h->ng)) {
		if (h->draining) { /* no exchange is left */
			h2_finish(h, NULL);
			return;
		}
		err_set(&err, ERR_PEER, "the peer broke the HTTP/2 protocol");
		h2_finish(h, &err);
		return;
	}
	if (h->draining && h->n_streams == 0 && !h->notice_sent)
		h2_finish(h, NULL);
}

static void
h2_turn(void *arg)
{
	struct h2 *h;

	CAST_OBJ(h, arg, H2_MAGIC);
	h2_flush(h);
	tell(h);
	reset(h);
	h2_flush(h);
	end_if_done(h);
}

/* --- bytes in ------------------------------------------------------------ */

static void
h2_on_data(void *owner, const uint8_t *p, size_t n)
{
	struct h2 *h;
	struct err err;
	ssize_t got;

	CAST_OBJ(h, owner, H2_MAGIC);
	if (h->over)
		return;
	h->heard_ms = loop_now_ms(h->loop);
	h->receiving = true;
	got = nghttp2_session_mem_recv(h->ng, p, n);
	h->receiving = false;
	if (h->over)
		return;
	if (got < 0) {
		h2_flush(h); /* the GOAWAY that says why */
		err_set(&err, ERR_PEER, "http/2: %s",
		    nghttp2_strerror((int)got));
		h2_finish(h, &err);
		return;
	}
	h2_later(h);
}

static void
h2_on_room(void *owner)
{
	struct h2 *h;

	CAST_OBJ(h, owner, H2_MAGIC);
	if (h->over)
		return;
	h2_unblock(h);
	h2_later(h);
}

static void
h2_on_eof(void *owner)
{
	struct h2 *h;
	struct err err;

	CAST_OBJ(h, owner, H2_MAGIC);
	if (h->over)
		return;
	if (h->draining && !nghttp2_session_want_read(h->ng)) {
		h2_finish(h, NULL); /* no exchange was left */
		return;
	}
	err_set(&err, ERR_PEER, "the peer closed the connection");
	h2_finish(h, &err);
}

static void
maybe_free(struct h2 *h)
{
	if (!h->told || !h->sock_gone)
		return;
	loop_undefer(h->loop, &h->on_turn);
	nghttp2_session_del(h->ng);
	h2_head_fini(&h->head);
	buf_fini(&h->lower);
	free(h->nv);
	KILL_OBJ(h);
	free(h);
}

static void
h2_on_close(void *owner, const struct err *why)
{
	struct h2 *h;
	struct err err;

	CAST_OBJ(h, owner, H2_MAGIC);
	h->sock_gone = true;
	h->sock = NULL;
	if (!h->over) {
		if (why == NULL)
			err_set(&err, ERR_PEER, "the connection was closed");
		h2_finish(h, why != NULL ? why : &err);
	}
	maybe_free(h);
}

static const struct sock_sink h2_sock_sink = {
    .on_data = h2_on_data,
    .on_eof = h2_on_eof,
    .on_room = h2_on_room,
    .on_close = h2_on_close,
};

/* --- liveness ------------------------------------------------------------ */

static int64_t
patience_ms(const struct h2 *h)
{
	return h->conf.patience_ms > 0 ? h->conf.patience_ms : PATIENCE_MS;
}

static void
ping(struct h2 *h, int64_t now)
{
	uint8_t opaque[8];

	h->ping_ms = now;
	h->ping_us = clock_us();
	h->doubt = false;
	h->taken_mark = sock_written(h->sock);
	for (unsigned i = 0; i < sizeof opaque; i++)
		opaque[i] = (uint8_t)(h->ping_us >> (8 * i));
	(void)nghttp2_submit_ping(h->ng, NGHTTP2_FLAG_NONE, opaque);
	h2_flush(h);
}

/* A quiet peer gets a PING; any byte that comes is an answer. When patience is
 * over we look once more: if this process itself slept, the bytes may be
 * waiting in the kernel; if the kernel could pass on more of what we had
 * queued, a slow line is busy, not dead. */
static void
h2_on_quiet(void *arg)
{
	struct h2 *h;
	struct err err;
	int64_t now, quiet;

	CAST_OBJ(h, arg, H2_MAGIC);
	now = loop_now_ms(h->loop);
	quiet = h->conf.ping_ms > 0 ? h->conf.ping_ms : PING_MS;
	if (h->ping_ms != 0 && h->heard_ms >= h->ping_ms)
		h->ping_ms = 0;
	if (h->ping_ms == 0) {
		if (now - h->heard_ms < quiet) {
			timer_set(&h->quiet, quiet - (now - h->heard_ms));
			return;
		}
		ping(h, now);
		timer_set(&h->quiet, patience_ms(h));
		return;
	}
	if (sock_written(h->sock) >
	    h->taken_mark + 64) { /* more than the PING itself */
		h->taken_mark = sock_written(h->sock);
		h->doubt = false;
		timer_set(&h->quiet, patience_ms(h));
		return;
	}
	if (!h->doubt) {
		h->doubt = true;
		timer_set(&h->quiet, DOUBT_MS);
		return;
	}
	err_set(&err, ERR_TIMEOUT, "the peer is silent since %lld ms",
	    (long long)(now - h->heard_ms));
	h2_finish(h, &err);
}

/* A token bucket, refilled by time. */
void
h2_glitch(struct h2 *h)
{
	int64_t now = loop_now_ms(h->loop);

	h->tokens += (double)((now - h->tokens_ms) * h->conf.glitch_rate) /
	    1000;
	h->tokens = MIN_OF(h->tokens, (double)h->conf.glitch_burst) - 1;
	h->tokens_ms = now;
	if (h->tokens < 0 && !h->over) {
		(void)nghttp2_session_terminate_session(h->ng,
		    NGHTTP2_ENHANCE_YOUR_CALM);
		h2_later(h);
	}
}

/* --- end ----------------------------------------------------------------- */

/* Streams first, so that every owner hears why before the session's owner. */
static void
h2_bye(void *arg)
{
	struct h2_stream *s;
	struct err unsent;
	struct h2 *h;

	CAST_OBJ(h, arg, H2_MAGIC);
	err_set(&unsent, ERR_UNAVAILABLE, "%s", h->why.msg);
	while ((s = TAILQ_FIRST(&h->streams)) != NULL) {
		stream_displace(h, s);
		TAILQ_REMOVE(&h->streams, s, entry);
		h->n_streams--;
		s->h = NULL;
		if (s->orphan)
			h2_stream_free(s);
		else if (!(s->in_done && s->out_last) || s->failing)
			s->base.sink->on_fail(s->base.owner,
			    s->id < 0 ? &unsent : &h->why);
	}
	h->told = true;
	if (h->conf.on_closed != NULL)
		h->conf.on_closed(h->conf.owner, h->failed ? &h->why : NULL);
	maybe_free(h);
}

void
h2_finish(struct h2 *h, const struct err *why)
{
	if (h->over)
		return;
	h->failed = why != NULL;
	if (why != NULL)
		h->why = *why;
	else
		err_set(&h->why, ERR_PEER, "the link was closed");
	timer_clear(&h->quiet);
	loop_undefer(h->loop, &h->on_turn);
	h->over = true;
	h->draining = true;
	if (h->sock != NULL) {
		sock_end(h->sock);
		sock_close(h->sock);
	}
	loop_defer(h->loop, &h->on_bye);
}

void
h2_close(struct h2 *h)
{
	CHECK_OBJ(h, H2_MAGIC);
	if (h->over)
		return;
	if (!h->receiving) {
		(void)nghttp2_session_terminate_session(h->ng,
		    NGHTTP2_NO_ERROR);
		h2_flush(h);
	}
	h2_finish(h, NULL);
}

/* The second GOAWAY names the last stream; it follows a round trip after the
 * first, so that requests already on their way are still served. */
static void
second_notice(void *arg)
{
	struct h2 *h;

	CAST_OBJ(h, arg, H2_MAGIC);
	h->notice_sent = false;
	(void)nghttp2_submit_goaway(h->ng, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(h->ng), NGHTTP2_NO_ERROR,
	    NULL, 0);
	h->heard_ms = loop_now_ms(h->loop);
	h->ping_ms = 0;
	timer_init(&h->quiet, h->loop, h2_on_quiet, h);
	timer_set(&h->quiet, h->conf.ping_ms > 0 ? h->conf.ping_ms : PING_MS);
	h2_later(h);
}

void
h2_drain(struct h2 *h)
{
	CHECK_OBJ(h, H2_MAGIC);
	if (h->over || h->drain_told)
		return;
	h->draining = true;
	h->drain_told = true;
	if (h->conf.server) {
		h->notice_sent = true;
		(void)nghttp2_submit_shutdown_notice(h->ng);
		timer_clear(&h->quiet);
		timer_init(&h->quiet, h->loop, second_notice, h);
		timer_set(&h->quiet,
		    h->rtt_us > 0 ? MIN_OF(h->rtt_us / 500 + 20, NOTICE_MS)
				  : NOTICE_MS / 5);
	} else {
		(void)nghttp2_submit_goaway(h->ng, NGHTTP2_FLAG_NONE, 0,
		    NGHTTP2_NO_ERROR, NULL, 0);
	}
	h2_later(h);
}

/* The peer said GOAWAY, or we ran out of stream ids. */
void
h2_going_away(struct h2 *h)
{
	if (h->draining)
		return;
	h->draining = true;
	if (h->conf.on_drain != NULL)
		h->conf.on_drain(h->conf.owner);
	h2_later(h);
}

/* --- start --------------------------------------------------------------- */

static void
settings(struct h2 *h)
{
	nghttp2_settings_entry iv[7];
	size_t n = 0;

	if (h->conf.server) {
		iv[n++] = (nghttp2_settings_entry){
		    NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		    h->conf.max_streams};
		iv[n++] = (nghttp2_settings_entry){
		    NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
	} else {
		iv[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH,
		    0};
		iv[n++] = (nghttp2_settings_entry){
		    NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0};
	}
	iv[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
	    h->conf.window};
	iv[n++] =
	    (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		HTTP_HEAD_MAX};
	iv[n++] =
	    (nghttp2_settings_entry){NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
	iv[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_FRAME_SIZE,
	    H2_FRAME_MAX};
	assert(nghttp2_submit_settings(h->ng, NGHTTP2_FLAG_NONE, iv, n) == 0);
	assert(nghttp2_session_set_local_window_size(h->ng, NGHTTP2_FLAG_NONE,
		   0, H2_CONN_WINDOW) == 0);
}

static void
session(struct h2 *h)
{
	nghttp2_session_callbacks *cb;
	nghttp2_option *opt;
	nghttp2_mem mem = h2_mem(h->loop);
	int rv;

	if (nghttp2_session_callbacks_new(&cb) != 0 ||
	    nghttp2_option_new(&opt) != 0)
		abort();
	h2_recv_callbacks(cb);
	h2_send_callbacks(cb);
	nghttp2_option_set_no_auto_window_update(opt, 1);
	nghttp2_option_set_no_closed_streams(opt, 1);
	nghttp2_option_set_max_continuations(opt, H2_CONTINUATIONS_MAX);
	nghttp2_option_set_max_send_header_block_length(opt, 2 * HTTP_HEAD_MAX);
	nghttp2_option_set_stream_reset_rate_limit(opt, h->conf.glitch_burst,
	    h->conf.glitch_rate);
	rv = h->conf.server
	    ? nghttp2_session_server_new3(&h->ng, cb, h, opt, &mem)
	    : nghttp2_session_client_new3(&h->ng, cb, h, opt, &mem);
	nghttp2_option_del(opt);
	nghttp2_session_callbacks_del(cb);
	if (rv != 0)
		abort();
}

struct h2 *
h2_new(struct loop *l, struct sock *sk, const struct h2_conf *conf)
{
	struct h2 *h = xcalloc(1, sizeof *h);

	h->magic = H2_MAGIC;
	h->loop = l;
	h->sock = sk;
	h->conf = *conf;
	if (h->conf.max_streams == 0)
		h->conf.max_streams = 100;
	if (h->conf.window == 0)
		h->conf.window = H2_WINDOW;
	if (h->conf.glitch_burst == 0)
		h->conf.glitch_burst = GLITCH_BURST;
	if (h->conf.glitch_rate == 0)
		h->conf.glitch_rate = GLITCH_RATE;
	if (sock_peer(sk) != NULL)
		h->peer = *sock_peer(sk);
	h->rtt_us = -1;
	h->tokens = h->conf.glitch_burst;
	h->tokens_ms = h->heard_ms = loop_now_ms(l);
	TAILQ_INIT(&h->streams);
	TAILQ_INIT(&h->to_tell);
	TAILQ_INIT(&h->blocked);
	TAILQ_INIT(&h->to_reset);
	h->head.bytes = BUF_INIT(HTTP_HEAD_MAX + HTTP_LINE_MAX);
	h->head.max = HTTP_FIELDS_MAX + (conf->server ? HTTP_ADDED_MAX : 0);
	h->lower = BUF_INIT((size_t)2 * HTTP_HEAD_MAX);
	h->on_turn = (struct defer){.fn = h2_turn, .arg = h};
	h->on_bye = (struct defer){.fn = h2_bye, .arg = h};
	timer_init(&h->quiet, l, h2_on_quiet, h);
	timer_set(&h->quiet, h->conf.ping_ms > 0 ? h->conf.ping_ms : PING_MS);
	session(h);
	settings(h);
	sock_set_sink(sk, &h2_sock_sink, h);
	h2_later(h);
	return h;
}

bool
h2_is_open(const struct h2 *h)
{
	return !h->over && !h->draining;
}

bool
h2_usable(const struct h2 *h)
{
	return !h->over && !h->draining &&
	    h->n_opened < nghttp2_session_get_remote_settings(h->ng,
			      NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

struct stream *
h2_open(struct h2 *h, const struct stream_sink *sink, void *owner,
    struct err *err)
{
	struct h2_stream *s;

	CHECK_OBJ(h, H2_MAGIC);
	assert(!h->conf.server);
	if (h->over || h->draining) {
		err_set(err, ERR_UNAVAILABLE, "the link is closing");
		return NULL;
	}
	if (!h2_usable(h)) {
		err_set(err, ERR_BUSY, "all streams of the link are in use");
		return NULL;
	}
	s = h2_stream_new(h, -1);
	h->n_opened++;
	stream_own(&s->base, sink, owner);
	return &s->base;
}

unsigned
h2_streams(const struct h2 *h)
{
	return h->n_streams;
}
