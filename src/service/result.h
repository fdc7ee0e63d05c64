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
	struct buf markdown, plain; /* of a document in one piece */
	uint32_t *split;            /* pages for cells of their own */
	size_t n_split;
	size_t text_bytes, n_words;
};

void result_init(struct result *r, const struct service *svc);
void result_fini(struct result *r);

/* A frame of a cell. `only`: the page that this cell was asked for, 0: the
 * whole document. */
int result_frame(struct result *r, const struct frame *f, uint32_t only,
    struct err *err) MUST_CHECK;
/* A page that no cell could read. */
void result_page_failed(struct result *r, uint32_t page, const struct err *why);
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
