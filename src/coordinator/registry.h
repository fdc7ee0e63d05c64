/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every worker that this coordinator knows, in memory; the store holds what
 * must outlive us (the registry does not write there, its callers do).
 *
 * Counts are kept as things change, so that health, placement of one worker
 * and choice of a worker cost the same with one worker or ten thousand. All
 * changes to a node go through here, because the counts follow them.
 *
 * Life of a node: a worker that promised a link is alive while it is linked; a
 * worker known by URL is alive while it is heard. Silence longer than
 * stale_ms makes either stale; longer than forget_ms, and on_forget tells.
 */
#ifndef COORDINATOR_REGISTRY_H
#define COORDINATOR_REGISTRY_H

#include "base/map.h"
#include "coordinator/node.h"
#include "net/loop.h"

struct registry_conf {
	enum place_policy policy;
	int64_t stale_ms;
	int64_t forget_ms;
	/* Placement may have something to change; at the end of the turn. */
	void (*on_matters)(void *owner);
	/* A node was silent for so long that it should be dropped: the owner
	 * calls registry_drop() once that is stored. */
	void (*on_forget)(void *owner, struct node *n);
	/* A service became ready or lost a worker: queued requests may go. */
	void (*on_service)(void *owner, enum service_id id);
	void *owner;
};

struct registry {
	struct loop *loop;
	struct registry_conf conf;
	struct map by_id;
	TAILQ_HEAD(node_list, node) by_seen;
	size_t total;
	size_t alive;
	size_t stale;
	struct place_view view;
	/* Who is assigned each service, alive or not. */
	struct node **of[SERVICE__COUNT];
	size_t n_of[SERVICE__COUNT], cap_of[SERVICE__COUNT];
	size_t ready[SERVICE__COUNT]; /* alive nodes that told they are ready */
	uint32_t turn;
	struct timer sweep;
	struct defer matters;
};

void registry_init(struct registry *r, struct loop *l,
    const struct registry_conf *conf);
void registry_fini(struct registry *r);

struct node *registry_find(const struct registry *r, struct str id);

/* A registration, new or again: the strings are copied, what an earlier one
 * left behind is replaced, states start unknown. `assigned` was decided with
 * place_one() or place_classic() against registry_others(). */
struct node *registry_put(struct registry *r, const struct row_worker *row,
    const struct wire_caps *caps, const struct place_result *placed);
/* From the store at start: waits until it is heard again. */
struct node *registry_restore(struct registry *r, const struct row_worker *row,
    const struct wire_caps *caps);
void registry_drop(struct registry *r, struct node *n);

/* The counts without this one (which may be NULL). */
void registry_others(const struct registry *r, const struct node *n,
    struct place_view *out);
void registry_assign(struct registry *r, struct node *n,
    const struct place_result *placed);

void registry_heartbeat(struct registry *r, struct node *n,
    const struct wire_heartbeat *h);
void registry_link(struct registry *r, struct node *n, bool up);
void registry_draining(struct registry *r, struct node *n, bool draining);

/* Services of tiers 1 and 2 that somebody alive is ready for, and how many
 * such services there are. */
size_t registry_covered(const struct registry *r);
size_t registry_wanted(const struct registry *r);

/* --- requests --------------------------------------------------------------- */

enum {
	REGISTRY_TRIED_MAX = 4
};
/* The best node for a request, or NULL with the reason in *p. `tried` are
 * nodes not to take again. */
struct node *registry_pick(struct registry *r, enum service_id id,
    struct node *const *tried, size_t n_tried, struct pick *p);
/* A request goes to the node, and comes back: good, or the node's fault, or
 * neither (the client left). */
enum registry_outcome {
	REGISTRY_GOOD,
	REGISTRY_BAD,
	REGISTRY_NEITHER
};
void registry_began(struct registry *r, struct node *n, enum service_id id);
void registry_ended(struct registry *r, struct str node_id, enum service_id id,
    enum registry_outcome how);

#endif
