/* SPDX-License-Identifier: Apache-2.0 */
/* See host.h. Routes, state, start and stop; request.c does the documents. */
#include "service/host.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "proc/ready.h"
#include "service/host_priv.h"

enum {
	REQUESTS = 64,
	DRAIN_MS = 10 * 1000,
};

void
host_profile(struct sandbox_profile *out, bool degraded)
{
	/* Fonts and character maps, for PDF pages that do not bring theirs. */
	static const char *const visible[] = {"/usr/share/fonts",
	    "/usr/share/poppler", "/usr/share/fontconfig", "/etc/fonts",
	    "/var/cache/fontconfig", NULL};

	*out = (struct sandbox_profile){.memory_bytes = UINT64_C(2) << 30,
	    .cpu_s = 60,
	    .files = 32,
	    .read_only = visible,
	    .degraded = degraded};
}

static void
reply_json(struct stream *s, int status, struct buf *b)
{
	reply_bytes(s, status, "application/json", NULL, 0, buf_view(b));
	buf_fini(b);
}

static void
get_root(struct host *h, struct stream *s)
{
	const struct service *svc = h->conf->service;
	struct buf b = BUF_INIT(4096);
	struct jsonw j = jsonw_to(&b);

	jsonw_obj(&j);
	jsonw_kz(&j, "service", svc->name);
	jsonw_kz(&j, "summary", svc->summary);
	jsonw_kz(&j, "version", HEARTH_VERSION);
	jsonw_key(&j, "methods");
	jsonw_arr(&j);
	for (size_t i = 0; svc->methods[i] != NULL; i++)
		jsonw_z(&j, svc->methods[i]);
	jsonw_end_arr(&j);
	jsonw_kz(&j, "usage",
	    "POST /process with a multipart form (file) or the document as the "
	    "body; format=json|text|markdown");
	jsonw_end_obj(&j);
	reply_json(s, 200, &b);
}

static void
get_health(struct host *h, struct stream *s)
{
	bool refused = h->refused.code != ERR_OK;
	struct buf b = BUF_INIT(4096);
	struct jsonw j = jsonw_to(&b);
	char layers[96];

	jsonw_obj(&j);
	jsonw_kz(&j, "status",
	    refused        ? "unavailable"
		: h->ready ? "healthy"
			   : "starting");
	jsonw_kz(&j, "service", h->conf->service->name);
	jsonw_kz(&j, "version", HEARTH_VERSION);
	if (refused)
		jsonw_kz(&j, "reason", h->refused.msg);
	jsonw_kz(&j, "sandbox",
	    sandbox_layers_text(h->layers, layers, sizeof(layers)));
	jsonw_kbool(&j, "sandbox_degraded",
	    h->ready && (h->layers & SANDBOX_MANDATORY) != SANDBOX_MANDATORY);
	jsonw_ku64(&j, "active", h->active);
	jsonw_ku64(&j, "running", cells_running(h->cells));
	jsonw_ku64(&j, "waiting", cells_waiting(h->cells));
	jsonw_ku64(&j, "slots", h->cells_max);
	jsonw_ku64(&j, "done", h->done);
	jsonw_ku64(&j, "failed", h->failed);
	jsonw_end_obj(&j);
	reply_json(s, refused ? 503 : 200, &b);
}

static void
post_selftest(struct host *h, struct stream *s, const struct http_head *head)
{
	(void)head;
	request_selftest(h, s);
}

static void
get_any(struct host *h, struct stream *s, const struct http_head *head)
{
	if (str_eqz(http_path(head->target), "/health"))
		get_health(h, s);
	else
		get_root(h, s);
}

static const struct {
	const char *path;
	const char *method;
	void (*serve)(struct host *h, struct stream *s,
	    const struct http_head *head);
} routes[] = {
    {"/process", "POST", request_start},
    {"/selftest", "POST", post_selftest},
    {"/health", "GET", get_any},
    {"/", "GET", get_any},
};

static void
wrong_method(struct stream *s, const char *method)
{
	const struct http_field allow = {STR("Allow"), str_of(method)};

	reply_bytes(s, 405, "application/json", &allow, 1,
	    STR("{\"error\":{\"code\":\"method_not_allowed\",\"message\":"
		"\"this path does not take that method\"},"
		"\"detail\":\"this path does not take that method\"}"));
}

static void
host_on_request(void *owner, struct stream *s, const struct http_head *head)
{
	struct host *h;
	struct str path = http_path(head->target);
	struct err err = {0};

	CAST_OBJ(h, owner, HOST_MAGIC);
	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		if (!str_eqz(path, routes[i].path))
			continue;
		if (str_eqz(head->method, routes[i].method) ||
		    (str_eqz(head->method, "HEAD") &&
			routes[i].method[0] == 'G'))
			routes[i].serve(h, s, head);
		else
			wrong_method(s, routes[i].method);
		return;
	}
	err_set(&err, ERR_NOT_FOUND, "no such path; try POST /process");
	reply_error(s, &err, NULL, NULL);
}

/* --- state --------------------------------------------------------------- */

static void
host_on_state(void *owner, bool gone, unsigned layers, const struct err *why)
{
	struct host *h;
	char text[96];

	CAST_OBJ(h, owner, HOST_MAGIC);
	h->layers = layers;
	if (gone) {
		h->lost = !h->stopping;
		loop_stop(h->loop);
	} else if (why != NULL) {
		h->refused = *why;
		log_error("service", "%s", why->msg);
	} else {
		h->ready = true;
		log_info("service", "%s is ready, sandbox: %s",
		    h->conf->service->name,
		    sandbox_layers_text(layers, text, sizeof(text)));
		if ((layers & SANDBOX_MANDATORY) != SANDBOX_MANDATORY)
			log_warn("service",
			    "HEARTH_SANDBOX=degraded: documents are read "
			    "behind an incomplete sandbox");
	}
	/* Ready to say what we are, even if that is "refused". */
	if (!gone)
		ready_tell();
}

static void
host_on_closed(void *arg)
{
	struct host *h = arg;

	h->httpd = NULL;
	loop_stop(h->loop);
}

static void
host_on_stop(void *arg, int signo)
{
	struct host *h = arg;

	(void)signo;
	if (h->stopping)
		return;
	h->stopping = true;
	httpd_close(h->httpd, DRAIN_MS, host_on_closed, h);
}

static unsigned
cores(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return (unsigned)MAX_OF(CPU_COUNT(&set), 1);
}

static int
host_open(struct host *h, struct err *err)
{
	const struct host_conf *c = h->conf;
	struct cells_conf cells = {.zygote = c->zygote,
	    .zygote_fd = c->zygote_fd,
	    .running = h->cells_max,
	    .on_state = host_on_state,
	    .owner = h};
	/* Nothing is sent while a document is read: a body may be slow, an
	 * answer may take as long as its cells. */
	struct httpd_conf http = {.on_request = host_on_request, .owner = h};

	h->cells = cells_new(h->loop, &cells, err);
	if (h->cells == NULL)
		return -1;
	h->httpd = httpd_new(h->loop, c->at, &http, err);
	return h->httpd != NULL ? 0 : -1;
}

int
host_run(const struct host_conf *conf, struct err *err)
{
	struct host h = {.magic = HOST_MAGIC,
	    .conf = conf,
	    .cells_max = conf->cells > 0 ? conf->cells : cores(),
	    .requests_max = conf->requests > 0 ? conf->requests : REQUESTS,
	    .loop = loop_new()};

	TAILQ_INIT(&h.requests);
	if (host_open(&h, err) != 0)
		return -1;
	loop_on_signal(h.loop, SIGTERM, host_on_stop, &h);
	loop_on_signal(h.loop, SIGINT, host_on_stop, &h);
	loop_run(h.loop);
	if (h.lost)
		return err_set(err, ERR_INTERNAL,
		    "the process that document readers come from has died");
	return 0;
}
