/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The roles of one machine as supervised children of one process: the
 * coordinator first, the local worker once the coordinator is ready. A role
 * that dies is started again; one that cannot even start the first time ends
 * the whole, with its last words as the reason.
 */
#ifndef CMD_UP_H
#define CMD_UP_H

#include "core/config.h"

struct up_sink {
	void (*on_ready)(void *owner); /* every role is; once */
	void *owner;
};

/* Runs until SIGTERM or SIGINT (0), or until a role cannot start (-1). */
int up_run(struct config *c, const struct up_sink *sink, struct err *err);
/* Where people will find it: "http://localhost:8080". */
void up_url(const struct config *c, char *out, size_t cap);

#endif
