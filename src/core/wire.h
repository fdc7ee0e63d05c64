/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages between worker and coordinator, in both directions, so that the
 * two can never disagree about a name:
 *
 *   POST /api/worker/register     wire_register   -> wire_registered
 *   POST /api/worker/heartbeat    wire_heartbeat  -> {"status":"ok", ...}
 *   PUT  /-/assign (on the link)  wire_assign
 *
 * A parsed message borrows its strings from the JSON document.
 */
#ifndef CORE_WIRE_H
#define CORE_WIRE_H

#include "base/json.h"
#include "base/jsonw.h"
#include "core/catalogue.h"

enum {
	WIRE_ID_MAX = 128, /* bytes of a worker's name */
	WIRE_URL_MAX = 1024,
	WIRE_CAPABILITIES_MAX = 64 * 1024,
	WIRE_MODELS_MAX = 32,
	/* Of what workers send and we repeat in listings, which are JSON that has
	 * to be read again. */
	WIRE_DEPTH_MAX = 32,
	WIRE_REASON_MAX = 200, /* longer ones are cut */
};

/* What the coordinator needs to know from `capabilities`, whoever sent them.
 * The classic fields follow the
 * rules of the system that we replace. */
struct wire_caps {
	enum worker_type type; /* policy default: see wire_caps_read() */
	enum worker_type classic_type;
	int classic_tier;
	bool has_gpu;
	bool has_storage; /* in addition to the type, or as the type */
	bool has_edge;
	unsigned ram_mib; /* 0 = unknown */
	unsigned gpu_mib; /* of the best GPU; 0 = unknown or none */
	unsigned cores;   /* 0 = unknown */
};

struct wire_register {
	struct str worker_id;  /* [A-Za-z0-9._:-]+, at most WIRE_ID_MAX */
	struct str tunnel_url; /* may be empty: reached by its link */
	const struct json_val *capabilities; /* an object */
	const struct json_val *services;     /* a list, or NULL */
	const struct json_val *containers;   /* a list, or NULL */
	uint64_t epoch;                      /* 0 = none given */
	bool link;                           /* it will dial a link */
	struct str version; /* of the worker's program; may be empty */
	struct wire_caps caps;
};

struct wire_service_state {
	enum service_id id;
	enum service_state state;
	struct str reason;    /* may be empty */
	int64_t self_test_ms; /* -1 = none */
};

struct wire_heartbeat {
	struct str worker_id;
	struct str status; /* "healthy", "degraded", "draining"; never empty */
	double current_load;         /* 0 to 1 and above: load per core */
	struct str available_memory; /* may be empty */
	const struct json_val *loaded_models; /* a list, or NULL */
	uint64_t active_requests;
	double gpu_utilization;                 /* 0 to 100 */
	const struct json_val *services_status; /* an object, or NULL */
	struct str specialization;              /* may be empty */
	bool has_states; /* services_status named at least one we know */
	size_t n_states;
	struct wire_service_state states[SERVICE__COUNT];
};

/* Both return 0, or -1 with the fault filled (field and words). */
int wire_register_read(const struct json_val *v, struct wire_register *r,
    struct json_fault *f) MUST_CHECK;
int wire_heartbeat_read(const struct json_val *v, struct wire_heartbeat *h,
    struct json_fault *f) MUST_CHECK;
/* Type, tier and sizes from `o`, a capabilities object:
 *   classic type  has_gpu or worker_type=gpu -> gpu; has_edge or
 *                 worker_type=edge or has_public_ip -> edge; has_storage or
 *                 worker_type=storage -> storage; else cpu
 *   classic tier  gpu 1; worker_type=="cpu" 2; storage 3; edge 4; else 3
 *   type          worker_type where it is one of the four (gpu only with a
 *                 GPU that is not said to be absent); else gpu if has_gpu,
 *                 else cpu. A public address never makes an edge. */
void wire_caps_read(const struct json_val *o, struct wire_caps *c);
bool wire_worker_id_ok(struct str id);
/* "24564 MiB", "31GB", "16 GiB", "8192" (MiB) in MiB; 0 if unreadable. */
unsigned wire_mib(struct str text);

/* --- writing, for the worker --------------------------------------------- */

struct wire_register_out {
	const char *worker_id;
	const char *tunnel_url;  /* "" = by link */
	struct str capabilities; /* a JSON object */
	uint64_t epoch;
	bool link;
	const char *version;
};
void wire_register_emit(const struct wire_register_out *r, struct jsonw *w);

struct wire_state_out {
	const char *name; /* the service */
	enum service_state state;
	const char *reason;   /* or NULL */
	int64_t self_test_ms; /* -1 = none */
};
struct wire_heartbeat_out {
	const char *worker_id;
	const char *status;
	double current_load;
	uint64_t available_memory_bytes;
	uint64_t active_requests;
	double gpu_utilization;
	const struct wire_state_out *states;
	size_t n_states;
};
void wire_heartbeat_emit(const struct wire_heartbeat_out *h, struct jsonw *w);

/* The answer to a registration, as the worker reads it. Also reads the body of
 * PUT /-/assign, which has assigned_services alone. Services that this program
 * does not know are left out. */
struct wire_registered {
	struct str worker_id; /* empty in an assignment */
	service_set assigned;
	int64_t heartbeat_s; /* 30 unless told otherwise */
};
int wire_registered_read(const struct json_val *v, struct wire_registered *r,
    struct json_fault *f) MUST_CHECK;

/* --- writing, for the coordinator ---------------------------------------- */

/* ["a","b"]; first_names: as the system that we replace calls them. */
void wire_services_emit(service_set set, bool first_names, struct jsonw *w);
/* {"assigned_services":[...]} */
void wire_assign_emit(service_set set, bool first_names, struct jsonw *w);

#endif
