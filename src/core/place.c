/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both policies are loops over the services in order of priority. A worker's
 * memory is spent in that order too: first on its home services, then on
 * fallbacks, so that a fallback never pushes out a home service.
 */
#include "core/place.h"

#include <stdlib.h>

#include "base/mem.h"

bool
place_policy_parse(struct str s, enum place_policy *out)
{
	if (str_eqz(s, "default"))
		*out = PLACE_DEFAULT;
	else if (str_eqz(s, "classic"))
		*out = PLACE_CLASSIC;
	else
		return false;
	return true;
}

/* --- services and kinds of workers --------------------------------------- */

/* All services by priority; equals keep the catalogue's order. */
struct order {
	uint8_t id[SERVICE__COUNT];
};

static struct order
by_priority(void)
{
	struct order o;
	size_t n = 0;

	for (int p = 1; n < SERVICE__COUNT; p++) {
		for (unsigned i = 0; i < SERVICE__COUNT; i++) {
			if (catalogue_at((enum service_id)i)->priority == p)
				o.id[n++] = (uint8_t)i;
		}
	}
	return o;
}

/* Is this worker of the kind that the service is for? */
static bool
at_home(const struct place_node *n, const struct service_info *s)
{
	switch (s->need) {
	case NEED_PREFERS_GPU:
		return n->type == WORKER_GPU;
	case NEED_CPU:
		return n->type == WORKER_CPU;
	case NEED_STORAGE:
		return n->has_storage;
	case NEED_EDGE:
		return n->has_edge;
	default:
		return false;
	}
}

/* May it have the service while nobody at home does? */
static bool
can_stand_in(const struct place_node *n, const struct service_info *s)
{
	if (s->need == NEED_PREFERS_GPU)
		return n->type == WORKER_CPU && s->cpu_ram_mib != 0;
	return s->need == NEED_CPU && n->type == WORKER_GPU;
}

/* Is one holder enough, rather than every worker of the kind? */
static bool
has_one_holder(const struct service_info *s)
{
	return s->need == NEED_CPU || s->need == NEED_STORAGE;
}

static unsigned
ram_needed(const struct place_node *n, const struct service_info *s)
{
	return n->type == WORKER_GPU ? s->ram_mib : s->cpu_ram_mib;
}

/* --- counts -------------------------------------------------------------- */

static void
add(uint32_t *to, bool yes, int sign)
{
	if (yes)
		*to = (uint32_t)((int64_t)*to + sign);
}

static void
count_one(struct place_view *v, const struct place_node *n,
    const struct service_info *s, int sign)
{
	struct place_cover *c = &v->of[s->id];
	bool promised = (n->unable & SERVICE_BIT(s->id)) == 0;
	bool ready = promised && (n->ready & SERVICE_BIT(s->id)) != 0;
	bool home = at_home(n, s);

	add(&c->assigned, true, sign);
	add(&c->home, home && promised, sign);
	add(&c->home_ready, home && ready, sign);
	add(&c->away, !home && promised, sign);
	add(&c->away_ready, !home && ready, sign);
}

void
place_view_count(struct place_view *v, const struct place_node *n, int sign)
{
	if (!n->alive)
		return;
	add(&v->by_tier[n->classic_tier], true, sign);
	for (unsigned i = 0; i < SERVICE__COUNT; i++) {
		if ((n->assigned & SERVICE_BIT(i)) != 0)
			count_one(v, n, catalogue_at((enum service_id)i), sign);
	}
}

bool
place_view_matters(const struct place_view *before,
    const struct place_view *after)
{
	for (unsigned i = 0; i < SERVICE__COUNT; i++) {
		const struct place_cover *a = &before->of[i];
		const struct place_cover *b = &after->of[i];

		if ((a->home == 0) != (b->home == 0) ||
		    (a->home_ready == 0) != (b->home_ready == 0) ||
		    (a->away == 0) != (b->away == 0) ||
		    (a->assigned == 0) != (b->assigned == 0))
			return true;
	}
	return false;
}

/* --- policy default ------------------------------------------------------ */

/* A decision in the making. */
struct draft {
	const struct place_node *n;
	struct place_result *out;
	uint64_t used_mib;
	unsigned held; /* services of which it is the one holder */
};

static void
give(struct draft *d, const struct service_info *s, enum place_why why)
{
	d->out->assigned |= SERVICE_BIT(s->id);
	d->out->why[s->id] = (uint8_t)why;
	d->used_mib += ram_needed(d->n, s);
	d->held += has_one_holder(s);
}

static void
deny(struct draft *d, const struct service_info *s, enum place_why why)
{
	d->out->assigned &= ~SERVICE_BIT(s->id);
	d->out->why[s->id] = (uint8_t)why;
}

static bool
fits(const struct draft *d, const struct service_info *s)
{
	return d->n->ram_mib == 0 ||
	    d->used_mib + ram_needed(d->n, s) <= d->n->ram_mib;
}

/* What does not depend on the others: homes, and what it can never have. */
static void
decide_home(struct draft *d, const struct service_info *s)
{
	if (!at_home(d->n, s)) {
		bool never = s->need == NEED_PREFERS_GPU &&
		    d->n->type == WORKER_CPU && s->cpu_ram_mib == 0;

		deny(d, s, never ? PLACE_NEEDS_GPU : PLACE_NOT_FOR_IT);
	} else if (s->need == NEED_STORAGE) {
		deny(d, s, PLACE_OTHER_HAS_IT); /* until decided below */
	} else if (!fits(d, s)) {
		deny(d, s, PLACE_NO_MEMORY);
	} else {
		give(d, s, PLACE_HOME);
	}
}

static void
begin(struct draft *d, const struct place_node *n, const struct order *o,
    struct place_result *out)
{
	*out = (struct place_result){0};
	*d = (struct draft){.n = n, .out = out};
	for (size_t k = 0; k < SERVICE__COUNT; k++)
		decide_home(d, catalogue_at((enum service_id)o->id[k]));
}

/* Is a stand-in wanted from this worker? c counts who is at home, after the
 * homes were decided. Sets *why when not. */
static bool
stands_in(const struct draft *d, const struct service_info *s,
    const struct place_cover *c, enum place_why *why)
{
	service_set bit = SERVICE_BIT(s->id);
	bool has = (d->n->assigned & bit) != 0 && (d->n->unable & bit) == 0;

	if (!d->n->alive)
		*why = PLACE_AWAY;
	else if (has ? c->home_ready > 0 : c->home > 0)
		*why = PLACE_HOME_HAS_IT;
	else if (!fits(d, s))
		*why = PLACE_NO_MEMORY;
	else
		return true;
	return false;
}

static bool
is_candidate(const struct draft *d, const struct service_info *s)
{
	return s->need == NEED_STORAGE ? at_home(d->n, s)
				       : can_stand_in(d->n, s);
}

static enum place_why
given_why(const struct service_info *s, const struct place_cover *c)
{
	if (s->need == NEED_STORAGE)
		return PLACE_HOLDER;
	return c->home > 0 ? PLACE_KEPT : PLACE_FALLBACK;
}

/* Storage workers are at home with what they hold, so nobody else is. */
static struct place_cover
cover_for(const struct place_view *v, const struct service_info *s)
{
	struct place_cover c = v->of[s->id];

	if (s->need == NEED_STORAGE)
		c.home = c.home_ready = 0;
	return c;
}

void
place_one(const struct place_view *others, const struct place_node *n,
    struct place_result *out)
{
	struct order o = by_priority();
	struct draft d;

	begin(&d, n, &o, out);
	for (size_t k = 0; k < SERVICE__COUNT; k++) {
		const struct service_info *s = catalogue_at(
		    (enum service_id)o.id[k]);
		struct place_cover c = cover_for(others, s);
		const struct place_cover *all = &others->of[s->id];
		bool unable = (n->unable & SERVICE_BIT(s->id)) != 0;
		/* Somebody holds it; or tries in vain, as we would. */
		bool held = s->need == NEED_STORAGE ? all->home > 0
						    : all->away > 0;
		enum place_why why;

		if (!is_candidate(&d, s))
			continue;
		if (!stands_in(&d, s, &c, &why))
			deny(&d, s, why);
		else if (has_one_holder(s) &&
		    (held || (unable && all->assigned > 0)))
			deny(&d, s, PLACE_OTHER_HAS_IT);
		else
			give(&d, s, given_why(s, &c));
	}
}

/* Who of two should be the one holder? Negative: a. */
static int
compare_holders(const struct draft *a, const struct draft *b, service_set bit)
{
	bool ua = (a->n->unable & bit) != 0, ub = (b->n->unable & bit) != 0;
	bool ha = (a->n->assigned & bit) != 0, hb = (b->n->assigned & bit) != 0;
	bool ra = (a->n->ready & bit) != 0, rb = (b->n->ready & bit) != 0;
	int c;

	if (ua != ub)
		return ua ? 1 : -1;
	if (ha != hb)
		return ha ? -1 : 1;
	if (ha && ra != rb)
		return ra ? -1 : 1;
	if (a->held != b->held)
		return a->held < b->held ? -1 : 1;
	if (a->n->ram_mib != b->n->ram_mib)
		return a->n->ram_mib > b->n->ram_mib ? -1 : 1;
	c = memcmp(a->n->id.p, b->n->id.p, MIN_OF(a->n->id.n, b->n->id.n));
	return c != 0 ? c
		      : (a->n->id.n > b->n->id.n) - (a->n->id.n < b->n->id.n);
}

static void
decide_holder(struct draft *drafts, size_t n, const struct service_info *s,
    const struct place_cover *c)
{
	struct draft *best = NULL;

	for (size_t i = 0; i < n; i++) {
		struct draft *d = &drafts[i];
		enum place_why why;

		if (!is_candidate(d, s))
			continue;
		if (!stands_in(d, s, c, &why)) {
			deny(d, s, why);
			continue;
		}
		deny(d, s, PLACE_OTHER_HAS_IT);
		if (best == NULL ||
		    compare_holders(d, best, SERVICE_BIT(s->id)) < 0)
			best = d;
	}
	if (best != NULL)
		give(best, s, given_why(s, c));
}

static void
decide_stand_ins(struct draft *drafts, size_t n, const struct service_info *s,
    const struct place_cover *c)
{
	for (size_t i = 0; i < n; i++) {
		struct draft *d = &drafts[i];
		enum place_why why;

		if (!is_candidate(d, s))
			continue;
		if (stands_in(d, s, c, &why))
			give(d, s, given_why(s, c));
		else
			deny(d, s, why);
	}
}

void
place_all(const struct place_node *nodes, size_t n, struct place_result *out)
{
	struct order o = by_priority();
	struct draft *drafts = xcalloc(n != 0 ? n : 1, sizeof *drafts);
	struct place_view v = {0};

	/* First the homes, so that the counts include those just given. */
	for (size_t i = 0; i < n; i++) {
		struct place_node after = nodes[i];

		begin(&drafts[i], &nodes[i], &o, &out[i]);
		after.assigned = out[i].assigned;
		place_view_count(&v, &after, 1);
	}
	for (size_t k = 0; k < SERVICE__COUNT; k++) {
		const struct service_info *s = catalogue_at(
		    (enum service_id)o.id[k]);
		struct place_cover c = cover_for(&v, s);

		if (has_one_holder(s))
			decide_holder(drafts, n, s, &c);
		else
			decide_stand_ins(drafts, n, s, &c);
	}
	free(drafts);
}

/* --- policy classic ------------------------------------------------------ */

static service_set
classic_eligible(enum worker_type t)
{
	switch (t) {
	case WORKER_GPU:
		return catalogue_all_of(NEED_PREFERS_GPU) |
		    catalogue_all_of(NEED_CPU);
	case WORKER_CPU:
		return catalogue_all_of(NEED_CPU);
	case WORKER_STORAGE:
		return catalogue_all_of(NEED_STORAGE);
	case WORKER_EDGE:
	default:
		return catalogue_all_of(NEED_EDGE);
	}
}

/* Those eligible by coverage, then priority, then place in the catalogue. */
static size_t
classic_order(const struct place_view *v, service_set eligible, uint8_t *ids)
{
	size_t n = 0;

	for (unsigned i = 0; i < SERVICE__COUNT; i++) {
		const struct service_info *s = catalogue_at((enum service_id)i);
		size_t at = n;

		if ((eligible & SERVICE_BIT(i)) == 0)
			continue;
		for (; at > 0; at--) {
			const struct service_info *p = catalogue_at(
			    (enum service_id)ids[at - 1]);
			uint32_t cp = v->of[p->id].assigned;
			uint32_t cs = v->of[i].assigned;

			if (cp < cs || (cp == cs && p->priority <= s->priority))
				break;
			ids[at] = ids[at - 1];
		}
		ids[at] = (uint8_t)i;
		n++;
	}
	return n;
}

void
place_classic(const struct place_view *v, const struct place_node *n,
    struct place_result *out)
{
	uint8_t ids[SERVICE__COUNT];
	service_set eligible = classic_eligible(n->classic_type);
	size_t n_ids = classic_order(v, eligible, ids);
	size_t in_tier = v->by_tier[n->classic_tier], take;

	*out = (struct place_result){0};
	for (size_t i = 0; i < SERVICE__COUNT; i++)
		out->why[i] = (eligible & SERVICE_BIT(i)) != 0
		    ? PLACE_CLASSIC_NO
		    : PLACE_NOT_FOR_IT;
	if (n->classic_type == WORKER_GPU) {
		for (take = 0; take < n_ids; take++) {
			if (v->of[ids[take]].assigned != 0)
				break;
		}
		take = MAX_OF(take, 1);
	} else if (in_tier >= n_ids) {
		take = 1;
	} else if (2 * in_tier >= n_ids) {
		take = 2;
	} else {
		take = MIN_OF(n_ids, 3);
	}
	for (size_t i = 0; i < take && i < n_ids; i++) {
		out->assigned |= SERVICE_BIT(ids[i]);
		out->why[ids[i]] = PLACE_CLASSIC_YES;
	}
}

/* --- reasons ------------------------------------------------------------- */

static void
memory_text(const struct place_node *n, const struct service_info *s, char *out,
    size_t cap)
{
	(void)str_fmt(out, cap,
	    "'%s' needs %u MiB of memory beside what else '%.*s' has to run; "
	    "the machine has %u MiB",
	    s->name, ram_needed(n, s), STR_ARG(n->id), n->ram_mib);
}

void
place_text(enum place_why why, const struct place_node *n,
    enum service_id service, char *out, size_t cap)
{
	const struct service_info *s = catalogue_at(service);
	const char *need = catalogue_need_text(s->need);
	const char *type = worker_type_text(n->type);
	const char *text = "";

	switch (why) {
	case PLACE_NOT_FOR_IT:
		(void)str_fmt(out, cap,
		    "'%s' is for %s workers, and '%.*s' is a %s worker",
		    s->name, need, STR_ARG(n->id), type);
		return;
	case PLACE_HOME:
		(void)str_fmt(out, cap,
		    "'%s' is for %s workers, and '%.*s' is one", s->name, need,
		    STR_ARG(n->id));
		return;
	case PLACE_NO_MEMORY:
		memory_text(n, s, out, cap);
		return;
	case PLACE_FALLBACK:
		text = "no worker of the kind it is for covers it, and this "
		       "one can run it";
		break;
	case PLACE_KEPT:
		text = "it is kept here until a worker of the kind it is for "
		       "has it ready";
		break;
	case PLACE_HOLDER:
		text = "one storage worker has it, and this is the one";
		break;
	case PLACE_HOME_HAS_IT:
		text = "a worker of the kind it is for has it";
		break;
	case PLACE_OTHER_HAS_IT:
		text = "one holder is enough, and another worker is it";
		break;
	case PLACE_NEEDS_GPU:
		text = "it does not run without a GPU";
		break;
	case PLACE_AWAY:
		text = "the worker does not answer";
		break;
	case PLACE_CLASSIC_YES:
		text = "policy classic gave it out by coverage and priority "
		       "when the worker registered";
		break;
	case PLACE_CLASSIC_NO:
	default:
		text = "policy classic gave out others with less coverage or "
		       "higher priority when the worker registered";
		break;
	}
	(void)str_fmt(out, cap, "'%s' on '%.*s': %s", s->name, STR_ARG(n->id),
	    text);
}
