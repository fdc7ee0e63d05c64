/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding page images with leptonica, after image_probe() has looked at the
 * header. What comes out is one of 1, 8 or 32 bits a pixel, without a colour
 * map and without transparency, upright as far as EXIF says.
 */
#include "service/image.h"

#include <leptonica/allheaders.h>
#include <string.h>

#include "base/mem.h"

enum {
	SIDE_MAX = 65000
}; /* pixels: more is a stripe, not a page */

struct image {
	PIX *pix;
	int dpi;
};

/* --- decoders ---------------------------------------------------------- */

/* Does the file end like a JPEG? Phones append things, so look back a bit. */
static bool
jpeg_ends(const uint8_t *p, size_t n)
{
	size_t from = n > 4096 ? n - 4096 : 0;

	for (size_t i = n; i-- > from + 1;)
		if (p[i] == 0xd9 && p[i - 1] == 0xff)
			return true;
	return false;
}

static PIX *
read_jpeg(const uint8_t *p, size_t n)
{
	l_int32 warnings = 0;
	PIX *pix = pixReadMemJpeg(p, n, 0, 1, &warnings,
	    L_JPEG_CONTINUE_WITH_BAD_DATA);

	/* Half a page must not pass for a whole one. */
	if (pix != NULL && warnings > 0 && !jpeg_ends(p, n))
		pixDestroy(&pix);
	return pix;
}

/* Skips the sub-blocks of a GIF; 0 when they are cut off. */
static size_t
gif_blocks(const uint8_t *p, size_t n, size_t at)
{
	while (at < n) {
		if (p[at] == 0)
			return at + 1;
		at += (size_t)p[at] + 1;
	}
	return 0;
}

/* The length of everything up to the end of the first frame, or 0. The frame
 * may be larger than the screen says, so its size is looked at as well. */
static size_t
gif_first(const uint8_t *p, size_t n, size_t max_pixels)
{
	size_t at = 13;

	if (n < 13)
		return 0;
	if (p[10] & 0x80)
		at += (size_t)3 << ((p[10] & 7) + 1);
	while (at + 10 < n && p[at] == 0x21) {
		at = gif_blocks(p, n, at + 2);
		if (at == 0)
			return 0;
	}
	if (at + 10 >= n || p[at] != 0x2c)
		return 0;
	if ((size_t)(p[at + 5] | p[at + 6] << 8) *
		(size_t)(p[at + 7] | p[at + 8] << 8) >
	    max_pixels)
		return 0;
	if (p[at + 9] & 0x80)
		at += (size_t)3 << ((p[at + 9] & 7) + 1);
	return gif_blocks(p, n, at + 11);
}

/* The decoder wants all frames in memory at once; give it the first only. */
static PIX *
read_gif(const uint8_t *p, size_t n, size_t max_pixels)
{
	size_t len = gif_first(p, n, max_pixels);
	uint8_t *copy;
	PIX *pix;

	if (len == 0)
		return NULL;
	copy = xmalloc(len + 1);
	memcpy(copy, p, len);
	copy[len] = 0x3b;
	pix = pixReadMemGif(copy, len + 1);
	freep(&copy);
	return pix;
}

static PIX *
read_kind(enum image_kind kind, const uint8_t *p, size_t n, unsigned page,
    size_t max_pixels)
{
	switch (kind) {
	case IMAGE_JPEG:
		return read_jpeg(p, n);
	case IMAGE_TIFF:
		return pixReadMemTiff(p, n, (l_int32)page);
	case IMAGE_GIF:
		return read_gif(p, n, max_pixels);
	case IMAGE_PNG:
		return pixReadMemPng(p, n);
	case IMAGE_WEBP:
		return pixReadMemWebP(p, n);
	case IMAGE_BMP:
		return pixReadMemBmp(p, n);
	case IMAGE_JP2:
		return pixReadMemJp2k(p, n, 1, NULL, 0, 0);
	case IMAGE_PNM:
		return pixReadMemPnm(p, n);
	case IMAGE_NONE:
		break;
	}
	return NULL;
}

/* --- one form for all -------------------------------------------------- */

/* Replaces *pix by `next`, which may be NULL. */
static void
become(PIX **pix, PIX *next)
{
	pixDestroy(pix);
	*pix = next;
}

static PIX *
simplify(PIX *pix)
{
	if (pix != NULL && pixGetColormap(pix) != NULL)
		become(&pix, pixRemoveColormap(pix, REMOVE_CMAP_BASED_ON_SRC));
	if (pix != NULL && pixGetDepth(pix) == 32 && pixGetSpp(pix) == 4)
		become(&pix, pixRemoveAlpha(pix));
	if (pix != NULL && pixGetDepth(pix) != 1 && pixGetDepth(pix) != 8 &&
	    pixGetDepth(pix) != 32)
		become(&pix, pixConvertTo8(pix, 0));
	return pix;
}

/* EXIF orientations (2.3, table 6): what brings row 0 to the top. */
static PIX *
upright(PIX *pix, int orient)
{
	static const struct {
		int8_t quads;
		bool flip; /* left to right, after the turn */
	} how[9] = {[2] = {0, true},
	    [3] = {2, false},
	    [4] = {2, true},
	    [5] = {1, true},
	    [6] = {1, false},
	    [7] = {3, true},
	    [8] = {3, false}};

	if (orient < 2 || orient > 8)
		return pix;
	if (how[orient].quads != 0)
		become(&pix, pixRotateOrth(pix, how[orient].quads));
	if (pix != NULL && how[orient].flip)
		become(&pix, pixFlipLR(pix, NULL));
	return pix;
}

static struct image *
wrap(PIX *pix, int dpi)
{
	struct image *im = xcalloc(1, sizeof(*im));

	im->pix = pix;
	im->dpi = dpi >= 30 && dpi <= 2400 ? dpi : 0;
	pixSetResolution(pix, im->dpi, im->dpi);
	return im;
}

static int
check_size(size_t width, size_t height, size_t max_pixels, struct err *err)
{
	if (width > SIDE_MAX || height > SIDE_MAX ||
	    width * height > max_pixels)
		return err_set(err, ERR_LIMIT,
		    "the image has %zu x %zu pixels, the limit is %zu "
		    "megapixels",
		    width, height, max_pixels / 1000000);
	return 0;
}

struct image *
image_decode(const void *p, size_t n, unsigned page, size_t max_pixels,
    struct err *err)
{
	struct image_info info;
	PIX *pix;

	if (image_probe(p, n, page, &info, err) != 0)
		return NULL;
	if (check_size(info.width, info.height, max_pixels, err) != 0)
		return NULL;
	setMsgSeverity(L_SEVERITY_NONE);
	pix = read_kind(info.kind, p, n, page, max_pixels);
	pix = simplify(pix);
	if (info.kind == IMAGE_JPEG) /* the TIFF reader turns by itself */
		pix = upright(pix, info.orient);
	if (pix == NULL) {
		err_set(err, ERR_CORRUPT, "the %s image is damaged or cut off",
		    image_name(info.kind));
		return NULL;
	}
	return wrap(pix, info.dpi);
}

struct image *
image_from_grey(unsigned width, unsigned height, size_t stride,
    const uint8_t *grey, int dpi, struct err *err)
{
	PIX *pix;

	if (width == 0 || height == 0 || stride < width || width > SIDE_MAX ||
	    height > SIDE_MAX) {
		err_set(err, ERR_LIMIT, "no image of %u x %u pixels", width,
		    height);
		return NULL;
	}
	pix = pixCreateNoInit((l_int32)width, (l_int32)height, 8);
	if (pix == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a page image");
		return NULL;
	}
	for (unsigned y = 0; y < height; y++) {
		l_uint32 *row = pixGetData(pix) +
		    (size_t)y * (size_t)pixGetWpl(pix);
		const uint8_t *from = grey + y * stride;

		for (unsigned x = 0; x < width; x++)
			SET_DATA_BYTE(row, x, from[x]);
	}
	return wrap(pix, dpi);
}

void
image_free(struct image *im)
{
	if (im == NULL)
		return;
	pixDestroy(&im->pix);
	freep(&im);
}

unsigned
image_width(const struct image *im)
{
	return (unsigned)pixGetWidth(im->pix);
}

unsigned
image_height(const struct image *im)
{
	return (unsigned)pixGetHeight(im->pix);
}

int
image_dpi(const struct image *im)
{
	return im->dpi;
}

struct Pix *
image_pix(const struct image *im)
{
	return im->pix;
}
