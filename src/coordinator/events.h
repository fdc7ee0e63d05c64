/* SPDX-License-Identifier: Apache-2.0 */
/* The last EVENTS_MAX things that happened, for GET /api/admin/events. */
#ifndef COORDINATOR_EVENTS_H
#define COORDINATOR_EVENTS_H

#include "base/jsonw.h"

enum {
	EVENTS_MAX = 256
};

struct events {
	struct event {
		uint64_t seq; /* from 1 */
		int64_t wall_ms;
		const char *kind; /* "worker_registered": a literal */
		char *worker;     /* or NULL */
		char *text;
	} ring[EVENTS_MAX];
	uint64_t last;
};

void events_fini(struct events *e);
/* Remembers it, and writes it to the log at level info. worker may be empty. */
void events_add(struct events *e, const char *kind, struct str worker,
    const char *fmt, ...) PRINTF(4, 5);
/* A list of those behind `since`, oldest first. */
void events_emit(const struct events *e, uint64_t since, struct jsonw *w);

#endif
