/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rnd.h"

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

struct sip {
	uint64_t v0, v1, v2, v3;
};

static void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = ROTL(s->v1, 13) ^ s->v0;
	s->v0 = ROTL(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = ROTL(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = ROTL(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = ROTL(s->v1, 17) ^ s->v2;
	s->v2 = ROTL(s->v2, 32);
}

/* SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"). */
uint64_t
map_hash(struct str key)
{
	static uint64_t secret[2]; /* of this process, drawn at first use */
	struct sip s;
	uint64_t m;
	size_t i;

	if (secret[0] == 0) {
		secret[0] = rnd_u64() | 1;
		secret[1] = rnd_u64();
	}
	s = (struct sip){secret[0] ^ 0x736f6d6570736575u,
	    secret[1] ^ 0x646f72616e646f6du, secret[0] ^ 0x6c7967656e657261u,
	    secret[1] ^ 0x7465646279746573u};
	for (i = 0; i + 8 <= key.n; i += 8) {
		memcpy(&m, key.p + i, 8);
		s.v3 ^= m;
		sip_round(&s);
		s.v0 ^= m;
	}
	m = (uint64_t)key.n << 56;
	for (size_t j = 0; i + j < key.n; j++)
		m |= (uint64_t)(unsigned char)key.p[i + j] << (8 * j);
	s.v3 ^= m;
	sip_round(&s);
	s.v0 ^= m;
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

void
map_fini(struct map *m)
{
	free(m->entries);
	*m = (struct map){0};
}

/* The entry of the key, or the empty place where it belongs. */
static struct map_entry *
place(const struct map *m, struct str key, uint64_t hash)
{
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_entry *e = &m->entries[i];

		if (e->value == NULL ||
		    (e->hash == hash && str_eq(e->key, key)))
			return e;
	}
}

static void
grow(struct map *m)
{
	struct map old = *m;
	struct map_entry *e;

	m->cap = old.cap == 0 ? 16 : old.cap * 2;
	m->entries = xcalloc(m->cap, sizeof *m->entries);
	MAP_FOREACH(e, &old)
		*place(m, e->key, e->hash) = *e;
	free(old.entries);
}

void *
map_get(const struct map *m, struct str key)
{
	return m->n == 0 ? NULL : place(m, key, map_hash(key))->value;
}

void *
map_put(struct map *m, struct str key, void *value)
{
	uint64_t hash = map_hash(key);
	struct map_entry *e;
	void *was;

	assert(value != NULL);
	if ((m->n + 1) * 4 > m->cap * 3)
		grow(m);
	e = place(m, key, hash);
	was = e->value;
	if (was == NULL)
		m->n++;
	*e = (struct map_entry){key, value, hash};
	return was;
}

/* Moves later members of the probe sequence into the hole, so that there are
 * no tombstones (Knuth, TAOCP 6.4, algorithm R). */
static void
close_hole(struct map *m, size_t hole)
{
	size_t mask = m->cap - 1;

	for (size_t i = (hole + 1) & mask; m->entries[i].value != NULL;
	     i = (i + 1) & mask) {
		size_t home = m->entries[i].hash & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->entries[hole] = m->entries[i];
			hole = i;
		}
	}
	m->entries[hole] = (struct map_entry){0};
}

void *
map_del(struct map *m, struct str key)
{
	struct map_entry *e;
	void *was;

	if (m->n == 0)
		return NULL;
	e = place(m, key, map_hash(key));
	was = e->value;
	if (was != NULL) {
		close_hole(m, (size_t)(e - m->entries));
		m->n--;
	}
	return was;
}
