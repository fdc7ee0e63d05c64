/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placement: which worker runs which services. Pure: the workers as they are
 * and their present assignments in, new assignments and one reason for each
 * (worker, service) out. No clock, no chance, no order of arrival.
 *
 * Policy `default`
 *   home       A service belongs on the workers of the kind it is for: GPU
 *              services on every GPU worker, CPU services on every CPU worker,
 *              edge services on every edge worker. Where the memory suffices.
 *   fallback   While no GPU worker covers a GPU service, every CPU worker that
 *              can run it has it.
 *   one holder While no CPU worker covers a CPU service, one GPU worker has
 *              it. A storage service is on one storage worker.
 *   stickiness A fallback is taken up when nobody at home even promises the
 *              service, and given up only once somebody at home is ready: no
 *              gap between, and no move when a machine blinks. A holder stays
 *              until it is gone or says that it cannot.
 *   cannot     A worker that said it cannot run a service keeps its home (so
 *              that the reason can be seen), but does not count as covering.
 *
 * Policy `classic` is the algorithm of the system that we replace: it decides
 * for the worker that registers, once, and never again.
 *
 * A decision for one joining worker needs only the counts in struct
 * place_view, which the registry keeps up to date: joining is as cheap with
 * 10,000 workers as with one. place_all() decides for all of them.
 */
#ifndef CORE_PLACE_H
#define CORE_PLACE_H

#include "core/catalogue.h"

enum place_policy {
	PLACE_DEFAULT,
	PLACE_CLASSIC
};
bool place_policy_parse(struct str s, enum place_policy *out) MUST_CHECK;

/* A worker as placement sees it. */
struct place_node {
	struct str id;
	bool alive; /* it answers; others get no fallback and cover nothing */
	enum worker_type type;
	bool has_storage, has_edge; /* as the type, or in addition to it */
	unsigned ram_mib;           /* 0 = unknown: no limit */
	service_set assigned;       /* now */
	service_set ready;          /* it told that they run */
	service_set unable;         /* it told that it cannot run them */
	enum worker_type classic_type;
	int classic_tier;
};

/* Counts over the living workers. */
struct place_view {
	uint32_t by_tier[5]; /* classic: by tier 1 to 4 */
	struct place_cover {
		uint32_t assigned;
		/* Assigned, and it did not say that it cannot: at home (its
		 * kind is the one that the service is for), and elsewhere. */
		uint32_t home, home_ready;
		uint32_t away, away_ready;
	} of[SERVICE__COUNT];
};

/* Adds (+1) or takes away (-1) what a worker does; nothing if not alive. */
void place_view_count(struct place_view *v, const struct place_node *n,
    int sign);
/* Could place_all() have something to change, when the counts went from one to
 * the other? */
bool place_view_matters(const struct place_view *before,
    const struct place_view *after);

enum place_why {
	PLACE_NOT_FOR_IT, /* the service is not for this kind of worker */
	PLACE_HOME,
	PLACE_FALLBACK,     /* nobody at home covers it */
	PLACE_KEPT,         /* a fallback, until somebody at home is ready */
	PLACE_HOLDER,       /* the one storage worker that has it */
	PLACE_HOME_HAS_IT,  /* no fallback needed */
	PLACE_OTHER_HAS_IT, /* one holder is enough, and it is another one */
	PLACE_NO_MEMORY,
	PLACE_NEEDS_GPU, /* does not run without a GPU */
	PLACE_AWAY,      /* the worker does not answer */
	PLACE_CLASSIC_YES,
	PLACE_CLASSIC_NO,
};

struct place_result {
	service_set assigned;
	uint8_t why[SERVICE__COUNT]; /* enum place_why */
};

/* Policy default for one worker that joins or comes back, against the others
 * (the view is without it). */
void place_one(const struct place_view *others, const struct place_node *n,
    struct place_result *out);
/* Policy default for all; out has n entries. The order of nodes does not
 * matter; their ids differ. Called again on its own result it changes
 * nothing. */
void place_all(const struct place_node *nodes, size_t n,
    struct place_result *out);
/* Policy classic for a worker that registers. The view holds the others, and
 * this one too if it was registered before. */
void place_classic(const struct place_view *v, const struct place_node *n,
    struct place_result *out);

/* One sentence: why has (or has not) this worker this service. */
void place_text(enum place_why why, const struct place_node *n,
    enum service_id service, char *out, size_t cap);

#endif
