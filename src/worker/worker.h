/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker: detects what this machine has, registers with a coordinator,
 * serves the link that it dials to it, and runs the services it is assigned.
 * It keeps no state but its name; it may vanish at any moment.
 *
 * SIGTERM or SIGINT drains: no new work, running requests finish (at most
 * WORKER_DRAIN_MS), services stop, the coordinator is told. A second signal
 * does not wait for the running requests.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "core/config.h"

enum {
	WORKER_DRAIN_MS = 30000
};

/* Do the settings that a person chose mean something? */
int worker_check(const struct config *conf, struct err *err) MUST_CHECK;
/* Runs until it is told to stop; tells readiness (proc/ready.h) when tasks can
 * come. -1 with err when it cannot start. */
int worker_run(const struct config *conf, struct err *err) MUST_CHECK;

#endif
