/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/url_pool.h"

#include <netinet/in.h>

static bool
is_never_a_worker(const struct addr *a)
{
	const struct sockaddr_in *v4 = (const void *)&a->sa;
	const struct sockaddr_in6 *v6 = (const void *)&a->sa;
	uint32_t ip;

	if (a->sa.ss_family == AF_INET6) {
		if (!IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
			return IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr) ||
			    IN6_IS_ADDR_MULTICAST(&v6->sin6_addr) ||
			    IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr);
		memcpy(&ip, &v6->sin6_addr.s6_addr[12], sizeof(ip));
	} else {
		ip = v4->sin_addr.s_addr;
	}
	ip = ntohl(ip);
	return ip >> 24 == 0 || ip >> 16 == 0xa9fe || ip >> 28 >= 0xe;
}

enum {
	AGAIN_MS = 5000, /* from a failed look-up to the next */
};

static void
pool_on_found(void *owner, const struct addr *addrs, size_t n,
    const struct err *why)
{
	struct url_pool *p = owner;

	p->lookup = NULL;
	p->looked_ms = loop_now_ms(p->loop);
	p->n = p->at = 0;
	for (size_t i = 0; i < n; i++)
		if (!is_never_a_worker(&addrs[i]))
			p->addrs[p->n++] = addrs[i];
	if (why != NULL)
		p->why = *why;
	else if (p->n == 0)
		err_set(&p->why, ERR_DENIED,
		    "'%s' can not be a worker's address", p->url.host);
	if (p->n > 0 && p->pool != NULL)
		httpc_move(p->pool, &p->addrs[0]);
	else if (p->n > 0)
		p->pool = httpc_new(p->loop, &p->addrs[0], URL_POOL_CONNECTIONS,
		    URL_POOL_IDLE);
	p->on_found(p->owner);
}

static bool
look_up(struct url_pool *p)
{
	int64_t now = loop_now_ms(p->loop);

	if (p->lookup == NULL && p->why.code != ERR_OK &&
	    now - p->looked_ms < AGAIN_MS)
		return false;
	if (p->lookup == NULL)
		p->lookup = lookup_start(p->loop, &p->url, pool_on_found, p);
	return true;
}

int
url_pool_open(struct url_pool *p, struct loop *l, struct str url,
    void (*on_found)(void *owner), void *owner, struct err *err)
{
	*p = (struct url_pool){.loop = l, .on_found = on_found, .owner = owner};
	if (url_parse(url, &p->url, err) < 0)
		return err_wrap(err, "tunnel_url");
	return 0;
}

void
url_pool_close(struct url_pool *p)
{
	if (p->lookup != NULL)
		lookup_cancel(p->lookup);
	if (p->pool != NULL)
		httpc_free(p->pool);
	*p = (struct url_pool){0};
}

struct stream *
url_pool_stream(struct url_pool *p, struct err *err)
{
	if (p->n > 0)
		return httpc_open(p->pool, NULL, NULL, err);
	if (look_up(p))
		err_set(err, ERR_BUSY, "the host is being looked up");
	else
		*err = p->why;
	return NULL;
}

void
url_pool_failed(struct url_pool *p)
{
	if (p->n == 0)
		return;
	if (++p->at < p->n) {
		httpc_move(p->pool, &p->addrs[p->at]);
		return;
	}
	p->n = p->at = 0; /* perhaps it has moved */
	p->why = (struct err){0};
}

bool
url_pool_is_idle(const struct url_pool *p)
{
	return p->lookup == NULL && (p->pool == NULL || httpc_is_idle(p->pool));
}
