/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workers as the coordinator knows them: in memory, found by name, with
 * what they said last, what they are assigned, and how busy they are with our
 * requests. The store keeps what must outlive a restart; api.c and assign.c
 * decide when to write it.
 *
 * Three things must not be mixed up:
 *   fresh      it was heard of within the heartbeat time-out
 *   reachable  it has a link, or a URL
 *   alive      fresh, and if it works by link, linked now or LINK_GRACE_MS ago
 *              at most: then placement counts it
 *
 * Pointers to nodes are borrowed and good until the loop's next turn; what
 * lasts longer remembers node->serial and asks registry_by_serial().
 */
#ifndef COORDINATOR_REGISTRY_H
#define COORDINATOR_REGISTRY_H

#include "base/list.h"
#include "base/map.h"
#include "core/pick.h"
#include "core/place.h"
#include "core/wire.h"
#include "net/loop.h"
#include "store/rows.h"

enum {
	LINK_GRACE_MS = 3000
};

/* What a worker said about one service. */
struct node_service {
	enum service_id id;
	enum service_state state;
	int64_t self_test_ms; /* -1 = none */
	char *reason;         /* or NULL */
};

struct node {
	unsigned magic;
#define NODE_MAGIC 0x0de50de5u
	uint32_t index;  /* in registry.nodes */
	uint64_t serial; /* never used twice in one process */

	/* From the registration; all in one allocation. */
	char *text;
	struct str id, url, version;
	struct str capabilities, services, containers; /* JSON */
	struct wire_caps caps;
	uint64_t epoch;
	int64_t registered_wall_ms;
	bool by_link; /* it dials a link; otherwise it is known by its URL */

	/* Placement. */
	service_set assigned;
	service_set ready;  /* it told so, or (older ones) is taken to be */
	service_set unable; /* sticky until it tells otherwise */
	uint8_t why[SERVICE__COUNT]; /* enum place_why */

	/* From the heartbeat. */
	struct node_service *told; /* n_told of them */
	size_t n_told;
	bool heard; /* since this process started */
	bool beat;  /* a heartbeat came since the registration */
	bool draining;
	int64_t seen_ms;      /* monotonic */
	int64_t seen_wall_ms; /* for people */
	double load, gpu_use;
	uint64_t active_requests;
	char status[33];
	char *memory;  /* as it said it, or NULL */
	char *models;  /* JSON list, or NULL */
	char *special; /* or NULL */

	/* Routing. */
	void *link;          /* the link's object (links.c), NULL = none */
	int64_t unlinked_ms; /* since when, monotonic; 0 = linked */
	bool fresh, alive;
	uint32_t outstanding; /* requests of ours that it has */
	uint32_t places;
	struct pick_health health;
	uint64_t served, failed;
	uint32_t used_s[SERVICE__COUNT]; /* last good answer; 0 = never */
	uint32_t at[SERVICE__COUNT];     /* place in registry.have, from 1 */

	TAILQ_ENTRY(node) age;   /* in registry.fresh or .stale, oldest first */
	TAILQ_ENTRY(node) waits; /* in registry.unlinked while in grace */
	bool waiting;
};
TAILQ_HEAD(node_list, node);

struct registry {
	struct loop *loop;
	int64_t stale_ms;  /* silence after which a worker is stale */
	int64_t forget_ms; /* after which it is forgotten */
	struct node **nodes;
	size_t n, cap;
	struct map by_id;
	struct map by_serial;
	uint64_t last_serial;
	struct node_list fresh, stale, unlinked;
	size_t n_alive;
	struct timer timer;
	struct have {
		struct node **nodes; /* that are assigned the service */
		uint32_t n, cap;
	} have[SERVICE__COUNT];
	struct place_view view; /* of the living */
	uint32_t turn;
	/* Workers counted by how many have each service ready and are alive:
	 * a service is covered while its count is not 0. */
	uint32_t n_ready[SERVICE__COUNT];

	/* What happened, for assign.c and api.c. */
	struct registry_hooks {
		void (*on_change)(void *arg); /* placement may have work */
		void (
		    *on_alive)(void *arg, struct node *n); /* or not any more */
		void (*on_forget)(void *arg,
		    struct node *n); /* too long silent */
		void *arg;
	} hooks;
};

void registry_init(struct registry *r, struct loop *l, int64_t stale_ms,
    int64_t forget_ms, const struct registry_hooks *hooks);
void registry_fini(struct registry *r);

struct node *registry_find(const struct registry *r, struct str id);
struct node *registry_by_serial(const struct registry *r, uint64_t serial);

/* A worker registered, or was read from the store (from_store: it keeps its
 * assignment and is not yet heard of). Known ones are updated and keep their
 * serial, link and assignment. */
struct node *registry_put(struct registry *r, const struct row_worker *row,
    bool from_store);
void registry_remove(struct registry *r, struct node *n);
/* A heartbeat. Returns true when the state of a service changed. */
bool registry_heartbeat(struct registry *r, struct node *n,
    const struct wire_heartbeat *h);
void registry_assign(struct registry *r, struct node *n,
    const struct place_result *to);

/* Its link is there, or gone. */
void registry_linked(struct registry *r, struct node *n, void *link);
void registry_unlinked(struct registry *r, struct node *n);

/* --- requests ------------------------------------------------------------ */

/* The worker for a request, tried ones (serials) excepted; NULL with the
 * reason in *p. p->busy: it has no free place, better to wait. */
struct node *registry_pick(struct registry *r, enum service_id service,
    const uint64_t *tried, size_t n_tried, struct pick *p);
void registry_begin(struct registry *r, struct node *n);
/* good: an answer came from the worker (whatever its status but 502 to 504).
 * Safe when the worker is gone. */
void registry_done(struct registry *r, uint64_t serial, enum service_id service,
    bool good);

/* --- looking ------------------------------------------------------------- */

bool node_reachable(const struct node *n);
/* What it told, SERVICE_UNKNOWN if nothing. */
enum service_state node_state(const struct node *n, enum service_id id);
const struct node_service *node_told(const struct node *n, enum service_id id);
struct place_node node_place(const struct node *n);
int64_t node_age_ms(const struct registry *r, const struct node *n);

#endif
