/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cell says to its parent: length-framed, typed records over a
 * stream socket.
 *
 *     u32 length of the payload   little endian
 *     u8  type                    enum frame_type
 *     payload                     fields in the order given below
 *
 * Fields: u32, i64 (8 bytes), text and bytes (u32 length, then the bytes). The
 * parent believes nothing: lengths, types, order, counts and UTF-8 are checked,
 * and the first fault ends the cell. A long text travels in several frames, cut
 * between characters.
 *
 * A cell's output ends with exactly one FRAME_END or FRAME_ERROR. An end of
 * file without it is a crash.
 */
#ifndef SERVICE_FRAME_H
#define SERVICE_FRAME_H

#include "base/buf.h"
#include "base/err.h"

enum {
	FRAME_HEAD = 5,
	FRAME_MAX = 1024 * 1024,  /* payload */
	FRAME_CHUNK = 256 * 1024, /* of text, as the writer cuts it */
};

enum frame_type {
	FRAME_FORMAT = 1, /* text name, text mime, u32 pages (0: has none) */
	FRAME_META,       /* text key, text value */
	FRAME_PAGE,       /* struct frame_page */
	FRAME_WORDS,      /* u32 page, then to the end: struct frame_word */
	FRAME_MARKDOWN,   /* u32 page (0: whole document), text */
	FRAME_PLAIN,      /* likewise */
	FRAME_HOCR,       /* u32 page, text */
	FRAME_PDF,        /* u32 page, bytes: a page blob (pdf_out.h) */
	FRAME_SPLIT,      /* u32 page: to be read by a cell of its own */
	/* u32 first, u32 last: pages that others may help with. The parent
	 * answers with a FRAME_SHARE of what is left to this cell. */
	FRAME_SHARE,
	FRAME_STYLES, /* doc_pdf_styles.h; the parent answers with the sum */
	FRAME_ERROR,  /* u32 enum err_code, text message */
	FRAME_END,    /* nothing */
	FRAME__LAST,
};

enum frame_method {
	FRAME_METHOD_TEXT,
	FRAME_METHOD_OCR,
	FRAME_METHOD_NONE
};

struct frame_page {
	uint32_t number; /* from 1 */
	enum frame_method method;
	double confidence; /* 0 to 1; < 0: not measured */
	int64_t us;
	uint32_t width, height; /* of the image in pixels; 0: not an image */
	int32_t rotation;       /* degrees clockwise: 0, 90, 180, 270 */
	double skew;            /* degrees clockwise */
	struct str problem;     /* empty when it was read */
};

struct frame_word {
	struct str text;
	double confidence;
	uint32_t x, y, w, h;
};

struct frame {
	enum frame_type type;
	struct str payload; /* borrowed during the call */
};

/* --- writing, in the cell ------------------------------------------------ */

struct frame_out {
	int fd;
	struct buf b; /* gathered, sent when large and at the end */
	size_t at;    /* where the open frame begins */
	bool failed;  /* the parent is gone; nothing more is sent */
};

void frame_out_init(struct frame_out *o, int fd);
void frame_out_fini(struct frame_out *o);

void frame_begin(struct frame_out *o, enum frame_type type);
void frame_put_u32(struct frame_out *o, uint32_t v);
void frame_put_i64(struct frame_out *o, int64_t v);
void frame_put_str(struct frame_out *o, struct str s);
void frame_close(struct frame_out *o);
int frame_flush(struct frame_out *o); /* 0, or -1: the parent is gone */

void frame_send_page(struct frame_out *o, const struct frame_page *p);
void frame_put_word(struct frame_out *o, const struct frame_word *w);
/* Cut into chunks; `type` is MARKDOWN, PLAIN, HOCR or PDF. */
void frame_send_chunks(struct frame_out *o, enum frame_type type, uint32_t page,
    struct str s);
void frame_send_error(struct frame_out *o, const struct err *err);
/* Sends what is gathered and waits for the parent's answer, which must be of
 * this type; its payload is borrowed from `b` (cleared first). Where the parent
 * answers, o->fd is a socket. -1: the parent is gone. */
int frame_ask(struct frame_out *o, enum frame_type answer, struct buf *b,
    struct frame *f, struct err *err) MUST_CHECK;

/* --- reading, in the parent ---------------------------------------------- */

/* 0, or -1 to stop with *err set. */
typedef int frame_fn(void *owner, const struct frame *f, struct err *err);

struct frame_in {
	struct buf b;     /* an incomplete frame */
	size_t total;     /* bytes taken so far */
	size_t max_total; /* ERR_LIMIT beyond it */
	bool ended;       /* END or ERROR was seen: nothing may follow */
};

void frame_in_init(struct frame_in *in, size_t max_total);
void frame_in_fini(struct frame_in *in);
/* Takes bytes as they come, calls fn for each whole frame. -1 with ERR_CRASHED
 * for bytes no cell of ours sends, ERR_LIMIT for too many. */
int frame_feed(struct frame_in *in, const void *bytes, size_t n, frame_fn *fn,
    void *owner, struct err *err) MUST_CHECK;

/* Walks a payload; once something does not fit, `bad` is set and every value
 * is zero or empty. Check frame_done() at the end. */
struct frame_cur {
	const uint8_t *p;
	size_t n;
	bool bad;
};

struct frame_cur frame_open(const struct frame *f);
uint32_t frame_u32(struct frame_cur *c);
int64_t frame_i64(struct frame_cur *c);
struct str frame_bytes(struct frame_cur *c);
/* UTF-8 without control characters other than tab, line feed, form feed. */
struct str frame_text(struct frame_cur *c);
void frame_get_page(struct frame_cur *c, struct frame_page *out);
/* False at the end of the payload, or when it is bad. */
bool frame_get_word(struct frame_cur *c, struct frame_word *out);
/* Was everything read, and nothing bad? */
bool frame_done(const struct frame_cur *c);

#endif
