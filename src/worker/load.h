/* SPDX-License-Identifier: Apache-2.0 */
/* How busy this machine is, from the kernel's own counters. */
#ifndef WORKER_LOAD_H
#define WORKER_LOAD_H

#include "base/defs.h"

struct probe_env;

enum {
	LOAD_SPAN_MS = 1000
};

struct load {
	uint64_t busy, total; /* ticks of all processors at the last look */
	int64_t at_ms;        /* when that was */
	double last;          /* what it gave */
};

/* 0 to 1: the share of processor time used since the last call (at the first,
 * the load average over the processors), or the share of time in which some
 * task waited for a processor (PSI), whichever is more. Asked again within
 * LOAD_SPAN_MS, it says the same: less time has too few ticks. */
double load_now(struct load *l, const struct probe_env *env, unsigned threads);

#endif
