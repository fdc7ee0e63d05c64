/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page that was read, as plain text and as Markdown.
 */
#include <string.h>

#include "service/ocr.h"

/* Does a line that ends like this go on in the next without a space? */
static bool
ends_in_hyphen(const char *text)
{
	size_t n = strlen(text);

	return n > 1 && text[n - 1] == '-';
}

/* The characters that Markdown would take for its own. */
static void
put_escaped(struct buf *out, const char *text, bool start)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (strchr("\\`*_|<", *c) != NULL ||
		    (start && c == text && strchr("#>~", *c) != NULL))
			buf_c(out, '\\');
		buf_c(out, *c);
	}
}

static void
put_words(const struct ocr_page *page, unsigned first, unsigned count,
    bool markdown, struct buf *out)
{
	for (unsigned i = first; i < first + count; i++) {
		const char *text = page->words[i].text;
		bool hang = i > first &&
		    page->words[i].line != page->words[i - 1].line &&
		    ends_in_hyphen(page->words[i - 1].text);

		if (i > first && !hang)
			buf_c(out, ' ');
		if (markdown)
			put_escaped(out, text, i == first);
		else
			buf_z(out, text);
	}
}

static void
para_words(const struct ocr_page *page, const struct ocr_para *para,
    unsigned *first, unsigned *count)
{
	const struct ocr_line *a = &page->lines[para->first];
	const struct ocr_line *b = &page->lines[para->first + para->count - 1];

	*first = a->first;
	*count = b->first + b->count - a->first;
}

bool
ocr_text(const struct ocr_page *page, struct buf *out)
{
	for (unsigned i = 0; i < page->nparas; i++) {
		const struct ocr_para *para = &page->paras[i];
		unsigned first, count;

		if (i > 0 && para->block != page->paras[i - 1].block)
			buf_c(out, '\n');
		if (para->kind == OCR_ROW) {
			for (unsigned k = 0; k < para->cells; k++) {
				const struct ocr_cell *c =
				    &page->cells[para->first_cell + k];

				if (k > 0)
					buf_c(out, '\t');
				put_words(page, c->first, c->count, false, out);
			}
		} else {
			para_words(page, para, &first, &count);
			put_words(page, first, count, false, out);
		}
		buf_c(out, '\n');
	}
	return !out->full;
}

/* A row of a pipe table, and the rule below it if it is the first. */
static void
put_row(const struct ocr_page *page, const struct ocr_para *para, bool head,
    struct buf *out)
{
	buf_c(out, '|');
	for (unsigned k = 0; k < para->cells; k++) {
		const struct ocr_cell *c = &page->cells[para->first_cell + k];

		buf_c(out, ' ');
		put_words(page, c->first, c->count, true, out);
		buf_z(out, c->count > 0 ? " |" : "|");
	}
	buf_c(out, '\n');
	if (!head)
		return;
	buf_c(out, '|');
	for (unsigned k = 0; k < para->cells; k++)
		buf_z(out, " --- |");
	buf_c(out, '\n');
}

static bool
is_bullet(const char *text)
{
	return strcmp(text, "\u2022") == 0 || strcmp(text, "\u00b7") == 0 ||
	    strcmp(text, "-") == 0 || strcmp(text, "*") == 0 ||
	    strcmp(text, "\u00b0") == 0 || strcmp(text, "\u00ab") == 0 ||
	    strcmp(text, "\u00a2") == 0 || strcmp(text, "\u00a9") == 0;
}

static void
put_para(const struct ocr_page *page, const struct ocr_para *para,
    struct buf *out)
{
	unsigned first, count;

	para_words(page, para, &first, &count);
	if (para->kind == OCR_HEADING)
		buf_z(out, "### ");
	if (para->kind == OCR_ITEM && count > 1 &&
	    is_bullet(page->words[first].text)) {
		buf_z(out, "- ");
		first++;
		count--;
	}
	put_words(page, first, count, true, out);
	buf_c(out, '\n');
}

bool
ocr_markdown(const struct ocr_page *page, struct buf *out)
{
	for (unsigned i = 0; i < page->nparas; i++) {
		const struct ocr_para *para = &page->paras[i];
		const struct ocr_para *before = i > 0 ? &page->paras[i - 1]
						      : NULL;
		bool same = before != NULL && before->kind == para->kind &&
		    before->block == para->block;

		if (before != NULL &&
		    !(same &&
			(para->kind == OCR_ROW || para->kind == OCR_ITEM)))
			buf_c(out, '\n');
		if (para->kind == OCR_ROW)
			put_row(page, para, !same, out);
		else
			put_para(page, para, out);
	}
	return !out->full;
}
