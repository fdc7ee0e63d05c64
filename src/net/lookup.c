/* SPDX-License-Identifier: Apache-2.0 */
#include "net/lookup.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/obj.h"
#include "net/loop.h"

struct lookup {
	unsigned magic;
#define LOOKUP_MAGIC 0x100c0b01u
	char host[URL_HOST_MAX];
	uint16_t port;
	lookup_fn *done; /* NULL once nobody waits */
	void *owner;
	struct addr addrs[LOOKUP_ADDRS_MAX];
	size_t n;
	struct err why;
};

static void
take(struct lookup *k, const struct addrinfo *list)
{
	for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
		struct addr *to = &k->addrs[k->n];

		if (k->n == LOOKUP_ADDRS_MAX || a->ai_addrlen > sizeof to->sa)
			continue;
		memcpy(&to->sa, a->ai_addr, a->ai_addrlen);
		to->len = a->ai_addrlen;
		k->n++;
	}
}

/* On a pool thread. */
static void
work(void *arg)
{
	struct lookup *k = arg;
	struct addrinfo hints = {
	    .ai_family = AF_UNSPEC,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICSERV,
	};
	struct addrinfo *list = NULL;
	char port[8];
	int rc;

	(void)str_fmt(port, sizeof port, "%u", k->port);
	rc = getaddrinfo(k->host, port, &hints, &list);
	if (rc != 0) {
		(void)err_set(&k->why, ERR_UNAVAILABLE,
		    "cannot find the host '%s': %s", k->host, gai_strerror(rc));
		return;
	}
	take(k, list);
	freeaddrinfo(list);
	if (k->n == 0)
		(void)err_set(&k->why, ERR_UNAVAILABLE,
		    "the host '%s' has no address", k->host);
}

static void
finish(void *arg)
{
	struct lookup *k;

	CAST_OBJ(k, arg, LOOKUP_MAGIC);
	if (k->done != NULL)
		k->done(k->owner, k->addrs, k->n, k->n == 0 ? &k->why : NULL);
	KILL_OBJ(k);
	free(k);
}

struct lookup *
lookup_start(struct loop *l, const struct url *url, lookup_fn *done,
    void *owner)
{
	struct lookup *k = xcalloc(1, sizeof *k);

	k->magic = LOOKUP_MAGIC;
	memcpy(k->host, url->host, sizeof k->host);
	k->port = url->port;
	k->done = done;
	k->owner = owner;
	loop_work(l, work, finish, k);
	return k;
}

void
lookup_cancel(struct lookup *k)
{
	CHECK_OBJ(k, LOOKUP_MAGIC);
	k->done = NULL;
}
