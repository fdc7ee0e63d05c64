/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this worker is, across restarts: a name, an epoch that grows with every
 * start, and a lock so that it runs once.
 *
 *   DATA/worker-id            the name made for it, when none was given
 *   DATA/worker-<name>.lock   held while it runs
 *   DATA/worker-<name>.epoch  the last epoch used
 *   DATA/run/w-<name>/        sockets of its services
 */
#ifndef WORKER_IDENTITY_H
#define WORKER_IDENTITY_H

#include "base/err.h"
#include "core/wire.h"

enum {
	IDENTITY_RUN_MAX = 512
};

struct identity {
	char name[WIRE_ID_MAX + 1];
	uint64_t epoch;
	char run_dir[IDENTITY_RUN_MAX]; /* exists, mode 0700 */
	int lock_fd;
};

/* ERR_INVALID with the rule for a name that no worker may have. */
int identity_name_ok(const char *name, struct err *err) MUST_CHECK;
/* `wanted` may be "": then the kept name, or a new one from the host's. */
int identity_open(struct identity *id, const char *data, const char *wanted,
    struct err *err) MUST_CHECK;
void identity_close(struct identity *id);

#endif
