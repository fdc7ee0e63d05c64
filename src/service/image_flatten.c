/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paper's brightness and what is left when it is divided out.
 *
 * The page is cut into tiles. A high percentile of a tile is its paper, unless
 * it lies inside large type or a dark bar: closing the grid of tiles (maximum,
 * then minimum, over a window) fills dark things smaller than the window.
 * Two windows are used. What is mostly as dark as ink where the large one
 * sees paper is a bar with light text, and is inverted; anything else that
 * is dark is shadow, and is divided out.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "service/image_clean.h"

struct grid {
	int w, h;
	int tile; /* pixels a side */
	uint8_t *p;
};

static struct grid
grid_new(int w, int h, int tile)
{
	return (struct grid){w, h, tile, xcalloc((size_t)w, (size_t)h)};
}

static struct grid
grid_copy(const struct grid *g)
{
	struct grid c = grid_new(g->w, g->h, g->tile);

	memcpy(c.p, g->p, (size_t)g->w * (size_t)g->h);
	return c;
}

/* The grey level that `share` of a tile's pixels do not pass. */
static uint8_t
tile_level(const struct plane *a, int x0, int y0, int tile, double share)
{
	unsigned hist[256] = {0};
	unsigned n = 0, seen = 0;

	for (int y = y0; y < y0 + tile && y < a->h; y++) {
		const uint8_t *r = a->p + (size_t)y * (size_t)a->w;

		for (int x = x0; x < x0 + tile && x < a->w; x++, n++)
			hist[r[x]]++;
	}
	for (int i = 0; i < 256; i++) {
		seen += hist[i];
		if (seen >= share * n)
			return (uint8_t)i;
	}
	return 255;
}

static struct grid
grid_of(const struct plane *a, int tile, double share)
{
	struct grid g = grid_new((a->w + tile - 1) / tile,
	    (a->h + tile - 1) / tile, tile);

	for (int y = 0; y < g.h; y++)
		for (int x = 0; x < g.w; x++)
			g.p[y * g.w + x] = tile_level(a, x * tile, y * tile,
			    tile, share);
	return g;
}

/* Running maximum or minimum along one line of `n` cells, `step` apart. */
static void
line_extreme(uint8_t *p, int n, int step, int radius, bool max, uint8_t *tmp)
{
	for (int i = 0; i < n; i++) {
		int from = MAX_OF(i - radius, 0),
		    to = MIN_OF(i + radius, n - 1);
		uint8_t v = p[from * step];

		for (int k = from + 1; k <= to; k++) {
			uint8_t u = p[k * step];

			v = max ? MAX_OF(v, u) : MIN_OF(v, u);
		}
		tmp[i] = v;
	}
	for (int i = 0; i < n; i++)
		p[i * step] = tmp[i];
}

static void
grid_extreme(struct grid *g, int radius, bool max)
{
	uint8_t *tmp = xmalloc((size_t)MAX_OF(g->w, g->h));

	for (int y = 0; y < g->h; y++)
		line_extreme(g->p + y * g->w, g->w, 1, radius, max, tmp);
	for (int x = 0; x < g->w; x++)
		line_extreme(g->p + x, g->h, g->w, radius, max, tmp);
	free(tmp);
}

static void
grid_close(struct grid *g, int radius)
{
	grid_extreme(g, radius, true);
	grid_extreme(g, radius, false);
}

/* Of a cell and its neighbours. */
static uint8_t
mean_around(const struct grid *g, int x, int y)
{
	int x0 = MAX_OF(x - 1, 0), x1 = MIN_OF(x + 1, g->w - 1);
	int y0 = MAX_OF(y - 1, 0), y1 = MIN_OF(y + 1, g->h - 1);
	int sum = 0;

	for (int v = y0; v <= y1; v++)
		for (int u = x0; u <= x1; u++)
			sum += g->p[v * g->w + u];
	return (uint8_t)(sum / ((x1 - x0 + 1) * (y1 - y0 + 1)));
}

static void
grid_smooth(struct grid *g)
{
	struct grid from = grid_copy(g);

	for (int y = 0; y < g->h; y++)
		for (int x = 0; x < g->w; x++)
			g->p[y * g->w + x] = mean_around(&from, x, y);
	free(from.p);
}

/* --- dark bars ---------------------------------------------------------- */

struct rect {
	int x0, y0, x1, y1; /* inclusive, in tiles */
	int cells;
};

/* Collects the connected dark tiles around (x, y) and clears their marks. */
static struct rect
flood(struct grid *mark, int x, int y)
{
	struct rect r = {x, y, x, y, 0};
	int *stack = xreallocarray(NULL,
	    (size_t)mark->w * (size_t)mark->h * 4 + 4, sizeof(int));
	int n = 0;

	stack[n++] = y * mark->w + x;
	while (n > 0) {
		int at = stack[--n];
		int u = at % mark->w, v = at / mark->w;

		if (mark->p[at] == 0)
			continue;
		mark->p[at] = 0;
		r.cells++;
		r.x0 = MIN_OF(r.x0, u);
		r.x1 = MAX_OF(r.x1, u);
		r.y0 = MIN_OF(r.y0, v);
		r.y1 = MAX_OF(r.y1, v);
		if (u > 0)
			stack[n++] = at - 1;
		if (u < mark->w - 1)
			stack[n++] = at + 1;
		if (v > 0)
			stack[n++] = at - mark->w;
		if (v < mark->h - 1)
			stack[n++] = at + mark->w;
	}
	free(stack);
	return r;
}

/* Is most of the window of `2 * t` pixels around (x, y) dark? The window stays
 * between x0 and x1. Letters below a bar never fill a window, the bar does. */
static bool
dark_window(const struct plane *a, int x, int y, int t, int x0, int x1,
    int level)
{
	const uint8_t *p = a->p + (size_t)y * (size_t)a->w;
	int from = MAX_OF(MIN_OF(x - t, x1 - 2 * t), x0);
	int to = MIN_OF(from + 2 * t, x1), dark = 0;

	for (int i = from; i < to; i++)
		dark += p[i] < level;
	return dark * 10 > (to - from) * 7;
}

/* Inverts column x from `top` to `low`, unless it lies beside the bar. */
static void
invert_column(struct plane *a, const struct grid *paper, int x, int top,
    int low, int ink, int level)
{
	int t = paper->tile, dark = 0;
	uint8_t *p = a->p + x;

	for (int y = top; y <= low; y++)
		dark += p[(size_t)y * (size_t)a->w] < level;
	if (dark * 3 < low - top)
		return;
	for (int y = top; y <= low; y++) {
		uint8_t *q = p + (size_t)y * (size_t)a->w;
		int bg = paper->p[MIN_OF(y / t, paper->h - 1) * paper->w +
		    MIN_OF(x / t, paper->w - 1)];
		int v = bg + ink - *q;

		*q = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
	}
}

/* Inverts the bar whose tiles are `r`. Its upper and lower edge are looked for
 * at each column of pixels, since the page may still lie askew. */
static void
invert_bar(struct plane *a, const struct grid *paper, struct rect r, int ink)
{
	struct plane from = plane_copy(a);
	int t = paper->tile;
	int y0 = MAX_OF((r.y0 - 1) * t, 0);
	int y1 = MIN_OF((r.y1 + 2) * t, a->h) - 1;
	int x0 = (r.x0 + 1) * t, x1 = r.x1 * t;

	for (int x = MAX_OF((r.x0 - 1) * t, 0);
	     x < MIN_OF((r.x1 + 2) * t, a->w); x++) {
		int level = (ink +
				paper->p[r.y0 * paper->w +
				    MIN_OF(x / t, paper->w - 1)]) /
		    2;
		int top = y0, low = y1;

		while (
		    top < low && !dark_window(&from, x, top, t, x0, x1, level))
			top++;
		while (
		    low > top && !dark_window(&from, x, low, t, x0, x1, level))
			low--;
		if ((low - top) * 2 >= (r.y1 - r.y0) * t)
			invert_column(a, paper, x, top, low, ink, level);
	}
	plane_fini(&from);
}

/* Gives the tiles of a bar the brightness of the paper around it. */
static void
adopt(struct grid *tight, const struct grid *wide, struct rect r)
{
	for (int v = MAX_OF(r.y0 - 1, 0); v <= MIN_OF(r.y1 + 1, tight->h - 1);
	     v++)
		for (int u = MAX_OF(r.x0 - 1, 0);
		     u <= MIN_OF(r.x1 + 1, tight->w - 1); u++)
			tight->p[v * tight->w + u] = wide->p[v * tight->w + u];
}

/* How much of its rectangle a bar must fill: less when it only lies askew,
 * more when it may be part of the table that the page lies on. */
static double
fill(const struct grid *g, struct rect r)
{
	bool edge = r.x0 == 0 || r.y0 == 0 || r.x1 == g->w - 1 ||
	    r.y1 == g->h - 1;

	return edge ? 0.6 : 0.4;
}

/* Looks for dark bars: areas of tiles most of which is as dark as ink, where
 * the paper by the large window is light. `tight` takes over the brightness
 * of `wide` where a bar was inverted. */
static void
invert_bars(struct plane *a, struct grid *tight, struct grid *wide, int ink)
{
	struct grid mark = grid_of(a, tight->tile, 0.5);

	for (int i = 0; i < mark.w * mark.h; i++) {
		int gap = wide->p[i] - ink;

		mark.p[i] = gap > 40 && mark.p[i] < ink + gap * 0.4;
	}
	for (int y = 0; y < mark.h; y++)
		for (int x = 0; x < mark.w; x++) {
			struct rect r;
			int w, h;

			if (mark.p[y * mark.w + x] == 0)
				continue;
			r = flood(&mark, x, y);
			w = r.x1 - r.x0 + 1;
			h = r.y1 - r.y0 + 1;
			if (w < 6 || h < 2 || r.cells < fill(&mark, r) * w * h)
				continue;
			invert_bar(a, wide, r, ink);
			adopt(tight, wide, r);
		}
	free(mark.p);
}

/* --- dividing ----------------------------------------------------------- */

/* The paper at a pixel, between the centres of four tiles; 16.8 fixed. */
static void
divide_row(const struct plane *a, const struct grid *g, int y, uint16_t *out)
{
	const uint8_t *p = a->p + (size_t)y * (size_t)a->w;
	double fy = ((double)y + 0.5) / g->tile - 0.5;
	int gy = (int)MAX_OF(fy, 0.0), gz = MIN_OF(gy + 1, g->h - 1);
	double ay = fy - gy < 0 ? 0 : fy - gy;
	const uint8_t *r = g->p + gy * g->w, *s = g->p + gz * g->w;

	for (int x = 0; x < a->w; x++) {
		float fx = ((float)x + 0.5F) / (float)g->tile - 0.5F;
		int gx = fx < 0 ? 0 : (int)fx;
		int gu = MIN_OF(gx + 1, g->w - 1);
		float ax = fx - (float)gx < 0 ? 0 : fx - (float)gx;
		float top = (float)r[gx] + ax * (float)(r[gu] - r[gx]);
		float low = (float)s[gx] + ax * (float)(s[gu] - s[gx]);
		float bg = top + (float)ay * (low - top);
		float v = 200.0F * (float)p[x] / MAX_OF(bg, 8.0F);

		out[x] = (uint16_t)MIN_OF(v, 255.0F);
	}
}

/* Otsu's threshold; also the means on both sides. */
static int
otsu(const unsigned *hist, double *dark, double *light)
{
	double n = 0, sum = 0, n0 = 0, sum0 = 0, best = -1;
	int at = 127;

	*dark = *light = 0;
	for (int i = 0; i < 256; i++) {
		n += hist[i];
		sum += (double)i * hist[i];
	}
	for (int i = 0; i < 255; i++) {
		double m0, m1, between;

		n0 += hist[i];
		sum0 += (double)i * hist[i];
		if (n0 <= 0 || n - n0 <= 0)
			continue;
		m0 = sum0 / n0;
		m1 = (sum - sum0) / (n - n0);
		between = n0 * (n - n0) * (m1 - m0) * (m1 - m0);
		if (between > best) {
			best = between;
			at = i;
			*dark = m0;
			*light = m1;
		}
	}
	return at;
}

/* The level that a share of the pixels does not pass: for a small share, ink
 * as black as it gets. */
static int
level_of(const struct plane *a, double share)
{
	unsigned hist[256] = {0};
	size_t n = (size_t)a->w * (size_t)a->h, seen = 0;

	for (size_t i = 0; i < n; i++)
		hist[a->p[i]]++;
	for (int i = 0; i < 256; i++) {
		seen += hist[i];
		if ((double)seen >= share * (double)n)
			return i;
	}
	return 0;
}

/* A page that is light on dark all over: there is light ink, but hardly a
 * tile that is mostly light. */
static void
invert_page(struct plane *a, int tile)
{
	int low = level_of(a, 0.05), high = level_of(a, 0.995);
	struct grid g = grid_of(a, 4 * tile, 0.75);
	int light = 0;

	for (int i = 0; i < g.w * g.h; i++)
		light += g.p[i] > (low + high) / 2;
	if (high - low > 60 && light < 0.05 * g.w * g.h)
		for (size_t i = 0; i < (size_t)a->w * (size_t)a->h; i++)
			a->p[i] = (uint8_t)(255 - a->p[i]);
	free(g.p);
}

/* Stretches so that ink is 0 and paper 255; returns the contrast. */
static double
stretch(struct plane *a, double noise)
{
	unsigned hist[256] = {0};
	size_t n = (size_t)a->w * (size_t)a->h;
	double dark, light, low, high;
	uint8_t to[256];

	for (size_t i = 0; i < n; i++)
		hist[a->p[i]]++;
	otsu(hist, &dark, &light);
	high = MAX_OF(light - 1.5 * noise - 8, dark + 20);
	low = dark - (light - dark) * 0.1;
	for (int i = 0; i < 256; i++) {
		double v = ((double)i - low) / (high - low) * 255;

		to[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
	}
	for (size_t i = 0; i < n; i++)
		a->p[i] = to[a->p[i]];
	return (light - dark) / 200;
}

double
plane_flatten(struct plane *a, double noise)
{
	int side = MIN_OF(a->w, a->h);
	int tile = MAX_OF(8, MIN_OF(side / 100, 32));
	uint16_t *row = xreallocarray(NULL, (size_t)a->w, sizeof(*row));
	struct grid tight, wide;
	int ink;

	invert_page(a, tile);
	ink = level_of(a, 0.004);
	tight = grid_of(a, tile, 0.75);
	wide = grid_copy(&tight);
	grid_close(&tight, 2);
	grid_close(&wide, 7);
	invert_bars(a, &tight, &wide, ink);
	grid_smooth(&tight);
	for (int y = 0; y < a->h; y++) {
		uint8_t *p = a->p + (size_t)y * (size_t)a->w;

		divide_row(a, &tight, y, row);
		for (int x = 0; x < a->w; x++)
			p[x] = (uint8_t)row[x];
	}
	free(row);
	free(tight.p);
	free(wide.p);
	return stretch(a, noise);
}
