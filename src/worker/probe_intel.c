/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel graphics from sysfs. The graphics inside a processor always sits at
 * 00:02.0 and has no memory of its own: it is reported, but does not make a
 * GPU worker. A separate card (Arc, Data Center GPU) needs the xe or i915
 * driver; its memory is the size of its second memory region when the whole
 * of it is visible (resizable BAR), else not known.
 */
#include "base/str.h"
#include "worker/detect.h"
#include "worker/pci.h"
#include "worker/sysread.h"

enum {
	REGION_MEMORY = 2,
	SMALL_WINDOW_MIB = 256 /* the window of a card without resizable BAR */
};

static const char *
judge(const struct probe_env *env, const struct pci_card *c,
    const struct hw_gpu *g)
{
	if (str_ends(str_of(c->address), ":00:02.0"))
		return "built-in graphics without memory of its own";
	if (c->driver[0] == '\0')
		return "no driver is bound to it; a kernel with xe or i915 and "
		       "firmware-misc-nonfree are needed";
	if (!str_eqz(str_of(c->driver), "xe") &&
	    !str_eqz(str_of(c->driver), "i915"))
		return "its driver cannot compute; xe or i915 is needed";
	if (!pci_has_render_node(env, c))
		return "its /dev/dri node is missing; in a container, pass "
		       "--device /dev/dri";
	if (g->memory_mib == 0)
		return "its memory is hidden; switch on resizable BAR in the "
		       "firmware settings";
	return NULL;
}

static void
take(const struct probe_env *env, const struct pci_card *c, struct hw_gpu *g)
{
	uint64_t mib = pci_region_bytes(env, c, REGION_MEMORY) >> 20;
	const char *why;

	(void)str_fmt(g->vendor, sizeof g->vendor, "intel");
	(void)str_fmt(g->pci, sizeof g->pci, "%s", c->address);
	(void)str_fmt(g->driver, sizeof g->driver, "%s", c->driver);
	pci_name(env, c, "Intel", g->name, sizeof g->name);
	if (mib > SMALL_WINDOW_MIB && !str_ends(str_of(c->address), ":00:02.0"))
		g->memory_mib = mib;
	why = judge(env, c, g);
	g->usable = why == NULL;
	(void)str_fmt(g->reason, sizeof g->reason, "%s",
	    why != NULL ? why : "");
}

static void
run(const struct probe_env *env, struct hw *hw)
{
	struct pci_card cards[PCI_CARDS_MAX];
	size_t n = pci_cards(env, PCI_INTEL, cards, COUNT_OF(cards));

	for (size_t i = 0; i < n; i++) {
		struct hw_gpu *g = detect_add_gpu(hw);

		if (g != NULL)
			take(env, &cards[i], g);
	}
}

const struct probe probe_intel = {.name = "intel", .run = run};
