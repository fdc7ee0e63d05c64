/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of a URL's host, found without stopping the loop. */
#ifndef NET_LOOKUP_H
#define NET_LOOKUP_H

#include "net/addr.h"
#include "net/url.h"

enum {
	LOOKUP_ADDRS_MAX = 8,
};

struct loop;
struct lookup;
typedef void lookup_fn(void *owner, const struct addr *addrs, size_t n,
    const struct err *why);

/* Calls done once, later; n is 0 when why is set. */
struct lookup *lookup_start(struct loop *l, const struct url *url,
    lookup_fn *done, void *owner);
void lookup_cancel(struct lookup *k); /* done is not called any more */

#endif
