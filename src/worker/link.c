/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/link.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/obj.h"
#include "base/rnd.h"

#define AREA "worker.link"

enum {
	DIAL_MS = 5000,
	AGAIN_MIN_MS = 100,
	AGAIN_MAX_MS = 5000,
	STEADY_MS = 10 * 1000, /* up for so long: start from the short delay */
	MAX_STREAMS = 1000,
	/* Every request that a client gives up reaches us as a reset, so the
	 * coordinator is allowed more of them than a stranger. */
	GLITCH_BURST = 20000,
	GLITCH_RATE = 2000,
};

static void link_dial(struct link *k);

static void
tell(struct link *k, enum link_event e, const struct err *why)
{
	if (k->conf.on_event != NULL)
		k->conf.on_event(k->conf.owner, e, why);
}

/* Full jitter: many workers that lost one coordinator come back spread out. */
static void
dial_later(struct link *k)
{
	int64_t most = AGAIN_MIN_MS;

	if (!k->wanted)
		return;
	for (unsigned i = 0; i < k->fails && most < AGAIN_MAX_MS; i++)
		most *= 2;
	most = MIN_OF(most, (int64_t)AGAIN_MAX_MS);
	k->fails++;
	timer_set(&k->again, AGAIN_MIN_MS + (int64_t)rnd_below((uint64_t)most));
}

static void
link_on_again(void *arg)
{
	struct link *k;

	CAST_OBJ(k, arg, WORKER_LINK_MAGIC);
	if (k->on_stopped != NULL) { /* the drain took too long */
		if (k->leaving != NULL)
			h2_close(k->leaving);
		return;
	}
	link_dial(k);
}

static void
stopped(struct link *k)
{
	void (*done)(void *arg) = k->on_stopped;

	timer_clear(&k->again);
	k->on_stopped = NULL;
	if (done != NULL)
		done(k->stopped_arg);
}

/* --- up ------------------------------------------------------------------- */

static void
link_on_closed(void *owner, const struct err *why)
{
	struct link *k;

	CAST_OBJ(k, owner, WORKER_LINK_MAGIC);
	if (k->on_stopped != NULL) {
		k->leaving = NULL;
		stopped(k);
		return;
	}
	k->h2 = NULL;
	if (loop_now_ms(k->conf.loop) - k->up_ms > STEADY_MS)
		k->fails = 0;
	k->lost = true;
	log_warn(AREA, "link to the coordinator lost: %s",
	    why != NULL ? why->msg : "it was closed");
	tell(k, LINK_LOST, why);
	dial_later(k);
}

static void
link_on_request(void *owner, struct stream *s, const struct http_head *head)
{
	struct link *k;

	CAST_OBJ(k, owner, WORKER_LINK_MAGIC);
	k->conf.on_request(k->conf.owner, s, head);
}

static void
link_is_made(struct link *k, struct sock *sock)
{
	const struct h2_conf conf = {
	    .server = true,
	    .max_streams = k->conf.max_streams,
	    .glitch_burst = GLITCH_BURST,
	    .glitch_rate = GLITCH_RATE,
	    .on_request = link_on_request,
	    .on_closed = link_on_closed,
	    .owner = k,
	};

	k->h2 = h2_new(k->conf.loop, sock, &conf);
	k->up_ms = loop_now_ms(k->conf.loop);
	if (k->lost)
		log_info(AREA, "link to the coordinator is up again");
	k->lost = false;
	tell(k, LINK_UP, NULL);
}

/* --- dialling ------------------------------------------------------------- */

static void
dial_end(struct link *k)
{
	struct h1_client *dial = k->dial;

	if (k->asking != NULL)
		stream_close(k->asking);
	k->asking = NULL;
	k->dial = NULL;
	if (dial != NULL)
		h1_client_close(dial);
}

static void
ask_on_head(void *owner, const struct http_head *head)
{
	struct stream *s;
	struct sock *sock;
	struct link *k;
	struct err err;

	CAST_OBJ(k, owner, WORKER_LINK_MAGIC);
	if (head->status == 101) {
		s = k->asking;
		k->asking = NULL;
		k->dial = NULL; /* the connection goes with the sock */
		sock = h1_take_sock(s);
		if (sock != NULL)
			link_is_made(k, sock);
		else
			dial_later(k);
		return;
	}
	if (head->status < 200)
		return;
	err_set(&err, head->status == 404 ? ERR_NOT_FOUND : ERR_PEER,
	    "the coordinator refused the link with status %d", head->status);
	dial_end(k);
	if (head->status == 404) {
		tell(k, LINK_UNKNOWN, &err);
	} else {
		log_warn(AREA, "%s", err.msg);
		k->fails = MAX_OF(k->fails, 3U);
	}
	dial_later(k);
}

static void
ask_on_body(void *owner UNUSED, const uint8_t *p UNUSED, size_t n UNUSED)
{
}

static void
ask_on_end(void *owner UNUSED)
{
}

static void
ask_on_fail(void *owner, const struct err *why)
{
	struct link *k;

	CAST_OBJ(k, owner, WORKER_LINK_MAGIC);
	if (k->fails == 0)
		log_warn(AREA, "cannot link to the coordinator: %s", why->msg);
	dial_end(k);
	dial_later(k);
}

static const struct stream_sink ask_sink = {
    .on_head = ask_on_head,
    .on_body = ask_on_body,
    .on_end = ask_on_end,
    .on_fail = ask_on_fail,
};

static void
dial_on_idle(void *owner UNUSED, struct h1_client *c UNUSED)
{
}

/* The stream was told already; this is only about the connection. */
static void
dial_on_closed(void *owner, struct h1_client *c)
{
	struct link *k;

	CAST_OBJ(k, owner, WORKER_LINK_MAGIC);
	if (k->dial == c)
		k->dial = NULL;
}

/* Grows with every dial, and over restarts as far as the clock does. */
uint64_t
link_next_epoch(struct link *k)
{
	uint64_t now = (uint64_t)clock_wall_ms();

	k->epoch = MAX_OF(k->epoch + 1, now);
	return k->epoch;
}

static void
link_dial(struct link *k)
{
	struct http_field f[2];
	struct http_head head = {
	    .method = STR("GET"),
	    .target = STR("/api/worker/link"),
	    .authority = str_of(k->conf.host),
	    .scheme = STR("http"),
	    .fields = f,
	    .n_fields = COUNT_OF(f),
	    .content_length = -1,
	    .no_body = true,
	    .upgrade = STR("hearth-link/1"),
	};
	const struct h1_limits limits = {.head_ms = DIAL_MS};
	char epoch[24];

	if (!k->wanted || k->h2 != NULL || k->dial != NULL)
		return;
	(void)str_fmt(epoch, sizeof(epoch), "%llu",
	    (unsigned long long)link_next_epoch(k));
	f[0] = (struct http_field){STR("Hearth-Worker-Id"),
	    str_of(k->conf.worker_id)};
	f[1] = (struct http_field){STR("Hearth-Epoch"), str_of(epoch)};
	k->dial = h1_connect(k->conf.loop, &k->conf.to, DIAL_MS, &limits,
	    dial_on_idle, dial_on_closed, k);
	k->asking = h1_open(k->dial, &ask_sink, k);
	stream_send_head(k->asking, &head);
}

/* --- life ----------------------------------------------------------------- */

void
link_init(struct link *k, const struct link_conf *conf)
{
	*k = (struct link){.magic = WORKER_LINK_MAGIC, .conf = *conf};
	if (k->conf.max_streams == 0)
		k->conf.max_streams = MAX_STREAMS;
	timer_init(&k->again, conf->loop, link_on_again, k);
}

void
link_start(struct link *k)
{
	k->wanted = true;
	link_dial(k);
}

void
link_dial_now(struct link *k)
{
	timer_clear(&k->again);
	link_dial(k);
}

static void
stop_now(void *arg)
{
	struct link *k;

	CAST_OBJ(k, arg, WORKER_LINK_MAGIC);
	stopped(k);
}

void
link_stop(struct link *k, int64_t ms, void (*done)(void *arg), void *arg)
{
	k->wanted = false;
	timer_clear(&k->again);
	dial_end(k);
	k->on_stopped = done;
	k->stopped_arg = arg;
	if (k->h2 == NULL) {
		timer_init(&k->again, k->conf.loop, stop_now, k);
		timer_set(&k->again, 0);
		return;
	}
	k->leaving = k->h2;
	k->h2 = NULL;
	h2_drain(k->leaving);
	timer_set(&k->again, ms);
}

void
link_stop_now(struct link *k)
{
	if (k->leaving != NULL)
		timer_set(&k->again, 0);
}
