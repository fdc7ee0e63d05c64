/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "net/httpd.h"
#include "net/loop.h"
#include "proc/capture.h"
#include "proc/ready.h"
#include "worker/detect.h"
#include "worker/fleet.h"
#include "worker/identity.h"
#include "worker/link.h"
#include "worker/load.h"
#include "worker/report.h"
#include "worker/slots.h"

enum {
	PROGRAM_PATH_MAX = 1024,
	LIST_TIMEOUT_MS = 10000,
	LIST_MAX = 16 * 1024,
	ASSIGN_MAX = 64 * 1024,
	/* A service works on one document per core, on two at least. */
	SLOTS_MIN = 2,
	/* Whoever started us waits at most this long for slow services. */
	PATIENCE_MS = 20 * 1000,
	SLOTS_MAX = 1024,
};

/* What the pool thread finds out; the loop reads it when it is done. */
struct findings {
	struct worker *worker;
	struct probe_env env;
	const char *wanted_type;
	struct hw hw;
	char program[PROGRAM_PATH_MAX];
	struct buf programs; /* names, one per line */
	bool has_programs;
	struct err why; /* when has_programs is false */
	bool refresh;
};

struct worker {
	unsigned magic;
#define WORKER_MAGIC 0x3042e401u
	struct loop *loop;
	const struct config *conf;
	struct identity id;
	struct findings found; /* of the pool thread, while `working` */
	bool working;
	struct hw hw;
	struct load load;
	struct fleet *fleet; /* NULL until the machine is known */
	struct slots slots;  /* as long as there is a fleet */
	struct report *report;
	struct url url;
	struct link link;
	bool has_link;   /* it was begun */
	bool link_fixed; /* --link names where to dial */
	struct addr link_to;
	struct wire_state_out states[SERVICE__COUNT];
	service_set assigned;
	service_set measured; /* whose self-tests the coordinator knows of */
	bool is_assigned;
	bool ready;
	bool beat_settled; /* the last heartbeat told of no service starting */
	bool told;         /* whoever started us knows that we are ready */
	struct timer patience;
	bool draining;
	bool drained;
};

/* ---- detection, on a pool thread ---- */

/* hearth-service lies beside our own program. */
static void
find_program(const struct config *conf, char *out)
{
	char self[PROGRAM_PATH_MAX] = "";
	ssize_t n;
	char *slash;

	if (conf->service_bin[0] != '\0') {
		(void)str_fmt(out, PROGRAM_PATH_MAX, "%s", conf->service_bin);
		return;
	}
	n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0)
		n = 0;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash != NULL)
		*slash = '\0';
	(void)str_fmt(out, PROGRAM_PATH_MAX, "%s/hearth-service", self);
}

static void
list_programs(struct findings *f)
{
	const char *argv[] = {f->program, "--list", NULL};

	f->programs = BUF_INIT(LIST_MAX);
	if (access(f->program, X_OK) != 0)
		(void)err_set(&f->why, ERR_NOT_FOUND,
		    "the program '%s' is missing; install it, or name it with "
		    "--service-bin",
		    f->program);
	else
		f->has_programs = capture_run(argv, LIST_TIMEOUT_MS,
				      &f->programs, &f->why) == 0;
}

static void
work(void *arg)
{
	struct findings *f = arg;

	if (f->refresh) {
		detect_refresh(&f->env, &f->hw);
		return;
	}
	detect_run(&f->env, f->wanted_type, &f->hw);
	find_program(f->worker->conf, f->program);
	list_programs(f);
}

static void
log_gpus(const struct worker *w)
{
	const struct hw *h = &w->hw;

	for (size_t i = 0; i < h->n_gpus; i++) {
		const struct hw_gpu *g = &h->gpus[i];

		if (g->usable)
			log_info("worker",
			    "GPU detected: %s (%llu MiB, driver %s)", g->name,
			    (unsigned long long)g->memory_mib, g->driver);
		else
			log_info("worker", "GPU present but not usable: %s: %s",
			    g->name, g->reason);
	}
	if (hw_best_gpu(h) != NULL)
		return;
	if (str_eqz(str_of(w->conf->worker_type), "gpu"))
		log_warn("worker",
		    "Worker type gpu was asked for, but there is no usable GPU");
	log_info("worker", "No GPU detected, using CPU mode");
}

static void
log_type(const struct worker *w)
{
	static const char *const shown[] = {"", "GPU", "CPU", "Storage",
	    "Edge"};
	unsigned tier = hw_tier(w->hw.worker_type);

	log_info("worker", "Worker type: %s (Tier %u)", shown[tier], tier);
}

static void start_services(struct worker *w);

static void
on_worked(void *arg)
{
	struct findings *f = arg;
	struct worker *w;

	CAST_OBJ(w, f->worker, WORKER_MAGIC);
	w->working = false;
	w->hw = f->hw;
	if (f->refresh)
		return;
	if (w->draining) { /* told to stop while we looked */
		loop_stop(w->loop);
		return;
	}
	log_gpus(w);
	log_type(w);
	start_services(w);
	report_start(w->report);
}

static void
start_work(struct worker *w, bool refresh)
{
	if (w->working)
		return;
	w->working = true;
	w->found.worker = w;
	w->found.refresh = refresh;
	w->found.hw = w->hw;
	w->found.env = detect_env(w->conf->data);
	w->found.wanted_type = w->conf->worker_type;
	loop_work(w->loop, work, on_worked, &w->found);
}

/* ---- what the coordinator hears ---- */

static void
capabilities(void *owner, struct jsonw *out)
{
	struct worker *w;
	size_t n;

	CAST_OBJ(w, owner, WORKER_MAGIC);
	hw_json(&w->hw, out);
	/* What was measured here, so that placement can go by it. */
	n = fleet_report(w->fleet, w->states);
	jsonw_key(out, "self_test_ms");
	jsonw_obj(out);
	for (size_t i = 0; i < n; i++)
		if (w->states[i].self_test_ms >= 0)
			jsonw_ki64(out, w->states[i].name,
			    w->states[i].self_test_ms);
	jsonw_end_obj(out);
}

static double
gpu_use(const struct hw *h)
{
	int most = 0;

	for (size_t i = 0; i < h->n_gpus; i++)
		if (h->gpus[i].usable)
			most = MAX_OF(most, h->gpus[i].use_percent);
	return most;
}

static const char *
health(const struct worker *w, size_t n)
{
	if (w->draining)
		return "draining";
	for (size_t i = 0; i < n; i++)
		if (w->states[i].state == SERVICE_FAILED)
			return "degraded";
	return "healthy";
}

static bool
is_settled(const struct worker *w)
{
	for (unsigned i = 0; i < SERVICE__COUNT; i++) {
		if (fleet_state(w->fleet, (enum service_id)i) ==
		    SERVICE_STARTING)
			return false;
	}
	return w->is_assigned;
}

static void
beat(void *owner, struct wire_heartbeat_out *out)
{
	struct worker *w;
	struct probe_env env;

	CAST_OBJ(w, owner, WORKER_MAGIC);
	env = detect_env(w->conf->data);
	probe_ram.run(&env, &w->hw);
	out->current_load = load_now(&w->load, &env, w->hw.cpu.threads);
	out->available_memory_bytes = w->hw.ram.available_bytes;
	out->gpu_utilization = gpu_use(&w->hw);
	out->n_states = fleet_report(w->fleet, w->states);
	out->states = w->states;
	w->beat_settled = is_settled(w);
	out->active_requests = slots_active(&w->slots);
	out->status = health(w, out->n_states);
	/* The cards may take a while to answer: for the next heartbeat. */
	if (hw_best_gpu(&w->hw) != NULL)
		start_work(w, true);
}

static void
log_assigned(service_set set)
{
	struct buf names = BUF_INIT(2048);

	for (unsigned i = 0; i < SERVICE__COUNT; i++)
		if ((set & SERVICE_BIT(i)) != 0)
			(void)buf_fmt(&names, "%s%s", names.n > 0 ? ", " : "",
			    catalogue_at((enum service_id)i)->name);
	log_info("worker", "Assigned services: %s",
	    names.n > 0 ? buf_cstr(&names) : "none");
	buf_fini(&names);
}

static void
log_unavailable(const struct worker *w, service_set set)
{
	for (unsigned i = 0; i < SERVICE__COUNT; i++) {
		enum service_id id = (enum service_id)i;

		if ((set & SERVICE_BIT(i)) != 0 &&
		    fleet_state(w->fleet, id) == SERVICE_NOT_AVAILABLE)
			log_info("worker", "%s is not available: %s",
			    catalogue_at(id)->name, fleet_reason(w->fleet, id));
	}
}

static void
assign(struct worker *w, service_set set)
{
	service_set new = set & ~w->assigned;

	if (w->draining || (w->is_assigned && set == w->assigned))
		return;
	w->assigned = set;
	w->is_assigned = true;
	log_assigned(set);
	fleet_want(w->fleet, set);
	if (w->ready)
		log_unavailable(w, new);
}

/* Ready in the eyes of whoever started us: the coordinator was told that every
 * service with a program works, or has failed. */
static void
tell_ready(struct worker *w)
{
	if (!w->told)
		ready_tell();
	w->told = true;
	timer_clear(&w->patience);
}

static void
on_patience(void *arg)
{
	struct worker *w;

	CAST_OBJ(w, arg, WORKER_MAGIC);
	tell_ready(w);
}

static void
say_ready(struct worker *w)
{
	if (w->ready || w->draining)
		return;
	w->ready = true;
	log_info("worker", "Worker ready - listening for tasks");
	log_unavailable(w, w->assigned);
	timer_set(&w->patience, PATIENCE_MS);
	report_now(w->report);
}

/* ---- the link ---- */

/* PUT /-/assign: the coordinator has changed its mind. */
static void
on_assign_body(void *owner, struct stream *s, struct str body,
    const struct err *why)
{
	struct worker *w;
	struct json_fault fault = {0};
	struct wire_registered r = {0};
	struct err err = {0};
	struct json *j;

	CAST_OBJ(w, owner, WORKER_MAGIC);
	if (why != NULL) {
		reply_error(s, why, NULL, NULL);
		return;
	}
	j = json_parse(body, ASSIGN_MAX, &err);
	if (j != NULL && wire_registered_read(json_root(j), &r, &fault) != 0)
		(void)json_fault_err(&fault, &err);
	if (err.code != ERR_OK) {
		reply_error(s, &err, fault.field, NULL);
	} else {
		assign(w, r.assigned);
		reply_bytes(s, 200, "application/json", NULL, 0,
		    STR("{\"status\":\"ok\"}"));
	}
	json_free(j);
}

static void
on_request(void *owner, struct stream *s, const struct http_head *head)
{
	struct worker *w;
	struct err err = {0};

	CAST_OBJ(w, owner, WORKER_MAGIC);
	if (slots_is_service(head->target)) {
		slots_request(&w->slots, s, head);
		return;
	}
	if (str_eqz(http_path(head->target), "/-/assign") &&
	    str_eqz(head->method, "PUT")) {
		body_collect(s, head, ASSIGN_MAX, on_assign_body, w);
		return;
	}
	(void)err_set(&err, ERR_NOT_FOUND, "a worker has nothing there");
	reply_error(s, &err, NULL, NULL);
}

static void
on_link_event(void *owner, enum link_event e, const struct err *why UNUSED)
{
	struct worker *w;

	CAST_OBJ(w, owner, WORKER_MAGIC);
	switch (e) {
	case LINK_UP:
		say_ready(w);
		return;
	case LINK_LOST:
		report_now(w->report); /* is the coordinator there at all? */
		return;
	case LINK_UNKNOWN:
		report_unknown(w->report);
		return;
	}
}

static void
on_assigned(void *owner, const struct wire_registered *r, const struct addr *at)
{
	struct worker *w;
	struct link_conf conf;

	CAST_OBJ(w, owner, WORKER_MAGIC);
	assign(w, r->assigned);
	if (w->draining)
		return;
	if (w->ready && w->beat_settled)
		tell_ready(w);
	if (!w->link_fixed)
		w->link_to = *at;
	if (w->has_link) {
		w->link.conf.to = w->link_to;
		link_dial_now(&w->link);
		return;
	}
	conf = (struct link_conf){
	    .loop = w->loop,
	    .to = w->link_to,
	    .host = w->url.authority,
	    .worker_id = w->id.name,
	    .on_request = on_request,
	    .on_event = on_link_event,
	    .owner = w,
	};
	link_init(&w->link, &conf);
	w->link.epoch = w->id.epoch;
	w->has_link = true;
	link_start(&w->link);
}

/* ---- the services ---- */

/* Once every service is ready or known not to be, what the self-tests measured
 * goes into the capability record. */
static void
tell_measured(struct worker *w)
{
	service_set measured = 0;

	for (unsigned i = 0; i < SERVICE__COUNT; i++) {
		enum service_state s = fleet_state(w->fleet,
		    (enum service_id)i);

		if (s == SERVICE_STARTING)
			return;
		if (s == SERVICE_READY)
			measured |= SERVICE_BIT(i);
	}
	if ((measured & ~w->measured) != 0 && !w->draining) {
		w->measured |= measured;
		report_refresh(w->report);
	}
}

static void
on_fleet_change(void *owner)
{
	struct worker *w;

	CAST_OBJ(w, owner, WORKER_MAGIC);
	tell_measured(w);
	for (unsigned i = 0; i < SERVICE__COUNT; i++)
		if (fleet_addr(w->fleet, (enum service_id)i) != NULL)
			slots_look_again(&w->slots, (enum service_id)i);
	report_now(w->report);
}

static const struct addr *
service_addr(void *owner, enum service_id id)
{
	struct worker *w;

	CAST_OBJ(w, owner, WORKER_MAGIC);
	return fleet_addr(w->fleet, id);
}

static const char *
service_reason(void *owner, enum service_id id)
{
	struct worker *w;

	CAST_OBJ(w, owner, WORKER_MAGIC);
	return fleet_reason(w->fleet, id);
}

/* ---- start and stop ---- */

static void
start_services(struct worker *w)
{
	struct fleet_conf conf = {
	    .program = w->found.program,
	    .run_dir = w->id.run_dir,
	    .programs = w->found.has_programs ? buf_cstr(&w->found.programs)
					      : NULL,
	    .no_program = w->found.why.msg,
	    .log = w->conf->log,
	    .log_level = w->conf->log_level,
	    .on_change = on_fleet_change,
	    .owner = w,
	};
	const struct slots_conf slots = {
	    .loop = w->loop,
	    .concurrency = w->conf->concurrency > 0
		? (unsigned)MIN_OF(w->conf->concurrency, (uint64_t)SLOTS_MAX)
		: MAX_OF(w->hw.cpu.cores, (unsigned)SLOTS_MIN),
	    .first_byte_ms = SERVICE_FIRST_BYTE_MS,
	    .addr = service_addr,
	    .reason = service_reason,
	    .owner = w,
	};

	if (!w->found.has_programs)
		log_error("worker", "No service can run: %s", w->found.why.msg);
	w->fleet = fleet_new(w->loop, &conf);
	slots_init(&w->slots, &slots);
	buf_fini(&w->found.programs);
}

static void
on_left(void *arg)
{
	struct worker *w;

	CAST_OBJ(w, arg, WORKER_MAGIC);
	loop_stop(w->loop);
}

static void
on_fleet_stopped(void *arg)
{
	struct worker *w;

	CAST_OBJ(w, arg, WORKER_MAGIC);
	report_leave(w->report, on_left, w);
}

/* The running requests are done, or nobody waits for them any more. */
static void
drained(void *arg)
{
	struct worker *w;

	CAST_OBJ(w, arg, WORKER_MAGIC);
	if (w->drained)
		return;
	w->drained = true;
	fleet_stop(w->fleet, on_fleet_stopped, w);
}

static void
on_signal(void *arg, int signo UNUSED)
{
	struct worker *w;

	CAST_OBJ(w, arg, WORKER_MAGIC);
	if (w->draining) { /* the second one: do not wait */
		if (w->has_link)
			link_stop_now(&w->link);
		return;
	}
	w->draining = true;
	log_info("worker", "Stopping; requests still running: %u",
	    w->fleet != NULL ? slots_active(&w->slots) : 0);
	if (w->fleet == NULL) /* still detecting; on_worked() ends it */
		return;
	report_now(w->report);
	if (w->has_link)
		link_stop(&w->link, WORKER_DRAIN_MS, drained, w);
	else
		drained(w);
}

static void
finish(struct worker *w)
{
	timer_clear(&w->patience);
	report_free(w->report);
	if (w->fleet != NULL)
		slots_fini(&w->slots);
	fleet_free(w->fleet);
	loop_free(w->loop);
	identity_close(&w->id);
	KILL_OBJ(w);
	free(w);
}

static struct report *
make_report(struct worker *w)
{
	struct report_conf conf = {
	    .url = w->url,
	    .shown = w->conf->coordinator_url,
	    .worker_id = w->id.name,
	    .tunnel_url = w->conf->tunnel_url,
	    .epoch = w->id.epoch,
	    .version = HEARTH_VERSION,
	    .capabilities = capabilities,
	    .beat = beat,
	    .on_assigned = on_assigned,
	    .owner = w,
	};

	return report_new(w->loop, &conf);
}

static int
read_url(const char *text, struct url *out, struct err *err)
{
	if (url_parse(str_of(text), out, err) < 0)
		return err_wrap(err, "the coordinator's URL");
	if (out->base[0] != '\0')
		return err_set(err, ERR_INVALID,
		    "the coordinator's URL '%s' must end with its host and "
		    "port",
		    text);
	return 0;
}

static int
read_settings(const struct config *conf, struct url *url, struct addr *link_to,
    struct err *err)
{
	if (!detect_type_ok(conf->worker_type))
		return err_set(err, ERR_INVALID,
		    "'%s' is no worker type: auto, gpu, cpu, storage or edge",
		    conf->worker_type);
	if (conf->worker_id[0] != '\0' &&
	    identity_name_ok(conf->worker_id, err) != 0)
		return -1;
	if (conf->link[0] != '\0' &&
	    addr_parse(str_of(conf->link), link_to, err) != 0)
		return -1;
	return read_url(conf->coordinator_url, url, err);
}

int
worker_check(const struct config *conf, struct err *err)
{
	struct url url;
	struct addr link_to;

	return read_settings(conf, &url, &link_to, err);
}

int
worker_run(const struct config *conf, struct err *err)
{
	struct worker *w;
	struct url url;
	struct addr link_to = {0};
	struct identity id;

	if (read_settings(conf, &url, &link_to, err) != 0 ||
	    identity_open(&id, conf->data, conf->worker_id, err) != 0)
		return -1;
	w = xcalloc(1, sizeof *w);
	w->magic = WORKER_MAGIC;
	w->conf = conf;
	w->id = id;
	w->loop = loop_new();
	timer_init(&w->patience, w->loop, on_patience, w);
	w->url = url;
	w->link_fixed = conf->link[0] != '\0';
	w->link_to = link_to;
	w->report = make_report(w);
	loop_on_signal(w->loop, SIGTERM, on_signal, w);
	loop_on_signal(w->loop, SIGINT, on_signal, w);
	if (conf->use_tunnel && conf->tunnel_url[0] == '\0')
		log_warn("worker",
		    "USE_TUNNEL is set, but this version opens "
		    "no tunnel of its own; the coordinator "
		    "reaches this worker by its link");
	log_info("worker", "Detecting hardware capabilities...");
	start_work(w, false);
	loop_run(w->loop);
	finish(w);
	return 0;
}
