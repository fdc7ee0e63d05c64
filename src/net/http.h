/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP message model, free of any transport: heads, fields, the rules
 * about which of them end at a hop, targets, dates, limits.
 *
 * Sources: RFC 9110 (semantics), RFC 9112 (HTTP/1.1), RFC 9113 (HTTP/2).
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <assert.h>

#include "base/arena.h"
#include "base/err.h"

enum {
	HTTP_LINE_MAX = 8 * 1024,
	HTTP_FIELD_MAX = 8 * 1024, /* one name plus value */
	HTTP_HEAD_MAX = 32 * 1024, /* all of them */
	HTTP_FIELDS_MAX = 100,
	/* What the hops before may have added to a request at its limits: the
	 * next one of ours still takes it. */
	HTTP_ADDED_MAX = 16,
	HTTP_ADDED_BYTES = 4 * 1024,
};

struct http_field {
	struct str name; /* as received; compare with str_ieqz() */
	struct str value;
};

struct http_head {
	/* request */
	struct str method;    /* "GET" */
	struct str target;    /* "/path?query" or "*"; origin form always */
	struct str authority; /* Host or :authority, validated */
	struct str scheme;    /* "http" | "https" */
	/* response */
	int status; /* 0 in a request; 1xx heads precede the final one */
	/* both */
	struct http_field *fields; /* without Host and framing fields */
	size_t n_fields;
	size_t room;            /* free places behind them, for http_add() */
	int64_t content_length; /* -1: unknown, so chunked or until close */
	bool no_body;         /* nothing follows: no on_body, on_end at once */
	struct str upgrade;   /* "websocket": what the peer asks to switch to,
	                         * or switched to with status 101; else empty */
	bool expect_continue; /* the client waits for 100 */
};

const struct str *http_get(const struct http_head *h, const char *name);
/* A deep copy into the arena. */
struct http_head *http_head_copy(struct arena *a, const struct http_head *h);
/* Gives *h an array of fields of its own in the arena, with room for `extra`
 * more; names and values stay borrowed. */
void http_head_extend(struct arena *a, struct http_head *h, size_t extra);
/* Aborts without room. name and value are borrowed. */
static inline void
http_add(struct http_head *h, struct str name, struct str value)
{
	assert(h->room > 0);
	h->room--;
	h->fields[h->n_fields++] = (struct http_field){name, value};
}
/* Drops every field for which drop(name) is true. */
void http_drop(struct http_head *h, bool (*drop)(struct str name));

/* --- what is well-formed ------------------------------------------------- */

bool http_is_token(struct str s);     /* RFC 9110 5.6.2 */
bool http_is_name(struct str s);      /* a token without '_' */
bool http_is_value(struct str s);     /* no control bytes but tab */
bool http_is_authority(struct str s); /* host[:port], never empty, no user */
/* Origin form or "*": visible ASCII, no '#', no '\\'. */
bool http_is_target(struct str s);
/* Of which one per message is allowed (Host, Content-Type, Authorization ...):
 * a bit of its own, else 0. A message that shows a bit twice is refused. */
uint32_t http_singleton(struct str name);

/* --- knowledge ----------------------------------------------------------- */

/* Is this field for one hop only (RFC 9110 7.6.1)? Those that Connection
 * names are dropped where the message is parsed. */
bool http_hop_by_hop(struct str name);
const char *http_reason(int status); /* "Not Found" */
bool http_method_is_safe(struct str method);
bool http_method_is_idempotent(struct str method);

/* Normalises a path for routing and forwarding alike (RELIABILITY rule 6):
 * refuses %00, %2f, %5c, bad escapes and overlong UTF-8, removes dot segments,
 * never above the root. The query string is kept byte for byte. */
int http_target_normal(struct arena *a, struct str target, struct str *out,
    struct err *err) MUST_CHECK;
struct str http_path(struct str target);  /* before '?' */
struct str http_query(struct str target); /* behind '?', or empty */
/* The percent-decoded value of `key` in a query string; false: absent. */
bool http_query_get(struct arena *a, struct str query, const char *key,
    struct str *out);

#endif
