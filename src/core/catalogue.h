/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue: every service Hearth knows by name, whom it is for and what
 * it needs. A constant table made from catalogue.def; a service is named by
 * its index (enum service_id) inside the program, and sets of services are
 * bit masks of them.
 */
#ifndef CORE_CATALOGUE_H
#define CORE_CATALOGUE_H

#include "base/str.h"

enum service_id {
#define SERVICE(id, ...) SERVICE_##id,
#include "core/catalogue.def"
#undef SERVICE
	SERVICE__COUNT
};

typedef uint32_t service_set;
#define SERVICE_BIT(id) ((service_set)1 << (unsigned)(id))

enum service_need {
	NEED_PREFERS_GPU, /* a GPU worker first; a CPU worker while none has it */
	NEED_CPU, /* CPU workers first; a GPU worker while none has it */
	NEED_STORAGE,
	NEED_EDGE,
};

enum worker_type {
	WORKER_GPU,
	WORKER_CPU,
	WORKER_STORAGE,
	WORKER_EDGE
};
enum {
	WORKER_TYPE__COUNT = 4
};

/* How long a service may work before its answer begins: a scan of many pages
 * takes minutes, and its result comes whole. */
enum {
	SERVICE_FIRST_BYTE_MS = 10 * 60 * 1000
};

struct service_info {
	enum service_id id;
	const char *name;
	const char *aliases; /* separated by spaces; may be "" */
	int tier;            /* 1 gpu, 2 cpu, 3 storage, 4 edge */
	enum service_need need;
	int priority; /* 1 first */
	uint16_t port;
	unsigned ram_mib;       /* where it is at home */
	unsigned cpu_ram_mib;   /* without a GPU; 0 = it does not run there */
	const char *first_name; /* or NULL: as `name` */
};

const struct service_info *catalogue_at(enum service_id id);
/* By name or alias, ASCII case ignored; NULL: no such service. */
const struct service_info *catalogue_find(struct str name);
/* "gpu", "cpu", "storage", "edge": as `requires` says on the wire. */
const char *catalogue_need_text(enum service_need need);
service_set catalogue_all_of(enum service_need need);

const char *worker_type_text(enum worker_type t);
bool worker_type_parse(struct str s, enum worker_type *out) MUST_CHECK;
int worker_type_tier(enum worker_type t);

/* What a worker says about a service that it was assigned. */
enum service_state {
	SERVICE_UNKNOWN, /* it has said nothing (yet) */
	SERVICE_STARTING,
	SERVICE_READY,
	SERVICE_NOT_AVAILABLE, /* it cannot run here; the reason says why */
	SERVICE_FAILED,
	SERVICE_STOPPED,
};
const char *service_state_text(enum service_state s);
/* Accepts also words of older workers: running/healthy/online = ready. */
bool service_state_parse(struct str s, enum service_state *out) MUST_CHECK;

#endif
