/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NVIDIA's management library, loaded while we run, so that the program starts
 * on machines that do not have it.
 *
 * Source of signatures and numbers: the NVML API reference (nvml.h).
 */
#ifndef WORKER_NVML_H
#define WORKER_NVML_H

#include "base/err.h"
#include "core/hw.h"

/* Adds every card the library shows. Returns how many; -1 when the library is
 * missing or refuses (err says why in a sentence for people). */
int nvml_probe(const char *library, struct hw *hw, struct err *err) MUST_CHECK;

#endif
