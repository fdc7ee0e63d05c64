/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: one line per event, to standard error.
 *
 *   human    [2025-12-08 12:00:00] INFO: Worker registered successfully
 *   logfmt   ts=2025-12-08T12:00:00.000Z level=info area=worker msg="…"
 *   json     {"ts":"…","level":"info","area":"worker","msg":"…"}
 *
 * error: a person must act; warn: we coped; info: a state changed; debug: one
 * per message. Control bytes of the message are escaped, so that nothing a
 * peer sends can forge a line. Never log bodies, keys, tokens or document
 * text. The level and the form are the only state, set once at start.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/defs.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};
enum log_form {
	LOG_FORM_HUMAN,
	LOG_FORM_LOGFMT,
	LOG_FORM_JSON
};

void log_setup(enum log_form form, enum log_level max);
bool log_form_parse(const char *name, enum log_form *out) MUST_CHECK;
bool log_level_parse(const char *name, enum log_level *out) MUST_CHECK;
bool log_wants(enum log_level level);

/* area: "worker", "coordinator.proxy"; request: its id, or NULL. */
void log_line(enum log_level level, const char *area, const char *request,
    const char *fmt, ...) PRINTF(4, 5);

#define log_error(area, ...) log_line(LOG_LEVEL_ERROR, area, NULL, __VA_ARGS__)
#define log_warn(area, ...) log_line(LOG_LEVEL_WARN, area, NULL, __VA_ARGS__)
#define log_info(area, ...) log_line(LOG_LEVEL_INFO, area, NULL, __VA_ARGS__)
#define log_debug(area, ...)                                                \
	do {                                                                \
		if (log_wants(LOG_LEVEL_DEBUG))                             \
			log_line(LOG_LEVEL_DEBUG, area, NULL, __VA_ARGS__); \
	} while (0)

#endif
