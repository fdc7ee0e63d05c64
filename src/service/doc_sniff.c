/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which format are these bytes? Every registered reader scores the bytes, the
 * best one wins, and a name or a media type only breaks ties. What no reader
 * wants is named as far as it is known, so that the answer helps.
 */
#include "service/doc_sniff.h"

#include <ctype.h>
#include <strings.h>

#include "service/doc_charset.h"

enum {
	SURE = 96,           /* a signature at the very start */
	LEAST = 20,          /* scores below this are no match */
	ZIP_ENTRIES = 65536, /* looked at */
	ZIP_SCAN = 8 << 20,  /* bytes looked at without a directory */
	OLE_SCAN = 16 << 20,
};

bool
sniff_starts(const struct doc_in *in, const void *p, size_t n)
{
	return in->n >= n && memcmp(in->p, p, n) == 0;
}

bool
sniff_ext(const struct doc_in *in, const char *ext)
{
	size_t n = strlen(ext);

	return in->name.n > n && in->name.p[in->name.n - n - 1] == '.' &&
	    strncasecmp(in->name.p + in->name.n - n, ext, n) == 0;
}

bool
sniff_is_zip(const struct doc_in *in)
{
	return sniff_starts(in, "PK\3\4", 4) || sniff_starts(in, "PK\5\6", 4);
}

static unsigned
le16(const uint8_t *p)
{
	return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static size_t
le32(const uint8_t *p)
{
	return (size_t)le16(p) | (size_t)le16(p + 2) << 16;
}

/* Offset of the central directory, or in->n. */
static size_t
zip_directory(const struct doc_in *in)
{
	size_t low = in->n > 65557 ? in->n - 65557 : 0;

	for (size_t i = in->n - MIN_OF(in->n, (size_t)22); i > low; i--)
		if (memcmp(in->p + i, "PK\5\6", 4) == 0)
			return MIN_OF(le32(in->p + i + 16), in->n);
	return in->n;
}

static bool
name_is(const uint8_t *p, size_t n, const char *part)
{
	return n == strlen(part) && memcmp(p, part, n) == 0;
}

static bool
directory_names(const struct doc_in *in, size_t at, const char *part)
{
	for (int i = 0; i < ZIP_ENTRIES && at + 46 <= in->n; i++) {
		const uint8_t *p = in->p + at;
		size_t n = le16(p + 28);

		if (memcmp(p, "PK\1\2", 4) != 0 || at + 46 + n > in->n)
			return false;
		if (name_is(p + 46, n, part))
			return true;
		at += 46 + n + le16(p + 30) + le16(p + 32);
	}
	return false;
}

static bool
headers_name(const struct doc_in *in, const char *part)
{
	size_t at = 0, end = MIN_OF(in->n, (size_t)ZIP_SCAN);

	while (at + 30 <= end) {
		const uint8_t *p = in->p + at, *next;
		size_t n = le16(p + 26);

		if (at + 30 + n > end)
			return false;
		if (name_is(p + 30, n, part))
			return true;
		next = memmem(p + 30, end - at - 30, "PK\3\4", 4);
		if (next == NULL)
			return false;
		at = (size_t)(next - in->p);
	}
	return false;
}

bool
sniff_zip_part(const struct doc_in *in, const char *part)
{
	size_t at;

	if (!sniff_is_zip(in))
		return false;
	at = zip_directory(in);
	return at < in->n ? directory_names(in, at, part)
			  : headers_name(in, part);
}

static bool
zip_mimetype(const struct doc_in *in, const char *type)
{
	const uint8_t *p = in->p;
	size_t n = strlen(type), skip;

	if (in->n < 38 || le16(p + 26) != 8 ||
	    memcmp(p + 30, "mimetype", 8) != 0)
		return false;
	skip = 38 + le16(p + 28);
	if (in->n < skip + n || memcmp(p + skip, type, n) != 0)
		return false;
	/* "…opendocument.text" is also how "…text-template" starts. */
	return in->n == skip + n || p[skip + n] == 'P' || p[skip + n] == '-' ||
	    isspace(p[skip + n]);
}

int
sniff_zip(const struct doc_in *in, const char *part, const char *mimetype,
    const char *ext)
{
	if (!sniff_is_zip(in))
		return 0;
	if (mimetype != NULL && zip_mimetype(in, mimetype))
		return 100;
	if (part != NULL && sniff_zip_part(in, part))
		return 98;
	return ext != NULL && sniff_ext(in, ext) ? 50 : 0;
}

void
sniff_text(const struct doc_in *in, struct sniff_text *out)
{
	struct str head = {(const char *)in->p, MIN_OF(in->n, (size_t)4096)};
	const char *name = charset_detect(head, NULL);
	struct buf b = BUF_INIT(SNIFF_HEAD);

	out->n = 0;
	if (name == NULL || charset_decode(head, name, &b, NULL) < 0) {
		buf_fini(&b);
		return;
	}
	if (b.n > 0)
		memcpy(out->p, b.p, b.n);
	out->n = b.n;
	buf_fini(&b);
}

static bool
tag_at(struct str s, const char *tag)
{
	size_t n = strlen(tag);

	return s.n > n && strncasecmp(s.p, tag, n) == 0 &&
	    !isalnum((uint8_t)s.p[n]);
}

/* Known elements in the head of the text; `first` when it starts with one. */
static int
html_tags(struct str s, bool *first)
{
	static const char *const tags[] = {"<html", "<head", "<body", "<title",
	    "<meta", "<table", "<div", "<p", "<br", "<h1", "<h2", "<ul", "<ol",
	    "<script", "<style", "<a", "<span", "<font", "<center", "<link",
	    "<tr", "<td", "<b", "<main", "<article", "<section"};
	int found = 0;

	for (size_t i = 0; i < s.n; i++) {
		struct str rest = {s.p + i, s.n - i};

		if (s.p[i] != '<')
			continue;
		for (size_t k = 0; k < COUNT_OF(tags); k++)
			if (tag_at(rest, tags[k])) {
				found++;
				*first |= i == 0;
			}
	}
	return found;
}

int
sniff_html(const struct doc_in *in)
{
	struct sniff_text t;
	struct str s;
	bool first = false;
	int tags;

	sniff_text(in, &t);
	s = (struct str){t.p, t.n};
	while (s.n > 0 && isspace((uint8_t)*s.p))
		s = (struct str){s.p + 1, s.n - 1};
	if (s.n >= 14 && strncasecmp(s.p, "<!doctype html", 14) == 0)
		return 95;
	tags = html_tags(s, &first);
	if (tag_at(s, "<html") ||
	    (tags > 1 && tag_at(s, "<?xml") &&
		memmem(s.p, s.n, "<html", 5) != NULL))
		return 92;
	if (s.n >= 4 && memcmp(s.p, "<!--", 4) == 0 && tags > 1)
		return 85;
	if (first && tags > 1)
		return 80;
	return tags > 3 ? 65 : tags > 0 && sniff_ext(in, "html") ? 60 : 0;
}

/* A known field of a mail's head? */
static bool
mail_field(struct str name)
{
	static const char *const names[] = {"From", "To", "Subject", "Date",
	    "Received", "Message-ID", "MIME-Version", "Return-Path",
	    "Content-Type", "Delivered-To", "Reply-To", "X-Mailer", "Cc",
	    "DKIM-Signature", "Content-Transfer-Encoding"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (str_ieqz(name, names[i]))
			return true;
	}
	return false;
}

/* The name before the colon; empty when the line is no field. */
static struct str
mail_field_name(struct str line)
{
	size_t i = 0;

	while (i < line.n && line.p[i] > ' ' && line.p[i] != ':')
		i++;
	return (struct str){line.p, i < line.n && line.p[i] == ':' ? i : 0};
}

int
sniff_mail(const struct doc_in *in)
{
	struct str rest = {(const char *)in->p, MIN_OF(in->n, (size_t)65536)};
	int known = 0, lines = 0;

	if (rest.n > 5 && memcmp(rest.p, "From ", 5) == 0)
		str_cut(&rest, '\n');
	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');
		struct str name;

		if (line.n == 0 || *line.p == '\r')
			break;
		if (lines > 0 && (*line.p == ' ' || *line.p == '\t'))
			continue;
		name = mail_field_name(line);
		if (name.n == 0)
			return known > 2 && lines > 3 ? 70 : 0;
		lines++;
		known += mail_field(name);
	}
	if (known < 2)
		return known == 1 && sniff_ext(in, "eml") ? 60 : 0;
	return known > 2 || sniff_ext(in, "eml") ? 88 : 62;
}

/* --- what nobody reads ---------------------------------------------- */

struct kind {
	const char *magic;
	size_t n, at;
	const char *noun;
};

/* clang-format off */
static const struct kind kinds[] = {
	{"\x89PNG\r\n\x1a\n", 8, 0, "a PNG image"},
	{"\xff\xd8\xff", 3, 0, "a JPEG image"},
	{"GIF8", 4, 0, "a GIF image"},
	{"II*\0", 4, 0, "a TIFF image"},
	{"MM\0*", 4, 0, "a TIFF image"},
	{"WEBP", 4, 8, "a WebP image"},
	{"ftyphei", 7, 4, "an HEIF image"},
	{"ftypavif", 8, 4, "an AVIF image"},
	{"ftyp", 4, 4, "a video"},
	{"\0\0\0\x0cjP  ", 8, 0, "a JPEG 2000 image"},
	{"PK\3\4", 4, 0, "a ZIP archive that holds no known document"},
	{"PK\5\6", 4, 0, "an empty ZIP archive"},
	{"\x1f\x8b", 2, 0, "a gzip archive"},
	{"7z\xbc\xaf\x27\x1c", 6, 0, "a 7z archive"},
	{"Rar!", 4, 0, "a RAR archive"},
	{"BZh", 3, 0, "a bzip2 archive"},
	{"\xfd" "7zXZ", 5, 0, "an xz archive"},
	{"\x7f" "ELF", 4, 0, "a program"},
	{"MZ", 2, 0, "a program"},
	{"%!PS", 4, 0, "a PostScript file"},
	{"AT&TFORM", 8, 0, "a DjVu document"},
	{"SQLite format 3", 15, 0, "a database"},
	{"OggS", 4, 0, "a sound file"},
	{"ID3", 3, 0, "a sound file"},
	{"RIFF", 4, 0, "a sound or video file"},
};
/* clang-format on */

static bool
has_utf16(const struct doc_in *in, const char *ascii)
{
	char wide[80];
	size_t n = strlen(ascii);

	for (size_t i = 0; i < n; i++) {
		wide[2 * i] = ascii[i];
		wide[2 * i + 1] = 0;
	}
	return memmem(in->p, MIN_OF(in->n, (size_t)OLE_SCAN), wide, 2 * n) !=
	    NULL;
}

/* The old compound files of Office. */
static int
refuse_ole(const struct doc_in *in, struct err *err)
{
	if (has_utf16(in, "EncryptedPackage") ||
	    has_utf16(in, "EncryptionInfo"))
		return err_set(err, ERR_ENCRYPTED,
		    "the document is protected with a password");
	if (has_utf16(in, "WordDocument"))
		return err_set(err, ERR_UNSUPPORTED,
		    "this is a Word 97-2003 document (.doc): save it as .docx");
	if (has_utf16(in, "PowerPoint Document"))
		return err_set(err, ERR_UNSUPPORTED,
		    "this is a PowerPoint 97-2003 file (.ppt): save it as "
		    ".pptx");
	if (has_utf16(in, "Workbook") || has_utf16(in, "Book"))
		return err_set(err, ERR_UNSUPPORTED,
		    "this is an Excel 97-2003 workbook (.xls): save it as "
		    ".xlsx");
	if (has_utf16(in, "__substg1.0_"))
		return err_set(err, ERR_UNSUPPORTED,
		    "this is an Outlook message (.msg): save it as .eml");
	return err_set(err, ERR_UNSUPPORTED,
	    "this is a compound file of an old program that cannot be read");
}

static int
refuse(const struct doc_in *in, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		const struct kind *k = &kinds[i];

		if (in->n >= k->at + k->n &&
		    memcmp(in->p + k->at, k->magic, k->n) == 0)
			return err_set(err, ERR_UNSUPPORTED,
			    "this is %s, which cannot be read", k->noun);
	}
	return err_set(err, ERR_UNSUPPORTED,
	    "this is neither a document of a known format nor text");
}

/* The sentinel keeps the table valid C while no reader is registered. */
static const struct doc_format *const formats[] = {
#define DOC_FORMAT(name) &doc_format_##name,
#include "service/doc_formats.def"
#undef DOC_FORMAT
    NULL,
};

static bool
blank(const struct doc_in *in)
{
	for (size_t i = 0; i < in->n; i++)
		if (!isspace(in->p[i]) && in->p[i] != 0)
			return false;
	return true;
}

const struct doc_format *
doc_sniff(const struct doc_in *in, struct err *err)
{
	const struct doc_format *best = NULL;
	int best_score = 0;

	if (in->n == 0) {
		err_set(err, ERR_EMPTY, "the file is empty");
		return NULL;
	}
	if (blank(in)) {
		err_set(err, ERR_EMPTY, "the file holds nothing but blanks");
		return NULL;
	}
	if (sniff_starts(in, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8)) {
		refuse_ole(in, err);
		return NULL;
	}
	for (size_t i = 0; formats[i] != NULL; i++) {
		const struct doc_format *f = formats[i];
		int score = 2 * f->sniff(in);

		if (score > 0 &&
		    (sniff_ext(in, f->name) ||
			(in->mime.n > 0 && str_ieqz(in->mime, f->mime))))
			score++;
		if (score >= 2 * LEAST && score > best_score) {
			best_score = score;
			best = f;
		}
		/* Nothing comes near, and looking for text takes time. Of
		 * archives another may be surer still. */
		if (best_score >= 2 * SURE && !sniff_is_zip(in))
			break;
	}
	if (best == NULL)
		refuse(in, err);
	return best;
}
