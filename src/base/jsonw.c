/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jsonw.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"

static void
separate(struct jsonw *w)
{
	if (w->comma)
		(void)buf_c(w->b, ',');
	w->comma = true;
}

void
jsonw_obj(struct jsonw *w)
{
	separate(w);
	(void)buf_c(w->b, '{');
	w->comma = false;
}

void
jsonw_end_obj(struct jsonw *w)
{
	(void)buf_c(w->b, '}');
	w->comma = true;
}

void
jsonw_arr(struct jsonw *w)
{
	separate(w);
	(void)buf_c(w->b, '[');
	w->comma = false;
}

void
jsonw_end_arr(struct jsonw *w)
{
	(void)buf_c(w->b, ']');
	w->comma = true;
}

/* Length of the well-formed UTF-8 sequence at p (Unicode table 3-7), or 0. */
static size_t
sequence(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
		return 0;
	return str_utf8_ok((struct str){(const char *)p, len}) ? len : 0;
}

/* How many bytes from p on need no escape. */
static size_t
plain(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (
	    i < n && p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
}

static void
escape_control(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char unicode[4] = {'\\', 'u', '0', '0'};
	static const char shorts[32] = {
	    ['\b'] = 'b',
	    ['\t'] = 't',
	    ['\n'] = 'n',
	    ['\f'] = 'f',
	    ['\r'] = 'r',
	};
	char *to;

	if (c < 32 && shorts[c] != 0) {
		(void)buf_add(b, (char[]){'\\', shorts[c]}, 2);
		return;
	}
	to = buf_room(b, 6);
	if (to == NULL)
		return;
	memcpy(to, unicode, sizeof unicode);
	to[4] = hex[c >> 4];
	to[5] = hex[c & 15];
	buf_grew(b, 6);
}

/* The part from byte i on, which holds something to escape. */
static void
quoted_rest(struct buf *b, struct str s, size_t i)
{
	const unsigned char *p = (const unsigned char *)s.p;

	while (i < s.n) {
		size_t n = p[i] < 0x80 ? plain(p + i, s.n - i)
				       : sequence(p + i, s.n - i);

		if (n != 0) {
			(void)buf_add(b, p + i, n);
			i += n;
		} else if (p[i] == '"' || p[i] == '\\') {
			(void)buf_add(b, (char[]){'\\', (char)p[i]}, 2);
			i++;
		} else if (p[i] < 0x80) {
			escape_control(b, p[i]);
			i++;
		} else {
			(void)buf_z(b, "\xef\xbf\xbd");
			i++;
		}
	}
	(void)buf_c(b, '"');
}

/* Nearly all strings are plain: one copy. */
static void
quoted(struct buf *b, struct str s)
{
	size_t n = plain((const unsigned char *)s.p, s.n);
	char *to = buf_room(b, s.n + 2);

	if (to == NULL)
		return;
	to[0] = '"';
	if (n != 0)
		memcpy(to + 1, s.p, n);
	if (n < s.n) {
		buf_grew(b, n + 1);
		quoted_rest(b, s, n);
		return;
	}
	to[n + 1] = '"';
	buf_grew(b, n + 2);
}

void
jsonw_key(struct jsonw *w, const char *key)
{
	size_t n = strlen(key);
	char *to;

	separate(w);
	w->comma = false;
	to = buf_room(w->b, n + 3);
	if (to == NULL)
		return;
	to[0] = '"';
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): no C string */
	memcpy(to + 1, key, n);
	to[n + 1] = '"';
	to[n + 2] = ':';
	buf_grew(w->b, n + 3);
}

void
jsonw_key_str(struct jsonw *w, struct str key)
{
	separate(w);
	quoted(w->b, key);
	(void)buf_c(w->b, ':');
	w->comma = false;
}

void
jsonw_str(struct jsonw *w, struct str s)
{
	separate(w);
	quoted(w->b, s);
}

void
jsonw_z(struct jsonw *w, const char *z)
{
	if (z == NULL)
		jsonw_null(w);
	else
		jsonw_str(w, str_of(z));
}

static void
digits(struct buf *b, uint64_t v, bool minus)
{
	char tmp[24];
	size_t at = sizeof tmp;

	do {
		tmp[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	if (minus)
		tmp[--at] = '-';
	(void)buf_add(b, tmp + at, sizeof tmp - at);
}

void
jsonw_i64(struct jsonw *w, int64_t v)
{
	separate(w);
	digits(w->b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

void
jsonw_u64(struct jsonw *w, uint64_t v)
{
	separate(w);
	digits(w->b, v, false);
}

/* Whole thousandths, as most of our figures are, without printf(): k/1000 is
 * rounded as a reader rounds the text, so it reads back as the same number. */
static bool
thousandths(struct buf *b, double v)
{
	double t = v * 1000;
	int64_t k;
	uint64_t u;
	char tmp[4] = ".000";
	size_t n = 4;

	if (!(fabs(t) < 1e12) || signbit(v))
		return false;
	k = (int64_t)(t + 0.5);
	if ((double)k / 1000 < v || (double)k / 1000 > v)
		return false;
	u = (uint64_t)k;
	tmp[1] = (char)('0' + u / 100 % 10);
	tmp[2] = (char)('0' + u / 10 % 10);
	tmp[3] = (char)('0' + u % 10);
	while (n > 2 && tmp[n - 1] == '0')
		n--;
	digits(b, u / 1000, false);
	(void)buf_add(b, tmp, n);
	return true;
}

/* Else the shortest of 15 to 17 digits that reads back as the same number. The
 * programs never call setlocale(), so the point is a point. */
void
jsonw_f64(struct jsonw *w, double v)
{
	char tmp[40];

	if (!isfinite(v)) {
		jsonw_null(w);
		return;
	}
	separate(w);
	if (thousandths(w->b, v))
		return;
	if (fabs(v) < 1e15 && v == (double)(int64_t)v) {
		(void)str_fmt(tmp, sizeof tmp, "%.1f", v);
	} else {
		for (int n = 15; n <= 17; n++) {
			(void)str_fmt(tmp, sizeof tmp, "%.*g", n, v);
			if (strtod(tmp, NULL) == v)
				break;
		}
	}
	(void)buf_z(w->b, tmp);
}

void
jsonw_bool(struct jsonw *w, bool v)
{
	separate(w);
	(void)buf_z(w->b, v ? "true" : "false");
}

void
jsonw_null(struct jsonw *w)
{
	separate(w);
	(void)buf_z(w->b, "null");
}

void
jsonw_time(struct jsonw *w, int64_t wall_ms)
{
	char tmp[CLOCK_TEXT_MAX];

	separate(w);
	(void)buf_c(w->b, '"');
	(void)buf_z(w->b, clock_rfc3339(wall_ms, tmp));
	(void)buf_c(w->b, '"');
}

void
jsonw_raw(struct jsonw *w, struct str json)
{
	separate(w);
	(void)buf_str(w->b, json);
}

void
jsonw_kstr(struct jsonw *w, const char *key, struct str s)
{
	jsonw_key(w, key);
	jsonw_str(w, s);
}

void
jsonw_kz(struct jsonw *w, const char *key, const char *z)
{
	jsonw_key(w, key);
	jsonw_z(w, z);
}

void
jsonw_ki64(struct jsonw *w, const char *key, int64_t v)
{
	jsonw_key(w, key);
	jsonw_i64(w, v);
}

void
jsonw_ku64(struct jsonw *w, const char *key, uint64_t v)
{
	jsonw_key(w, key);
	jsonw_u64(w, v);
}

void
jsonw_kf64(struct jsonw *w, const char *key, double v)
{
	jsonw_key(w, key);
	jsonw_f64(w, v);
}

void
jsonw_kbool(struct jsonw *w, const char *key, bool v)
{
	jsonw_key(w, key);
	jsonw_bool(w, v);
}

void
jsonw_ktime(struct jsonw *w, const char *key, int64_t wall_ms)
{
	jsonw_key(w, key);
	jsonw_time(w, wall_ms);
}

void
jsonw_kraw(struct jsonw *w, const char *key, struct str json)
{
	jsonw_key(w, key);
	jsonw_raw(w, json);
}
