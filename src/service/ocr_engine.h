/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the OCR files: one run of Tesseract, and the words it found in
 * coordinates of the worked image. The rest of the service uses ocr.h.
 */
#ifndef SERVICE_OCR_ENGINE_H
#define SERVICE_OCR_ENGINE_H

#include "service/image_clean.h"
#include "service/ocr.h"

struct Pix;

enum engine_how {
	ENGINE_PAGE,   /* Tesseract's own page layout */
	ENGINE_BLOCK,  /* one block of lines */
	ENGINE_LINE,   /* one line */
	ENGINE_SPARSE, /* whatever text there is, in no order */
};

struct raw_word {
	const char *text; /* in the arena of the list */
	struct ocr_box box;
	float confidence; /* 0 to 1 */
	int line;         /* Tesseract's text line, numbered over the list */
	int base0, base1; /* y of the line's baseline at box.x0 and box.x1 */
	bool is_ink;      /* no dirt, however low its confidence */
	bool dropped;     /* taken out by a later step */
};

struct raw_list {
	struct arena mem;
	struct raw_word *words;
	unsigned n, cap;
	int lines;
};

void raw_fini(struct raw_list *list);
/* Appends a word; the text is copied. */
void raw_add(struct raw_list *list, struct raw_word w);
/* Mean confidence over the characters of words not dropped; 0 if none. */
double raw_confidence(const struct raw_list *list);
size_t raw_chars(const struct raw_list *list);

/* Gives Tesseract the image that the next runs read from; borrowed. */
int engine_image(struct ocr *o, struct Pix *grey, int dpi, struct err *err)
    MUST_CHECK;
/* Reads `area` (NULL: all) and appends what it finds. */
int engine_run(struct ocr *o, enum engine_how how, const struct ocr_box *area,
    struct raw_list *out, struct err *err) MUST_CHECK;
/* Signs that the next runs must not read; "" = none. */
void engine_without(struct ocr *o, const char *signs);
/* Forgets the image. */
void engine_done(struct ocr *o);

/* How the page lies. Angles in degrees, clockwise positive. */
struct pose {
	int rotation;    /* clockwise, makes it upright */
	double skew;     /* left after that, at the middle of the page */
	double keystone; /* tangent of the skew gained per pixel downwards */
	bool unsure;     /* upright and upside down look alike */
};
/* `bits`: text ink of the page as it came. */
struct pose pose_find(struct Pix *bits, bool fixed);
/* From worked pixels to pixels of the image, `w` x `h` as it came. */
struct plane_map pose_map(const struct pose *pose, int w, int h, double scale,
    int *out_w, int *out_h);

/* Reading order, paragraphs and tables from loose words. */
void layout_page(const struct raw_list *raw, struct ocr_page *page);

#endif
