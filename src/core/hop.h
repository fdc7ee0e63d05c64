/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last step of a request's head before a service sees it. On a link only
 * Forwarded travels; whoever speaks to the service adds what older programs
 * read (X-Forwarded-For, -Proto, -Host) and a traceparent where none is. So
 * the link carries each fact once.
 */
#ifndef CORE_HOP_H
#define CORE_HOP_H

#include "net/http.h"

enum {
	HOP_FIELDS = 4 /* added at most */
};

struct hop {
	uint64_t random[2]; /* state: ids need not be unpredictable */
};

void hop_init(struct hop *hop);
uint64_t hop_random(struct hop *hop);
/* for=WHO;host="HOST";proto=http (RFC 7239), in the arena. */
struct str hop_forwarded(struct arena *a, struct str who, struct str host);
/* Adds the fields; *h has room for HOP_FIELDS more. Strings live in the arena
 * or in *h. */
void hop_expand(struct hop *hop, struct arena *a, struct http_head *h);

#endif
