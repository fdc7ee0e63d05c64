/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the coordinator informed: registers, sends heartbeats, and says
 * goodbye. It never gives up: a coordinator that cannot be reached is tried
 * again with growing, jittered pauses, and said so once.
 *
 *      start            addresses
 *   IDLE ---> LOOKUP ------------> REGISTERING <---> ONLINE <---+
 *               ^  |                 |     ^ 404      |  |      |
 *               |  | no such host    |     +----------+  | beat |
 *               |  v          failed |                   v      |
 *               +- PAUSE <-----------+----------------- BEATING-+
 *
 *   any --leave--> LEAVING (unregisters, if registered) ---> GONE
 */
#ifndef WORKER_REPORT_H
#define WORKER_REPORT_H

#include "base/sm.h"
#include "core/wire.h"
#include "net/addr.h"
#include "net/lookup.h"

enum report_state {
	REPORT_IDLE,
	REPORT_LOOKUP,
	REPORT_REGISTERING,
	REPORT_ONLINE,
	REPORT_BEATING,
	REPORT_PAUSE,
	REPORT_LEAVING,
	REPORT_GONE,
};
extern const struct sm_state report_states[]; /* the legal moves */

struct loop;
struct report;

struct report_conf {
	struct url url;         /* of the coordinator */
	const char *shown;      /* the URL as the user wrote it */
	const char *worker_id;  /* borrowed for the report's life */
	const char *tunnel_url; /* "" = reached by its link */
	uint64_t epoch;
	const char *version;
	/* Writes the members of `capabilities` into the open object. */
	void (*capabilities)(void *owner, struct jsonw *w);
	/* Fills in all but worker_id. Texts are borrowed until it returns to
	 * the loop. */
	void (*beat)(void *owner, struct wire_heartbeat_out *out);
	/* Registered (again), or a heartbeat's answer names the services. `at`
	 * is the address that answered. */
	void (*on_assigned)(void *owner, const struct wire_registered *r,
	    const struct addr *at);
	void *owner;
};

struct report *report_new(struct loop *l, const struct report_conf *conf);
void report_start(struct report *r);
/* The capabilities changed: sends the registration again. */
void report_refresh(struct report *r);
/* Something changed: a heartbeat soon, several calls are one. */
void report_now(struct report *r);
/* The coordinator was heard not to know this worker: registers again. */
void report_unknown(struct report *r);
/* Unregisters if it can within 2 s, then calls done(arg), later. */
void report_leave(struct report *r, void (*done)(void *arg), void *arg);
void report_free(struct report *r);
enum report_state report_state(const struct report *r);

#endif
