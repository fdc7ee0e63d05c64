/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers in Excel's format codes (ECMA-376 part 1, 18.8.31), as far as
 * people use them: sections by sign, thousands, decimals, percent, money,
 * exponents, dates and times.
 */
#include "service/doc_sheet.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>

static const char *const months[] = {"January", "February", "March", "April",
    "May", "June", "July", "August", "September", "October", "November",
    "December"};
static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday",
    "Thursday", "Friday", "Saturday"};

struct str
sheet_builtin(unsigned id)
{
	static const char *const codes[] = {
	    [1] = "0",
	    [2] = "0.00",
	    [3] = "#,##0",
	    [4] = "#,##0.00",
	    [5] = "\xc2\xa3#,##0",
	    [6] = "\xc2\xa3#,##0",
	    [7] = "\xc2\xa3#,##0.00",
	    [8] = "\xc2\xa3#,##0.00",
	    [9] = "0%",
	    [10] = "0.00%",
	    [11] = "0.00E+00",
	    [14] = "dd/mm/yyyy",
	    [15] = "dd-mmm-yy",
	    [16] = "dd-mmm",
	    [17] = "mmm-yy",
	    [18] = "h:mm AM/PM",
	    [19] = "h:mm:ss AM/PM",
	    [20] = "hh:mm",
	    [21] = "hh:mm:ss",
	    [22] = "dd/mm/yyyy hh:mm",
	    [37] = "#,##0;-#,##0",
	    [38] = "#,##0;-#,##0",
	    [39] = "#,##0.00;-#,##0.00",
	    [40] = "#,##0.00;-#,##0.00",
	    [41] = "#,##0",
	    [42] = "\xc2\xa3#,##0",
	    [43] = "#,##0.00",
	    [44] = "\xc2\xa3#,##0.00",
	    [45] = "mm:ss",
	    [46] = "[h]:mm:ss",
	    [47] = "mm:ss",
	    [48] = "0.0E+0",
	};

	if (id < COUNT_OF(codes) && codes[id] != NULL)
		return str_of(codes[id]);
	return STR("General");
}

/* The n-th part between semicolons that are not quoted; p NULL: none. */
static struct str
section(struct str code, int n)
{
	struct str s = {code.p, 0};
	bool quoted = false;

	for (size_t i = 0; i < code.n; i++) {
		char c = code.p[i];

		if (c == '\\' && !quoted) {
			i++;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (c == ';' && !quoted) {
			if (n-- == 0) {
				s.n = (size_t)(code.p + i - s.p);
				return s;
			}
			s.p = code.p + i + 1;
		}
	}
	s.n = (size_t)(code.p + code.n - s.p);
	return n == 0 ? s : (struct str){NULL, 0};
}

/* "text" */
static size_t
quoted(struct str s, struct buf *out)
{
	size_t n = 1;

	while (n < s.n && s.p[n] != '"')
		n++;
	if (out != NULL)
		buf_add(out, s.p + 1, n - 1);
	return MIN_OF(n + 1, s.n);
}

/* One character behind a sign: \x is x, _x and *x are fillers. */
static size_t
escaped(struct str s, struct buf *out)
{
	size_t n = MIN_OF((size_t)2, s.n);

	while (n < s.n && ((uint8_t)s.p[n] & 0xc0) == 0x80)
		n++;
	if (out != NULL && *s.p == '\\')
		buf_add(out, s.p + 1, n - 1);
	return n;
}

/* [Red], [>100], [$£-809]; not elapsed time such as [hh]. */
static size_t
bracketed(struct str s, struct buf *out)
{
	size_t n = 1, from = 1;

	while (n < s.n && s.p[n] != ']')
		n++;
	if (s.n > 2 && strchr("hHmMsS", s.p[1]) != NULL &&
	    (s.p[2] == ']' || s.p[2] == s.p[1]))
		return 0;
	if (out != NULL && from < n && s.p[from] == '$') {
		size_t e = ++from;

		while (e < n && s.p[e] != '-')
			e++;
		buf_add(out, s.p + from, e - from);
	}
	return MIN_OF(n + 1, s.n);
}

/* Bytes of a piece that is not about digits or dates: a literal goes to out
 * (when not NULL), colours, conditions and fillers vanish. 0: no such piece. */
static size_t
literal(struct str s, struct buf *out)
{
	switch (*s.p) {
	case '"':
		return quoted(s, out);
	case '\\':
	case '_':
	case '*':
		return escaped(s, out);
	case '[':
		return bracketed(s, out);
	default:
		return 0;
	}
}

static bool
is_date(struct str s)
{
	for (size_t i = 0; i < s.n;) {
		size_t n = literal((struct str){s.p + i, s.n - i}, NULL);

		if (n == 0 && strchr("yYmMdDhHsS", s.p[i]) != NULL)
			return true;
		if (n == 0 && strchr("0#?", s.p[i]) != NULL)
			return false;
		i += n > 0 ? n : 1;
	}
	return false;
}

static void
general(double v, struct buf *out)
{
	char t[40];

	if (v == floor(v) && fabs(v) < 1e15)
		str_fmt(t, sizeof t, "%.0f", v);
	else
		str_fmt(t, sizeof t, "%.10g", v);
	buf_z(out, t);
}

/* --- dates ---------------------------------------------------------- */

struct when {
	int64_t year;
	int month, day, weekday, hour, minute, second;
	int64_t hours; /* elapsed */
};

static struct when
calendar(double v, bool from1904)
{
	/* Days since 1 March of year 0, by Hinnant's days_from_civil. */
	int64_t secs = (int64_t)floor(v * 86400 + 0.5);
	int64_t day = secs / 86400 + (from1904 ? 1462 : 0);
	int64_t z = day - 25569 + 719468, era = z / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	struct when w = {.year = yoe + era * 400 + (mp >= 10),
	    .month = (int)(mp < 10 ? mp + 3 : mp - 9),
	    .day = (int)(doy - (153 * mp + 2) / 5 + 1),
	    .weekday = (int)((day + 6) % 7),
	    .hours = secs / 3600};

	secs %= 86400;
	w.hour = (int)(secs / 3600);
	w.minute = (int)(secs / 60 % 60);
	w.second = (int)(secs % 60);
	return w;
}

static void
two_digits(int v, size_t n, struct buf *out)
{
	buf_fmt(out, n > 1 ? "%02d" : "%d", v);
}

/* A month or a day by its count of letters: 4, 04, Apr, April. */
static void
named(const char *name, int v, size_t n, struct buf *out)
{
	if (n > 3)
		buf_z(out, name);
	else if (n == 3)
		buf_add(out, name, 3);
	else
		two_digits(v, n, out);
}

static void
date_part(const struct when *w, char c, size_t n, bool minutes, bool half,
    struct buf *out)
{
	int hour = half ? (w->hour + 11) % 12 + 1 : w->hour;

	switch (c) {
	case 'y':
		if (n > 2)
			buf_fmt(out, "%04d", (int)w->year);
		else
			buf_fmt(out, "%02d", (int)(w->year % 100));
		break;
	case 'm':
		if (minutes)
			two_digits(w->minute, n, out);
		else
			named(months[w->month - 1], w->month, n, out);
		break;
	case 'd':
		named(days[w->weekday], w->day, n, out);
		break;
	case 'h':
		two_digits(hour, n, out);
		break;
	default:
		two_digits(w->second, n, out);
		break;
	}
}

/* "m" is minutes behind hours or before seconds. */
static bool
means_minutes(struct str s, size_t end, char before)
{
	while (end < s.n && strchr(":. ", s.p[end]) != NULL)
		end++;
	return before == 'h' || (end < s.n && (s.p[end] | 32) == 's');
}

static size_t
am_pm(struct str s, const struct when *w, struct buf *out)
{
	if (s.n >= 5 && strncasecmp(s.p, "AM/PM", 5) == 0) {
		buf_z(out, w->hour < 12 ? "AM" : "PM");
		return 5;
	}
	if (s.n >= 3 && strncasecmp(s.p, "A/P", 3) == 0) {
		buf_z(out, w->hour < 12 ? "A" : "P");
		return 3;
	}
	return 0;
}

static void
date(double v, struct str s, bool from1904, struct buf *out)
{
	struct when w = calendar(v, from1904);
	bool half = memmem(s.p, s.n, "AM/PM", 5) != NULL ||
	    memmem(s.p, s.n, "am/pm", 5) != NULL;
	char before = 0;

	for (size_t i = 0; i < s.n;) {
		struct str rest = {s.p + i, s.n - i};
		size_t n = literal(rest, out);
		char c = (char)(s.p[i] | 32);

		if (n == 0)
			n = am_pm(rest, &w, out);
		if (n > 0) {
			i += n;
			continue;
		}
		if (s.p[i] == '[') { /* [h] */
			buf_fmt(out, "%lld", (long long)w.hours);
			before = 'h';
			while (i < s.n && s.p[i++] != ']')
				;
			continue;
		}
		while (i + n < s.n && (s.p[i + n] | 32) == c)
			n++;
		if (strchr("ymdhs", c) == NULL) {
			buf_add(out, s.p + i, 1);
			i++;
			continue;
		}
		date_part(&w, c, n, c == 'm' && means_minutes(s, i + n, before),
		    half, out);
		before = c;
		i += n;
	}
}

/* --- plain numbers --------------------------------------------------- */

struct shape {
	int decimals, whole; /* whole: least digits before the point */
	int scale;           /* commas at the end: thousands */
	bool grouped, percent, exponent, any, fraction;
};

static struct shape
shape_of(struct str s)
{
	struct shape f = {0};
	bool point = false;

	for (size_t i = 0; i < s.n;) {
		size_t n = literal((struct str){s.p + i, s.n - i}, NULL);
		char c = s.p[i];

		if (n > 0) {
			i += n;
			continue;
		}
		if (c == '0' || c == '#' || c == '?') {
			f.any = true;
			f.grouped |= f.scale > 0 && !point;
			f.scale = 0;
			if (point && !f.exponent)
				f.decimals++;
			else if (c == '0' && !f.exponent)
				f.whole++;
		} else if (c == '.') {
			point = true;
		} else if (c == ',' && f.any) {
			f.scale++;
		} else if (c == '%') {
			f.percent = true;
		} else if ((c == 'E' || c == 'e') && f.any) {
			f.exponent = true;
		} else if (c == '/' && f.any) {
			f.fraction = true;
		}
		i++;
	}
	return f;
}

static void
digits(double v, const struct shape *f, struct buf *out)
{
	char t[400];
	size_t n, whole;

	if (f->exponent) {
		buf_fmt(out, "%.*E", MIN_OF(f->decimals, 15), v);
		return;
	}
	if (fabs(v) > 1e300) {
		general(v, out);
		return;
	}
	str_fmt(t, sizeof t, "%0*.*f",
	    f->whole + (f->decimals > 0 ? f->decimals + 1 : 0),
	    MIN_OF(f->decimals, 15), v);
	n = strlen(t);
	whole = strcspn(t, ".");
	for (size_t i = 0; i < n; i++) {
		if (f->grouped && i > 0 && i < whole && (whole - i) % 3 == 0)
			buf_c(out, ',');
		buf_c(out, t[i]);
	}
}

static void
number(double v, struct str s, struct buf *out)
{
	struct shape f = shape_of(s);
	bool done = false;

	if (f.fraction) {
		general(v, out);
		return;
	}
	if (f.percent)
		v *= 100;
	for (int i = 0; i < f.scale; i++)
		v /= 1000;
	for (size_t i = 0; i < s.n;) {
		size_t n = literal((struct str){s.p + i, s.n - i}, out);
		char c = s.p[i];

		if (n > 0) {
			i += n;
		} else if (strchr("0#?.,Ee+", c) != NULL && f.any) {
			if (!done)
				digits(v, &f, out);
			done = true;
			/* the exponent's sign is part of the number */
			i += (c == 'E' || c == 'e') && i + 1 < s.n ? 2 : 1;
		} else if (c == '@') {
			general(v, out);
			i++;
		} else {
			buf_c(out, c);
			i++;
		}
	}
}

void
sheet_number(double v, struct str code, bool from1904, struct buf *out)
{
	struct str s = section(code, 0), neg = section(code, 1),
		   zero = section(code, 2);
	size_t was = out->n;

	if (!isfinite(v))
		return;
	if (code.n == 0 || str_ieqz(s, "General") || str_ieqz(s, "@")) {
		general(v, out);
		return;
	}
	if (v < 0 && neg.p != NULL && neg.n > 0) {
		s = neg;
		v = -v;
	} else if (v == 0 && zero.p != NULL) {
		s = zero;
	}
	if (is_date(s) && v >= 0 && v < 2958466) {
		date(v, s, from1904, out);
	} else if (memmem(s.p, s.n, "General", 7) != NULL) {
		general(v, out);
	} else {
		if (v < 0) {
			buf_c(out, '-');
			v = -v;
		}
		number(v, s, out);
	}
	while (out->n > was && out->p[out->n - 1] == ' ')
		out->n--;
}
