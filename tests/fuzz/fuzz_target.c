/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets, hosts and URLs, as clients and workers write them: what is routed
 * and dialled is decided by these readers alone. Lines of the input are taken
 * one by one.
 */
#include <assert.h>
#include <string.h>

#include "coordinator/hosts.h"
#include "net/http.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
has(struct str s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

/* A path in its one form stays as it is, and climbs nowhere. */
static void
target(struct arena *a, struct str text)
{
	struct str one, two, path, value;
	struct err err;

	if (http_target_normal(a, text, &one, &err) < 0) {
		assert(err.code == ERR_INVALID);
		return;
	}
	path = http_path(one);
	assert(str_eqz(one, "*") || one.p[0] == '/');
	assert(!has(path, "/../") && !has(path, "/./"));
	assert(!str_ends(path, "/..") && !str_ends(path, "/."));
	assert(!has(path, "%2F") && !has(path, "%5C") && !has(path, "%00"));
	assert(http_target_normal(a, one, &two, &err) == 0);
	assert(str_eq(one, two));
	assert(str_eq(http_query(one), http_query(text)));
	(void)http_query_get(a, http_query(one), "a", &value);
}

static void
url(struct str text)
{
	struct url u;
	struct err err;

	if (url_parse(text, &u, &err) < 0) {
		assert(err.code == ERR_INVALID || err.code == ERR_UNSUPPORTED);
		return;
	}
	assert(u.host[0] != '\0' && u.port != 0);
	assert(u.base[0] == '\0' || u.base[0] == '/');
	assert(strchr(u.host, '/') == NULL && strchr(u.host, '@') == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct arena a = {0};

	if (size > 20000)
		return 0;
	while (rest.p != NULL) {
		struct str line = str_cut(&rest, '\n');

		target(&a, line);
		url(line);
		if (http_is_authority(line))
			(void)hosts_allow(STR("a.example,b.example"), line);
	}
	arena_fini(&a);
	return 0;
}
