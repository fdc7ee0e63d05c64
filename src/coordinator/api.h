/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coordinator's own JSON API: one handler per route of routes.def. The
 * shapes that existing clients and workers read are kept; more members may be
 * added.
 */
#ifndef COORDINATOR_API_H
#define COORDINATOR_API_H

#include "coordinator/coordinator.h"

enum {
	API_ANSWER_MAX = 64 * 1024 * 1024
};

/* The handlers: each answers its call, now or later. */
void handler(struct call *c, struct str body);
void api_health(struct call *c, struct str body);
void api_readyz(struct call *c, struct str body);
void api_metrics(struct call *c, struct str body);
void api_openapi(struct call *c, struct str body);
void api_register(struct call *c, struct str body);
void api_heartbeat(struct call *c, struct str body);
void api_unregister(struct call *c, struct str body);
void api_discover(struct call *c, struct str body);
void api_services(struct call *c, struct str body);
void api_healthy_workers(struct call *c, struct str body);
void api_admin_workers(struct call *c, struct str body);
void api_admin_services(struct call *c, struct str body);
void api_admin_gaps(struct call *c, struct str body);
void api_admin_stats(struct call *c, struct str body);
void api_admin_why(struct call *c, struct str body);
void api_admin_events(struct call *c, struct str body);
void api_not_available(struct call *c, struct str body);
void api_dht(struct call *c, struct str body);
void api_dht_bootstrap(struct call *c, struct str body);

/* The worker record as one JSON object. */
void api_worker_json(const struct coordinator *co, const struct node *n,
    struct jsonw *w);
/* Sentences: why has the worker this service, or has it not, and how is it
 * there; with n NULL: who has the service, and why not more. */
void api_why_text(const struct coordinator *co, enum service_id id,
    const struct node *n, struct buf *out);

#endif
