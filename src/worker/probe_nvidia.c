/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVIDIA cards: by the driver's library (nvml.h), else by nvidia-smi, else at
 * least by what the PCI bus shows, then with the reason why they cannot be
 * used.
 */
#include "base/str.h"
#include "proc/capture.h"
#include "worker/detect.h"
#include "worker/nvml.h"
#include "worker/pci.h"
#include "worker/sysread.h"

enum {
	SMI_TIMEOUT_MS = 10000,
	SMI_OUTPUT_MAX = 64 * 1024,
};

/* Takes the last field of a CSV line off it. */
static struct str
last_field(struct str *line)
{
	size_t i = line->n;
	struct str field;

	while (i > 0 && line->p[i - 1] != ',')
		i--;
	field = str_trim((struct str){line->p + i, line->n - i});
	line->n = i > 0 ? i - 1 : 0;
	return field;
}

/* One line per card: name, driver, total, free, use, bus. What a card does not
 * know is "[N/A]" and stays unknown. */
static void
take_line(struct hw *hw, struct str line)
{
	struct str bus = last_field(&line);
	struct str use = last_field(&line);
	struct str room = last_field(&line);
	struct str total = last_field(&line);
	struct str driver = last_field(&line);
	struct str name = str_trim(line);
	struct hw_gpu *g;
	uint64_t percent;

	if (name.n == 0 || driver.n == 0 || (g = detect_add_gpu(hw)) == NULL)
		return;
	(void)str_fmt(g->vendor, sizeof g->vendor, "nvidia");
	(void)str_copy(g->name, sizeof g->name, name);
	(void)str_copy(g->driver, sizeof g->driver, driver);
	if (!str_u64(total, &g->memory_mib))
		g->memory_mib = 0;
	if (!str_u64(room, &g->memory_free_mib))
		g->memory_free_mib = 0;
	if (str_u64(use, &percent) && percent <= 100)
		g->use_percent = (int)percent;
	if (bus.n > 4 && str_starts(bus, "0000")) /* an 8-digit domain */
		bus = (struct str){bus.p + 4, bus.n - 4};
	(void)str_copy(g->pci, sizeof g->pci, bus);
	g->usable = true;
}

static bool
by_smi(const struct probe_env *env, struct hw *hw, struct err *err)
{
	char path[SYS_PATH_MAX];
	const char *argv[] = {path,
	    "--query-gpu=name,driver_version,memory.total,memory.free,"
	    "utilization.gpu,pci.bus_id",
	    "--format=csv,noheader,nounits", NULL};
	struct buf out = BUF_INIT(SMI_OUTPUT_MAX);
	size_t before = hw->n_gpus;
	struct str rest;

	if (env->nvidia_smi != NULL)
		(void)str_fmt(path, sizeof path, "%s", env->nvidia_smi);
	else if (!capture_find("nvidia-smi", path, sizeof path))
		return false;
	if (path[0] == '\0')
		return false;
	if (capture_run(argv, SMI_TIMEOUT_MS, &out, err) == 0) {
		rest = buf_view(&out);
		while (rest.p != NULL)
			take_line(hw, str_cut(&rest, '\n'));
	}
	buf_fini(&out);
	return hw->n_gpus > before;
}

/* Present, but nobody drives it: name what stands in the way. */
static void
by_pci(const struct probe_env *env, const struct pci_card *c, const char *why,
    struct hw *hw)
{
	struct hw_gpu *g = detect_add_gpu(hw);

	if (g == NULL)
		return;
	(void)str_fmt(g->vendor, sizeof g->vendor, "nvidia");
	(void)str_fmt(g->driver, sizeof g->driver, "%s", c->driver);
	(void)str_fmt(g->pci, sizeof g->pci, "%s", c->address);
	pci_name(env, c, "NVIDIA", g->name, sizeof g->name);
	if (str_eqz(str_of(c->driver), "nouveau"))
		why = "it runs on the nouveau driver, which cannot compute; "
		      "install nvidia-driver";
	else if (str_eqz(str_of(c->driver), "vfio-pci"))
		why = "it is handed to a virtual machine (vfio-pci)";
	(void)str_fmt(g->reason, sizeof g->reason, "%s", why);
}

static void
run(const struct probe_env *env, struct hw *hw)
{
	struct pci_card cards[PCI_CARDS_MAX];
	struct err err = {.msg = "no driver is installed for it; install "
				 "nvidia-driver"};
	size_t n;

	if (env->nvml != NULL && nvml_probe(env->nvml, hw, &err) > 0)
		return;
	if (by_smi(env, hw, NULL))
		return;
	n = pci_cards(env, PCI_NVIDIA, cards, COUNT_OF(cards));
	for (size_t i = 0; i < n; i++)
		by_pci(env, &cards[i], err.msg, hw);
}

const struct probe probe_nvidia = {.name = "nvidia", .run = run};
