/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document as Hearth understands it, and the readers that make one.
 *
 * A reader is a pure function from bytes to a `struct doc`: it calls the
 * builder below in reading order, and doc_markdown()/doc_text() write the
 * result. Readers run inside a cell (cell.h): they may crash or be killed, and
 * must only promise never to invent. One doc_*.c file per family of formats,
 * registered in doc_formats.def.
 *
 * Building: containers nest and are closed by doc_end(); text goes into the
 * innermost open one. Text put directly into the document, a list item, a
 * quote or a cell opens a paragraph of its own, closed by the next block.
 * Every builder call is a no-op once a limit was passed; doc_failed() says so.
 */
#ifndef SERVICE_DOC_H
#define SERVICE_DOC_H

#include "base/buf.h"
#include "base/err.h"

struct doc;
struct ocr; /* service/ocr.h */

struct doc_limits {
	size_t text_bytes; /* of all text, 32 MiB */
	size_t blocks;     /* of all containers, 2 million */
	unsigned depth;    /* of nested lists, tables, quotes..., 64 */
	unsigned pages;    /* 2,000 */
	size_t inflated;   /* of all archive entries, 512 MiB */
	unsigned ratio;    /* of one archive entry, 100:1 */
	size_t pixels;     /* of one page image, 64 million */
};
extern const struct doc_limits doc_default_limits;

enum doc_style {
	DOC_PLAIN = 0,
	DOC_BOLD = 1,
	DOC_ITALIC = 2,
	DOC_CODE = 4,
	DOC_STRIKE = 8,
	DOC_SUPER = 16,
	DOC_SUB = 32,
};

struct doc *doc_new(const struct doc_limits *limits);
void doc_free(struct doc *d);
/* 0, or -1 with the limit that was passed (ERR_LIMIT). */
int doc_failed(const struct doc *d, struct err *err) MUST_CHECK;

/* Metadata: title, author, subject, created (RFC 3339), modified, language,
 * from, to, cc, date, sheet count... Empty values are dropped; the first value
 * of a key wins. */
void doc_meta(struct doc *d, const char *key, struct str value);

/* A page mark. `label` may be empty; pages count from 1. What follows belongs
 * to the page until the next mark. */
void doc_page(struct doc *d, unsigned number, struct str label);
/* How the current page was read; for formats with pages. */
enum doc_method {
	DOC_METHOD_TEXT,
	DOC_METHOD_OCR,
	DOC_METHOD_NONE
};
void doc_page_read(struct doc *d, enum doc_method how, double confidence,
    int64_t us, struct str problem);

/* Blocks; each is closed by doc_end(). */
void doc_heading(struct doc *d, int level); /* 1 to 6 */
void doc_para(struct doc *d);
void doc_quote(struct doc *d);
void doc_list(struct doc *d, bool ordered, unsigned start);
void doc_item(struct doc *d);
void doc_code(struct doc *d, struct str language);
void doc_table(struct doc *d);
void doc_row(struct doc *d, bool header);
void doc_cell(struct doc *d, unsigned colspan, unsigned rowspan);
void doc_link(struct doc *d, struct str url); /* inline container */
/* These two may be opened in the middle of a paragraph without breaking it:
 * a footnote is collected at the end, an aside (a text box, a frame) follows
 * the paragraph. */
void doc_footnote(struct doc *d, struct str label);
void doc_aside(struct doc *d);
void doc_end(struct doc *d);
/* Ends the paragraph that text opened by itself, without closing anything
 * that the reader opened. */
void doc_block_end(struct doc *d);

/* Leaves. Text is UTF-8; bad sequences become U+FFFD; control characters,
 * soft hyphens and zero-width spaces are dropped. Runs of white space collapse
 * and vanish at the edges of a block, except in doc_code(). */
void doc_text(struct doc *d, struct str utf8, unsigned style);
/* A line break inside a block; two in a row begin a new paragraph. */
void doc_break(struct doc *d);
void doc_rule(struct doc *d);
void doc_note_ref(struct doc *d, struct str label);
void doc_image(struct doc *d, struct str alt); /* alt text only, never a URL */

/* Writers. Markdown is GitHub's flavour; a table whose cells span becomes a
 * plain grid with the spanned text in its first cell, a table inside a cell
 * becomes HTML, a table that only arranges headings or a single cell is
 * written as its contents. Pages are marked by <!-- page N --> in Markdown
 * and by a form feed in plain text. `page` 0 writes the whole document, else
 * that page alone. False when `out` is full. */
bool doc_markdown(const struct doc *d, unsigned page, struct buf *out);
bool doc_plain(const struct doc *d, unsigned page, struct buf *out);

struct doc_page_info {
	unsigned number;
	enum doc_method method;
	double confidence; /* 0 to 1; 1 for a text layer */
	int64_t us;
	struct str problem; /* empty when it was read */
};
size_t doc_pages(const struct doc *d); /* 0: the format has none */
void doc_page_info(const struct doc *d, size_t i, struct doc_page_info *out);
/* Walks the metadata: false past the end. */
bool doc_meta_at(const struct doc *d, size_t i, struct str *key,
    struct str *value);

/* --- readers ---------------------------------------------------------- */

struct doc_in {
	const uint8_t *p; /* the whole file, mapped read-only */
	size_t n;
	struct str name;      /* as the client sent it; a hint, never a path */
	struct str mime;      /* likewise; may be empty */
	unsigned first, last; /* pages wanted; 0, 0 = all */
	const struct doc_limits *limits;
	struct ocr *ocr; /* for pages that are pictures; NULL: not there */
};

struct doc_format {
	const char *name; /* "docx" */
	const char *mime;
	/* How sure, 0 to 100, judged by the bytes; the name only breaks ties.
	 * (60 = looks like it, 90 = signature, 100 = signature and parts.) */
	int (*sniff)(const struct doc_in *in);
	int (*read)(const struct doc_in *in, struct doc *d, struct err *err);
};

/* The best match, or NULL with ERR_UNSUPPORTED, ERR_EMPTY or ERR_ENCRYPTED
 * (an encrypted container that hides what it is). */
const struct doc_format *doc_sniff(const struct doc_in *in, struct err *err);

#define DOC_FORMAT(name) extern const struct doc_format doc_format_##name;
#include "service/doc_formats.def"
#undef DOC_FORMAT

#endif
