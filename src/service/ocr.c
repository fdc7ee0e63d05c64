/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one page: clean, turn, read, look for what was missed, read doubtful
 * lines again, then order the words. Which reading wins is decided by the
 * confidence that Tesseract measured, never by what the words say.
 */
#include "service/ocr.h"

#include <leptonica/allheaders.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/ocr_engine.h"

enum {
	TEXT_HEIGHT = 23,  /* of a lower-case letter at 300 dpi, 11 point */
	SMALL_HEIGHT = 15, /* below it the page is enlarged */
	LARGE_HEIGHT = 44, /* above it the page is reduced */
	WORK_PIXELS = 40000000, /* of the worked image at most */
	DEFAULT_LIMIT_US = 20000000,
};

/* One page on its way. */
struct job {
	struct ocr *o;
	struct ocr_opts opts;
	struct ocr_page *page;
	int64_t began;
	struct plane grey; /* flattened, as the page came */
	int text;          /* height of small letters in it, pixels; 0: none */
	struct pose pose;
	double scale;
	struct plane_map map;
	PIX *pix; /* upright, level, scaled */
	PIX *bits;
	struct raw_list raw;
};

static void
job_fini(struct job *j)
{
	plane_fini(&j->grey);
	pixDestroy(&j->pix);
	pixDestroy(&j->bits);
	raw_fini(&j->raw);
	engine_done(j->o);
}

static bool
in_time(const struct job *j)
{
	return !j->opts.fast && clock_us() - j->began < j->opts.limit_us;
}

/* --- cleaning ----------------------------------------------------------- */

/* Height of the letters: the median of components that may be letters. */
static int
text_height(PIX *bits, unsigned *letters)
{
	unsigned hist[256] = {0}, n = 0, seen = 0;
	BOXA *boxes = pixConnCompBB(bits, 8);

	*letters = 0;
	for (l_int32 i = 0; boxes != NULL && i < boxaGetCount(boxes); i++) {
		l_int32 w, h;

		boxaGetBoxGeometry(boxes, i, NULL, NULL, &w, &h);
		if (h < 5 || h > 255 || w < 2 || w > 4 * h || h > 8 * w)
			continue;
		hist[h]++;
		n++;
	}
	boxaDestroy(&boxes);
	*letters = n;
	for (int h = 0; h < 256; h++) {
		seen += hist[h];
		if (n >= 4 && seen * 2 >= n)
			return h;
	}
	return 0;
}

/* Ink that is neither a picture, a rule nor a speck. */
static PIX *
text_only(PIX *bits, int text)
{
	PIX *small = pixSelectBySize(bits, 14 * text, 4 * text, 8,
	    L_SELECT_IF_BOTH, L_SELECT_IF_LTE, NULL);
	PIX *out;

	if (small == NULL)
		return NULL;
	out = pixSelectBySize(small, text / 3, text / 3, 8, L_SELECT_IF_EITHER,
	    L_SELECT_IF_GTE, NULL);
	pixDestroy(&small);
	return out;
}

/* Flattens the page and finds out how it lies. False: nothing to read. */
static int
clean(struct job *j, const struct image *im, bool *blank, struct err *err)
{
	bool binary = pixGetDepth(image_pix(im)) == 1;
	PIX *bits, *only;
	double noise = 0, contrast;
	unsigned letters;

	if (plane_from_image(&j->grey, im, err) != 0)
		return -1;
	if (binary) {
		plane_despeckle(&j->grey, 3);
		contrast = plane_flatten(&j->grey, 0);
	} else {
		noise = plane_noise(&j->grey);
		if (noise > 7) {
			plane_median(&j->grey);
			noise /= 2.5;
		}
		contrast = plane_flatten(&j->grey, noise);
	}
	bits = plane_to_bits(&j->grey, 128);
	if (bits == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a page image");
	j->text = text_height(bits, &letters);
	*blank = contrast < 0.08 || j->text == 0;
	if (!*blank) {
		only = text_only(bits, j->text);
		j->pose = pose_find(only != NULL ? only : bits, j->opts.fixed);
		pixDestroy(&only);
	}
	pixDestroy(&bits);
	return 0;
}

static double
work_scale(const struct job *j)
{
	double s = 1, pixels = (double)j->grey.w * j->grey.h;

	if (j->text < SMALL_HEIGHT)
		s = MIN_OF((double)TEXT_HEIGHT / j->text, 2.0);
	else if (j->text > LARGE_HEIGHT)
		s = (double)TEXT_HEIGHT / j->text;
	if (pixels * s * s > (double)WORK_PIXELS)
		s = sqrt((double)WORK_PIXELS / pixels);
	return s;
}

/* Makes the worked image from the pose. */
static int
straighten(struct job *j, struct err *err)
{
	struct plane level;
	int w, h;

	pixDestroy(&j->pix);
	pixDestroy(&j->bits);
	if (fabs(j->pose.skew) < 0.08 && j->pose.keystone == 0)
		j->pose.skew = 0;
	j->scale = work_scale(j);
	j->map = pose_map(&j->pose, j->grey.w, j->grey.h, j->scale, &w, &h);
	if (w < 8 || h < 8)
		return err_set(err, ERR_LIMIT, "the image is too narrow");
	level = plane_warp(&j->grey, &j->map, w, h);
	j->pix = plane_to_pix(&level);
	j->bits = plane_to_bits(&level, 128);
	plane_fini(&level);
	if (j->pix == NULL || j->bits == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a page image");
	return 0;
}

/* --- reading ------------------------------------------------------------ */

static int
work_dpi(const struct job *j)
{
	double dpi = 300.0 * j->text * j->scale / (double)TEXT_HEIGHT;

	return dpi < 100 ? 100 : dpi > 600 ? 600 : (int)dpi;
}

static int
read_all(struct job *j, enum engine_how how, struct raw_list *out,
    struct err *err)
{
	if (engine_image(j->o, j->pix, work_dpi(j), err) != 0)
		return -1;
	j->page->passes++;
	return engine_run(j->o, how, NULL, out, err);
}

/* Is the page upside down? Reads again the other way, keeps the better. */
static int
try_upside_down(struct job *j, struct err *err)
{
	struct raw_list other = {0};
	struct pose before = j->pose;
	int rc;

	j->pose.rotation = (j->pose.rotation + 180) % 360;
	j->pose.keystone = -j->pose.keystone;
	rc = straighten(j, err);
	if (rc == 0)
		rc = read_all(j, ENGINE_PAGE, &other, err);
	if (rc == 0 &&
	    raw_confidence(&other) * sqrt((double)raw_chars(&other)) >
		raw_confidence(&j->raw) * sqrt((double)raw_chars(&j->raw))) {
		raw_fini(&j->raw);
		j->raw = other;
		return 0;
	}
	raw_fini(&other);
	if (rc != 0)
		return -1;
	j->pose = before;
	return straighten(j, err);
}

/* Less than half as high as the letters around it, and no sign that is. */
static bool
is_speck(const struct job *j, const struct raw_word *w)
{
	return w->box.y1 - w->box.y0 < 0.4 * j->text * j->scale &&
	    strpbrk(w->text, "-.,:;'\"`~_=+*^") == NULL &&
	    ((unsigned char)w->text[0] < 0x80 ||
		str_starts(str_of(w->text), "\u00a9") ||
		str_starts(str_of(w->text), "\u00ae"));
}

/* Does the word look like dirt? Judged by what was measured and its shape. */
static bool
is_dirt(const struct job *j, const struct raw_word *w)
{
	double text = j->text * j->scale;
	int width = w->box.x1 - w->box.x0, height = w->box.y1 - w->box.y0;
	bool solid = false; /* has a letter or a figure */

	for (const char *c = w->text; *c != '\0'; c++)
		solid = solid || (*c >= '0' && *c <= '9') ||
		    (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') ||
		    (unsigned char)*c >= 0xc3;
	if ((double)w->confidence < 0.2)
		return true;
	if (!solid && (double)w->confidence < 0.5)
		return true;
	if (height > 8 * text && (double)w->confidence < 0.8)
		return true;
	if (height < 0.25 * text && width > 3 * text)
		return true;
	return is_speck(j, w);
}

/* Rows of the area, each one pixel high, in which there is ink. */
static int
inked_rows(const struct job *j, int x, int y, int w, int h)
{
	int rows = 0;

	for (int r = y; r < y + h; r++) {
		l_uint32 ink = 0;

		for (int c = x; c < x + w && ink == 0; c++)
			if (pixGetPixel(j->bits, c, r, &ink) != 0)
				ink = 0;
		rows += ink != 0;
	}
	return rows;
}

/* A bar that goes on above or below the line is a table's rule. */
static bool
is_rule(const struct job *j, const struct raw_word *w)
{
	int text = (int)(j->text * j->scale), width = w->box.x1 - w->box.x0;

	return strcmp(w->text, "|") == 0 &&
	    (inked_rows(j, w->box.x0, w->box.y0 - text, width, text) >=
		    text * 3 / 4 ||
		inked_rows(j, w->box.x0, w->box.y1, width, text) >=
		    text * 3 / 4);
}

/* A word of one mark at the start of a list item that is a solid dot: a
 * bullet, whatever letter Tesseract took it for. Told by its ink alone. */
static bool
is_dot(const struct job *j, const struct raw_word *w)
{
	double text = j->text * j->scale;
	int width = w->box.x1 - w->box.x0, height = w->box.y1 - w->box.y0;
	l_int32 ink = 0;
	BOX *box;
	PIX *part;

	if (strlen(w->text) > 3 ||
	    ((unsigned char)w->text[0] < 0x80 && w->text[1] != '\0') ||
	    height > 0.9 * text || height < 0.25 * text ||
	    width > 1.4 * height || height > 1.4 * width ||
	    w->box.y1 > w->base0 - 0.05 * text)
		return false;
	box = boxCreate(w->box.x0, w->box.y0, width, height);
	part = pixClipRectangle(j->bits, box, NULL);
	if (part != NULL)
		pixCountPixels(part, &ink, NULL);
	pixDestroy(&part);
	boxDestroy(&box);
	return ink > 0.68 * width * height;
}

/* Tesseract gives figures that its number patterns do not know a confidence
 * near nothing, however clear they are. A word with figures whose size and
 * pitch are those of print is kept, and its low confidence is told. */
static bool
is_figure(const struct job *j, const struct raw_word *w)
{
	double text = j->text * j->scale;
	double width = w->box.x1 - w->box.x0, height = w->box.y1 - w->box.y0;
	unsigned figures = 0, others = 0, all = 0;

	for (const char *c = w->text; *c != '\0'; c++, all++) {
		if (*c >= '0' && *c <= '9')
			figures++;
		else if (strchr(".,:/-+", *c) == NULL &&
		    (unsigned char)*c < 0x80 && !(*c >= 'A' && *c <= 'Z'))
			others++;
	}
	return figures >= 3 && figures * 2 > all && others <= 1 &&
	    height > 0.8 * text && height < 2.4 * text &&
	    width > 0.35 * text * all && width < 1.5 * text * all;
}

/* Mean confidence of the words of one line, by characters. */
static double
line_confidence(const struct raw_list *list, unsigned first, unsigned end)
{
	double sum = 0, chars = 0;

	for (unsigned i = first; i < end; i++) {
		double n = (double)strlen(list->words[i].text);

		sum += n * (double)list->words[i].confidence;
		chars += n;
	}
	return chars > 0 ? sum / chars : 0;
}

/* One capital letter, such as marks a reading beside its figure. */
static bool
is_mark(const struct raw_word *w)
{
	return w->text[0] >= 'A' && w->text[0] <= 'Z' && w->text[1] == '\0';
}

static void
drop_dirt(struct job *j, struct raw_list *list, unsigned from)
{
	for (unsigned i = from, end; i < list->n; i = end) {
		struct raw_word *w = &list->words[i];
		bool poor, figures = false;

		for (end = i;
		     end < list->n && list->words[end].line == w->line;)
			end++;
		for (unsigned k = i; k < end; k++)
			figures = figures || is_figure(j, &list->words[k]);
		poor = line_confidence(list, i, end) < 0.5 && !figures;
		if (end - i > 1 && is_dot(j, w))
			w->text = "\u2022";
		for (unsigned k = i; k < end; k++)
			if ((is_dirt(j, &list->words[k]) &&
				!list->words[k].is_ink &&
				!is_figure(j, &list->words[k]) &&
				!(figures && is_mark(&list->words[k]))) ||
			    is_rule(j, &list->words[k]) ||
			    (poor && (double)list->words[k].confidence < 0.5))
				list->words[k].dropped = true;
	}
}

/* --- what is doubtful --------------------------------------------------- */

/* Where the words stand, and a little around them. */
static struct ocr_box
words_area(const struct job *j, unsigned first, unsigned end)
{
	struct ocr_box area = j->raw.words[first].box;
	int pad = (int)(j->text * j->scale / 3) + 1;

	for (unsigned i = first; i < end; i++) {
		const struct ocr_box *b = &j->raw.words[i].box;

		area.x0 = MIN_OF(area.x0, b->x0);
		area.y0 = MIN_OF(area.y0, b->y0);
		area.x1 = MAX_OF(area.x1, b->x1);
		area.y1 = MAX_OF(area.y1, b->y1);
	}
	area.x0 = MAX_OF(area.x0 - pad, 0);
	area.y0 = MAX_OF(area.y0 - pad, 0);
	area.x1 = MIN_OF(area.x1 + pad, pixGetWidth(j->pix));
	area.y1 = MIN_OF(area.y1 + pad, pixGetHeight(j->pix));
	return area;
}

/* Reads one line, or words of it, again by itself: a line cut out of a table
 * is often read better than in the block Tesseract put it in. */
static int
reread_line(struct job *j, unsigned first, unsigned end, double before,
    struct err *err)
{
	struct ocr_box area = words_area(j, first, end);
	struct raw_list again = {0};
	int line = j->raw.words[first].line;
	int rc;

	rc = engine_run(j->o, ENGINE_LINE, &area, &again, err);
	if (rc == 0 && raw_confidence(&again) > before + 0.05) {
		for (unsigned i = first; i < end; i++)
			j->raw.words[i].dropped = true;
		for (unsigned i = 0; i < again.n; i++) {
			again.words[i].line = line;
			raw_add(&j->raw, again.words[i]);
		}
	}
	raw_fini(&again);
	return rc;
}

/* A figure that stands out as doubtful in a line that is clear. */
static int
reread_figures(struct job *j, unsigned first, unsigned end, struct err *err)
{
	for (unsigned i = first; i < end; i++) {
		const struct raw_word *w = &j->raw.words[i];

		if ((double)w->confidence < 0.4 && is_figure(j, w) &&
		    reread_line(j, i, i + 1, (double)w->confidence, err) != 0)
			return -1;
	}
	return 0;
}

/* Taken for a bar, but no taller than a figure and standing on the line, which
 * bars reach below. */
static bool
is_stroke(const struct job *j, const struct raw_word *w)
{
	double text = j->text * j->scale;

	return strcmp(w->text, "|") == 0 &&
	    w->box.y1 - w->box.y0 < 1.7 * text &&
	    w->box.y1 < w->base0 + 0.15 * text;
}

static bool
is_one_or_letter(const char *text)
{
	return text[0] != '\0' && text[1] == '\0' &&
	    strchr("1Il", text[0]) != NULL;
}

/* A stroke is a "1" or an "I". Which, the line tells once bars are not to be
 * read; only the strokes' words are taken from that reading. */
static int
reread_strokes(struct job *j, unsigned first, unsigned end, struct err *err)
{
	struct raw_list again = {0};
	struct ocr_box area;
	bool any = false;
	int rc;

	for (unsigned i = first; i < end; i++)
		any = any || is_stroke(j, &j->raw.words[i]);
	if (!any)
		return 0;
	area = words_area(j, first, end);
	engine_without(j->o, "|");
	rc = engine_run(j->o, ENGINE_LINE, &area, &again, err);
	engine_without(j->o, "");
	for (unsigned i = first; rc == 0 && i < end; i++) {
		struct raw_word *w = &j->raw.words[i];

		if (again.n != end - first || !is_stroke(j, w) ||
		    !is_one_or_letter(again.words[i - first].text))
			continue;
		w->text = arena_cstr(&j->raw.mem,
		    str_of(again.words[i - first].text));
		w->confidence = again.words[i - first].confidence;
		w->is_ink = true; /* the first reading was sure of that */
	}
	raw_fini(&again);
	return rc;
}

static int
read_doubtful(struct job *j, struct err *err)
{
	unsigned n = j->raw.n, tried = 0;
	double text = j->text * j->scale;

	for (unsigned i = 0, end; i < n && tried < 40 && in_time(j); i = end) {
		const struct raw_word *w = &j->raw.words[i];
		double before;

		for (end = i; end < n && j->raw.words[end].line == w->line;)
			end++;
		if (reread_strokes(j, i, end, err) != 0)
			return -1;
		before = line_confidence(&j->raw, i, end);
		if (before >= 0.7 && reread_figures(j, i, end, err) != 0)
			return -1;
		w = &j->raw.words[i];
		if (before >= 0.7 || w->box.y1 - w->box.y0 < 0.6 * text ||
		    w->box.y1 - w->box.y0 > 4 * text)
			continue;
		tried++;
		if (reread_line(j, i, end, before, err) != 0)
			return -1;
	}
	if (tried > 0)
		j->page->passes++;
	return 0;
}

/* --- what was missed ---------------------------------------------------- */

/* Whitens what was read, so that only missed ink is left. */
static PIX *
unread_ink(const struct job *j, PIX *text)
{
	int pad = (int)(j->text * j->scale / 4) + 1;

	for (unsigned i = 0; i < j->raw.n; i++) {
		const struct ocr_box *b = &j->raw.words[i].box;

		if (!j->raw.words[i].dropped)
			pixRasterop(text, b->x0 - pad, b->y0 - pad,
			    b->x1 - b->x0 + 2 * pad, b->y1 - b->y0 + 2 * pad,
			    PIX_CLR, NULL, 0, 0);
	}
	return text;
}

/* The regions that hold missed letters: at least two side by side. */
static BOXA *
missed_regions(const struct job *j)
{
	int text = (int)(j->text * j->scale);
	PIX *only = text_only(j->bits, text), *left, *joined;
	BOXA *boxes = NULL;

	if (only == NULL)
		return NULL;
	left = unread_ink(j, only);
	joined = pixCloseSafeBrick(NULL, left, 2 * text, text / 2);
	if (joined != NULL)
		boxes = pixConnCompBB(joined, 8);
	pixDestroy(&joined);
	pixDestroy(&left);
	return boxes;
}

static int
read_missed(struct job *j, struct err *err)
{
	double text = j->text * j->scale;
	BOXA *boxes = missed_regions(j);
	unsigned from = j->raw.n;
	int rc = 0, tried = 0;

	for (l_int32 i = 0; boxes != NULL && i < boxaGetCount(boxes); i++) {
		l_int32 x, y, w, h;
		struct ocr_box area;
		int pad = (int)text / 2;

		boxaGetBoxGeometry(boxes, i, &x, &y, &w, &h);
		if (h < 0.7 * text || w < 0.8 * text || h > 12 * text ||
		    tried >= 40 || !in_time(j))
			continue;
		area.x0 = MAX_OF(x - pad, 0);
		area.y0 = MAX_OF(y - pad, 0);
		area.x1 = MIN_OF(x + w + pad, pixGetWidth(j->pix));
		area.y1 = MIN_OF(y + h + pad, pixGetHeight(j->pix));
		tried++;
		rc = engine_run(j->o, h < 2 * text ? ENGINE_LINE : ENGINE_BLOCK,
		    &area, &j->raw, err);
		if (rc != 0)
			break;
	}
	boxaDestroy(&boxes);
	for (unsigned i = from; i < j->raw.n; i++)
		if ((double)j->raw.words[i].confidence < 0.6 &&
		    !is_figure(j, &j->raw.words[i]) &&
		    !is_mark(&j->raw.words[i]))
			j->raw.words[i].dropped = true;
	drop_dirt(j, &j->raw, from);
	if (tried > 0)
		j->page->passes++;
	return rc;
}

/* --- the result --------------------------------------------------------- */

static void
put_point(const struct job *j, double x, double y, struct ocr_box *box)
{
	const double *a = j->map.x, *b = j->map.y;
	double u = a[0] + a[1] * x + a[2] * y + a[3] * x * y;
	double v = b[0] + b[1] * x + b[2] * y + b[3] * x * y;

	box->x0 = MIN_OF(box->x0, (int)floor(u));
	box->y0 = MIN_OF(box->y0, (int)floor(v));
	box->x1 = MAX_OF(box->x1, (int)ceil(u));
	box->y1 = MAX_OF(box->y1, (int)ceil(v));
}

/* Worked pixels to pixels of the image as it came. */
static struct ocr_box
unmap(const struct job *j, struct ocr_box b)
{
	struct ocr_box r = {INT32_MAX, INT32_MAX, 0, 0};

	put_point(j, b.x0, b.y0, &r);
	put_point(j, b.x1, b.y0, &r);
	put_point(j, b.x0, b.y1, &r);
	put_point(j, b.x1, b.y1, &r);
	r.x0 = MAX_OF(MIN_OF(r.x0, j->grey.w - 1), 0);
	r.y0 = MAX_OF(MIN_OF(r.y0, j->grey.h - 1), 0);
	r.x1 = MIN_OF(MAX_OF(r.x1, r.x0 + 1), j->grey.w);
	r.y1 = MIN_OF(MAX_OF(r.y1, r.y0 + 1), j->grey.h);
	return r;
}

static void
finish(struct job *j)
{
	struct ocr_page *page = j->page;

	layout_page(&j->raw, page);
	page->confidence = raw_confidence(&j->raw);
	page->rotation = j->pose.rotation;
	page->skew = j->pose.skew;
	page->blank = page->nwords == 0;
	if (page->dpi == 0 && j->text > 0)
		page->dpi = (int)(300.0 * j->text / (double)TEXT_HEIGHT + 0.5);
	for (unsigned i = 0; i < page->nwords; i++)
		page->words[i].box = unmap(j, page->words[i].box);
	for (unsigned i = 0; i < page->nlines; i++)
		page->lines[i].box = unmap(j, page->lines[i].box);
	for (unsigned i = 0; i < page->nparas; i++)
		page->paras[i].box = unmap(j, page->paras[i].box);
}

static int
read_page(struct job *j, const struct image *im, struct err *err)
{
	bool blank = false;

	if (clean(j, im, &blank, err) != 0)
		return -1;
	if (blank) {
		j->page->blank = true;
		return 0;
	}
	if (straighten(j, err) != 0 ||
	    read_all(j, ENGINE_PAGE, &j->raw, err) != 0)
		return -1;
	if (!j->opts.fixed && in_time(j) &&
	    raw_confidence(&j->raw) < (j->pose.unsure ? 0.8 : 0.5)) {
		if (try_upside_down(j, err) != 0)
			return -1;
		if (engine_image(j->o, j->pix, work_dpi(j), err) != 0)
			return -1;
	}
	if (read_doubtful(j, err) != 0)
		return -1;
	drop_dirt(j, &j->raw, 0);
	if (in_time(j) && read_missed(j, err) != 0)
		return -1;
	finish(j);
	return 0;
}

int
ocr_read(struct ocr *o, const struct image *im, const struct ocr_opts *opts,
    struct ocr_page *out, struct err *err)
{
	struct job j = {.o = o, .page = out, .began = clock_us(), .scale = 1};
	int rc;

	if (opts != NULL)
		j.opts = *opts;
	if (j.opts.limit_us == 0)
		j.opts.limit_us = DEFAULT_LIMIT_US;
	*out = (struct ocr_page){.width = image_width(im),
	    .height = image_height(im),
	    .dpi = image_dpi(im),
	    .problem = ""};
	rc = read_page(&j, im, err);
	job_fini(&j);
	if (rc != 0) {
		ocr_page_fini(out);
		return -1;
	}
	if (out->blank)
		out->problem = "blank page";
	out->us = clock_us() - j.began;
	return 0;
}

void
ocr_page_fini(struct ocr_page *page)
{
	arena_fini(&page->mem);
	*page = (struct ocr_page){.problem = ""};
}
