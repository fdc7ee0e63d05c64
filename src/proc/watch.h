/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells when a descriptor (a pipe, a socket, a pidfd) can be read or was hung
 * up. The descriptor stays the caller's, who closes it after watch_free().
 */
#ifndef PROC_WATCH_H
#define PROC_WATCH_H

#include "base/err.h"
#include "net/loop.h"

struct watch;

typedef void watch_fn(void *arg);

/* Calls fn(arg) each turn in which fd is readable, until watch_free(). */
struct watch *watch_new(struct loop *l, int fd, watch_fn *fn, void *arg,
    struct err *err);
/* No call after this; may be called from inside fn, and with NULL. */
void watch_free(struct watch *w);

#endif
