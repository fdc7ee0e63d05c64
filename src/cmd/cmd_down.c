/* SPDX-License-Identifier: Apache-2.0 */
/* down: stops what `hearth up` started with this data folder. */
#include "cmd/cmd.h"
#include "cmd/instance.h"

enum {
	PATIENCE_MS = 60 * 1000
};

static int
down_run(struct cmd_run *r, struct err *err)
{
	struct instance i;

	if (!instance_find(r->conf, &i)) {
		(void)printf("Hearth is not running.\n");
		return CMD_OK;
	}
	if (instance_stop(&i, PATIENCE_MS, err) < 0)
		return -1;
	(void)printf("Hearth has stopped.\n");
	return CMD_OK;
}

const struct cmd cmd_down = {
    .name = "down",
    .args = "",
    .about = "Stops what 'hearth up' started: running requests are finished "
	     "first.",
    .run = down_run,
};
