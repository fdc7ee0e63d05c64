/* SPDX-License-Identifier: Apache-2.0 */
#include "net/pump_body.h"

#include "base/obj.h"

void
pump_body_init(struct pump_body *b, bool replay)
{
	*b = (struct pump_body){.magic = PUMP_BODY_MAGIC,
	    .kept = BUF_INIT(PUMP_KEPT_MAX),
	    .replay = replay};
}

void
pump_body_fini(struct pump_body *b)
{
	buf_fini(&b->kept);
	arena_fini(&b->mem);
	KILL_OBJ(b);
}

/* What frames, routes or authorises a message has no business behind it
 * (RFC 9110 6.5.1). */
static bool
is_bad_trailer(struct str name)
{
	static const char *const bad[] = {"authorization", "cache-control",
	    "cookie", "expect", "forwarded", "host", "location", "max-forwards",
	    "origin", "range", "set-cookie", "strict-transport-security",
	    "trailer", "traceparent", "tracestate", "true-client-ip", "via",
	    "www-authenticate", "x-real-ip", "x-request-id"};
	static const char *const starts[] = {"access-control-", "cf-",
	    "content-", "hearth-", "x-forwarded-", "x-hearth-"};

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (str_ieqz(name, bad[i]))
			return true;
	for (size_t i = 0; i < COUNT_OF(starts); i++) {
		size_t n = strlen(starts[i]);

		if (name.n > n && str_ieqz((struct str){name.p, n}, starts[i]))
			return true;
	}
	return http_hop_by_hop(name);
}

struct http_field *
pump_trailers_copy(struct arena *a, const struct http_field *f, size_t *n)
{
	struct http_field *c = arena_alloc(a, (*n + 1) * sizeof(*c));
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		if (is_bad_trailer(f[i].name))
			continue;
		c[kept].name = arena_str(a, f[i].name);
		c[kept++].value = arena_str(a, f[i].value);
	}
	*n = kept;
	return c;
}

void
pump_body_trailers(struct pump_body *b, const struct http_field *f, size_t n)
{
	b->n_trailers = n;
	b->trailers = pump_trailers_copy(&b->mem, f, &b->n_trailers);
}

bool
pump_body_whole(const struct pump_body *b)
{
	return b->from == 0 && !b->kept.full;
}

void
pump_body_trim(struct pump_body *b, uint64_t sent)
{
	if (b->replay && b->kept.n <= PUMP_REPLAY_MAX)
		return;
	b->replay = false;
	if (sent - b->from > b->kept.n / 2) { /* or wait until it is worth it */
		buf_shift(&b->kept, (size_t)(sent - b->from));
		b->from = sent;
	}
	if (b->kept.n == 0 && b->kept.cap > 0) {
		buf_fini(&b->kept);
		b->kept = BUF_INIT(PUMP_KEPT_MAX);
	}
}

/* --- while nobody takes it ------------------------------------------------ */

static void
waiting_on_body(void *owner, const uint8_t *p, size_t n)
{
	struct pump_body *b;

	CAST_OBJ(b, owner, PUMP_BODY_MAGIC);
	(void)buf_add(&b->kept, p, n);
}

static void
waiting_on_trailers(void *owner, const struct http_field *f, size_t n)
{
	struct pump_body *b;

	CAST_OBJ(b, owner, PUMP_BODY_MAGIC);
	pump_body_trailers(b, f, n);
}

static void
waiting_on_end(void *owner)
{
	struct pump_body *b;

	CAST_OBJ(b, owner, PUMP_BODY_MAGIC);
	b->ended = true;
}

static void
waiting_on_fail(void *owner, const struct err *why UNUSED)
{
	struct pump_body *b;

	CAST_OBJ(b, owner, PUMP_BODY_MAGIC);
	stream_close(b->client);
	b->on_gone(b->owner);
}

static const struct stream_sink waiting_sink = {
    .on_body = waiting_on_body,
    .on_trailers = waiting_on_trailers,
    .on_end = waiting_on_end,
    .on_fail = waiting_on_fail,
};

void
pump_body_wait(struct pump_body *b, struct stream *client,
    void (*on_gone)(void *owner), void *owner)
{
	b->client = client;
	b->on_gone = on_gone;
	b->owner = owner;
	stream_own(client, &waiting_sink, b);
}
