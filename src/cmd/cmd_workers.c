/* SPDX-License-Identifier: Apache-2.0 */
/* workers: the machines that the coordinator knows. */
#include "cmd/client.h"
#include "cmd/cmd.h"
#include "cmd/table.h"

static const struct opt options[] = {CLIENT_OPTS};

static void
add_services(struct table *t, const struct json_val *worker)
{
	const struct json_val *list = NULL;
	struct json_fault f = {0};
	char text[512] = "";
	size_t used = 0;
	struct json_iter it;

	(void)json_arr(worker, "assigned_services", JSON_OPTIONAL, &list, &f);
	for (it = json_iter(list); json_next(&it);) {
		struct str name = STR("");

		(void)json_as_str(it.val, &name);
		(void)str_fmt(text + used, sizeof text - used, "%s%.*s",
		    used != 0 ? ", " : "", STR_ARG(name));
		used = strlen(text);
	}
	table_cell(t, "%s", text);
}

static void
add_row(struct table *t, const struct json_val *worker)
{
	struct json_fault f = {0};
	struct str id = STR("?"), type = STR("?"), status = STR("?");
	double load = -1, age = -1;

	(void)json_str(worker, "worker_id", JSON_OPTIONAL, &id, &f);
	(void)json_str(worker, "worker_type", JSON_OPTIONAL, &type, &f);
	(void)json_str(worker, "status", JSON_OPTIONAL, &status, &f);
	(void)json_f64(worker, "current_load", JSON_OPTIONAL, &load, &f);
	(void)json_f64(worker, "age_seconds", JSON_OPTIONAL, &age, &f);
	table_cell(t, "%.*s", STR_ARG(id));
	table_cell(t, "%.*s", STR_ARG(type));
	table_cell(t, "%.*s", STR_ARG(status));
	if (load >= 0)
		table_cell(t, "%.0f %%", load * 100);
	else
		table_cell(t, "-");
	if (age >= 0)
		table_cell(t, "%.0f s ago", age);
	else
		table_cell(t, "-");
	add_services(t, worker);
}

static int
workers_run(struct cmd_run *r, struct err *err)
{
	struct json *j CLEANUP(json_freep) = NULL;
	bool raw = cmd_opt(r, "json") != NULL;
	const struct json_val *list = NULL;
	struct json_fault f = {0};
	struct json_iter it;
	struct client c;
	struct table t;

	if (client_open(&c, r->conf, cmd_opt(r, "url"), err) < 0 ||
	    client_get(&c, "/api/admin/workers", raw, &j, err) < 0)
		return -1;
	if (raw)
		return CMD_OK;
	if (!json_arr(json_root(j), "workers", JSON_REQUIRED, &list, &f))
		return json_fault_err(&f, err);
	table_init(&t, "WORKER|TYPE|STATUS|LOAD|SEEN|SERVICES");
	for (it = json_iter(list); json_next(&it);)
		add_row(&t, it.val);
	table_print(&t, stdout);
	table_fini(&t);
	return CMD_OK;
}

const struct cmd cmd_workers = {
    .name = "workers",
    .args = "",
    .about = "Lists the workers with type, state, load and services.",
    .opts = options,
    .n_opts = COUNT_OF(options),
    .run = workers_run,
};
