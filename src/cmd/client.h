/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a command talks to the coordinator: one exchange at a time over its own
 * short loop. Commands never open the data folder's files for reading state;
 * they ask the coordinator, as anybody else would.
 */
#ifndef CMD_CLIENT_H
#define CMD_CLIENT_H

#include "base/json.h"
#include "core/config.h"
#include "net/addr.h"

/* Our usual options of commands that ask a coordinator. */
#define CLIENT_OPTS                                                      \
	{"url", 'u', "URL",                                              \
	    "the coordinator (default: the one of "                      \
	    "this data folder)"},                                        \
	{                                                                \
		"json", 'j', NULL, "print what the coordinator answered" \
	}

struct client {
	struct addr addr;
	char where[ADDR_TEXT_MAX + 16]; /* for messages */
	char authority[ADDR_TEXT_MAX];
};

/* url may be NULL: the unix socket of the data folder when it is there, else
 * the address and port of the settings (http://127.0.0.1:8080). Names are
 * looked up. */
int client_open(struct client *c, struct config *conf, const char *url,
    struct err *err) MUST_CHECK;

struct client_send {
	const char *method;
	const char *target; /* path and query */
	const char *type;   /* Content-Type, or NULL */
	const char *name;   /* of the file that is sent, or NULL */
	struct str body;
	int64_t timeout_ms; /* 0 = 30,000 */
};

/* The body of a 2xx answer is appended to `out`. Otherwise -1 with what the
 * coordinator said, ERR_UNAVAILABLE when there is none. */
int client_call(const struct client *c, const struct client_send *send,
    struct buf *out, struct err *err) MUST_CHECK;
/* GETs and parses; the caller frees *out. With `print` the text goes to
 * standard output as it is and *out stays NULL. */
int client_get(const struct client *c, const char *target, bool print,
    struct json **out, struct err *err) MUST_CHECK;

/* `text` percent-encoded for use in a path or header; the caller frees. */
char *client_escape(struct str text);

#endif
