/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The libuv loop behind a struct loop, for net/ and proc/ alone, and two
 * things that only the network floor needs: work that runs after all deferred
 * work of a turn (so that the writes of one turn leave together), and one
 * scratch buffer into which every sock reads.
 */
#ifndef NET_LOOP_UV_H
#define NET_LOOP_UV_H

#include <uv.h>

#include "net/loop.h"

enum {
	LOOP_SCRATCH = 64 * 1024
};

uv_loop_t *loop_uv(struct loop *l);

/* Runs fn(arg) when nothing deferred is left, still in this turn. */
void loop_late(struct loop *l, struct defer *d);
void loop_unlate(struct loop *l, struct defer *d);
/* LOOP_SCRATCH bytes, valid until the next callback from the loop. */
uint8_t *loop_scratch(struct loop *l);

#endif
