/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E-mail (RFC 5322, MIME): subject as heading, who and when, the best of the
 * alternative bodies, forwarded messages, attachments by name.
 *
 * GMime takes the message apart. Of text and HTML that say the same, HTML is
 * read when it says at least nearly as much. Parts are walked with a stack of
 * our own, so that nesting is limited here and not by the C stack.
 */
#include <ctype.h>
#include <stdlib.h>

#include <gmime/gmime.h>

#include "service/doc_charset.h"
#include "service/doc_html.h"
#include "service/doc_sniff.h"
#include "service/doc_text.h"

enum {
	DEPTH_MAX = 24,
	PARTS_MAX = 2000,
	PARTS_RAW_MAX = 500
};

struct eml {
	struct doc *d;
	const struct doc_limits *limits;
	struct buf attached; /* names, one a line */
	size_t parts;
	bool encrypted; /* met a part that cannot be read */
	bool any;       /* met one that could */
};

/* --- bytes of a part -------------------------------------------------- */

static bool
part_bytes(const struct eml *e, GMimePart *part, struct buf *out)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *mem;
	GByteArray *bytes;
	bool ok;

	*out = BUF_INIT(e->limits->inflated);
	if (content == NULL)
		return false;
	mem = g_mime_stream_mem_new();
	(void)g_mime_data_wrapper_write_to_stream(content, mem);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(mem));
	ok = bytes != NULL && buf_add(out, bytes->data, bytes->len);
	g_object_unref(mem);
	return ok;
}

static bool
part_text(const struct eml *e, GMimePart *part, struct buf *out)
{
	GMimeContentType *type = g_mime_object_get_content_type(
	    GMIME_OBJECT(part));
	const char *hint = g_mime_content_type_get_parameter(type, "charset");
	struct buf raw;
	char inner[64] = "";
	bool ok = part_bytes(e, part, &raw);

	*out = BUF_INIT(e->limits->inflated);
	if (ok && hint == NULL &&
	    g_mime_content_type_is_type(type, "text", "html")) {
		doc_html_charset(buf_view(&raw), inner, sizeof inner);
		hint = inner[0] != '\0' ? inner : NULL;
	}
	ok = ok && charset_to_utf8(buf_view(&raw), hint, out, NULL) == 0;
	buf_fini(&raw);
	return ok;
}

/* --- text bodies ------------------------------------------------------ */

/* How deep a line is quoted (">> "), and the line without the signs. */
static int
quote_depth(struct str *line)
{
	int depth = 0;
	struct str s = *line;

	while (s.n != 0 && s.p[0] == '>' && depth < 12) {
		depth++;
		s.p++;
		s.n--;
		if (s.n != 0 && s.p[0] == ' ') {
			s.p++;
			s.n--;
		}
	}
	if (depth != 0)
		*line = s;
	return depth;
}

static void
quoted_flush(struct doc *d, struct buf *lines, int depth)
{
	for (int i = 0; i < depth; i++)
		doc_quote(d);
	if (lines->n != 0)
		text_blocks(buf_view(lines), d);
	for (int i = 0; i < depth; i++)
		doc_end(d);
	buf_clear(lines);
}

/* format=flowed (RFC 3676): a line that ends in a space goes on. */
static void
flowed_add(struct buf *lines, struct str line, bool flowed)
{
	if (flowed && line.n != 0 && line.p[0] == ' ') {
		line.p++;
		line.n--;
	}
	(void)buf_str(lines, line);
	if (!flowed || line.n == 0 || line.p[line.n - 1] != ' ' ||
	    str_eqz(line, "-- "))
		(void)buf_c(lines, '\n');
}

static void
plain_add(struct eml *e, struct str text, bool flowed)
{
	struct buf lines = BUF_INIT(text.n * 2 + 64);
	int depth = 0;

	while (text.n != 0) {
		struct str line = str_cut(&text, '\n');
		int now;

		if (line.n != 0 && line.p[line.n - 1] == '\r')
			line.n--;
		now = quote_depth(&line);
		if (now != depth) {
			quoted_flush(e->d, &lines, depth);
			depth = now;
		}
		flowed_add(&lines, line, flowed);
	}
	quoted_flush(e->d, &lines, depth);
	buf_fini(&lines);
}

static bool
is_type(GMimeObject *o, const char *type, const char *subtype)
{
	GMimeContentType *t = g_mime_object_get_content_type(o);

	return t != NULL && g_mime_content_type_is_type(t, type, subtype);
}

static int
text_part(struct eml *e, GMimePart *part, struct err *err)
{
	struct buf text;
	GMimeContentType *type = g_mime_object_get_content_type(
	    GMIME_OBJECT(part));
	const char *format = g_mime_content_type_get_parameter(type, "format");
	int rc = 0;

	if (part_text(e, part, &text)) {
		e->any = true;
		if (is_type(GMIME_OBJECT(part), "text", "html"))
			rc = doc_html_add(e->d, buf_view(&text), false, err);
		else
			plain_add(e, buf_view(&text),
			    format != NULL &&
				strcasecmp(format, "flowed") == 0);
	}
	buf_fini(&text);
	return rc;
}

/* --- alternatives ----------------------------------------------------- */

static size_t
ink_of(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += isalnum((unsigned char)s.p[i]) != 0 ||
		    (s.p[i] & 0x80) != 0;
	return n;
}

/* How much a body says, whatever its form. */
static size_t
weight_of(const struct eml *e, GMimePart *part)
{
	struct buf text;
	struct buf shown = BUF_INIT(e->limits->text_bytes * 2);
	struct doc *d;
	size_t n = 0;

	if (!part_text(e, part, &text)) {
		buf_fini(&text);
		return 0;
	}
	if (is_type(GMIME_OBJECT(part), "text", "html")) {
		d = doc_new(e->limits);
		if (doc_html_add(d, buf_view(&text), false, NULL) == 0 &&
		    doc_plain(d, 0, &shown))
			n = ink_of(buf_view(&shown));
		doc_free(d);
	} else {
		n = ink_of(buf_view(&text));
	}
	buf_fini(&shown);
	buf_fini(&text);
	return n;
}

/* The index of the alternative to read, or -1 for none of them. */
static int
best_of(const struct eml *e, GMimeMultipart *multi)
{
	int n = g_mime_multipart_get_count(multi);
	int plain = -1;
	int html = -1;
	int other = -1;

	for (int i = 0; i < n; i++) {
		GMimeObject *o = g_mime_multipart_get_part(multi, i);

		if (is_type(o, "text", "plain") && plain < 0)
			plain = i;
		else if (is_type(o, "text", "html"))
			html = i;
		else if (is_type(o, "multipart", "*"))
			other = i; /* HTML with its pictures, most often */
	}
	if (html < 0 && other >= 0)
		return other;
	if (html < 0 || plain < 0)
		return MAX_OF(html, plain);
	return weight_of(e,
		   GMIME_PART(g_mime_multipart_get_part(multi, html))) *
		    10 <
		weight_of(e,
		    GMIME_PART(g_mime_multipart_get_part(multi, plain))) *
		    9
	    ? plain
	    : html;
}

/* --- headers ---------------------------------------------------------- */

static void
header_line(struct eml *e, const char *name, struct str value)
{
	value = str_trim(value);
	if (value.n == 0)
		return;
	doc_text(e->d, str_of(name), DOC_BOLD);
	doc_text(e->d, STR(" "), DOC_PLAIN);
	doc_text(e->d, value, DOC_PLAIN);
	doc_break(e->d);
}

static void
people(struct eml *e, InternetAddressList *list, const char *name,
    const char *key)
{
	char *z = list != NULL
	    ? internet_address_list_to_string(list, NULL, FALSE)
	    : NULL;

	if (z == NULL)
		return;
	header_line(e, name, str_of(z));
	if (key != NULL)
		doc_meta(e->d, key, str_of(z));
	g_free(z);
}

static void
headers(struct eml *e, GMimeMessage *m, bool outer)
{
	const char *subject = g_mime_message_get_subject(m);
	const char *date = g_mime_object_get_header(GMIME_OBJECT(m), "Date");

	doc_heading(e->d, outer ? 1 : 2);
	if (subject != NULL)
		doc_text(e->d, str_of(subject), DOC_PLAIN);
	doc_end(e->d);
	if (outer && subject != NULL)
		doc_meta(e->d, "title", str_of(subject));
	doc_para(e->d);
	people(e, g_mime_message_get_from(m), "From:", outer ? "from" : NULL);
	people(e, g_mime_message_get_to(m), "To:", outer ? "to" : NULL);
	people(e, g_mime_message_get_cc(m), "Cc:", outer ? "cc" : NULL);
	if (date != NULL) {
		header_line(e, "Date:", str_of(date));
		if (outer)
			doc_meta(e->d, "date", str_of(date));
	}
	doc_end(e->d);
}

/* --- walking ---------------------------------------------------------- */

static void
attach(struct eml *e, GMimeObject *o)
{
	const char *name = GMIME_IS_PART(o)
	    ? g_mime_part_get_filename(GMIME_PART(o))
	    : NULL;
	GMimeContentType *type = g_mime_object_get_content_type(o);
	char *mime = type != NULL ? g_mime_content_type_get_mime_type(type)
				  : NULL;

	for (const char *p = name; p != NULL && *p != '\0'; p++)
		(void)buf_c(&e->attached, (char)(*p == '\n' ? ' ' : *p));
	if ((name == NULL || name[0] == '\0') && mime != NULL)
		(void)buf_z(&e->attached, mime);
	(void)buf_c(&e->attached, '\n');
	g_free(mime);
}

/* Pictures that the HTML body shows and signatures are no attachments. */
static bool
is_furniture(GMimeObject *o, bool related)
{
	if (is_type(o, "application", "pgp-signature") ||
	    is_type(o, "application", "pkcs7-signature") ||
	    is_type(o, "application", "x-pkcs7-signature"))
		return true;
	return related && is_type(o, "image", "*") &&
	    g_mime_object_get_content_id(o) != NULL;
}

struct step {
	GMimeObject *object;
	int next;     /* of a multipart: the part to read next */
	int only;     /* of alternatives: the one to read */
	bool related; /* the pictures in it belong to the text */
	bool message; /* a rule was drawn; nothing to close */
};

static bool
is_attached(GMimeObject *o)
{
	GMimeContentDisposition *disposition =
	    g_mime_object_get_content_disposition(o);

	return disposition != NULL &&
	    g_mime_content_disposition_is_attachment(disposition);
}

static int
leaf(struct eml *e, GMimeObject *o, bool related, struct err *err)
{
	if (is_furniture(o, related))
		return 0;
	if (is_type(o, "application", "pkcs7-mime") ||
	    is_type(o, "application", "x-pkcs7-mime") ||
	    is_type(o, "application", "pgp-encrypted"))
		e->encrypted = true;
	if (GMIME_IS_PART(o) && !is_attached(o) &&
	    (is_type(o, "text", "plain") || is_type(o, "text", "html") ||
		is_type(o, "message", "delivery-status") ||
		(is_type(o, "text", "*") &&
		    g_mime_part_get_filename(GMIME_PART(o)) == NULL &&
		    !is_type(o, "text", "calendar"))))
		return text_part(e, GMIME_PART(o), err);
	attach(e, o);
	return 0;
}

/* What to do with an object: read it here, or a step into it. */
static int
open_object(struct eml *e, GMimeObject *o, bool related, struct step *into,
    struct err *err)
{
	*into = (struct step){.only = -1};
	if (++e->parts > PARTS_MAX)
		return err_set(err, ERR_LIMIT,
		    "the message has more than %d parts", PARTS_MAX);
	if (GMIME_IS_MESSAGE_PART(o)) {
		GMimeMessage *m = g_mime_message_part_get_message(
		    GMIME_MESSAGE_PART(o));

		if (m == NULL)
			return 0;
		doc_rule(e->d);
		headers(e, m, false);
		into->object = GMIME_OBJECT(m);
		into->message = true;
		e->any = true;
		return 0;
	}
	if (GMIME_IS_MULTIPART(o)) {
		into->object = o;
		into->related = is_type(o, "multipart", "related");
		if (is_type(o, "multipart", "encrypted"))
			e->encrypted = true;
		if (is_type(o, "multipart", "alternative"))
			into->only = best_of(e, GMIME_MULTIPART(o));
		return 0;
	}
	return leaf(e, o, related, err);
}

/* The next object inside a step, or NULL at its end. */
static GMimeObject *
step_next(struct step *s)
{
	GMimeMultipart *multi;

	if (GMIME_IS_MESSAGE(s->object))
		return s->next++ == 0
		    ? g_mime_message_get_mime_part(GMIME_MESSAGE(s->object))
		    : NULL;
	multi = GMIME_MULTIPART(s->object);
	if (s->only >= 0)
		return s->next++ == 0
		    ? g_mime_multipart_get_part(multi, s->only)
		    : NULL;
	return s->next < g_mime_multipart_get_count(multi)
	    ? g_mime_multipart_get_part(multi, s->next++)
	    : NULL;
}

static int
walk(struct eml *e, GMimeMessage *m, struct err *err)
{
	struct step stack[DEPTH_MAX];
	int n = 1;

	stack[0] = (struct step){.object = GMIME_OBJECT(m), .only = -1};
	while (n > 0) {
		GMimeObject *o = step_next(&stack[n - 1]);
		struct step into;

		if (o == NULL) {
			n--;
			continue;
		}
		if (open_object(e, o, stack[n - 1].related, &into, err) != 0)
			return -1;
		if (into.object == NULL)
			continue;
		if (n == DEPTH_MAX)
			return err_set(err, ERR_LIMIT,
			    "the message's parts are nested more than %d deep",
			    DEPTH_MAX);
		stack[n++] = into;
	}
	return 0;
}

static void
attachments(struct eml *e)
{
	struct str rest = buf_view(&e->attached);

	if (rest.n == 0)
		return;
	doc_para(e->d);
	doc_text(e->d, STR("Attachments:"), DOC_BOLD);
	doc_end(e->d);
	doc_list(e->d, false, 1);
	while (rest.n != 0) {
		doc_item(e->d);
		doc_text(e->d, str_cut(&rest, '\n'), DOC_PLAIN);
		doc_end(e->d);
	}
	doc_end(e->d);
}

/* --- the format ------------------------------------------------------- */

static int
read_message(struct eml *e, GMimeMessage *m, struct err *err)
{
	headers(e, m, true);
	if (walk(e, m, err) != 0)
		return -1;
	attachments(e);
	if (e->encrypted && !e->any)
		return err_set(err, ERR_ENCRYPTED, "the message is encrypted");
	return doc_failed(e->d, err);
}

static bool
ends_with_word(const char *end, size_t before, const char *word)
{
	size_t n = strlen(word);

	return before >= n && strncasecmp(end - n, word, n) == 0;
}

/* GMime's parser calls itself for each level of multiparts; count how many
 * there may be, at most, before it is let loose. */
static int
check_nesting(struct str s, struct err *err)
{
	const char *from = s.p;
	size_t n = 0;

	while (s.n != 0) {
		const char *at = memchr(s.p, '/', s.n);
		size_t before;

		if (at == NULL)
			break;
		before = (size_t)(at - from);
		n += ends_with_word(at, before, "multipart") ||
		    ends_with_word(at, before, "message");
		s.n -= (size_t)(at - s.p) + 1;
		s.p = at + 1;
	}
	if (n > PARTS_RAW_MAX)
		return err_set(err, ERR_LIMIT,
		    "the message has more than %d multiparts", PARTS_RAW_MAX);
	return 0;
}

static int
eml_read(const struct doc_in *in, struct doc *d, struct err *err)
{
	static const char *fallback[] = {"utf-8", "windows-1252", NULL};
	struct eml e = {.d = d,
	    .limits = in->limits != NULL ? in->limits : &doc_default_limits,
	    .attached = BUF_INIT((size_t)1 << 20)};
	struct str bytes = {(const char *)in->p, in->n};
	GMimeParserOptions *options;
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *m;
	int rc;

	if (check_nesting(bytes, err) != 0)
		return -1;
	g_mime_init();
	options = g_mime_parser_options_new();
	g_mime_parser_options_set_fallback_charsets(options, fallback);
	stream = g_mime_stream_mem_new_with_buffer(bytes.p, bytes.n);
	parser = g_mime_parser_new_with_stream(stream);
	if (str_starts(bytes, "From "))
		g_mime_parser_set_format(parser, GMIME_FORMAT_MBOX);
	m = g_mime_parser_construct_message(parser, options);
	if (m == NULL)
		rc = err_set(err, ERR_CORRUPT, "the message cannot be parsed");
	else
		rc = read_message(&e, m, err);
	if (m != NULL)
		g_object_unref(m);
	g_object_unref(parser);
	g_object_unref(stream);
	g_mime_parser_options_free(options);
	buf_fini(&e.attached);
	return rc;
}

const struct doc_format doc_format_eml = {
    .name = "eml",
    .mime = "message/rfc822",
    .sniff = sniff_mail,
    .read = eml_read,
};
