/* SPDX-License-Identifier: Apache-2.0 */
/* The message model: fields, grammar, targets, what is known by name. */
#include "net/http.h"

#include <assert.h>
#include <string.h>

/* --- heads ---------------------------------------------------------------- */

const struct str *
http_get(const struct http_head *h, const char *name)
{
	struct str want = str_of(name);

	for (size_t i = 0; i < h->n_fields; i++)
		if (str_ieq(h->fields[i].name, want))
			return &h->fields[i].value;
	return NULL;
}

void
http_head_extend(struct arena *a, struct http_head *h, size_t extra)
{
	struct http_field *f = arena_alloc(a,
	    (h->n_fields + extra + 1) * sizeof(*f));

	if (h->n_fields > 0)
		memcpy(f, h->fields, h->n_fields * sizeof(*f));
	h->fields = f;
	h->room = extra;
}

struct http_head *
http_head_copy(struct arena *a, const struct http_head *h)
{
	struct http_head *c = arena_alloc(a, sizeof(*c));

	*c = *h;
	c->method = arena_str(a, h->method);
	c->target = arena_str(a, h->target);
	c->authority = arena_str(a, h->authority);
	c->scheme = arena_str(a, h->scheme);
	c->upgrade = arena_str(a, h->upgrade);
	http_head_extend(a, c, 0);
	for (size_t i = 0; i < c->n_fields; i++) {
		c->fields[i].name = arena_str(a, h->fields[i].name);
		c->fields[i].value = arena_str(a, h->fields[i].value);
	}
	return c;
}

void
http_drop(struct http_head *h, bool (*drop)(struct str name))
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n_fields; i++)
		if (!drop(h->fields[i].name))
			h->fields[kept++] = h->fields[i];
	h->room += h->n_fields - kept;
	h->n_fields = kept;
}

/* --- what is well-formed -------------------------------------------------- */

enum {
	TOKEN = 1,
	NAME = 2,
	TARGET = 4,
	HOST = 8,
	UNRESERVED = 16,
	HEX = 32
};

/* Classes of each byte, from the grammars of RFC 9110 and RFC 3986. */
#define A_ (TOKEN | NAME | TARGET | HOST | UNRESERVED)
#define X_ (A_ | HEX)
#define T_ (TOKEN | NAME | TARGET)
#define S_ (T_ | HOST)
#define L_ (TOKEN | TARGET | HOST | UNRESERVED)
#define N_ (TOKEN | NAME)
#define P_ (TARGET | HOST)
#define R_ TARGET
/* clang-format off */
static const uint8_t classes[256] = {
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 0, S_, R_, N_, S_, S_, S_, S_, P_, P_, S_, S_, P_, A_, A_, R_,
	X_, X_, X_, X_, X_, X_, X_, X_, X_, X_, R_, P_, R_, P_, R_, R_,
	R_, X_, X_, X_, X_, X_, X_, A_, A_, A_, A_, A_, A_, A_, A_, A_,
	A_, A_, A_, A_, A_, A_, A_, A_, A_, A_, A_, R_,  0, R_, T_, L_,
	T_, X_, X_, X_, X_, X_, X_, A_, A_, A_, A_, A_, A_, A_, A_, A_,
	A_, A_, A_, A_, A_, A_, A_, A_, A_, A_, A_, R_, T_, R_, A_,  0,
};
/* clang-format on */
#undef S_
#undef L_
#undef N_
#undef P_
#undef R_
#undef A_
#undef X_
#undef T_

static bool
all_of(struct str s, uint8_t class)
{
	uint8_t seen = class;

	/* Without a branch per byte: nearly everything is as it should be. */
	for (size_t i = 0; i < s.n; i++)
		seen &= classes[(uint8_t)s.p[i]];
	return seen != 0;
}

bool
http_is_token(struct str s)
{
	return s.n > 0 && all_of(s, TOKEN);
}

bool
http_is_name(struct str s)
{
	return s.n > 0 && all_of(s, NAME);
}

/* Eight bytes at once: is any below 0x20, or 0x7f? (Bytes of 0x80 and above
 * are neither.) */
static bool
has_control(const char *p)
{
	static const uint64_t ones = UINT64_C(0x0101010101010101);
	static const uint64_t tops = UINT64_C(0x8080808080808080);
	uint64_t v;
	uint64_t del;

	memcpy(&v, p, sizeof(v));
	del = v ^ ones * 0x7f;
	return ((((v - ones * 0x20) & ~v) | ((del - ones) & ~del)) & tops) != 0;
}

bool
http_is_value(struct str s)
{
	size_t i = 0;

	while (i + 8 <= s.n && !has_control(s.p + i))
		i += 8;
	if (i + 8 > s.n && s.n >= 8 && !has_control(s.p + s.n - 8))
		return true;
	for (; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

bool
http_is_target(struct str s)
{
	if (str_eqz(s, "*"))
		return true;
	return s.n > 0 && s.p[0] == '/' && all_of(s, TARGET);
}

static bool
is_port(struct str s)
{
	uint64_t v;

	/* "host:" is valid (RFC 3986 3.2.3). */
	return s.n == 0 || (s.n <= 5 && str_u64(s, &v) && v <= 65535);
}

static bool
is_ip6(struct str s)
{
	int colons = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ':')
			colons++;
		else if (s.p[i] != '.' && (classes[(uint8_t)s.p[i]] & HEX) == 0)
			return false;
	}
	return colons >= 2 && s.n <= 45;
}

static bool
escapes_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '%' &&
		    (s.n - i < 3 ||
			(classes[(uint8_t)s.p[i + 1]] &
			    classes[(uint8_t)s.p[i + 2]] & HEX) == 0))
			return false;
	return true;
}

bool
http_is_authority(struct str s)
{
	const char *end;
	struct str host;

	if (s.n == 0 || s.n > 255 + 6)
		return false;
	if (s.p[0] == '[') {
		end = memchr(s.p, ']', s.n);
		if (end == NULL)
			return false;
		host = (struct str){s.p + 1, (size_t)(end - s.p) - 1};
		s = (struct str){end + 1, s.n - host.n - 2};
		return is_ip6(host) &&
		    (s.n == 0 ||
			(s.p[0] == ':' &&
			    is_port((struct str){s.p + 1, s.n - 1})));
	}
	host = str_cut(&s, ':');
	return host.n > 0 && all_of(host, HOST) && escapes_ok(host) &&
	    is_port(s);
}

uint32_t
http_singleton(struct str name)
{
	static const char *const names[] = {"host", "content-type",
	    "content-length", "authorization", "proxy-authorization", "range",
	    "user-agent", "referer", "origin", "expect", "from", "if-range",
	    "if-modified-since", "if-unmodified-since", "max-forwards", "date",
	    "etag", "last-modified", "location", "content-range",
	    "content-location", "sec-websocket-key", "sec-websocket-version"};
	static const uint32_t lengths = 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 |
	    1u << 8 | 1u << 10 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 16 |
	    1u << 17 | 1u << 19 | 1u << 21;

	if (name.n > 21 || (lengths >> name.n & 1) == 0)
		return 0;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if ((name.p[0] | 0x20) == names[i][0] &&
		    str_ieqz(name, names[i]))
			return UINT32_C(1) << i;
	return 0;
}

/* --- knowledge ------------------------------------------------------------ */

bool
http_hop_by_hop(struct str name)
{
	static const char *const names[] = {"connection", "keep-alive",
	    "proxy-connection", "proxy-authenticate", "proxy-authorization",
	    "te", "transfer-encoding", "upgrade", "http2-settings"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if ((name.p[0] | 0x20) == names[i][0] &&
		    str_ieqz(name, names[i]))
			return true;
	return false;
}

const char *
http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {{100, "Continue"}, {101, "Switching Protocols"},
	    {103, "Early Hints"}, {200, "OK"}, {201, "Created"},
	    {202, "Accepted"}, {204, "No Content"}, {205, "Reset Content"},
	    {206, "Partial Content"}, {301, "Moved Permanently"},
	    {302, "Found"}, {303, "See Other"}, {304, "Not Modified"},
	    {307, "Temporary Redirect"}, {308, "Permanent Redirect"},
	    {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"},
	    {404, "Not Found"}, {405, "Method Not Allowed"},
	    {406, "Not Acceptable"}, {408, "Request Timeout"},
	    {409, "Conflict"}, {410, "Gone"}, {411, "Length Required"},
	    {412, "Precondition Failed"}, {413, "Content Too Large"},
	    {414, "URI Too Long"}, {415, "Unsupported Media Type"},
	    {416, "Range Not Satisfiable"}, {417, "Expectation Failed"},
	    {421, "Misdirected Request"}, {422, "Unprocessable Content"},
	    {425, "Too Early"}, {426, "Upgrade Required"},
	    {428, "Precondition Required"}, {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"},
	    {499, "Client Closed Request"}, {500, "Internal Server Error"},
	    {501, "Not Implemented"}, {502, "Bad Gateway"},
	    {503, "Service Unavailable"}, {504, "Gateway Timeout"},
	    {505, "HTTP Version Not Supported"}, {507, "Insufficient Storage"},
	    {508, "Loop Detected"}};

	if (status == 200)
		return "OK";
	for (size_t i = 0; i < COUNT_OF(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

bool
http_method_is_safe(struct str m)
{
	return str_eqz(m, "GET") || str_eqz(m, "HEAD") ||
	    str_eqz(m, "OPTIONS") || str_eqz(m, "TRACE");
}

bool
http_method_is_idempotent(struct str m)
{
	return http_method_is_safe(m) || str_eqz(m, "PUT") ||
	    str_eqz(m, "DELETE");
}

/* --- targets -------------------------------------------------------------- */

struct str
http_path(struct str target)
{
	return str_cut(&target, '?');
}

struct str
http_query(struct str target)
{
	(void)str_cut(&target, '?');
	return target;
}

static unsigned
hex_value(char c)
{
	if (c <= '9')
		return (unsigned)(c - '0');
	return (unsigned)((c | 0x20) - 'a') + 10;
}

/* Byte of an escape at p[0..2], which was checked. */
static uint8_t
escape_value(const char *p)
{
	return (uint8_t)(hex_value(p[1]) << 4 | hex_value(p[2]));
}

/* The path in one spelling: unreserved bytes plain, others as %XX. */
static size_t
path_spell(struct str path, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;

	for (size_t i = 0; i < path.n; i++) {
		uint8_t v;

		if (path.p[i] != '%') {
			out[n++] = path.p[i];
			continue;
		}
		v = escape_value(path.p + i);
		i += 2;
		if ((classes[v] & UNRESERVED) != 0) {
			out[n++] = (char)v;
			continue;
		}
		out[n++] = '%';
		out[n++] = digits[v >> 4];
		out[n++] = digits[v & 15];
	}
	return n;
}

static int
path_check(struct arena *a, struct str path, struct err *err)
{
	char *raw = arena_alloc(a, path.n + 1);
	size_t n = 0;

	if (!escapes_ok(path))
		return err_set(err, ERR_INVALID,
		    "the path holds a '%%' without two hex digits");
	for (size_t i = 0; i < path.n; i++) {
		uint8_t v = (uint8_t)path.p[i];

		if (v == '%') {
			v = escape_value(path.p + i);
			i += 2;
			if (v == 0 || v == '/' || v == '\\')
				return err_set(err, ERR_INVALID,
				    "the path holds an escaped '/', '\\' or "
				    "NUL");
		}
		raw[n++] = (char)v;
	}
	if (!str_utf8_ok((struct str){raw, n}))
		return err_set(err, ERR_INVALID,
		    "the path is not valid UTF-8 once decoded");
	return 0;
}

/* RFC 3986 5.2.4 in place; -1 when it would climb above the root. */
static int
path_remove_dots(char *p, size_t *n_inout)
{
	size_t n = *n_inout;
	size_t r = 0; /* read; p[r] is '/' at the loop's start */
	size_t w = 0;

	while (r < n) {
		const char *next = memchr(p + r + 1, '/', n - r - 1);
		size_t end = next != NULL ? (size_t)(next - p) : n;
		size_t len = end - r - 1;
		bool last = next == NULL;

		if (len == 1 && p[r + 1] == '.') {
			if (last)
				p[w++] = '/';
		} else if (len == 2 && p[r + 1] == '.' && p[r + 2] == '.') {
			if (w == 0)
				return -1;
			while (p[--w] != '/')
				;
			if (last)
				p[w++] = '/';
		} else {
			memmove(p + w, p + r, end - r);
			w += end - r;
		}
		r = end;
	}
	*n_inout = w;
	return 0;
}

static bool
path_is_plain(struct str path)
{
	const char *p = path.p;
	size_t n = path.n;

	return memchr(p, '%', n) == NULL &&
	    (memchr(p, '.', n) == NULL || memmem(p, n, "/.", 2) == NULL);
}

int
http_target_normal(struct arena *a, struct str target, struct str *out,
    struct err *err)
{
	struct str path = http_path(target);
	char *p;
	size_t n;

	if (!http_is_target(target))
		return err_set(err, ERR_INVALID,
		    "the request target is not a valid path");
	if (path.p[0] != '/' || path_is_plain(path)) {
		*out = target;
		return 0;
	}
	if (path_check(a, path, err) < 0)
		return -1;
	p = arena_alloc(a, target.n + 2);
	n = path_spell(path, p);
	if (path_remove_dots(p, &n) < 0)
		return err_set(err, ERR_INVALID,
		    "the path climbs above the root");
	memcpy(p + n, target.p + path.n, target.n - path.n);
	*out = (struct str){p, n + target.n - path.n};
	return 0;
}

static struct str
query_decode(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		struct str rest = {s.p + i, MIN_OF(s.n - i, (size_t)3)};

		if (s.p[i] == '%' && escapes_ok(rest)) {
			p[n++] = (char)escape_value(s.p + i);
			i += 2;
		} else {
			p[n++] = s.p[i];
			if (s.p[i] == '+')
				p[n - 1] = ' ';
		}
	}
	p[n] = '\0';
	return (struct str){p, n};
}

bool
http_query_get(struct arena *a, struct str query, const char *key,
    struct str *out)
{
	while (query.n > 0) {
		struct str value = str_cut(&query, '&');
		struct str name = str_cut(&value, '=');

		if (!str_eqz(query_decode(a, name), key))
			continue;
		*out = query_decode(a, value);
		return true;
	}
	return false;
}
