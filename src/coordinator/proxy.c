/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/proxy.h"

#include <assert.h>
#include <stdlib.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "coordinator/fields.h"
#include "coordinator/url_pool.h"
#include "net/httpd.h"
#include "net/pump.h"

#define AREA "coordinator.proxy"

enum {
	QUEUE_MAX = 256,
	QUEUE_MS = 30 * 1000,
	AWAY_MS = 2000,
	TICK_MS = 50,
	POOLS_MAX = 1024,
	SPARE_MAX = 512,
	BODY_MAX = 256 * 1024 * 1024,
};

#define BUDGET_SHARE 0.2
#define BUDGET_MAX 20.0

struct exchange {
	unsigned magic;
#define EXCHANGE_MAGIC 0xe8c4a49eu
	struct proxy *proxy;
	struct stream *client; /* ours while waiting, else the pump's */
	struct pump *pump;     /* NULL: waiting */
	struct arena arena;
	struct http_head head; /* as it will be sent; strings in the arena */
	struct pump_body body;
	enum service_id service;
	struct queue_entry entry;
	int64_t queue_ms; /* spent waiting */
	uint64_t tried[PROXY_TRIES + 1];
	size_t n_tried;
	unsigned tries;
	uint64_t serial; /* of the worker that has it */
	struct http_field cors[4];
	size_t n_cors;
	bool had_answer;       /* a head came from the worker */
	enum err_code lost_by; /* how the first try ended, ERR_OK = not yet */
	int status;
	char id[FORWARD_ID_MAX + 1];
	char worker[WIRE_ID_MAX + 1];
	char digits[24];
	TAILQ_ENTRY(exchange) link;
};

struct proxy_pool {
	struct url_pool pool;
	char *url;
};

static void dispatch(struct exchange *x, bool first_in_line);

/* --- life ----------------------------------------------------------------- */

static void
exchange_free(struct exchange *x)
{
	struct proxy *p = x->proxy;

	queue_drop(&p->queues[x->service], &x->entry);
	TAILQ_REMOVE(&p->all, x, link);
	p->n--;
	pump_body_fini(&x->body);
	KILL_OBJ(x);
	if (p->n_spare < SPARE_MAX && !p->closing) {
		arena_reset(&x->arena);
		TAILQ_INSERT_HEAD(&p->spare, x, link);
		p->n_spare++;
	} else {
		arena_fini(&x->arena);
		free(x);
	}
}

static struct exchange *
exchange_new(struct proxy *p)
{
	struct exchange *x = TAILQ_FIRST(&p->spare);
	struct arena mem = {0};

	if (x != NULL) {
		TAILQ_REMOVE(&p->spare, x, link);
		p->n_spare--;
		mem = x->arena;
	} else {
		x = xmalloc(sizeof(*x));
	}
	*x = (struct exchange){.magic = EXCHANGE_MAGIC,
	    .proxy = p,
	    .arena = mem};
	TAILQ_INSERT_TAIL(&p->all, x, link);
	p->n++;
	return x;
}

/* --- answers of our own --------------------------------------------------- */

static void
count(struct exchange *x, size_t offset)
{
	struct proxy_stats *all = &x->proxy->stats;
	struct proxy_stats *one = &x->proxy->of[x->service];

	++*(uint64_t *)(void *)((char *)all + offset);
	++*(uint64_t *)(void *)((char *)one + offset);
}
#define COUNT(x, what) count(x, offsetof(struct proxy_stats, what))

static size_t
answer_fields(struct exchange *x, struct http_field *f, bool retry)
{
	size_t n = 0;

	f[n++] = (struct http_field){STR("X-Request-Id"), str_of(x->id)};
	f[n++] = (struct http_field){STR("Cache-Control"), STR("no-store")};
	if (retry) {
		(void)str_fmt(x->digits, sizeof(x->digits), "%u",
		    queue_retry_after(&x->proxy->queues[x->service]));
		f[n++] = (struct http_field){STR("Retry-After"),
		    str_of(x->digits)};
	}
	for (size_t i = 0; i < x->n_cors; i++)
		f[n++] = x->cors[i];
	return n;
}

/* Ends the exchange with an error object; its message is also in the members
 * that older clients read. */
static void
answer_error(struct exchange *x, int status, const char *code,
    const char *message, bool may_have_run)
{
	const char *service = catalogue_at(x->service)->name;
	struct buf json = BUF_INIT(4096);
	struct jsonw w = jsonw_to(&json);
	struct http_field f[8];
	size_t n;

	jsonw_obj(&w);
	jsonw_key(&w, "error");
	jsonw_obj(&w);
	jsonw_kz(&w, "code", code);
	jsonw_kz(&w, "message", message);
	jsonw_kz(&w, "request_id", x->id);
	if (may_have_run)
		jsonw_kbool(&w, "may_have_run", true);
	jsonw_end_obj(&w);
	jsonw_kz(&w, "detail", message);
	jsonw_kz(&w, "message", message);
	jsonw_kz(&w, "service", service);
	jsonw_end_obj(&w);
	n = answer_fields(x, f, status == 503 || status == 429);
	log_line(LOG_LEVEL_DEBUG, AREA, x->id, "%s: %d %s", service, status,
	    message);
	if (status == 503)
		COUNT(x, refused);
	else
		COUNT(x, failed);
	reply_bytes(x->client, status, "application/json", f, n,
	    buf_view(&json));
	buf_fini(&json);
	exchange_free(x);
}

static void
answer_too_big(struct exchange *x)
{
	char text[120];

	(void)str_fmt(text, sizeof(text),
	    "the request body is larger than the %lld bytes allowed here",
	    (long long)x->proxy->conf.body_max);
	answer_error(x, 413, "too_large", text, false);
}

/* A worker had it and failed. */
static void
answer_lost(struct exchange *x, enum err_code why)
{
	switch (why) {
	case ERR_TIMEOUT:
		answer_error(x, 504, "timeout",
		    "The worker did not answer in time", true);
		return;
	case ERR_UNAVAILABLE: /* it never ran */
		answer_error(x, 503, "not_available",
		    "Service temporarily unavailable", false);
		return;
	case ERR_TOO_BIG:
		answer_too_big(x);
		return;
	default:
		answer_error(x, 502, "bad_gateway",
		    "The worker failed before it answered; the request may "
		    "have run",
		    !http_method_is_safe(x->head.method));
		return;
	}
}

static void
answer_none(struct exchange *x, const struct pick *pick)
{
	const char *service = catalogue_at(x->service)->name;
	char text[240];

	if (x->lost_by != ERR_OK) { /* nobody is left to try again with */
		answer_lost(x, x->lost_by);
		return;
	}
	if (pick->why == PICK_NONE)
		(void)str_fmt(text, sizeof(text),
		    "No workers currently provide the '%s' service", service);
	else
		pick_text(pick, service, text, sizeof(text));
	answer_error(x, 503, "not_available", text, false);
}

/* --- while it waits ------------------------------------------------------- */

static void
waiting_on_gone(void *owner)
{
	struct exchange *x;

	CAST_OBJ(x, owner, EXCHANGE_MAGIC);
	COUNT(x, cancelled);
	exchange_free(x);
}

static void
proxy_on_late(void *owner UNUSED, struct queue_entry *e)
{
	struct exchange *x = CONTAINER_OF(e, struct exchange, entry);
	struct pick pick = {.why = PICK_AWAY};

	CHECK_OBJ(x, EXCHANGE_MAGIC);
	(void)registry_pick(x->proxy->conf.registry, x->service, x->tried,
	    x->n_tried, &pick);
	if (pick.why == PICK_OK)
		answer_error(x, 503, "not_available",
		    "All workers of the service are busy", false);
	else
		answer_none(x, &pick);
}

static void
wait_in_queue(struct exchange *x, bool away, bool first_in_line)
{
	struct proxy *p = x->proxy;
	struct queue *q = &p->queues[x->service];
	int64_t ms = away ? p->conf.away_ms : p->conf.queue_ms;

	if (first_in_line) {
		queue_unget(q, &x->entry, ms);
	} else if (!queue_put(q, &x->entry, ms)) {
		answer_error(x, 503, "not_available",
		    "Too many requests are waiting for the service", false);
		return;
	}
	COUNT(x, queued);
	if (!timer_is_set(&p->tick))
		timer_set(&p->tick, TICK_MS);
}

size_t
proxy_waiting(const struct proxy *p, enum service_id service)
{
	return p->queues[service].n;
}

/* Takes from the head as long as somebody finds a place. */
static void
look_again(struct proxy *p, enum service_id service)
{
	struct queue *q = &p->queues[service];
	struct queue_entry *e;
	struct pick pick;

	while (q->n > 0 && !p->closing) {
		if (registry_pick(p->conf.registry, service, NULL, 0, &pick) ==
			NULL ||
		    pick.busy)
			return;
		e = queue_take(q);
		dispatch(CONTAINER_OF(e, struct exchange, entry), true);
		if (e == TAILQ_FIRST(&q->list))
			return; /* back where it was */
	}
}

void
proxy_look_again(struct proxy *p)
{
	bool waiting = false;

	for (size_t i = 0; i < SERVICE__COUNT; i++) {
		if (p->queues[i].n == 0)
			continue;
		look_again(p, (enum service_id)i);
		waiting = waiting || p->queues[i].n > 0;
	}
	if (waiting && !timer_is_set(&p->tick))
		timer_set(&p->tick, TICK_MS);
}

static void
proxy_on_tick(void *arg)
{
	proxy_look_again(arg);
}

/* --- workers known by URL ------------------------------------------------- */

static void
pool_free(struct proxy_pool *pp)
{
	url_pool_close(&pp->pool);
	free(pp->url);
	free(pp);
}

/* URLs come and go; those that nobody uses now can be opened again. */
static bool
make_room(struct proxy *p)
{
	struct map_entry *e;

	if (p->pools.n < POOLS_MAX)
		return true;
	MAP_FOREACH(e, &p->pools) {
		struct proxy_pool *pp = e->value;

		if (url_pool_is_idle(&pp->pool)) {
			(void)map_del(&p->pools, str_of(pp->url));
			pool_free(pp);
			return true;
		}
	}
	return false;
}

static void
pool_on_found(void *owner)
{
	proxy_look_again(owner);
}

static struct url_pool *
pool_of(struct proxy *p, struct str url, struct err *err)
{
	struct proxy_pool *pp = map_get(&p->pools, url);

	if (pp != NULL)
		return &pp->pool;
	if (!make_room(p)) {
		err_set(err, ERR_BUSY, "too many workers known by URL");
		return NULL;
	}
	pp = xcalloc(1, sizeof(*pp));
	if (url_pool_open(&pp->pool, p->conf.loop, url, pool_on_found, p, err) <
	    0) {
		free(pp);
		return NULL;
	}
	pp->url = xstrndup(url.p, url.n);
	(void)map_put(&p->pools, str_of(pp->url), pp);
	return &pp->pool;
}

static void
dial_failed(struct exchange *x)
{
	struct proxy *p = x->proxy;
	const struct node *n = registry_by_serial(p->conf.registry, x->serial);
	struct proxy_pool *pp = n != NULL ? map_get(&p->pools, n->url) : NULL;

	if (pp != NULL)
		url_pool_failed(&pp->pool);
}

/* --- running -------------------------------------------------------------- */

/* May a browser run what is in it? HTML, and by its xml-stylesheet or script
 * elements anything that is XML: XHTML, SVG, feeds. */
static bool
is_active(const struct http_head *h)
{
	const struct str *field = http_get(h, "content-type");
	struct str rest = field != NULL ? *field : (struct str){0};
	struct str type = str_trim(str_cut(&rest, ';'));

	if (type.n < 4)
		return false;
	return str_ieqz(type, "text/html") ||
	    str_ieqz((struct str){type.p + type.n - 4, 4}, "/xml") ||
	    str_ieqz((struct str){type.p + type.n - 4, 4}, "+xml");
}

static void
running_on_head(void *owner, struct arena *a UNUSED, struct http_head *h)
{
	struct exchange *x;
	struct proxy *p;

	CAST_OBJ(x, owner, EXCHANGE_MAGIC);
	p = x->proxy;
	x->had_answer = true;
	x->status = h->status;
	http_drop(h, fields_drop_response);
	if (h->status < 200)
		return;
	http_add(h, STR("x-request-id"), str_of(x->id));
	if (!p->conf.quiet) {
		http_add(h, STR("hearth-worker"), str_of(x->worker));
		http_add(h, STR("hearth-service"),
		    str_of(catalogue_at(x->service)->name));
		if (x->queue_ms > 0)
			(void)str_fmt(x->digits, sizeof(x->digits), "%lld",
			    (long long)x->queue_ms);
		http_add(h, STR("hearth-queue-ms"),
		    x->queue_ms > 0 ? str_of(x->digits) : STR("0"));
	}
	http_add(h, STR("via"), str_of(p->forward.via));
	http_add(h, STR("x-content-type-options"), STR("nosniff"));
	if (is_active(h))
		http_add(h, STR("content-security-policy"), STR("sandbox"));
	for (size_t i = 0; i < x->n_cors; i++)
		http_add(h, x->cors[i].name, x->cors[i].value);
}

/* Only what the worker never saw, or what may be repeated (RFC 9110 9.2.2);
 * from its start; a fifth of all requests at most; never after an answer. */
static bool
may_retry(struct exchange *x, const struct err *why)
{
	struct proxy *p = x->proxy;

	if (x->had_answer || x->tries >= PROXY_TRIES || p->closing ||
	    !pump_body_whole(&x->body) || why->code == ERR_TIMEOUT ||
	    why->code == ERR_TOO_BIG)
		return false;
	if (why->code != ERR_UNAVAILABLE &&
	    !http_method_is_idempotent(x->head.method))
		return false;
	if (p->budget < 1.0)
		return false;
	p->budget -= 1.0;
	return true;
}

static void
lost(struct exchange *x, const struct err *why)
{
	bool never_ran;

	assert(why != NULL);
	never_ran = why->code == ERR_UNAVAILABLE;
	pump_body_wait(&x->body, x->client, waiting_on_gone, x);
	log_line(LOG_LEVEL_WARN, AREA, x->id, "worker %s failed %s: %s",
	    x->worker, catalogue_at(x->service)->name, why->msg);
	if (never_ran)
		dial_failed(x);
	if (may_retry(x, why)) {
		x->lost_by = why->code;
		COUNT(x, retries);
		if (!never_ran)
			x->tried[x->n_tried++] = x->serial;
		dispatch(x, false);
		return;
	}
	answer_lost(x, why->code);
}

static void
running_on_done(void *owner, enum pump_end how, bool body_sent UNUSED,
    const struct err *why)
{
	struct exchange *x;
	struct proxy *p;
	enum service_id service;
	bool good;

	CAST_OBJ(x, owner, EXCHANGE_MAGIC);
	p = x->proxy;
	service = x->service;
	x->pump = NULL;
	good = how == PUMP_DONE && (x->status < 502 || x->status > 504);
	if (how == PUMP_CLIENT_GONE ||
	    (why != NULL && why->code == ERR_TOO_BIG)) /* not its fault */
		good = true;
	registry_done(p->conf.registry, x->serial, service, good);
	if (how == PUMP_UPSTREAM_LOST) {
		lost(x, why);
	} else {
		if (how == PUMP_DONE)
			COUNT(x, answered);
		else if (how == PUMP_CLIENT_GONE)
			COUNT(x, cancelled);
		else
			COUNT(x, failed);
		exchange_free(x);
	}
	if (p->queues[service].n > 0)
		look_again(p, service);
}

/* --- the way to a worker -------------------------------------------------- */

static struct stream *
open_stream(struct exchange *x, struct node *n, struct http_head *head,
    struct err *err)
{
	struct url_pool *pool;

	*head = x->head;
	if (n->link != NULL)
		return link_open(n->link, NULL, NULL, err);
	if (n->url.n == 0) {
		err_set(err, ERR_UNAVAILABLE, "the worker is not linked");
		return NULL;
	}
	pool = pool_of(x->proxy, n->url, err);
	if (pool == NULL)
		return NULL;
	hop_expand(&x->proxy->forward.hop, &x->arena, head);
	head->authority = arena_str(&x->arena, str_of(pool->url.authority));
	if (pool->url.base[0] != '\0')
		head->target = str_of(arena_fmt(&x->arena, "%s%.*s",
		    pool->url.base, STR_ARG(head->target)));
	return url_pool_stream(pool, err);
}

static void
run(struct exchange *x, struct node *n, struct stream *up,
    const struct http_head *head)
{
	struct proxy *p = x->proxy;
	const struct pump_conf conf = {
	    .on_head = running_on_head,
	    .on_done = running_on_done,
	    .owner = x,
	    .body = &x->body,
	    .tunnel = x->head.upgrade.n != 0,
	    .body_max = p->conf.body_max,
	    .first_byte_ms = p->conf.first_byte_ms,
	    .idle_ms = p->conf.idle_ms,
	};

	x->tries++;
	x->serial = n->serial;
	(void)str_copy(x->worker, sizeof(x->worker), n->id);
	registry_begin(p->conf.registry, n);
	if (x->entry.since_ms != 0)
		x->queue_ms = loop_now_ms(p->conf.loop) - x->entry.since_ms;
	stream_send_head(up, head);
	x->pump = pump_join(p->conf.loop, x->client, up, &conf);
}

static void
dispatch(struct exchange *x, bool first_in_line)
{
	struct proxy *p = x->proxy;
	struct http_head head;
	struct stream *up;
	struct pick pick;
	struct node *n;
	struct err err;

	for (;;) {
		n = registry_pick(p->conf.registry, x->service, x->tried,
		    x->n_tried, &pick);
		if (n == NULL && pick.why == PICK_AWAY) {
			wait_in_queue(x, true, first_in_line);
			return;
		}
		if (n == NULL) {
			answer_none(x, &pick);
			return;
		}
		if (pick.busy) {
			wait_in_queue(x, false, first_in_line);
			return;
		}
		up = open_stream(x, n, &head, &err);
		if (up != NULL)
			break;
		if (err.code == ERR_BUSY) {
			wait_in_queue(x, false, first_in_line);
			return;
		}
		log_line(LOG_LEVEL_WARN, AREA, x->id, "worker %.*s: %s",
		    STR_ARG(n->id), err.msg);
		if (x->n_tried > PROXY_TRIES) {
			answer_error(x, 503, "not_available",
			    "Service temporarily unavailable", false);
			return;
		}
		x->tried[x->n_tried++] = n->serial;
	}
	run(x, n, up, &head);
}

/* --- a request ------------------------------------------------------------ */

void
proxy_request(struct proxy *p, struct stream *s, const struct http_head *head,
    enum service_id service, struct str rest)
{
	struct exchange *x = exchange_new(p);
	bool fresh;

	x->client = s;
	x->service = service;
	p->budget = MIN_OF(p->budget + BUDGET_SHARE, BUDGET_MAX);
	COUNT(x, requests);
	pump_body_init(&x->body,
	    head->content_length <= PUMP_REPLAY_MAX && head->upgrade.n == 0);
	x->body.ended = head->no_body;
	pump_body_wait(&x->body, s, waiting_on_gone, x);
	if (p->conf.cors != NULL)
		x->n_cors = p->conf.cors(p->conf.owner, head, x->cors);
	fresh = forward_head(&p->forward, &x->arena, head, s->peer,
	    forward_target(&x->arena, catalogue_at(service)->name, rest), x->id,
	    &x->head);
	if (!fresh) {
		answer_error(x, 508, "loop_detected",
		    "This request has passed here before", false);
		return;
	}
	if (p->closing) {
		answer_error(x, 503, "not_available", "Shutting down", false);
		return;
	}
	if (head->content_length > p->conf.body_max) {
		answer_too_big(x);
		return;
	}
	if (p->queues[service].n > 0) /* behind those who came before */
		wait_in_queue(x, false, false);
	else
		dispatch(x, false);
}

/* --- start and end -------------------------------------------------------- */

void
proxy_init(struct proxy *p, const struct proxy_conf *conf)
{
	*p = (struct proxy){.conf = *conf, .budget = BUDGET_MAX};
	if (p->conf.queue == 0)
		p->conf.queue = QUEUE_MAX;
	if (p->conf.queue_ms == 0)
		p->conf.queue_ms = QUEUE_MS;
	if (p->conf.body_max == 0)
		p->conf.body_max = BODY_MAX;
	if (p->conf.away_ms == 0)
		p->conf.away_ms = AWAY_MS;
	forward_init(&p->forward, conf->name);
	TAILQ_INIT(&p->all);
	TAILQ_INIT(&p->spare);
	for (size_t i = 0; i < SERVICE__COUNT; i++)
		queue_init(&p->queues[i], conf->loop, p->conf.queue,
		    proxy_on_late, p);
	timer_init(&p->tick, conf->loop, proxy_on_tick, p);
}

void
proxy_fini(struct proxy *p)
{
	struct exchange *x;
	struct map_entry *e;

	p->closing = true;
	while ((x = TAILQ_FIRST(&p->all)) != NULL) {
		/* The analyzer does not see that freeing unlinks. */
		if (x->pump != NULL) { /* NOLINT(clang-analyzer-unix.Malloc) */
			pump_cancel(x->pump);
			registry_done(p->conf.registry, x->serial, x->service,
			    true);
		} else {
			stream_close(x->client);
		}
		exchange_free(x);
	}
	while ((x = TAILQ_FIRST(&p->spare)) != NULL) {
		TAILQ_REMOVE(&p->spare, x, link);
		arena_fini(&x->arena);
		free(x);
	}
	MAP_FOREACH(e, &p->pools)
		pool_free(e->value);
	map_fini(&p->pools);
	timer_clear(&p->tick);
	for (size_t i = 0; i < SERVICE__COUNT; i++)
		queue_fini(&p->queues[i]);
	forward_fini(&p->forward);
}
