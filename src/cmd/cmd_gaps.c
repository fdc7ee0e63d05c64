/* SPDX-License-Identifier: Apache-2.0 */
/* services, gaps: how well each service of the catalogue is covered. Both ask
 * the same question; gaps leaves out what is fine. */
#include "cmd/client.h"
#include "cmd/cmd.h"
#include "cmd/table.h"

static const struct opt options[] = {CLIENT_OPTS};

static void
add_row(struct table *t, const struct json_val *gap, bool all)
{
	struct json_fault f = {0};
	struct str name = STR("?"), type = STR("?"), status = STR("?");
	struct str reason = STR("");
	int64_t workers = 0;

	(void)json_str(gap, "service", JSON_OPTIONAL, &name, &f);
	(void)json_str(gap, "required_type", JSON_OPTIONAL, &type, &f);
	(void)json_str(gap, "status", JSON_OPTIONAL, &status, &f);
	(void)json_str(gap, "reason", JSON_OPTIONAL, &reason, &f);
	(void)json_i64(gap, "current_workers", JSON_OPTIONAL, &workers, &f);
	if (!all && str_eqz(status, "ok"))
		return;
	table_cell(t, "%.*s", STR_ARG(name));
	table_cell(t, "%.*s", STR_ARG(type));
	table_cell(t, "%lld", (long long)workers);
	table_cell(t, "%.*s", STR_ARG(status));
	table_cell(t, "%.*s", STR_ARG(reason));
}

static int
list_run(struct cmd_run *r, struct err *err)
{
	struct json *j CLEANUP(json_freep) = NULL;
	bool raw = cmd_opt(r, "json") != NULL;
	bool all = r->cmd == &cmd_services;
	const struct json_val *list = NULL;
	struct json_fault f = {0};
	struct json_iter it;
	struct client c;
	struct table t;

	if (client_open(&c, r->conf, cmd_opt(r, "url"), err) < 0)
		return -1;
	if (client_get(&c,
		all && raw ? "/api/admin/services" : "/api/admin/gaps", raw, &j,
		err) < 0)
		return -1;
	if (raw)
		return CMD_OK;
	if (!json_arr(json_root(j), "gaps", JSON_REQUIRED, &list, &f))
		return json_fault_err(&f, err);
	table_init(&t, "SERVICE|NEEDS|WORKERS|STATUS|REASON");
	for (it = json_iter(list); json_next(&it);)
		add_row(&t, it.val, all);
	table_print(&t, stdout);
	table_fini(&t);
	return CMD_OK;
}

const struct cmd cmd_services = {
    .name = "services",
    .args = "",
    .about = "Lists the services of the catalogue and how many workers are "
	     "ready for each.",
    .opts = options,
    .n_opts = COUNT_OF(options),
    .run = list_run,
};

const struct cmd cmd_gaps = {
    .name = "gaps",
    .args = "",
    .about = "Lists the services that no worker, or only one, is ready for.",
    .opts = options,
    .n_opts = COUNT_OF(options),
    .run = list_run,
};
