/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum {
	LINE_MAX_BYTES = 4096
};

static struct {
	enum log_form form;
	enum log_level max;
} setup = {LOG_FORM_HUMAN, LOG_LEVEL_INFO};

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const level_human[] = {"ERROR", "WARNING", "INFO", "DEBUG"};
static const char *const form_names[] = {"human", "logfmt", "json"};

void
log_setup(enum log_form form, enum log_level max)
{
	setup.form = form;
	setup.max = max;
}

bool
log_form_parse(const char *name, enum log_form *out)
{
	for (size_t i = 0; i < COUNT_OF(form_names); i++) {
		if (strcmp(name, form_names[i]) == 0) {
			*out = (enum log_form)i;
			return true;
		}
	}
	return false;
}

bool
log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < COUNT_OF(level_names); i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool
log_wants(enum log_level level)
{
	return level <= setup.max;
}

/* The character of str_unsafe(): n bytes of UTF-8. */
static unsigned
code_point(const char *z, size_t n)
{
	const unsigned char *p = (const unsigned char *)z;

	if (n == 3)
		return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 |
		    (p[2] & 0x3fu);
	return n == 2 ? p[1] : p[0];
}

/* Adds text with what a terminal would obey made visible; quotes and
 * backslashes too when `quoted`. */
static void
add_escaped(struct buf *b, const char *z, bool quoted)
{
	while (*z != '\0') {
		size_t n = str_unsafe(z);

		if (n != 0)
			(void)buf_fmt(b, "\\u%04x", code_point(z, n));
		else if (quoted && (*z == '"' || *z == '\\'))
			(void)buf_fmt(b, "\\%c", *z);
		else
			(void)buf_c(b, *z);
		z += MAX_OF(n, (size_t)1);
	}
}

static void
add_human(struct buf *b, enum log_level level, const char *request,
    const char *msg)
{
	char when[CLOCK_TEXT_MAX];

	(void)buf_fmt(b, "[%s] %s: ", clock_log_text(clock_wall_ms(), when),
	    level_human[level]);
	add_escaped(b, msg, false);
	if (request != NULL) {
		(void)buf_z(b, " (request ");
		add_escaped(b, request, false);
		(void)buf_c(b, ')');
	}
}

static void
add_field(struct buf *b, const char *key, const char *value, bool json)
{
	(void)buf_fmt(b, json ? ",\"%s\":\"" : " %s=\"", key);
	add_escaped(b, value, true);
	(void)buf_c(b, '"');
}

static void
add_machine(struct buf *b, enum log_level level, const char *area,
    const char *request, const char *msg)
{
	char when[CLOCK_TEXT_MAX];
	bool json = setup.form == LOG_FORM_JSON;

	(void)clock_rfc3339(clock_wall_ms(), when);
	(void)buf_fmt(b,
	    json ? "{\"ts\":\"%s\",\"level\":\"%s\"" : "ts=%s level=%s", when,
	    level_names[level]);
	add_field(b, "area", area, json);
	if (request != NULL)
		add_field(b, "request_id", request, json);
	add_field(b, "msg", msg, json);
	if (json)
		(void)buf_c(b, '}');
}

void
log_line(enum log_level level, const char *area, const char *request,
    const char *fmt, ...)
{
	struct buf line = BUF_INIT((size_t)LINE_MAX_BYTES * 7);
	char msg[LINE_MAX_BYTES];
	va_list ap;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	if (setup.form == LOG_FORM_HUMAN)
		add_human(&line, level, request, msg);
	else
		add_machine(&line, level, area, request, msg);
	(void)buf_c(&line, '\n');
	/* One write per line keeps lines whole between processes. A full log
	 * disk must never stop the service, so the result does not matter. */
	if (write(STDERR_FILENO, line.p, line.n) < 0) {
	}
	buf_fini(&line);
}
