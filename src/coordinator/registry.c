/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/registry.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/obj.h"

/* --- keeping the counts --------------------------------------------------------
 * Every change of a node stands between node_leave() and node_enter(): the
 * first takes what the node contributes out of all counts, the second puts in
 * what it contributes now. */

static void
count(struct registry *r, const struct node *n, int sign)
{
	struct place_node p;

	node_for_place(n, &p);
	place_view_count(&r->view, &p, sign);
	if (n->life == NODE_ALIVE)
		r->alive += (size_t)sign;
	if (n->life == NODE_STALE)
		r->stale += (size_t)sign;
	for (size_t i = 0; i < node_count_services(n); i++) {
		const struct node_service *s = &n->services[i];

		if (node_reachable(n) && s->state == SERVICE_READY)
			r->ready[s->id] += (size_t)sign;
	}
}

struct before {
	struct place_view view;
	size_t ready[SERVICE__COUNT];
};

static void
node_leave(struct registry *r, const struct node *n, struct before *b)
{
	b->view = r->view;
	memcpy(b->ready, r->ready, sizeof b->ready);
	if (n != NULL)
		count(r, n, -1);
}

static void
node_enter(struct registry *r, const struct node *n, const struct before *b)
{
	if (n != NULL)
		count(r, n, 1);
	if (place_view_matters(&b->view, &r->view))
		loop_defer(r->loop, &r->matters);
	for (size_t i = 0; i < SERVICE__COUNT; i++) {
		if (b->ready[i] != r->ready[i] && r->conf.on_service != NULL)
			r->conf.on_service(r->conf.owner, (enum service_id)i);
	}
}

/* --- who has which service ------------------------------------------------------- */

static void
index_add(struct registry *r, enum service_id id, struct node *n)
{
	if (r->n_of[id] == r->cap_of[id]) {
		r->cap_of[id] = r->cap_of[id] == 0 ? 8 : r->cap_of[id] * 2;
		r->of[id] = xreallocarray(r->of[id], r->cap_of[id],
		    sizeof(struct node *));
	}
	r->of[id][r->n_of[id]++] = n;
}

static void
index_del(struct registry *r, enum service_id id, const struct node *n)
{
	for (size_t i = r->n_of[id]; i-- > 0;) {
		if (r->of[id][i] == n) {
			r->of[id][i] = r->of[id][--r->n_of[id]];
			return;
		}
	}
	assert(false && "a node that is not in the index");
}

/* The node's list of services follows its set; what it already told about
 * those that stay is kept. */
static void
set_services(struct registry *r, struct node *n, service_set now)
{
	struct node_service *list = xcalloc((size_t)__builtin_popcount(now),
	    sizeof *list);
	size_t at = 0;

	for (size_t i = 0; i < SERVICE__COUNT; i++) {
		enum service_id id = (enum service_id)i;
		struct node_service *old = node_service(n, id);

		if ((now & SERVICE_BIT(id)) == 0) {
			if (old != NULL) {
				index_del(r, id, n);
				free(old->reason);
			}
			continue;
		}
		if (old == NULL)
			index_add(r, id, n);
		list[at++] = old != NULL
		    ? *old
		    : (struct node_service){.id = id, .self_test_ms = -1};
	}
	free(n->services);
	n->services = list;
	n->row.assigned = now;
}

static void
forget_states(struct node *n)
{
	for (size_t i = 0; i < node_count_services(n); i++) {
		struct node_service *s = &n->services[i];

		s->state = SERVICE_UNKNOWN;
		free(s->reason);
		s->reason = NULL;
		s->self_test_ms = -1;
	}
}

/* --- life -------------------------------------------------------------------------- */

static enum node_life
life_of(const struct registry *r, const struct node *n)
{
	int64_t now = loop_now_ms(r->loop);
	bool silent = n->seen_at_ms == 0
	    ? now - n->registered_at_ms > r->conf.stale_ms
	    : now - n->seen_at_ms > r->conf.stale_ms;

	if (n->linked)
		return NODE_ALIVE;
	if (silent)
		return NODE_STALE;
	if (n->row.link || n->seen_at_ms == 0)
		return NODE_WAITING;
	return NODE_ALIVE;
}

/* When it was last heard, or should have been. */
static int64_t
quiet_since(const struct node *n)
{
	return n->seen_at_ms != 0 ? n->seen_at_ms : n->registered_at_ms;
}

static void
plan_sweep(struct registry *r)
{
	const struct node *n = TAILQ_FIRST(&r->by_seen);
	int64_t in;

	if (n == NULL) {
		timer_clear(&r->sweep);
		return;
	}
	in = quiet_since(n) +
	    (n->life == NODE_STALE ? r->conf.forget_ms : r->conf.stale_ms) -
	    loop_now_ms(r->loop);
	timer_set(&r->sweep, MAX_OF(in, 0) + 1);
}

/* Looks at those that were silent the longest, and no further than needed. */
static void
on_sweep(void *arg)
{
	struct registry *r = arg;
	int64_t now = loop_now_ms(r->loop);
	struct node *n, *next;

	TAILQ_FOREACH_SAFE(n, &r->by_seen, by_seen, next) {
		int64_t quiet = now - quiet_since(n);
		struct before b;

		if (quiet <= r->conf.stale_ms)
			break;
		node_leave(r, n, &b);
		n->life = life_of(r, n);
		node_enter(r, n, &b);
		if (quiet > r->conf.forget_ms && n->life == NODE_STALE)
			r->conf.on_forget(r->conf.owner, n);
	}
	n = TAILQ_FIRST(&r->by_seen);
	if (n == NULL || now - quiet_since(n) <= r->conf.stale_ms)
		plan_sweep(r);
	else /* those that stay first may stay so for long */
		timer_set(&r->sweep, 1000);
}

static void
seen(struct registry *r, struct node *n)
{
	bool first = TAILQ_EMPTY(&r->by_seen);

	n->seen_at_ms = loop_now_ms(r->loop);
	n->seen_wall_ms = clock_wall_ms();
	TAILQ_REMOVE(&r->by_seen, n, by_seen);
	TAILQ_INSERT_TAIL(&r->by_seen, n, by_seen);
	if (first || !timer_is_set(&r->sweep))
		plan_sweep(r);
}

/* --- nodes come and go ------------------------------------------------------------- */

static struct str
copy_to(char **at, struct str s)
{
	struct str out = {*at, s.n};

	if (s.n != 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return out;
}

/* All strings of the row in one block of memory. */
static void
copy_row(struct node *n, const struct row_worker *row)
{
	service_set assigned = n->row.assigned;
	char *at = xmalloc(row->id.n + row->url.n + row->capabilities.n +
	    row->services.n + row->containers.n + row->version.n);

	n->block = at;
	n->row = *row;
	n->row.id = copy_to(&at, row->id);
	n->row.url = copy_to(&at, row->url);
	n->row.capabilities = copy_to(&at, row->capabilities);
	n->row.services = copy_to(&at, row->services);
	n->row.containers = copy_to(&at, row->containers);
	n->row.version = copy_to(&at, row->version);
	n->row.assigned = assigned;
}

static struct node *
node_new(struct registry *r, const struct row_worker *row)
{
	struct node *n = xcalloc(1, sizeof *n);

	n->magic = NODE_MAGIC;
	copy_row(n, row);
	n->registered_at_ms = loop_now_ms(r->loop);
	n->seen_wall_ms = row->seen_wall_ms;
	(void)map_put(&r->by_id, n->row.id, n);
	TAILQ_INSERT_TAIL(&r->by_seen, n, by_seen);
	r->total++;
	if (!timer_is_set(&r->sweep))
		plan_sweep(r);
	return n;
}

static void
node_free(struct node *n)
{
	for (size_t i = 0; i < node_count_services(n); i++)
		free(n->services[i].reason);
	free(n->services);
	free(n->status);
	free(n->available_memory);
	free(n->loaded_models);
	free(n->specialization);
	free(n->block);
	KILL_OBJ(n);
	free(n);
}

/* The key of the map lives in the block, so both change together. */
static void
replace_row(struct registry *r, struct node *n, const struct row_worker *row)
{
	char *old = n->block;

	(void)map_del(&r->by_id, n->row.id);
	copy_row(n, row);
	(void)map_put(&r->by_id, n->row.id, n);
	free(old);
}

struct node *
registry_put(struct registry *r, const struct row_worker *row,
    const struct wire_caps *caps, const struct place_result *placed)
{
	struct node *n = registry_find(r, row->id);
	struct before b;

	node_leave(r, n, &b);
	if (n == NULL)
		n = node_new(r, row);
	else
		replace_row(r, n, row);
	n->caps = *caps;
	n->draining = false;
	set_services(r, n, placed->assigned);
	forget_states(n);
	memcpy(n->why, placed->why, sizeof n->why);
	seen(r, n);
	n->life = life_of(r, n);
	node_enter(r, n, &b);
	return n;
}

struct node *
registry_restore(struct registry *r, const struct row_worker *row,
    const struct wire_caps *caps)
{
	struct before b;
	struct node *n;

	node_leave(r, NULL, &b);
	n = node_new(r, row);
	n->caps = *caps;
	set_services(r, n, row->assigned);
	n->life = life_of(r, n);
	node_enter(r, n, &b);
	return n;
}

void
registry_drop(struct registry *r, struct node *n)
{
	struct before b;

	CHECK_OBJ(n, NODE_MAGIC);
	node_leave(r, n, &b);
	set_services(r, n, 0);
	(void)map_del(&r->by_id, n->row.id);
	TAILQ_REMOVE(&r->by_seen, n, by_seen);
	r->total--;
	node_enter(r, NULL, &b);
	node_free(n);
}

/* --- changes ------------------------------------------------------------------------ */

void
registry_others(const struct registry *r, const struct node *n,
    struct place_view *out)
{
	struct place_node p;

	*out = r->view;
	if (n == NULL)
		return;
	node_for_place(n, &p);
	place_view_count(out, &p, -1);
}

void
registry_assign(struct registry *r, struct node *n,
    const struct place_result *placed)
{
	struct before b;

	memcpy(n->why, placed->why, sizeof n->why);
	if (placed->assigned == n->row.assigned)
		return;
	node_leave(r, n, &b);
	set_services(r, n, placed->assigned);
	node_enter(r, n, &b);
}

static void
keep(char **to, struct str s)
{
	if (*to != NULL && str_eqz(s, *to))
		return;
	free(*to);
	*to = s.n != 0 ? xstrndup(s.p, s.n) : NULL;
}

static void
take_states(struct registry *r, struct node *n, const struct wire_heartbeat *h)
{
	for (size_t i = 0; i < h->n_states; i++) {
		const struct wire_service_state *told = &h->states[i];
		struct node_service *s = node_service(n, told->id);

		if (s == NULL)
			continue;
		if (told->state == SERVICE_READY && s->state != SERVICE_READY)
			s->used_at_ms = loop_now_ms(r->loop);
		s->state = told->state;
		s->self_test_ms = told->self_test_ms;
		keep(&s->reason, told->reason);
	}
}

static bool
states_differ(const struct node *n, const struct wire_heartbeat *h)
{
	for (size_t i = 0; i < h->n_states; i++) {
		const struct node_service *s = node_service(n, h->states[i].id);

		if (s != NULL &&
		    (s->state != h->states[i].state ||
			s->self_test_ms != h->states[i].self_test_ms ||
			!str_eqz(h->states[i].reason,
			    s->reason != NULL ? s->reason : "")))
			return true;
	}
	return false;
}

static void
keep_models(struct node *n, const struct json_val *list)
{
	struct buf b = BUF_INIT(16 * 1024);

	if (list != NULL)
		json_emit(list, &b);
	keep(&n->loaded_models, b.full ? STR("") : buf_view(&b));
	buf_fini(&b);
}

/* Most heartbeats change figures alone; those are cheap. */
void
registry_heartbeat(struct registry *r, struct node *n,
    const struct wire_heartbeat *h)
{
	bool draining = str_eqz(h->status, "draining");
	struct before b;

	n->load = h->current_load;
	n->gpu_utilization = h->gpu_utilization;
	n->active_requests = h->active_requests;
	n->had_heartbeat = true;
	keep(&n->status, h->status);
	keep(&n->available_memory, h->available_memory);
	keep(&n->specialization, h->specialization);
	keep_models(n, h->loaded_models);
	seen(r, n);
	if (life_of(r, n) == n->life && draining == n->draining &&
	    !states_differ(n, h))
		return;
	node_leave(r, n, &b);
	take_states(r, n, h);
	n->draining = draining;
	n->life = life_of(r, n);
	node_enter(r, n, &b);
}

void
registry_link(struct registry *r, struct node *n, bool up)
{
	struct before b;

	if (n->linked == up)
		return;
	node_leave(r, n, &b);
	n->linked = up;
	if (up)
		seen(r, n);
	n->life = life_of(r, n);
	node_enter(r, n, &b);
}

void
registry_draining(struct registry *r, struct node *n, bool draining)
{
	struct before b;

	if (n->draining == draining)
		return;
	node_leave(r, n, &b);
	n->draining = draining;
	node_enter(r, n, &b);
}

/* --- reading -------------------------------------------------------------------------- */

struct node *
registry_find(const struct registry *r, struct str id)
{
	return map_get(&r->by_id, id);
}

static bool
is_wanted(enum service_id id)
{
	return catalogue_at(id)->tier <= 2;
}

size_t
registry_wanted(const struct registry *r UNUSED)
{
	size_t n = 0;

	for (size_t i = 0; i < SERVICE__COUNT; i++)
		n += is_wanted((enum service_id)i);
	return n;
}

size_t
registry_covered(const struct registry *r)
{
	size_t n = 0;

	for (size_t i = 0; i < SERVICE__COUNT; i++)
		n += is_wanted((enum service_id)i) && r->ready[i] > 0;
	return n;
}

/* --- requests --------------------------------------------------------------------------- */

struct choice {
	const struct registry *r;
	enum service_id id;
	struct node *const *tried;
	size_t n_tried;
};

static void
candidate(const void *arg, size_t i, struct pick_node *out)
{
	const struct choice *c = arg;
	const struct node *n = c->r->of[c->id][i];
	const struct node_service *s = node_service(n, c->id);

	*out = (struct pick_node){
	    .reachable = node_reachable(n),
	    .draining = n->draining,
	    .state = s->state,
	    .outstanding = s->outstanding,
	    .places = n->caps.cores != 0 ? n->caps.cores : 2,
	    .load = (float)n->load,
	    .used_at_ms = s->used_at_ms,
	    .out_until_ms = s->health.out_until_ms,
	};
	for (size_t k = 0; k < c->n_tried; k++)
		out->tried |= c->tried[k] == n;
}

struct node *
registry_pick(struct registry *r, enum service_id id, struct node *const *tried,
    size_t n_tried, struct pick *p)
{
	const struct choice c = {r, id, tried, n_tried};

	*p = pick_choose(candidate, &c, r->n_of[id], r->turn++,
	    loop_now_ms(r->loop));
	return p->index >= 0 ? r->of[id][p->index] : NULL;
}

void
registry_began(struct registry *r UNUSED, struct node *n, enum service_id id)
{
	struct node_service *s = node_service(n, id);

	assert(s != NULL);
	s->outstanding++;
}

void
registry_ended(struct registry *r, struct str node_id, enum service_id id,
    enum registry_outcome how)
{
	struct node *n = registry_find(r, node_id);
	struct node_service *s = n != NULL ? node_service(n, id) : NULL;
	int64_t now = loop_now_ms(r->loop);

	if (s == NULL)
		return;
	if (s->outstanding > 0)
		s->outstanding--;
	if (how == REGISTRY_GOOD)
		s->used_at_ms = now;
	if (how != REGISTRY_NEITHER)
		pick_report(&s->health, how == REGISTRY_GOOD, now);
}

/* --- life cycle --------------------------------------------------------------------------- */

static void
on_matters(void *arg)
{
	struct registry *r = arg;

	if (r->conf.on_matters != NULL)
		r->conf.on_matters(r->conf.owner);
}

void
registry_init(struct registry *r, struct loop *l,
    const struct registry_conf *conf)
{
	*r = (struct registry){.loop = l, .conf = *conf};
	TAILQ_INIT(&r->by_seen);
	timer_init(&r->sweep, l, on_sweep, r);
	r->matters = (struct defer){.fn = on_matters, .arg = r};
}

void
registry_fini(struct registry *r)
{
	struct node *n, *next;

	TAILQ_FOREACH_SAFE(n, &r->by_seen, by_seen, next)
		node_free(n);
	timer_clear(&r->sweep);
	loop_undefer(r->loop, &r->matters);
	map_fini(&r->by_id);
	for (size_t i = 0; i < SERVICE__COUNT; i++)
		free(r->of[i]);
}
