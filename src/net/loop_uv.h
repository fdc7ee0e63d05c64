/* SPDX-License-Identifier: Apache-2.0 */
/* The libuv loop behind a struct loop: for net/ and proc/ alone. */
#ifndef NET_LOOP_UV_H
#define NET_LOOP_UV_H

#include <uv.h>

#include "net/loop.h"

uv_loop_t *loop_uv(struct loop *l);

#endif
