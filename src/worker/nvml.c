/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/nvml.h"

#include <dlfcn.h>

#include "base/str.h"
#include "worker/detect.h"

enum {
	NVML_OK = 0,
	NVML_NO_PERMISSION = 4,
	NVML_DRIVER_NOT_LOADED = 9,
	NVML_LIB_RM_VERSION_MISMATCH = 18,
	NAME_MAX_BYTES = 96,
};

typedef struct nvml_device_st *nvml_device; /* opaque */

struct nvml_memory {
	unsigned long long total, free, used; /* bytes */
};

struct nvml_use {
	unsigned gpu, memory; /* percent */
};

/* nvmlPciInfo_t, version 3 */
struct nvml_pci {
	char bus_legacy[16];
	unsigned domain, bus, device, pci_device, pci_subsystem;
	char bus_id[32];
};

struct nvml {
	void *library;
	int (*init)(void);
	int (*shutdown)(void);
	int (*driver)(char *out, unsigned cap);
	int (*count)(unsigned *out);
	int (*handle)(unsigned i, nvml_device *out);
	int (*name)(nvml_device d, char *out, unsigned cap);
	int (*memory)(nvml_device d, struct nvml_memory *out);
	int (*use)(nvml_device d, struct nvml_use *out);
	int (*pci)(nvml_device d, struct nvml_pci *out);
};

/* ISO C has no conversion from void * to a function pointer; POSIX asks for
 * it, and memcpy() is the way that no compiler argues with. */
static bool
load(const struct nvml *n, const char *symbol, void *fn)
{
	void *at = dlsym(n->library, symbol);

	memcpy(fn, &at, sizeof at);
	return at != NULL;
}

static bool
load_all(struct nvml *n)
{
	return load(n, "nvmlInit_v2", &n->init) &&
	    load(n, "nvmlShutdown", &n->shutdown) &&
	    load(n, "nvmlSystemGetDriverVersion", &n->driver) &&
	    load(n, "nvmlDeviceGetCount_v2", &n->count) &&
	    load(n, "nvmlDeviceGetHandleByIndex_v2", &n->handle) &&
	    load(n, "nvmlDeviceGetName", &n->name) &&
	    load(n, "nvmlDeviceGetMemoryInfo", &n->memory) &&
	    load(n, "nvmlDeviceGetUtilizationRates", &n->use) &&
	    load(n, "nvmlDeviceGetPciInfo_v3", &n->pci);
}

static const char *
refusal(int rc)
{
	switch (rc) {
	case NVML_NO_PERMISSION:
		return "no permission to use the NVIDIA driver";
	case NVML_DRIVER_NOT_LOADED:
		return "the NVIDIA driver is not loaded; in a container, start "
		       "it with --gpus all";
	case NVML_LIB_RM_VERSION_MISMATCH:
		return "the NVIDIA driver and its library have different "
		       "versions; restart the machine";
	default:
		return NULL;
	}
}

/* "00000000:01:00.0" as NVML writes it, "0000:01:00.0" as everybody else. */
static void
take_pci(const struct nvml_pci *p, struct hw_gpu *g)
{
	(void)str_fmt(g->pci, sizeof g->pci, "%04x:%02x:%02x.0", p->domain,
	    p->bus, p->device);
}

static void
take(const struct nvml *n, nvml_device d, const char *driver, struct hw_gpu *g)
{
	char name[NAME_MAX_BYTES] = "";
	struct nvml_memory m = {0};
	struct nvml_use use = {0};
	struct nvml_pci pci = {0};

	(void)str_fmt(g->vendor, sizeof g->vendor, "nvidia");
	(void)str_fmt(g->driver, sizeof g->driver, "%s", driver);
	if (n->name(d, name, sizeof name - 1) == NVML_OK)
		(void)str_fmt(g->name, sizeof g->name, "%s", name);
	else
		(void)str_fmt(g->name, sizeof g->name, "NVIDIA GPU");
	/* Cards that share the machine's memory have none of their own. */
	if (n->memory(d, &m) == NVML_OK) {
		g->memory_mib = m.total >> 20;
		g->memory_free_mib = m.free >> 20;
	}
	if (n->use(d, &use) == NVML_OK && use.gpu <= 100)
		g->use_percent = (int)use.gpu;
	if (n->pci(d, &pci) == NVML_OK)
		take_pci(&pci, g);
	g->usable = true;
}

static int
take_all(const struct nvml *n, struct hw *hw, struct err *err)
{
	char driver[HW_TEXT_MAX] = "";
	unsigned count = 0;
	int added = 0;

	(void)n->driver(driver, sizeof driver - 1);
	if (n->count(&count) != NVML_OK)
		return err_set(err, ERR_UNAVAILABLE,
		    "the NVIDIA driver does not list its cards");
	for (unsigned i = 0; i < count; i++) {
		struct hw_gpu *g;
		nvml_device d;

		/* A card that fell off the bus is listed without a handle. */
		if (n->handle(i, &d) != NVML_OK ||
		    (g = detect_add_gpu(hw)) == NULL)
			continue;
		take(n, d, driver, g);
		added++;
	}
	return added;
}

int
nvml_probe(const char *library, struct hw *hw, struct err *err)
{
	struct nvml n = {.library = dlopen(library, RTLD_NOW | RTLD_LOCAL)};
	const char *why;
	int rc;

	if (n.library == NULL)
		return err_set(err, ERR_NOT_FOUND,
		    "the NVIDIA driver's library (%s) is not here; install the "
		    "driver, or start the container with --gpus all",
		    library);
	if (!load_all(&n)) {
		(void)dlclose(n.library);
		return err_set(err, ERR_UNSUPPORTED,
		    "the NVIDIA driver is too old");
	}
	rc = n.init();
	if (rc != NVML_OK) {
		(void)dlclose(n.library);
		why = refusal(rc);
		if (why != NULL)
			return err_set(err, ERR_UNAVAILABLE, "%s", why);
		return err_set(err, ERR_UNAVAILABLE,
		    "the NVIDIA driver does not answer (NVML error %d)", rc);
	}
	rc = take_all(&n, hw, err);
	(void)n.shutdown();
	(void)dlclose(n.library);
	return rc;
}
