/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A carriage return can only be the first byte of a delimiter (a boundary has
 * none), so a failed match never needs to go back: what matched was data, and
 * the byte that failed is looked at afresh.
 */
#include "service/multipart.h"

#include <assert.h>

enum {
	AT_PREAMBLE, /* before the first delimiter */
	AT_AFTER,    /* behind a delimiter: blanks, CR or "--" */
	AT_AFTER_CR,
	AT_AFTER_DASH,
	AT_HEAD,
	AT_DATA,
	AT_EPILOGUE,
};

static int
malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "malformed multipart form: %s", what);
}

/* --- header values ------------------------------------------------------- */

static bool
is_token(char c)
{
	return c > 0x20 && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

/* A quoted string: p behind the opening quote. Bytes used, or -1. */
static ssize_t
unquote(struct str s, char *out, size_t cap, size_t *n)
{
	size_t i = 0;

	*n = 0;
	for (;; i++) {
		if (i == s.n || *n == cap)
			return -1;
		if (s.p[i] == '"')
			return (ssize_t)i + 1;
		/* Browsers send \ as it is, older ones escape with it. */
		if (s.p[i] == '\\' && i + 1 < s.n &&
		    (s.p[i + 1] == '"' || s.p[i + 1] == '\\'))
			i++;
		out[(*n)++] = s.p[i];
	}
}

static struct str
skip_blanks(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	return s;
}

static struct str
skip(struct str s, size_t n)
{
	return (struct str){s.p + n, s.n - n};
}

/* One `; name=value`: 1 and the rest in *s, 0 at the end, -1 malformed. */
static int
next_param(struct str *s, struct str *name, char *out, size_t cap, size_t *n)
{
	struct str r = skip_blanks(*s);
	size_t len = 0;

	if (r.n == 0)
		return 0;
	if (r.p[0] != ';')
		return -1;
	r = skip_blanks(skip(r, 1));
	if (r.n == 0)
		return 0; /* a trailing semicolon */
	while (len < r.n && is_token(r.p[len]))
		len++;
	*name = (struct str){r.p, len};
	r = skip(r, len);
	if (len == 0 || r.n == 0 || r.p[0] != '=')
		return -1;
	r = skip(r, 1);
	if (r.n > 0 && r.p[0] == '"') {
		ssize_t used = unquote(skip(r, 1), out, cap, n);

		if (used < 0)
			return -1;
		*s = skip(r, 1 + (size_t)used);
		return 1;
	}
	for (len = 0; len < r.n && is_token(r.p[len]); len++)
		;
	if (len == 0 || len > cap)
		return -1;
	memcpy(out, r.p, len);
	*n = len;
	*s = skip(r, len);
	return 1;
}

int
multipart_param(struct str header, const char *want, char *out, size_t cap,
    struct str *value)
{
	char scratch[1024];
	struct str rest = header;
	struct str name;
	size_t n;
	int found = 0;
	int rc;

	(void)str_cut(&rest, ';');
	if (rest.p == NULL)
		return 0;
	rest = (struct str){rest.p - 1, rest.n + 1};
	while (
	    (rc = next_param(&rest, &name, scratch, sizeof(scratch), &n)) > 0) {
		if (!str_ieqz(name, want))
			continue;
		if (found || n > cap)
			return -1; /* twice: which one is meant? */
		memcpy(out, scratch, n);
		*value = (struct str){out, n};
		found = 1;
	}
	return rc < 0 ? -1 : found;
}

/* RFC 2046 5.1.1: bchars, not ending with a space. */
static bool
boundary_ok(struct str b)
{
	if (b.n == 0 || b.n > MULTIPART_BOUNDARY_MAX || b.p[b.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < b.n; i++) {
		char c = b.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			(c >= 'A' && c <= 'Z') ||
			(c != '\0' && strchr("'()+_,-./:=? ", c) != NULL)))
			return false;
	}
	return true;
}

int
multipart_init(struct multipart *m, struct str content_type,
    const struct multipart_sink *sink, void *owner, struct err *err)
{
	struct str rest = content_type;
	struct str type = str_trim(str_cut(&rest, ';'));
	char raw[MULTIPART_BOUNDARY_MAX];
	struct str boundary = {NULL, 0};

	if (!str_ieqz(type, "multipart/form-data"))
		return err_set(err, ERR_UNSUPPORTED,
		    "the request is neither a multipart/form-data upload nor "
		    "a document");
	if (multipart_param(content_type, "boundary", raw, sizeof(raw),
		&boundary) != 1 ||
	    !boundary_ok(boundary))
		return malformed(err, "no usable boundary in Content-Type");
	memset(m, 0, offsetof(struct multipart, head));
	memcpy(m->delim, "\r\n--", 4);
	memcpy(m->delim + 4, boundary.p, boundary.n);
	m->delim_n = 4 + boundary.n;
	m->match = 2; /* the body may begin with the delimiter */
	m->state = AT_PREAMBLE;
	m->head_n = 0;
	m->line = 0;
	m->sink = sink;
	m->owner = owner;
	return 0;
}

/* --- part heads ---------------------------------------------------------- */

struct fields {
	struct str disposition;
	struct str type;
	struct str encoding;
};

static int
one_field(struct fields *f, struct str line, struct err *err)
{
	struct str value = line;
	struct str name = str_cut(&value, ':');
	struct str *slot = NULL;

	if (value.p == NULL || name.n == 0)
		return malformed(err, "a header without a name");
	for (size_t i = 0; i < name.n; i++) {
		if (!is_token(name.p[i]))
			return malformed(err, "a bad header name");
	}
	if (str_ieqz(name, "content-disposition"))
		slot = &f->disposition;
	else if (str_ieqz(name, "content-type"))
		slot = &f->type;
	else if (str_ieqz(name, "content-transfer-encoding"))
		slot = &f->encoding;
	else
		return 0;
	if (slot->p != NULL)
		return malformed(err, "the same header twice");
	*slot = str_trim(value);
	return 0;
}

static int
read_fields(struct multipart *m, struct fields *f, struct err *err)
{
	size_t at = 0;

	while (at < m->head_n) {
		const char *cr = memchr(m->head + at, '\r', m->head_n - at);
		size_t n = (size_t)(cr - (m->head + at));

		assert(cr != NULL);
		if (m->head[at] == ' ' || m->head[at] == '\t')
			return malformed(err, "a folded header");
		if (one_field(f, (struct str){m->head + at, n}, err) != 0)
			return -1;
		at += n + 2;
	}
	return 0;
}

static int
part_begins(struct multipart *m, struct err *err)
{
	struct fields f = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
	struct multipart_part part = {0};
	char name[MULTIPART_NAME_MAX];
	char filename[1024];
	struct str kind;
	struct str rest;
	int is_file;

	if (read_fields(m, &f, err) != 0)
		return -1;
	rest = f.disposition;
	kind = str_trim(str_cut(&rest, ';'));
	if (!str_ieqz(kind, "form-data"))
		return malformed(err, "a part without form-data disposition");
	if (multipart_param(f.disposition, "name", name, sizeof(name),
		&part.name) != 1)
		return malformed(err, "a part without a name");
	is_file = multipart_param(f.disposition, "filename", filename,
	    sizeof(filename), &part.filename);
	if (is_file < 0)
		return malformed(err, "a bad file name");
	/* RFC 7578 4.7: deprecated; only what changes nothing is taken. */
	if (f.encoding.n > 0 && !str_ieqz(f.encoding, "binary") &&
	    !str_ieqz(f.encoding, "8bit") && !str_ieqz(f.encoding, "7bit"))
		return malformed(err, "an encoded part");
	part.is_file = is_file == 1;
	part.type = f.type;
	if (++m->parts > MULTIPART_PARTS_MAX)
		return err_set(err, ERR_INVALID, "more than %d form parts",
		    MULTIPART_PARTS_MAX);
	m->state = AT_DATA;
	m->match = 0;
	return m->sink->on_part(m->owner, &part, err);
}

/* One byte of a part's head. */
static int
head_byte(struct multipart *m, char c, struct err *err)
{
	size_t n = m->head_n;

	if (n == sizeof(m->head))
		return malformed(err, "a part's header is too long");
	if (c == '\0')
		return malformed(err, "a header with NUL");
	if (n > 0 && m->head[n - 1] == '\r' && c != '\n')
		return malformed(err, "a bare carriage return");
	if (c == '\n' && (n == 0 || m->head[n - 1] != '\r'))
		return malformed(err, "a bare line feed");
	m->head[m->head_n++] = c;
	if (c != '\n')
		return 0;
	if (m->head_n - m->line > 2) {
		m->line = m->head_n;
		return 0;
	}
	m->head_n -= 2; /* the empty line */
	return part_begins(m, err);
}

/* --- the body ------------------------------------------------------------ */

static int
emit(struct multipart *m, const char *p, size_t n, struct err *err)
{
	if (n == 0)
		return 0;
	if (m->state == AT_DATA)
		return m->sink->on_data(m->owner, p, n, err);
	m->skipped += n;
	if (m->skipped > MULTIPART_PREAMBLE_MAX)
		return malformed(err, "no delimiter where the form begins");
	return 0;
}

static int
delimiter_seen(struct multipart *m, struct err *err)
{
	bool data = m->state == AT_DATA;

	m->state = AT_AFTER;
	m->match = 0;
	return data ? m->sink->on_part_end(m->owner, err) : 0;
}

/* Data or preamble up to and with the next delimiter. Bytes used, or -1. */
static ssize_t
body_bytes(struct multipart *m, const char *p, size_t n, struct err *err)
{
	size_t i = 0;
	size_t held;

	while (i < n) {
		if (m->match == 0) {
			const char *cr = memchr(p + i, '\r', n - i);
			size_t end = cr != NULL ? (size_t)(cr - p) : n;

			if (emit(m, p + i, end - i, err) != 0)
				return -1;
			i = end;
			if (i == n)
				break;
		}
		if (p[i] == m->delim[m->match]) {
			i++;
			if (++m->match < m->delim_n)
				continue;
			if (delimiter_seen(m, err) != 0)
				return -1;
			return (ssize_t)i;
		}
		/* No delimiter after all; this byte is looked at afresh. */
		held = m->match;
		m->match = 0;
		if (emit(m, m->delim, held, err) != 0)
			return -1;
	}
	return (ssize_t)n;
}

/* One byte behind a delimiter. */
static int
after_byte(struct multipart *m, char c, struct err *err)
{
	switch (m->state) {
	case AT_AFTER_CR:
		if (c != '\n')
			return malformed(err, "text behind a delimiter");
		m->state = AT_HEAD;
		m->head_n = 0;
		m->line = 0;
		m->match = 0;
		return 0;
	case AT_AFTER_DASH:
		if (c != '-')
			return malformed(err, "text behind a delimiter");
		m->state = AT_EPILOGUE;
		return 0;
	default:
		break;
	}
	if (c == '\r')
		m->state = AT_AFTER_CR;
	else if (c == '-' && m->match == 0)
		m->state = AT_AFTER_DASH;
	else if (c == ' ' || c == '\t')
		m->match = 1; /* padding: no "--" may follow */
	else
		return malformed(err, "text behind a delimiter");
	return 0;
}

int
multipart_feed(struct multipart *m, const void *bytes, size_t n,
    struct err *err)
{
	const char *p = bytes;
	size_t i = 0;

	while (i < n) {
		ssize_t used = 1;

		switch (m->state) {
		case AT_PREAMBLE:
		case AT_DATA:
			used = body_bytes(m, p + i, n - i, err);
			if (used < 0)
				return -1;
			break;
		case AT_HEAD:
			if (head_byte(m, p[i], err) != 0)
				return -1;
			break;
		case AT_EPILOGUE:
			return 0;
		default:
			if (after_byte(m, p[i], err) != 0)
				return -1;
			break;
		}
		i += (size_t)used;
	}
	return 0;
}

int
multipart_finish(const struct multipart *m, struct err *err)
{
	if (m->state != AT_EPILOGUE)
		return malformed(err, "it ends too early");
	return 0;
}
