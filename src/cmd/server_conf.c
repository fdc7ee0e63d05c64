/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/server_conf.h"

#include <string.h>

#include "net/addr.h"

int
server_conf_read(struct config *c, const char **listen,
    enum place_policy *policy, struct err *err)
{
	bool v6 = strchr(c->host, ':') != NULL;
	struct addr at;

	if (c->port > 65535)
		return err_set(err, ERR_INVALID, "%llu is no port",
		    (unsigned long long)c->port);
	if (!place_policy_parse(str_of(c->policy), policy))
		return err_set(err, ERR_INVALID,
		    "'%s' is no policy: default or classic", c->policy);
	*listen = arena_fmt(&c->arena, v6 ? "[%s]:%llu" : "%s:%llu",
	    strcmp(c->host, "localhost") == 0 ? "127.0.0.1" : c->host,
	    (unsigned long long)c->port);
	return addr_parse(str_of(*listen), &at, err);
}
