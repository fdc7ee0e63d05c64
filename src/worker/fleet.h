/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The services of this worker: those that are wanted (by assignment) against
 * the processes that run. Each is `hearth-service NAME --socket PATH`, counted
 * as ready only after a POST /selftest on its socket went well.
 *
 *   not wanted           wanted, no program          wanted
 *   STOPPED              NOT_AVAILABLE               STARTING -> READY
 *                                                        ^        |
 *                                          crash, then   +--------+
 *                                          a crash loop: FAILED, tried again
 *                                          after FLEET_RETRY_MS
 */
#ifndef WORKER_FLEET_H
#define WORKER_FLEET_H

#include "base/err.h"
#include "core/catalogue.h"
#include "core/wire.h"
#include "net/addr.h"

enum {
	FLEET_RETRY_MS = 10 * 60 * 1000,
};

struct loop;
struct fleet;

struct fleet_conf {
	const char *program; /* path of hearth-service */
	const char *run_dir; /* for the sockets; exists, private */
	/* The names the program can serve, one per line; NULL: it cannot be
	 * run, and no_program says why. All of this is copied. */
	const char *programs;
	const char *no_program;
	const char *log, *log_level; /* how services log; as in config.h */
	/* Some service changed its state. From the loop, coalesced. */
	void (*on_change)(void *owner);
	void *owner;
};

struct fleet *fleet_new(struct loop *l, const struct fleet_conf *conf);
/* Starts what is missing and stops what is no longer wanted. */
void fleet_want(struct fleet *f, service_set wanted);
/* Stops all services, then calls done(arg), never from inside. */
void fleet_stop(struct fleet *f, void (*done)(void *arg), void *arg);
void fleet_free(struct fleet *f); /* kills what still runs */

/* Where requests for it go: the service's unix socket; NULL unless READY. */
const struct addr *fleet_addr(const struct fleet *f, enum service_id id);
enum service_state fleet_state(const struct fleet *f, enum service_id id);
/* Why it is not ready, a sentence for people; "" when there is none. */
const char *fleet_reason(const struct fleet *f, enum service_id id);
/* The wanted services as a heartbeat tells them: SERVICE__COUNT places; the
 * texts are borrowed until the loop turns. Returns how many. */
size_t fleet_report(const struct fleet *f, struct wire_state_out *out);

#endif
