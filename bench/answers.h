/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands at the far end of a measured proxy, and does no work, so that
 * the proxy alone is measured:
 *
 *   /ok       200 "ok"
 *   /events   server-sent events for 5 s, 10 per second; the data of each is
 *             CLOCK_MONOTONIC in nanoseconds at sending
 *   a body    taken and thrown away, then 200 "ok"
 */
#ifndef BENCH_ANSWERS_H
#define BENCH_ANSWERS_H

#include "net/loop.h"
#include "net/stream.h"

/* A request_fn; its owner is the loop. */
void answer_request(void *loop, struct stream *s, const struct http_head *head);

#endif
