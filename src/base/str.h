/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views of text: a pointer and a length, not NUL-terminated, borrowed from
 * whoever owns the bytes. Plus strict number parsing.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <string.h>
#include <strings.h>

#include "base/defs.h"

struct str {
	const char *p; /* may be NULL when n is 0 */
	size_t n;
};

/* A view of a literal: STR("GET"). */
#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).p != NULL ? (s).p : ""

static inline struct str
str_of(const char *z)
{
	return (struct str){z, z != NULL ? strlen(z) : 0};
}

/* These are inline so that the length of a literal is known to the compiler
 * and most comparisons end with it. */
static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
str_eqz(struct str a, const char *z)
{
	return str_eq(a, str_of(z));
}

static inline bool
str_ieq(struct str a, struct str b) /* ASCII case folded */
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static inline bool
str_ieqz(struct str a, const char *z)
{
	return str_ieq(a, str_of(z));
}

static inline bool
str_starts(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && (n == 0 || memcmp(s.p, prefix, n) == 0);
}

static inline bool
str_ends(struct str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.n >= n && (n == 0 || memcmp(s.p + s.n - n, suffix, n) == 0);
}

/* How many bytes at z (with a NUL behind them) a terminal would obey rather
 * than show: a control character or a change of writing direction; 0: none. */
size_t str_unsafe(const char *z);
/* Makes such bytes '?', in place: for whatever others wrote. */
void str_tame(char *z);

/* Drops spaces and tabs at both ends. */
struct str str_trim(struct str s);
/* Cuts *rest at the first sep: returns what was before it, leaves what is
 * behind it in *rest. Without a sep, all of it is returned and *rest is empty
 * with p == NULL. */
struct str str_cut(struct str *rest, char sep);

/* Whole view, digits only, no sign, no space, no overflow. */
bool str_u64(struct str s, uint64_t *out) MUST_CHECK;
bool str_i64(struct str s, int64_t *out) MUST_CHECK; /* one leading '-' */
/* Decimal fraction such as 0.25; locale independent, finite. */
bool str_double(struct str s, double *out) MUST_CHECK;

/* Copies into dst of `cap` bytes, always NUL-terminated; false if cut. */
bool str_copy(char *dst, size_t cap, struct str s);
/* Formats into dst; false if cut. */
bool str_fmt(char *dst, size_t cap, const char *fmt, ...) PRINTF(3, 4);

/* Is this well-formed UTF-8 (no overlong forms, no surrogates)? */
bool str_utf8_ok(struct str s);

#endif
