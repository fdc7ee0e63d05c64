/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/fields.h"

#include "net/http.h"

static bool
begins(struct str name, const char *prefix)
{
	size_t n = strlen(prefix);

	return name.n > n && str_ieqz((struct str){name.p, n}, prefix);
}

static bool
is_one_of(struct str name, const char *const *table)
{
	for (; *table != NULL; table++)
		if (str_ieqz(name, *table))
			return true;
	return false;
}

/* By the first letter: most fields are decided by it alone. */
bool
fields_drop_request(struct str name)
{
	static const char *const e[] = {"expect", NULL};
	static const char *const f[] = {"forwarded", NULL};
	static const char *const t[] = {"te", "transfer-encoding",
	    "true-client-ip", "traceparent", NULL};
	static const char *const v[] = {"via", NULL};
	static const char *const x[] = {"x-real-ip", "x-forwarded",
	    "x-request-id", "x-client-ip", "x-cluster-client-ip",
	    "x-original-url", "x-rewrite-url", NULL};

	if (name.n == 0)
		return true;
	switch (name.p[0] | 0x20) {
	case 'c':
		return begins(name, "cf-") || http_hop_by_hop(name);
	case 'e':
		return is_one_of(name, e);
	case 'f':
		return is_one_of(name, f);
	case 'h':
		return begins(name, "hearth-") || http_hop_by_hop(name);
	case 'k':
	case 'p':
	case 'u':
		return http_hop_by_hop(name);
	case 't':
		return is_one_of(name, t);
	case 'v':
		return is_one_of(name, v);
	case 'x':
		return begins(name, "x-forwarded-") ||
		    begins(name, "x-hearth-") || is_one_of(name, x);
	default:
		return false;
	}
}

bool
fields_drop_response(struct str name)
{
	static const char *const s[] = {"set-cookie", "server",
	    "strict-transport-security", "service-worker-allowed", NULL};
	static const char *const c[] = {"clear-site-data", "connection", NULL};
	static const char *const x[] = {"x-request-id",
	    "x-content-type-options", "x-powered-by", NULL};

	if (name.n == 0)
		return true;
	switch (name.p[0] | 0x20) {
	case 'a':
		return str_ieqz(name, "alt-svc") ||
		    begins(name, "access-control-");
	case 'c':
		return is_one_of(name, c);
	case 'h':
		return begins(name, "hearth-") || http_hop_by_hop(name);
	case 'k':
	case 'p':
	case 't':
	case 'u':
		return http_hop_by_hop(name);
	case 's':
		return is_one_of(name, s);
	case 'v':
		return str_ieqz(name, "via");
	case 'x':
		return is_one_of(name, x);
	default:
		return false;
	}
}

static bool
is_hex(struct str s)
{
	bool zero = true;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		zero = zero && c == '0';
	}
	return !zero;
}

bool
fields_traceparent_ok(struct str v)
{
	if (v.n != 55 || v.p[0] != '0' || v.p[1] != '0' || v.p[2] != '-' ||
	    v.p[35] != '-' || v.p[52] != '-')
		return false;
	return is_hex((struct str){v.p + 3, 32}) &&
	    is_hex((struct str){v.p + 36, 16}) &&
	    (is_hex((struct str){v.p + 53, 2}) ||
		(v.p[53] == '0' && v.p[54] == '0'));
}

bool
fields_request_id_ok(struct str v)
{
	if (v.n == 0 || v.n > 64)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			(c >= 'A' && c <= 'Z') || c == '.' || c == '_' ||
			c == ':' || c == '-'))
			return false;
	}
	return true;
}

bool
fields_via_names(struct str via, const char *name)
{
	struct str one, by;

	while (via.n > 0) {
		one = str_trim(str_cut(&via, ','));
		(void)str_cut(&one, ' '); /* the protocol */
		one = str_trim(one);
		by = str_cut(&one, ' ');
		if (str_ieqz(by, name))
			return true;
	}
	return false;
}
