/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

static int
version_run(struct cmd_run *r UNUSED, struct err *err UNUSED)
{
	(void)printf("hearth %s\n", HEARTH_VERSION);
	return CMD_OK;
}

const struct cmd cmd_version = {
    .name = "version",
    .args = "",
    .run = version_run,
};
