/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which worker gets the next request: a pure choice among the workers that
 * have the service.
 *
 *   1. only those that can be reached, are not draining, were not tried for
 *      this request, and are not sitting out as outliers (when all sit out,
 *      they all count: a weak worker is better than none);
 *   2. ready before unknown, warm before cold: a worker that answered this
 *      service lately has its processes and pages in memory. A cold one is
 *      taken when every warm one has all its places busy;
 *   3. least outstanding work relative to its places;
 *   4. equals take turns.
 *
 * Among more than PICK_SAMPLE workers, PICK_SAMPLE are looked at, beginning
 * at a place that moves on with every choice: with so many, the best of a
 * sample is nearly the best of all.
 */
#ifndef CORE_PICK_H
#define CORE_PICK_H

#include "base/defs.h"
#include "core/catalogue.h"

enum {
	PICK_SAMPLE = 64,
	PICK_WARM_MS = 300 * 1000
};

struct pick_node {
	bool reachable; /* linked, or known by a URL */
	bool draining;
	bool tried; /* by this request */
	enum service_state state;
	uint32_t outstanding; /* our requests that it has not answered */
	uint32_t places;      /* requests it works on at once, 1 at least */
	float load;           /* as it told, 0 = idle, 1 = all cores busy */
	int64_t used_at_ms;   /* last good answer of this service, or when it
	                       * became ready; 0 = never */
	int64_t out_until_ms; /* sits out as an outlier until then; 0 = not */
};

enum pick_why {
	PICK_OK,
	PICK_NONE,      /* nobody has the service */
	PICK_AWAY,      /* they are assigned it, but cannot be reached */
	PICK_NOT_READY, /* reachable, but not one can run it */
	PICK_TRIED,     /* every one was tried */
};

struct pick {
	int index; /* of the chosen one, or -1 */
	enum pick_why why;
	bool busy; /* the chosen one has no free place: better to queue */
	bool warm;
	bool outlier; /* all sit out, so this one was taken anyway */
	size_t looked_at;
};

/* nodes(arg, i, out) fills the i-th of n; turn is any number that grows. */
struct pick pick_choose(void (*nodes)(const void *arg, size_t i,
			    struct pick_node *out),
    const void *arg, size_t n, uint32_t turn, int64_t now_ms);
/* One sentence for people. */
void pick_text(const struct pick *p, const char *service, char *out,
    size_t cap);

/* --- outliers ------------------------------------------------------------ */

/* A worker that fails PICK_FAILS times in a row sits out: 5 s, doubled each
 * time up to 300 s. One good answer clears it. */
enum {
	PICK_FAILS = 5
};
struct pick_health {
	uint16_t fails; /* in a row */
	uint16_t ejections;
	int64_t out_until_ms;
};
void pick_report(struct pick_health *h, bool good, int64_t now_ms);

#endif
