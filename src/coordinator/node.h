/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker as the coordinator knows it. Owned by the registry, which alone
 * changes what placement and health count (registry.h); others read.
 */
#ifndef COORDINATOR_NODE_H
#define COORDINATOR_NODE_H

#include "base/list.h"
#include "core/pick.h"
#include "core/place.h"
#include "core/wire.h"
#include "store/rows.h"

/* One service that a node is assigned. */
struct node_service {
	enum service_id id;
	enum service_state state;
	char *reason;         /* as it told; NULL = none */
	int64_t self_test_ms; /* -1 = none */
	int64_t used_at_ms;   /* last good answer, or when it became ready */
	uint32_t outstanding; /* our requests that it has not answered */
	struct pick_health health;
};

enum node_life {
	NODE_WAITING, /* known, but not (yet) linked and not heard lately */
	NODE_ALIVE,   /* linked, or known by URL and heard within the limit */
	NODE_STALE,   /* silent for longer than the heartbeat limit */
};

struct node {
	unsigned magic;
#define NODE_MAGIC 0x40deca5eu
	/* What it registered with; one block of memory, freed with the node. */
	struct row_worker row;
	char *block;
	struct wire_caps caps;

	enum node_life life;
	bool linked;
	bool draining;
	int64_t
	    registered_at_ms; /* monotonic; when this process learnt of it */
	int64_t seen_at_ms;   /* monotonic; 0 = not since our start */
	int64_t seen_wall_ms;

	/* As its last heartbeat told; strings are NULL until one did. */
	char *status;
	char *available_memory;
	char *loaded_models; /* JSON list */
	char *specialization;
	double load;
	double gpu_utilization;
	uint64_t active_requests;
	bool had_heartbeat;

	/* In the order of the catalogue, one for each bit of row.assigned. */
	struct node_service *services;
	uint8_t why[SERVICE__COUNT]; /* enum place_why */

	TAILQ_ENTRY(node) by_seen; /* silent the longest first */
};

size_t node_count_services(const struct node *n);
/* NULL when it is not assigned the service. */
struct node_service *node_service(const struct node *n, enum service_id id);
/* As placement sees it; borrows. */
void node_for_place(const struct node *n, struct place_node *out);
/* The kind that counts under the policy. */
enum worker_type node_type(const struct node *n, enum place_policy policy);
int node_tier(const struct node *n, enum place_policy policy);
/* Can a request be sent to it now? */
bool node_reachable(const struct node *n);
/* The worker record of the API as one JSON object. */
void node_json(const struct node *n, enum place_policy policy, int64_t now_ms,
    struct jsonw *w);

#endif
