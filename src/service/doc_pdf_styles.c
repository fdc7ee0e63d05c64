/* SPDX-License-Identifier: Apache-2.0 */
/* See doc_pdf_styles.h. */
#include "service/doc_pdf_styles.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "service/doc_pdf_rows.h"

enum {
	PATTERN_MAX = 120,
	TABLE = 2 * PDF_LINES_MAX /* a power of two, never full */
};

void
pdf_styles_init(struct pdf_styles *st)
{
	*st = (struct pdf_styles){
	    .lines = BUF_INIT(PDF_LINES_MAX * sizeof(struct pdf_line))};
}

void
pdf_styles_fini(struct pdf_styles *st)
{
	buf_fini(&st->lines);
	free(st->by_key);
	st->by_key = NULL;
}

/* --- lines by their text --------------------------------------------- */

static struct pdf_line *
lines_of(const struct pdf_styles *st, size_t *n)
{
	*n = st->lines.n / sizeof(struct pdf_line);
	return (struct pdf_line *)(void *)st->lines.p;
}

/* FNV-1a: the same in every process, so that cells can compare. */
static uint64_t
key_of(const char *z)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *z != 0; z++)
		h = (h ^ (uint8_t)*z) * UINT64_C(0x100000001b3);
	return h;
}

/* Where the key is or would be. */
static uint32_t *
place_of(const struct pdf_styles *st, uint64_t key)
{
	size_t n;
	const struct pdf_line *l = lines_of(st, &n);
	size_t i = (size_t)(key ^ key >> 32) % TABLE;

	/* The analyzer does not see that lines that moved were looked up anew.
	 * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	while (st->by_key[i] != 0 && l[st->by_key[i] - 1].key != key)
		i = (i + 1) % TABLE;
	return &st->by_key[i];
}

static struct pdf_line *
line_find(const struct pdf_styles *st, uint64_t key)
{
	size_t n;
	struct pdf_line *l = lines_of(st, &n);
	uint32_t at = st->by_key != NULL ? *place_of(st, key) : 0;

	return at != 0 ? &l[at - 1] : NULL;
}

/* The line, made when it is new; NULL when there are too many. */
static struct pdf_line *
line_at(struct pdf_styles *st, uint64_t key)
{
	struct pdf_line fresh = {.key = key}, *l = line_find(st, key);
	size_t n = st->lines.n / sizeof fresh;

	if (l != NULL || n >= PDF_LINES_MAX)
		return l;
	if (st->by_key == NULL)
		st->by_key = xcalloc(TABLE, sizeof *st->by_key);
	if (!buf_add(&st->lines, &fresh, sizeof fresh))
		return NULL;
	*place_of(st, key) = (uint32_t)(n + 1);
	return lines_of(st, &n) + n - 1;
}

/* --- running lines -------------------------------------------------- */

/* Digits become one '#', so that "Page 3" is like "Page 4". */
static void
pattern(struct str s, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n + 1 < cap; i++) {
		bool digit = isdigit((uint8_t)s.p[i]);

		if (digit && n > 0 && out[n - 1] == '#')
			continue;
		out[n++] = (char)(digit ? '#' : s.p[i]);
	}
	out[n] = 0;
}

/* "Page 3 of 9", "- 3 -", "3/9", "iv". */
static bool
page_number(const char *p)
{
	bool number = false;

	while (*p != 0) {
		if (*p == '#') {
			number = true;
			p++;
		} else if (strncasecmp(p, "page", 4) == 0) {
			p += 4;
		} else if (strncasecmp(p, "of", 2) == 0) {
			p += 2;
		} else if (strchr(" -/|.()[]", *p) != NULL) {
			p++;
		} else {
			return false;
		}
	}
	return number;
}

static bool
in_margin(const struct pdf_page *p, const struct pdf_word *w)
{
	return w->y1 < 0.09 * p->height || w->y0 > 0.91 * p->height;
}

/* Rows in the margins of a page, made of copies of its words. */
static size_t
margin_rows(const struct pdf_page *p, struct pdf_word **copy,
    struct pdf_row **rows)
{
	size_t n, k = 0;
	const struct pdf_word *w = pdf_words(p, &n);

	for (size_t i = 0; i < n; i++)
		k += in_margin(p, &w[i]);
	*copy = xcalloc(k + 1, sizeof **copy);
	k = 0;
	for (size_t i = 0; i < n; i++)
		if (in_margin(p, &w[i]))
			(*copy)[k++] = w[i];
	return pdf_rows_make(*copy, k, rows);
}

static void
learn_lines(struct pdf_styles *st, const struct pdf_page *p)
{
	struct pdf_word *copy;
	struct pdf_row *rows;
	struct buf b = BUF_INIT(65536);
	size_t n = margin_rows(p, &copy, &rows);
	char text[PATTERN_MAX];

	for (size_t i = 0; i < n; i++) {
		struct pdf_line *l;

		pattern(pdf_row_text(p, &rows[i], &b), text, sizeof text);
		l = line_at(st, key_of(text));
		if (l == NULL)
			continue;
		l->pages++;
		if (!p->picture && !p->blank)
			l->laid = 1;
	}
	buf_fini(&b);
	free(copy);
	free(rows);
}

/* Does a line seen so often run through the document? */
static bool
running(const struct pdf_styles *st, const struct pdf_line *l)
{
	return l->pages > 1 && (uint64_t)l->pages * 3 >= st->pages;
}

void
pdf_margins_drop(struct pdf_page *p, struct pdf_styles *st)
{
	struct pdf_word *copy, *w;
	struct pdf_row *rows;
	struct buf b = BUF_INIT(65536);
	size_t n = margin_rows(p, &copy, &rows), words;
	char text[PATTERN_MAX];

	w = pdf_words(p, &words);
	for (size_t i = 0; i < n; i++) {
		struct pdf_line *l;
		bool drop;

		pattern(pdf_row_text(p, &rows[i], &b), text, sizeof text);
		l = line_find(st, key_of(text));
		drop = page_number(text);
		if (!drop && l != NULL && running(st, l)) {
			drop = l->shown;
			l->shown = true;
		}
		for (size_t k = 0; drop && k < words; k++)
			if (in_margin(p, &w[k]) && w[k].y0 < rows[i].y1 &&
			    w[k].y1 > rows[i].y0)
				w[k].n = 0;
	}
	buf_fini(&b);
	free(copy);
	free(rows);
}

/* --- sizes of type -------------------------------------------------- */

static void
count_sizes(struct pdf_styles *st, const struct pdf_page *p)
{
	size_t n;
	const struct pdf_word *w = pdf_words(p, &n);

	for (size_t i = 0; i < n; i++) {
		double s = w[i].size * 2 + 0.5;

		if (s >= 1 && s < (double)PDF_SIZES)
			st->counts[(size_t)s] += w[i].n;
	}
}

void
pdf_styles_learn(struct pdf_styles *st, const struct pdf_page *page, bool lines)
{
	st->pages++;
	st->pictures += page->picture;
	count_sizes(st, page);
	if (lines)
		learn_lines(st, page);
}

void
pdf_styles_add(struct pdf_styles *st, const struct pdf_styles *part,
    uint32_t index)
{
	size_t n;
	const struct pdf_line *from = lines_of(part, &n);

	st->pages += part->pages;
	st->pictures += part->pictures;
	for (size_t i = 0; i < PDF_SIZES; i++)
		st->counts[i] += part->counts[i];
	for (size_t i = 0; i < n; i++) {
		struct pdf_line *l = line_at(st, from[i].key);

		if (l == NULL)
			continue;
		l->pages += from[i].pages;
		if (l->laid == 0 && from[i].laid != 0)
			l->laid = index + 1;
	}
}

void
pdf_styles_conclude(struct pdf_styles *st)
{
	size_t best = 0, k = 0;

	for (size_t i = 1; i < PDF_SIZES; i++)
		if (st->counts[i] > st->counts[best])
			best = i;
	st->body = best > 0 ? (double)best / 2 : 11;
	for (size_t i = PDF_SIZES - 1; i > 0 && k < COUNT_OF(st->sizes); i--) {
		double s = (double)i / 2;

		if (st->counts[i] == 0 || s < st->body * 1.12)
			continue;
		if (k == 0 || s < st->sizes[k - 1] * 0.94)
			st->sizes[k++] = s;
	}
}

/* --- between cells ---------------------------------------------------- */

/*
 * u32 pages, u32 pictures, u32 n, n times (u32 size, i64 count), then to the
 * end (i64 key, u32 pages, u32 laid or shown).
 */
static void
begin(const struct pdf_styles *st, struct frame_out *out)
{
	uint32_t n = 0;

	for (size_t i = 0; i < PDF_SIZES; i++)
		n += st->counts[i] != 0;
	frame_begin(out, FRAME_STYLES);
	frame_put_u32(out, st->pages);
	frame_put_u32(out, st->pictures);
	frame_put_u32(out, n);
	for (size_t i = 0; i < PDF_SIZES; i++) {
		if (st->counts[i] == 0)
			continue;
		frame_put_u32(out, (uint32_t)i);
		frame_put_i64(out, (int64_t)st->counts[i]);
	}
}

static void
put_line(struct frame_out *out, const struct pdf_line *l, bool flag)
{
	frame_put_i64(out, (int64_t)l->key);
	frame_put_u32(out, l->pages);
	frame_put_u32(out, flag);
}

void
pdf_styles_send(const struct pdf_styles *st, struct frame_out *out)
{
	size_t n;
	const struct pdf_line *l = lines_of(st, &n);

	begin(st, out);
	for (size_t i = 0; i < n; i++)
		put_line(out, &l[i], l[i].laid != 0);
	frame_close(out);
}

void
pdf_styles_send_sum(const struct pdf_styles *sum, uint32_t index,
    struct frame_out *out)
{
	size_t n;
	const struct pdf_line *l = lines_of(sum, &n);

	begin(sum, out);
	for (size_t i = 0; i < n; i++)
		if (running(sum, &l[i]))
			put_line(out, &l[i],
			    l[i].laid != 0 && l[i].laid <= index);
	frame_close(out);
}

static void
get_sizes(struct pdf_styles *st, struct frame_cur *c)
{
	uint32_t n = frame_u32(c);

	if (n > PDF_SIZES)
		c->bad = true;
	for (uint32_t i = 0; i < n && !c->bad; i++) {
		uint32_t size = frame_u32(c);
		int64_t count = frame_i64(c);

		if (size >= PDF_SIZES || count < 0 || count > INT32_MAX)
			c->bad = true;
		else
			st->counts[size] = (uint64_t)count;
	}
}

bool
pdf_styles_get(struct pdf_styles *st, struct frame_cur *c)
{
	pdf_styles_fini(st);
	pdf_styles_init(st);
	st->pages = frame_u32(c);
	st->pictures = frame_u32(c);
	get_sizes(st, c);
	while (!c->bad && c->n > 0) {
		struct pdf_line *l = line_at(st, (uint64_t)frame_i64(c));
		uint32_t pages = frame_u32(c);
		uint32_t flag = frame_u32(c);

		if (c->bad || l == NULL || l->pages != 0 || pages == 0 ||
		    pages > INT32_MAX / 64)
			return false;
		l->pages = pages;
		l->laid = flag != 0;
		l->shown = flag != 0;
	}
	return frame_done(c) && st->pages <= INT32_MAX / 64 &&
	    st->pictures <= st->pages;
}
