/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes from the kernel, and identifiers made of them. */
#ifndef BASE_RND_H
#define BASE_RND_H

#include "base/defs.h"

void rnd_bytes(void *p, size_t n); /* aborts if the kernel has none */
uint64_t rnd_u64(void);
uint64_t rnd_below(uint64_t n); /* uniform in [0, n), n > 0 */

enum {
	RND_ID_LEN = 16
};
/* A fresh url-safe identifier of RND_ID_LEN characters [0-9a-z] plus NUL
 * (80 bits of randomness). out has RND_ID_LEN + 1 bytes. Cheap: one system
 * call per few hundred identifiers. */
void rnd_id(char *out);

#endif
