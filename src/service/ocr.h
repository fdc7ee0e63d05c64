/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading text from page images with Tesseract 5.
 *
 * ocr_new() loads the language data; do it once, in the warm parent. The
 * object survives fork(): a child reads pages with it without opening a file
 * and without starting a thread (one cell, one core). It is not to be used
 * from two threads.
 *
 * ocr_read() cleans the image (orientation, skew, background, noise, ruled
 * lines), reads it, reads again in another way where the measured confidence
 * says that it may pay, and puts words into reading order. Nothing is
 * corrected or completed by us: every character is what Tesseract measured.
 *
 * All boxes are in pixels of the image that was given, whatever was done to
 * it inside.
 */
#ifndef SERVICE_OCR_H
#define SERVICE_OCR_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "service/image.h"

struct ocr;

/* `langs` as Tesseract writes it: "eng", "eng+deu"; NULL means "eng".
 * `tessdata` is a folder with *.traineddata, NULL for the system's.
 * ERR_UNAVAILABLE when a language file is missing; the message names the
 * Debian package that brings it. */
struct ocr *ocr_new(const char *langs, const char *tessdata, struct err *err)
    MUST_CHECK;
void ocr_free(struct ocr *o);
const char *ocr_version(void); /* "tesseract 5.3.0" */

struct ocr_box {
	int x0, y0; /* inclusive */
	int x1, y1; /* exclusive */
};

struct ocr_word {
	const char *text; /* UTF-8, never empty */
	struct ocr_box box;
	double confidence; /* 0 to 1, Tesseract's own measure */
	unsigned line;     /* index of its line */
};

struct ocr_line {
	unsigned first, count; /* words, in reading order */
	unsigned para;         /* index of its paragraph */
	struct ocr_box box;
};

enum ocr_kind {
	OCR_PARA,
	OCR_HEADING, /* larger type than the body text */
	OCR_ITEM,    /* a list item; the bullet is its first word */
	OCR_ROW,     /* a table row: cells are in ocr_cell */
};

struct ocr_cell {
	unsigned first, count; /* words; 0 of them: an empty cell */
	unsigned column;       /* from 0 */
};

struct ocr_para {
	enum ocr_kind kind;
	unsigned first, count; /* lines */
	unsigned block;        /* paragraphs of one column or table share it */
	unsigned first_cell, cells; /* of an OCR_ROW */
	unsigned columns; /* of the table that an OCR_ROW belongs to */
	struct ocr_box box;
};

/* One page as read. Owns its memory: ocr_page_fini(). */
struct ocr_page {
	struct arena mem;
	unsigned width, height; /* of the image given */
	int dpi;                /* said by the image, else estimated */
	int rotation; /* degrees clockwise that make it upright: 0, 90, 180, 270 */
	double skew; /* degrees clockwise left over after that, taken out */
	double confidence;   /* mean over characters, 0 to 1; 0 without words */
	int64_t us;          /* wall time */
	unsigned passes;     /* recognitions made */
	bool blank;          /* no ink worth reading was found */
	const char *problem; /* "" or one sentence, static */
	struct ocr_word *words;
	unsigned nwords;
	struct ocr_line *lines;
	unsigned nlines;
	struct ocr_para *paras;
	unsigned nparas;
	struct ocr_cell *cells;
	unsigned ncells;
};

struct ocr_opts {
	bool fixed;       /* do not look for another orientation */
	bool fast;        /* one pass only */
	int64_t limit_us; /* start no further pass after this; 0 = 20 seconds */
};

/* `opts` may be NULL. Fails only when the engine does (ERR_INTERNAL) or the
 * image cannot be worked on (ERR_LIMIT, ERR_NOMEM); a page without text is a
 * success with blank set. *out is to be finished only after success. */
int ocr_read(struct ocr *o, const struct image *im, const struct ocr_opts *opts,
    struct ocr_page *out, struct err *err) MUST_CHECK;
void ocr_page_fini(struct ocr_page *page);

/* Writers: false when `out` is full. Text has one paragraph or table row a
 * line; Markdown adds headings, lists and pipe tables. Neither writes a page
 * mark. */
bool ocr_text(const struct ocr_page *page, struct buf *out);
bool ocr_markdown(const struct ocr_page *page, struct buf *out);

#endif
