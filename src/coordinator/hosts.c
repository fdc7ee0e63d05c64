/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/hosts.h"

static struct str
without_port(struct str authority)
{
	if (authority.n > 0 && authority.p[0] != '[')
		return str_cut(&authority, ':');
	return authority;
}

/* No domain of the net consists of digits alone. */
static bool
is_address(struct str host)
{
	if (host.n == 0 || host.p[0] == '[')
		return true;
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
			return false;
	return true;
}

static bool
is_below_localhost(struct str host)
{
	const struct str end = STR(".localhost");

	return host.n > end.n &&
	    str_ieq((struct str){host.p + host.n - end.n, end.n}, end);
}

static bool
is_listed(struct str list, struct str host)
{
	while (list.n > 0) {
		struct str one = str_trim(str_cut(&list, ','));

		if (str_eqz(one, "*") || (one.n > 0 && str_ieq(one, host)))
			return true;
	}
	return false;
}

bool
hosts_allow(struct str list, struct str authority)
{
	struct str host = without_port(authority);

	return is_address(host) || memchr(host.p, '.', host.n) == NULL ||
	    is_below_localhost(host) || is_listed(list, host);
}
