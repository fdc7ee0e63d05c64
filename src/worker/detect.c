/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/detect.h"

#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "worker/sysread.h"

static const struct probe *const probes[] = {
#define PROBE(name) &probe_##name,
#include "worker/probes.def"
#undef PROBE
};

static const char *const types[] = {"auto", "gpu", "cpu", "storage", "edge"};

struct probe_env
detect_env(const char *data)
{
	return (struct probe_env){
	    .root = "",
	    .data = data,
	    .nvml = "libnvidia-ml.so.1",
	};
}

bool
detect_type_ok(const char *wanted)
{
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (strcmp(types[i], wanted) == 0)
			return true;
	return false;
}

struct hw_gpu *
detect_add_gpu(struct hw *hw)
{
	struct hw_gpu *g;

	if (hw->n_gpus == HW_GPUS_MAX)
		return NULL;
	g = &hw->gpus[hw->n_gpus++];
	*g = (struct hw_gpu){.use_percent = -1};
	return g;
}

/* "PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"" of os-release. */
static void
read_os(const struct probe_env *env, struct hw *hw)
{
	char text[4096];
	struct str rest;

	if (!sys_read(env, "/etc/os-release", text, sizeof text))
		return;
	rest = str_of(text);
	while (rest.p != NULL) {
		struct str value = str_cut(&rest, '\n');
		struct str key = str_cut(&value, '=');

		if (!str_eqz(key, "PRETTY_NAME"))
			continue;
		if (value.n >= 2 && value.p[0] == '"')
			value = (struct str){value.p + 1, value.n - 2};
		(void)str_copy(hw->os, sizeof hw->os, value);
	}
}

static void
read_hostname(const struct probe_env *env, struct hw *hw)
{
	if (*env->root != '\0')
		(void)sys_word(env, "/etc/hostname", hw->hostname,
		    sizeof hw->hostname);
	else if (gethostname(hw->hostname, sizeof hw->hostname - 1) != 0)
		hw->hostname[0] = '\0';
}

static const char *
decide_type(const char *wanted, const struct hw *hw)
{
	if (strcmp(wanted, "auto") == 0 || strcmp(wanted, "gpu") == 0)
		return hw_best_gpu(hw) != NULL ? "gpu" : "cpu";
	return wanted;
}

void
detect_run(const struct probe_env *env, const char *wanted, struct hw *hw)
{
	*hw = (struct hw){0};
	read_hostname(env, hw);
	read_os(env, hw);
	for (size_t i = 0; i < COUNT_OF(probes); i++)
		probes[i]->run(env, hw);
	(void)str_fmt(hw->worker_type, sizeof hw->worker_type, "%s",
	    decide_type(wanted, hw));
}

void
detect_refresh(const struct probe_env *env, struct hw *hw)
{
	bool cards = hw_best_gpu(hw) != NULL;

	probe_ram.run(env, hw);
	probe_disk.run(env, hw);
	if (!cards)
		return;
	hw->n_gpus = 0;
	probe_nvidia.run(env, hw);
	probe_amd.run(env, hw);
	probe_intel.run(env, hw);
}
