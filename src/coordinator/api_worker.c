/* SPDX-License-Identifier: Apache-2.0 */
/* What workers call: register, heartbeat, unregister. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "coordinator/api.h"
#include "coordinator/routing.h"

enum {
	HEARTBEAT_S = 30,
	ANSWER_MAX = 16 * 1024
};

/* --- faults in a body --------------------------------------------------------- */

static void
emit_loc(const struct json_fault *f, struct jsonw *w)
{
	struct str rest = str_of(f->field);

	jsonw_key(w, "loc");
	jsonw_arr(w);
	jsonw_z(w, "body");
	while (rest.n != 0)
		jsonw_str(w, str_cut(&rest, '.'));
	jsonw_end_arr(w);
}

/* 422 with our error object, and the list that existing clients read. */
static void
answer_fault(struct call *c, const struct json_fault *f)
{
	struct buf b = BUF_INIT(ANSWER_MAX);
	struct jsonw w = jsonw_to(&b);
	struct err err = {0};

	(void)json_fault_err(f, &err);
	jsonw_obj(&w);
	jsonw_key(&w, "error");
	jsonw_obj(&w);
	jsonw_kz(&w, "code", err_wire(ERR_INVALID));
	jsonw_kz(&w, "message", err.msg);
	jsonw_kz(&w, "field", f->field);
	jsonw_kz(&w, "request_id", c->id);
	jsonw_end_obj(&w);
	jsonw_key(&w, "detail");
	jsonw_arr(&w);
	jsonw_obj(&w);
	emit_loc(f, &w);
	jsonw_kz(&w, "msg", f->msg);
	jsonw_kz(&w, "type", f->type);
	jsonw_end_obj(&w);
	jsonw_end_arr(&w);
	jsonw_end_obj(&w);
	call_json(c, 422, buf_view(&b));
	buf_fini(&b);
}

static struct json *
parse(struct call *c, struct str body)
{
	struct err err = {0};
	struct json *j = json_parse(body, EDGE_BODY_MAX, &err);

	if (j == NULL)
		call_error(c, &err, NULL);
	return j;
}

static void
not_found(struct call *c)
{
	struct err err = {0};

	(void)err_set(&err, ERR_NOT_FOUND, "Worker not found");
	call_error(c, &err, NULL);
}

/* --- registering --------------------------------------------------------------- */

/* A registration on its way to the disk. */
struct joining {
	struct call *call;
	struct json *json; /* the row's strings lie in it */
	struct buf capabilities, services, containers;
	struct row_worker row;
};

static void
joining_free(struct joining *j)
{
	buf_fini(&j->capabilities);
	buf_fini(&j->services);
	buf_fini(&j->containers);
	json_free(j->json);
	free(j);
}

static void
emit_configs(service_set set, bool first_names, struct jsonw *w)
{
	jsonw_key(w, "service_configs");
	jsonw_arr(w);
	for (; set != 0; set &= set - 1) {
		const struct service_info *s = catalogue_at(
		    (enum service_id)__builtin_ctz(set));
		bool first = first_names && s->first_name != NULL;

		jsonw_obj(w);
		jsonw_kz(w, "name", first ? s->first_name : s->name);
		jsonw_ki64(w, "port", s->port);
		jsonw_ki64(w, "priority", s->priority);
		jsonw_end_obj(w);
	}
	jsonw_end_arr(w);
}

static void
emit_registered(const struct coordinator *co, const struct node *n,
    struct jsonw *w)
{
	bool classic = co->assign.policy == PLACE_CLASSIC;
	int count = __builtin_popcount(n->assigned);
	char message[64];

	(void)str_fmt(message, sizeof message,
	    "Worker registered with %d service(s)", count);
	jsonw_obj(w);
	jsonw_kz(w, "status", "registered");
	jsonw_kstr(w, "worker_id", n->id);
	jsonw_kz(w, "worker_type",
	    worker_type_text(classic ? n->caps.classic_type : n->caps.type));
	jsonw_ki64(w, "tier",
	    classic ? n->caps.classic_tier : worker_type_tier(n->caps.type));
	jsonw_key(w, "assigned_services");
	wire_services_emit(n->assigned, classic, w);
	emit_configs(n->assigned, classic, w);
	jsonw_kz(w, "message", message);
	jsonw_ki64(w, "heartbeat_interval_seconds", HEARTBEAT_S);
	jsonw_ki64(w, "stale_after_seconds", co->conf.stale_ms / 1000);
	jsonw_ki64(w, "forgotten_after_seconds", co->conf.forget_ms / 1000);
	jsonw_end_obj(w);
}

/* The store's own words name files and are for the log alone. */
static void
not_saved(struct call *c)
{
	struct err err = {0};

	(void)err_set(&err, ERR_UNAVAILABLE,
	    "the coordinator cannot save this now (see its log); try again");
	call_error(c, &err, NULL);
}

/* It is on the disk: now it counts. */
static void
on_stored(void *arg, const struct err *why)
{
	struct joining *j = arg;
	struct coordinator *co = j->call->co;
	struct buf b = BUF_INIT(ANSWER_MAX);
	struct jsonw w = jsonw_to(&b);
	struct node *n;

	if (why != NULL) {
		not_saved(j->call);
		joining_free(j);
		return;
	}
	n = registry_put(&co->registry, &j->row, false);
	routing_joined(co, n);
	assign_joined(&co->assign, n);
	if (n->assigned != j->row.assigned)
		store_set_assigned(co->store, n->id, n->assigned, NULL, NULL);
	emit_registered(co, n, &w);
	call_json(j->call, 200, buf_view(&b));
	buf_fini(&b);
	joining_free(j);
}

static struct str
emitted(const struct json_val *v, struct buf *b)
{
	*b = BUF_INIT(WIRE_CAPABILITIES_MAX);
	if (v != NULL)
		json_emit(v, b);
	return buf_view(b);
}

static void
fill_row(struct joining *j, const struct wire_register *r)
{
	int64_t now = clock_wall_ms();

	j->row = (struct row_worker){
	    .id = r->worker_id,
	    .url = r->tunnel_url,
	    .capabilities = emitted(r->capabilities, &j->capabilities),
	    .services = emitted(r->services, &j->services),
	    .containers = emitted(r->containers, &j->containers),
	    .version = r->version,
	    .link = r->link,
	    .epoch = r->epoch,
	    .registered_wall_ms = now,
	    .seen_wall_ms = now,
	};
}

static service_set
preview(struct coordinator *co, const struct wire_register *r)
{
	const struct node *known = registry_find(&co->registry, r->worker_id);
	const struct place_node n = {
	    .id = r->worker_id,
	    .alive = true,
	    .type = r->caps.type,
	    .has_storage = r->caps.has_storage,
	    .has_edge = r->caps.has_edge,
	    .ram_mib = r->caps.ram_mib,
	    .assigned = known != NULL ? known->assigned : 0,
	    .classic_type = r->caps.classic_type,
	    .classic_tier = r->caps.classic_tier,
	};

	return assign_preview(&co->assign, &n);
}

void
api_register(struct call *c, struct str body)
{
	struct json *json = parse(c, body);
	struct json_fault f = {0};
	struct wire_register r;
	struct joining *j;

	if (json == NULL)
		return;
	if (wire_register_read(json_root(json), &r, &f) < 0) {
		answer_fault(c, &f);
		json_free(json);
		return;
	}
	j = xcalloc(1, sizeof *j);
	j->call = c;
	j->json = json;
	fill_row(j, &r);
	j->row.assigned = preview(c->co, &r);
	store_put_worker(c->co->store, &j->row, on_stored, j);
}

/* --- heartbeats ------------------------------------------------------------------ */

static void
answer_heartbeat(struct call *c, const struct node *n)
{
	struct buf b = BUF_INIT(ANSWER_MAX);
	struct jsonw w = jsonw_to(&b);

	jsonw_obj(&w);
	jsonw_kz(&w, "status", "ok");
	jsonw_key(&w, "assigned_services");
	wire_services_emit(n->assigned, c->co->assign.policy == PLACE_CLASSIC,
	    &w);
	jsonw_end_obj(&w);
	call_json(c, 200, buf_view(&b));
	buf_fini(&b);
}

void
api_heartbeat(struct call *c, struct str body)
{
	struct json *json CLEANUP(json_freep) = parse(c, body);
	struct json_fault f = {0};
	struct wire_heartbeat h;
	struct node *n;

	if (json == NULL)
		return;
	if (wire_heartbeat_read(json_root(json), &h, &f) < 0) {
		answer_fault(c, &f);
		return;
	}
	n = registry_find(&c->co->registry, h.worker_id);
	if (n == NULL) {
		not_found(c);
		return;
	}
	(void)registry_heartbeat(&c->co->registry, n, &h);
	answer_heartbeat(c, n);
}

/* --- leaving ----------------------------------------------------------------------- */

static void
on_dropped(void *arg, const struct err *why)
{
	struct call *c = arg;
	struct node *n = registry_find(&c->co->registry, c->param);

	if (why != NULL) {
		not_saved(c);
		return;
	}
	if (n != NULL) {
		events_add(&c->co->events, "worker_left", n->id,
		    "worker %.*s has left", STR_ARG(n->id));
		registry_remove(&c->co->registry, n);
	}
	call_json(c, 200,
	    STR("{\"status\":\"ok\",\"message\":\"Worker unregistered\"}"));
}

void
api_unregister(struct call *c, struct str body UNUSED)
{
	if (registry_find(&c->co->registry, c->param) == NULL)
		not_found(c);
	else
		store_del_worker(c->co->store, c->param, on_dropped, c);
}
