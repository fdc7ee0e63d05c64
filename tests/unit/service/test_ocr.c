/* SPDX-License-Identifier: Apache-2.0 */
/* Page images made here, with leptonica's bitmap font: decoded, turned,
 * inverted, damaged, and read. */
#include "unit/unit.h"

#include <leptonica/allheaders.h>
#include <stdlib.h>
#include <string.h>

#include "service/hocr.h"
#include "service/ocr.h"
#include "service/pdf_out.h"

static const char *const lines[] = {
    "Dear Mrs Whitlow, thank you for your letter.",
    "Your reference is CG 4711 and the balance",
    "on your account is 312.45 pounds. Please pay",
    "before the fourth of March or call our office",
    "between nine and five. We can help you to",
    "agree a payment plan that suits your budget.",
};

/* Black on white, 8 bits, 300 dpi. */
static PIX *
letter(void)
{
	PIX *pix = pixCreate(1500, 1000, 8);
	L_BMF *font = bmfCreate(NULL, 12);

	pixSetAllArbitrary(pix, 255);
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		pixSetTextline(pix, font, lines[i], 0, 100,
		    150 + 80 * (l_int32)i, NULL, NULL);
	bmfDestroy(&font);
	return pix;
}

static struct image *
image_of(PIX *pix)
{
	struct err err = {0};
	struct image *im;
	uint8_t *p = NULL;
	size_t n = 0;

	assert_int_equal(pixWriteMemPng(&p, &n, pix, 0), 0);
	im = image_decode(p, n, 0, 64000000, &err);
	assert_non_null(im);
	free(p);
	pixDestroy(&pix);
	return im;
}

static struct ocr *
engine(void)
{
	struct err err = {0};
	struct ocr *o = ocr_new("eng", NULL, &err);

	if (o == NULL)
		print_message("%s\n", err.msg);
	assert_non_null(o);
	return o;
}

/* Reads and frees the picture, checks that all of the text is there. */
static struct ocr_page
read_letter(PIX *pix)
{
	struct ocr *o = engine();
	struct image *im = image_of(pix);
	struct buf text = BUF_INIT(1 << 20);
	struct ocr_page page;
	struct err err = {0};

	assert_int_equal(ocr_read(o, im, NULL, &page, &err), 0);
	assert_true(ocr_text(&page, &text));
	assert_non_null(strstr(buf_cstr(&text), "thank you for your letter"));
	assert_non_null(strstr(buf_cstr(&text), "4711"));
	assert_non_null(strstr(buf_cstr(&text), "312.45"));
	assert_non_null(strstr(buf_cstr(&text), "suits your budget"));
	assert_true(page.confidence > 0.7 && page.confidence <= 1);
	for (unsigned i = 0; i < page.nwords; i++) {
		assert_true(page.words[i].box.x0 >= 0);
		assert_true(page.words[i].box.x1 <= (int)page.width);
		assert_true(page.words[i].box.y1 <= (int)page.height);
	}
	buf_fini(&text);
	image_free(im);
	ocr_free(o);
	return page;
}

static void
test_upright(void **state UNUSED)
{
	struct ocr_page page = read_letter(letter());

	assert_int_equal(page.rotation, 0);
	assert_false(page.blank);
	assert_in_range(page.words[0].box.x0, 80, 130);
	assert_in_range(page.words[0].box.y0, 60, 160);
	ocr_page_fini(&page);
}

static void
test_turned(void **state UNUSED)
{
	for (int quads = 1; quads <= 3; quads++) {
		PIX *up = letter();
		struct ocr_page page = read_letter(pixRotateOrth(up, quads));

		pixDestroy(&up);
		assert_int_equal(page.rotation, 360 - 90 * quads);
		ocr_page_fini(&page);
	}
}

static void
test_skewed(void **state UNUSED)
{
	PIX *up = letter();
	struct ocr_page page = read_letter(
	    pixRotate(up, 0.07F, L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, 0, 0));

	pixDestroy(&up);
	assert_true(page.skew > 3 && page.skew < 5);
	ocr_page_fini(&page);
}

static void
test_inverted_and_faint(void **state UNUSED)
{
	PIX *pix = letter();
	struct ocr_page page;

	pixInvert(pix, pix);
	page = read_letter(pix);
	ocr_page_fini(&page);
	pix = letter();
	pixMultConstantGray(pix, 0.2F);
	pixAddConstantGray(pix, 120);
	page = read_letter(pix);
	ocr_page_fini(&page);
}

static void
test_blank(void **state UNUSED)
{
	PIX *pix = pixCreate(800, 1000, 8);
	struct ocr *o = engine();
	struct ocr_page page;
	struct image *im;

	pixSetAllArbitrary(pix, 250);
	im = image_of(pix);
	assert_int_equal(ocr_read(o, im, NULL, &page, NULL), 0);
	assert_true(page.blank);
	assert_int_equal(page.nwords, 0);
	assert_string_equal(page.problem, "blank page");
	ocr_page_fini(&page);
	image_free(im);
	ocr_free(o);
}

static void
test_writers(void **state UNUSED)
{
	struct ocr *o = engine();
	struct image *im = image_of(letter());
	struct buf out = BUF_INIT(16 << 20), blob = BUF_INIT(16 << 20);
	struct ocr_page page;
	struct str blobs[2];

	assert_int_equal(ocr_read(o, im, NULL, &page, NULL), 0);
	assert_true(hocr_head(&out, "eng") && hocr_page(&out, &page, 1) &&
	    hocr_tail(&out));
	assert_non_null(strstr(buf_cstr(&out), "class=\"ocrx_word\""));
	assert_non_null(strstr(buf_cstr(&out), "x_wconf"));
	buf_clear(&out);
	assert_true(pdf_page(&blob, im, &page, NULL, 0));
	blobs[0] = blobs[1] = buf_view(&blob);
	assert_true(pdf_join(&out, blobs, 2));
	assert_memory_equal(out.p, "%PDF-1.5", 8);
	assert_non_null(memmem(out.p, out.n, "/Count 2", 8));
	blobs[1] = STR("hearth-page 1 10 10 200 0 0 999 5\nabc");
	buf_clear(&out);
	assert_false(pdf_join(&out, blobs, 2));
	ocr_page_fini(&page);
	buf_fini(&out);
	buf_fini(&blob);
	image_free(im);
	ocr_free(o);
}

static void
test_missing_language(void **state UNUSED)
{
	struct err err = {0};

	assert_null(ocr_new("eng+xx_none", NULL, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(err.msg, "tesseract-ocr-xx-none"));
	assert_null(ocr_new("../etc", NULL, &err));
	assert_int_equal(err.code, ERR_INVALID);
}

/* A crooked scan on which strokes of figures look like bars, and the rules of
 * a table survive in pieces. */
static void
test_strokes_and_rules(void **state UNUSED)
{
	PIX *pix = pixRead(SOURCE_DIR "/docs/pictures/scanned-letter.png");
	struct buf text = BUF_INIT(1 << 20), md = BUF_INIT(1 << 20);
	struct ocr *o = engine();
	struct image *im = image_of(pix);
	struct ocr_page page;
	struct err err = {0};

	assert_int_equal(ocr_read(o, im, NULL, &page, &err), 0);
	assert_true(ocr_text(&page, &text) && ocr_markdown(&page, &md));
	assert_non_null(strstr(buf_cstr(&text), "From 1 November 2026"));
	assert_null(strchr(buf_cstr(&text), '|'));
	assert_non_null(strstr(buf_cstr(&md),
	    "| Balance on 1 September 2026 | \u00a31,418.27 |"));
	buf_fini(&text);
	buf_fini(&md);
	ocr_page_fini(&page);
	image_free(im);
	ocr_free(o);
}

extern const struct CMUnitTest ocr_tests[];
extern const size_t ocr_tests_count;
const struct CMUnitTest ocr_tests[] = {
    cmocka_unit_test(test_upright),
    cmocka_unit_test(test_turned),
    cmocka_unit_test(test_skewed),
    cmocka_unit_test(test_inverted_and_faint),
    cmocka_unit_test(test_blank),
    cmocka_unit_test(test_writers),
    cmocka_unit_test(test_strokes_and_rules),
    cmocka_unit_test(test_missing_language),
};
const size_t ocr_tests_count = COUNT_OF(ocr_tests);
