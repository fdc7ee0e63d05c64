/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/cgroup.h"

#include "base/str.h"
#include "worker/sysread.h"

#define MOUNT "/sys/fs/cgroup"

/* Version 1 writes "no limit" as a huge number, rounded to pages. */
#define V1_NO_LIMIT (UINT64_C(1) << 60)

/* Where a controller's files are, from its mount down to our group. */
struct place {
	char mount[64];
	char group[256]; /* "/docker/abc", or "" */
};

/* Our group for a controller; an empty name means version 2's line "0::/…". */
static bool
find_group(const char *text, const char *controller, struct str *out)
{
	struct str rest = str_of(text);

	while (rest.p != NULL) {
		struct str path = str_cut(&rest, '\n');
		struct str id = str_cut(&path, ':');
		struct str list = str_cut(&path, ':');

		if (id.n == 0 || path.p == NULL)
			continue;
		if (*controller == '\0' && list.n == 0) {
			*out = path;
			return true;
		}
		while (list.p != NULL && list.n > 0)
			if (str_eqz(str_cut(&list, ','), controller)) {
				*out = path;
				return true;
			}
	}
	return false;
}

/* Inside a container the path may be the host's and not be visible; then the
 * mount itself is our group. */
static bool
find_place(const struct probe_env *env, const char *mount, const char *name,
    struct place *out)
{
	char text[4096];
	char path[SYS_PATH_MAX];
	struct str group;

	*out = (struct place){0};
	if (!sys_exists(env, mount) ||
	    !sys_read(env, "/proc/self/cgroup", text, sizeof text) ||
	    !find_group(text, name, &group))
		return false;
	(void)str_fmt(out->mount, sizeof out->mount, "%s", mount);
	if (group.n > 1 &&
	    str_fmt(path, sizeof path, "%s%.*s", mount, STR_ARG(group)) &&
	    sys_exists(env, path))
		(void)str_copy(out->group, sizeof out->group, group);
	return true;
}

/* Moves one group up; false behind the mount. */
static bool
go_up(struct place *p)
{
	char *slash = strrchr(p->group, '/');

	if (slash == NULL)
		return false;
	*slash = '\0';
	return true;
}

static bool
file_in(const struct place *p, const char *name, char *out)
{
	return str_fmt(out, SYS_PATH_MAX, "%s%s/%s", p->mount, p->group, name);
}

static bool
place_u64(const struct probe_env *env, const struct place *p, const char *name,
    uint64_t *out)
{
	char path[SYS_PATH_MAX];

	return file_in(p, name, path) && sys_u64(env, path, out);
}

static void
take_memory(struct cgroup_limits *l, uint64_t limit, uint64_t used)
{
	if (l->memory_bytes != 0 && l->memory_bytes <= limit)
		return;
	l->memory_bytes = limit;
	l->memory_used_bytes = used;
}

static void
take_cpu(struct cgroup_limits *l, double cores)
{
	if (cores > 0 && (l->cpu_cores == 0 || cores < l->cpu_cores))
		l->cpu_cores = cores;
}

/* "200000 100000" or "max 100000". */
static void
v2_cpu(const struct probe_env *env, const struct place *p,
    struct cgroup_limits *l)
{
	char path[SYS_PATH_MAX], word[64];
	struct str period;
	uint64_t q, per;

	if (!file_in(p, "cpu.max", path) ||
	    !sys_word(env, path, word, sizeof word))
		return;
	period = str_of(word);
	if (str_u64(str_cut(&period, ' '), &q) && str_u64(period, &per) &&
	    per > 0)
		take_cpu(l, (double)q / (double)per);
}

static void
read_v2(const struct probe_env *env, struct place *p, struct cgroup_limits *l)
{
	do {
		uint64_t limit, used = 0;

		if (place_u64(env, p, "memory.max", &limit)) {
			(void)place_u64(env, p, "memory.current", &used);
			take_memory(l, limit, used);
		}
		v2_cpu(env, p, l);
	} while (go_up(p));
}

static void
read_v1_memory(const struct probe_env *env, struct cgroup_limits *l)
{
	struct place p;

	if (!find_place(env, MOUNT "/memory", "memory", &p))
		return;
	do {
		uint64_t limit, used = 0;

		if (!place_u64(env, &p, "memory.limit_in_bytes", &limit) ||
		    limit >= V1_NO_LIMIT)
			continue;
		(void)place_u64(env, &p, "memory.usage_in_bytes", &used);
		take_memory(l, limit, used);
	} while (go_up(&p));
}

static void
read_v1_cpu(const struct probe_env *env, struct cgroup_limits *l)
{
	struct place p;

	if (!find_place(env, MOUNT "/cpu", "cpu", &p) &&
	    !find_place(env, MOUNT "/cpu,cpuacct", "cpu", &p))
		return;
	do {
		uint64_t quota, period;

		/* "-1" is no limit and does not parse as unsigned. */
		if (place_u64(env, &p, "cpu.cfs_quota_us", &quota) &&
		    place_u64(env, &p, "cpu.cfs_period_us", &period) &&
		    period > 0)
			take_cpu(l, (double)quota / (double)period);
	} while (go_up(&p));
}

void
cgroup_read(const struct probe_env *env, struct cgroup_limits *out)
{
	struct place p;

	*out = (struct cgroup_limits){0};
	if (sys_exists(env, MOUNT "/cgroup.controllers") &&
	    find_place(env, MOUNT, "", &p)) {
		read_v2(env, &p, out);
		return;
	}
	read_v1_memory(env, out);
	read_v1_cpu(env, out);
}
