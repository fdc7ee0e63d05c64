/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page image, decoded by leptonica.
 *
 * Bytes come from strangers, so the header is read by our own code first: an
 * image that claims more pixels than the limit is refused before any decoder
 * allocates them. Everything happens in memory: no file is opened, so all of
 * it works inside a cell.
 *
 * Formats: PNG, JPEG (with the EXIF orientation applied), TIFF (any page),
 * WebP, BMP, GIF (first frame), JPEG 2000, PNM.
 */
#ifndef SERVICE_IMAGE_H
#define SERVICE_IMAGE_H

#include "base/buf.h"
#include "base/err.h"

struct image;
struct Pix;

enum image_kind {
	IMAGE_NONE,
	IMAGE_PNG,
	IMAGE_JPEG,
	IMAGE_TIFF,
	IMAGE_WEBP,
	IMAGE_BMP,
	IMAGE_GIF,
	IMAGE_JP2,
	IMAGE_PNM,
};

struct image_info {
	enum image_kind kind;
	unsigned pages; /* 1 but for TIFF */
	unsigned width; /* as stored, of the page asked for */
	unsigned height;
	int dpi;    /* 0: not said */
	int orient; /* EXIF/TIFF orientation, 1 to 8; 1 when not said */
};

/* By the first bytes alone. */
enum image_kind image_kind_of(const void *p, size_t n);
const char *image_mime(enum image_kind kind); /* "image/png" */
const char *image_name(enum image_kind kind); /* "png" */

/* Reads headers only. `page` counts from 0. ERR_UNSUPPORTED for other bytes,
 * ERR_CORRUPT when the header is broken or cut off, ERR_EMPTY without bytes,
 * ERR_NOT_FOUND for a page that is not there. */
int image_probe(const void *p, size_t n, unsigned page, struct image_info *out,
    struct err *err) MUST_CHECK;

/* Decodes one page; the caller frees it. ERR_LIMIT when it has more than
 * `max_pixels` pixels, ERR_CORRUPT when it is truncated or broken, and the
 * errors of image_probe(). The result is upright as far as EXIF says. */
struct image *image_decode(const void *p, size_t n, unsigned page,
    size_t max_pixels, struct err *err) MUST_CHECK;

/* From rendered rows of 8-bit grey (0 black), copied. NULL if sizes are
 * absurd (ERR_LIMIT) or memory ends (ERR_NOMEM). `dpi` 0 means unknown. */
struct image *image_from_grey(unsigned width, unsigned height, size_t stride,
    const uint8_t *grey, int dpi, struct err *err) MUST_CHECK;

void image_free(struct image *im);

unsigned image_width(const struct image *im);
unsigned image_height(const struct image *im);
int image_dpi(const struct image *im); /* 0: unknown */
/* leptonica's own, borrowed: for the files of this folder only. */
struct Pix *image_pix(const struct image *im);

#endif
