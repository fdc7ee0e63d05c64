/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/forward.h"

#include <stdlib.h>

#include "base/mem.h"
#include "coordinator/fields.h"

enum {
	TRACESTATE_MAX = 512,
	OUR_FIELDS = 4 + HOP_FIELDS, /* that may be added */
};

/* One head being made. */
struct making {
	struct forward *f;
	struct arena *a;
	struct http_head *out;
	char *id;
	struct str via, trace; /* what the client said */
	char *at;              /* next free byte of the copies */
};

/* Family and address alike; every connection has another port, which stands
 * between them. */
static bool
same_host(const struct addr *a, const struct addr *b)
{
	const socklen_t behind = 4; /* family and port */

	return a->len == b->len && a->len > behind &&
	    a->sa.ss_family == b->sa.ss_family &&
	    memcmp((const char *)&a->sa + behind, (const char *)&b->sa + behind,
		a->len - behind) == 0;
}

static struct str
peer_text(struct forward *f, const struct addr *a)
{
	size_t n;

	if (a == NULL || addr_is_unix(a))
		return STR("unix");
	if (!same_host(a, &f->peer)) {
		f->peer = *a;
		(void)addr_text(a, f->peer_text);
		n = strlen(f->peer_text);
		while (n > 0 && f->peer_text[n - 1] != ':')
			n--;
		if (n > 0)
			f->peer_text[n - 1] = '\0';
	}
	return str_of(f->peer_text);
}

static void
new_id(struct making *m)
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t bits = hop_random(&m->f->hop);

	for (size_t i = 0; i < 16; i++) {
		if (i == 8)
			bits = hop_random(&m->f->hop);
		m->id[i] = digits[bits & 31];
		bits >>= 5;
	}
	m->id[16] = '\0';
}

static char *
append(char *to, struct str s)
{
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

static void
add_forwarded(struct making *m, const struct addr *peer)
{
	struct http_head *h = m->out;
	struct str who = peer_text(m->f, peer);
	struct str us = str_of(m->f->via);

	http_add(h, STR("forwarded"), hop_forwarded(m->a, who, h->authority));
	if (m->via.n > 0)
		us = str_of(
		    arena_fmt(m->a, "%.*s, %s", STR_ARG(m->via), m->f->via));
	http_add(h, STR("via"), us);
}

static struct str
copy(struct making *m, struct str s)
{
	char *p = m->at;

	m->at = append(p, s);
	return (struct str){p, s.n};
}

static size_t
copy_size(const struct http_head *in)
{
	size_t n = in->method.n + in->authority.n + 1;

	for (size_t i = 0; i < in->n_fields; i++)
		n += in->fields[i].name.n + in->fields[i].value.n;
	return n;
}

/* Of the dropped fields, those whose value goes on in ours. */
static void
take_dropped(struct making *m, const struct http_field *f)
{
	if (str_ieqz(f->name, "via"))
		m->via = m->via.n == 0
		    ? f->value
		    : str_of(arena_fmt(m->a, "%.*s, %.*s", STR_ARG(m->via),
			  STR_ARG(f->value)));
	else if (str_ieqz(f->name, "traceparent") &&
	    fields_traceparent_ok(f->value))
		m->trace = arena_str(m->a, f->value);
	else if (str_ieqz(f->name, "x-request-id") &&
	    fields_request_id_ok(f->value))
		(void)str_copy(m->id, FORWARD_ID_MAX + 1, f->value);
}

static void
copy_fields(struct making *m, const struct http_head *in)
{
	for (size_t i = 0; i < in->n_fields; i++) {
		const struct http_field *f = &in->fields[i];

		if (fields_drop_request(f->name))
			take_dropped(m, f);
		else if (f->value.n <= TRACESTATE_MAX ||
		    !str_ieqz(f->name, "tracestate"))
			http_add(m->out, copy(m, f->name), copy(m, f->value));
	}
}

struct str
forward_target(struct arena *a, const char *service, struct str rest)
{
	struct str name = str_of(service);
	char *t = arena_alloc(a, 9 + name.n + rest.n), *at = t;

	at = append(at, STR("/service/"));
	at = append(at, name);
	at = append(at, rest);
	return (struct str){t, (size_t)(at - t)};
}

bool
forward_head(struct forward *f, struct arena *a, const struct http_head *in,
    const struct addr *peer, struct str target, char *id, struct http_head *out)
{
	struct making m = {.f = f, .a = a, .out = out, .id = id};

	m.at = arena_alloc(a, copy_size(in));
	*out = *in;
	out->fields = arena_alloc(a,
	    (in->n_fields + OUR_FIELDS) * sizeof(*out->fields));
	out->n_fields = 0;
	out->room = in->n_fields + OUR_FIELDS;
	out->method = copy(&m, in->method);
	out->authority = copy(&m, in->authority);
	out->scheme = STR("http");
	out->target = target;
	out->expect_continue = false;
	out->upgrade = str_ieqz(in->upgrade, "websocket") ? STR("websocket")
							  : (struct str){0};
	id[0] = '\0';
	copy_fields(&m, in);
	if (id[0] == '\0')
		new_id(&m);
	add_forwarded(&m, peer);
	http_add(out, STR("x-request-id"), str_of(id));
	if (m.trace.n > 0)
		http_add(out, STR("traceparent"), m.trace);
	return m.via.n == 0 || !fields_via_names(m.via, f->via + 4);
}

void
forward_init(struct forward *f, const char *name)
{
	*f = (struct forward){.via = xasprintf("1.1 %s", name)};
	hop_init(&f->hop);
}

void
forward_fini(struct forward *f)
{
	free((void *)(uintptr_t)f->via);
}
