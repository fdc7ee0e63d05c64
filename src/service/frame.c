/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of the channel between a cell and its parent; see frame.h. */
#include "service/frame.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <unistd.h>

enum {
	FLUSH_AT = 128 * 1024,
	UNMEASURED = -1,
};

/* --- writing ------------------------------------------------------------- */

void
frame_out_init(struct frame_out *o, int fd)
{
	*o = (struct frame_out){.fd = fd,
	    .b = BUF_INIT(FLUSH_AT + FRAME_HEAD + FRAME_MAX)};
}

void
frame_out_fini(struct frame_out *o)
{
	buf_fini(&o->b);
}

int
frame_flush(struct frame_out *o)
{
	size_t at = 0;

	while (!o->failed && at < o->b.n) {
		ssize_t n = write(o->fd, o->b.p + at, o->b.n - at);

		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno != EINTR)
			o->failed = true;
	}
	buf_clear(&o->b);
	return o->failed ? -1 : 0;
}

static void
put_le(struct frame_out *o, uint64_t v, size_t bytes)
{
	uint8_t raw[8];

	for (size_t i = 0; i < bytes; i++)
		raw[i] = (uint8_t)(v >> (8 * i));
	buf_add(&o->b, raw, bytes);
}

void
frame_begin(struct frame_out *o, enum frame_type type)
{
	o->at = o->b.n;
	put_le(o, 0, 4);
	put_le(o, type, 1);
}

void
frame_put_u32(struct frame_out *o, uint32_t v)
{
	put_le(o, v, 4);
}

void
frame_put_i64(struct frame_out *o, int64_t v)
{
	put_le(o, (uint64_t)v, 8);
}

void
frame_put_str(struct frame_out *o, struct str s)
{
	put_le(o, s.n, 4);
	buf_add(&o->b, s.p, s.n);
}

void
frame_close(struct frame_out *o)
{
	size_t n = o->b.n - o->at - FRAME_HEAD;

	/* Longer is a fault of ours: callers cut what they send. */
	assert(!o->b.full && n <= FRAME_MAX);
	for (size_t i = 0; i < 4; i++)
		o->b.p[o->at + i] = (char)(uint8_t)(n >> (8 * i));
	if (o->b.n >= FLUSH_AT)
		(void)frame_flush(o);
}

static int32_t
scaled(double v, double unit, double max)
{
	return isfinite(v) && fabs(v) <= max ? (int32_t)lround(v * unit) : 0;
}

static int32_t
ppm(double confidence)
{
	return confidence < 0 ? UNMEASURED : scaled(confidence, 1e6, 1);
}

void
frame_send_page(struct frame_out *o, const struct frame_page *p)
{
	frame_begin(o, FRAME_PAGE);
	frame_put_u32(o, p->number);
	frame_put_u32(o, p->method);
	frame_put_u32(o, (uint32_t)ppm(p->confidence));
	frame_put_i64(o, p->us);
	frame_put_u32(o, p->width);
	frame_put_u32(o, p->height);
	frame_put_u32(o, (uint32_t)p->rotation);
	frame_put_u32(o, (uint32_t)scaled(p->skew, 1000, 360));
	frame_put_str(o, (struct str){p->problem.p, MIN_OF(p->problem.n, 512)});
	frame_close(o);
}

void
frame_put_word(struct frame_out *o, const struct frame_word *w)
{
	frame_put_str(o, w->text);
	frame_put_u32(o, (uint32_t)ppm(w->confidence));
	frame_put_u32(o, w->x);
	frame_put_u32(o, w->y);
	frame_put_u32(o, w->w);
	frame_put_u32(o, w->h);
}

/* The length of s, or less so that it ends between two characters. */
static size_t
cut_at(struct str s, size_t max)
{
	size_t n = max;

	if (s.n <= max)
		return s.n;
	while (n > max - 4 && ((uint8_t)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

void
frame_send_chunks(struct frame_out *o, enum frame_type type, uint32_t page,
    struct str s)
{
	while (s.n > 0 && !o->failed) {
		size_t n = type == FRAME_PDF ? MIN_OF(s.n, FRAME_CHUNK)
					     : cut_at(s, FRAME_CHUNK);

		frame_begin(o, type);
		frame_put_u32(o, page);
		frame_put_str(o, (struct str){s.p, n});
		frame_close(o);
		s.p += n;
		s.n -= n;
	}
}

void
frame_send_error(struct frame_out *o, const struct err *err)
{
	frame_begin(o, FRAME_ERROR);
	frame_put_u32(o, err->code);
	frame_put_str(o, str_of(err->msg));
	frame_close(o);
}

/* Exactly n bytes behind what b holds. */
static int
take_in(int fd, struct buf *b, size_t n)
{
	while (n > 0) {
		char part[4096];
		ssize_t got = read(fd, part, MIN_OF(n, sizeof part));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || !buf_add(b, part, (size_t)got))
			return -1;
		n -= (size_t)got;
	}
	return 0;
}

/* --- reading ------------------------------------------------------------- */

void
frame_in_init(struct frame_in *in, size_t max_total)
{
	*in = (struct frame_in){.b = BUF_INIT(FRAME_HEAD + FRAME_MAX),
	    .max_total = max_total};
}

void
frame_in_fini(struct frame_in *in)
{
	buf_fini(&in->b);
}

static uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

static int
bad_frame(struct err *err, const char *what)
{
	return err_set(err, ERR_CRASHED,
	    "the document reader broke its protocol (%s)", what);
}

/* Bytes of the frame that begins at p, 0: not enough is here to know, -1:
 * it is none. */
static ssize_t
frame_size(const uint8_t *p, size_t n, struct err *err)
{
	if (n < FRAME_HEAD)
		return 0;
	if (le32(p) > FRAME_MAX)
		return bad_frame(err, "length");
	if (p[4] == 0 || p[4] >= FRAME__LAST)
		return bad_frame(err, "type");
	return (ssize_t)FRAME_HEAD + (ssize_t)le32(p);
}

static int
one_frame(struct frame_in *in, const uint8_t *p, size_t n, frame_fn *fn,
    void *owner, struct err *err)
{
	struct frame f = {.type = (enum frame_type)p[4],
	    .payload = {(const char *)p + FRAME_HEAD, n - FRAME_HEAD}};

	if (in->ended)
		return bad_frame(err, "data behind its end");
	in->ended = f.type == FRAME_END || f.type == FRAME_ERROR;
	return fn(owner, &f, err);
}

/* The frame that was begun earlier: completes it with bytes from *p. */
static int
finish_begun(struct frame_in *in, const uint8_t **p, size_t *n, frame_fn *fn,
    void *owner, struct err *err)
{
	int rc;

	for (;;) {
		ssize_t size = frame_size((const uint8_t *)in->b.p, in->b.n,
		    err);
		size_t want = size > 0 ? (size_t)size : FRAME_HEAD;
		size_t more = MIN_OF(*n, want - in->b.n);

		if (size < 0)
			return -1;
		if (size > 0 && in->b.n == want)
			break;
		if (more == 0)
			return 0;
		if (!buf_add(&in->b, *p, more))
			return bad_frame(err, "length");
		*p += more;
		*n -= more;
	}
	rc = one_frame(in, (const uint8_t *)in->b.p, in->b.n, fn, owner, err);
	buf_clear(&in->b);
	return rc;
}

int
frame_feed(struct frame_in *in, const void *bytes, size_t n, frame_fn *fn,
    void *owner, struct err *err)
{
	const uint8_t *p = bytes;

	in->total += n;
	if (in->total > in->max_total)
		return err_set(err, ERR_LIMIT,
		    "the document's text is larger than %zu MiB",
		    in->max_total >> 20);
	if (in->b.n > 0 && finish_begun(in, &p, &n, fn, owner, err) != 0)
		return -1;
	while (n > 0) {
		ssize_t size = frame_size(p, n, err);

		if (size < 0)
			return -1;
		if (size == 0 || (size_t)size > n) {
			if (!buf_add(&in->b, p, n))
				return bad_frame(err, "length");
			return 0;
		}
		if (one_frame(in, p, (size_t)size, fn, owner, err) != 0)
			return -1;
		p += size;
		n -= (size_t)size;
	}
	return 0;
}

int
frame_ask(struct frame_out *o, enum frame_type answer, struct buf *b,
    struct frame *f, struct err *err)
{
	ssize_t size;

	buf_clear(b);
	if (frame_flush(o) != 0 || take_in(o->fd, b, FRAME_HEAD) != 0)
		return err_set(err, ERR_CRASHED, "the reader lost its parent");
	size = frame_size((const uint8_t *)b->p, b->n, err);
	if (size < 0)
		return -1;
	if (take_in(o->fd, b, (size_t)size - FRAME_HEAD) != 0)
		return err_set(err, ERR_CRASHED, "the reader lost its parent");
	*f = (struct frame){.type = (enum frame_type)(uint8_t)b->p[4],
	    .payload = {b->p + FRAME_HEAD, b->n - FRAME_HEAD}};
	return f->type == answer ? 0 : bad_frame(err, "answer");
}

struct frame_cur
frame_open(const struct frame *f)
{
	return (struct frame_cur){.p = (const uint8_t *)f->payload.p,
	    .n = f->payload.n};
}

static const uint8_t *
take(struct frame_cur *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->bad || n > c->n) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	c->n -= n;
	return p;
}

uint32_t
frame_u32(struct frame_cur *c)
{
	const uint8_t *p = take(c, 4);

	return p != NULL ? le32(p) : 0;
}

int64_t
frame_i64(struct frame_cur *c)
{
	const uint8_t *p = take(c, 8);

	if (p == NULL)
		return 0;
	return (int64_t)((uint64_t)le32(p) | (uint64_t)le32(p + 4) << 32);
}

struct str
frame_bytes(struct frame_cur *c)
{
	uint32_t n = frame_u32(c);
	const uint8_t *p = take(c, n);

	return p != NULL ? (struct str){(const char *)p, n}
			 : (struct str){NULL, 0};
}

static bool
clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t b = (uint8_t)s.p[i];

		if ((b < 0x20 && b != '\t' && b != '\n' && b != '\f') ||
		    b == 0x7f)
			return false;
	}
	return str_utf8_ok(s);
}

struct str
frame_text(struct frame_cur *c)
{
	struct str s = frame_bytes(c);

	if (c->bad || clean(s))
		return s;
	c->bad = true;
	return (struct str){NULL, 0};
}

static double
fraction(struct frame_cur *c)
{
	int32_t v = (int32_t)frame_u32(c);

	if (v < UNMEASURED || v > 1000000)
		c->bad = true;
	return c->bad || v < 0 ? -1 : v / 1e6;
}

void
frame_get_page(struct frame_cur *c, struct frame_page *out)
{
	uint32_t method;
	int32_t skew;

	out->number = frame_u32(c);
	method = frame_u32(c);
	out->confidence = fraction(c);
	out->us = frame_i64(c);
	out->width = frame_u32(c);
	out->height = frame_u32(c);
	out->rotation = (int32_t)frame_u32(c);
	skew = (int32_t)frame_u32(c);
	out->skew = skew / 1000.0;
	out->problem = frame_text(c);
	if (method > FRAME_METHOD_NONE || out->us < 0 || skew < -360000 ||
	    skew > 360000 || out->rotation < 0 || out->rotation > 359)
		c->bad = true;
	out->method = c->bad ? FRAME_METHOD_NONE : (enum frame_method)method;
}

bool
frame_get_word(struct frame_cur *c, struct frame_word *out)
{
	if (c->bad || c->n == 0)
		return false;
	out->text = frame_text(c);
	out->confidence = fraction(c);
	out->x = frame_u32(c);
	out->y = frame_u32(c);
	out->w = frame_u32(c);
	out->h = frame_u32(c);
	return !c->bad;
}

bool
frame_done(const struct frame_cur *c)
{
	return !c->bad && c->n == 0;
}
