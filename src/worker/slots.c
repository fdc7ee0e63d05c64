/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/slots.h"

#include <stdlib.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "net/httpd.h"
#include "net/pump.h"

#define AREA "worker.slots"

enum {
	CONCURRENCY = 16,
	WAITING = 64,
	WAIT_MS = 30 * 1000,
	AGAIN_MS = 20,
};

struct slot_request {
	unsigned magic;
#define SLOT_REQUEST_MAGIC 0x5107ae90u
	struct slots *slots;
	struct stream *client;
	struct pump *pump; /* NULL: waiting */
	struct arena arena;
	struct http_head head;
	struct pump_body body;
	enum service_id service;
	struct queue_entry entry;
	char id[65];
	TAILQ_ENTRY(slot_request) link;
};

static void
request_free(struct slot_request *r)
{
	struct slots *ss = r->slots;

	queue_drop(&ss->of[r->service].queue, &r->entry);
	TAILQ_REMOVE(&ss->all, r, link);
	ss->active--;
	pump_body_fini(&r->body);
	arena_fini(&r->arena);
	KILL_OBJ(r);
	free(r);
}

unsigned
slots_active(const struct slots *ss)
{
	return ss->active;
}

/* --- answers of our own --------------------------------------------------- */

static void
answer(struct slot_request *r, enum err_code code, const char *text)
{
	struct err err;

	r->slots->of[r->service].refused++;
	err_set(&err, code, "%s", text);
	reply_error(r->client, &err, NULL, r->id[0] != '\0' ? r->id : NULL);
	request_free(r);
}

static void
answer_not_ready(struct slot_request *r)
{
	struct slots *ss = r->slots;
	const char *why = ss->conf.reason != NULL
	    ? ss->conf.reason(ss->conf.owner, r->service)
	    : "";
	char text[240];

	(void)str_fmt(text, sizeof(text), "%s is not ready here%s%s",
	    catalogue_at(r->service)->name, why[0] != '\0' ? ": " : "", why);
	answer(r, ERR_UNAVAILABLE, text);
}

/* --- while it waits ------------------------------------------------------- */

static void
waiting_on_gone(void *owner)
{
	struct slot_request *r;

	CAST_OBJ(r, owner, SLOT_REQUEST_MAGIC);
	request_free(r);
}

static void
slot_on_late(void *owner UNUSED, struct queue_entry *e)
{
	answer(CONTAINER_OF(e, struct slot_request, entry), ERR_UNAVAILABLE,
	    "all slots of the service are busy");
}

/* --- running -------------------------------------------------------------- */

/* What the service says for one hop is not for the link. */
static void
running_on_head(void *owner UNUSED, struct arena *a UNUSED,
    struct http_head *head)
{
	http_drop(head, http_hop_by_hop);
}

static void
running_on_done(void *owner, enum pump_end how, bool body_sent UNUSED,
    const struct err *why)
{
	enum service_id service;
	struct slot_request *r;
	struct slots *ss;

	CAST_OBJ(r, owner, SLOT_REQUEST_MAGIC);
	ss = r->slots;
	service = r->service;
	ss->of[service].busy--;
	if (how == PUMP_UPSTREAM_LOST) {
		log_line(LOG_LEVEL_WARN, AREA, r->id, "%s failed: %s",
		    catalogue_at(service)->name, why->msg);
		if (why->code == ERR_TIMEOUT) {
			answer(r, ERR_TIMEOUT,
			    "the service did not answer in time");
		} else if (why->code == ERR_UNAVAILABLE) {
			answer(r, ERR_UNAVAILABLE,
			    "the service takes no connection now");
		} else {
			stream_close(r->client);
			request_free(r);
		}
	} else {
		ss->of[service].served++;
		request_free(r);
	}
	slots_look_again(ss, service);
}

/* The pool of the service's present socket; a restarted service may have
 * another one. */
static struct httpc *
pool_of(struct slots *ss, enum service_id id, const struct addr *at)
{
	struct slot *slot = &ss->of[id];

	if (slot->pool != NULL && slot->at.len == at->len &&
	    memcmp(&slot->at.sa, &at->sa, at->len) == 0)
		return slot->pool;
	if (slot->pool != NULL)
		httpc_free(slot->pool);
	slot->at = *at;
	/* More than slots: connections that are closing count too. */
	slot->pool = httpc_new(ss->conf.loop, at, 4 * ss->conf.concurrency + 16,
	    ss->conf.concurrency);
	return slot->pool;
}

/* False: no slot is free. Otherwise the request runs or was answered. */
static bool
run(struct slot_request *r)
{
	struct slots *ss = r->slots;
	struct slot *slot = &ss->of[r->service];
	const struct addr *at = ss->conf.addr(ss->conf.owner, r->service);
	const struct pump_conf conf = {
	    .on_head = running_on_head,
	    .on_done = running_on_done,
	    .owner = r,
	    .body = &r->body,
	    .tunnel = r->head.upgrade.n != 0,
	    .first_byte_ms = ss->conf.first_byte_ms,
	    .idle_ms = ss->conf.idle_ms,
	};
	struct stream *up;
	struct err err;

	if (at == NULL) {
		answer_not_ready(r);
		return true;
	}
	if (slot->busy >= ss->conf.concurrency)
		return false;
	up = httpc_open(pool_of(ss, r->service, at), NULL, NULL, &err);
	if (up == NULL) { /* no connection is free just now */
		if (!timer_is_set(&ss->again))
			timer_set(&ss->again, AGAIN_MS);
		return false;
	}
	slot->busy++;
	stream_send_head(up, &r->head);
	r->pump = pump_join(ss->conf.loop, r->client, up, &conf);
	return true;
}

void
slots_look_again(struct slots *ss, enum service_id id)
{
	struct queue *q = &ss->of[id].queue;
	struct queue_entry *e;

	while (!ss->closing && ss->of[id].busy < ss->conf.concurrency &&
	    (e = queue_take(q)) != NULL) {
		struct slot_request *r = CONTAINER_OF(e, struct slot_request,
		    entry);

		if (!run(r)) {
			queue_unget(q, e, ss->conf.wait_ms);
			return;
		}
	}
}

static void
slots_on_again(void *arg)
{
	struct slots *ss = arg;

	for (size_t i = 0; i < SERVICE__COUNT; i++)
		if (ss->of[i].queue.n > 0)
			slots_look_again(ss, (enum service_id)i);
}

/* --- a request ------------------------------------------------------------ */

bool
slots_is_service(struct str target)
{
	return str_starts(target, "/service/");
}

/* Splits "/service/<name>/<rest>" and finds the service. */
static const struct service_info *
route(struct str target, struct str *rest)
{
	struct str path = http_path(target);
	struct str name = {path.p + 9, path.n - 9};
	size_t n = 0;

	while (n < name.n && name.p[n] != '/')
		n++;
	name.n = n;
	*rest = (struct str){target.p + 9 + n, target.n - 9 - n};
	return catalogue_find(name);
}

static void
build_head(struct slot_request *r, const struct http_head *in, struct str rest)
{
	struct arena *a = &r->arena;
	const struct str *id = http_get(in, "x-request-id");

	r->head = *http_head_copy(a, in);
	http_drop(&r->head, http_hop_by_hop);
	http_head_extend(a, &r->head, HOP_FIELDS);
	hop_expand(&r->slots->hop, a, &r->head);
	r->head.target = rest.n > 0 && rest.p[0] == '/'
	    ? arena_str(a, rest)
	    : str_of(arena_fmt(a, "/%.*s", STR_ARG(rest)));
	r->head.expect_continue = false;
	if (id != NULL)
		(void)str_copy(r->id, sizeof(r->id), *id);
}

void
slots_request(struct slots *ss, struct stream *s, const struct http_head *head)
{
	const struct service_info *info;
	struct slot_request *r;
	struct str rest;
	struct err err;

	info = slots_is_service(head->target) ? route(head->target, &rest)
					      : NULL;
	if (info == NULL || ss->closing) {
		err_set(&err, info == NULL ? ERR_NOT_FOUND : ERR_UNAVAILABLE,
		    info == NULL ? "no such service" : "shutting down");
		reply_error(s, &err, NULL, NULL);
		return;
	}
	r = xcalloc(1, sizeof(*r));
	r->magic = SLOT_REQUEST_MAGIC;
	r->slots = ss;
	r->client = s;
	r->service = info->id;
	TAILQ_INSERT_TAIL(&ss->all, r, link);
	ss->active++;
	pump_body_init(&r->body, false);
	r->body.ended = head->no_body;
	build_head(r, head, rest);
	pump_body_wait(&r->body, s, waiting_on_gone, r);
	if (ss->of[info->id].queue.n == 0 && run(r))
		return;
	if (!queue_put(&ss->of[info->id].queue, &r->entry, ss->conf.wait_ms))
		answer(r, ERR_UNAVAILABLE,
		    "too many requests are waiting for the service");
}

/* --- start and end -------------------------------------------------------- */

void
slots_init(struct slots *ss, const struct slots_conf *conf)
{
	*ss = (struct slots){.conf = *conf};
	if (ss->conf.concurrency == 0)
		ss->conf.concurrency = CONCURRENCY;
	if (ss->conf.waiting == 0)
		ss->conf.waiting = WAITING;
	if (ss->conf.wait_ms == 0)
		ss->conf.wait_ms = WAIT_MS;
	TAILQ_INIT(&ss->all);
	hop_init(&ss->hop);
	timer_init(&ss->again, conf->loop, slots_on_again, ss);
	for (size_t i = 0; i < SERVICE__COUNT; i++)
		queue_init(&ss->of[i].queue, conf->loop, ss->conf.waiting,
		    slot_on_late, ss);
}

void
slots_fini(struct slots *ss)
{
	struct slot_request *r;

	ss->closing = true;
	timer_clear(&ss->again);
	while ((r = TAILQ_FIRST(&ss->all)) != NULL) {
		/* The analyzer does not see that freeing unlinks. */
		if (r->pump != NULL) /* NOLINT(clang-analyzer-unix.Malloc) */
			pump_cancel(r->pump);
		else
			stream_close(r->client);
		request_free(r);
	}
	for (size_t i = 0; i < SERVICE__COUNT; i++) {
		if (ss->of[i].pool != NULL)
			httpc_free(ss->of[i].pool);
		queue_fini(&ss->of[i].queue);
	}
}
