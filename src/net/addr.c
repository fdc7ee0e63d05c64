/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: text to socket address and back, without any name lookup. */
#include "net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>

#include "base/obj.h"

static int
addr_parse_unix(struct str path, struct addr *out, struct err *err)
{
	struct sockaddr_un *un = (struct sockaddr_un *)(void *)&out->sa;

	if (path.n == 0)
		return err_set(err, ERR_INVALID, "empty unix socket path");
	if (path.p[0] == '@' || memchr(path.p, '\0', path.n) != NULL)
		return err_set(err, ERR_INVALID,
		    "abstract unix sockets are not supported");
	if (path.n >= sizeof(un->sun_path))
		return err_set(err, ERR_INVALID,
		    "unix socket path is longer than %zu bytes",
		    sizeof(un->sun_path) - 1);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path.p, path.n);
	un->sun_path[path.n] = '\0';
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n +
	    1);
	return 0;
}

static int
addr_parse_port(struct str text, uint16_t *port, struct err *err)
{
	uint64_t v;

	if (!str_u64(text, &v) || v > 65535 || text.n > 5)
		return err_set(err, ERR_INVALID,
		    "port '%.*s' is not 0 to 65535", STR_ARG(text));
	*port = (uint16_t)v;
	return 0;
}

static int
addr_parse_ip(struct str host, bool v6, uint16_t port, struct addr *out,
    struct err *err)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)&out->sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&out->sa;
	char z[INET6_ADDRSTRLEN];
	bool ok = str_copy(z, sizeof(z), host) && strlen(z) == host.n;

	if (v6) {
		ok = ok && inet_pton(AF_INET6, z, &in6->sin6_addr) == 1;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		out->len = sizeof(*in6);
	} else {
		ok = ok && inet_pton(AF_INET, z, &in4->sin_addr) == 1;
		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
		out->len = sizeof(*in4);
	}
	if (!ok)
		return err_set(err, ERR_INVALID,
		    "'%.*s' is not a numeric IP address", STR_ARG(host));
	return 0;
}

int
addr_parse(struct str text, struct addr *out, struct err *err)
{
	struct addr a = {0};
	struct str host = text;
	const char *colon;
	uint16_t port = 0;
	bool v6 = false;

	if (str_starts(text, "unix:")) {
		if (addr_parse_unix((struct str){text.p + 5, text.n - 5}, &a,
			err) < 0)
			return -1;
		*out = a;
		return 0;
	}
	colon = text.n > 0 ? memrchr(text.p, ':', text.n) : NULL;
	if (colon == NULL)
		return err_set(err, ERR_INVALID,
		    "'%.*s' has no port (expected address:port)",
		    STR_ARG(text));
	host.n = (size_t)(colon - text.p);
	if (addr_parse_port((struct str){colon + 1, text.n - host.n - 1}, &port,
		err) < 0)
		return -1;
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
		host = (struct str){host.p + 1, host.n - 2};
		v6 = true;
	}
	if (addr_parse_ip(host, v6, port, &a, err) < 0)
		return -1;
	*out = a;
	return 0;
}

/* Decimal digits of v at *to; the proxy writes an address per request, so not
 * by printf. */
static char *
put_number(char *to, unsigned v)
{
	unsigned unit = 1;

	while (v / unit >= 10)
		unit *= 10;
	for (; unit > 0; unit /= 10)
		*to++ = (char)('0' + v / unit % 10);
	return to;
}

static void
ip4_text(const struct sockaddr_in *in, char *to)
{
	uint32_t ip = ntohl(in->sin_addr.s_addr);

	for (int shift = 24; shift >= 0; shift -= 8) {
		to = put_number(to, ip >> shift & 0xff);
		*to++ = shift > 0 ? '.' : ':';
	}
	*put_number(to, ntohs(in->sin_port)) = '\0';
}

char *
addr_text(const struct addr *a, char *out)
{
	const struct sockaddr_in *in4 = (const void *)&a->sa;
	const struct sockaddr_in6 *in6 = (const void *)&a->sa;
	const struct sockaddr_un *un = (const void *)&a->sa;
	char ip[INET6_ADDRSTRLEN] = "";

	switch (a->sa.ss_family) {
	case AF_INET:
		ip4_text(in4, out);
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
		str_fmt(out, ADDR_TEXT_MAX, "[%s]:%u", ip, addr_port(a));
		break;
	case AF_UNIX:
		str_fmt(out, ADDR_TEXT_MAX, "unix:%s",
		    a->len > offsetof(struct sockaddr_un, sun_path)
			? un->sun_path
			: "");
		break;
	default:
		str_fmt(out, ADDR_TEXT_MAX, "unknown");
		break;
	}
	return out;
}

bool
addr_is_unix(const struct addr *a)
{
	return a->sa.ss_family == AF_UNIX;
}

bool
addr_is_loopback(const struct addr *a)
{
	const struct sockaddr_in *in4 = (const void *)&a->sa;
	const struct sockaddr_in6 *in6 = (const void *)&a->sa;

	switch (a->sa.ss_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return ntohl(in4->sin_addr.s_addr) >> 24 == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
		    (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) &&
			in6->sin6_addr.s6_addr[12] == 127);
	default:
		return false;
	}
}

uint16_t
addr_port(const struct addr *a)
{
	const struct sockaddr_in *in4 = (const void *)&a->sa;
	const struct sockaddr_in6 *in6 = (const void *)&a->sa;

	if (a->sa.ss_family == AF_INET)
		return ntohs(in4->sin_port);
	if (a->sa.ss_family == AF_INET6)
		return ntohs(in6->sin6_port);
	return 0;
}
