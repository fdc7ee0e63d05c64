/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client-facing listeners (TCP and the unix socket) and the route table:
 * finds the route, answers OPTIONS, 404 and 405, sets the fields that every
 * answer carries, counts.
 */
#ifndef COORDINATOR_EDGE_H
#define COORDINATOR_EDGE_H

#include "base/arena.h"
#include "net/httpd.h"

struct coordinator;

enum {
	EDGE_BODY_MAX = 16 * 1024 * 1024,
	EDGE_LISTENERS = 2,
	EDGE_ID_MAX = 64
};

/* One request to the API: freed after it was answered. */
struct call {
	unsigned magic;
#define CALL_MAGIC 0xca11ca11u
	struct coordinator *co;
	struct stream *stream; /* NULL: the client went away */
	const struct route *route;
	struct arena arena;
	struct str param; /* what {x} of the route stood for, decoded */
	struct str query;
	struct str origin;        /* allowed Origin to echo, or empty */
	char id[EDGE_ID_MAX + 1]; /* request id */
};

struct route {
	const char *method;
	const char *path; /* "/api/worker/find/{service}" */
	void (*handler)(struct call *c, struct str body);
	const char *summary;
	const char *request;  /* schema of the body in openapi.json; or NULL */
	const char *response; /* schema of the answer; or NULL */
};
const struct route *edge_routes(size_t *n);

struct edge {
	struct httpd *listeners[EDGE_LISTENERS];
	size_t open;
	uint64_t requests;
	uint64_t by_class[6]; /* answers by status / 100 */
	void (*on_closed)(void *arg);
	void *arg;
};

int edge_init(struct coordinator *co, struct err *err) MUST_CHECK;
void edge_close(struct coordinator *co, int64_t ms, void (*done)(void *arg),
    void *arg);

/* Answers of handlers; each ends the call. */
void call_json(struct call *c, int status, struct str body);
void call_bytes(struct call *c, int status, const char *type, struct str body);
/* The error object, with "detail" as older clients read it. */
void call_error(struct call *c, const struct err *err, const char *field);

/* Fields that every answer to a browser carries (CORS), for other answers than
 * a call's; returns how many of at most 4 it filled. */
size_t edge_cors(const struct coordinator *co, const struct http_head *head,
    struct http_field *out);

#endif
