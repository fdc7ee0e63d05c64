/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

#include "base/str.h"

static int64_t
read_us(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

int64_t
clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

/* n decimal digits of v, then a separator. */
static char *
put_digits(char *at, int v, int n, char after)
{
	for (int i = n - 1; i >= 0; i--) {
		at[i] = (char)('0' + v % 10);
		v /= 10;
	}
	at[n] = after;
	return at + n + 1;
}

/* By hand: long listings hold thousands of times. */
char *
clock_rfc3339(int64_t wall_ms, char *out)
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;
	char *at = out;

	(void)gmtime_r(&t, &tm);
	at = put_digits(at, tm.tm_year + 1900, 4, '-');
	at = put_digits(at, tm.tm_mon + 1, 2, '-');
	at = put_digits(at, tm.tm_mday, 2, 'T');
	at = put_digits(at, tm.tm_hour, 2, ':');
	at = put_digits(at, tm.tm_min, 2, ':');
	at = put_digits(at, tm.tm_sec, 2, '.');
	at = put_digits(at, (int)(wall_ms % 1000), 3, 'Z');
	*at = '\0';
	return out;
}

char *
clock_http_date(int64_t wall_ms, char *out)
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu",
	    "Fri", "Sat"};
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	(void)str_fmt(out, CLOCK_TEXT_MAX,
	    "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
	    months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	return out;
}

char *
clock_log_text(int64_t wall_ms, char *out)
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;

	(void)localtime_r(&t, &tm);
	(void)str_fmt(out, CLOCK_TEXT_MAX, "%04d-%02d-%02d %02d:%02d:%02d",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	return out;
}
