/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/assign.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

enum {
	TEXT_MAX = 400
};

/* --- deciding ------------------------------------------------------------------- */

void
assign_join(struct assign *a, const struct row_worker *row,
    const struct wire_caps *caps, struct place_result *out)
{
	const struct node *known = registry_find(a->registry, row->id);
	const struct node as_if = {
	    .row = {.id = row->id},
	    .caps = *caps,
	    .life = NODE_ALIVE,
	};
	struct place_view view = a->registry->view;
	struct place_node p;

	node_for_place(&as_if, &p);
	if (a->policy == PLACE_CLASSIC) {
		place_classic(&view, &p, out);
		return;
	}
	registry_others(a->registry, known, &view);
	if (known != NULL)
		p.assigned = known->row.assigned;
	place_one(&view, &p, out);
}

static void
apply(struct assign *a, struct node *n, const struct place_result *placed)
{
	bool changed = placed->assigned != n->row.assigned;

	registry_assign(a->registry, n, placed);
	if (!changed)
		return;
	log_info("assign", "worker %.*s now has %d services",
	    STR_ARG(n->row.id), (int)node_count_services(n));
	a->on_change(a->owner, n);
}

static void
on_review(void *arg)
{
	struct assign *a = arg;
	struct registry *r = a->registry;
	size_t n = 0, total = r->total;
	struct place_node *places = xcalloc(total, sizeof *places);
	struct place_result *results = xcalloc(total, sizeof *results);
	struct node **nodes = xcalloc(total, sizeof(struct node *));
	struct node *node;

	a->reviewed_at_ms = loop_now_ms(r->loop);
	TAILQ_FOREACH(node, &r->by_seen, by_seen) {
		nodes[n] = node;
		node_for_place(node, &places[n++]);
	}
	place_all(places, n, results);
	for (size_t i = 0; i < n; i++)
		apply(a, nodes[i], &results[i]);
	free(nodes);
	free(results);
	free(places);
}

void
assign_matters(struct assign *a)
{
	int64_t since = loop_now_ms(a->registry->loop) - a->reviewed_at_ms;

	if (a->policy == PLACE_CLASSIC || timer_is_set(&a->review))
		return;
	timer_set(&a->review, MAX_OF(ASSIGN_EVERY_MS - since, 0));
}

/* --- saying why -------------------------------------------------------------------- */

static void
why_state(const struct node *n, const struct node_service *s, struct buf *out)
{
	const char *name = catalogue_at(s->id)->name;

	if (n->life == NODE_STALE)
		(void)buf_fmt(out, " It has not been heard for too long.");
	else if (n->life == NODE_WAITING)
		(void)buf_fmt(out, " It is not connected now.");
	else if (s->state == SERVICE_READY)
		(void)buf_fmt(out, " %s is ready there.", name);
	else if (s->state == SERVICE_UNKNOWN)
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
	const struct node_service *s = node_service(n, id);
	char text[TEXT_MAX];
	struct place_node p;

	node_for_place(n, &p);
	place_text((enum place_why)n->why[id], &p, id, text, sizeof text);
	(void)buf_z(out, text);
	if (s != NULL)
		why_state(n, s, out);
}

void
assign_why(const struct assign *a, enum service_id id, const struct node *n,
    struct buf *out)
{
	const struct registry *r = a->registry;
	const char *name = catalogue_at(id)->name;
	enum {
		SHOWN = 5
	};

	if (n != NULL) {
		why_one(id, n, out);
		return;
	}
	if (r->total == 0)
		(void)buf_fmt(out,
		    "No worker has registered, so nobody has %s.", name);
	else if (r->n_of[id] == 0)
		(void)buf_fmt(out,
		    "None of the %zu workers has %s: it is for %s workers%s.",
		    r->total, name, catalogue_need_text(catalogue_at(id)->need),
		    catalogue_at(id)->need == NEED_PREFERS_GPU
			? ", and no CPU worker here can run it"
			: "");
	else
		(void)buf_fmt(out,
		    "%s is ready on %zu of the %zu workers "
		    "that have it.",
		    name, r->ready[id], r->n_of[id]);
	for (size_t i = 0; i < r->n_of[id] && i < SHOWN; i++) {
		(void)buf_c(out, ' ');
		why_one(id, r->of[id][i], out);
	}
}

/* --- life cycle ------------------------------------------------------------------------ */

void
assign_init(struct assign *a, struct loop *l, struct registry *r,
    void (*on_change)(void *owner, struct node *n), void *owner)
{
	*a = (struct assign){
	    .registry = r,
	    .policy = r->conf.policy,
	    .on_change = on_change,
	    .owner = owner,
	    .reviewed_at_ms = loop_now_ms(l) - ASSIGN_EVERY_MS,
	};
	timer_init(&a->review, l, on_review, a);
}

void
assign_fini(struct assign *a)
{
	timer_clear(&a->review);
}
