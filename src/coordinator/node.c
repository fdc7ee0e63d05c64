/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/node.h"

size_t
node_count_services(const struct node *n)
{
	return (size_t)__builtin_popcount(n->row.assigned);
}

struct node_service *
node_service(const struct node *n, enum service_id id)
{
	service_set below = SERVICE_BIT(id) - 1;

	if ((n->row.assigned & SERVICE_BIT(id)) == 0)
		return NULL;
	return &n->services[__builtin_popcount(n->row.assigned & below)];
}

void
node_for_place(const struct node *n, struct place_node *out)
{
	*out = (struct place_node){
	    .id = n->row.id,
	    .alive = n->life == NODE_ALIVE && !n->draining,
	    .type = n->caps.type,
	    .has_storage = n->caps.has_storage,
	    .has_edge = n->caps.has_edge,
	    .ram_mib = n->caps.ram_mib,
	    .assigned = n->row.assigned,
	    .classic_type = n->caps.classic_type,
	    .classic_tier = n->caps.classic_tier,
	};
	for (size_t i = 0; i < node_count_services(n); i++) {
		const struct node_service *s = &n->services[i];

		if (s->state == SERVICE_READY)
			out->ready |= SERVICE_BIT(s->id);
		else if (s->state == SERVICE_NOT_AVAILABLE ||
		    s->state == SERVICE_FAILED)
			out->unable |= SERVICE_BIT(s->id);
	}
}

enum worker_type
node_type(const struct node *n, enum place_policy policy)
{
	return policy == PLACE_CLASSIC ? n->caps.classic_type : n->caps.type;
}

int
node_tier(const struct node *n, enum place_policy policy)
{
	return policy == PLACE_CLASSIC ? n->caps.classic_tier
				       : worker_type_tier(n->caps.type);
}

bool
node_reachable(const struct node *n)
{
	return n->life == NODE_ALIVE && (n->linked || n->row.url.n != 0);
}

/* --- the record ---------------------------------------------------------------- */

static const char *
status_text(const struct node *n)
{
	if (n->life == NODE_STALE)
		return "stale";
	if (n->life == NODE_WAITING)
		return n->seen_at_ms == 0 ? "reconnecting" : "disconnected";
	if (n->draining)
		return "draining";
	return n->status != NULL ? n->status : "online";
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
	for (size_t i = 0; i < node_count_services(n); i++) {
		const struct node_service *s = &n->services[i];

		jsonw_key(w, catalogue_at(s->id)->name);
		jsonw_obj(w);
		jsonw_kz(w, "state", service_state_text(s->state));
		if (s->reason != NULL)
			jsonw_kz(w, "reason", s->reason);
		if (s->self_test_ms >= 0)
			jsonw_ki64(w, "self_test_ms", s->self_test_ms);
		jsonw_ku64(w, "outstanding", s->outstanding);
		jsonw_end_obj(w);
	}
	jsonw_end_obj(w);
}

static void
heartbeat_json(const struct node *n, struct jsonw *w)
{
	jsonw_kf64(w, "current_load", n->load);
	jsonw_kz(w, "available_memory", n->available_memory);
	raw_or(w, "loaded_models", str_of(n->loaded_models), "[]");
	jsonw_ku64(w, "active_requests", n->active_requests);
	jsonw_kf64(w, "gpu_utilization", n->gpu_utilization);
	if (n->specialization != NULL)
		jsonw_kz(w, "specialization", n->specialization);
}

void
node_json(const struct node *n, enum place_policy policy, int64_t now_ms,
    struct jsonw *w)
{
	jsonw_obj(w);
	jsonw_kstr(w, "worker_id", n->row.id);
	jsonw_kstr(w, "tunnel_url", n->row.url);
	raw_or(w, "capabilities", n->row.capabilities, "{}");
	jsonw_kz(w, "worker_type", worker_type_text(node_type(n, policy)));
	jsonw_ki64(w, "tier", node_tier(n, policy));
	jsonw_key(w, "assigned_services");
	wire_services_emit(n->row.assigned, policy == PLACE_CLASSIC, w);
	raw_or(w, "services", n->row.services, "[]");
	raw_or(w, "containers", n->row.containers, "[]");
	jsonw_ktime(w, "registered_at", n->row.registered_wall_ms);
	jsonw_ktime(w, "last_heartbeat", n->seen_wall_ms);
	jsonw_kz(w, "status", status_text(n));
	jsonw_kbool(w, "linked", n->linked);
	if (n->row.version.n != 0)
		jsonw_kstr(w, "version", n->row.version);
	if (n->had_heartbeat)
		heartbeat_json(n, w);
	states_json(n, w);
	if (n->seen_at_ms != 0)
		jsonw_kf64(w, "age_seconds",
		    (double)(now_ms - n->seen_at_ms) / 1000.0);
	jsonw_kbool(w, "is_healthy", n->life == NODE_ALIVE);
	jsonw_end_obj(w);
}
