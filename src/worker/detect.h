/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds out what this machine has, by one probe per file (probes.def). Probes
 * read below a root prefix, so that tests show them other machines. They block
 * (a driver may take a second): call from a pool thread.
 */
#ifndef WORKER_DETECT_H
#define WORKER_DETECT_H

#include "base/err.h"
#include "core/hw.h"

struct probe_env {
	const char *root;       /* "" on the real machine; a folder in tests */
	const char *data;       /* the data folder; not below root */
	const char *nvml;       /* library to load; NULL = do not try */
	const char *nvidia_smi; /* path of the program; NULL = search PATH,
				 * "" = do not try */
};

struct probe {
	const char *name;
	/* Adds what it finds. What cannot be read stays "not known". */
	void (*run)(const struct probe_env *env, struct hw *hw);
};

#define PROBE(name) extern const struct probe probe_##name;
#include "worker/probes.def"
#undef PROBE

/* The real machine. */
struct probe_env detect_env(const char *data);

/* Runs all probes, then decides on the worker type: `wanted` is auto, gpu,
 * cpu, storage or edge. Without a usable GPU, auto and gpu mean cpu. */
void detect_run(const struct probe_env *env, const char *wanted, struct hw *hw);
bool detect_type_ok(const char *wanted);
/* Only what changes while we run: free memory, disk, use of the cards. */
void detect_refresh(const struct probe_env *env, struct hw *hw);

/* A further card to fill in, zeroed but for use_percent; NULL when full. */
struct hw_gpu *detect_add_gpu(struct hw *hw);

#endif
