/* SPDX-License-Identifier: Apache-2.0 */
#include "net/url.h"

#include "net/http.h"

/* "host:port", "[v6]:port", "host": the parts, or false. */
static bool
split_authority(struct str a, struct str *host, struct str *port)
{
	*port = (struct str){NULL, 0};
	if (a.n > 0 && a.p[0] == '[') {
		struct str rest = {a.p + 1, a.n - 1};

		*host = str_cut(&rest, ']');
		if (rest.p == NULL || (rest.n > 0 && rest.p[0] != ':'))
			return false;
		if (rest.n > 0)
			*port = (struct str){rest.p + 1, rest.n - 1};
		return host->n > 0;
	}
	*port = a;
	*host = str_cut(port, ':');
	return host->n > 0;
}

/* What a name server may be asked for; a zone of an IPv6 address has a '%'. */
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

static bool
base_ok(struct str base)
{
	return base.n == 0 ||
	    (http_is_target(base) && memchr(base.p, '?', base.n) == NULL);
}

int
url_parse(struct str text, struct url *out, struct err *err)
{
	bool http = str_starts(text, "http://");
	struct str rest = text, authority, host, port;
	uint64_t number = 80;
	size_t n = 0;

	*out = (struct url){0};
	if (str_starts(text, "https://"))
		return err_set(err, ERR_UNSUPPORTED,
		    "'%.*s' begins with https, which this version does not "
		    "speak; use http",
		    STR_ARG(text));
	if (http)
		rest = (struct str){text.p + 7, text.n - 7};
	while (n < rest.n && rest.p[n] != '/')
		n++;
	authority = (struct str){rest.p, n};
	rest = (struct str){rest.p + n, rest.n - n};
	while (rest.n > 0 && rest.p[rest.n - 1] == '/')
		rest.n--;
	if (!http || !split_authority(authority, &host, &port) ||
	    !host_ok(host) || !base_ok(rest) ||
	    (port.n > 0 && !str_u64(port, &number)) || number == 0 ||
	    number > 65535 || !str_copy(out->host, sizeof out->host, host) ||
	    !str_copy(out->authority, sizeof out->authority, authority) ||
	    !str_copy(out->base, sizeof out->base, rest))
		return err_set(err, ERR_INVALID,
		    "'%.*s' is no URL such as http://host:8080", STR_ARG(text));
	out->port = (uint16_t)number;
	return 0;
}
