/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grey planes: noise, resampling, and the way to and from leptonica. The
 * paper's brightness is in image_flatten.c.
 */
#include "service/image_clean.h"

#include <leptonica/allheaders.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
plane_fini(struct plane *a)
{
	free(a->p);
	*a = (struct plane){0};
}

static struct plane
plane_new(int w, int h)
{
	return (struct plane){w, h, xmalloc((size_t)w * (size_t)h)};
}

struct plane
plane_copy(const struct plane *a)
{
	struct plane b = plane_new(a->w, a->h);

	memcpy(b.p, a->p, (size_t)a->w * (size_t)a->h);
	return b;
}

static uint8_t *
row_of(const struct plane *a, int y)
{
	return a->p + (size_t)y * (size_t)a->w;
}

/* --- leptonica ---------------------------------------------------------- */

int
plane_from_image(struct plane *out, const struct image *im, struct err *err)
{
	PIX *pix = pixConvertTo8(image_pix(im), 0);

	if (pix == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a grey image");
	*out = plane_new(pixGetWidth(pix), pixGetHeight(pix));
	pixEndianByteSwap(pix);
	for (int y = 0; y < out->h; y++)
		memcpy(row_of(out, y), pixGetData(pix) + y * pixGetWpl(pix),
		    (size_t)out->w);
	pixDestroy(&pix);
	return 0;
}

struct Pix *
plane_to_pix(const struct plane *a)
{
	PIX *pix = pixCreate(a->w, a->h, 8);

	if (pix == NULL)
		return NULL;
	for (int y = 0; y < a->h; y++)
		memcpy(pixGetData(pix) + y * pixGetWpl(pix), row_of(a, y),
		    (size_t)a->w);
	pixEndianByteSwap(pix);
	return pix;
}

/* Up to 32 pixels as bits, the first one highest. */
static l_uint32
word_of(const uint8_t *from, int n, int level)
{
	l_uint32 bits = 0;

	for (int x = 0; x < n; x++)
		bits = bits << 1 | (from[x] < level);
	return bits << (32 - n);
}

struct Pix *
plane_to_bits(const struct plane *a, int level)
{
	PIX *pix = pixCreate(a->w, a->h, 1);

	if (pix == NULL)
		return NULL;
	for (int y = 0; y < a->h; y++) {
		l_uint32 *to = pixGetData(pix) + y * pixGetWpl(pix);
		const uint8_t *from = row_of(a, y);

		for (int x = 0; x < a->w; x += 32, to++)
			*to = word_of(from + x, MIN_OF(a->w - x, 32), level);
	}
	return pix;
}

/* --- noise -------------------------------------------------------------- */

#define SORT(a, b)                          \
	do {                                \
		uint8_t lo_ = MIN_OF(a, b); \
		(b) = MAX_OF(a, b);         \
		(a) = lo_;                  \
	} while (0)

/* The middle of nine, by the shortest network (Paeth, Graphics Gems, 1990). */
static uint8_t
median9(uint8_t v[9]) /* NOLINT(readability-function-cognitive-complexity) */
{
	SORT(v[1], v[2]);
	SORT(v[4], v[5]);
	SORT(v[7], v[8]);
	SORT(v[0], v[1]);
	SORT(v[3], v[4]);
	SORT(v[6], v[7]);
	SORT(v[1], v[2]);
	SORT(v[4], v[5]);
	SORT(v[7], v[8]);
	v[3] = MAX_OF(v[0], v[3]);
	v[5] = MIN_OF(v[5], v[8]);
	SORT(v[4], v[7]);
	v[6] = MAX_OF(v[3], v[6]);
	v[4] = MAX_OF(v[1], v[4]);
	v[2] = MIN_OF(v[2], v[5]);
	v[4] = MIN_OF(v[4], v[7]);
	SORT(v[4], v[2]);
	v[4] = MAX_OF(v[6], v[4]);
	return MIN_OF(v[4], v[2]);
}

void
plane_median(struct plane *a)
{
	struct plane from;

	if (a->w < 3 || a->h < 3)
		return;
	from = plane_copy(a);
	for (int y = 1; y < a->h - 1; y++) {
		const uint8_t *r = row_of(&from, y - 1);
		const uint8_t *s = row_of(&from, y);
		const uint8_t *t = row_of(&from, y + 1);
		uint8_t *to = row_of(a, y);

		for (int x = 1; x < a->w - 1; x++) {
			uint8_t v[9] = {r[x - 1], r[x], r[x + 1], s[x - 1],
			    s[x], s[x + 1], t[x - 1], t[x], t[x + 1]};

			to[x] = median9(v);
		}
	}
	plane_fini(&from);
}

double
plane_noise(const struct plane *a)
{
	unsigned hist[2048] = {0};
	size_t n = 0, seen = 0;

	for (int y = 1; y < a->h - 1; y += 3) {
		const uint8_t *r = row_of(a, y - 1);
		const uint8_t *s = row_of(a, y);
		const uint8_t *t = row_of(a, y + 1);

		for (int x = 1; x < a->w - 1; x += 2) {
			int v = r[x - 1] - 2 * r[x] + r[x + 1] - 2 * s[x - 1] +
			    4 * s[x] - 2 * s[x + 1] + t[x - 1] - 2 * t[x] +
			    t[x + 1];

			hist[MIN_OF(abs(v), 2047)]++;
			n++;
		}
	}
	for (int i = 0; i < 2048; i++) {
		seen += hist[i];
		if (seen * 2 >= n)
			return i / 6.0 / 0.6745;
	}
	return 0;
}

/* Removes components of at most `area` pixels. */
static PIX *
without_dots(PIX *bits, int area)
{
	PIX *out = NULL;
	BOXA *boxes;
	PIXA *parts = NULL;

	boxes = pixConnComp(bits, &parts, 8);
	if (boxes != NULL && parts != NULL) {
		for (l_int32 i = 0; i < pixaGetCount(parts); i++) {
			l_int32 x, y, w, h, n = 0;
			PIX *one;

			boxaGetBoxGeometry(boxes, i, &x, &y, &w, &h);
			if (w > area || h > area)
				continue;
			one = pixaGetPix(parts, i, L_CLONE);
			pixCountPixels(one, &n, NULL);
			if (n <= area)
				pixRasterop(bits, x, y, w, h,
				    PIX_NOT(PIX_SRC) & PIX_DST, one, 0, 0);
			pixDestroy(&one);
		}
	}
	out = bits;
	boxaDestroy(&boxes);
	pixaDestroy(&parts);
	return out;
}

/* 1-2-1 in both directions. */
static void
soften(struct plane *a)
{
	struct plane from;

	if (a->w < 3 || a->h < 3)
		return;
	from = plane_copy(a);
	for (int y = 1; y < a->h - 1; y++) {
		const uint8_t *r = row_of(&from, y - 1);
		const uint8_t *s = row_of(&from, y);
		const uint8_t *t = row_of(&from, y + 1);
		uint8_t *to = row_of(a, y);

		for (int x = 1; x < a->w - 1; x++)
			to[x] =
			    (uint8_t)((r[x - 1] + 2 * r[x] + r[x + 1] +
					  2 * (s[x - 1] + 2 * s[x] + s[x + 1]) +
					  t[x - 1] + 2 * t[x] + t[x + 1] + 8) /
				16);
	}
	plane_fini(&from);
}

void
plane_despeckle(struct plane *a, int area)
{
	PIX *bits = plane_to_bits(a, 128);

	if (bits != NULL && area > 0) {
		bits = without_dots(bits, area);
		pixInvert(bits, bits);
		bits = without_dots(bits, area);
		pixInvert(bits, bits);
		for (int y = 0; y < a->h; y++) {
			const l_uint32 *from = pixGetData(bits) +
			    y * pixGetWpl(bits);
			uint8_t *to = row_of(a, y);

			for (int x = 0; x < a->w; x++)
				to[x] = GET_DATA_BIT(from, x) ? 0 : 255;
		}
	}
	pixDestroy(&bits);
	soften(a);
}

/* --- resampling --------------------------------------------------------- */

/* Halves both sides by averaging. */
static struct plane
halve(const struct plane *a)
{
	struct plane b = plane_new(a->w / 2, a->h / 2);

	for (int y = 0; y < b.h; y++) {
		const uint8_t *r = row_of(a, 2 * y), *s = row_of(a, 2 * y + 1);
		uint8_t *to = row_of(&b, y);

		for (int x = 0; x < b.w; x++)
			to[x] = (uint8_t)((r[2 * x] + r[2 * x + 1] + s[2 * x] +
					      s[2 * x + 1] + 2) /
			    4);
	}
	return b;
}

/* The integer below: floor() is a call where the processor is not known to
 * have it. */
static int
below(double v)
{
	int i = (int)v;

	return i - (v < i);
}

/* One row in 16.8 fixed point: (fx, fy) moves by (dx, dy) a pixel. */
static void
warp_row(const struct plane *a, uint8_t *to, int w, double fx, double fy,
    double dx, double dy)
{
	for (int x = 0; x < w; x++) {
		double px = fx + x * dx, py = fy + x * dy;
		int ix = below(px), iy = below(py);
		int ax, ay, top, low;
		const uint8_t *s;

		if (ix < 0 || iy < 0 || ix >= a->w - 1 || iy >= a->h - 1) {
			to[x] = 255;
			continue;
		}
		ax = (int)((px - ix) * 256);
		ay = (int)((py - iy) * 256);
		s = row_of(a, iy) + ix;
		top = s[0] * (256 - ax) + s[1] * ax;
		low = s[a->w] * (256 - ax) + s[a->w + 1] * ax;
		to[x] = (uint8_t)((top * (256 - ay) + low * ay + 32768) >> 16);
	}
}

/* Where a column comes from. */
struct column {
	int at;    /* -1: from outside */
	int share; /* of the pixel to its right, of 256 */
};

static struct column *
columns_of(const struct plane *a, int w, double fx, double dx)
{
	struct column *c = xreallocarray(NULL, (size_t)w, sizeof *c);

	for (int x = 0; x < w; x++) {
		double px = fx + x * dx;
		int ix = below(px);

		c[x] = (struct column){ix, (int)((px - ix) * 256)};
		if (ix < 0 || ix >= a->w - 1)
			c[x].at = -1;
	}
	return c;
}

static bool
is_level(const struct plane_map *m)
{
	return m->x[2] == 0 && m->x[3] == 0 && m->y[1] == 0 && m->y[3] == 0;
}

/* A level page: what warp_row() does, with every column worked out once. */
static void
warp_level(const struct plane *a, struct plane *out,
    const struct plane_map *map, double f)
{
	struct column *c = columns_of(a, out->w, (map->x[0] + 0.5) * f - 0.5,
	    map->x[1] * f);

	for (int y = 0; y < out->h; y++) {
		double v = (map->y[0] + map->y[2] * y + 0.5) * f - 0.5;
		int iy = below(v), ay = (int)((v - iy) * 256);
		uint8_t *to = row_of(out, y);
		const uint8_t *r, *s;

		if (iy < 0 || iy >= a->h - 1) {
			memset(to, 255, (size_t)out->w);
			continue;
		}
		r = row_of(a, iy);
		s = r + a->w;
		for (int x = 0; x < out->w; x++) {
			int ix = c[x].at, ax = c[x].share, top, low;

			if (ix < 0) {
				to[x] = 255;
				continue;
			}
			top = r[ix] * (256 - ax) + r[ix + 1] * ax;
			low = s[ix] * (256 - ax) + s[ix + 1] * ax;
			to[x] = (uint8_t)((top * (256 - ay) + low * ay +
					      32768) >>
			    16);
		}
	}
	free(c);
}

struct plane
plane_warp(const struct plane *a, const struct plane_map *map, int w, int h)
{
	struct plane out = plane_new(w, h);
	struct plane small = {0};
	double step = MAX_OF(hypot(map->x[1], map->y[1]),
	    hypot(map->x[2], map->y[2]));
	double f = 1;

	while (step * f >= 1.9 && a->w > 8 && a->h > 8) {
		struct plane next = halve(a);

		plane_fini(&small);
		small = next;
		a = &small;
		f /= 2;
	}
	if (is_level(map))
		warp_level(a, &out, map, f);
	for (int y = 0; y < h && !is_level(map); y++) {
		/* Pixel centres: the middle of a shrunk pixel is 0.5. */
		double fx = map->x[0] + map->x[2] * y;
		double fy = map->y[0] + map->y[2] * y;
		double dx = map->x[1] + map->x[3] * y;
		double dy = map->y[1] + map->y[3] * y;

		warp_row(a, row_of(&out, y), w, (fx + 0.5) * f - 0.5,
		    (fy + 0.5) * f - 0.5, dx * f, dy * f);
	}
	plane_fini(&small);
	return out;
}
