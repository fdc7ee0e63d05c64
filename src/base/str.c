/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct str
str_trim(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

struct str
str_cut(struct str *rest, char sep)
{
	struct str head = *rest;
	const char *at = head.n != 0 ? memchr(head.p, sep, head.n) : NULL;

	if (at == NULL) {
		*rest = (struct str){NULL, 0};
		return head;
	}
	head.n = (size_t)(at - head.p);
	rest->p = at + 1;
	rest->n -= head.n + 1;
	return head;
}

bool
str_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool
str_i64(struct str s, int64_t *out)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	uint64_t v;

	if (minus)
		s = (struct str){s.p + 1, s.n - 1};
	if (!str_u64(s, &v) || v > (uint64_t)INT64_MAX)
		return false;
	*out = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

bool
str_double(struct str s, double *out)
{
	char z[64];
	char *end;
	double v;
	static locale_t c_locale;

	if (c_locale == NULL)
		c_locale = newlocale(LC_ALL_MASK, "C", NULL);
	if (s.n == 0 || s.n >= sizeof z || isspace((unsigned char)s.p[0]))
		return false;
	(void)str_copy(z, sizeof z, s);
	v = strtod_l(z, &end, c_locale);
	if (*end != '\0' || !isfinite(v))
		return false;
	*out = v;
	return true;
}

bool
str_copy(char *dst, size_t cap, struct str s)
{
	size_t n = s.n < cap ? s.n : cap - 1;

	if (n != 0)
		memcpy(dst, s.p, n);
	dst[n] = '\0';
	return n == s.n;
}

bool
str_fmt(char *dst, size_t cap, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(dst, cap, fmt, ap);
	va_end(ap);
	return n >= 0 && (size_t)n < cap;
}

/* Length of the well-formed sequence at p, or 0. Unicode table 3-7. */
static size_t
utf8_sequence(const unsigned char *p, size_t n)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (n < len || p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

bool
str_utf8_ok(struct str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t len = utf8_sequence((const unsigned char *)s.p + i,
		    s.n - i);

		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

size_t
str_unsafe(const char *z)
{
	const unsigned char *p = (const unsigned char *)z;

	if ((p[0] != 0 && p[0] < 0x20) || p[0] == 0x7f)
		return 1;
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
		return 2;
	if (p[0] == 0xe2 &&
	    ((p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
		(p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)))
		return 3;
	return 0;
}

void
str_tame(char *z)
{
	while (*z != '\0') {
		size_t n = str_unsafe(z);

		if (n == 0)
			z++;
		for (; n > 0; n--)
			*z++ = '?';
	}
}
