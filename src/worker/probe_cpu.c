/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processors: /proc/cpuinfo for model, instruction sets and topology, sysfs
 * for NUMA nodes, and how many of the cores we may use.
 */
#include <ctype.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "base/mem.h"
#include "base/str.h"
#include "worker/cgroup.h"
#include "worker/detect.h"
#include "worker/sysread.h"

enum {
	CPUINFO_MAX = 4 * 1024 * 1024, /* 4 KiB per processor on big ones */
	CORES_MAX = 4096
};

/* What inference engines and image code ask for. */
static const char *const wanted_isa[] = {"sse4_2", "avx", "f16c", "fma", "avx2",
    "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16",
    "amx_tile", "amx_int8", "amx_bf16", "asimd", "asimddp", "i8mm", "bf16",
    "sve", "sve2"};

/* ARM's "CPU implementer" and "CPU part" (Arm's MIDR_EL1 tables). */
static const struct {
	unsigned implementer, part;
	const char *name;
} arm_parts[] = {
    {0x41, 0xd03, "ARM Cortex-A53"},
    {0x41, 0xd04, "ARM Cortex-A35"},
    {0x41, 0xd05, "ARM Cortex-A55"},
    {0x41, 0xd07, "ARM Cortex-A57"},
    {0x41, 0xd08, "ARM Cortex-A72"},
    {0x41, 0xd09, "ARM Cortex-A73"},
    {0x41, 0xd0a, "ARM Cortex-A75"},
    {0x41, 0xd0b, "ARM Cortex-A76"},
    {0x41, 0xd0c, "ARM Neoverse-N1"},
    {0x41, 0xd40, "ARM Neoverse-V1"},
    {0x41, 0xd41, "ARM Cortex-A78"},
    {0x41, 0xd49, "ARM Neoverse-N2"},
    {0x41, 0xd4f, "ARM Neoverse-V2"},
    {0xc0, 0xac3, "Ampere-1"},
};

struct cpuinfo {
	struct hw_cpu *cpu;
	unsigned implementer, part;
	uint64_t package, core;   /* of the processor being read */
	uint64_t seen[CORES_MAX]; /* package << 32 | core */
	size_t n_seen;
	uint64_t packages[64];
	size_t n_packages;
};

static bool
has_word(struct str list, const char *word)
{
	while (list.p != NULL)
		if (str_eqz(str_cut(&list, ' '), word))
			return true;
	return false;
}

static void
take_isa(struct hw_cpu *c, struct str flags)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(wanted_isa); i++) {
		if (!has_word(flags, wanted_isa[i]))
			continue;
		(void)str_fmt(c->isa + n, sizeof c->isa - n, "%s%s",
		    n > 0 ? " " : "", wanted_isa[i]);
		n = strlen(c->isa);
	}
}

static void
add_once(uint64_t *set, size_t *n, size_t max, uint64_t v)
{
	for (size_t i = 0; i < *n; i++)
		if (set[i] == v)
			return;
	if (*n < max)
		set[(*n)++] = v;
}

static unsigned
hex_of(struct str s)
{
	char z[16];

	return str_copy(z, sizeof z, s) ? (unsigned)strtoul(z, NULL, 16) : 0;
}

static void
take_line(struct cpuinfo *i, struct str key, struct str value)
{
	struct hw_cpu *c = i->cpu;

	if (str_eqz(key, "processor"))
		c->threads++;
	else if (str_eqz(key, "model name") && c->model[0] == '\0')
		(void)str_copy(c->model, sizeof c->model, value);
	else if ((str_eqz(key, "flags") || str_eqz(key, "Features")) &&
	    c->isa[0] == '\0')
		take_isa(c, value);
	else if (str_eqz(key, "CPU implementer"))
		i->implementer = hex_of(value);
	else if (str_eqz(key, "CPU part"))
		i->part = MAX_OF(i->part,
		    hex_of(value)); /* big of big.LITTLE */
	else if (str_eqz(key, "physical id") && str_u64(value, &i->package))
		add_once(i->packages, &i->n_packages, COUNT_OF(i->packages),
		    i->package);
	else if (str_eqz(key, "core id") && str_u64(value, &i->core))
		add_once(i->seen, &i->n_seen, CORES_MAX,
		    i->package << 32 | i->core);
}

static void
read_cpuinfo(const struct probe_env *env, struct cpuinfo *i)
{
	char *text = xmalloc(CPUINFO_MAX);
	struct str rest;

	if (sys_read(env, "/proc/cpuinfo", text, CPUINFO_MAX)) {
		rest = str_of(text);
		while (rest.p != NULL) {
			struct str value = str_cut(&rest, '\n');
			struct str key = str_trim(str_cut(&value, ':'));

			take_line(i, key, str_trim(value));
		}
	}
	free(text);
	i->cpu->sockets = (unsigned)MAX_OF(i->n_packages, (size_t)1);
	i->cpu->physical = i->n_seen > 0 ? (unsigned)i->n_seen
					 : i->cpu->threads;
}

/* ARM gives no name: the part's, and the board's where there is one. */
static void
name_arm(const struct probe_env *env, struct cpuinfo *i)
{
	struct hw_cpu *c = i->cpu;
	const char *part = NULL;
	char board[80] = "";

	if (c->model[0] != '\0' || i->implementer == 0)
		return;
	for (size_t k = 0; k < COUNT_OF(arm_parts); k++)
		if (arm_parts[k].implementer == i->implementer &&
		    arm_parts[k].part == i->part)
			part = arm_parts[k].name;
	if (part != NULL)
		(void)str_fmt(c->model, sizeof c->model, "%s", part);
	else
		(void)str_fmt(c->model, sizeof c->model, "ARM %#x:%#x",
		    i->implementer, i->part);
	if (sys_word(env, "/sys/firmware/devicetree/base/model", board,
		sizeof board) &&
	    board[0] != '\0') {
		size_t n = strlen(c->model);

		(void)str_fmt(c->model + n, sizeof c->model - n, " (%s)",
		    board);
	}
}

static void
count_node(void *arg, const char *name)
{
	unsigned *n = arg;

	if (str_starts(str_of(name), "node") &&
	    isdigit((unsigned char)name[4]) != 0)
		(*n)++;
}

static void
read_arch(const struct probe_env *env, const struct cpuinfo *i)
{
	struct hw_cpu *c = i->cpu;
	struct utsname u;

	if (*env->root != '\0')
		(void)str_fmt(c->arch, sizeof c->arch, "%s",
		    i->implementer != 0 ? "aarch64" : "x86_64");
	else if (uname(&u) == 0)
		(void)str_fmt(c->arch, sizeof c->arch, "%s", u.machine);
}

/* What we may use: the affinity mask, then the quota, rounded up. */
static void
count_usable(const struct probe_env *env, struct hw_cpu *c)
{
	struct cgroup_limits limits;
	cpu_set_t set;

	c->cores = c->threads;
	if (*env->root == '\0' && sched_getaffinity(0, sizeof set, &set) == 0)
		c->cores = (unsigned)CPU_COUNT(&set);
	cgroup_read(env, &limits);
	c->quota_cores = limits.cpu_cores;
	if (c->quota_cores > 0 && c->quota_cores < (double)c->cores) {
		unsigned whole = (unsigned)c->quota_cores;

		c->cores = (double)whole < c->quota_cores ? whole + 1 : whole;
	}
	c->cores = MAX_OF(c->cores, 1U);
	if (c->threads == 0)
		c->threads = c->cores;
}

static void
run(const struct probe_env *env, struct hw *hw)
{
	struct cpuinfo *i = xcalloc(1, sizeof *i);

	hw->cpu = (struct hw_cpu){0};
	i->cpu = &hw->cpu;
	read_cpuinfo(env, i);
	name_arm(env, i);
	read_arch(env, i);
	sys_each(env, "/sys/devices/system/node", count_node,
	    &hw->cpu.numa_nodes);
	hw->cpu.numa_nodes = MAX_OF(hw->cpu.numa_nodes, 1U);
	count_usable(env, &hw->cpu);
	free(i);
}

const struct probe probe_cpu = {.name = "cpu", .run = run};
