/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a small tool to its end and keeps what it says. Blocks: for pool
 * threads, never for the loop.
 */
#ifndef PROC_CAPTURE_H
#define PROC_CAPTURE_H

#include "base/buf.h"
#include "base/err.h"

/* Standard output goes to `out` (what passes its maximum is dropped), standard
 * error is discarded, the environment is ours. Returns 0 when the tool ended
 * with status 0 in time; a tool that does not is killed. */
int capture_run(const char *const *argv, int64_t timeout_ms, struct buf *out,
    struct err *err) MUST_CHECK;
/* The path of a program in PATH; false when there is none. */
bool capture_find(const char *name, char *out, size_t cap);

#endif
