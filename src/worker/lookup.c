/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/lookup.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/obj.h"
#include "net/loop.h"

struct lookup {
	unsigned magic;
#define LOOKUP_MAGIC 0x100c0b01u
	struct lookup_url url;
	lookup_fn *done; /* NULL once nobody waits */
	void *owner;
	struct addr addrs[LOOKUP_ADDRS_MAX];
	size_t n;
	struct err why;
};

/* "host:port", "[v6]:port", "host": the parts, or false. */
static bool
split_authority(struct str a, struct str *host, struct str *port)
{
	*port = (struct str){NULL, 0};
	if (a.n > 0 && a.p[0] == '[') {
		struct str rest = {a.p + 1, a.n - 1};

		*host = str_cut(&rest, ']');
		if (rest.p == NULL)
			return false;
		if (rest.n > 0 && rest.p[0] != ':')
			return false;
		if (rest.n > 0)
			*port = (struct str){rest.p + 1, rest.n - 1};
		return host->n > 0;
	}
	*port = a;
	*host = str_cut(port, ':');
	return host->n > 0;
}

static bool
host_ok(struct str host)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '.' || c == '-' ||
			c == '_' || c == ':' || c == '%'))
			return false;
	}
	return true;
}

int
lookup_url_parse(const char *url, struct lookup_url *out, struct err *err)
{
	struct str rest = str_of(url), authority, host, port;
	uint64_t number = 80;

	*out = (struct lookup_url){0};
	if (str_starts(rest, "https://"))
		return err_set(err, ERR_UNSUPPORTED,
		    "the coordinator's URL '%s' begins with https, which this "
		    "version does not speak; use http",
		    url);
	if (!str_starts(rest, "http://"))
		return err_set(err, ERR_INVALID,
		    "the coordinator's URL '%s' must begin with http://", url);
	rest = (struct str){rest.p + 7, rest.n - 7};
	authority = str_cut(&rest, '/');
	if (!split_authority(authority, &host, &port) || !host_ok(host) ||
	    rest.n > 0 || (port.p != NULL && !str_u64(port, &number)) ||
	    number == 0 || number > 65535 ||
	    !str_copy(out->host, sizeof out->host, host) ||
	    !str_copy(out->authority, sizeof out->authority, authority))
		return err_set(err, ERR_INVALID,
		    "'%s' is no URL of a coordinator; it looks like "
		    "http://host:8080",
		    url);
	out->port = (uint16_t)number;
	return 0;
}

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

	(void)str_fmt(port, sizeof port, "%u", k->url.port);
	rc = getaddrinfo(k->url.host, port, &hints, &list);
	if (rc != 0) {
		(void)err_set(&k->why, ERR_UNAVAILABLE,
		    "cannot find the host '%s': %s", k->url.host,
		    gai_strerror(rc));
		return;
	}
	take(k, list);
	freeaddrinfo(list);
	if (k->n == 0)
		(void)err_set(&k->why, ERR_UNAVAILABLE,
		    "the host '%s' has no address", k->url.host);
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
lookup_start(struct loop *l, const struct lookup_url *url, lookup_fn *done,
    void *owner)
{
	struct lookup *k = xcalloc(1, sizeof *k);

	k->magic = LOOKUP_MAGIC;
	k->url = *url;
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
