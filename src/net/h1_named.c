/* SPDX-License-Identifier: Apache-2.0 */
#include "net/h1_named.h"

bool
h1_may_not_be_named(struct str name)
{
	static const char *const whole[] = {"host", "authorization", "cookie",
	    "set-cookie", "forwarded", "via", "expect", "transfer-encoding",
	    "origin", "date", "x-real-ip", "true-client-ip", "x-request-id",
	    "traceparent"};
	static const char *const starts[] = {"content-", "x-forwarded-", "cf-",
	    "hearth-", "x-hearth-"};

	for (size_t i = 0; i < COUNT_OF(whole); i++)
		if (str_ieqz(name, whole[i]))
			return true;
	for (size_t i = 0; i < COUNT_OF(starts); i++) {
		struct str head = {name.p, strlen(starts[i])};

		if (name.n >= head.n && str_ieqz(head, starts[i]))
			return true;
	}
	return false;
}

bool
h1_is_named(struct str list, struct str name)
{
	while (list.n > 0)
		if (str_ieq(str_trim(str_cut(&list, ',')), name) &&
		    !h1_may_not_be_named(name))
			return true;
	return false;
}
