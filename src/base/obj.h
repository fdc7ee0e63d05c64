/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Magic numbers for objects that travel through a `void *`.
 *
 * Every libuv and nghttp2 callback hands us a void pointer. The first line of
 * such a callback is CAST_OBJ(), which turns a use-after-free or a mixed-up
 * `data` field into an immediate, well located abort.
 */
#ifndef BASE_OBJ_H
#define BASE_OBJ_H

#include <assert.h>

#include "base/defs.h"

#define CHECK_OBJ(p, type_magic) \
	assert((p) != NULL && (p)->magic == (type_magic))
#define CAST_OBJ(to, from, type_magic)     \
	do {                               \
		(to) = (from);             \
		CHECK_OBJ(to, type_magic); \
	} while (0)
#define KILL_OBJ(p) ((p)->magic = 0)

#endif
