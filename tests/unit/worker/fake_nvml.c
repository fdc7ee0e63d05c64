/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for libnvidia-ml.so.1: two cards, the second of which knows
 * neither its memory nor its use. FAKE_NVML_INIT holds what nvmlInit_v2()
 * returns. Signatures from the NVML API reference.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defs.h"

struct nvmlPciInfo {
	char legacy[16];
	unsigned domain, bus, device, pci_device, pci_subsystem;
	char bus_id[32];
};

int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlSystemGetDriverVersion(char *out, unsigned cap);
int nvmlDeviceGetCount_v2(unsigned *out);
int nvmlDeviceGetHandleByIndex_v2(unsigned i, uintptr_t *out);
int nvmlDeviceGetName(uintptr_t d, char *out, unsigned cap);
int nvmlDeviceGetMemoryInfo(uintptr_t d, unsigned long long *out);
int nvmlDeviceGetUtilizationRates(uintptr_t d, unsigned *out);
int nvmlDeviceGetPciInfo_v3(uintptr_t d, struct nvmlPciInfo *out);

enum {
	NOT_SUPPORTED = 3
};

int
nvmlInit_v2(void)
{
	const char *rc = getenv("FAKE_NVML_INIT");

	return rc != NULL ? (int)strtol(rc, NULL, 10) : 0;
}

int
nvmlShutdown(void)
{
	return 0;
}

int
nvmlSystemGetDriverVersion(char *out, unsigned cap)
{
	(void)snprintf(out, cap, "580.159");
	return 0;
}

int
nvmlDeviceGetCount_v2(unsigned *out)
{
	*out = 2;
	return 0;
}

int
nvmlDeviceGetHandleByIndex_v2(unsigned i, uintptr_t *out)
{
	*out = 100 + i;
	return 0;
}

int
nvmlDeviceGetName(uintptr_t d, char *out, unsigned cap)
{
	(void)snprintf(out, cap, "NVIDIA Test %u", (unsigned)d);
	return 0;
}

int
nvmlDeviceGetMemoryInfo(uintptr_t d, unsigned long long *out)
{
	if (d != 100)
		return NOT_SUPPORTED;
	out[0] = 24564ULL << 20;
	out[1] = 24000ULL << 20;
	out[2] = 564ULL << 20;
	return 0;
}

int
nvmlDeviceGetUtilizationRates(uintptr_t d, unsigned *out)
{
	if (d != 100)
		return NOT_SUPPORTED;
	out[0] = 42;
	out[1] = 7;
	return 0;
}

int
nvmlDeviceGetPciInfo_v3(uintptr_t d, struct nvmlPciInfo *out)
{
	memset(out, 0, sizeof *out);
	out->bus = d == 100 ? 1 : 0x41;
	return 0;
}
