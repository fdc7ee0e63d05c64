/* SPDX-License-Identifier: Apache-2.0 */
/* worker: lend this machine to a coordinator. */
#include "cmd/cmd.h"
#include "worker/worker.h"

static int
worker_cmd_run(struct cmd_run *r, struct err *err)
{
	if (worker_check(r->conf, err) < 0)
		return CMD_USAGE;
	return worker_run(r->conf, err) == 0 ? CMD_OK : -1;
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
