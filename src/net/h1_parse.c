/* SPDX-License-Identifier: Apache-2.0 */
#include "net/h1_parse.h"

#include <stdlib.h>

#include "base/mem.h"
#include "net/h1_named.h"

enum {
	OVERHEAD_MAX = 4 * 1024, /* bytes of chunk extensions per message */
	INTERIM_MAX = 10,        /* 1xx heads before the final one */
	HTTP_VERSION_LEN = 10, /* " HTTP/1.1" and the space before the target */
	BLANK_MAX = 4,         /* empty lines before a message */
	PADDING_FREE = 4,      /* ": " and, without a value, the line's end */
};

static int
refuse(struct h1_parse *p, int status, const char *why)
{
	if (p->status == 0) {
		p->status = status;
		p->why = why;
	}
	return -1;
}

/* --- spans ---------------------------------------------------------------- */

/* Grows a view by what follows it directly. */
static int
span_grow(struct h1_parse *p, struct str *s, const char *at, size_t n)
{
	if (s->p == NULL || s->n == 0)
		s->p = at;
	else if (s->p + s->n != at)
		return refuse(p, 400, "a folded header line");
	s->n += n;
	return 0;
}

static int
on_begin(llhttp_t *ll)
{
	struct h1_parse *p = ll->data;

	p->state = H1P_HEAD;
	return 0;
}

static int
on_method(llhttp_t *ll, const char *at, size_t n)
{
	struct h1_parse *p = ll->data;

	if (p->mark == NULL)
		p->mark = at;
	return span_grow(p, &p->method, at, n);
}

static int
on_url(llhttp_t *ll, const char *at, size_t n)
{
	struct h1_parse *p = ll->data;

	if (span_grow(p, &p->url, at, n) < 0)
		return -1;
	if (p->url.p != p->method.p + p->method.n + 1)
		return refuse(p, 400, "more than one space in the first line");
	if (p->method.n + p->url.n + HTTP_VERSION_LEN > HTTP_LINE_MAX)
		return refuse(p, 414, "the request line is too long");
	return 0;
}

static int
field_add(struct h1_parse *p, struct str *s, const char *at, size_t n)
{
	const struct http_field *f = &p->fields[p->n_fields - 1];

	if (span_grow(p, s, at, n) < 0)
		return -1;
	p->total_bytes += n;
	if (f->name.n + f->value.n > HTTP_FIELD_MAX)
		return refuse(p, 431, "a header field is too large");
	if (p->total_bytes > p->bytes_max)
		return refuse(p, 431, "the header fields are too large");
	return 0;
}

static int
on_name(llhttp_t *ll, const char *at, size_t n)
{
	struct h1_parse *p = ll->data;

	if (p->mark == NULL)
		p->mark = at;
	if (p->fields == NULL)
		p->fields = xmalloc(p->fields_max * sizeof(*p->fields));
	if (!p->in_name) {
		if (p->total_fields == p->fields_max)
			return refuse(p, 431, "too many header fields");
		p->total_fields++;
		p->fields[p->n_fields++] = (struct http_field){0};
		p->in_name = true;
	}
	return field_add(p, &p->fields[p->n_fields - 1].name, at, n);
}

static int
on_value(llhttp_t *ll, const char *at, size_t n)
{
	struct h1_parse *p = ll->data;

	p->in_name = false;
	return field_add(p, &p->fields[p->n_fields - 1].value, at, n);
}

/* There may be any amount of white space before a value, and it is kept with
 * the rest of the head: it counts like the value. */
static int
count_padding(struct h1_parse *p, const struct http_field *f)
{
	size_t gap = 0;

	if (f->value.p != NULL)
		gap = (size_t)(f->value.p - f->name.p) - f->name.n;
	if (gap <= PADDING_FREE)
		return 0;
	p->total_bytes += gap;
	if (f->name.n + gap + f->value.n > HTTP_FIELD_MAX)
		return refuse(p, 431, "a header field is too large");
	if (p->total_bytes > p->bytes_max)
		return refuse(p, 431, "the header fields are too large");
	return 0;
}

static int
on_value_complete(llhttp_t *ll)
{
	struct h1_parse *p = ll->data;
	struct http_field *f = &p->fields[p->n_fields - 1];

	p->in_name = false;
	if (count_padding(p, f) < 0)
		return -1;
	f->value = str_trim(f->value);
	/* llhttp has seen to it that the name is a token. */
	if (f->name.n == 0 || memchr(f->name.p, '_', f->name.n) != NULL)
		return refuse(p, 400, "a header name is not valid");
	if (!http_is_value(f->value))
		return refuse(p, 400, "a header value holds control bytes");
	return 0;
}

static int
on_extension(llhttp_t *ll, const char *at UNUSED, size_t n)
{
	struct h1_parse *p = ll->data;

	p->overhead += n + 1;
	if (p->overhead > OVERHEAD_MAX)
		return refuse(p, 400, "chunk extensions are too large");
	return 0;
}

/* --- what a head means ---------------------------------------------------- */

struct framing {
	uint32_t seen; /* singletons */
	bool chunked;
	bool has_length;
	bool has_coding;
	bool upgrade_named; /* Connection: upgrade */
	bool close_named, keep_named;
	bool names_fields; /* Connection names more than those three */
	uint64_t length;
	struct str host, upgrade;
	bool has_host;
};

static int
read_connection(struct h1_parse *p, struct framing *f, struct str list)
{
	while (list.n > 0) {
		struct str name = str_trim(str_cut(&list, ','));

		if (name.n == 0)
			continue;
		if (str_ieqz(name, "close"))
			f->close_named = true;
		else if (str_ieqz(name, "keep-alive"))
			f->keep_named = true;
		else if (str_ieqz(name, "upgrade"))
			f->upgrade_named = true;
		else if (!http_is_token(name))
			return refuse(p, 400,
			    "Connection is not a list of "
			    "names");
		else if (!h1_may_not_be_named(name))
			f->names_fields = true;
		else if (p->request)
			return refuse(p, 400,
			    "Connection names a field that "
			    "is not its own to name");
	}
	return 0;
}

static int
read_coding(struct h1_parse *p, struct framing *f, struct str list)
{
	if (p->http10)
		return refuse(p, 400, "Transfer-Encoding in HTTP/1.0");
	if (f->has_coding)
		return refuse(p, 400, "more than one Transfer-Encoding");
	f->has_coding = true;
	if (str_ieqz(list, "chunked")) {
		f->chunked = true;
		return 0;
	}
	while (list.n > 0) {
		struct str name = str_trim(str_cut(&list, ','));

		if (!http_is_token(name) ||
		    (str_ieqz(name, "chunked") && list.p != NULL))
			return refuse(p, 400,
			    "Transfer-Encoding does not end "
			    "with one chunked");
		if (!str_ieqz(name, "chunked"))
			return refuse(p, 501,
			    "only the transfer coding "
			    "chunked is known");
	}
	return refuse(p, 400, "Transfer-Encoding is empty");
}

static int
read_length(struct h1_parse *p, struct framing *f, struct str v)
{
	if (f->has_length)
		return refuse(p, 400, "more than one Content-Length");
	f->has_length = true;
	if (!str_u64(v, &f->length) || f->length > INT64_MAX)
		return refuse(p, 400, "Content-Length is not a number");
	return 0;
}

static int
read_expect(struct h1_parse *p, struct http_head *h, struct str v)
{
	if (!str_ieqz(v, "100-continue"))
		return refuse(p, 417, "only 100-continue can be expected");
	h->expect_continue = !p->http10;
	return 0;
}

enum {
	KEEP = 0,
	DROP = 1
};

static int
ended(int rc)
{
	return rc < 0 ? rc : DROP;
}

/* The names outlive the head. */
static void
note_trailers(struct h1_parse *p, struct str names)
{
	char *old = p->announced;

	p->announced = old == NULL ? xstrndup(names.p, names.n)
				   : xasprintf("%s,%.*s", old, STR_ARG(names));
	free(old);
}

/* Reads one field that matters to us. DROP: it ends here. */
static int
read_special(struct h1_parse *p, struct framing *f, struct http_head *h,
    const struct http_field *x)
{
	switch (x->name.n) {
	case 4:
		if (!str_ieqz(x->name, "host"))
			return KEEP;
		f->has_host = true;
		f->host = x->value;
		return DROP;
	case 6:
		if (!p->request || !str_ieqz(x->name, "expect"))
			return KEEP;
		return ended(read_expect(p, h, x->value));
	case 7:
		if (str_ieqz(x->name, "trailer"))
			note_trailers(p, x->value);
		if (!str_ieqz(x->name, "upgrade"))
			return KEEP;
		f->upgrade = x->value;
		return DROP;
	case 10:
		if (str_ieqz(x->name, "connection"))
			return ended(read_connection(p, f, x->value));
		return str_ieqz(x->name, "keep-alive") ? DROP : KEEP;
	case 14:
		if (!str_ieqz(x->name, "content-length"))
			return KEEP;
		return ended(read_length(p, f, x->value));
	case 16:
		return str_ieqz(x->name, "proxy-connection") ? DROP : KEEP;
	case 17:
		if (!str_ieqz(x->name, "transfer-encoding"))
			return KEEP;
		return ended(read_coding(p, f, x->value));
	default:
		return KEEP;
	}
}

/* Connection's values are still there: the fields were only compacted. */
static void
drop_named(struct http_head *h, struct str list)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n_fields; i++)
		if (!h1_is_named(list, h->fields[i].name))
			h->fields[kept++] = h->fields[i];
	h->n_fields = kept;
}

static int
read_fields(struct h1_parse *p, struct framing *f, struct http_head *h)
{
	struct str connections[4];
	size_t n_connections = 0;

	for (size_t i = 0; i < p->n_fields; i++) {
		struct http_field x = p->fields[i];
		uint32_t bit = http_singleton(x.name);
		int what = read_special(p, f, h, &x);

		if (what < 0)
			return -1;
		if ((f->seen & bit) != 0)
			return refuse(p, 400,
			    "a header field that may come "
			    "once came twice");
		f->seen |= bit;
		if (what == KEEP) {
			h->fields[h->n_fields++] = x;
		} else if (x.name.n == 10 && str_ieqz(x.name, "connection")) {
			if (n_connections == COUNT_OF(connections))
				return refuse(p, 400,
				    "too many Connection "
				    "fields");
			connections[n_connections++] = x.value;
		}
	}
	if (f->names_fields)
		for (size_t i = 0; i < n_connections; i++)
			drop_named(h, connections[i]);
	if (f->chunked && f->has_length)
		return refuse(p, 400,
		    "Content-Length together with Transfer-Encoding");
	return 0;
}

/* Origin form as it is; absolute form is cut to it. */
static int
read_target(struct h1_parse *p, const struct framing *f, struct http_head *h)
{
	struct str t = p->url;
	size_t cut = 0;

	h->scheme = STR("http");
	h->authority = f->host;
	if (t.n > 7 && str_ieqz((struct str){t.p, 7}, "http://"))
		cut = 7;
	else if (t.n > 8 && str_ieqz((struct str){t.p, 8}, "https://"))
		cut = 8;
	if (cut > 0) {
		struct str rest = {t.p + cut, t.n - cut};
		size_t n = 0;

		while (n < rest.n && strchr("/?#", rest.p[n]) == NULL)
			n++;
		h->authority = (struct str){rest.p, n};
		if (!http_is_authority(h->authority))
			return refuse(p, 400, "the target's host is not valid");
		t = n == rest.n ? STR("/")
				: (struct str){rest.p + n, rest.n - n};
		if (cut == 8)
			h->scheme = STR("https");
	}
	if (!http_is_target(t))
		return refuse(p, 400, "the request target is not valid");
	if (t.p[0] == '*' && !str_eqz(h->method, "OPTIONS"))
		return refuse(p, 400, "the target '*' is for OPTIONS");
	h->target = t;
	return 0;
}

static int
read_upgrade(struct h1_parse *p, const struct framing *f, struct http_head *h)
{
	const struct str *key;
	const struct str *version;

	if (!f->upgrade_named || f->upgrade.n == 0 || p->http10)
		return 0;
	if (!str_ieqz(f->upgrade, "websocket")) {
		/* One of our own; anything else is not understood and the
		 * request is like any other. */
		if (str_ieqz(f->upgrade, "hearth-link/1") &&
		    str_eqz(h->method, "GET") && h->no_body)
			h->upgrade = f->upgrade;
		return 0;
	}
	key = http_get(h, "sec-websocket-key");
	version = http_get(h, "sec-websocket-version");
	if (!str_eqz(h->method, "GET") || !h->no_body)
		return refuse(p, 400,
		    "a websocket begins with GET, without a "
		    "body");
	if (key == NULL || key->n != 24 || !str_ends(*key, "=="))
		return refuse(p, 400, "Sec-WebSocket-Key is not valid");
	if (version == NULL || !str_eqz(*version, "13"))
		return refuse(p, 400, "Sec-WebSocket-Version is not 13");
	h->upgrade = f->upgrade;
	return 0;
}

/* llhttp also knows RTSP and ICE, and takes any number of spaces. The bytes
 * behind the target are still there. */
static int
check_protocol(struct h1_parse *p)
{
	const char *at = p->url.p + p->url.n;

	if (at[0] == ' ' && at[1] == ' ')
		return refuse(p, 400, "more than one space in the first line");
	if (memcmp(at, " HTTP/", 6) != 0)
		return refuse(p, 400, "the protocol is not HTTP");
	return 0;
}

static int
read_request(struct h1_parse *p, struct framing *f, struct http_head *h)
{
	if (check_protocol(p) < 0)
		return -1;
	h->method = p->method;
	if (str_eqz(h->method, "CONNECT"))
		return refuse(p, 405, "CONNECT is not for this server");
	if (read_fields(p, f, h) < 0)
		return -1;
	if (!f->has_host && !p->http10)
		return refuse(p, 400, "Host is missing");
	if (f->has_host && !http_is_authority(f->host))
		return refuse(p, 400, "Host is not valid");
	if (read_target(p, f, h) < 0)
		return -1;
	h->content_length = f->has_length ? (int64_t)f->length : -1;
	h->no_body = !f->chunked && h->content_length <= 0;
	if (h->no_body)
		h->expect_continue = false;
	if (read_upgrade(p, f, h) < 0)
		return -1;
	p->raw = h->upgrade.n > 0;
	return 0;
}

static int
read_response(struct h1_parse *p, struct framing *f, struct http_head *h)
{
	h->status = llhttp_get_status_code(&p->ll);
	if (h->status < 100 || h->status > 599)
		return refuse(p, 502, "the status code is out of range");
	if (read_fields(p, f, h) < 0)
		return -1;
	h->content_length = f->has_length ? (int64_t)f->length : -1;
	p->interim = h->status < 200 && h->status != 101;
	h->no_body = p->no_body || h->status < 200 || h->status == 204 ||
	    h->status == 304 || (!f->chunked && h->content_length == 0);
	if (h->status == 101) {
		if (!p->upgrade_ok || f->upgrade.n == 0)
			return refuse(p, 502,
			    "an upgrade that was not asked "
			    "for");
		h->upgrade = f->upgrade;
		h->no_body = false;
		p->raw = true;
	}
	if (p->interim && ++p->n_interim > INTERIM_MAX)
		return refuse(p, 502, "too many interim responses");
	return 0;
}

static int
on_headers(llhttp_t *ll)
{
	struct h1_parse *p = ll->data;
	struct http_head h = {.content_length = -1, .fields = p->fields};
	struct framing f = {0};
	int rc;

	if (llhttp_get_http_major(ll) != 1 || llhttp_get_http_minor(ll) > 1)
		return refuse(p, 505, "the version is not spoken here");
	p->http10 = llhttp_get_http_minor(ll) == 0;
	p->raw = p->interim = false;
	rc = p->request ? read_request(p, &f, &h) : read_response(p, &f, &h);
	if (rc < 0)
		return -1;
	p->keep_alive = p->http10 ? f.keep_named && !f.close_named
				  : !f.close_named;
	if (!p->request && !h.no_body && !f.chunked && !f.has_length)
		p->keep_alive = false; /* until the connection ends */
	ll->upgrade = p->raw;
	if (!p->interim)
		p->state = H1P_BODY;
	p->ev->on_head(p->owner, &h);
	p->mark = NULL;
	p->n_fields = 0;
	p->method = p->url = (struct str){0};
	if (p->interim)
		p->total_fields = p->total_bytes = 0;
	if (p->raw)
		return 2;
	return p->no_body && !p->interim ? 1 : 0;
}

static int
on_body(llhttp_t *ll, const char *at, size_t n)
{
	struct h1_parse *p = ll->data;

	p->ev->on_body(p->owner, (const uint8_t *)at, n);
	return 0;
}

static int
on_chunk_header(llhttp_t *ll)
{
	struct h1_parse *p = ll->data;

	if (ll->content_length == 0)
		p->in_trailers = true;
	return 0;
}

/* Trailers that nobody was told to expect are not passed on. */
static size_t
announced_only(struct h1_parse *p)
{
	struct str names = str_of(p->announced != NULL ? p->announced : "");
	size_t kept = 0;

	for (size_t i = 0; i < p->n_fields; i++)
		if (h1_is_named(names, p->fields[i].name))
			p->fields[kept++] = p->fields[i];
	return kept;
}

static int
on_complete(llhttp_t *ll)
{
	struct h1_parse *p = ll->data;

	if (p->interim) {
		p->interim = false;
		p->state = H1P_IDLE;
		return 0;
	}
	if (p->raw)
		return 0; /* HPE_PAUSED_UPGRADE follows */
	p->state = H1P_DONE;
	p->ev->on_end(p->owner, p->fields, announced_only(p));
	p->mark = NULL;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_method = on_method,
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_complete,
    .on_chunk_header = on_chunk_header,
    .on_chunk_extension_name = on_extension,
    .on_chunk_extension_value = on_extension,
};

/* --- life ----------------------------------------------------------------- */

void
h1_parse_init(struct h1_parse *p, bool request, const struct h1_events *ev,
    void *owner)
{
	*p = (struct h1_parse){.ev = ev,
	    .owner = owner,
	    .request = request,
	    .fields_max = HTTP_FIELDS_MAX,
	    .bytes_max = HTTP_HEAD_MAX};
	llhttp_init(&p->ll, request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
	p->ll.data = p;
}

void
h1_parse_behind_us(struct h1_parse *p)
{
	p->fields_max += HTTP_ADDED_MAX;
	p->bytes_max += HTTP_ADDED_BYTES;
}

void
h1_parse_tidy(struct h1_parse *p)
{
	if (p->mark != NULL)
		return;
	free(p->fields);
	p->fields = NULL;
}

void
h1_parse_fini(struct h1_parse *p)
{
	free(p->announced);
	p->announced = NULL;
	free(p->fields);
	p->fields = NULL;
}

static int
status_of(const llhttp_t *ll, enum llhttp_errno e, const char **why)
{
	*why = "malformed HTTP";
	switch ((int)e) {
	case HPE_INVALID_VERSION:
		if (ll->http_major == 1 && ll->http_minor <= 1)
			return 400; /* what follows it is wrong */
		*why = "the version is not spoken here";
		return 505;
	case HPE_PAUSED_H2_UPGRADE:
		*why = "the version is not spoken here";
		return 505;
	case HPE_INVALID_METHOD:
		*why = "the method is not known";
		return 400;
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_UNEXPECTED_CONTENT_LENGTH:
		*why = "Content-Length is not valid";
		return 400;
	case HPE_INVALID_TRANSFER_ENCODING:
		*why = "Transfer-Encoding is not valid";
		return 400;
	case HPE_INVALID_CHUNK_SIZE:
		*why = "a chunk size is not valid";
		return 400;
	default:
		return 400;
	}
}

/* Before a message, a few empty lines are forgiven (RFC 9112 2.2): whole ones,
 * where llhttp takes any CR and LF. Returns how many bytes they took. */
static size_t
skip_blank(struct h1_parse *p, const char *b, size_t n)
{
	size_t i = 0;

	for (; i < n; i++) {
		bool inside = (p->blank & 1) != 0;

		if (b[i] != (inside ? '\n' : '\r')) {
			if (inside || b[i] == '\n')
				refuse(p, 400, "a line without CRLF");
			break;
		}
		if (++p->blank > 2 * BLANK_MAX)
			refuse(p, 400, "too many empty lines");
	}
	return i;
}

/* White space that never ends is no head, though nothing of it is a span. */
static bool
is_only_space(const struct h1_parse *p, const char *end)
{
	const struct str *last = &p->method;
	const struct http_field *f;

	if (p->mark == NULL)
		return false;
	if (p->n_fields > 0) {
		f = &p->fields[p->n_fields - 1];
		last = f->value.p != NULL ? &f->value : &f->name;
	} else if (p->url.p != NULL) {
		last = &p->url;
	}
	return (size_t)(end - last->p) - last->n > HTTP_FIELD_MAX;
}

size_t
h1_parse_feed(struct h1_parse *p, const char *b, size_t n)
{
	size_t blank = p->state == H1P_IDLE ? skip_blank(p, b, n) : 0;
	enum llhttp_errno e = HPE_OK;
	const char *at;

	if (p->status == 0 && blank < n)
		e = llhttp_execute(&p->ll, b + blank, n - blank);
	if (e == HPE_OK && is_only_space(p, b + n))
		refuse(p, p->n_fields > 0 ? 431 : 400, "too much white space");
	if (e == HPE_OK) {
		if (p->status != 0)
			p->state = H1P_FAILED;
		return n;
	}
	at = llhttp_get_error_pos(&p->ll);
	if (e == HPE_PAUSED)
		return (size_t)(at - b);
	if (e == HPE_PAUSED_UPGRADE && p->raw && p->state == H1P_BODY) {
		p->state = H1P_RAW;
		return (size_t)(at - b);
	}
	if (p->status == 0)
		p->status = status_of(&p->ll, e, &p->why);
	p->state = H1P_FAILED;
	return n;
}

void
h1_parse_next(struct h1_parse *p)
{
	p->state = H1P_IDLE;
	p->mark = NULL;
	p->method = p->url = (struct str){0};
	p->n_fields = p->total_fields = p->total_bytes = p->overhead = 0;
	p->n_interim = 0;
	p->blank = 0;
	free(p->announced);
	p->announced = NULL;
	p->in_name = p->in_trailers = false;
	llhttp_reset(&p->ll);
}

void
h1_parse_moved(struct h1_parse *p, const char *to)
{
	const char *from = p->mark;

	if (from == NULL || from == to)
		return;
	if (p->method.p != NULL)
		p->method.p = to + (p->method.p - from);
	if (p->url.p != NULL)
		p->url.p = to + (p->url.p - from);
	for (size_t i = 0; i < p->n_fields; i++) {
		struct http_field *f = &p->fields[i];

		f->name.p = to + (f->name.p - from);
		if (f->value.p != NULL)
			f->value.p = to + (f->value.p - from);
	}
	p->mark = to;
}

bool
h1_parse_eof(struct h1_parse *p)
{
	if (p->state != H1P_BODY)
		return false;
	switch ((int)llhttp_finish(&p->ll)) {
	case HPE_OK:
	case HPE_PAUSED:
		return p->state == H1P_DONE;
	default:
		return false;
	}
}
