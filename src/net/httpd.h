/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener that speaks HTTP, and the small things every handler needs: a
 * whole small body, a JSON answer, an error in the one shape.
 */
#ifndef NET_HTTPD_H
#define NET_HTTPD_H

#include "net/h1.h"

struct httpd;

struct httpd_conf {
	struct h1_limits limits;
	size_t max_connections; /* 0 = 10,000; beyond it a 503 and close */
	request_fn *on_request;
	void *owner;
};

struct httpd *httpd_new(struct loop *l, const struct addr *at,
    const struct httpd_conf *conf, struct err *err);
const struct addr *httpd_addr(const struct httpd *d);
size_t httpd_connections(const struct httpd *d);
/* Stops listening and lets running requests finish, at most `ms`; then calls
 * done(arg) and frees itself. */
void httpd_close(struct httpd *d, int64_t ms, void (*done)(void *arg),
    void *arg);

/* Answers and closes the stream. The bytes are copied as far as they do not
 * leave at once. Extra fields (at most 15) may be NULL. */
void reply_bytes(struct stream *s, int status, const char *type,
    const struct http_field *extra, size_t n_extra, struct str body);
/* {"error":{"code","message","field"?,"request_id"?},"detail":message}; 429
 * and 503 carry Retry-After. */
void reply_error(struct stream *s, const struct err *err, const char *field,
    const char *request_id);

/* Collects a request body of at most `max` bytes, then calls done with it
 * (borrowed during the call), or with an error (413 when too big, or why the
 * client is gone). The stream is handed back before the call: answer or close
 * it. A request without a body, or one that is too big by its own account, is
 * told from inside this call. */
typedef void body_fn(void *owner, struct stream *s, struct str body,
    const struct err *why);
void body_collect(struct stream *s, const struct http_head *head, size_t max,
    body_fn *done, void *owner);

#endif
