/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rnd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void
rnd_bytes(void *p, size_t n)
{
	char *to = p;

	while (n > 0) {
		ssize_t got = getrandom(to, n, 0);

		if (got < 0)
			abort();
		to += got;
		n -= (size_t)got;
	}
}

uint64_t
rnd_u64(void)
{
	uint64_t v;

	rnd_bytes(&v, sizeof v);
	return v;
}

uint64_t
rnd_below(uint64_t n)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % n; /* no modulo bias */
	uint64_t v;

	do {
		v = rnd_u64();
	} while (v >= limit);
	return v % n;
}

void
rnd_id(char *out)
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	static _Thread_local unsigned char pool[4096];
	static _Thread_local size_t used = sizeof pool;

	_Static_assert(sizeof pool % RND_ID_LEN == 0, "no partial identifier");
	if (used == sizeof pool) {
		rnd_bytes(pool, sizeof pool);
		used = 0;
	}
	for (size_t i = 0; i < RND_ID_LEN; i++)
		out[i] = digits[pool[used + i] & 31];
	memset(pool + used, 0, RND_ID_LEN);
	used += RND_ID_LEN;
	out[RND_ID_LEN] = '\0';
}
