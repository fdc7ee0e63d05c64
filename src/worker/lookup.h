/* SPDX-License-Identifier: Apache-2.0 */
/* Where a coordinator's URL leads: parsing it, and finding the addresses of
 * its host without stopping the loop. */
#ifndef WORKER_LOOKUP_H
#define WORKER_LOOKUP_H

#include "base/err.h"
#include "net/addr.h"

enum {
	LOOKUP_HOST_MAX = 256,
	LOOKUP_ADDRS_MAX = 8,
};

struct lookup_url {
	char host[LOOKUP_HOST_MAX]; /* name or number, without brackets */
	uint16_t port;
	char authority[LOOKUP_HOST_MAX + 16]; /* as the Host field says it */
};

/* "http://host[:port][/]". Errors are sentences that name the setting. */
int lookup_url_parse(const char *url, struct lookup_url *out, struct err *err)
    MUST_CHECK;

struct loop;
struct lookup;
typedef void lookup_fn(void *owner, const struct addr *addrs, size_t n,
    const struct err *why);

/* Calls done once, later; n is 0 when why is set. */
struct lookup *lookup_start(struct loop *l, const struct lookup_url *url,
    lookup_fn *done, void *owner);
void lookup_cancel(struct lookup *k); /* done is not called any more */

#endif
