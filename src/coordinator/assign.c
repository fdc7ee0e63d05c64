/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/assign.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
	PUSH_MAX = 4096
};

/* --- what changed is stored, told and remembered -------------------------- */

static void
tell(struct assign *a, struct node *n)
{
	struct buf b = BUF_INIT(PUSH_MAX);
	struct jsonw w = jsonw_to(&b);

	if (a->push == NULL || n->link == NULL)
		return;
	wire_assign_emit(n->assigned, a->policy == PLACE_CLASSIC, &w);
	a->push(a->push_arg, n, buf_view(&b));
	buf_fini(&b);
}

static void
names(service_set set, char *out, size_t cap)
{
	size_t used = 0;

	(void)str_fmt(out, cap, "nothing");
	for (; set != 0; set &= set - 1) {
		enum service_id id = (enum service_id)__builtin_ctz(set);

		(void)str_fmt(out + used, cap - used, "%s%s",
		    used != 0 ? ", " : "", catalogue_at(id)->name);
		used = strlen(out);
	}
}

static void
apply(struct assign *a, struct node *n, const struct place_result *to)
{
	service_set before = n->assigned;
	char text[400];

	registry_assign(a->registry, n, to);
	if (to->assigned == before)
		return;
	a->moves++;
	store_set_assigned(a->store, n->id, n->assigned, NULL, NULL);
	names(n->assigned, text, sizeof text);
	events_add(a->events, "worker_assigned", n->id,
	    "worker %.*s now runs %s", STR_ARG(n->id), text);
	tell(a, n);
}

/* --- deciding -------------------------------------------------------------- */

static void
decide_one(const struct assign *a, const struct place_node *n,
    const struct node *known, struct place_result *out)
{
	struct place_view view = a->registry->view;

	if (a->policy == PLACE_CLASSIC) {
		/* Coverage counts what it had before, its tier only others. */
		if (known != NULL && node_place(known).alive)
			view.by_tier[known->caps.classic_tier]--;
		place_classic(&view, n, out);
		return;
	}
	if (known != NULL) {
		struct place_node as_counted = node_place(known);

		place_view_count(&view, &as_counted, -1);
	}
	place_one(&view, n, out);
}

service_set
assign_preview(struct assign *a, const struct place_node *n)
{
	struct place_result out;

	decide_one(a, n, registry_find(a->registry, n->id), &out);
	return out.assigned;
}

void
assign_joined(struct assign *a, struct node *n)
{
	struct place_node p = node_place(n);
	struct place_result out;

	decide_one(a, &p, n, &out);
	registry_assign(a->registry, n, &out);
}

static void
decide_all(struct assign *a)
{
	struct registry *r = a->registry;
	struct place_node *nodes = xcalloc(r->n, sizeof *nodes);
	struct place_result *results = xcalloc(r->n, sizeof *results);

	for (size_t i = 0; i < r->n; i++)
		nodes[i] = node_place(r->nodes[i]);
	place_all(nodes, r->n, results);
	for (size_t i = 0; i < r->n; i++)
		apply(a, r->nodes[i], &results[i]);
	free(results);
	free(nodes);
}

/* Policy classic never looks again: that is what it is. */
static void
on_again(void *arg)
{
	struct assign *a = arg;

	if (a->policy == PLACE_CLASSIC ||
	    !place_view_matters(&a->seen, &a->registry->view))
		return;
	a->rounds++;
	decide_all(a);
	a->seen = a->registry->view;
}

void
assign_changed(struct assign *a)
{
	loop_defer(a->registry->loop, &a->again);
}

/* --- life cycle ------------------------------------------------------------- */

void
assign_init(struct assign *a, struct registry *r, struct store *s,
    struct events *e, enum place_policy policy)
{
	*a = (struct assign){
	    .registry = r,
	    .store = s,
	    .events = e,
	    .policy = policy,
	    .seen = r->view,
	};
	a->again = (struct defer){.fn = on_again, .arg = a};
}

void
assign_fini(struct assign *a)
{
	loop_undefer(a->registry->loop, &a->again);
}
