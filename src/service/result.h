/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was read from one document, put together from the frames of one or
 * several cells, and written as an answer.
 *
 * Every frame is hostile: page numbers, sizes and counts are checked here, the
 * bytes of each frame in frame.c.
 */
#ifndef SERVICE_RESULT_H
#define SERVICE_RESULT_H

#include "base/arena.h"
#include "service/service.h"

enum {
	RESULT_PAGES_MAX = 2000,
	RESULT_TEXT_MAX = 32 * 1024 * 1024, /* of Markdown; of plain text */
	RESULT_WORDS_MAX = 2000000,
	RESULT_METAS_MAX = 128,
	RESULT_PARTS_MAX = 8,
};

struct result_page {
	struct frame_page info;
	bool said; /* info is there */
	struct buf markdown, plain, hocr, pdf;
	struct buf words; /* JSON objects, comma separated */
};

struct result {
	struct arena mem;
	const struct service *service;
	struct str format, mime;
	uint32_t total_pages; /* of the document; 0: it has none */
	struct {
		struct str key, value;
	} metas[RESULT_METAS_MAX];
	size_t n_metas;
	struct result_page *pages; /* by number */
	size_t n_pages, cap_pages;
	/* Of a document in one piece, or in one for each cell that shared it. */
	struct result_text {
		struct buf markdown, plain;
	} texts[RESULT_PARTS_MAX];
	uint32_t *split; /* pages for cells of their own, ascending */
	size_t n_split;
	size_t text_bytes, n_words;
};

void result_init(struct result *r, const struct service *svc);
void result_fini(struct result *r);

/* What a cell may speak of. */
struct result_scope {
	uint32_t first, last; /* pages; 0, 0: all */
	unsigned part;        /* its place among the cells that share it */
	bool single;          /* one page that another cell left to it */
};
int result_frame(struct result *r, const struct frame *f,
    const struct result_scope *in, struct err *err) MUST_CHECK;
/* A page that no cell could read. */
void result_page_failed(struct result *r, uint32_t number,
    const struct err *why);
/* Nothing at all could be read, though pages were tried: the first reason. */
bool result_is_failure(const struct result *r, struct err *why);

enum result_format {
	RESULT_JSON,
	RESULT_TEXT,
	RESULT_MARKDOWN,
	RESULT_HOCR,
	RESULT_PDF,
};
/* "json", "text", "markdown", "hocr", "pdf". */
bool result_format_parse(struct str name, enum result_format *out) MUST_CHECK;
/* What an Accept field asks for, JSON when it does not say; hOCR and PDF only
 * when `images`. */
enum result_format result_format_accept(struct str accept, bool images);
const char *result_mime(enum result_format f);

/* The answer's body; `langs` as hOCR names them. False when it does not fit, or
 * when a page's PDF is not one of ours. */
bool result_write(const struct result *r, enum result_format f,
    const char *langs, int64_t took_us, struct buf *out) MUST_CHECK;

#endif
