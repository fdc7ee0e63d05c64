/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AMD cards from sysfs. Computing on them needs the kernel's amdgpu driver and
 * its /dev/kfd; processors' built-in graphics with little memory of its own
 * does not make a machine a GPU worker.
 *
 * Source: the kernel's Documentation/gpu/amdgpu (mem_info_*, busy_percent).
 */
#include "base/str.h"
#include "worker/detect.h"
#include "worker/pci.h"
#include "worker/sysread.h"

enum {
	OWN_MEMORY_MIB = 3 * 1024 /* less: carved out of the machine's */
};

static uint64_t
card_u64(const struct probe_env *env, const struct pci_card *c,
    const char *file)
{
	char path[SYS_PATH_MAX];
	uint64_t v = 0;

	(void)str_fmt(path, sizeof path, "%s/%s", c->path, file);
	return sys_u64(env, path, &v) ? v : 0;
}

static void
judge(const struct probe_env *env, const struct pci_card *c, struct hw_gpu *g)
{
	const char *why = NULL;

	if (c->driver[0] == '\0')
		why = "no driver is bound to it; install firmware-amd-graphics "
		      "and restart";
	else if (!str_eqz(str_of(c->driver), "amdgpu"))
		why = "its driver cannot compute; amdgpu is needed";
	else if (g->memory_mib < OWN_MEMORY_MIB)
		why = "built-in graphics without enough memory of its own";
	else if (!sys_exists(env, "/dev/kfd"))
		why = "/dev/kfd is missing; in a container, pass --device "
		      "/dev/kfd --device /dev/dri";
	else if (!pci_has_render_node(env, c))
		why = "its /dev/dri node is missing; in a container, pass "
		      "--device /dev/dri";
	g->usable = why == NULL;
	(void)str_fmt(g->reason, sizeof g->reason, "%s",
	    why != NULL ? why : "");
}

static void
take(const struct probe_env *env, const struct pci_card *c, struct hw_gpu *g)
{
	uint64_t used = card_u64(env, c, "mem_info_vram_used") >> 20;
	char path[SYS_PATH_MAX], word[16];

	(void)str_fmt(g->vendor, sizeof g->vendor, "amd");
	(void)str_fmt(g->pci, sizeof g->pci, "%s", c->address);
	(void)str_fmt(g->driver, sizeof g->driver, "%s", c->driver);
	(void)str_fmt(path, sizeof path, "%s/product_name", c->path);
	if (!sys_word(env, path, g->name, sizeof g->name) || g->name[0] == '\0')
		pci_name(env, c, "AMD", g->name, sizeof g->name);
	g->memory_mib = card_u64(env, c, "mem_info_vram_total") >> 20;
	g->memory_free_mib = g->memory_mib > used ? g->memory_mib - used : 0;
	(void)str_fmt(path, sizeof path, "%s/gpu_busy_percent", c->path);
	if (sys_word(env, path, word, sizeof word)) {
		uint64_t v;

		if (str_u64(str_of(word), &v) && v <= 100)
			g->use_percent = (int)v;
	}
	judge(env, c, g);
}

static void
run(const struct probe_env *env, struct hw *hw)
{
	struct pci_card cards[PCI_CARDS_MAX];
	size_t n = pci_cards(env, PCI_AMD, cards, COUNT_OF(cards));

	for (size_t i = 0; i < n; i++) {
		struct hw_gpu *g = detect_add_gpu(hw);

		if (g != NULL)
			take(env, &cards[i], g);
	}
}

const struct probe probe_amd = {.name = "amd", .run = run};
