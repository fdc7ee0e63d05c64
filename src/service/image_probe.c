/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image file says about itself, read from its header by bounds-checked
 * code of our own, so that the limits are applied before a decoder is trusted.
 *
 * Formats: PNG (ISO 15948), JPEG (ITU T.81) with EXIF 2.3, TIFF 6.0, WebP
 * container (RFC 9649), BMP, GIF89a, JPEG 2000 part 1, netpbm.
 */
#include <string.h>

#include "service/image.h"

enum {
	TIFF_PAGES_MAX = 2000, /* a loop of IFDs ends here */
	TIFF_ENTRIES_MAX = 512,
};

/* A cursor-less view with checked reads; past the end reads 0 and sets bad. */
struct bytes {
	const uint8_t *p;
	size_t n;
	bool big; /* byte order of u16() and u32() */
	bool bad;
};

static unsigned
u8(struct bytes *b, size_t at)
{
	if (at >= b->n) {
		b->bad = true;
		return 0;
	}
	return b->p[at];
}

static unsigned
u16(struct bytes *b, size_t at)
{
	unsigned x = u8(b, at), y = u8(b, at + 1);

	return b->big ? x << 8 | y : y << 8 | x;
}

static uint32_t
u32(struct bytes *b, size_t at)
{
	uint32_t x = u16(b, at), y = u16(b, at + 2);

	return b->big ? x << 16 | y : y << 16 | x;
}

static bool
is_at(const struct bytes *b, size_t at, const char *sig, size_t n)
{
	return at <= b->n && n <= b->n - at && memcmp(b->p + at, sig, n) == 0;
}

#define IS_AT(b, at, lit) is_at(b, at, lit, sizeof(lit) - 1)

enum image_kind
image_kind_of(const void *p, size_t n)
{
	struct bytes b = {.p = p, .n = n};

	if (IS_AT(&b, 0, "\x89PNG\r\n\x1a\n"))
		return IMAGE_PNG;
	if (IS_AT(&b, 0, "\xff\xd8\xff"))
		return IMAGE_JPEG;
	if (IS_AT(&b, 0, "II*\0") || IS_AT(&b, 0, "MM\0*"))
		return IMAGE_TIFF;
	if (IS_AT(&b, 0, "RIFF") && IS_AT(&b, 8, "WEBP"))
		return IMAGE_WEBP;
	if (IS_AT(&b, 0, "GIF87a") || IS_AT(&b, 0, "GIF89a"))
		return IMAGE_GIF;
	if (IS_AT(&b, 0, "\0\0\0\x0cjP  \r\n\x87\n") ||
	    IS_AT(&b, 0, "\xff\x4f\xff\x51"))
		return IMAGE_JP2;
	if (IS_AT(&b, 0, "BM") && n >= 26 && b.p[6] == 0 && b.p[7] == 0)
		return IMAGE_BMP;
	if (n > 8 && b.p[0] == 'P' && b.p[1] >= '1' && b.p[1] <= '6' &&
	    strchr(" \t\r\n", b.p[2]) != NULL && b.p[2] != '\0')
		return IMAGE_PNM;
	return IMAGE_NONE;
}

static const struct {
	const char *name, *mime;
} kinds[] = {
    [IMAGE_NONE] = {"none", "application/octet-stream"},
    [IMAGE_PNG] = {"png", "image/png"},
    [IMAGE_JPEG] = {"jpeg", "image/jpeg"},
    [IMAGE_TIFF] = {"tiff", "image/tiff"},
    [IMAGE_WEBP] = {"webp", "image/webp"},
    [IMAGE_BMP] = {"bmp", "image/bmp"},
    [IMAGE_GIF] = {"gif", "image/gif"},
    [IMAGE_JP2] = {"jp2", "image/jp2"},
    [IMAGE_PNM] = {"pnm", "image/x-portable-anymap"},
};

const char *
image_mime(enum image_kind kind)
{
	return kinds[kind].mime;
}

const char *
image_name(enum image_kind kind)
{
	return kinds[kind].name;
}

static void
probe_png(struct bytes *b, struct image_info *out)
{
	size_t at = 8;

	b->big = true;
	if (!IS_AT(b, 12, "IHDR"))
		b->bad = true;
	out->width = u32(b, 16);
	out->height = u32(b, 20);
	/* pHYs stands between IHDR and the first IDAT. */
	for (int i = 0; i < 64 && !b->bad && at + 12 <= b->n; i++) {
		uint32_t len = u32(b, at);

		if (IS_AT(b, at + 4, "IDAT"))
			return;
		if (IS_AT(b, at + 4, "pHYs") && u8(b, at + 16) == 1)
			out->dpi = (int)((double)u32(b, at + 8) * 0.0254 + 0.5);
		at += 12 + (size_t)len;
	}
}

/* One IFD of TIFF or EXIF: the tags we know. Returns where it ends. */
static size_t
read_ifd(struct bytes *b, size_t at, struct image_info *out)
{
	unsigned count = u16(b, at), unit = 2;
	double res = 0;

	if (count == 0 || count > TIFF_ENTRIES_MAX)
		b->bad = true;
	for (unsigned i = 0; i < count && !b->bad; i++) {
		size_t e = at + 2 + (size_t)i * 12;
		uint32_t v = u16(b, e + 2) == 3 ? u16(b, e + 8) : u32(b, e + 8);

		switch (u16(b, e)) {
		case 256:
			out->width = v;
			break;
		case 257:
			out->height = v;
			break;
		case 274:
			if (v >= 1 && v <= 8)
				out->orient = (int)v;
			break;
		case 282:
			if ((size_t)v + 8 <= b->n && u32(b, v + 4) != 0)
				res = (double)u32(b, v) / u32(b, v + 4);
			break;
		case 296:
			unit = v;
			break;
		default:
			break;
		}
	}
	if (unit == 3)
		res *= 2.54;
	if (res >= 10 && res <= 10000 && (unit == 2 || unit == 3))
		out->dpi = (int)(res + 0.5);
	return at + 2 + (size_t)count * 12;
}

static void
probe_tiff(struct bytes *b, unsigned page, struct image_info *out)
{
	size_t at;
	unsigned pages = 0;

	b->big = u8(b, 0) == 'M';
	at = u32(b, 4);
	while (at != 0 && !b->bad && pages < TIFF_PAGES_MAX) {
		struct image_info one = {.orient = 1};
		size_t end = read_ifd(b, at, &one);

		if (b->bad)
			break;
		if (pages == page) {
			out->width = one.width;
			out->height = one.height;
			out->dpi = one.dpi;
			out->orient = one.orient;
		}
		pages++;
		at = u32(b, end);
	}
	/* Pages before the damage are there. */
	if (pages > page)
		b->bad = false;
	if (pages >= TIFF_PAGES_MAX)
		b->bad = true;
	out->pages = pages;
}

static void
probe_exif(const struct bytes *b, size_t at, size_t n, struct image_info *out)
{
	struct bytes t = {.p = b->p + at, .n = n};
	struct image_info one = {.orient = 1};

	if (!IS_AT(&t, 0, "Exif\0\0"))
		return;
	t.p += 6;
	t.n -= 6;
	t.big = u8(&t, 0) == 'M';
	read_ifd(&t, u32(&t, 4), &one);
	if (!t.bad || one.orient != 1)
		out->orient = one.orient;
	if (out->dpi == 0)
		out->dpi = one.dpi;
}

static void
probe_jfif(struct bytes *b, size_t at, struct image_info *out)
{
	unsigned unit = u8(b, at + 7);
	unsigned res = u16(b, at + 8);

	if (unit == 2)
		res = (unsigned)(res * 2.54 + 0.5);
	if ((unit == 1 || unit == 2) && res >= 10)
		out->dpi = (int)res;
}

static void
probe_jpeg(struct bytes *b, struct image_info *out)
{
	size_t at = 2;

	b->big = true;
	while (!b->bad) {
		unsigned mark = u8(b, at + 1);
		size_t len = u16(b, at + 2);

		if (u8(b, at) != 0xff || mark == 0xda || mark == 0xd9)
			break;
		if (mark == 0xff || mark == 0x01 ||
		    (mark >= 0xd0 && mark <= 0xd8)) {
			at += mark == 0xff ? 1 : 2;
			continue;
		}
		if (mark >= 0xc0 && mark <= 0xcf && mark != 0xc4 &&
		    mark != 0xc8 && mark != 0xcc) {
			out->height = u16(b, at + 5);
			out->width = u16(b, at + 7);
			return;
		}
		if (len < 2 || len > b->n - at - 2)
			break;
		if (mark == 0xe0 && IS_AT(b, at + 4, "JFIF"))
			probe_jfif(b, at + 4, out);
		if (mark == 0xe1)
			probe_exif(b, at + 4, len - 2, out);
		at += 2 + len;
	}
	b->bad = true;
}

static void
probe_webp(struct bytes *b, struct image_info *out)
{
	if (IS_AT(b, 12, "VP8X")) {
		out->width = (u32(b, 24) & 0xffffff) + 1;
		out->height = (u16(b, 27) | u8(b, 29) << 16) + 1;
	} else if (IS_AT(b, 12, "VP8L")) {
		uint32_t v = u32(b, 21);

		out->width = (v & 0x3fff) + 1;
		out->height = (v >> 14 & 0x3fff) + 1;
	} else if (IS_AT(b, 12, "VP8 ")) {
		out->width = u16(b, 26) & 0x3fff;
		out->height = u16(b, 28) & 0x3fff;
	} else {
		b->bad = true;
	}
}

static void
probe_bmp(struct bytes *b, struct image_info *out)
{
	uint32_t head = u32(b, 14);

	if (head == 12) {
		out->width = u16(b, 18);
		out->height = u16(b, 20);
		return;
	}
	out->width = u32(b, 18);
	out->height = u32(b, 22);
	if (out->height > INT32_MAX) /* negative: rows from the top */
		out->height = 0U - out->height;
	if (head >= 40)
		out->dpi = (int)((double)u32(b, 38) * 0.0254 + 0.5);
}

static void
probe_jp2(struct bytes *b, struct image_info *out)
{
	b->big = true;
	for (size_t at = 0; at + 16 <= b->n && at < 65536; at++) {
		if (IS_AT(b, at, "\xff\x4f\xff\x51")) {
			out->width = u32(b, at + 8) - u32(b, at + 16);
			out->height = u32(b, at + 12) - u32(b, at + 20);
			return;
		}
	}
	b->bad = true;
}

/* The next number of a netpbm header; comments run from # to the line end. */
static unsigned
pnm_number(struct bytes *b, size_t *at)
{
	unsigned v = 0;
	int digits = 0;

	for (;; (*at)++) {
		unsigned c = u8(b, *at);

		if (c == '#') {
			while (!b->bad && u8(b, *at) != '\n')
				(*at)++;
		} else if (c < '0' || c > '9') {
			if (digits > 0 || b->bad)
				return v;
			if (c > ' ')
				b->bad = true;
		} else if (++digits > 9) {
			b->bad = true;
		} else {
			v = v * 10 + (c - '0');
		}
	}
}

static void
probe_pnm(struct bytes *b, struct image_info *out)
{
	size_t at = 2;

	out->width = pnm_number(b, &at);
	out->height = pnm_number(b, &at);
}

static void
probe_kind(struct bytes *b, unsigned page, struct image_info *out)
{
	switch (out->kind) {
	case IMAGE_PNG:
		probe_png(b, out);
		break;
	case IMAGE_JPEG:
		probe_jpeg(b, out);
		break;
	case IMAGE_TIFF:
		probe_tiff(b, page, out);
		break;
	case IMAGE_WEBP:
		probe_webp(b, out);
		break;
	case IMAGE_BMP:
		probe_bmp(b, out);
		break;
	case IMAGE_GIF:
		out->width = u16(b, 6);
		out->height = u16(b, 8);
		break;
	case IMAGE_JP2:
		probe_jp2(b, out);
		break;
	case IMAGE_PNM:
		probe_pnm(b, out);
		break;
	case IMAGE_NONE:
		b->bad = true;
		break;
	}
}

int
image_probe(const void *p, size_t n, unsigned page, struct image_info *out,
    struct err *err)
{
	struct bytes b = {.p = p, .n = n};

	if (n == 0)
		return err_set(err, ERR_EMPTY, "the image has no bytes");
	*out = (struct image_info){.pages = 1, .orient = 1};
	out->kind = image_kind_of(p, n);
	if (out->kind == IMAGE_NONE)
		return err_set(err, ERR_UNSUPPORTED,
		    "not an image format that can be read");
	probe_kind(&b, page, out);
	if (!b.bad && page >= out->pages)
		return err_set(err, ERR_NOT_FOUND,
		    "the image has no page %u, it has %u", page + 1,
		    out->pages);
	if (b.bad || out->width == 0 || out->height == 0)
		return err_set(err, ERR_CORRUPT,
		    "the header of the %s image is damaged or cut off",
		    image_name(out->kind));
	return 0;
}
