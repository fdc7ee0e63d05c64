/* SPDX-License-Identifier: Apache-2.0 */
/* Graphics cards and accelerators on the PCI bus, as sysfs shows them. */
#ifndef WORKER_PCI_H
#define WORKER_PCI_H

#include "base/defs.h"

struct probe_env;

struct pci_card {
	char address[24]; /* "0000:03:00.0" */
	char path[64];    /* its folder below /sys */
	unsigned vendor;
	unsigned device;
	char driver[32]; /* bound kernel driver; "" = none */
};

enum {
	PCI_NVIDIA = 0x10de,
	PCI_AMD = 0x1002,
	PCI_INTEL = 0x8086,
	PCI_CARDS_MAX = 16,
};

/* The cards of one vendor (class display 0x03 or accelerator 0x12). */
size_t pci_cards(const struct probe_env *env, unsigned vendor,
    struct pci_card *out, size_t max);
/* Its name from the pci.ids list, or "AMD 1002:744c" where that is missing. */
void pci_name(const struct probe_env *env, const struct pci_card *c,
    const char *vendor, char *out, size_t cap);
/* Size of a memory region (BAR) of the card; 0 = none. */
uint64_t pci_region_bytes(const struct probe_env *env, const struct pci_card *c,
    unsigned region);
/* Is there a node below /dev/dri that programs compute through? */
bool pci_has_render_node(const struct probe_env *env, const struct pci_card *c);

#endif
