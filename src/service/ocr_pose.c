/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a page lies: which side is up, how far it is turned, and how much the
 * turn changes from top to bottom (a page photographed at an angle).
 *
 * Text lines make the sums of pixel rows jump; the angle at which they jump
 * most is the skew (leptonica's sweep), and the better of the page and the
 * page turned by a quarter tells how the lines run. Upside down is told by
 * ascenders, which outnumber descenders in Latin script.
 */
#include <leptonica/allheaders.h>
#include <math.h>

#include "service/ocr_engine.h"

enum {
	SWEEP = 15, /* degrees to either side */
	STRIPS = 5, /* for the keystone */
};

#define RADIANS (3.14159265358979 / 180)

/* The angle that makes lines horizontal and how clear it is. */
static double
sweep(PIX *bits, double middle, double range, double *score)
{
	l_float32 angle = 0, conf = 0, best = 0;

	*score = 0;
	if (pixFindSkewSweepAndSearchScorePivot(bits, &angle, &conf, &best, 1,
		1, (l_float32)middle, (l_float32)range, 1.0F, 0.02F,
		L_SHEAR_ABOUT_CENTER) != 0)
		return 0;
	*score = (double)best;
	return (double)angle;
}

/* Fits the skews of horizontal strips: their change per pixel. Weighted by
 * how clear each is; 0 unless enough of them agree. */
static double
find_keystone(PIX *bits, double skew)
{
	l_int32 w = pixGetWidth(bits), h = pixGetHeight(bits);
	double sw = 0, sy = 0, st = 0, syy = 0, syt = 0, worst = 0;
	double ys[STRIPS], ts[STRIPS], ws[STRIPS], b;
	int used = 0;

	for (int i = 0; i < STRIPS; i++) {
		l_int32 top = h * i / (STRIPS + 1);
		BOX *box = boxCreate(0, top, w, h * 2 / (STRIPS + 1));
		PIX *strip = pixClipRectangle(bits, box, NULL);
		double score = 0, angle = 0;

		if (strip != NULL)
			angle = sweep(strip, skew, 4, &score);
		if (score > 0 && fabs(angle - skew) < 3.9) {
			ys[used] = top + h / (double)(STRIPS + 1) - h / 2.0;
			ts[used] = tan(-angle * RADIANS);
			ws[used++] = sqrt(score);
		}
		pixDestroy(&strip);
		boxDestroy(&box);
	}
	for (int i = 0; i < used; i++) {
		sw += ws[i];
		sy += ws[i] * ys[i];
		st += ws[i] * ts[i];
		syy += ws[i] * ys[i] * ys[i];
		syt += ws[i] * ys[i] * ts[i];
	}
	if (used < 3 || syy * sw - sy * sy <= 0)
		return 0;
	b = (syt * sw - sy * st) / (syy * sw - sy * sy);
	for (int i = 0; i < used; i++)
		worst = MAX_OF(worst,
		    fabs(ts[i] - st / sw - b * (ys[i] - sy / sw)));
	/* Below half a degree over the page it is not worth it. */
	if (fabs(b) * h < 0.009 || worst > fabs(b) * h / 2)
		return 0;
	return b;
}

/* Above 0: upright, below: upside down; far from 0: sure. */
static double
up_or_down(PIX *bits, double angle)
{
	PIX *level = fabs(angle) > 0.3
	    ? pixRotate(bits, (l_float32)(angle * RADIANS), L_ROTATE_SHEAR,
		  L_BRING_IN_WHITE, 0, 0)
	    : pixClone(bits);
	l_float32 conf = 0;

	if (level != NULL)
		pixUpDownDetect(level, &conf, 20, 0, 0);
	pixDestroy(&level);
	return (double)conf;
}

struct pose
pose_find(struct Pix *bits, bool fixed)
{
	struct pose pose = {0};
	PIX *half = pixReduceRankBinaryCascade(bits, 2, 0, 0, 0);
	PIX *quarter = half != NULL
	    ? pixReduceRankBinaryCascade(half, 2, 0, 0, 0)
	    : NULL;
	PIX *turned = quarter != NULL ? pixRotateOrth(quarter, 1) : NULL;
	double flat, steep, angle, turned_angle, up = 0;

	if (turned == NULL)
		goto out;
	angle = sweep(quarter, 0, SWEEP, &flat);
	turned_angle = sweep(turned, 0, SWEEP, &steep);
	if (!fixed && steep > flat * 1.2) {
		PIX *side = pixRotateOrth(bits, 1);

		pose.rotation = 90;
		angle = turned_angle;
		up = side != NULL ? up_or_down(side, angle) : 0;
		pixDestroy(&side);
		pixDestroy(&quarter);
		quarter = turned;
		turned = NULL;
	} else if (!fixed) {
		up = up_or_down(bits, angle);
	}
	pose.skew = -angle;
	pose.keystone = find_keystone(quarter, angle) / 4;
	if (up < -2.5)
		pose.rotation += 180;
	pose.unsure = !fixed && fabs(up) < 6;
out:
	pixDestroy(&half);
	pixDestroy(&quarter);
	pixDestroy(&turned);
	return pose;
}

/* Turns a map to the upright page into one to the page as it came. */
static struct plane_map
turn(const struct plane_map *m, int rotation, int w, int h)
{
	struct plane_map r = *m;

	for (int i = 0; i < 4; i++) {
		double x = m->x[i], y = m->y[i];

		switch (rotation) {
		case 90:
			r.x[i] = y;
			r.y[i] = (i == 0 ? h - 1 : 0) - x;
			break;
		case 180:
			r.x[i] = (i == 0 ? w - 1 : 0) - x;
			r.y[i] = (i == 0 ? h - 1 : 0) - y;
			break;
		case 270:
			r.x[i] = (i == 0 ? w - 1 : 0) - y;
			r.y[i] = x;
			break;
		default:
			break;
		}
	}
	return r;
}

struct plane_map
pose_map(const struct pose *pose, int w, int h, double scale, int *out_w,
    int *out_h)
{
	bool side = pose->rotation == 90 || pose->rotation == 270;
	double uw = side ? h : w, uh = side ? w : h; /* upright */
	double t = tan(pose->skew * RADIANS);
	double xc = uw / 2, yc = uh / 2;
	/* A page turned upside down gains its skew the same way upwards. */
	double k = pose->keystone;
	struct plane_map m;
	double s = 1 / scale;

	/* Y = y + (x - xc) * (t + k * (y - yc)), X = x - (y - yc) * t */
	m.x[0] = yc * t;
	m.x[1] = s;
	m.x[2] = -t * s;
	m.x[3] = 0;
	m.y[0] = -xc * (t - k * yc);
	m.y[1] = (t - k * yc) * s;
	m.y[2] = (1 - k * xc) * s;
	m.y[3] = k * s * s;
	*out_w = (int)(uw * scale + 0.5);
	*out_h = (int)(uh * scale + 0.5);
	return turn(&m, pose->rotation, w, h);
}
