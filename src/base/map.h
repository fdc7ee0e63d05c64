/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash map from text to pointers: open addressing, linear probing, a hash
 * keyed per process (SipHash-1-3), so that peers who choose the keys cannot
 * make it slow.
 *
 * Keys are borrowed: they usually live inside the value, and must stay as they
 * are while the entry is in the map. Values are not owned. A zeroed struct is
 * an empty map.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_entry {
	struct str key;
	void *value; /* NULL = an empty place */
	uint64_t hash;
};

struct map {
	struct map_entry *entries;
	size_t n;
	size_t cap; /* a power of two, or 0 */
};

void map_fini(struct map *m);
void *map_get(const struct map *m, struct str key); /* NULL: none */
/* Puts or replaces; value must not be NULL. Returns the value replaced. */
void *map_put(struct map *m, struct str key, void *value);
void *map_del(struct map *m, struct str key); /* the value, or NULL */

/* Every entry, in no order; nothing may be put or deleted meanwhile:
 *     struct map_entry *e;
 *     MAP_FOREACH(e, &m) use(e->value); */
#define MAP_FOREACH(e, m)                                                      \
	for ((e) = (m)->entries; (e) != NULL && (e) < (m)->entries + (m)->cap; \
	     (e)++)                                                            \
		if ((e)->value != NULL)

/* The hash itself, for other tables: stable within one process. */
uint64_t map_hash(struct str key);

#endif
