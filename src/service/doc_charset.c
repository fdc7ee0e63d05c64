/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detection and conversion of text encodings (doc_charset.h).
 *
 * Judging Western encodings (judge()): every byte above 127 is looked at with
 * its two neighbours, read in each candidate encoding; the sums are compared.
 * The first 256 KiB decide.
 */
#include "service/doc_charset.h"

#include <unicode/uchar.h>
#include <unicode/ucnv.h>
#include <unicode/utf8.h>

#include <uchardet/uchardet.h>

enum {
	JUDGED_BYTES = 256 * 1024,
	HIGH = 128
};

/* In order of preference: on equal sums the first wins. */
static const char *const western[] = {"windows-1252", "ISO-8859-15",
    "windows-1250", "ibm-850", "macintosh", "ISO-8859-2"};

bool
charset_put(struct buf *out, uint32_t c)
{
	char b[4];
	size_t n = 0;

	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	if (c < 0x80) {
		b[n++] = (char)c;
	} else if (c < 0x800) {
		b[n++] = (char)(0xc0 | c >> 6);
		b[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		b[n++] = (char)(0xe0 | c >> 12);
		b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		b[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		b[n++] = (char)(0xf0 | c >> 18);
		b[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		b[n++] = (char)(0x80 | (c & 0x3f));
	}
	return buf_add(out, b, n);
}

uint32_t
charset_next(struct str s, size_t *at)
{
	uint8_t b = (uint8_t)s.p[*at];
	size_t need = b < 0x80 ? 0 : b >= 0xf0 ? 3 : b >= 0xe0 ? 2 : 1;
	uint32_t c = need == 0 ? b : b & (0x3fu >> need);
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

	(*at)++;
	if ((b >= 0x80 && b < 0xc2) || b > 0xf4 || *at + need > s.n)
		return 0xfffd;
	for (size_t i = 0; i < need; i++) {
		uint8_t t = (uint8_t)s.p[*at + i];

		if ((t & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (t & 0x3f);
	}
	if (c < least[need] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0xfffd;
	*at += need;
	return c;
}

static const char *
by_mark(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	if (s.n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		return "UTF-8";
	if (s.n >= 4 && memcmp(p, "\xff\xfe\0\0", 4) == 0)
		return "UTF-32LE";
	if (s.n >= 4 && memcmp(p, "\0\0\xfe\xff", 4) == 0)
		return "UTF-32BE";
	if (s.n >= 4 && p[0] == 0xff && p[1] == 0xfe && p[2] + p[3] != 0x1fe)
		return "UTF-16LE";
	if (s.n >= 4 && p[0] == 0xfe && p[1] == 0xff && p[2] + p[3] != 0x1fe)
		return "UTF-16BE";
	return NULL;
}

/* UTF-16 and UTF-32 without a mark: Latin text is half or three quarters NUL,
 * always in the same places. */
static const char *
by_nuls(struct str s)
{
	size_t z[4] = {0}, n = s.n & ~(size_t)3, q = n / 4;

	for (size_t i = 0; i < n; i++)
		z[i & 3] += s.p[i] == 0;
	if (q < 2)
		return NULL;
	if (z[1] > q * 9 / 10 && z[2] > q * 9 / 10 && z[3] > q * 9 / 10 &&
	    z[0] < q / 20 + 1)
		return "UTF-32LE";
	if (z[0] > q * 9 / 10 && z[1] > q * 9 / 10 && z[2] > q * 9 / 10 &&
	    z[3] < q / 20 + 1)
		return "UTF-32BE";
	if (z[1] + z[3] > q && z[0] + z[2] < q / 20 + 1)
		return "UTF-16LE";
	if (z[0] + z[2] > q && z[1] + z[3] < q / 20 + 1)
		return "UTF-16BE";
	return NULL;
}

/* Mostly well-formed: a stray byte or a cut end does not make it Latin-1. */
static bool
is_utf8(struct str s)
{
	size_t good = 0, bad = 0;

	for (size_t i = 0; i < s.n;) {
		bool high = (uint8_t)s.p[i] >= 0x80;
		size_t at = i;

		if (charset_next(s, &i) == 0xfffd && i - at != 3)
			bad++;
		else if (high)
			good++;
	}
	return bad == 0 || good > bad * 10;
}

static bool
is_2022(struct str s)
{
	return memmem(s.p, s.n, "\x1b$B", 3) != NULL ||
	    memmem(s.p, s.n, "\x1b$@", 3) != NULL;
}

/* Control bytes, NULs among them, that no text has. */
static size_t
controls(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];

		n += (c < 0x20 && (c < '\t' || c > '\r') && c != 0x1a &&
			 c != 0x1b) ||
		    c == 0x7f;
		n += c == 0 ? 4 : 0;
	}
	return n;
}

/* The upper half of a single-byte encoding. */
static bool
upper_half(const char *name, UChar table[HIGH])
{
	UErrorCode st = U_ZERO_ERROR;
	UConverter *cv = ucnv_open(name, &st);

	if (U_FAILURE(st))
		return false;
	for (int i = 0; i < HIGH; i++) {
		char b = (char)(uint8_t)(HIGH + i);
		UChar u[4] = {0xfffd};

		st = U_ZERO_ERROR;
		ucnv_toUChars(cv, u, 4, &b, 1, &st);
		table[i] = u[0];
	}
	ucnv_close(cv);
	return true;
}

static int
judge_letter(UChar32 p, UChar32 c, UChar32 n)
{
	static const UChar32 common[] = {0xe9, 0xe8, 0xe0, 0xe1, 0xed, 0xf3,
	    0xfa, 0xf1, 0xe7, 0xfc, 0xf6, 0xe4, 0xe2, 0xea, 0xee, 0xf4, 0xfb,
	    0xeb, 0xef, 0xdf, 0xf8, 0xe5, 0xe6, 0xc9, 0xd6, 0xdc, 0xc4, 0xd3,
	    0x142, 0x119, 0x105, 0x15b, 0x17c, 0x107, 0x144};
	bool word = u_isalpha(p) || u_isalpha(n);

	if (c == 0xaa || c == 0xba) /* ordinal signs */
		return u_isdigit(p) ? 1 : -2;
	if (u_isupper(c) && u_islower(p))
		return -3;
	if (!word)
		return -1;
	for (size_t i = 0; i < COUNT_OF(common); i++)
		if (common[i] == c)
			return 3;
	return 1;
}

/* Quotation marks open before words and close behind them. */
static int
judge_quote(UChar32 p, UChar32 c, UChar32 n)
{
	bool before = u_isalnum(p) || u_ispunct(p), after = u_isalnum(n);

	if (c == 0x2019)
		return u_isalpha(p) ? 3 : before || after;
	if (c == 0x201d || c == 0xbb)
		return before && !after ? 3 : -2;
	return !u_isalnum(p) && after ? 3 : -2;
}

static int
judge_sign(UChar32 p, UChar32 c, UChar32 n)
{
	bool inside = u_isalpha(p) && u_isalpha(n); /* of a word */

	switch (c) {
	case 0xa3:
	case 0x20ac:
	case 0xa5:
		return u_isdigit(n) ? 5 : inside ? -4 : 1;
	case 0x2019:
	case 0x2018:
	case 0x201c:
	case 0xab:
	case 0x201d:
	case 0xbb:
		return judge_quote(p, c, n);
	case 0x2013:
	case 0x2014:
		return inside ? 0 : 2;
	case 0x2022:
	case 0xb7:
		return u_isalnum(n) && u_isalpha(p) ? -2 : 2;
	case 0x2026:
		return u_isalnum(p) || u_ispunct(p) ? 2 : 0;
	case 0xb0:
		return u_isdigit(p) ? 3 : -1;
	case 0xa0:
	case 0xa7:
	case 0xa9:
	case 0xae:
	case 0xbd:
	case 0xbc:
	case 0xbe:
	case 0x2122:
		return inside ? -3 : 1;
	default:
		return inside ? -5 : -2;
	}
}

static int
judge(UChar32 p, UChar32 c, UChar32 n)
{
	if (c == 0xfffd || c < 0xa0)
		return -8;
	if (c >= 0x2500 && c < 0x25a0) /* box drawing comes in runs */
		return (p >= 0x2500 && p < 0x25a0) ||
			(n >= 0x2500 && n < 0x25a0)
		    ? 1
		    : -3;
	return u_isalpha(c) ? judge_letter(p, c, n) : judge_sign(p, c, n);
}

static UChar32
reading(struct str s, size_t i, const UChar table[HIGH])
{
	uint8_t b = i < s.n ? (uint8_t)s.p[i] : ' ';

	return b < HIGH ? b : table[b - HIGH];
}

static long
judge_all(struct str s, const UChar table[HIGH])
{
	long sum = 0;

	for (size_t i = 0; i < s.n; i++) {
		if ((uint8_t)s.p[i] < HIGH)
			continue;
		sum += judge(i > 0 ? reading(s, i - 1, table) : ' ',
		    reading(s, i, table), reading(s, i + 1, table));
	}
	return sum;
}

/* The best Western reading and how good it is per high byte. */
static const char *
best_western(struct str s, double *quality)
{
	const char *best = western[0];
	long best_sum = 0;
	size_t high = 0;

	for (size_t i = 0; i < s.n; i++)
		high += (uint8_t)s.p[i] >= HIGH;
	for (size_t i = 0; i < COUNT_OF(western); i++) {
		UChar table[HIGH];
		long sum;

		if (!upper_half(western[i], table))
			continue;
		sum = judge_all(s, table);
		if (i == 0 || sum > best_sum) {
			best_sum = sum;
			best = western[i];
		}
	}
	*quality = high == 0 ? 3 : (double)best_sum / (double)high;
	return best;
}

/* What uchardet says, as one of a fixed set of names; the Western ones are
 * judged here instead. */
static const char *
by_statistics(struct str s)
{
	static const char *const known[] = {"SHIFT_JIS", "EUC-JP",
	    "ISO-2022-JP", "GB18030", "BIG5", "EUC-KR", "UHC", "EUC-TW",
	    "HZ-GB-2312", "KOI8-R", "WINDOWS-1251", "ISO-8859-5", "IBM866",
	    "IBM855", "MAC-CYRILLIC", "WINDOWS-1253", "ISO-8859-7",
	    "WINDOWS-1255", "ISO-8859-8", "WINDOWS-1256", "ISO-8859-6",
	    "TIS-620", "VISCII", "WINDOWS-1258"};
	uchardet_t u = uchardet_new();
	const char *found = NULL;

	if (u == NULL)
		return NULL;
	if (uchardet_handle_data(u, s.p, s.n) == 0) {
		uchardet_data_end(u);
		for (size_t i = 0; i < COUNT_OF(known); i++)
			if (str_ieqz(str_of(uchardet_get_charset(u)), known[i]))
				found = known[i];
	}
	uchardet_delete(u);
	return found != NULL && str_ieqz(str_of(found), "UHC") ? "windows-949"
							       : found;
}

/* How much of the text decodes to letters of words: guards against calling
 * garbage text, and a few Latin signs Chinese. 0 to 1. */
static double
sense(struct str s, const char *name)
{
	struct buf b = BUF_INIT((size_t)4 * JUDGED_BYTES);
	size_t good = 0, all = 0, at = 0, kinds = 0;
	uint8_t seen[256] = {0};

	if (charset_decode(s, name, &b, NULL) < 0) {
		buf_fini(&b);
		return 0;
	}
	while (at < b.n) {
		uint32_t c = charset_next(buf_view(&b), &at);

		if (c < 0x80)
			continue;
		all++;
		good += u_isalpha((UChar32)c) || (c > 0x3000 && c < 0x3030) ||
		    (c > 0xff00 && c < 0xff66);
		kinds += !seen[c & 255];
		seen[c & 255] = 1;
	}
	buf_fini(&b);
	if (all == 0 || (all > 64 && kinds < 8))
		return 0;
	return (double)good / (double)all;
}

static const char *
by_reading(struct str s)
{
	double quality;
	const char *w = best_western(s, &quality), *u;
	size_t high = 0, ink = 0;

	for (size_t i = 0; i < s.n; i++) {
		high += (uint8_t)s.p[i] >= HIGH;
		ink += (uint8_t)s.p[i] > ' ';
	}
	u = high * 5 > ink || quality < 0.5 ? by_statistics(s) : NULL;
	if (u != NULL && sense(s, u) > 0.8 && (high * 3 > ink || quality < 1))
		return u;
	return high * 5 > ink * 2 ? NULL : w; /* no language is like that */
}

static const char *
checked_hint(struct str s, const char *hint)
{
	UErrorCode st = U_ZERO_ERROR;
	UConverter *cv;

	if (hint == NULL || *hint == 0)
		return NULL;
	cv = ucnv_open(hint, &st);
	if (U_FAILURE(st))
		return NULL;
	if (ucnv_getMinCharSize(cv) > 1 ||
	    (ucnv_getType(cv) == UCNV_UTF8 && !is_utf8(s)))
		hint = NULL;
	ucnv_close(cv);
	/* Latin-1 as the web means it. */
	if (hint != NULL &&
	    (str_ieqz(str_of(hint), "iso-8859-1") ||
		str_ieqz(str_of(hint), "us-ascii")))
		return "windows-1252";
	return hint;
}

const char *
charset_detect(struct str bytes, const char *hint)
{
	struct str s = {bytes.p, MIN_OF(bytes.n, (size_t)JUDGED_BYTES)};
	const char *name = by_mark(s);

	if (name == NULL)
		name = by_nuls(s);
	if (name != NULL)
		return name;
	if (controls(s) * 100 > s.n)
		return NULL;
	name = checked_hint(s, hint);
	if (name != NULL)
		return name;
	if (is_2022(s))
		return "ISO-2022-JP";
	if (is_utf8(s))
		return "UTF-8";
	return by_reading(s);
}

static int
decode_utf8(struct str s, struct buf *out, struct err *err)
{
	size_t from = 0, at = 0;

	if (s.n >= 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0)
		from = at = 3;
	while (at < s.n) {
		size_t was = at;

		if ((uint8_t)s.p[at] < 0x80) {
			at++;
			continue;
		}
		if (charset_next(s, &at) != 0xfffd || at - was == 3)
			continue;
		buf_add(out, s.p + from, was - from);
		buf_z(out, "\xef\xbf\xbd");
		from = at;
	}
	buf_add(out, s.p + from, s.n - from);
	return out->full ? err_set(err, ERR_LIMIT, "the text is too long") : 0;
}

static void
put_units(struct buf *out, const UChar *u, size_t n, UChar *lead)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t c = u[i];

		if (c >= 0xd800 && c < 0xdc00) {
			*lead = u[i];
			continue;
		}
		if (c >= 0xdc00 && c < 0xe000 && *lead != 0)
			c = 0x10000 + ((uint32_t)(*lead - 0xd800) << 10) +
			    (c - 0xdc00);
		*lead = 0;
		if (c != 0xfeff)
			charset_put(out, c);
	}
}

int
charset_decode(struct str bytes, const char *name, struct buf *out,
    struct err *err)
{
	UErrorCode st = U_ZERO_ERROR;
	UConverter *cv;
	const char *p = bytes.p, *end = bytes.p + bytes.n;
	UChar u[2048] = {0};
	UChar lead = 0;

	if (str_ieqz(str_of(name), "UTF-8"))
		return decode_utf8(bytes, out, err);
	cv = ucnv_open(name, &st);
	if (U_FAILURE(st))
		return err_set(err, ERR_UNSUPPORTED,
		    "the text encoding '%.40s' is not known", name);
	do {
		UChar *at = u;

		st = U_ZERO_ERROR;
		ucnv_toUnicode(cv, &at, u + COUNT_OF(u), &p, end, NULL, true,
		    &st);
		put_units(out, u, (size_t)(at - u), &lead);
	} while (st == U_BUFFER_OVERFLOW_ERROR && !out->full);
	ucnv_close(cv);
	return out->full ? err_set(err, ERR_LIMIT, "the text is too long") : 0;
}

int
charset_to_utf8(struct str bytes, const char *hint, struct buf *out,
    struct err *err)
{
	const char *name = charset_detect(bytes, hint);

	if (name == NULL)
		return err_set(err, ERR_UNSUPPORTED,
		    "this is neither a known document nor text");
	return charset_decode(bytes, name, out, err);
}
