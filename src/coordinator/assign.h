/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs placement when something changed that it looks at, gives the workers
 * their assignments, tells them (over the link, and with every heartbeat's
 * answer) and saves them.
 *
 * A joining worker is decided for at once, from the counts alone. What its
 * coming means for the others is decided for all together, once per turn of
 * the loop, and only if the counts changed in what matters.
 */
#ifndef COORDINATOR_ASSIGN_H
#define COORDINATOR_ASSIGN_H

#include "coordinator/events.h"
#include "coordinator/registry.h"
#include "store/store.h"

struct assign {
	struct registry *registry;
	struct store *store;
	struct events *events;
	enum place_policy policy;
	struct place_view seen; /* the counts when all were decided for last */
	struct defer again;
	uint64_t rounds, moves;
	/* Tells a linked worker: PUT /-/assign with this body. Set by links.c;
	 * may be NULL. */
	void (*push)(void *arg, struct node *n, struct str body);
	void *push_arg;
};

void assign_init(struct assign *a, struct registry *r, struct store *s,
    struct events *e, enum place_policy policy);
void assign_fini(struct assign *a);
/* What the worker of this registration will be assigned, as things are. */
service_set assign_preview(struct assign *a, const struct place_node *n);
/* The worker registered (it is in the registry, with what it had before). */
void assign_joined(struct assign *a, struct node *n);
/* Something changed: look again before the loop waits. */
void assign_changed(struct assign *a);

#endif
