/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/registry.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/obj.h"

/* --- looking ------------------------------------------------------------- */

struct node *
registry_find(const struct registry *r, struct str id)
{
	return map_get(&r->by_id, id);
}

static struct str
serial_key(const uint64_t *serial)
{
	return (struct str){(const char *)serial, sizeof *serial};
}

struct node *
registry_by_serial(const struct registry *r, uint64_t serial)
{
	return map_get(&r->by_serial, serial_key(&serial));
}

bool
node_reachable(const struct node *n)
{
	return n->by_link ? n->link != NULL : n->url.n != 0;
}

const struct node_service *
node_told(const struct node *n, enum service_id id)
{
	for (size_t i = 0; i < n->n_told; i++) {
		if (n->told[i].id == id)
			return &n->told[i];
	}
	return NULL;
}

enum service_state
node_state(const struct node *n, enum service_id id)
{
	const struct node_service *s = node_told(n, id);

	return s != NULL ? s->state : SERVICE_UNKNOWN;
}

struct place_node
node_place(const struct node *n)
{
	return (struct place_node){
	    .id = n->id,
	    .alive = n->alive && !n->draining,
	    .type = n->caps.type,
	    .has_storage = n->caps.has_storage,
	    .has_edge = n->caps.has_edge,
	    .ram_mib = n->caps.ram_mib,
	    .assigned = n->assigned,
	    .ready = n->ready,
	    .unable = n->unable,
	    .classic_type = n->caps.classic_type,
	    .classic_tier = n->caps.classic_tier,
	};
}

int64_t
node_age_ms(const struct registry *r, const struct node *n)
{
	return loop_now_ms(r->loop) - n->seen_ms;
}

/* --- keeping the counts --------------------------------------------------
 * Every change of a node stands between change_begin() and change_end(): the
 * first takes what the node contributes out of all counts, the second puts in
 * what it contributes then. */

struct change {
	struct place_view before;
	bool was_alive;
};

static void
count(struct registry *r, const struct node *n, int sign)
{
	struct place_node p = node_place(n);
	service_set ready = n->alive ? n->ready & n->assigned : 0;

	place_view_count(&r->view, &p, sign);
	if (n->alive)
		r->n_alive += (size_t)sign;
	for (; ready != 0; ready &= ready - 1)
		r->n_ready[__builtin_ctz(ready)] += (uint32_t)sign;
}

static struct change
change_begin(struct registry *r, const struct node *n)
{
	struct change c = {r->view, n != NULL && n->alive};

	if (n != NULL)
		count(r, n, -1);
	return c;
}

static void
change_end(struct registry *r, struct node *n, const struct change *c)
{
	if (n != NULL)
		count(r, n, 1);
	if (r->hooks.on_change != NULL &&
	    place_view_matters(&c->before, &r->view))
		r->hooks.on_change(r->hooks.arg);
	if (n != NULL && n->alive != c->was_alive && r->hooks.on_alive != NULL)
		r->hooks.on_alive(r->hooks.arg, n);
}

/* --- who has which service ----------------------------------------------- */

static void
have_add(struct registry *r, struct node *n, unsigned id)
{
	struct have *h = &r->have[id];

	if (h->n == h->cap) {
		h->cap = h->cap == 0 ? 8 : h->cap * 2;
		h->nodes = xreallocarray(h->nodes, h->cap,
		    sizeof(struct node *));
	}
	h->nodes[h->n++] = n;
	n->at[id] = h->n;
}

static void
have_del(struct registry *r, struct node *n, unsigned id)
{
	struct have *h = &r->have[id];
	struct node *last = h->nodes[--h->n];

	h->nodes[n->at[id] - 1] = last;
	last->at[id] = n->at[id];
	n->at[id] = 0;
}

static void
set_assigned(struct registry *r, struct node *n, service_set to)
{
	service_set diff = n->assigned ^ to;

	for (; diff != 0; diff &= diff - 1) {
		unsigned id = (unsigned)__builtin_ctz(diff);

		if ((to & ((service_set)1 << id)) != 0)
			have_add(r, n, id);
		else
			have_del(r, n, id);
	}
	n->assigned = to;
}

/* What runs: as it told; a worker by URL that never tells is taken at its
 * word that it has what it was assigned. */
static void
take_readiness(struct node *n)
{
	n->ready = 0;
	if (n->n_told == 0 && !n->by_link)
		n->ready = n->assigned & ~n->unable;
	for (size_t i = 0; i < n->n_told; i++) {
		const struct node_service *s = &n->told[i];
		service_set bit = SERVICE_BIT(s->id);

		if (s->state == SERVICE_READY) {
			n->ready |= bit;
			n->unable &= ~bit;
		} else if (s->state == SERVICE_NOT_AVAILABLE ||
		    s->state == SERVICE_FAILED) {
			n->unable |= bit;
		}
	}
}

/* --- fresh, alive -------------------------------------------------------- */

static bool
in_grace(const struct registry *r, const struct node *n)
{
	return loop_now_ms(r->loop) - n->unlinked_ms < LINK_GRACE_MS;
}

static bool
is_alive(const struct registry *r, const struct node *n)
{
	if (!n->fresh)
		return false;
	return !n->by_link || n->link != NULL || in_grace(r, n);
}

static void
plan_timer(struct registry *r)
{
	const struct node *f = TAILQ_FIRST(&r->fresh);
	const struct node *s = TAILQ_FIRST(&r->stale);
	const struct node *u = TAILQ_FIRST(&r->unlinked);
	int64_t at = INT64_MAX;

	if (f != NULL)
		at = MIN_OF(at, f->seen_ms + r->stale_ms);
	if (s != NULL)
		at = MIN_OF(at, s->seen_ms + r->forget_ms);
	if (u != NULL)
		at = MIN_OF(at, u->unlinked_ms + LINK_GRACE_MS);
	if (at == INT64_MAX)
		timer_clear(&r->timer);
	else
		timer_set(&r->timer, MAX_OF(at - loop_now_ms(r->loop), 0) + 1);
}

static void
set_waiting(struct registry *r, struct node *n, bool waiting)
{
	if (n->waiting == waiting)
		return;
	n->waiting = waiting;
	if (waiting)
		TAILQ_INSERT_TAIL(&r->unlinked, n, waits);
	else
		TAILQ_REMOVE(&r->unlinked, n, waits);
}

static void
set_fresh(struct registry *r, struct node *n, bool fresh)
{
	TAILQ_REMOVE(n->fresh ? &r->fresh : &r->stale, n, age);
	n->fresh = fresh;
	TAILQ_INSERT_TAIL(fresh ? &r->fresh : &r->stale, n, age);
}

/* It was heard of just now. */
static void
hear(struct registry *r, struct node *n)
{
	n->heard = true;
	n->seen_ms = loop_now_ms(r->loop);
	n->seen_wall_ms = clock_wall_ms();
	set_fresh(r, n, true);
	n->alive = is_alive(r, n);
	if (!timer_is_set(&r->timer))
		plan_timer(r);
}

static void
end_grace(struct registry *r)
{
	struct node *n;

	while ((n = TAILQ_FIRST(&r->unlinked)) != NULL && !in_grace(r, n)) {
		struct change c = change_begin(r, n);

		set_waiting(r, n, false);
		n->alive = is_alive(r, n);
		change_end(r, n, &c);
	}
}

static void
end_freshness(struct registry *r)
{
	struct node *n;

	while ((n = TAILQ_FIRST(&r->fresh)) != NULL &&
	    node_age_ms(r, n) >= r->stale_ms) {
		struct change c = change_begin(r, n);

		set_fresh(r, n, false);
		n->alive = false;
		change_end(r, n, &c);
	}
}

/* Those too long silent. Whoever drops them may need a while (the store), so
 * each goes to the end of the list with a minute more. */
static void
forget(struct registry *r)
{
	enum {
		AGAIN_MS = 60 * 1000
	};
	struct node *n;

	while ((n = TAILQ_FIRST(&r->stale)) != NULL &&
	    node_age_ms(r, n) >= r->forget_ms) {
		n->seen_ms += AGAIN_MS;
		set_fresh(r, n, false);
		if (r->hooks.on_forget != NULL)
			r->hooks.on_forget(r->hooks.arg, n);
	}
}

static void
on_timer(void *arg)
{
	struct registry *r = arg;

	end_grace(r);
	end_freshness(r);
	forget(r);
	plan_timer(r);
}

/* --- registration -------------------------------------------------------- */

static struct str
copy_to(char **at, struct str s)
{
	struct str out = {*at, s.n};

	if (s.n != 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return out;
}

static void
read_caps(struct node *n)
{
	struct json *j CLEANUP(json_freep) = json_parse(n->capabilities,
	    WIRE_CAPABILITIES_MAX, NULL);

	wire_caps_read(j != NULL ? json_root(j) : NULL, &n->caps);
	n->places = n->caps.cores != 0 ? n->caps.cores : 2;
}

/* All texts in one allocation; the old one is the caller's to free, as the
 * map's key may still lie in it. */
static char *
take_row(struct node *n, const struct row_worker *row)
{
	char *old = n->text;
	char *at = xmalloc(row->id.n + row->url.n + row->version.n +
	    row->capabilities.n + row->services.n + row->containers.n);

	n->text = at;
	n->id = copy_to(&at, row->id);
	n->url = copy_to(&at, row->url);
	n->version = copy_to(&at, row->version);
	n->capabilities = copy_to(&at, row->capabilities);
	n->services = copy_to(&at, row->services);
	n->containers = copy_to(&at, row->containers);
	n->epoch = row->epoch;
	n->by_link = row->link;
	n->registered_wall_ms = row->registered_wall_ms;
	read_caps(n);
	return old;
}

static void
drop_told(struct node *n)
{
	for (size_t i = 0; i < n->n_told; i++)
		free(n->told[i].reason);
	free(n->told);
	n->told = NULL;
	n->n_told = 0;
}

static struct node *
node_new(struct registry *r)
{
	struct node *n = xcalloc(1, sizeof *n);

	n->magic = NODE_MAGIC;
	n->serial = ++r->last_serial;
	if (r->n == r->cap) {
		r->cap = r->cap == 0 ? 16 : r->cap * 2;
		r->nodes = xreallocarray(r->nodes, r->cap,
		    sizeof(struct node *));
	}
	n->index = (uint32_t)r->n;
	r->nodes[r->n++] = n;
	n->fresh = true;
	TAILQ_INSERT_TAIL(&r->fresh, n, age);
	(void)map_put(&r->by_serial, serial_key(&n->serial), n);
	n->unlinked_ms = loop_now_ms(r->loop);
	return n;
}

/* A worker by link has a moment to dial it. */
static void
begin_grace(struct registry *r, struct node *n)
{
	if (!n->by_link || n->link != NULL)
		return;
	set_waiting(r, n, false);
	n->unlinked_ms = loop_now_ms(r->loop);
	set_waiting(r, n, true);
}

struct node *
registry_put(struct registry *r, const struct row_worker *row, bool from_store)
{
	struct node *n = registry_find(r, row->id);
	struct change c = change_begin(r, n);
	/* The same life of the worker, with new capabilities: what it told of
	 * its services still holds. */
	bool same = n != NULL && !from_store && row->epoch != 0 &&
	    row->epoch == n->epoch;
	char *old;

	if (n == NULL)
		n = node_new(r);
	else
		(void)map_del(&r->by_id, n->id);
	old = take_row(n, row);
	(void)map_put(&r->by_id, n->id, n);
	free(old);
	if (!same) {
		drop_told(n);
		n->unable = 0;
		n->beat = n->draining = false;
	}
	if (from_store)
		set_assigned(r, n, row->assigned);
	begin_grace(r, n);
	hear(r, n);
	n->heard = !from_store;
	if (from_store)
		n->seen_wall_ms = row->seen_wall_ms;
	take_readiness(n);
	plan_timer(r);
	change_end(r, n, &c);
	return n;
}

static void
node_free(struct node *n)
{
	drop_told(n);
	free(n->text);
	free(n->memory);
	free(n->models);
	free(n->special);
	KILL_OBJ(n);
	free(n);
}

void
registry_remove(struct registry *r, struct node *n)
{
	struct change c;
	struct node *last;

	CHECK_OBJ(n, NODE_MAGIC);
	c = change_begin(r, n);
	set_assigned(r, n, 0);
	set_waiting(r, n, false);
	TAILQ_REMOVE(n->fresh ? &r->fresh : &r->stale, n, age);
	(void)map_del(&r->by_id, n->id);
	(void)map_del(&r->by_serial, serial_key(&n->serial));
	last = r->nodes[--r->n];
	r->nodes[n->index] = last;
	last->index = n->index;
	node_free(n);
	change_end(r, NULL, &c);
}

void
registry_assign(struct registry *r, struct node *n,
    const struct place_result *to)
{
	struct change c;

	memcpy(n->why, to->why, sizeof n->why);
	if (to->assigned == n->assigned)
		return;
	c = change_begin(r, n);
	set_assigned(r, n, to->assigned);
	take_readiness(n);
	change_end(r, n, &c);
}

/* --- heartbeats ---------------------------------------------------------- */

static void
keep(char **to, struct str s)
{
	if (*to != NULL && str_eqz(s, *to))
		return;
	free(*to);
	*to = s.n != 0 ? xstrndup(s.p, s.n) : NULL;
}

static void
keep_models(struct node *n, const struct json_val *list)
{
	enum {
		MODELS_MAX = 16 * 1024
	};
	struct buf b = BUF_INIT(MODELS_MAX);

	if (list != NULL && json_count(list) > 0)
		json_emit(list, &b);
	keep(&n->models, b.full ? STR("") : buf_view(&b));
	buf_fini(&b);
}

static bool
same_told(const struct node *n, const struct wire_heartbeat *h)
{
	if (!h->has_states)
		return true; /* it told nothing new */
	if (h->n_states != n->n_told)
		return false;
	for (size_t i = 0; i < h->n_states; i++) {
		const struct wire_service_state *a = &h->states[i];
		const struct node_service *b = &n->told[i];

		if (a->id != b->id || a->state != b->state ||
		    a->self_test_ms != b->self_test_ms ||
		    !str_eqz(a->reason, b->reason != NULL ? b->reason : ""))
			return false;
	}
	return true;
}

static void
copy_told(struct node *n, const struct wire_heartbeat *h)
{
	drop_told(n);
	n->told = xcalloc(h->n_states, sizeof *n->told);
	n->n_told = h->n_states;
	for (size_t i = 0; i < n->n_told; i++) {
		const struct wire_service_state *s = &h->states[i];

		n->told[i] = (struct node_service){
		    .id = s->id,
		    .state = s->state,
		    .self_test_ms = s->self_test_ms,
		};
		keep(&n->told[i].reason, s->reason);
	}
}

static void
take_told(struct registry *r, struct node *n, const struct wire_heartbeat *h)
{
	service_set new = ~n->ready;

	if (h->has_states)
		copy_told(n, h);
	take_readiness(n);
	/* Its self-test just warmed what is new. */
	for (new &= n->ready; new != 0; new &= new - 1)
		n->used_s[__builtin_ctz(new)] =
		    (uint32_t)(loop_now_ms(r->loop) / 1000);
}

/* Most heartbeats change figures alone, and those touch no count. */
bool
registry_heartbeat(struct registry *r, struct node *n,
    const struct wire_heartbeat *h)
{
	bool draining = str_eqz(h->status, "draining");
	bool same = same_told(n, h) && draining == n->draining;
	struct change c;

	n->load = h->current_load;
	n->gpu_use = h->gpu_utilization;
	n->active_requests = h->active_requests;
	n->beat = true;
	(void)str_copy(n->status, sizeof n->status, h->status);
	keep(&n->memory, h->available_memory);
	keep(&n->special, h->specialization);
	keep_models(n, h->loaded_models);
	if (same && n->fresh && n->alive) {
		hear(r, n);
		return false;
	}
	c = change_begin(r, n);
	n->draining = draining;
	take_told(r, n, h);
	hear(r, n);
	change_end(r, n, &c);
	return !same;
}

/* --- links --------------------------------------------------------------- */

void
registry_linked(struct registry *r, struct node *n, void *link)
{
	struct change c = change_begin(r, n);

	set_waiting(r, n, false);
	n->link = link;
	n->unlinked_ms = 0;
	hear(r, n);
	change_end(r, n, &c);
}

void
registry_unlinked(struct registry *r, struct node *n)
{
	struct change c = change_begin(r, n);

	n->link = NULL;
	n->unlinked_ms = loop_now_ms(r->loop);
	set_waiting(r, n, true);
	n->alive = is_alive(r, n);
	plan_timer(r);
	change_end(r, n, &c);
}

/* --- requests ------------------------------------------------------------ */

struct choice {
	const struct registry *r;
	enum service_id id;
	const uint64_t *tried;
	size_t n_tried;
};

static void
candidate(const void *arg, size_t i, struct pick_node *out)
{
	const struct choice *c = arg;
	const struct node *n = c->r->have[c->id].nodes[i];
	bool ready = (n->ready & SERVICE_BIT(c->id)) != 0;

	*out = (struct pick_node){
	    .reachable = n->alive && node_reachable(n),
	    .draining = n->draining,
	    .state = ready ? SERVICE_READY : node_state(n, c->id),
	    .outstanding = n->outstanding,
	    .places = n->places,
	    .load = (float)n->load,
	    .used_at_ms = (int64_t)n->used_s[c->id] * 1000,
	    .out_until_ms = n->health.out_until_ms,
	};
	for (size_t k = 0; k < c->n_tried; k++)
		out->tried |= c->tried[k] == n->serial;
}

struct node *
registry_pick(struct registry *r, enum service_id service,
    const uint64_t *tried, size_t n_tried, struct pick *p)
{
	const struct choice c = {r, service, tried, n_tried};
	const struct have *h = &r->have[service];

	*p = pick_choose(candidate, &c, h->n, r->turn++, loop_now_ms(r->loop));
	return p->index >= 0 ? h->nodes[p->index] : NULL;
}

void
registry_begin(struct registry *r UNUSED, struct node *n)
{
	n->outstanding++;
}

void
registry_done(struct registry *r, uint64_t serial, enum service_id service,
    bool good)
{
	struct node *n = registry_by_serial(r, serial);
	int64_t now = loop_now_ms(r->loop);

	if (n == NULL)
		return;
	assert(n->outstanding > 0);
	n->outstanding--;
	pick_report(&n->health, good, now);
	if (good) {
		n->served++;
		n->used_s[service] = (uint32_t)(now / 1000);
	} else {
		n->failed++;
	}
}

/* --- life cycle ---------------------------------------------------------- */

void
registry_init(struct registry *r, struct loop *l, int64_t stale_ms,
    int64_t forget_ms, const struct registry_hooks *hooks)
{
	*r = (struct registry){
	    .loop = l,
	    .stale_ms = stale_ms,
	    .forget_ms = forget_ms,
	};
	r->hooks = *hooks;
	TAILQ_INIT(&r->fresh);
	TAILQ_INIT(&r->stale);
	TAILQ_INIT(&r->unlinked);
	timer_init(&r->timer, l, on_timer, r);
}

void
registry_fini(struct registry *r)
{
	timer_clear(&r->timer);
	for (size_t i = 0; i < r->n; i++)
		node_free(r->nodes[i]);
	free(r->nodes);
	map_fini(&r->by_id);
	map_fini(&r->by_serial);
	for (size_t i = 0; i < SERVICE__COUNT; i++)
		free(r->have[i].nodes);
}
