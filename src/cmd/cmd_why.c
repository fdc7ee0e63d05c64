/* SPDX-License-Identifier: Apache-2.0 */
/* why: the reason behind an automatic decision, in a sentence. */
#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/cmd.h"

static const struct opt options[] = {CLIENT_OPTS};

static int
why_run(struct cmd_run *r, struct err *err)
{
	char *service CLEANUP(freep) = client_escape(str_of(r->argv[0]));
	char *worker CLEANUP(freep) = client_escape(
	    str_of(r->argc > 1 ? r->argv[1] : ""));
	char *target CLEANUP(freep) = xasprintf("/api/admin/why?service=%s%s%s",
	    service, r->argc > 1 ? "&worker=" : "", worker);
	struct json *j CLEANUP(json_freep) = NULL;
	bool raw = cmd_opt(r, "json") != NULL;
	struct str why = STR("");
	struct json_fault f = {0};
	struct client c;

	if (client_open(&c, r->conf, cmd_opt(r, "url"), err) < 0 ||
	    client_get(&c, target, raw, &j, err) < 0)
		return -1;
	if (raw)
		return CMD_OK;
	if (!json_str(json_root(j), "why", JSON_REQUIRED, &why, &f))
		return json_fault_err(&f, err);
	cmd_put(stdout, why);
	(void)putchar('\n');
	return CMD_OK;
}

const struct cmd cmd_why = {
    .name = "why",
    .args = "SERVICE [WORKER]",
    .about = "Says why a service is where it is, or why a worker has it or "
	     "has it not.",
    .min_args = 1,
    .max_args = 2,
    .opts = options,
    .n_opts = COUNT_OF(options),
    .run = why_run,
};
