/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. Deadlines and ages use the monotonic clock, in milliseconds; the wall
 * clock is for people and for the wire only. Tests may set both.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/defs.h"

int64_t clock_ms(void);      /* monotonic, ms */
int64_t clock_us(void);      /* monotonic, microseconds */
int64_t clock_wall_ms(void); /* since 1970-01-01 UTC, ms */

enum {
	CLOCK_TEXT_MAX = 40
};
/* RFC 3339 with milliseconds in UTC, "2025-12-08T12:00:00.000Z", into out of
 * CLOCK_TEXT_MAX bytes. Returns out. */
char *clock_rfc3339(int64_t wall_ms, char *out);
/* IMF-fixdate for HTTP's Date (RFC 9110 5.6.7). */
char *clock_http_date(int64_t wall_ms, char *out);
/* "2025-12-08 12:00:00", local time, for logs. */
char *clock_log_text(int64_t wall_ms, char *out);

#endif
