/* SPDX-License-Identifier: Apache-2.0 */
/* Memory: /proc/meminfo, and what the control group leaves of it. */
#include "base/str.h"
#include "worker/cgroup.h"
#include "worker/detect.h"
#include "worker/sysread.h"

/* "MemTotal:       32652672 kB" */
static uint64_t
meminfo(const char *text, const char *key)
{
	struct str rest = str_of(text);
	uint64_t kib;

	while (rest.p != NULL) {
		struct str value = str_cut(&rest, '\n');
		struct str name = str_cut(&value, ':');

		if (!str_eqz(name, key))
			continue;
		value = str_trim(value);
		return str_u64(str_cut(&value, ' '), &kib) ? kib * 1024 : 0;
	}
	return 0;
}

static void
run(const struct probe_env *env, struct hw *hw)
{
	char text[8192];
	struct cgroup_limits limits;
	struct hw_ram *r = &hw->ram;

	*r = (struct hw_ram){0};
	if (sys_read(env, "/proc/meminfo", text, sizeof text)) {
		r->total_bytes = meminfo(text, "MemTotal");
		r->available_bytes = meminfo(text, "MemAvailable");
	}
	cgroup_read(env, &limits);
	if (limits.memory_bytes == 0 || limits.memory_bytes >= r->total_bytes)
		return;
	r->limit_bytes = limits.memory_bytes;
	if (limits.memory_used_bytes < limits.memory_bytes)
		r->available_bytes = MIN_OF(r->available_bytes,
		    limits.memory_bytes - limits.memory_used_bytes);
	else
		r->available_bytes = 0;
}

const struct probe probe_ram = {.name = "ram", .run = run};
