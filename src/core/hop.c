/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hop.h"

#include "base/rnd.h"

void
hop_init(struct hop *hop)
{
	hop->random[0] = rnd_u64();
	hop->random[1] = rnd_u64() | 1;
}

/* xorshift128+ (Vigna 2014). */
uint64_t
hop_random(struct hop *hop)
{
	uint64_t a = hop->random[0], b = hop->random[1];

	hop->random[0] = b;
	a ^= a << 23;
	hop->random[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
	return hop->random[1] + b;
}

static char *
append(char *to, struct str s)
{
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

struct str
hop_forwarded(struct arena *a, struct str who, struct str host)
{
	bool v6 = memchr(who.p, ':', who.n) != NULL;
	char *t = arena_alloc(a, who.n + host.n + 40), *at = t;

	/* An IPv6 address comes in brackets, and then in quotes. */
	at = append(at, v6 ? STR("for=\"") : STR("for="));
	at = append(at, who);
	at = append(at, v6 ? STR("\";host=\"") : STR(";host=\""));
	at = append(at, host);
	at = append(at, STR("\";proto=http"));
	return (struct str){t, (size_t)(at - t)};
}

static struct str
unquoted(struct str s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return (struct str){s.p + 1, s.n - 2};
	return s;
}

/* One parameter of the first element; empty when it is not there. */
static struct str
parameter(struct str forwarded, const char *name)
{
	struct str first = str_cut(&forwarded, ',');

	while (first.n > 0) {
		struct str value = str_trim(str_cut(&first, ';'));
		struct str key = str_cut(&value, '=');

		if (str_ieqz(key, name))
			return unquoted(value);
	}
	return (struct str){0};
}

static struct str
new_traceparent(struct hop *hop, struct arena *a)
{
	static const char hex[] = "0123456789abcdef";
	char *t = arena_alloc(a, 56);
	size_t at = 3;

	(void)append(t, STR("00-"));
	for (size_t i = 0; i < 3; i++) {
		uint64_t bits = hop_random(hop) | 1; /* never all zero */

		for (size_t k = 0; k < 16; k++) {
			t[at++] = hex[bits & 15];
			bits >>= 4;
		}
		if (i > 0)
			t[at++] = '-';
	}
	(void)append(t + at, STR("00"));
	return (struct str){t, 55};
}

static void
add(struct http_head *h, struct str name, struct str value)
{
	if (value.n > 0)
		http_add(h, name, value);
}

void
hop_expand(struct hop *hop, struct arena *a, struct http_head *h)
{
	const struct str *forwarded = http_get(h, "forwarded");
	struct str f = forwarded != NULL ? *forwarded : (struct str){0};
	bool traced = http_get(h, "traceparent") != NULL;
	struct str who = parameter(f, "for");

	if (who.n > 2 && who.p[0] == '[' && who.p[who.n - 1] == ']')
		who = (struct str){who.p + 1, who.n - 2};
	add(h, STR("x-forwarded-for"), who);
	add(h, STR("x-forwarded-proto"), parameter(f, "proto"));
	add(h, STR("x-forwarded-host"), parameter(f, "host"));
	if (!traced)
		http_add(h, STR("traceparent"), new_traceparent(hop, a));
}
