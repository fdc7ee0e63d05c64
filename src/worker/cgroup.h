/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits that control groups put on this process, version 1 or 2. A limit of
 * any group above ours counts too, so the smallest is taken.
 *
 * Source: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1.
 */
#ifndef WORKER_CGROUP_H
#define WORKER_CGROUP_H

#include "base/defs.h"

struct probe_env;

struct cgroup_limits {
	uint64_t memory_bytes;      /* 0 = none */
	uint64_t memory_used_bytes; /* of the group with that limit */
	double cpu_cores;           /* 0 = none */
};

void cgroup_read(const struct probe_env *env, struct cgroup_limits *out);

#endif
