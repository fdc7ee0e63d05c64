/* SPDX-License-Identifier: Apache-2.0 */
/* What clients and the admin ask: workers, services, gaps, reasons. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "coordinator/api.h"

/* An answer under construction: one JSON object. */
struct answer {
	struct call *c;
	struct buf b;
	struct jsonw w;
};

static void
answer_begin(struct answer *a, struct call *c)
{
	a->c = c;
	a->b = BUF_INIT(API_ANSWER_MAX);
	a->w = jsonw_to(&a->b);
	jsonw_obj(&a->w);
}

static void
answer_end(struct answer *a)
{
	jsonw_end_obj(&a->w);
	call_json(a->c, 200, buf_view(&a->b));
	buf_fini(&a->b);
}

/* --- the worker record ----------------------------------------------------------- */

static const char *
status_text(const struct node *n)
{
	if (!n->fresh)
		return "stale";
	if (!n->heard || (n->by_link && n->link == NULL))
		return "reconnecting";
	if (n->draining)
		return "draining";
	return n->beat ? n->status : "online";
}

static void
raw_or(struct jsonw *w, const char *key, struct str json, const char *otherwise)
{
	jsonw_kraw(w, key, json.n != 0 ? json : str_of(otherwise));
}

static void
states_json(const struct node *n, struct jsonw *w)
{
	jsonw_key(w, "services_status");
	jsonw_obj(w);
	for (size_t i = 0; i < n->n_told; i++) {
		const struct node_service *s = &n->told[i];

		jsonw_key(w, catalogue_at(s->id)->name);
		jsonw_obj(w);
		jsonw_kz(w, "state", service_state_text(s->state));
		if (s->reason != NULL)
			jsonw_kz(w, "reason", s->reason);
		if (s->self_test_ms >= 0)
			jsonw_ki64(w, "self_test_ms", s->self_test_ms);
		jsonw_end_obj(w);
	}
	jsonw_end_obj(w);
}

static void
heartbeat_json(const struct node *n, struct jsonw *w)
{
	jsonw_kf64(w, "current_load", n->load);
	if (n->memory != NULL)
		jsonw_kz(w, "available_memory", n->memory);
	raw_or(w, "loaded_models", str_of(n->models), "[]");
	jsonw_ku64(w, "active_requests", n->active_requests);
	jsonw_kf64(w, "gpu_utilization", n->gpu_use);
	if (n->special != NULL)
		jsonw_kz(w, "specialization", n->special);
	states_json(n, w);
}

void
api_worker_json(const struct coordinator *co, const struct node *n,
    struct jsonw *w)
{
	bool classic = co->assign.policy == PLACE_CLASSIC;

	jsonw_obj(w);
	jsonw_kstr(w, "worker_id", n->id);
	jsonw_kstr(w, "tunnel_url", n->url);
	raw_or(w, "capabilities", n->capabilities, "{}");
	jsonw_kz(w, "worker_type",
	    worker_type_text(classic ? n->caps.classic_type : n->caps.type));
	jsonw_ki64(w, "tier",
	    classic ? n->caps.classic_tier : worker_type_tier(n->caps.type));
	jsonw_key(w, "assigned_services");
	wire_services_emit(n->assigned, classic, w);
	raw_or(w, "services", n->services, "[]");
	raw_or(w, "containers", n->containers, "[]");
	jsonw_ktime(w, "registered_at", n->registered_wall_ms);
	jsonw_ktime(w, "last_heartbeat", n->seen_wall_ms);
	jsonw_kz(w, "status", status_text(n));
	jsonw_ku64(w, "tasks_completed", n->served);
	jsonw_kbool(w, "linked", n->link != NULL);
	if (n->version.n != 0)
		jsonw_kstr(w, "version", n->version);
	if (n->beat)
		heartbeat_json(n, w);
	jsonw_kf64(w, "age_seconds",
	    (double)node_age_ms(&co->registry, n) / 1000.0);
	jsonw_kbool(w, "is_healthy", n->alive);
	jsonw_end_obj(w);
}

static void
emit_workers(const struct coordinator *co, bool alive_only, struct jsonw *w)
{
	const struct registry *r = &co->registry;

	jsonw_arr(w);
	for (size_t i = 0; i < r->n; i++) {
		if (!alive_only || r->nodes[i]->alive)
			api_worker_json(co, r->nodes[i], w);
	}
	jsonw_end_arr(w);
}

void
api_healthy_workers(struct call *c, struct str body UNUSED)
{
	struct answer a;

	answer_begin(&a, c);
	jsonw_key(&a.w, "workers");
	emit_workers(c->co, true, &a.w);
	jsonw_ku64(&a.w, "count", c->co->registry.n_alive);
	jsonw_ktime(&a.w, "timestamp", clock_wall_ms());
	answer_end(&a);
}

void
api_admin_workers(struct call *c, struct str body UNUSED)
{
	struct str format = {NULL, 0};
	bool given = http_query_get(&c->arena, c->query, "format", &format);
	struct err err = {0};
	struct answer a;

	if (given && !str_eqz(format, "array")) {
		(void)err_set(&err, ERR_INVALID,
		    "'format' is 'array', or not given");
		call_error(c, &err, "format");
		return;
	}
	if (given) {
		struct buf b = BUF_INIT(API_ANSWER_MAX);
		struct jsonw w = jsonw_to(&b);

		emit_workers(c->co, false, &w);
		call_json(c, 200, buf_view(&b));
		buf_fini(&b);
		return;
	}
	answer_begin(&a, c);
	jsonw_key(&a.w, "workers");
	emit_workers(c->co, false, &a.w);
	jsonw_ku64(&a.w, "total", c->co->registry.n);
	jsonw_ku64(&a.w, "healthy", c->co->registry.n_alive);
	answer_end(&a);
}

/* --- services ----------------------------------------------------------------------- */

void
api_services(struct call *c, struct str body UNUSED)
{
	const struct registry *r = &c->co->registry;
	int64_t available = 0;
	struct answer a;

	answer_begin(&a, c);
	jsonw_key(&a.w, "services");
	jsonw_obj(&a.w);
	for (size_t i = 0; i < SERVICE__COUNT; i++) {
		const struct service_info *s = catalogue_at((enum service_id)i);

		available += r->n_ready[i] > 0;
		jsonw_key(&a.w, s->name);
		jsonw_obj(&a.w);
		jsonw_kz(&a.w, "name", s->name);
		jsonw_ku64(&a.w, "healthy_workers", r->n_ready[i]);
		jsonw_ki64(&a.w, "tier", s->tier);
		jsonw_kz(&a.w, "requires", catalogue_need_text(s->need));
		jsonw_end_obj(&a.w);
	}
	jsonw_end_obj(&a.w);
	jsonw_ki64(&a.w, "total_available", available);
	jsonw_ktime(&a.w, "timestamp", clock_wall_ms());
	answer_end(&a);
}

static void
emit_found(const struct node *n, struct jsonw *w)
{
	jsonw_obj(w);
	jsonw_kstr(w, "worker_id", n->id);
	jsonw_kstr(w, "tunnel_url", n->url);
	jsonw_key(w, "vpn_ip");
	jsonw_null(w);
	raw_or(w, "capabilities", n->capabilities, "{}");
	jsonw_kf64(w, "load", n->load);
	jsonw_ktime(w, "last_heartbeat", n->seen_wall_ms);
	jsonw_end_obj(w);
}

static void
discover(struct call *c, enum service_id id)
{
	struct registry *r = &c->co->registry;
	const struct have *h = &r->have[id];
	struct pick p;
	const struct node *best = registry_pick(r, id, NULL, 0, &p);
	int64_t count = 0;
	struct answer a;

	answer_begin(&a, c);
	jsonw_kz(&a.w, "service", catalogue_at(id)->name);
	jsonw_key(&a.w, "workers");
	jsonw_arr(&a.w);
	for (size_t i = 0; i < h->n; i++) {
		const struct node *n = h->nodes[i];

		if (!n->alive || (n->ready & SERVICE_BIT(id)) == 0)
			continue;
		emit_found(n, &a.w);
		count++;
	}
	jsonw_end_arr(&a.w);
	jsonw_ki64(&a.w, "count", count);
	jsonw_key(&a.w, "recommended");
	if (best != NULL)
		emit_found(best, &a.w);
	else
		jsonw_null(&a.w);
	answer_end(&a);
}

void
api_discover(struct call *c, struct str body UNUSED)
{
	const struct service_info *s = catalogue_find(c->param);
	struct err err = {0};

	if (s != NULL && c->co->registry.n_ready[s->id] > 0) {
		discover(c, s->id);
		return;
	}
	if (s == NULL)
		(void)err_set(&err, ERR_NOT_FOUND, "no service '%.*s'",
		    STR_ARG(c->param));
	else
		(void)err_set(&err, ERR_UNAVAILABLE,
		    "No healthy workers found for service: %s", s->name);
	call_error(c, &err, "service");
}

void
api_admin_services(struct call *c, struct str body UNUSED)
{
	const struct registry *r = &c->co->registry;
	int64_t total = 0;
	struct answer a;

	answer_begin(&a, c);
	jsonw_key(&a.w, "services");
	jsonw_arr(&a.w);
	for (size_t i = 0; i < SERVICE__COUNT; i++) {
		const struct have *h = &r->have[i];

		if (h->n == 0)
			continue;
		total++;
		jsonw_obj(&a.w);
		jsonw_kz(&a.w, "name", catalogue_at((enum service_id)i)->name);
		jsonw_key(&a.w, "workers");
		jsonw_arr(&a.w);
		for (size_t k = 0; k < h->n; k++)
			jsonw_str(&a.w, h->nodes[k]->id);
		jsonw_end_arr(&a.w);
		jsonw_ku64(&a.w, "worker_count", h->n);
		jsonw_ku64(&a.w, "ready", r->n_ready[i]);
		jsonw_end_obj(&a.w);
	}
	jsonw_end_arr(&a.w);
	jsonw_ki64(&a.w, "total_services", total);
	answer_end(&a);
}

/* --- gaps ------------------------------------------------------------------------------ */

enum gap_status {
	GAP_CRITICAL,
	GAP_WARNING,
	GAP_OK
};
static const char *const gap_texts[] = {"critical", "warning", "ok"};

static enum gap_status
gap_of(const struct registry *r, size_t id)
{
	return r->n_ready[id] == 0 ? GAP_CRITICAL
	    : r->n_ready[id] == 1  ? GAP_WARNING
				   : GAP_OK;
}

/* Storage and edge services only matter once somebody has them. */
static bool
matters(const struct coordinator *co, size_t id)
{
	return catalogue_at((enum service_id)id)->tier <= 2 ||
	    co->registry.have[id].n > 0 || co->assign.policy == PLACE_CLASSIC;
}

/* What is in the way, in a few words; `why` tells the whole story. */
static const char *
gap_reason(const struct registry *r, enum service_id id)
{
	const struct have *h = &r->have[id];

	if (r->n == 0)
		return "no worker has registered";
	if (h->n == 0)
		return "no worker here can run it";
	for (size_t i = 0; i < h->n; i++) {
		const struct node_service *s = node_told(h->nodes[i], id);

		if (s != NULL && s->state != SERVICE_READY && s->reason != NULL)
			return s->reason;
	}
	if (r->n_ready[id] == 0)
		return "its worker is not ready";
	return r->n_ready[id] == 1 ? "hangs on one worker" : "";
}

static void
emit_gap(const struct coordinator *co, enum service_id id, struct jsonw *w)
{
	const struct registry *r = &co->registry;
	const struct service_info *s = catalogue_at(id);

	jsonw_obj(w);
	jsonw_kz(w, "service", s->name);
	jsonw_kz(w, "required_type", catalogue_need_text(s->need));
	jsonw_ki64(w, "priority", s->priority);
	jsonw_ku64(w, "current_workers", r->n_ready[id]);
	jsonw_ku64(w, "assigned_workers", r->have[id].n);
	jsonw_kz(w, "status", gap_texts[gap_of(r, id)]);
	jsonw_ki64(w, "port", s->port);
	jsonw_kz(w, "reason", gap_reason(r, id));
	jsonw_end_obj(w);
}

/* Those of one status, by priority, in the catalogue's order among equals. */
static void
emit_gaps(const struct coordinator *co, enum gap_status status, struct jsonw *w)
{
	enum {
		PRIORITIES = 5
	};

	for (int priority = 1; priority <= PRIORITIES; priority++) {
		for (size_t i = 0; i < SERVICE__COUNT; i++) {
			enum service_id id = (enum service_id)i;

			if (matters(co, i) &&
			    catalogue_at(id)->priority == priority &&
			    gap_of(&co->registry, i) == status)
				emit_gap(co, id, w);
		}
	}
}

void
api_admin_gaps(struct call *c, struct str body UNUSED)
{
	int64_t total = 0, covered = 0;
	struct answer a;

	for (size_t i = 0; i < SERVICE__COUNT; i++) {
		total += matters(c->co, i);
		covered += matters(c->co, i) && c->co->registry.n_ready[i] > 0;
	}
	answer_begin(&a, c);
	jsonw_key(&a.w, "gaps");
	jsonw_arr(&a.w);
	emit_gaps(c->co, GAP_CRITICAL, &a.w);
	emit_gaps(c->co, GAP_WARNING, &a.w);
	emit_gaps(c->co, GAP_OK, &a.w);
	jsonw_end_arr(&a.w);
	jsonw_key(&a.w, "critical_gaps");
	jsonw_arr(&a.w);
	emit_gaps(c->co, GAP_CRITICAL, &a.w);
	jsonw_end_arr(&a.w);
	jsonw_key(&a.w, "warnings");
	jsonw_arr(&a.w);
	emit_gaps(c->co, GAP_WARNING, &a.w);
	jsonw_end_arr(&a.w);
	jsonw_key(&a.w, "summary");
	jsonw_obj(&a.w);
	jsonw_ki64(&a.w, "total_services", total);
	jsonw_ki64(&a.w, "covered", covered);
	jsonw_ki64(&a.w, "needs_attention", total - covered);
	jsonw_end_obj(&a.w);
	answer_end(&a);
}

/* --- figures by tier ---------------------------------------------------------------------- */

struct tiers {
	uint64_t workers[5];
	double load[5];
	uint64_t tasks;
};

static void
count_tiers(const struct registry *r, struct tiers *t)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct node *n = r->nodes[i];
		int tier = worker_type_tier(n->caps.type);

		t->workers[tier]++;
		t->load[tier] += n->load;
		t->tasks += n->served;
	}
}

static void
emit_tiers(const struct tiers *t, const char *key, bool load, struct jsonw *w)
{
	static const char *const names[] = {NULL, "gpu_workers",
	    "service_workers", "data_workers", "edge_workers"};

	jsonw_key(w, key);
	jsonw_obj(w);
	for (size_t i = 1; i < COUNT_OF(names); i++) {
		uint64_t n = t->workers[i];

		if (load)
			jsonw_kf64(w, names[i],
			    n != 0 ? t->load[i] / (double)n : 0);
		else
			jsonw_ku64(w, names[i], n);
	}
	jsonw_end_obj(w);
}

void
api_admin_stats(struct call *c, struct str body UNUSED)
{
	struct tiers t = {0};
	struct answer a;

	count_tiers(&c->co->registry, &t);
	answer_begin(&a, c);
	jsonw_ku64(&a.w, "total_workers", c->co->registry.n);
	jsonw_ku64(&a.w, "healthy_workers", c->co->registry.n_alive);
	emit_tiers(&t, "workers_by_tier", false, &a.w);
	emit_tiers(&t, "by_tier", false, &a.w);
	emit_tiers(&t, "average_load_by_tier", true, &a.w);
	jsonw_ku64(&a.w, "total_tasks_completed", t.tasks);
	jsonw_ku64(&a.w, "requests", c->co->edge.requests);
	answer_end(&a);
}

/* --- reasons ------------------------------------------------------------------------------------ */

static void
why_state(const struct node *n, enum service_id id, struct buf *out)
{
	const struct node_service *s = node_told(n, id);
	const char *name = catalogue_at(id)->name;

	if (!n->alive)
		(void)buf_fmt(out, " It does not answer now.");
	else if ((n->ready & SERVICE_BIT(id)) != 0)
		(void)buf_fmt(out, " %s is ready there.", name);
	else if (s == NULL)
		(void)buf_fmt(out, " It has not said how %s is there.", name);
	else
		(void)buf_fmt(out, " %s is %s there%s%s.", name,
		    s->state == SERVICE_NOT_AVAILABLE
			? "not available"
			: service_state_text(s->state),
		    s->reason != NULL ? ": " : "",
		    s->reason != NULL ? s->reason : "");
}

static void
why_one(enum service_id id, const struct node *n, struct buf *out)
{
	enum {
		TEXT_MAX = 400
	};
	struct place_node p = node_place(n);
	char text[TEXT_MAX];

	place_text((enum place_why)n->why[id], &p, id, text, sizeof text);
	(void)buf_fmt(out, "%s.", text);
	if ((n->assigned & SERVICE_BIT(id)) != 0)
		why_state(n, id, out);
}

void
api_why_text(const struct coordinator *co, enum service_id id,
    const struct node *n, struct buf *out)
{
	enum {
		SHOWN = 5
	};
	const struct registry *r = &co->registry;
	const struct have *h = &r->have[id];
	const char *name = catalogue_at(id)->name;

	if (n != NULL) {
		why_one(id, n, out);
		return;
	}
	if (r->n == 0)
		(void)buf_fmt(out,
		    "No worker has registered, so nobody has %s.", name);
	else if (h->n == 0)
		(void)buf_fmt(out, "None of the %zu workers has %s.", r->n,
		    name);
	else
		(void)buf_fmt(out,
		    "%s is ready on %u of the %u workers that have it.", name,
		    r->n_ready[id], h->n);
	for (size_t i = 0; i < MIN_OF(h->n, (uint32_t)SHOWN); i++) {
		(void)buf_c(out, ' ');
		why_one(id, h->nodes[i], out);
	}
	if (h->n == 0 && r->n > 0) {
		(void)buf_c(out, ' ');
		why_one(id, r->nodes[0], out);
	}
}

void
api_admin_why(struct call *c, struct str body UNUSED)
{
	enum {
		WHY_MAX = 16 * 1024
	};
	struct str name = {NULL, 0}, worker = {NULL, 0};
	const struct service_info *s;
	const struct node *n = NULL;
	struct err err = {0};
	struct buf why = BUF_INIT(WHY_MAX);
	struct answer a;

	(void)http_query_get(&c->arena, c->query, "service", &name);
	s = catalogue_find(name);
	if (s == NULL) {
		(void)err_set(&err, name.n == 0 ? ERR_INVALID : ERR_NOT_FOUND,
		    name.n == 0 ? "which service? ?service=NAME"
				: "no service '%.*s'",
		    STR_ARG(name));
		call_error(c, &err, "service");
		return;
	}
	if (http_query_get(&c->arena, c->query, "worker", &worker)) {
		n = registry_find(&c->co->registry, worker);
		if (n == NULL) {
			(void)err_set(&err, ERR_NOT_FOUND, "no worker '%.*s'",
			    STR_ARG(worker));
			call_error(c, &err, "worker");
			return;
		}
	}
	api_why_text(c->co, s->id, n, &why);
	answer_begin(&a, c);
	jsonw_kz(&a.w, "service", s->name);
	if (n != NULL)
		jsonw_kstr(&a.w, "worker", n->id);
	jsonw_kstr(&a.w, "why", buf_view(&why));
	answer_end(&a);
	buf_fini(&why);
}

void
api_admin_events(struct call *c, struct str body UNUSED)
{
	struct str since = {NULL, 0};
	uint64_t from = 0;
	struct answer a;

	if (http_query_get(&c->arena, c->query, "since", &since) &&
	    !str_u64(since, &from)) {
		struct err err = {0};

		(void)err_set(&err, ERR_INVALID, "'since' is a whole number");
		call_error(c, &err, "since");
		return;
	}
	answer_begin(&a, c);
	jsonw_key(&a.w, "events");
	events_emit(&c->co->events, from, &a.w);
	jsonw_ku64(&a.w, "last", c->co->events.last);
	answer_end(&a);
}
