/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/links.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "core/wire.h"
#include "net/httpd.h"

#define AREA "coordinator.links"

struct link {
	unsigned magic;
#define LINK_MAGIC 0x11a4c0deu
	struct links *links; /* NULL after links_fini() */
	struct h2 *h2;
	uint64_t epoch;
	bool listed; /* in by_id */
	bool replaced;
	char worker[WIRE_ID_MAX + 1];
	TAILQ_ENTRY(link) entry;
};

void
links_init(struct links *ls, const struct links_conf *conf)
{
	*ls = (struct links){.conf = *conf};
	TAILQ_INIT(&ls->all);
}

void
links_fini(struct links *ls)
{
	struct link *k;

	ls->closing = true;
	while ((k = TAILQ_FIRST(&ls->all)) != NULL) {
		TAILQ_REMOVE(&ls->all, k, entry);
		k->links = NULL;
		h2_close(k->h2);
	}
	map_fini(&ls->by_id);
}

struct link *
links_find(const struct links *ls, struct str worker_id)
{
	return map_get(&ls->by_id, worker_id);
}

uint64_t
link_epoch(const struct link *k)
{
	return k->epoch;
}

bool
link_is_open(const struct link *k)
{
	return k->listed && h2_is_open(k->h2);
}

struct stream *
link_open(struct link *k, const struct stream_sink *sink, void *owner,
    struct err *err)
{
	return h2_open(k->h2, sink, owner, err);
}

/* No new requests from here on. */
static void
unlist(struct link *k)
{
	struct links *ls = k->links;

	if (!k->listed)
		return;
	k->listed = false;
	(void)map_del(&ls->by_id, str_of(k->worker));
	if (!ls->closing && !k->replaced && ls->conf.on_change != NULL)
		ls->conf.on_change(ls->conf.owner, str_of(k->worker), NULL);
}

static void
link_on_closed(void *owner, const struct err *why)
{
	struct link *k;

	CAST_OBJ(k, owner, LINK_MAGIC);
	if (k->links != NULL) {
		if (why != NULL && !k->replaced)
			log_warn(AREA, "link of worker %s is down: %s",
			    k->worker, why->msg);
		else
			log_info(AREA, "link of worker %s closed", k->worker);
		TAILQ_REMOVE(&k->links->all, k, entry);
		k->links->n--;
		unlist(k);
	}
	KILL_OBJ(k);
	free(k);
}

static void
link_on_drain(void *owner)
{
	struct link *k;

	CAST_OBJ(k, owner, LINK_MAGIC);
	if (k->links == NULL)
		return;
	log_info(AREA, "link of worker %s is draining", k->worker);
	unlist(k);
}

static void
link_new(struct links *ls, struct sock *sock, struct str worker, uint64_t epoch)
{
	const struct h2_conf conf = {
	    .server = false,
	    .on_closed = link_on_closed,
	    .on_drain = link_on_drain,
	};
	struct link *old = links_find(ls, worker);
	struct link *k = xcalloc(1, sizeof(*k));
	struct h2_conf c = conf;

	k->magic = LINK_MAGIC;
	k->links = ls;
	k->epoch = epoch;
	(void)str_copy(k->worker, sizeof(k->worker), worker);
	if (old != NULL) {
		log_warn(AREA, "worker %s linked again: epoch %llu cuts %llu",
		    k->worker, (unsigned long long)epoch,
		    (unsigned long long)old->epoch);
		old->replaced = true;
		ls->n_replaced++;
		unlist(old);
		h2_close(old->h2);
	}
	c.owner = k;
	k->h2 = h2_new(ls->conf.loop, sock, &c);
	TAILQ_INSERT_TAIL(&ls->all, k, entry);
	ls->n++;
	k->listed = true;
	(void)map_put(&ls->by_id, str_of(k->worker), k);
	log_info(AREA, "link of worker %s is up", k->worker);
	if (ls->conf.on_change != NULL)
		ls->conf.on_change(ls->conf.owner, str_of(k->worker), k);
}

static int
check(struct links *ls, const struct http_head *head, struct str *worker,
    uint64_t *epoch, const char **field, struct err *err)
{
	const struct str *id = http_get(head, "hearth-worker-id");
	const struct str *e = http_get(head, "hearth-epoch");
	struct link *old;

	if (ls->closing)
		return err_set(err, ERR_UNAVAILABLE, "shutting down");
	if (!str_eqz(head->method, "GET") ||
	    !str_ieqz(head->upgrade, LINKS_PROTOCOL)) {
		*field = "Upgrade";
		return err_set(err, ERR_INVALID,
		    "a link is a GET with Upgrade: " LINKS_PROTOCOL);
	}
	*field = "Hearth-Worker-Id";
	if (id == NULL || !wire_worker_id_ok(*id))
		return err_set(err, ERR_INVALID,
		    "Hearth-Worker-Id must be 1 to %d of [A-Za-z0-9._:-]",
		    WIRE_ID_MAX);
	*field = "Hearth-Epoch";
	if (e == NULL || !str_u64(*e, epoch))
		return err_set(err, ERR_INVALID,
		    "Hearth-Epoch must be a decimal number");
	*field = NULL;
	*worker = *id;
	old = links_find(ls, *id);
	if (old != NULL && old->epoch >= *epoch)
		return err_set(err, ERR_CONFLICT,
		    "worker '%.*s' has a later link (epoch %llu)", STR_ARG(*id),
		    (unsigned long long)old->epoch);
	if (ls->conf.allow != NULL)
		return ls->conf.allow(ls->conf.owner, *id, err);
	return 0;
}

/* Until the sock is taken the stream needs somebody to talk to. */
static void
nobody_on_fail(void *owner UNUSED, const struct err *why UNUSED)
{
}

static const struct stream_sink nobody = {.on_fail = nobody_on_fail};

void
links_accept(struct links *ls, struct stream *s, const struct http_head *head,
    const char *request_id)
{
	const struct http_head answer = {
	    .status = 101,
	    .content_length = -1,
	    .upgrade = STR(LINKS_PROTOCOL),
	};
	char id[WIRE_ID_MAX + 1];
	const char *field = NULL;
	struct str worker = {0};
	struct sock *sock;
	struct err err;
	uint64_t epoch = 0;

	if (check(ls, head, &worker, &epoch, &field, &err) < 0) {
		log_warn(AREA, "link refused: %s", err.msg);
		reply_error(s, &err, field, request_id);
		return;
	}
	(void)str_copy(id, sizeof(id), worker);
	stream_own(s, &nobody, NULL);
	stream_send_head(s, &answer);
	sock = h1_take_sock(s);
	if (sock == NULL)
		return; /* gone meanwhile */
	link_new(ls, sock, str_of(id), epoch);
}

void
links_drain_all(struct links *ls)
{
	struct link *k;

	TAILQ_FOREACH(k, &ls->all, entry) {
		unlist(k);
		h2_drain(k->h2);
	}
}

/* --- small requests of our own -------------------------------------------- */

struct link_call {
	unsigned magic;
#define LINK_CALL_MAGIC 0x11a4ca11u
	struct stream *s;
	char worker[WIRE_ID_MAX + 1];
	char *target;
	char *json;
	size_t n, sent;
};

static void
call_end(struct link_call *c)
{
	stream_close(c->s);
	free(c->target);
	free(c->json);
	KILL_OBJ(c);
	free(c);
}

static void
call_send(struct link_call *c)
{
	c->sent += stream_write(c->s, c->json + c->sent, c->n - c->sent);
	if (c->sent == c->n)
		stream_end(c->s);
}

static void
call_on_head(void *owner, const struct http_head *head)
{
	struct link_call *c;

	CAST_OBJ(c, owner, LINK_CALL_MAGIC);
	if (head->status >= 300)
		log_warn(AREA, "worker %s answered %d to %s", c->worker,
		    head->status, c->target);
}

static void
call_on_body(void *owner, const uint8_t *p UNUSED, size_t n)
{
	struct link_call *c;

	CAST_OBJ(c, owner, LINK_CALL_MAGIC);
	stream_consumed(c->s, n);
}

static void
call_on_room(void *owner)
{
	struct link_call *c;

	CAST_OBJ(c, owner, LINK_CALL_MAGIC);
	call_send(c);
}

static void
call_on_end(void *owner)
{
	struct link_call *c;

	CAST_OBJ(c, owner, LINK_CALL_MAGIC);
	call_end(c);
}

static void
call_on_fail(void *owner, const struct err *why)
{
	struct link_call *c;

	CAST_OBJ(c, owner, LINK_CALL_MAGIC);
	log_warn(AREA, "%s to worker %s failed: %s", c->target, c->worker,
	    why->msg);
	call_end(c);
}

static const struct stream_sink call_sink = {
    .on_head = call_on_head,
    .on_body = call_on_body,
    .on_room = call_on_room,
    .on_end = call_on_end,
    .on_fail = call_on_fail,
};

void
link_put(struct link *k, const char *target, struct str json)
{
	struct http_field type = {STR("content-type"), STR("application/json")};
	struct http_head head = {
	    .method = STR("PUT"),
	    .target = str_of(target),
	    .authority = STR("worker"),
	    .scheme = STR("http"),
	    .fields = &type,
	    .n_fields = 1,
	    .content_length = (int64_t)json.n,
	};
	struct link_call *c = xcalloc(1, sizeof(*c));
	struct err err;

	c->magic = LINK_CALL_MAGIC;
	c->s = h2_open(k->h2, &call_sink, c, &err);
	if (c->s == NULL) {
		log_warn(AREA, "%s to worker %s: %s", target, k->worker,
		    err.msg);
		free(c);
		return;
	}
	(void)str_copy(c->worker, sizeof(c->worker), str_of(k->worker));
	c->target = xstrdup(target);
	c->json = xstrndup(json.p, json.n);
	c->n = json.n;
	stream_send_head(c->s, &head);
	call_send(c);
}
