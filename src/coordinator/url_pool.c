/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/url_pool.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"

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

/* host[:port] of the URL as an address, port 80 unless given. */
static int
read_authority(struct str authority, struct addr *to, struct err *err)
{
	char text[ADDR_TEXT_MAX];
	struct str host = authority, port = STR("80");
	size_t i;

	for (i = authority.n; i > 0 && authority.p[i - 1] != ']'; i--) {
		if (authority.p[i - 1] != ':')
			continue;
		host.n = i - 1;
		port = (struct str){authority.p + i, authority.n - i};
		break;
	}
	if (str_ieqz(host, "localhost"))
		host = STR("127.0.0.1");
	if (!str_fmt(text, sizeof(text), "%.*s:%.*s", STR_ARG(host),
		STR_ARG(port)) ||
	    addr_parse(str_of(text), to, NULL) < 0 || addr_is_unix(to))
		return err_set(err, ERR_UNSUPPORTED,
		    "tunnel_url must name a numeric address, not '%.*s'",
		    STR_ARG(host));
	if (is_never_a_worker(to))
		return err_set(err, ERR_DENIED,
		    "'%.*s' can not be a worker's address", STR_ARG(host));
	return 0;
}

int
url_pool_open(struct url_pool *p, struct loop *l, struct str url,
    struct err *err)
{
	struct str rest, authority;
	struct addr to;
	size_t n = 0;

	if (!str_starts(url, "http://"))
		return err_set(err, ERR_UNSUPPORTED,
		    "tunnel_url must begin with http://");
	rest = (struct str){url.p + 7, url.n - 7};
	while (n < rest.n && rest.p[n] != '/')
		n++;
	authority = (struct str){rest.p, n};
	rest = (struct str){rest.p + n, rest.n - n};
	while (rest.n > 0 && rest.p[rest.n - 1] == '/')
		rest.n--;
	if (!http_is_authority(authority) ||
	    (rest.n > 0 &&
		(!http_is_target(rest) || memchr(rest.p, '?', rest.n) != NULL)))
		return err_set(err, ERR_INVALID, "tunnel_url is no plain URL");
	if (read_authority(authority, &to, err) < 0)
		return -1;
	p->pool = httpc_new(l, &to, URL_POOL_CONNECTIONS, URL_POOL_IDLE);
	p->authority = xstrndup(authority.p, authority.n);
	p->base = xstrndup(rest.p != NULL ? rest.p : "", rest.n);
	return 0;
}

void
url_pool_close(struct url_pool *p)
{
	if (p->pool != NULL)
		httpc_free(p->pool);
	free(p->authority);
	free(p->base);
	*p = (struct url_pool){0};
}
