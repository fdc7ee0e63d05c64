/* SPDX-License-Identifier: Apache-2.0 */
/* status: one sentence of verdict, then what is missing and why. */
#include <stdlib.h>

#include "cmd/client.h"
#include "cmd/cmd.h"

static const struct opt options[] = {CLIENT_OPTS};

struct verdict {
	struct str status;
	struct str version;
	struct str reason; /* when it is not healthy */
	int64_t workers, active;
	int64_t services, covered;
};

static int
read_health(const struct json_val *root, struct verdict *v, struct err *err)
{
	const struct json_val *workers = NULL;
	const struct json_val *services = NULL;
	struct json_fault f = {0};

	(void)json_str(root, "status", JSON_REQUIRED, &v->status, &f);
	(void)json_str(root, "version", JSON_REQUIRED, &v->version, &f);
	(void)json_str(root, "reason", JSON_OPTIONAL, &v->reason, &f);
	(void)json_obj(root, "workers", JSON_REQUIRED, &workers, &f);
	(void)json_obj(root, "services", JSON_REQUIRED, &services, &f);
	(void)json_i64(workers, "total", JSON_REQUIRED, &v->workers, &f);
	(void)json_i64(workers, "active", JSON_REQUIRED, &v->active, &f);
	(void)json_i64(services, "total", JSON_REQUIRED, &v->services, &f);
	(void)json_i64(services, "covered", JSON_REQUIRED, &v->covered, &f);
	return f.type != NULL ? json_fault_err(&f, err) : 0;
}

static void
print_gap(const struct json_val *gap)
{
	struct json_fault f = {0};
	struct str name = STR("?");
	struct str reason = STR("");

	(void)json_str(gap, "service", JSON_OPTIONAL, &name, &f);
	(void)json_str(gap, "reason", JSON_OPTIONAL, &reason, &f);
	(void)fputs("  ", stdout);
	cmd_put(stdout, name);
	(void)fputs(reason.n != 0 ? ": " : "", stdout);
	cmd_put(stdout, reason);
	(void)putchar('\n');
}

/* The services that nobody can use now. */
static int
print_gaps(const struct client *c, struct err *err)
{
	struct json *j CLEANUP(json_freep) = NULL;
	const struct json_val *list = NULL;
	struct json_fault f = {0};
	struct json_iter it;
	bool first = true;

	if (client_get(c, "/api/admin/gaps", false, &j, err) < 0)
		return -1;
	if (!json_arr(json_root(j), "critical_gaps", JSON_REQUIRED, &list, &f))
		return json_fault_err(&f, err);
	for (it = json_iter(list); json_next(&it); first = false) {
		if (first)
			(void)printf("not available:\n");
		print_gap(it.val);
	}
	return 0;
}

static void
print_verdict(const struct verdict *v)
{
	(void)fputs("Hearth ", stdout);
	cmd_put(stdout, v->version);
	(void)fputs(" is ", stdout);
	cmd_put(stdout, v->status);
	(void)printf(": %lld of %lld workers active, %lld of %lld services "
		     "ready\n",
	    (long long)v->active, (long long)v->workers, (long long)v->covered,
	    (long long)v->services);
	if (v->reason.n == 0)
		return;
	cmd_put(stdout, v->reason);
	(void)putchar('\n');
}

static int
status_run(struct cmd_run *r, struct err *err)
{
	struct json *j CLEANUP(json_freep) = NULL;
	bool raw = cmd_opt(r, "json") != NULL;
	struct verdict v = {0};
	struct client c;

	if (client_open(&c, r->conf, cmd_opt(r, "url"), err) < 0 ||
	    client_get(&c, "/health", raw, &j, err) < 0)
		return -1;
	if (raw)
		return CMD_OK;
	if (read_health(json_root(j), &v, err) < 0)
		return -1;
	print_verdict(&v);
	if (v.covered < v.services)
		return print_gaps(&c, err);
	return CMD_OK;
}

const struct cmd cmd_status = {
    .name = "status",
    .args = "",
    .about = "Says how the coordinator and its workers are, and what is "
	     "missing.",
    .opts = options,
    .n_opts = COUNT_OF(options),
    .run = status_run,
};
