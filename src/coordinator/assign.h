/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assignment: asks core/place what each worker should run, whenever the answer
 * may have changed, and has changes stored and told.
 *
 * A worker that joins is decided for at once, alone; the whole fleet is
 * reviewed at most every ASSIGN_EVERY_MS. Under policy `classic` a worker is
 * decided for when it registers and never again.
 */
#ifndef COORDINATOR_ASSIGN_H
#define COORDINATOR_ASSIGN_H

#include "coordinator/registry.h"

enum {
	ASSIGN_EVERY_MS = 100
};

struct assign {
	struct registry *registry;
	enum place_policy policy;
	/* A node's assignment changed: store it and tell the worker. */
	void (*on_change)(void *owner, struct node *n);
	void *owner;
	struct timer review;
	int64_t reviewed_at_ms;
};

void assign_init(struct assign *a, struct loop *l, struct registry *r,
    void (*on_change)(void *owner, struct node *n), void *owner);
void assign_fini(struct assign *a);

/* What a worker that registers is to run: `caps` and `row` as it sent them. */
void assign_join(struct assign *a, const struct row_worker *row,
    const struct wire_caps *caps, struct place_result *out);
/* The registry says that something may have to change. */
void assign_matters(struct assign *a);

/* Sentences. Why has the worker this service, or has it not, and how is it
 * doing; with n NULL: who has the service, and why not more. */
void assign_why(const struct assign *a, enum service_id id,
    const struct node *n, struct buf *out);

#endif
