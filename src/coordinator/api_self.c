/* SPDX-License-Identifier: Apache-2.0 */
/* What the coordinator says of itself: health, readiness, metrics, OpenAPI,
 * and what it does not have. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "coordinator/api.h"

enum {
	SMALL_MAX = 16 * 1024,
	METRICS_MAX = 1024 * 1024
};

/* --- health ---------------------------------------------------------------------- */

static void
count_services(const struct registry *r, int64_t *total, int64_t *covered)
{
	*total = *covered = 0;
	for (size_t i = 0; i < SERVICE__COUNT; i++) {
		if (catalogue_at((enum service_id)i)->tier > 2)
			continue;
		(*total)++;
		*covered += r->n_ready[i] > 0;
	}
}

/* Which file and why is for the log. */
#define CANNOT_SAVE \
	"the coordinator cannot save new registrations now; its log says why"

void
api_health(struct call *c, struct str body UNUSED)
{
	const struct coordinator *co = c->co;
	const struct registry *r = &co->registry;
	bool trouble = store_trouble(co->store) != NULL;
	struct buf b = BUF_INIT(SMALL_MAX);
	struct jsonw w = jsonw_to(&b);
	int64_t total, covered;

	count_services(r, &total, &covered);
	jsonw_obj(&w);
	jsonw_kz(&w, "status", trouble ? "degraded" : "healthy");
	if (trouble)
		jsonw_kz(&w, "reason", CANNOT_SAVE);
	jsonw_kz(&w, "coordinator", co->conf.name);
	jsonw_kz(&w, "version", co->conf.version);
	jsonw_ktime(&w, "timestamp", clock_wall_ms());
	jsonw_key(&w, "workers");
	jsonw_obj(&w);
	jsonw_ku64(&w, "total", r->n);
	jsonw_ku64(&w, "active", r->n_alive);
	jsonw_ku64(&w, "stale", r->n - r->n_alive);
	jsonw_end_obj(&w);
	jsonw_key(&w, "services");
	jsonw_obj(&w);
	jsonw_ki64(&w, "total", total);
	jsonw_ki64(&w, "covered", covered);
	jsonw_end_obj(&w);
	jsonw_end_obj(&w);
	call_json(c, 200, buf_view(&b));
	buf_fini(&b);
}

void
api_readyz(struct call *c, struct str body UNUSED)
{
	const struct err *trouble = store_trouble(c->co->store);
	struct err err = {0};

	if (trouble == NULL) {
		call_json(c, 200, STR("{\"ready\":true}"));
		return;
	}
	(void)err_set(&err, ERR_UNAVAILABLE, CANNOT_SAVE);
	call_error(c, &err, NULL);
}

/* --- metrics ----------------------------------------------------------------------- */

static void
metric(struct buf *b, const char *name, const char *type, const char *help,
    double value)
{
	(void)buf_fmt(b, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help,
	    name, type, name, value);
}

static void
metric_services(const struct registry *r, struct buf *b)
{
	(void)buf_z(b,
	    "# HELP hearth_service_ready_workers Workers ready for a service.\n"
	    "# TYPE hearth_service_ready_workers gauge\n");
	for (size_t i = 0; i < SERVICE__COUNT; i++)
		(void)buf_fmt(b,
		    "hearth_service_ready_workers{service=\"%s\"} %u\n",
		    catalogue_at((enum service_id)i)->name, r->n_ready[i]);
}

static void
metric_answers(const struct edge *e, struct buf *b)
{
	(void)buf_z(b,
	    "# HELP hearth_api_answers_total Answers of the coordinator's own "
	    "API by class of status.\n"
	    "# TYPE hearth_api_answers_total counter\n");
	for (size_t i = 2; i < COUNT_OF(e->by_class); i++)
		(void)buf_fmt(b,
		    "hearth_api_answers_total{class=\"%zuxx\"} %llu\n", i,
		    (unsigned long long)e->by_class[i]);
}

static void
metric_store(const struct coordinator *co, struct buf *b)
{
	struct store_stats s;

	store_get_stats(co->store, &s);
	metric(b, "hearth_store_commits_total", "counter",
	    "Transactions on disk.", (double)s.commits);
	metric(b, "hearth_store_failures_total", "counter",
	    "Transactions that failed.", (double)s.failures);
}

void
api_metrics(struct call *c, struct str body UNUSED)
{
	const struct coordinator *co = c->co;
	const struct registry *r = &co->registry;
	struct buf b = BUF_INIT(METRICS_MAX);
	int64_t total, covered;

	count_services(r, &total, &covered);
	/* Older names, which end like counters but are none. */
	metric(&b, "coordinator_workers_total", "untyped", "Workers known.",
	    (double)r->n);
	metric(&b, "coordinator_workers_active", "gauge",
	    "Workers that are there.", (double)r->n_alive);
	metric(&b, "coordinator_services_total", "untyped",
	    "Services that a worker is ready for.", (double)covered);
	metric(&b, "hearth_uptime_seconds", "gauge", "Time since the start.",
	    (double)(loop_now_ms(co->loop) - co->started_ms) / 1000);
	metric(&b, "hearth_requests_total", "counter", "Requests taken.",
	    (double)co->edge.requests);
	metric(&b, "hearth_placements_total", "counter",
	    "Assignments changed by placement.", (double)co->assign.moves);
	metric_answers(&co->edge, &b);
	metric_services(r, &b);
	metric_store(co, &b);
	if (co->on_metrics != NULL)
		co->on_metrics(c->co, &b);
	call_bytes(c, 200, "text/plain; version=0.0.4; charset=utf-8",
	    buf_view(&b));
	buf_fini(&b);
}

/* --- OpenAPI -------------------------------------------------------------------------- */

#define SCHEMA_HEALTH                                                                        \
	"{\"type\":\"object\",\"required\":[\"status\",\"coordinator\","                     \
	"\"version\",\"timestamp\",\"workers\",\"services\"],\"properties\":"                \
	"{\"status\":{\"type\":\"string\",\"enum\":[\"healthy\","                            \
	"\"degraded\"]},\"reason\":{\"type\":\"string\"},\"workers\":{\"type\":\"object\"}," \
	"\"services\":{\"type\":\"object\"}}}"
#define SCHEMA_REGISTER                                                    \
	"{\"type\":\"object\",\"required\":[\"worker_id\",\"tunnel_url\"," \
	"\"capabilities\"],\"properties\":{\"worker_id\":{\"type\":"       \
	"\"string\"},\"tunnel_url\":{\"type\":\"string\"},"                \
	"\"capabilities\":{\"type\":\"object\"},\"services\":{\"type\":"   \
	"\"array\"},\"containers\":{\"type\":\"array\"}}}"
#define SCHEMA_REGISTERED                                                   \
	"{\"type\":\"object\",\"properties\":{\"status\":{\"type\":"        \
	"\"string\"},\"worker_type\":{\"type\":\"string\"},\"tier\":"       \
	"{\"type\":\"integer\"},\"assigned_services\":{\"type\":\"array\"," \
	"\"items\":{\"type\":\"string\"}}}}"
#define SCHEMA_HEARTBEAT                                                    \
	"{\"type\":\"object\",\"required\":[\"worker_id\"],\"properties\":" \
	"{\"worker_id\":{\"type\":\"string\"},\"status\":{\"type\":"        \
	"\"string\"},\"current_load\":{\"type\":\"number\"},"               \
	"\"active_requests\":{\"type\":\"integer\"},\"services_status\":"   \
	"{\"type\":\"object\"}}}"

static const struct route routes[] = {
#define ROUTE(method_, path_, handler_, summary_, request_, response_) \
	{.method = (method_),                                          \
	    .path = (path_),                                           \
	    .handler = (handler_),                                     \
	    .summary = (summary_),                                     \
	    .request = (request_),                                     \
	    .response = (response_)},
#include "coordinator/routes.def"
#undef ROUTE
};

const struct route *
edge_routes(size_t *n)
{
	*n = COUNT_OF(routes);
	return routes;
}

static void
emit_content(const char *schema, struct jsonw *w)
{
	jsonw_key(w, "content");
	jsonw_obj(w);
	jsonw_key(w, "application/json");
	jsonw_obj(w);
	jsonw_kraw(w, "schema",
	    schema != NULL ? str_of(schema) : STR("{\"type\":\"object\"}"));
	jsonw_end_obj(w);
	jsonw_end_obj(w);
}

/* The {x} of a path, as a parameter. */
static void
emit_parameters(const char *path, struct jsonw *w)
{
	const char *open = strchr(path, '{');
	const char *close = open != NULL ? strchr(open, '}') : NULL;

	if (close == NULL)
		return;
	jsonw_key(w, "parameters");
	jsonw_arr(w);
	jsonw_obj(w);
	jsonw_kstr(w, "name",
	    (struct str){open + 1, (size_t)(close - open - 1)});
	jsonw_kz(w, "in", "path");
	jsonw_kbool(w, "required", true);
	jsonw_kraw(w, "schema", STR("{\"type\":\"string\"}"));
	jsonw_end_obj(w);
	jsonw_end_arr(w);
}

static void
emit_operation(const struct route *r, struct jsonw *w)
{
	char method[8];

	(void)str_copy(method, sizeof method, str_of(r->method));
	for (char *m = method; *m != '\0'; m++)
		*m = (char)(*m | 0x20);
	jsonw_key_str(w, str_of(method));
	jsonw_obj(w);
	jsonw_kz(w, "summary", r->summary);
	emit_parameters(r->path, w);
	if (r->request != NULL) {
		jsonw_key(w, "requestBody");
		jsonw_obj(w);
		jsonw_kbool(w, "required", true);
		emit_content(r->request, w);
		jsonw_end_obj(w);
	}
	jsonw_key(w, "responses");
	jsonw_obj(w);
	jsonw_key(w, "200");
	jsonw_obj(w);
	jsonw_kz(w, "description", "done");
	emit_content(r->response, w);
	jsonw_end_obj(w);
	jsonw_kraw(w, "default",
	    STR("{\"description\":\"an error, with code and message\"}"));
	jsonw_end_obj(w);
	jsonw_end_obj(w);
}

void
api_openapi(struct call *c, struct str body UNUSED)
{
	struct buf b = BUF_INIT(METRICS_MAX);
	struct jsonw w = jsonw_to(&b);

	jsonw_obj(&w);
	jsonw_kz(&w, "openapi", "3.1.0");
	jsonw_key(&w, "info");
	jsonw_obj(&w);
	jsonw_kz(&w, "title", "Hearth coordinator");
	jsonw_kz(&w, "version", c->co->conf.version);
	jsonw_end_obj(&w);
	jsonw_key(&w, "paths");
	jsonw_obj(&w);
	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		jsonw_key_str(&w, str_of(routes[i].path));
		jsonw_obj(&w);
		emit_operation(&routes[i], &w);
		jsonw_end_obj(&w);
	}
	jsonw_end_obj(&w);
	jsonw_end_obj(&w);
	call_json(c, 200, buf_view(&b));
	buf_fini(&b);
}

/* --- what is not here --------------------------------------------------------------------- */

void
api_not_available(struct call *c, struct str body UNUSED)
{
	struct err err = {0};

	(void)err_set(&err, ERR_UNAVAILABLE, "%s: not available here",
	    c->route->path);
	call_error(c, &err, NULL);
}

void
api_dht(struct call *c, struct str body UNUSED)
{
	call_json(c, 200,
	    STR("{\"dht_enabled\":false,\"message\":\"workers register with "
		"the coordinator; there is no distributed hash table\"}"));
}

void
api_dht_bootstrap(struct call *c, struct str body UNUSED)
{
	struct buf b = BUF_INIT(SMALL_MAX);
	struct jsonw w = jsonw_to(&b);

	jsonw_obj(&w);
	jsonw_kraw(&w, "seeds", STR("[]"));
	jsonw_ki64(&w, "seed_count", 0);
	jsonw_ktime(&w, "timestamp", clock_wall_ms());
	jsonw_end_obj(&w);
	call_json(c, 200, buf_view(&b));
	buf_fini(&b);
}
