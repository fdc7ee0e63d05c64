/* SPDX-License-Identifier: Apache-2.0 */
/*
 * up: a coordinator and a local worker on this machine. In the foreground
 * until interrupted, or with --detach in the background: then the command
 * returns when everything is ready, or says why it is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/cmd.h"
#include "cmd/instance.h"
#include "cmd/server_conf.h"
#include "cmd/up.h"
#include "worker/worker.h"

enum {
	LOG_ROTATE_BYTES = 8 * 1024 * 1024
};

static const struct opt options[] = {
    {"detach", 'd', NULL, "return once it is ready; 'hearth down' stops it"},
};

/* How this program is called from a shell: its name where PATH finds it. */
static const char *
own_name(struct config *c)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	struct str path = str_of(
	    getenv("PATH")); /* NOLINT(concurrency-mt-unsafe) */

	exe[n > 0 ? n : 0] = '\0';
	while (path.p != NULL) {
		struct str dir = str_cut(&path, ':');

		if (dir.n != 0 && strncmp(exe, dir.p, dir.n) == 0 &&
		    strcmp(exe + dir.n, "/hearth") == 0)
			return "hearth";
	}
	return arena_cstr(&c->arena, str_of(exe));
}

static void
print_ready(struct config *c, const char *url)
{
	const char *me = own_name(c);

	(void)printf("Hearth is ready: %s\n\n"
		     "Try:\n"
		     "  %s read letter.docx\n"
		     "  curl -F file=@scan.pdf %s/service/ocr/process\n"
		     "  %s status\n",
	    url, me, url, me);
	(void)fflush(stdout);
}

/* --- in the foreground ------------------------------------------------------- */

static void
on_ready_here(void *owner)
{
	const char *url = owner;

	log_info("up", "Hearth is ready: %s (Ctrl-C stops it)", url);
}

static int
run_here(struct cmd_run *r, const struct instance *me, struct err *err)
{
	const struct up_sink sink = {on_ready_here, (void *)(uintptr_t)me->url};

	return up_run(r->conf, &sink, err) < 0 ? -1 : CMD_OK;
}

/* --- in the background ---------------------------------------------------------
 * The parent waits on a pipe for the child's one word: nothing but an end of
 * file means ready, anything else is the reason why not. */

static int
open_log(struct config *c, struct err *err)
{
	const char *path = instance_log(c);
	struct stat st;
	int fd;

	if (stat(path, &st) == 0 && st.st_size > LOG_ROTATE_BYTES)
		(void)rename(path, arena_fmt(&c->arena, "%s.1", path));
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "cannot write the log '%s'", path);
	return fd;
}

static void
on_ready_there(void *owner)
{
	int *tell = owner;

	if (write(*tell, "+", 1) == 1)
		(void)close(*tell);
	*tell = -1;
}

static void NORETURN
run_there(struct cmd_run *r, int log, int tell)
{
	const struct up_sink sink = {on_ready_there, &tell};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct err err = {0};

	(void)setsid();
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(log, STDOUT_FILENO);
	(void)dup2(log, STDERR_FILENO);
	(void)close(null);
	(void)close(log);
	if (up_run(r->conf, &sink, &err) == 0)
		_exit(CMD_OK);
	log_error("up", "%s", err.msg);
	if (tell >= 0 && write(tell, err.msg, strlen(err.msg)) < 0) {
	}
	_exit(CMD_FAILED);
}

/* What the child says: 0 once it is ready. */
static int
hear(int from, struct config *c, struct err *err)
{
	char text[sizeof err->msg];
	ssize_t n = read(from, text, sizeof text - 1);

	if (n == 1 && text[0] == '+')
		return 0;
	text[n > 0 ? n : 0] = '\0';
	return err_set(err, ERR_INTERNAL, "%s (the log: %s)",
	    n > 0 ? text : "it ended before it was ready", instance_log(c));
}

static int
run_detached(struct cmd_run *r, const struct instance *me, int lock,
    struct err *err)
{
	int log = open_log(r->conf, err);
	int tell[2];
	struct instance child = *me;
	pid_t pid;

	if (log < 0)
		return -1;
	if (pipe2(tell, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	(void)fflush(NULL);
	pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "cannot start a process");
	if (pid == 0) {
		(void)close(tell[0]);
		run_there(r, log, tell[1]);
	}
	(void)close(tell[1]);
	(void)close(log);
	child.pid = pid;
	if (instance_name(lock, &child, err) < 0 ||
	    hear(tell[0], r->conf, err) < 0)
		return -1;
	(void)close(tell[0]);
	print_ready(r->conf, me->url);
	return CMD_OK;
}

/* Wrong values are named here, not by a child that could not start. */
static int
check_settings(struct config *c, struct err *err)
{
	enum place_policy policy;
	const char *listen;

	if (c->port == 0) /* nobody could tell where it is */
		return err_set(err, ERR_INVALID, "0 is no port");
	if (server_conf_read(c, &listen, &policy, err) < 0)
		return -1;
	return worker_check(c, err);
}

/* Another one holds this data folder; it may not be ready yet. */
static int
runs_already(struct cmd_run *r, const struct instance *other, struct err *err)
{
	struct json *j CLEANUP(json_freep) = NULL;
	const struct json_val *workers = NULL;
	struct json_fault f = {0};
	int64_t active = 0;
	struct client c;

	if (client_open(&c, r->conf, NULL, NULL) == 0 &&
	    client_get(&c, "/health", false, &j, NULL) == 0 &&
	    json_obj(json_root(j), "workers", JSON_REQUIRED, &workers, &f))
		(void)json_i64(workers, "active", JSON_REQUIRED, &active, &f);
	if (active == 0)
		return err_set(err, ERR_BUSY,
		    "process %d is already starting Hearth with this data "
		    "folder; 'hearth status' tells when it is ready",
		    (int)other->pid);
	(void)printf("Already running (process %d).\n", (int)other->pid);
	print_ready(r->conf, other->url);
	return CMD_OK;
}

static int
up_command(struct cmd_run *r, struct err *err)
{
	struct instance me = {.pid = getpid()};
	struct instance other;
	int lock;

	if (check_settings(r->conf, err) < 0)
		return CMD_USAGE;
	if (instance_find(r->conf, &other))
		return runs_already(r, &other, err);
	up_url(r->conf, me.url, sizeof me.url);
	lock = instance_claim(r->conf, &me, err);
	if (lock < 0)
		return -1;
	if (cmd_opt(r, "detach") != NULL)
		return run_detached(r, &me, lock, err);
	return run_here(r, &me, err);
}

const struct cmd cmd_up = {
    .name = "up",
    .args = "",
    .about = "Starts a coordinator and a local worker on this machine and "
	     "keeps them running.",
    .groups = CONFIG_SERVER | CONFIG_WORKER,
    .opts = options,
    .n_opts = COUNT_OF(options),
    .run = up_command,
};
