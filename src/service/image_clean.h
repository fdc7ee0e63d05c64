/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a page image readable: grey planes and what is done to them.
 *
 * A plane is 8-bit grey, 0 black. Planes own their pixels and are freed with
 * plane_fini(). All functions are pure; sizes were limited by image.h.
 */
#ifndef SERVICE_IMAGE_CLEAN_H
#define SERVICE_IMAGE_CLEAN_H

#include "service/image.h"

struct plane {
	int w, h;
	uint8_t *p; /* w * h bytes, row by row */
};

void plane_fini(struct plane *a);
struct plane plane_copy(const struct plane *a);

/* Luminance of any image; -1 with ERR_NOMEM. */
int plane_from_image(struct plane *out, const struct image *im, struct err *err)
    MUST_CHECK;
/* NULL when there is no memory. */
struct Pix *plane_to_pix(const struct plane *a) MUST_CHECK;
/* 1 bit a pixel, ink where the plane is darker than `level`. */
struct Pix *plane_to_bits(const struct plane *a, int level) MUST_CHECK;

/* 3 x 3 median: takes noise of single pixels out. */
void plane_median(struct plane *a);
/* Dots and holes of at most `area` pixels of a plane that is black or white
 * only; then softens the staircase, as a scanner's lens would. */
void plane_despeckle(struct plane *a, int area);
/* Standard deviation of the noise, in grey levels (Immerkaer's estimate,
 * "Fast noise variance estimation", 1996, by its median, so that text does
 * not count). */
double plane_noise(const struct plane *a);

/*
 * Divides by the paper's brightness, which is estimated tile by tile, and
 * stretches ink to 0 and paper to 255. Light text on dark areas is turned
 * into dark text on light.
 * Returns how far ink and paper are apart, 0 to 1, before the stretch:
 * below 0.1 there is nothing to see.
 */
double plane_flatten(struct plane *a, double noise);

/* Where a pixel of the worked image comes from:
 * X = x[0] + x[1]*x + x[2]*y + x[3]*x*y, and Y likewise. */
struct plane_map {
	double x[4], y[4];
};
/* Resamples (bilinear, with area averaging when shrinking much) into w x h;
 * what lies outside becomes white. */
struct plane plane_warp(const struct plane *a, const struct plane_map *map,
    int w, int h);

#endif
