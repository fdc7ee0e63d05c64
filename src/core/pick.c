/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pick.h"

#include "base/str.h"

enum {
	PICK_OUT_MS = 5 * 1000,
	PICK_OUT_MAX_MS = 300 * 1000
};

/* How good a worker is for the request: less is better, compared field by
 * field. */
struct rank {
	bool out;     /* sits out */
	bool busy;    /* no free place */
	bool unknown; /* has never said that it is ready */
	bool cold;
	float work; /* outstanding relative to places */
	float load;
};

static struct rank
rank_of(const struct pick_node *n, int64_t now_ms)
{
	uint32_t places = MAX_OF(n->places, 1);

	return (struct rank){
	    .out = n->out_until_ms > now_ms,
	    .busy = n->outstanding >= places,
	    .unknown = n->state != SERVICE_READY,
	    .cold = n->used_at_ms == 0 || now_ms - n->used_at_ms > PICK_WARM_MS,
	    .work = (float)n->outstanding / (float)places,
	    .load = n->load,
	};
}

static bool
better(const struct rank *a, const struct rank *b)
{
	if (a->out != b->out)
		return b->out;
	if (a->busy != b->busy)
		return b->busy;
	if (a->unknown != b->unknown)
		return b->unknown;
	if (a->cold != b->cold)
		return b->cold;
	if (a->work < b->work || a->work > b->work)
		return a->work < b->work;
	/* Loads within a tenth are the same: figures half a minute old must
	 * not send everything to one worker. */
	return a->load + 0.1f < b->load;
}

/* May it be asked at all? If not, what would have to change. */
static enum pick_why
usable(const struct pick_node *n)
{
	if (n->tried)
		return PICK_TRIED;
	if (!n->reachable || n->draining)
		return PICK_AWAY;
	if (n->state != SERVICE_READY && n->state != SERVICE_UNKNOWN)
		return PICK_NOT_READY;
	return PICK_OK;
}

static bool
looks_at(void (*nodes)(const void *arg, size_t i, struct pick_node *out),
    const void *arg, size_t i, int64_t now_ms, struct pick *p,
    struct rank *best)
{
	struct pick_node n = {0};
	enum pick_why why;
	struct rank r;

	nodes(arg, i, &n);
	why = usable(&n);
	if (why != PICK_OK) {
		if (p->index < 0 && why > p->why)
			p->why = why;
		return false;
	}
	r = rank_of(&n, now_ms);
	if (p->index < 0 || better(&r, best)) {
		*best = r;
		p->index = (int)i;
		p->why = PICK_OK;
	}
	return true;
}

struct pick
pick_choose(void (*nodes)(const void *arg, size_t i, struct pick_node *out),
    const void *arg, size_t n, uint32_t turn, int64_t now_ms)
{
	struct pick p = {.index = -1, .why = PICK_NONE};
	struct rank best = {0};
	size_t found = 0;

	/* The sample counts usable workers; the walk is over all of them, so
	 * that one good worker among many bad ones is found. */
	for (size_t k = 0; k < n && found < PICK_SAMPLE; k++) {
		size_t i = ((size_t)turn + k) % n;

		found += looks_at(nodes, arg, i, now_ms, &p, &best);
		p.looked_at++;
	}
	p.busy = p.index >= 0 && best.busy;
	p.warm = p.index >= 0 && !best.cold;
	p.outlier = p.index >= 0 && best.out;
	return p;
}

void
pick_text(const struct pick *p, const char *service, char *out, size_t cap)
{
	switch (p->why) {
	case PICK_NONE:
		(void)str_fmt(out, cap,
		    "No workers currently provide the '%s' service", service);
		return;
	case PICK_AWAY:
		(void)str_fmt(out, cap,
		    "the workers that have '%s' cannot be reached now",
		    service);
		return;
	case PICK_NOT_READY:
		(void)str_fmt(out, cap,
		    "'%s' is assigned, but no worker has it ready", service);
		return;
	case PICK_TRIED:
		(void)str_fmt(out, cap,
		    "every worker that has '%s' was tried and failed", service);
		return;
	case PICK_OK:
	default:
		(void)str_fmt(out, cap, "least outstanding work of %zu, %s%s%s",
		    p->looked_at, p->warm ? "warm" : "cold",
		    p->busy ? ", all its places busy" : "",
		    p->outlier ? ", although it failed lately" : "");
		return;
	}
}

void
pick_report(struct pick_health *h, bool good, int64_t now_ms)
{
	int64_t out_ms = PICK_OUT_MS;

	if (good) {
		*h = (struct pick_health){0};
		return;
	}
	if (h->out_until_ms > now_ms || ++h->fails < PICK_FAILS)
		return;
	for (unsigned i = 0; i < h->ejections && out_ms < PICK_OUT_MAX_MS; i++)
		out_ms *= 2;
	h->out_until_ms = now_ms + MIN_OF(out_ms, (int64_t)PICK_OUT_MAX_MS);
	if (h->ejections < 16)
		h->ejections++;
	/* Back from it, one more failure is enough. */
	h->fails = PICK_FAILS - 1;
}
