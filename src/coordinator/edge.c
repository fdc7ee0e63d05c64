/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/edge.h"

#include <stdlib.h>

#include "base/jsonw.h"
#include "base/mem.h"
#include "base/obj.h"
#include "base/rnd.h"
#include "coordinator/coordinator.h"
#include "coordinator/hosts.h"

#define ALL_METHODS "GET, POST, PUT, PATCH, DELETE, OPTIONS"

/* --- CORS ------------------------------------------------------------------ */

static bool
origin_allowed(const struct coordinator *co, struct str origin)
{
	struct str list = str_of(co->conf.allowed_origins);

	while (list.p != NULL) {
		if (str_eq(str_trim(str_cut(&list, ',')), origin))
			return origin.n != 0;
	}
	return false;
}

static size_t
cors_fields(struct str origin, struct http_field *out)
{
	if (origin.n == 0)
		return 0;
	out[0] = (struct http_field){STR("Access-Control-Allow-Origin"),
	    origin};
	out[1] = (struct http_field){STR("Vary"), STR("Origin")};
	out[2] = (struct http_field){STR("Access-Control-Allow-Methods"),
	    STR(ALL_METHODS)};
	out[3] = (struct http_field){STR("Access-Control-Allow-Headers"),
	    STR("Content-Type, Authorization, X-Request-Id, X-Filename")};
	return 4;
}

size_t
edge_cors(const struct coordinator *co, const struct http_head *head,
    struct http_field *out)
{
	const struct str *origin = http_get(head, "origin");

	if (origin == NULL || !origin_allowed(co, *origin))
		return 0;
	return cors_fields(*origin, out);
}

/* --- one call ---------------------------------------------------------------- */

/* A caller's own request id is kept when it is short and harmless. */
static void
take_request_id(struct call *c, const struct http_head *head)
{
	const struct str *given = http_get(head, "x-request-id");
	bool ok = given != NULL && given->n > 0 && given->n <= EDGE_ID_MAX;

	for (size_t i = 0; ok && i < given->n; i++) {
		char k = given->p[i];

		ok = (k >= '0' && k <= '9') || (k >= 'a' && k <= 'z') ||
		    (k >= 'A' && k <= 'Z') || k == '-' || k == '_' || k == '.';
	}
	if (ok)
		(void)str_copy(c->id, sizeof c->id, *given);
	else
		rnd_id(c->id);
}

static struct call *
call_new(struct coordinator *co, struct stream *s, const struct http_head *head)
{
	struct call *c = xcalloc(1, sizeof *c);
	const struct str *origin = http_get(head, "origin");

	c->magic = CALL_MAGIC;
	c->co = co;
	c->stream = s;
	c->query = arena_str(&c->arena, http_query(head->target));
	if (origin != NULL && origin_allowed(co, *origin))
		c->origin = arena_str(&c->arena, *origin);
	take_request_id(c, head);
	return c;
}

static void
call_free(struct call *c)
{
	arena_fini(&c->arena);
	KILL_OBJ(c);
	free(c);
}

/* Only used while an answer is still being made: nobody reads further. */
static void
ignore_head(void *owner UNUSED, const struct http_head *head UNUSED)
{
}

static void
ignore_body(void *owner, const uint8_t *p UNUSED, size_t n)
{
	struct call *c;

	CAST_OBJ(c, owner, CALL_MAGIC);
	stream_consumed(c->stream, n);
}

static void
ignore(void *owner UNUSED)
{
}

static void
on_client_gone(void *owner, const struct err *why UNUSED)
{
	struct call *c;

	CAST_OBJ(c, owner, CALL_MAGIC);
	stream_close(c->stream);
	c->stream = NULL;
}

static const struct stream_sink waiting_sink = {
    .on_head = ignore_head,
    .on_body = ignore_body,
    .on_room = ignore,
    .on_end = ignore,
    .on_fail = on_client_gone,
};

/* --- answers ------------------------------------------------------------------ */

static void
answer(struct call *c, int status, const char *type, struct str body,
    const struct http_field *extra, size_t n_extra)
{
	struct http_field fields[12] = {
	    {STR("X-Request-Id"), str_of(c->id)},
	    {STR("Cache-Control"), STR("no-store")},
	    {STR("X-Content-Type-Options"), STR("nosniff")},
	};
	size_t n = 3;

	n += cors_fields(c->origin, fields + n);
	for (size_t i = 0; i < n_extra && n < COUNT_OF(fields); i++)
		fields[n++] = extra[i];
	c->co->edge.by_class[status / 100]++;
	if (c->stream != NULL)
		reply_bytes(c->stream, status, type, fields, n, body);
	call_free(c);
}

void
call_bytes(struct call *c, int status, const char *type, struct str body)
{
	answer(c, status, type, body, NULL, 0);
}

void
call_json(struct call *c, int status, struct str body)
{
	call_bytes(c, status, "application/json", body);
}

static void
answer_error(struct call *c, int status, const char *code, const char *msg,
    const char *field, const struct http_field *extra, size_t n_extra)
{
	enum {
		ERROR_MAX = 8 * 1024
	};
	struct buf b = BUF_INIT(ERROR_MAX);
	struct jsonw w = jsonw_to(&b);

	jsonw_obj(&w);
	jsonw_key(&w, "error");
	jsonw_obj(&w);
	jsonw_kz(&w, "code", code);
	jsonw_kz(&w, "message", msg);
	if (field != NULL)
		jsonw_kz(&w, "field", field);
	jsonw_kz(&w, "request_id", c->id);
	jsonw_end_obj(&w);
	jsonw_kz(&w, "detail", msg);
	jsonw_end_obj(&w);
	answer(c, status, "application/json", buf_view(&b), extra, n_extra);
	buf_fini(&b);
}

void
call_error(struct call *c, const struct err *err, const char *field)
{
	const struct http_field later = {STR("Retry-After"), STR("2")};
	int status = err_http_status(err->code);

	answer_error(c, status, err_wire(err->code), err->msg, field, &later,
	    status == 429 || status == 503 ? 1 : 0);
}

/* --- finding the route ---------------------------------------------------------- */

static struct str
decode(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char hex[3] = "";
		char *end = hex;
		unsigned long v = 0;

		if (s.p[i] == '%' && i + 2 < s.n) {
			hex[0] = s.p[i + 1];
			hex[1] = s.p[i + 2];
			v = strtoul(hex, &end, 16);
		}
		if (end == hex + 2) {
			out[n++] = (char)v;
			i += 2;
		} else {
			out[n++] = s.p[i];
		}
	}
	return (struct str){out, n};
}

/* "/a/{x}" against "/a/b": segments match one by one; {x} takes one that is
 * not empty. */
static bool
path_matches(const char *pattern, struct str path, struct str *param)
{
	struct str want = str_of(pattern);

	while (want.p != NULL && path.p != NULL) {
		struct str a = str_cut(&want, '/');
		struct str b = str_cut(&path, '/');

		if (a.n != 0 && a.p[0] == '{') {
			if (b.n == 0)
				return false;
			*param = b;
		} else if (!str_eq(a, b)) {
			return false;
		}
	}
	return want.p == NULL && path.p == NULL;
}

static bool
method_fits(struct str got, const char *want)
{
	return str_eqz(got, want) ||
	    (str_eqz(got, "HEAD") && strcmp(want, "GET") == 0);
}

/* NULL: no such path (*allow is empty), or not by this method. */
static const struct route *
find_route(struct str method, struct str path, struct str *param, char *allow,
    size_t cap)
{
	size_t n;
	const struct route *routes = edge_routes(&n);

	allow[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t used = strlen(allow);

		if (!path_matches(routes[i].path, path, param))
			continue;
		if (method_fits(method, routes[i].method))
			return &routes[i];
		(void)str_fmt(allow + used, cap - used, "%s%s%s",
		    used != 0 ? ", " : "", routes[i].method,
		    strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
	}
	return NULL;
}

static void
refuse_method(struct call *c, struct str method, const char *allow)
{
	struct http_field field = {STR("Allow"), str_of(allow)};
	struct err err = {0};

	if (str_eqz(method, "OPTIONS")) {
		const struct http_field fields[] = {
		    {STR("Allow"),
			allow[0] != '\0' ? str_of(allow) : STR(ALL_METHODS)},
		    {STR("Access-Control-Max-Age"), STR("86400")},
		};

		answer(c, 200, "application/json", STR("{}"), fields,
		    c->origin.n != 0 ? 2 : 1);
		return;
	}
	if (allow[0] != '\0') {
		(void)err_set(&err, ERR_INVALID,
		    "method %.*s is not allowed here: %s", STR_ARG(method),
		    allow);
		answer_error(c, 405, "method_not_allowed", err.msg, NULL,
		    &field, 1);
		return;
	}
	(void)err_set(&err, ERR_NOT_FOUND, "there is nothing at this path");
	call_error(c, &err, NULL);
}

static void
on_body(void *owner, struct stream *s, struct str body, const struct err *why)
{
	struct call *c;

	CAST_OBJ(c, owner, CALL_MAGIC);
	if (why != NULL && why->code != ERR_TOO_BIG) { /* the client is gone */
		stream_close(s);
		call_free(c);
		return;
	}
	stream_own(s, &waiting_sink, c);
	if (why != NULL)
		call_error(c, why, NULL);
	else
		c->route->handler(c, body);
}

/* Also what keeps forms of other sites out: a browser asks first before it
 * sends this type there. */
static bool
is_json(const struct http_head *head)
{
	const struct str *field = http_get(head, "content-type");
	struct str rest = field != NULL ? *field : (struct str){0};

	return str_ieqz(str_trim(str_cut(&rest, ';')), "application/json");
}

static void
refuse_type(struct call *c)
{
	struct err err = {0};

	(void)err_set(&err, ERR_UNSUPPORTED,
	    "the body must be JSON, with Content-Type: application/json");
	call_error(c, &err, "Content-Type");
}

static void
route_call(struct coordinator *co, struct stream *s,
    const struct http_head *head)
{
	struct call *c = call_new(co, s, head);
	struct str param = {NULL, 0};
	char allow[64];

	stream_own(s, &waiting_sink, c);
	c->route = find_route(head->method, http_path(head->target), &param,
	    allow, sizeof allow);
	if (c->route == NULL) {
		refuse_method(c, head->method, allow);
		return;
	}
	c->param = decode(&c->arena, param);
	if (c->route->request != NULL && !head->no_body && !is_json(head)) {
		refuse_type(c);
		return;
	}
	if (strcmp(c->route->method, "GET") == 0)
		c->route->handler(c, STR(""));
	else
		body_collect(s, head, EDGE_BODY_MAX, on_body, c);
}

/* --- what is not an API call ------------------------------------------------------ */

static void
refuse(struct coordinator *co, struct stream *s, const struct http_head *head,
    enum err_code code, const char *msg)
{
	struct call *c = call_new(co, s, head);
	struct err err = {0};

	(void)err_set(&err, code, "%s", msg);
	call_error(c, &err, NULL);
}

/* "/service/ocr/process?x=1": the service, and "/process?x=1". */
static void
route_service(struct coordinator *co, struct stream *s,
    const struct http_head *head)
{
	struct str rest = head->target;
	struct str name;
	const struct service_info *service;
	struct arena a = {0};
	size_t skip = strlen("/service/");

	rest = (struct str){rest.p + skip, rest.n - skip};
	name = rest;
	for (size_t i = 0; i < rest.n; i++) {
		if (rest.p[i] == '/' || rest.p[i] == '?') {
			name.n = i;
			break;
		}
	}
	rest = (struct str){rest.p + name.n, rest.n - name.n};
	if (rest.n == 0 || rest.p[0] != '/') /* "/service/ocr?x" */
		rest = (struct str){arena_fmt(&a, "/%.*s", STR_ARG(rest)),
		    rest.n + 1};
	service = catalogue_find(name);
	if (service == NULL)
		refuse(co, s, head, ERR_NOT_FOUND,
		    "there is no service of this name; "
		    "GET /api/services/list names them");
	else if (str_eqz(head->method, "OPTIONS"))
		route_call(co, s, head);
	else if (co->on_service == NULL)
		refuse(co, s, head, ERR_UNAVAILABLE, "routing is not up");
	else
		co->on_service(co, s, head, service->id, rest);
	arena_fini(&a);
}

static void
refuse_host(struct coordinator *co, struct stream *s,
    const struct http_head *head)
{
	struct call *c = call_new(co, s, head);
	struct err err = {0};

	(void)err_set(&err, ERR_DENIED,
	    "'%.*s' is not a name of this coordinator; --allowed-hosts lets "
	    "it be called so",
	    STR_ARG(head->authority));
	answer_error(c, 421, "misdirected", err.msg, "Host", NULL, 0);
}

/* A unix socket is out of a browser's reach. */
static bool
host_allowed(const struct coordinator *co, const struct stream *s,
    const struct http_head *head)
{
	const char *list = co->conf.allowed_hosts;

	return (s->peer != NULL && addr_is_unix(s->peer)) ||
	    hosts_allow(str_of(list != NULL ? list : ""), head->authority);
}

static void
on_request(void *owner, struct stream *s, const struct http_head *head)
{
	struct coordinator *co;
	struct http_head normal = *head;
	struct arena a = {0};
	struct err err = {0};

	CAST_OBJ(co, owner, COORDINATOR_MAGIC);
	co->edge.requests++;
	if (http_target_normal(&a, head->target, &normal.target, &err) < 0)
		refuse(co, s, head, ERR_INVALID, err.msg);
	else if (!host_allowed(co, s, head))
		refuse_host(co, s, head);
	else if (str_eqz(http_path(normal.target), "/api/worker/link") &&
	    normal.upgrade.n != 0 && co->on_link != NULL)
		co->on_link(co, s, &normal);
	else if (normal.upgrade.n != 0 &&
	    !str_eqz(http_path(normal.target), "/api/worker/link") &&
	    !str_ieqz(normal.upgrade, "websocket"))
		refuse(co, s, head, ERR_INVALID,
		    "this upgrade is for GET /api/worker/link");
	else if (str_starts(normal.target, "/service/"))
		route_service(co, s, &normal);
	else
		route_call(co, s, &normal);
	arena_fini(&a);
}

/* --- listeners ---------------------------------------------------------------------- */

static int
open_listener(struct coordinator *co, struct str at, struct err *err)
{
	struct edge *e = &co->edge;
	const struct httpd_conf conf = {
	    .on_request = on_request,
	    .owner = co,
	};
	struct addr addr;
	struct httpd *d;

	if (addr_parse(at, &addr, err) < 0)
		return -1;
	d = httpd_new(co->loop, &addr, &conf, err);
	if (d == NULL)
		return -1;
	e->listeners[e->open++] = d;
	return 0;
}

int
edge_init(struct coordinator *co, struct err *err)
{
	char text[ADDR_TEXT_MAX];

	co->edge = (struct edge){0};
	if (open_listener(co, str_of(co->conf.listen), err) < 0)
		return -1;
	if (*co->conf.socket == '\0')
		return 0;
	if (!str_fmt(text, sizeof text, "unix:%s", co->conf.socket))
		return err_set(err, ERR_INVALID,
		    "the socket's path is too long: %s", co->conf.socket);
	return open_listener(co, str_of(text), err);
}

static void
on_listener_closed(void *arg)
{
	struct edge *e = arg;

	if (--e->open == 0 && e->on_closed != NULL)
		e->on_closed(e->arg);
}

void
edge_close(struct coordinator *co, int64_t ms, void (*done)(void *arg),
    void *arg)
{
	struct edge *e = &co->edge;
	size_t n = e->open;

	e->on_closed = done;
	e->arg = arg;
	for (size_t i = 0; i < n; i++)
		httpd_close(e->listeners[i], ms, on_listener_closed, e);
}
