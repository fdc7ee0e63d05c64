/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/client.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/httpc.h"
#include "net/loop.h"

enum {
	ANSWER_MAX = 256 * 1024 * 1024,
	TIMEOUT_MS = 30 * 1000,
};

/* --- where the coordinator is ---------------------------------------------- */

static int
look_up(const char *host, const char *port, struct addr *out, struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	int rc = getaddrinfo(host, port, &hints, &found);

	if (rc != 0)
		return err_set(err, ERR_UNAVAILABLE, "cannot find '%s': %s",
		    host, gai_strerror(rc));
	memcpy(&out->sa, found->ai_addr, found->ai_addrlen);
	out->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int
open_url(struct client *c, const char *url, struct err *err)
{
	struct str rest = str_of(url);
	struct str host;
	char host_z[256];
	char port_z[16] = "80";
	const char *colon;

	if (!str_starts(rest, "http://"))
		return err_set(err, ERR_INVALID,
		    "'%s' is no address such as http://127.0.0.1:8080", url);
	rest.p += strlen("http://");
	rest.n -= strlen("http://");
	host = str_cut(&rest, '/');
	(void)str_copy(c->authority, sizeof c->authority, host);
	colon = memrchr(host.p, ':', host.n);
	if (colon != NULL && memchr(colon, ']', host.n) == NULL) {
		struct str port = {colon + 1,
		    host.n - (size_t)(colon + 1 - host.p)};

		(void)str_copy(port_z, sizeof port_z, port);
		host.n = (size_t)(colon - host.p);
	}
	if (str_starts(host, "[") && str_ends(host, "]"))
		host = (struct str){host.p + 1, host.n - 2};
	if (host.n == 0 || !str_copy(host_z, sizeof host_z, host))
		return err_set(err, ERR_INVALID, "'%s' names no host", url);
	(void)str_copy(c->where, sizeof c->where, str_of(url));
	return look_up(host_z, port_z, &c->addr, err);
}

/* Where `hearth up` with the same settings would listen. */
static const char *
default_url(struct config *conf)
{
	const char *host = conf->host;

	if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	return arena_fmt(&conf->arena,
	    strchr(host, ':') != NULL ? "http://[%s]:%llu" : "http://%s:%llu",
	    host, (unsigned long long)conf->port);
}

int
client_open(struct client *c, struct config *conf, const char *url,
    struct err *err)
{
	const char *path = config_path(conf, "run/coordinator.sock");
	char text[ADDR_TEXT_MAX];

	*c = (struct client){0};
	if (url != NULL)
		return open_url(c, url, err);
	if (access(path, F_OK) != 0)
		return open_url(c, default_url(conf), err);
	if (!str_fmt(text, sizeof text, "unix:%s", path))
		return err_set(err, ERR_INVALID, "path too long: %s", path);
	(void)str_copy(c->where, sizeof c->where, str_of(text));
	(void)str_copy(c->authority, sizeof c->authority, STR("localhost"));
	return addr_parse(str_of(text), &c->addr, err);
}

/* --- one exchange ------------------------------------------------------------ */

struct call {
	struct loop *loop;
	struct buf *out;
	int status;
	struct buf answer;
	struct err why;
	bool failed;
};

static void
on_done(void *owner, int status, struct str body, const struct err *why)
{
	struct call *k = owner;

	k->status = status;
	k->failed = why != NULL;
	if (why != NULL)
		k->why = *why;
	else
		(void)buf_str(&k->answer, body);
	loop_stop(k->loop);
}

static enum err_code
code_of_status(int status)
{
	switch (status) {
	case 404:
		return ERR_NOT_FOUND;
	case 429:
		return ERR_BUSY;
	case 503:
		return ERR_UNAVAILABLE;
	case 504:
		return ERR_TIMEOUT;
	default:
		return status < 500 ? ERR_INVALID : ERR_PEER;
	}
}

/* What an error answer says, in the coordinator's own words. */
static int
refused(const struct call *k, struct err *err)
{
	struct json *j CLEANUP(
	    json_freep) = json_parse(buf_view(&k->answer), ANSWER_MAX, NULL);
	struct json_fault f = {0};
	const struct json_val *error = NULL;
	struct str msg = STR("no reason was given");

	if (j != NULL &&
	    json_obj(json_root(j), "error", JSON_OPTIONAL, &error, &f))
		(void)json_str(error, "message", JSON_OPTIONAL, &msg, &f);
	return err_set(err, code_of_status(k->status), "%.*s (status %d)",
	    STR_ARG(msg), k->status);
}

static void
make_head(const struct client *c, const struct client_send *s,
    struct http_field *fields, char **name, struct http_head *head)
{
	*head = (struct http_head){
	    .method = str_of(s->method),
	    .target = str_of(s->target),
	    .authority = str_of(c->authority),
	    .scheme = STR("http"),
	    .fields = fields,
	    .content_length = (int64_t)s->body.n,
	    .no_body = s->body.n == 0,
	};
	if (s->type != NULL)
		fields[head->n_fields++] =
		    (struct http_field){STR("content-type"), str_of(s->type)};
	if (s->name != NULL) {
		*name = client_escape(str_of(s->name));
		fields[head->n_fields++] =
		    (struct http_field){STR("x-filename"), str_of(*name)};
	}
}

static int
finish(const struct client *c, struct call *k, struct err *err)
{
	if (k->failed && k->why.code == ERR_TIMEOUT)
		return err_set(err, ERR_TIMEOUT, "no answer from %s in time",
		    c->where);
	if (k->failed)
		return err_set(err, ERR_UNAVAILABLE,
		    "no coordinator answers at %s (%s); start one with "
		    "'hearth up'",
		    c->where, k->why.msg);
	if (k->status / 100 != 2)
		return refused(k, err);
	if (!buf_str(k->out, buf_view(&k->answer)))
		return err_set(err, ERR_TOO_BIG, "the answer is too large");
	return 0;
}

int
client_call(const struct client *c, const struct client_send *send,
    struct buf *out, struct err *err)
{
	struct call k = {.out = out, .answer = BUF_INIT(ANSWER_MAX)};
	struct http_field fields[2];
	struct http_head head;
	char *name CLEANUP(freep) = NULL;
	const struct httpc_ask ask = {
	    .to = &c->addr,
	    .head = &head,
	    .body = send->body,
	    .max = ANSWER_MAX,
	    .timeout_ms = send->timeout_ms != 0 ? send->timeout_ms : TIMEOUT_MS,
	};
	int rc;

	make_head(c, send, fields, &name, &head);
	k.loop = loop_new();
	(void)httpc_request(k.loop, &ask, on_done, &k);
	loop_run(k.loop);
	loop_free(k.loop);
	rc = finish(c, &k, err);
	buf_fini(&k.answer);
	return rc;
}

int
client_get(const struct client *c, const char *target, bool print,
    struct json **out, struct err *err)
{
	const struct client_send send = {.method = "GET", .target = target};
	struct buf text = BUF_INIT(ANSWER_MAX);
	int rc = client_call(c, &send, &text, err);

	*out = NULL;
	if (rc == 0 && print)
		(void)printf("%s\n", buf_cstr(&text));
	else if (rc == 0)
		*out = json_parse(buf_view(&text), ANSWER_MAX, err);
	if (rc == 0 && !print && *out == NULL)
		rc = err_wrap(err, "%s answered something else", c->where);
	buf_fini(&text);
	return rc;
}

char *
client_escape(struct str text)
{
	static const char safe[] = "-._~";
	struct buf b = BUF_INIT(SIZE_MAX / 4);

	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') ||
		    (c != '\0' && strchr(safe, c) != NULL))
			(void)buf_c(&b, (char)c);
		else
			(void)buf_fmt(&b, "%%%02X", c);
	}
	return buf_take(&b);
}
