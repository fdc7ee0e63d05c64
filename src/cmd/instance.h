/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one running `hearth up` of a data folder. It holds a lock on run/up.lock
 * for as long as it lives, and the file says its process id and address; a
 * dead one's lock is gone by itself.
 */
#ifndef CMD_INSTANCE_H
#define CMD_INSTANCE_H

#include <sys/types.h>

#include "core/config.h"

struct instance {
	pid_t pid;
	char url[160];
};

/* Takes the lock and keeps it open: a descriptor, or -1 with ERR_CONFLICT when
 * another holds it. Creates the folders. */
int instance_claim(struct config *c, const struct instance *me, struct err *err)
    MUST_CHECK;
/* Writes who holds the lock: a detached child instead of us. */
int instance_name(int lock, const struct instance *who, struct err *err)
    MUST_CHECK;
/* Who holds it; false when nobody runs. */
bool instance_find(struct config *c, struct instance *out);
/* Asks it to stop and waits; ERR_TIMEOUT after `ms`. */
int instance_stop(const struct instance *i, int ms, struct err *err) MUST_CHECK;

const char *instance_log(struct config *c); /* path of its log */

#endif
