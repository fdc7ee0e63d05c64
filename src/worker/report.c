/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/report.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/rnd.h"
#include "net/httpc.h"
#include "net/loop.h"

enum {
	CALL_TIMEOUT_MS = 10000,
	LEAVE_TIMEOUT_MS = 2000,
	SOON_MS = 10,         /* changes of that time share a heartbeat */
	PAUSE_FIRST_MS = 200, /* doubled for each failure */
	PAUSE_MAX_MS = 10000,
	REFUSED_MS = 30000, /* after an answer that more trying cannot mend */
	BODY_MAX = 128 * 1024,
	ANSWER_MAX = 256 * 1024,
	HEARTBEAT_S = 30,
};

struct report {
	unsigned magic;
#define REPORT_MAGIC 0x4e904701u
	struct loop *loop;
	struct report_conf conf;
	struct sm sm;
	struct timer timer;
	struct lookup *lookup;
	struct httpc_call *call;
	struct addr addrs[LOOKUP_ADDRS_MAX];
	size_t n_addrs, at;
	bool registered;
	bool refresh;   /* registered, but with older capabilities */
	bool again;     /* a change came while a heartbeat was under way */
	bool told_lost; /* that the coordinator is away was said */
	bool told_beat;
	unsigned failures;
	int64_t heartbeat_ms;
	void (*on_gone)(void *arg);
	void *gone_arg;
	struct defer gone;
};

#define TO SM_TO
const struct sm_state report_states[] = {
    [REPORT_IDLE] = {"idle", TO(REPORT_LOOKUP) | TO(REPORT_LEAVING)},
    [REPORT_LOOKUP] = {"lookup",
	TO(REPORT_REGISTERING) | TO(REPORT_BEATING) | TO(REPORT_PAUSE) |
	    TO(REPORT_LEAVING)},
    [REPORT_REGISTERING] = {"registering",
	TO(REPORT_ONLINE) | TO(REPORT_PAUSE) | TO(REPORT_LEAVING)},
    [REPORT_ONLINE] = {"online",
	TO(REPORT_REGISTERING) | TO(REPORT_BEATING) | TO(REPORT_LEAVING)},
    [REPORT_BEATING] = {"beating",
	TO(REPORT_ONLINE) | TO(REPORT_REGISTERING) | TO(REPORT_PAUSE) |
	    TO(REPORT_LEAVING)},
    [REPORT_PAUSE] = {"pause",
	TO(REPORT_LOOKUP) | TO(REPORT_REGISTERING) | TO(REPORT_BEATING) |
	    TO(REPORT_LEAVING)},
    [REPORT_LEAVING] = {"leaving", TO(REPORT_GONE)},
    [REPORT_GONE] = {"gone", 0},
};
#undef TO

static void try_again(struct report *r);

/* The one place where the state changes. */
static void
move(struct report *r, enum report_state next)
{
	sm_move(&r->sm, (int)next);
	timer_clear(&r->timer);
}

/* Half to one and a half of the doubled pause, so that a hundred workers do
 * not come back in one moment. */
static int64_t
pause_ms(unsigned failures)
{
	int64_t ms = PAUSE_FIRST_MS;

	while (failures-- > 1 && ms < PAUSE_MAX_MS)
		ms *= 2;
	ms = MIN_OF(ms, (int64_t)PAUSE_MAX_MS);
	return ms / 2 + (int64_t)rnd_below((uint64_t)ms);
}

static void
pause_for(struct report *r, int64_t ms)
{
	move(r, REPORT_PAUSE);
	timer_set(&r->timer, ms);
}

static void
lost(struct report *r, const char *why)
{
	r->failures++;
	/* The next address of the host; after the last one, ask anew. */
	if (++r->at >= r->n_addrs)
		r->n_addrs = r->at = 0;
	if (!r->told_lost && r->n_addrs == 0) {
		r->told_lost = true;
		log_warn("worker",
		    "Coordinator %s cannot be reached (%s); trying again until "
		    "it can",
		    r->conf.shown, why);
	}
	pause_for(r, r->n_addrs != 0 ? 0 : pause_ms(r->failures));
}

static void
reached(struct report *r)
{
	r->failures = 0;
	if (r->told_lost)
		log_info("worker", "Coordinator %s is back", r->conf.shown);
	r->told_lost = false;
}

/* What a refusal says, in the words of the coordinator. */
static void
refusal(struct str body, char *out, size_t cap)
{
	struct json *j = json_parse(body, ANSWER_MAX, NULL);
	const struct json_val *root = j != NULL ? json_root(j) : NULL;
	struct str text = STR("it gave no reason");

	if (!json_as_str(json_get(json_get(root, "error"), "message"), &text))
		(void)json_as_str(json_get(root, "detail"), &text);
	(void)str_fmt(out, cap, "%.*s", (int)MIN_OF(text.n, cap - 1), text.p);
	json_free(j);
}

static void
refused(struct report *r, int status, struct str body)
{
	char why[200];

	refusal(body, why, sizeof why);
	if (status >= 500 || status == 429) {
		char text[240];

		(void)str_fmt(text, sizeof text, "status %d: %s", status, why);
		r->n_addrs = r->at; /* another address would not help */
		lost(r, text);
		return;
	}
	log_error("worker", "Coordinator refuses this worker (status %d): %s",
	    status, why);
	pause_for(r, REFUSED_MS);
}

/* ---- calls ---- */

static void
send_call(struct report *r, const char *method, const char *target,
    struct buf *body, httpc_done_fn *done)
{
	struct http_field type = {STR("content-type"), STR("application/json")};
	struct http_head head = {
	    .method = str_of(method),
	    .target = str_of(target),
	    .authority = str_of(r->conf.url.authority),
	    .fields = &type,
	    .n_fields = body->n > 0 ? 1 : 0,
	};

	const struct httpc_ask ask = {
	    .to = &r->addrs[r->at],
	    .head = &head,
	    .body = buf_view(body),
	    .max = ANSWER_MAX,
	    .timeout_ms = report_state(r) == REPORT_LEAVING ? LEAVE_TIMEOUT_MS
							    : CALL_TIMEOUT_MS,
	};

	assert(!body->full);
	r->call = httpc_request(r->loop, &ask, done, r);
}

static void
assigned(struct report *r, const struct json_val *answer)
{
	struct json_fault fault = {0};
	struct wire_registered w;

	if (json_get(answer, "assigned_services") == NULL ||
	    wire_registered_read(answer, &w, &fault) != 0)
		return;
	if (json_get(answer, "heartbeat_interval_seconds") != NULL)
		r->heartbeat_ms = w.heartbeat_s * 1000;
	r->conf.on_assigned(r->conf.owner, &w, &r->addrs[r->at]);
}

static void
online(struct report *r)
{
	move(r, REPORT_ONLINE);
	timer_set(&r->timer, r->again ? SOON_MS : r->heartbeat_ms);
	r->again = false;
}

static void
on_registered(void *owner, int status, struct str body, const struct err *why)
{
	struct report *r;
	struct json *j;

	CAST_OBJ(r, owner, REPORT_MAGIC);
	r->call = NULL;
	if (why != NULL || status != 200)
		r->refresh = r->registered;
	if (why != NULL) {
		lost(r, why->msg);
		return;
	}
	if (status != 200) {
		refused(r, status, body);
		return;
	}
	reached(r);
	if (!r->registered)
		log_info("worker", "Worker registered successfully");
	r->registered = true;
	j = json_parse(body, ANSWER_MAX, NULL);
	r->again = true; /* tell at once how the services are */
	online(r);
	assigned(r, j != NULL ? json_root(j) : NULL);
	json_free(j);
	if (!r->told_beat)
		log_info("worker", "Starting heartbeat (%llds interval)",
		    (long long)(r->heartbeat_ms / 1000));
	r->told_beat = true;
}

static void
do_register(struct report *r)
{
	struct buf caps = BUF_INIT(BODY_MAX), body = BUF_INIT(BODY_MAX);
	struct jsonw w = jsonw_to(&caps);
	struct wire_register_out out = {
	    .worker_id = r->conf.worker_id,
	    .tunnel_url = r->conf.tunnel_url,
	    .epoch = r->conf.epoch,
	    .link = true,
	    .version = r->conf.version,
	};

	move(r, REPORT_REGISTERING);
	r->refresh = false;
	jsonw_obj(&w);
	r->conf.capabilities(r->conf.owner, &w);
	jsonw_end_obj(&w);
	out.capabilities = buf_view(&caps);
	w = jsonw_to(&body);
	wire_register_emit(&out, &w);
	send_call(r, "POST", "/api/worker/register", &body, on_registered);
	buf_fini(&caps);
	buf_fini(&body);
}

static void
on_beaten(void *owner, int status, struct str body, const struct err *why)
{
	struct report *r;
	struct json *j;

	CAST_OBJ(r, owner, REPORT_MAGIC);
	r->call = NULL;
	if (why != NULL) {
		lost(r, why->msg);
		return;
	}
	if (status == 404) {
		reached(r);
		r->registered = false;
		log_info("worker",
		    "Coordinator does not know this worker; registering again");
		do_register(r);
		return;
	}
	if (status != 200) {
		refused(r, status, body);
		return;
	}
	reached(r);
	online(r);
	j = json_parse(body, ANSWER_MAX, NULL);
	assigned(r, j != NULL ? json_root(j) : NULL);
	json_free(j);
}

static void
do_beat(struct report *r)
{
	struct buf body = BUF_INIT(BODY_MAX);
	struct jsonw w = jsonw_to(&body);
	struct wire_heartbeat_out out = {.status = "healthy"};

	move(r, REPORT_BEATING);
	r->conf.beat(r->conf.owner, &out);
	out.worker_id = r->conf.worker_id;
	wire_heartbeat_emit(&out, &w);
	send_call(r, "POST", "/api/worker/heartbeat", &body, on_beaten);
	buf_fini(&body);
}

static void
on_found(void *owner, const struct addr *addrs, size_t n, const struct err *why)
{
	struct report *r;

	CAST_OBJ(r, owner, REPORT_MAGIC);
	r->lookup = NULL;
	if (why != NULL) {
		lost(r, why->msg);
		return;
	}
	memcpy(r->addrs, addrs, n * sizeof *addrs);
	r->n_addrs = n;
	r->at = 0;
	try_again(r);
}

/* The next thing to do, from LOOKUP, PAUSE or ONLINE. */
static void
try_again(struct report *r)
{
	if (r->n_addrs == 0) {
		move(r, REPORT_LOOKUP);
		r->lookup = lookup_start(r->loop, &r->conf.url, on_found, r);
	} else if (!r->registered || r->refresh) {
		do_register(r);
	} else {
		do_beat(r);
	}
}

static void
report_on_timer(void *arg)
{
	struct report *r;

	CAST_OBJ(r, arg, REPORT_MAGIC);
	try_again(r);
}

/* ---- goodbye ---- */

static void
tell_gone(void *arg)
{
	struct report *r;

	CAST_OBJ(r, arg, REPORT_MAGIC);
	r->on_gone(r->gone_arg);
}

static void
on_left(void *owner, int status UNUSED, struct str body UNUSED,
    const struct err *why)
{
	struct report *r;

	CAST_OBJ(r, owner, REPORT_MAGIC);
	r->call = NULL;
	if (why != NULL)
		log_warn("worker", "Could not unregister: %s", why->msg);
	else
		log_info("worker", "Worker unregistered");
	move(r, REPORT_GONE);
	loop_defer(r->loop, &r->gone);
}

static void
stop_calls(struct report *r)
{
	if (r->lookup != NULL)
		lookup_cancel(r->lookup);
	if (r->call != NULL)
		httpc_cancel(r->call);
	r->lookup = NULL;
	r->call = NULL;
}

void
report_leave(struct report *r, void (*done)(void *arg), void *arg)
{
	struct buf none = BUF_INIT(1);
	char target[WIRE_ID_MAX + 40];

	CHECK_OBJ(r, REPORT_MAGIC);
	r->on_gone = done;
	r->gone_arg = arg;
	stop_calls(r);
	move(r, REPORT_LEAVING);
	if (!r->registered || r->n_addrs == 0) {
		move(r, REPORT_GONE);
		loop_defer(r->loop, &r->gone);
		return;
	}
	(void)str_fmt(target, sizeof target, "/api/worker/unregister/%s",
	    r->conf.worker_id);
	send_call(r, "DELETE", target, &none, on_left);
}

/* ---- the whole ---- */

struct report *
report_new(struct loop *l, const struct report_conf *conf)
{
	struct report *r = xcalloc(1, sizeof *r);

	r->magic = REPORT_MAGIC;
	r->loop = l;
	r->conf = *conf;
	r->heartbeat_ms = (int64_t)HEARTBEAT_S * 1000;
	r->gone = (struct defer){.fn = tell_gone, .arg = r};
	timer_init(&r->timer, l, report_on_timer, r);
	sm_init(&r->sm, report_states, "report", 0, REPORT_IDLE);
	return r;
}

void
report_start(struct report *r)
{
	CHECK_OBJ(r, REPORT_MAGIC);
	log_info("worker", "Connecting to coordinator: %s", r->conf.shown);
	try_again(r);
}

void
report_now(struct report *r)
{
	CHECK_OBJ(r, REPORT_MAGIC);
	switch (report_state(r)) {
	case REPORT_ONLINE:
		timer_set(&r->timer, SOON_MS);
		return;
	case REPORT_BEATING:
	case REPORT_REGISTERING:
		r->again = true;
		return;
	case REPORT_IDLE:
	case REPORT_LOOKUP:
	case REPORT_PAUSE:
	case REPORT_LEAVING:
	case REPORT_GONE:
		return; /* what is sent next tells it */
	}
}

void
report_refresh(struct report *r)
{
	CHECK_OBJ(r, REPORT_MAGIC);
	r->refresh = true;
	report_now(r);
}

void
report_unknown(struct report *r)
{
	CHECK_OBJ(r, REPORT_MAGIC);
	/* The next heartbeat is answered with 404, and the rest follows. */
	if (report_state(r) == REPORT_ONLINE)
		timer_set(&r->timer, 0);
	else
		report_now(r);
}

void
report_free(struct report *r)
{
	if (r == NULL)
		return;
	CHECK_OBJ(r, REPORT_MAGIC);
	stop_calls(r);
	timer_clear(&r->timer);
	loop_undefer(r->loop, &r->gone);
	KILL_OBJ(r);
	free(r);
}

enum report_state
report_state(const struct report *r)
{
	return (enum report_state)r->sm.state;
}
