/* SPDX-License-Identifier: Apache-2.0 */
/* hearth worker: lend this machine to a coordinator. */
#include <fcntl.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "worker/worker.h"

/* Who starts us may wait for a newline on the descriptor named here. */
static int
ready_fd(void)
{
	const char *z = getenv("HEARTH_READY_FD"); /* NOLINT: no thread yet */
	uint64_t fd;

	if (z == NULL || !str_u64(str_of(z), &fd) || fd > 1024 ||
	    fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0)
		return -1;
	return (int)fd;
}

static int
worker_cmd_run(struct cmd_run *r, struct err *err)
{
	return worker_run(r->conf, ready_fd(), err) == 0 ? CMD_OK : -1;
}

const struct cmd cmd_worker = {
    .name = "worker",
    .args = "",
    .about = "Detects what this machine has, registers with the coordinator "
	     "and runs the\nservices it is assigned, until it is stopped "
	     "(SIGTERM drains it first).",
    .groups = CONFIG_WORKER,
    .run = worker_cmd_run,
};
