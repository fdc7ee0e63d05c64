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

/* Adds text with control bytes, DEL and the bidi overrides made visible;
 * quotes and backslashes too when `quoted`. */
static void
add_escaped(struct buf *b, const char *z, bool quoted)
{
	for (; *z != '\0'; z++) {
		unsigned char c = (unsigned char)*z;

		if (c < 0x20 || c == 0x7f)
			(void)buf_fmt(b, "\\u%04x", c);
		else if (c == 0xe2 && (unsigned char)z[1] == 0x80 &&
		    (unsigned char)z[2] >= 0xa8 && (unsigned char)z[2] <= 0xae)
			(void)buf_fmt(b, "\\u20%02x",
			    (unsigned)((unsigned char)z[2] - 0x80)),
			    z += 2;
		else if (quoted && (c == '"' || c == '\\'))
			(void)buf_fmt(b, "\\%c", c);
		else
			(void)buf_c(b, (char)c);
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
