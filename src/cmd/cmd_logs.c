/* SPDX-License-Identifier: Apache-2.0 */
/* logs: what a detached `hearth up` wrote. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/instance.h"

static const struct opt options[] = {
    {"follow", 'f', NULL, "go on printing as lines arrive"},
};

/* Prints what is there from where we are. */
static int
print_rest(int fd, struct err *err)
{
	char chunk[16384];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof chunk)) > 0) {
		if (fwrite(chunk, 1, (size_t)n, stdout) != (size_t)n)
			return err_sys(err, errno, "cannot write");
	}
	if (fflush(stdout) != 0)
		return err_sys(err, errno, "cannot write");
	return 0;
}

static int
follow(int fd, const char *path, struct err *err)
{
	int watch CLEANUP(closep) = inotify_init1(IN_CLOEXEC);
	char events[4096];

	if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY) < 0)
		return err_sys(err, errno, "cannot watch '%s'", path);
	while (print_rest(fd, err) == 0) {
		if (read(watch, events, sizeof events) < 0)
			return err_sys(err, errno, "cannot watch '%s'", path);
	}
	return -1;
}

static int
logs_run(struct cmd_run *r, struct err *err)
{
	const char *path = instance_log(r->conf);
	int fd CLEANUP(closep) = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ERR_NOT_FOUND,
		    "no log at '%s': a 'hearth up' in the foreground writes "
		    "to its terminal",
		    path);
	if (cmd_opt(r, "follow") != NULL)
		return follow(fd, path, err);
	return print_rest(fd, err) < 0 ? -1 : CMD_OK;
}

const struct cmd cmd_logs = {
    .name = "logs",
    .args = "",
    .about = "Prints the log of 'hearth up --detach'.",
    .opts = options,
    .n_opts = COUNT_OF(options),
    .run = logs_run,
};
