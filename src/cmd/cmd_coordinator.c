/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator: the role by itself, in the foreground. */
#include <signal.h>
#include <unistd.h>

#include "base/fsx.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/server_conf.h"
#include "coordinator/coordinator.h"
#include "proc/ready.h"

enum {
	DRAIN_MS = 30 * 1000,
	MIB_MAX = 1 << 30 /* whatever is more has no limit */
};

struct role {
	struct loop *loop;
	struct coordinator *co;
	bool stopping;
};

static void
on_stopped(void *arg)
{
	struct role *r = arg;

	loop_stop(r->loop);
}

static void
on_signal(void *arg, int signo UNUSED)
{
	struct role *r = arg;

	if (r->stopping) {
		loop_stop(r->loop);
		return;
	}
	r->stopping = true;
	log_info("coordinator", "Stopping");
	coordinator_stop(r->co, DRAIN_MS, on_stopped, r);
}

static const char *
own_name(struct config *c)
{
	char host[256] = "localhost";

	if (*c->coordinator_id != '\0')
		return c->coordinator_id;
	(void)gethostname(host, sizeof host - 1);
	return arena_fmt(&c->arena, "coordinator-%s", host);
}

/* What may be wrong is found before anything is listening. */
static int
make_conf(struct config *c, struct coordinator_conf *out, struct err *err)
{
	*out = (struct coordinator_conf){
	    .socket = *c->socket != '\0'
		? c->socket
		: config_path(c, "run/coordinator.sock"),
	    .store = config_path(c, "hearth.db"),
	    .name = own_name(c),
	    .allowed_origins = c->allowed_origins,
	    .allowed_hosts = c->allowed_hosts,
	    .version = HEARTH_VERSION,
	    .stale_ms = (int64_t)c->heartbeat_timeout_s * 1000,
	    .forget_ms = (int64_t)c->worker_timeout_s * 1000,
	    .queue = c->queue,
	    .body_max = (int64_t)MIN_OF(c->max_upload, MIB_MAX) << 20,
	    .debug_headers = c->debug_headers,
	};
	return server_conf_read(c, &out->listen, &out->policy, err);
}

static void
say_listening(const struct coordinator *co)
{
	char text[ADDR_TEXT_MAX];

	log_info("coordinator", "Listening on http://%s",
	    addr_text(httpd_addr(co->edge.listeners[0]), text));
}

static int
coordinator_run(struct cmd_run *r, struct err *err)
{
	struct coordinator_conf conf;
	struct role role = {0};

	if (make_conf(r->conf, &conf, err) < 0)
		return CMD_USAGE;
	if (fsx_mkdirs(config_path(r->conf, "run"), err) < 0)
		return err_wrap(err,
		    "cannot use the data folder (choose "
		    "another with --data)");
	role.loop = loop_new();
	role.co = coordinator_start(role.loop, &conf, err);
	if (role.co == NULL) {
		loop_free(role.loop);
		return -1;
	}
	loop_on_signal(role.loop, SIGTERM, on_signal, &role);
	loop_on_signal(role.loop, SIGINT, on_signal, &role);
	say_listening(role.co);
	ready_tell();
	loop_run(role.loop);
	loop_free(role.loop);
	return CMD_OK;
}

const struct cmd cmd_coordinator = {
    .name = "coordinator",
    .args = "",
    .about = "Runs a coordinator in the foreground: it knows the workers, "
	     "assigns services,\nroutes requests and keeps all state.",
    .groups = CONFIG_SERVER,
    .run = coordinator_run,
};
