/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine has, as a worker's probes found it. Plain data: no pointer,
 * so it is copied by assignment. An empty string or 0 means "not known", -1
 * where 0 is a value.
 *
 * On the wire it is the `capabilities` object: the flat fields of existing
 * workers (has_gpu, gpu_memory "24564 MiB", ram "31GB", ...) and, beside them,
 * the exact figures in cpu{}, memory{}, disk{}, gpus[], container{}.
 */
#ifndef CORE_HW_H
#define CORE_HW_H

#include "base/defs.h"

struct jsonw;

enum {
	HW_GPUS_MAX = 16,
	HW_TEXT_MAX = 128
};

struct hw_cpu {
	char model[HW_TEXT_MAX];
	char arch[16];         /* as uname -m says: "x86_64", "aarch64" */
	char isa[HW_TEXT_MAX]; /* "avx2 fma f16c": what engines ask for */
	unsigned cores;        /* usable by us: affinity and quota counted */
	unsigned threads;      /* logical processors of the machine */
	unsigned sockets;
	unsigned physical; /* physical cores of the machine */
	unsigned numa_nodes;
	double quota_cores; /* cgroup CPU quota; 0 = none */
};

struct hw_ram {
	uint64_t total_bytes;     /* of the machine */
	uint64_t limit_bytes;     /* cgroup limit; 0 = none */
	uint64_t available_bytes; /* now, under the limit */
};

struct hw_disk {
	char path[256]; /* the data folder */
	uint64_t total_bytes;
	uint64_t free_bytes; /* for us, without what is kept for root */
};

struct hw_gpu {
	char vendor[16]; /* "nvidia", "amd", "intel" */
	char name[HW_TEXT_MAX];
	char driver[HW_TEXT_MAX]; /* version, or the kernel module's name */
	char pci[24];             /* "0000:01:00.0" */
	uint64_t memory_mib;
	uint64_t memory_free_mib;
	int use_percent;  /* -1 = not known */
	bool usable;      /* a working driver: counts for worker type gpu */
	char reason[256]; /* why it is not usable */
};

struct hw {
	char hostname[HW_TEXT_MAX];
	char os[HW_TEXT_MAX]; /* "Debian GNU/Linux 12 (bookworm)" */
	char container[16];   /* "docker", "podman", ...; "" = none */
	char worker_type[16]; /* "gpu", "cpu", "storage", "edge" */
	struct hw_cpu cpu;
	struct hw_ram ram;
	struct hw_disk disk;
	struct hw_gpu gpus[HW_GPUS_MAX];
	size_t n_gpus;
};

/* The usable card with the most memory; NULL without one. */
const struct hw_gpu *hw_best_gpu(const struct hw *h);
/* Memory we may use: the machine's, or the cgroup's limit if smaller. */
uint64_t hw_ram_bytes(const struct hw *h);
/* gpu 1, cpu 2, storage 3, edge 4; 0 for another word. */
unsigned hw_tier(const char *worker_type);
/* Writes the members of `capabilities` into the object that is open. */
void hw_json(const struct hw *h, struct jsonw *w);

#endif
