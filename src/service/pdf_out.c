/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searchable PDF, written by hand (ISO 32000-1).
 *
 * The text layer uses Type 3 fonts whose only glyph is empty: nothing is
 * drawn, no font file is needed, and any character can be copied. Font /U<k>
 * stands for the 256 code points from k * 256 and says so in its ToUnicode
 * map, so that a page needs no map of its own.
 *
 * A page blob is a line of numbers, the image stream, and the content stream:
 *     hearth-page 1 WIDTH HEIGHT DPI ROTATE KIND IMAGE-BYTES CONTENT-BYTES\n
 */
#include "service/pdf_out.h"

#include <leptonica/allheaders.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
	PAGES_MAX = 5000,
	FONT_MAX = 0x10ff, /* of the code points' upper part */
	CONTENT_MAX = 64 << 20,
};

enum kind {
	KIND_MONO,
	KIND_GREY_JPEG,
	KIND_RGB_JPEG,
	KIND_COUNT
};

/* --- in the cell: one page ---------------------------------------------- */

/* The next code point of well-formed UTF-8. */
static unsigned
next_point(const char **at)
{
	const unsigned char *s = (const unsigned char *)*at;
	unsigned more = s[0] < 0x80 ? 0 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;
	unsigned c = more == 0 ? s[0] : s[0] & (0x3fU >> more);

	for (unsigned i = 1; i <= more; i++)
		c = c << 6 | (s[i] & 0x3fU);
	*at += more + 1;
	return c;
}

static unsigned
count_points(const char *text)
{
	unsigned n = 0;

	while (*text != '\0') {
		next_point(&text);
		n++;
	}
	return n;
}

/* Shows the characters, changing fonts as their blocks change. */
static void
put_string(struct buf *out, const char *text, double size, bool space)
{
	unsigned font = UINT32_MAX;

	while (*text != '\0' || space) {
		unsigned c = ' ';

		if (*text != '\0')
			c = next_point(&text);
		else
			space = false;
		if (c >> 8 != font) {
			if (font != UINT32_MAX)
				buf_z(out, "> Tj ");
			font = c >> 8;
			buf_fmt(out, "/U%u %.2f Tf <", font, size);
		}
		buf_fmt(out, "%02x", c & 0xff);
	}
	buf_z(out, "> Tj\n");
}

/* The word's place: along its own direction, in points, y upwards. */
static void
put_word(struct buf *out, const struct ocr_page *page, const struct ocr_word *w,
    double pt, bool space)
{
	const struct ocr_box *b = &w->box;
	double wide = (b->x1 - b->x0) * pt, high = (b->y1 - b->y0) * pt;
	double x0 = b->x0 * pt, x1 = b->x1 * pt;
	double y0 = ((double)page->height - b->y1) * pt; /* lower edge */
	double y1 = ((double)page->height - b->y0) * pt;
	bool side = page->rotation == 90 || page->rotation == 270;
	double size = side ? wide : high, length = side ? high : wide;
	double natural = count_points(w->text) * 0.5 * size;

	if (natural <= 0 || length <= 0)
		return;
	buf_fmt(out, "%.1f Tz ", 100 * length / natural);
	switch (page->rotation) {
	case 90:
		buf_fmt(out, "0 1 -1 0 %.2f %.2f Tm ", x1, y0);
		break;
	case 180:
		buf_fmt(out, "-1 0 0 -1 %.2f %.2f Tm ", x1, y1);
		break;
	case 270:
		buf_fmt(out, "0 -1 1 0 %.2f %.2f Tm ", x0, y1);
		break;
	default:
		buf_fmt(out, "1 0 0 1 %.2f %.2f Tm ", x0, y0);
		break;
	}
	put_string(out, w->text, size, space);
}

static void
put_content(struct buf *out, const struct ocr_page *page, double pt)
{
	buf_fmt(out, "q %.2f 0 0 %.2f 0 0 cm /Im Do Q\nBT 3 Tr\n",
	    page->width * pt, page->height * pt);
	for (unsigned i = 0; i < page->nwords; i++)
		put_word(out, page, &page->words[i], pt,
		    i + 1 < page->nwords &&
			page->words[i + 1].line == page->words[i].line);
	buf_z(out, "ET\n");
}

/* May the file's own bytes stand in the PDF as they are? */
static bool
usable_jpeg(const void *source, size_t n, enum kind *kind)
{
	struct image_info info;
	l_int32 parts = 0;

	if (source == NULL || image_probe(source, n, 0, &info, NULL) != 0 ||
	    info.kind != IMAGE_JPEG || info.orient != 1 ||
	    readHeaderMemJpeg(source, n, NULL, NULL, &parts, NULL, NULL) != 0)
		return false;
	*kind = parts == 1 ? KIND_GREY_JPEG : KIND_RGB_JPEG;
	return parts == 1 || parts == 3;
}

/* Rows of whole bytes, deflated; free() what is returned. */
static uint8_t *
pack_mono(PIX *pix, size_t *n)
{
	size_t row = ((size_t)pixGetWidth(pix) + 7) / 8;
	size_t rows = (size_t)pixGetHeight(pix);
	uint8_t *raw = xmalloc(row * rows), *out;

	for (size_t y = 0; y < rows; y++) {
		const l_uint32 *from = pixGetData(pix) +
		    y * (size_t)pixGetWpl(pix);

		for (size_t x = 0; x < row; x++)
			raw[y * row + x] = GET_DATA_BYTE(from, x);
	}
	out = zlibCompress(raw, row * rows, n);
	free(raw);
	return out;
}

static uint8_t *
pack_image(const struct image *im, enum kind *kind, size_t *n)
{
	PIX *pix = image_pix(im);
	uint8_t *out = NULL;

	if (pixGetDepth(pix) == 1) {
		*kind = KIND_MONO;
		return pack_mono(pix, n);
	}
	*kind = pixGetDepth(pix) == 8 ? KIND_GREY_JPEG : KIND_RGB_JPEG;
	if (pixWriteMemJpeg(&out, n, pix, 80, 0) != 0)
		return NULL;
	return out;
}

bool
pdf_page(struct buf *out, const struct image *im, const struct ocr_page *page,
    const void *source, size_t n)
{
	struct buf content = BUF_INIT(CONTENT_MAX);
	int dpi = page->dpi > 0 ? page->dpi : 200;
	uint8_t *packed = NULL;
	enum kind kind;
	bool ok;

	if (!usable_jpeg(source, n, &kind)) {
		packed = pack_image(im, &kind, &n);
		source = packed;
	}
	if (source == NULL)
		return false;
	put_content(&content, page, 72.0 / dpi);
	buf_fmt(out, "hearth-page 1 %u %u %d %d %d %zu %zu\n", page->width,
	    page->height, dpi, page->rotation, (int)kind, n, content.n);
	buf_add(out, source, n);
	ok = !content.full && buf_str(out, buf_view(&content));
	buf_fini(&content);
	free(packed);
	return ok;
}

/* --- in the parent: the file -------------------------------------------- */

struct sheet {
	uint64_t width, height, dpi, rotate, kind;
	struct str image, content;
};

/* Reads a blob; anything but what pdf_page() writes is refused. */
static bool
read_sheet(struct str blob, struct sheet *s)
{
	struct str line = str_cut(&blob, '\n'), word;
	uint64_t v[7];

	word = str_cut(&line, ' ');
	if (!str_eqz(word, "hearth-page") || !str_eqz(str_cut(&line, ' '), "1"))
		return false;
	for (size_t i = 0; i < COUNT_OF(v); i++)
		if (!str_u64(str_cut(&line, ' '), &v[i]))
			return false;
	if (v[0] == 0 || v[0] > 65000 || v[1] == 0 || v[1] > 65000 ||
	    v[2] < 10 || v[2] > 10000 || v[3] % 90 != 0 || v[3] > 270 ||
	    v[4] >= KIND_COUNT || v[5] > blob.n || v[6] != blob.n - v[5])
		return false;
	*s = (struct sheet){.width = v[0],
	    .height = v[1],
	    .dpi = v[2],
	    .rotate = v[3],
	    .kind = v[4],
	    .image = {blob.p, v[5]},
	    .content = {blob.p + v[5], v[6]}};
	return true;
}

/* Marks the fonts that a content stream names. A hostile stream can only
 * name fonts that are then made, or that are not there. */
static void
mark_fonts(struct str content, bool *used)
{
	for (size_t i = 0; i + 3 < content.n; i++) {
		unsigned k = 0;

		if (content.p[i] != '/' || content.p[i + 1] != 'U')
			continue;
		for (i += 2; i < content.n && content.p[i] >= '0' &&
		     content.p[i] <= '9' && k <= FONT_MAX;
		     i++)
			k = k * 10 + (unsigned)(content.p[i] - '0');
		if (k <= FONT_MAX)
			used[k] = true;
	}
}

struct writer {
	struct buf *out;
	size_t *at; /* offset of object i */
	unsigned n; /* objects so far; numbers count from 1 */
	size_t base;
};

static void
begin(struct writer *w)
{
	w->at[w->n++] = w->out->n - w->base;
	buf_fmt(w->out, "%u 0 obj\n", w->n);
}

static void
end(struct writer *w)
{
	buf_z(w->out, "endobj\n");
}

static void
put_stream(struct writer *w, const char *dict, struct str bytes)
{
	begin(w);
	buf_fmt(w->out, "<< %s/Length %zu >>\nstream\n", dict, bytes.n);
	buf_str(w->out, bytes);
	buf_z(w->out, "\nendstream\n");
	end(w);
}

static void
put_utf16(struct buf *out, unsigned c)
{
	if (c < 0x10000)
		buf_fmt(out, "%04X", c);
	else
		buf_fmt(out, "%04X%04X", 0xd800 + ((c - 0x10000) >> 10),
		    0xdc00 + ((c - 0x10000) & 0x3ff));
}

/* Two objects: the font and its map. */
static void
put_font(struct writer *w, unsigned k, unsigned glyph)
{
	struct buf map = BUF_INIT(4096);

	begin(w);
	buf_fmt(w->out,
	    "<< /Type /Font /Subtype /Type3 /Name /U%u "
	    "/FontBBox [0 0 500 1000] /FontMatrix [0.001 0 0 0.001 0 0] "
	    "/CharProcs << /e %u 0 R >> /Resources << >> /FirstChar 0 "
	    "/LastChar 255 /ToUnicode %u 0 R\n/Widths [",
	    k, glyph, w->n + 1);
	for (int i = 0; i < 256; i++)
		buf_z(w->out, i % 16 == 15 ? "500\n" : "500 ");
	buf_z(w->out, "]\n/Encoding << /Type /Encoding /Differences [0");
	for (int i = 0; i < 256; i++)
		buf_z(w->out, i % 32 == 31 ? "/e\n" : "/e");
	buf_z(w->out, "] >> >>\n");
	end(w);
	buf_z(&map,
	    "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
	    "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) "
	    "/Supplement 0 >> def\n/CMapName /Adobe-Identity-UCS def\n"
	    "/CMapType 2 def\n1 begincodespacerange\n<00> <FF>\n"
	    "endcodespacerange\n1 beginbfrange\n<00> <FF> <");
	put_utf16(&map, k << 8);
	buf_z(&map,
	    ">\nendbfrange\nendcmap\n"
	    "CMapName currentdict /CMap defineresource pop\nend\nend");
	put_stream(w, "", buf_view(&map));
	buf_fini(&map);
}

/* Three objects: page, image, content. */
static void
put_sheet(struct writer *w, const struct sheet *s, unsigned fonts)
{
	static const char *const forms[KIND_COUNT] = {
	    ("/ColorSpace /DeviceGray /BitsPerComponent 1 /Decode [1 0] "
	     "/Filter /FlateDecode "),
	    "/ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode ",
	    "/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode ",
	};
	double pt = 72.0 / (double)s->dpi;
	char dict[256];

	begin(w);
	buf_fmt(w->out,
	    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.2f %.2f] /Rotate "
	    "%u /Resources << /XObject << /Im %u 0 R >> /Font %u 0 R >> "
	    "/Contents %u 0 R >>\n",
	    (double)s->width * pt, (double)s->height * pt, (unsigned)s->rotate,
	    w->n + 1, fonts, w->n + 2);
	end(w);
	str_fmt(dict, sizeof(dict),
	    "/Type /XObject /Subtype /Image /Width %u /Height %u %s",
	    (unsigned)s->width, (unsigned)s->height, forms[s->kind]);
	put_stream(w, dict, s->image);
	put_stream(w, "", s->content);
}

static void
put_tail(struct writer *w)
{
	size_t xref = w->out->n - w->base;

	buf_fmt(w->out, "xref\n0 %u\n0000000000 65535 f \n", w->n + 1);
	for (unsigned i = 0; i < w->n; i++)
		buf_fmt(w->out, "%010zu 00000 n \n", w->at[i]);
	buf_fmt(w->out,
	    "trailer\n<< /Size %u /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n",
	    w->n + 1, xref);
}

/* Objects 1 to 4: catalogue, page tree, the glyph, the fonts by name. */
static void
put_head(struct writer *w, size_t pages, const bool *used, unsigned fonts)
{
	unsigned first = 4 + 2 * fonts + 1, k = 0;

	buf_z(w->out, "%PDF-1.5\n%\xe2\xe3\xcf\xd3\n");
	begin(w);
	buf_z(w->out, "<< /Type /Catalog /Pages 2 0 R >>\n");
	end(w);
	begin(w);
	buf_fmt(w->out, "<< /Type /Pages /Count %zu /Kids [", pages);
	for (size_t i = 0; i < pages; i++)
		buf_fmt(w->out, "%zu 0 R\n", first + 3 * i);
	buf_z(w->out, "] >>\n");
	end(w);
	put_stream(w, "", STR("500 0 d0"));
	begin(w);
	buf_z(w->out, "<<");
	for (unsigned i = 0; i <= FONT_MAX; i++)
		if (used[i])
			buf_fmt(w->out, " /U%u %u 0 R", i, 5 + 2 * k++);
	buf_z(w->out, " >>\n");
	end(w);
	for (unsigned i = 0; i <= FONT_MAX; i++)
		if (used[i])
			put_font(w, i, 3);
}

bool
pdf_join(struct buf *out, const struct str *blobs, size_t count)
{
	struct writer w = {.out = out, .base = out->n};
	bool *used = xcalloc(FONT_MAX + 1, sizeof(*used));
	struct sheet s;
	unsigned fonts = 0;
	bool ok = count > 0 && count <= PAGES_MAX;

	for (size_t i = 0; ok && i < count; i++) {
		ok = read_sheet(blobs[i], &s);
		if (ok)
			mark_fonts(s.content, used);
	}
	for (unsigned i = 0; i <= FONT_MAX; i++)
		fonts += used[i];
	if (ok) {
		w.at = xcalloc(4 + 2 * (size_t)fonts + 3 * count,
		    sizeof(*w.at));
		put_head(&w, count, used, fonts);
		for (size_t i = 0; i < count; i++)
			if (read_sheet(blobs[i], &s))
				put_sheet(&w, &s, 4);
		put_tail(&w);
	}
	free(w.at);
	free(used);
	return ok && !out->full;
}
