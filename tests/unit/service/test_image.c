/* SPDX-License-Identifier: Apache-2.0 */
/* Headers that lie, files that end early, and pages of a TIFF. */
#include "unit/unit.h"

#include <leptonica/allheaders.h>
#include <stdlib.h>
#include <string.h>

#include "service/image.h"
#include "service/image_clean.h"

static enum err_code
decode(const void *p, size_t n, unsigned page, size_t max)
{
	struct err err = {.code = ERR_OK};
	struct image *im = image_decode(p, n, page, max, &err);

	image_free(im);
	return err.code;
}

static void
test_bombs(void **state UNUSED)
{
	static const uint8_t png[] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"
				     "\0\0\xea\x60\0\0\xea\x60\x08\x02";
	static const uint8_t jpeg[] = "\xff\xd8\xff\xc0\0\x11\x08"
				      "\xff\xff\xff\xff\x03";
	static const uint8_t gif[] = "GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0"
				     "\xff\xff\xff\xff\0\x02\x01\0\0;";
	static const uint8_t loop[] = "II*\0\x08\0\0\0\x01\0\0\x01\x03\0"
				      "\x01\0\0\0\x05\0\0\0\x08\0\0\0";

	assert_int_equal(decode(png, sizeof(png), 0, 64000000), ERR_LIMIT);
	assert_int_equal(decode(jpeg, sizeof(jpeg), 0, 64000000), ERR_LIMIT);
	assert_int_equal(decode(gif, sizeof(gif) - 1, 0, 64000000),
	    ERR_CORRUPT);
	assert_int_equal(decode(loop, sizeof(loop) - 1, 0, 64000000),
	    ERR_CORRUPT);
	assert_int_equal(decode("", 0, 0, 1000), ERR_EMPTY);
	assert_int_equal(decode("%PDF-1.4", 8, 0, 1000), ERR_UNSUPPORTED);
}

static PIX *
stripes(void)
{
	PIX *pix = pixCreate(200, 100, 8);

	for (l_int32 y = 0; y < 100; y++)
		for (l_int32 x = 0; x < 200; x++)
			pixSetPixel(pix, x, y,
			    (l_uint32)(x * 7 + y * 13) & 255);
	pixSetResolution(pix, 200, 200);
	return pix;
}

static void
check_format(l_int32 format, enum image_kind kind)
{
	PIX *pix = stripes();
	struct image_info info;
	uint8_t *p = NULL;
	size_t n = 0;

	assert_int_equal(pixWriteMem(&p, &n, pix, format), 0);
	assert_int_equal(image_probe(p, n, 0, &info, NULL), 0);
	assert_int_equal(info.kind, kind);
	assert_int_equal(info.width, 200);
	assert_int_equal(info.height, 100);
	assert_int_equal(decode(p, n, 0, 20000), ERR_OK);
	assert_int_equal(decode(p, n, 0, 19999), ERR_LIMIT);
	assert_int_equal(decode(p, n, 1, 20000), ERR_NOT_FOUND);
	for (size_t cut = 1; cut < n; cut += 1 + n / 40)
		(void)decode(p, cut, 0, 20000);
	assert_int_not_equal(decode(p, n / 2, 0, 20000), ERR_OK);
	free(p);
	pixDestroy(&pix);
}

static void
test_formats(void **state UNUSED)
{
	check_format(IFF_PNG, IMAGE_PNG);
	check_format(IFF_JFIF_JPEG, IMAGE_JPEG);
	check_format(IFF_BMP, IMAGE_BMP);
	check_format(IFF_WEBP, IMAGE_WEBP);
	check_format(IFF_PNM, IMAGE_PNM);
}

static void
test_grey(void **state UNUSED)
{
	uint8_t rows[20] = {0};
	struct err err = {0};
	struct image *im = image_from_grey(3, 4, 5, rows, 150, &err);

	assert_non_null(im);
	assert_int_equal(image_width(im), 3);
	assert_int_equal(image_height(im), 4);
	assert_int_equal(image_dpi(im), 150);
	image_free(im);
	assert_null(image_from_grey(6, 4, 5, rows, 150, &err));
	assert_int_equal(err.code, ERR_LIMIT);
}

/* A level page takes a shorter way than one that lies askew; both must see the
 * same pixels. */
static void
test_level_pages(void **state UNUSED)
{
	static const double scales[] = {1, 0.5, 1.53, 2, 0.37};
	uint8_t pixels[97 * 61];
	struct plane a = {97, 61, pixels};

	for (size_t i = 0; i < sizeof pixels; i++)
		pixels[i] = (uint8_t)(i * 2654435761u >> 13);
	for (size_t i = 0; i < COUNT_OF(scales); i++)
		for (int turned = 0; turned < 2; turned++) {
			double s = (turned ? -1 : 1) / scales[i];
			struct plane_map m = {.x = {turned ? a.w : 0, s},
			    .y = {turned ? a.h : 0, 0, s}};
			int w = (int)(a.w * scales[i]),
			    h = (int)(a.h * scales[i]);
			struct plane level = plane_warp(&a, &m, w, h), askew;

			m.y[1] = 1e-13;
			askew = plane_warp(&a, &m, w, h);
			for (int k = 0; k < w * h; k++)
				assert_in_range(askew.p[k] - level.p[k] + 1, 0,
				    2);
			plane_fini(&level);
			plane_fini(&askew);
		}
}

static void
test_bits(void **state UNUSED)
{
	uint8_t pixels[67 * 3];
	struct plane a = {67, 3, pixels};
	PIX *bits;

	for (size_t i = 0; i < sizeof pixels; i++)
		pixels[i] = (uint8_t)(i * 40503u >> 3);
	bits = plane_to_bits(&a, 128);
	assert_non_null(bits);
	for (int y = 0; y < a.h; y++)
		for (int x = 0; x < a.w; x++) {
			l_uint32 v;

			assert_int_equal(pixGetPixel(bits, x, y, &v), 0);
			assert_int_equal(v, pixels[y * a.w + x] < 128);
		}
	pixDestroy(&bits);
}

extern const struct CMUnitTest image_tests[];
extern const size_t image_tests_count;
const struct CMUnitTest image_tests[] = {
    cmocka_unit_test(test_bombs),
    cmocka_unit_test(test_formats),
    cmocka_unit_test(test_grey),
    cmocka_unit_test(test_level_pages),
    cmocka_unit_test(test_bits),
};
const size_t image_tests_count = COUNT_OF(image_tests);
