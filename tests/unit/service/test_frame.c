/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rnd.h"
#include "service/frame.h"

/* What the writer wrote, as bytes. */
static size_t
written(struct frame_out *o, uint8_t *to, size_t cap)
{
	size_t n = o->b.n;

	assert_true(n <= cap);
	memcpy(to, o->b.p, n);
	buf_fini(&o->b);
	return n;
}

struct seen {
	unsigned frames;
	struct frame_page page;
	char problem[64];
	struct frame_word word;
	char text[32];
	size_t bytes;
};

static int
see(void *owner, const struct frame *f, struct err *err)
{
	struct seen *s = owner;
	struct frame_cur c = frame_open(f);

	s->frames++;
	if (f->type == FRAME_PAGE) {
		frame_get_page(&c, &s->page);
		(void)str_copy(s->problem, sizeof(s->problem), s->page.problem);
	} else if (f->type == FRAME_WORDS) {
		assert_int_equal(frame_u32(&c), 7);
		assert_true(frame_get_word(&c, &s->word));
		(void)str_copy(s->text, sizeof(s->text), s->word.text);
		assert_false(frame_get_word(&c, &s->word));
	} else if (f->type == FRAME_MARKDOWN) {
		assert_int_equal(frame_u32(&c), 0);
		s->bytes += frame_text(&c).n;
	}
	return frame_done(&c) ? 0 : err_set(err, ERR_CRASHED, "payload");
}

static size_t
sample(uint8_t *to, size_t cap)
{
	struct frame_out o;

	frame_out_init(&o, -1);
	frame_send_page(&o,
	    &(struct frame_page){.number = 7,
		.method = FRAME_METHOD_OCR,
		.confidence = 0.875,
		.us = 1234,
		.width = 100,
		.height = 200,
		.rotation = 270,
		.skew = -1.5,
		.problem = STR("blank page")});
	frame_begin(&o, FRAME_WORDS);
	frame_put_u32(&o, 7);
	frame_put_word(&o,
	    &(struct frame_word){.text = STR("na\xc3\xafve"),
		.confidence = 0.5,
		.x = 1,
		.y = 2,
		.w = 3,
		.h = 4});
	frame_close(&o);
	frame_begin(&o, FRAME_END);
	frame_close(&o);
	return written(&o, to, cap);
}

static void
goes_and_comes_back_at_any_split(void **state UNUSED)
{
	uint8_t bytes[512];
	size_t n = sample(bytes, sizeof(bytes));

	for (size_t cut = 0; cut <= n; cut++) {
		struct frame_in in;
		struct seen s = {0};

		frame_in_init(&in, 4096);
		assert_int_equal(frame_feed(&in, bytes, cut, see, &s, NULL), 0);
		assert_int_equal(frame_feed(&in, bytes + cut, n - cut, see, &s,
				     NULL),
		    0);
		assert_int_equal(s.frames, 3);
		assert_true(in.ended);
		assert_int_equal(s.page.number, 7);
		assert_true(s.page.confidence == 0.875);
		assert_true(s.page.skew == -1.5);
		assert_int_equal(s.page.rotation, 270);
		assert_string_equal(s.problem, "blank page");
		assert_string_equal(s.text, "na\xc3\xafve");
		frame_in_fini(&in);
	}
}

static void
long_text_is_cut_between_characters(void **state UNUSED)
{
	enum {
		N = 300001
	};
	char *text = xmalloc(N * 3);
	int fd = open("/dev/null", O_WRONLY);
	struct frame_out o;

	for (size_t i = 0; i < N; i++)
		memcpy(text + 3 * i, "\xe2\x82\xac", 3); /* euro signs */
	frame_out_init(&o, fd);
	frame_send_chunks(&o, FRAME_MARKDOWN, 0, (struct str){text, N * 3});
	assert_int_equal(frame_flush(&o), 0);
	buf_fini(&o.b);
	close(fd);
	/* The same again, read back through a file. */
	{
		FILE *f = tmpfile();
		struct frame_in in;
		struct seen s = {0};
		char buf[8192];
		ssize_t n;

		frame_out_init(&o, fileno(f));
		frame_send_chunks(&o, FRAME_MARKDOWN, 0,
		    (struct str){text, N * 3});
		assert_int_equal(frame_flush(&o), 0);
		buf_fini(&o.b);
		assert_int_equal(lseek(fileno(f), 0, SEEK_SET), 0);
		frame_in_init(&in, 16 << 20);
		while ((n = read(fileno(f), buf, sizeof(buf))) > 0)
			assert_int_equal(frame_feed(&in, buf, (size_t)n, see,
					     &s, NULL),
			    0);
		assert_int_equal(s.bytes, N * 3);
		frame_in_fini(&in);
		(void)fclose(f);
	}
	free(text);
}

static enum err_code
fed(const void *p, size_t n)
{
	struct frame_in in;
	struct seen s = {0};
	struct err err = {0};

	frame_in_init(&in, 1 << 20);
	if (frame_feed(&in, p, n, see, &s, &err) == 0)
		err.code = ERR_OK;
	frame_in_fini(&in);
	return err.code;
}

static void
refuses_what_no_cell_sends(void **state UNUSED)
{
	static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, FRAME_META};
	static const uint8_t zero[] = {0, 0, 0, 0, 0};
	static const uint8_t unknown[] = {0, 0, 0, 0, 99};
	static const uint8_t behind[] = {0, 0, 0, 0, FRAME_END, 0, 0, 0, 0,
	    FRAME_END};
	static const uint8_t utf8[] = {9, 0, 0, 0, FRAME_MARKDOWN, 0, 0, 0, 0,
	    1, 0, 0, 0, 0xff};
	static const uint8_t control[] = {9, 0, 0, 0, FRAME_MARKDOWN, 0, 0, 0,
	    0, 1, 0, 0, 0, 0x1b};
	static const uint8_t lies[] = {9, 0, 0, 0, FRAME_MARKDOWN, 0, 0, 0, 0,
	    2, 0, 0, 0, 'a'};
	static const uint8_t more[] = {9, 0, 0, 0, FRAME_MARKDOWN, 0, 0, 0, 0,
	    0, 0, 0, 0, 'a'};
	static const uint8_t fine[] = {9, 0, 0, 0, FRAME_MARKDOWN, 0, 0, 0, 0,
	    1, 0, 0, 0, 'a'};
	uint8_t *much = xcalloc(1, (1 << 20) + 1);

	assert_int_equal(fed(huge, sizeof(huge)), ERR_CRASHED);
	assert_int_equal(fed(zero, sizeof(zero)), ERR_CRASHED);
	assert_int_equal(fed(unknown, sizeof(unknown)), ERR_CRASHED);
	assert_int_equal(fed(behind, sizeof(behind)), ERR_CRASHED);
	assert_int_equal(fed(utf8, sizeof(utf8)), ERR_CRASHED);
	assert_int_equal(fed(control, sizeof(control)), ERR_CRASHED);
	assert_int_equal(fed(lies, sizeof(lies)), ERR_CRASHED);
	assert_int_equal(fed(more, sizeof(more)), ERR_CRASHED);
	assert_int_equal(fed(fine, sizeof(fine)), ERR_OK);
	assert_int_equal(fed(much, (1 << 20) + 1), ERR_LIMIT);
	free(much);
}

/* Reads everything a frame may hold, and believes nothing. */
static int
read_all(void *owner UNUSED, const struct frame *f, struct err *err)
{
	struct frame_cur c = frame_open(f);
	struct frame_page page;
	struct frame_word word;

	if (f->type == FRAME_PAGE)
		frame_get_page(&c, &page);
	else
		(void)frame_u32(&c);
	while (frame_get_word(&c, &word))
		assert_true(str_utf8_ok(word.text));
	return frame_done(&c) ? 0 : err_set(err, ERR_CRASHED, "payload");
}

/* Random changes to good bytes: an error or a result, never more. */
static void
survives_mutation(void **state UNUSED)
{
	uint8_t bytes[512];
	size_t n = sample(bytes, sizeof(bytes));

	for (int round = 0; round < 20000; round++) {
		uint8_t mutant[512];
		struct frame_in in;

		memcpy(mutant, bytes, n);
		for (int k = 0; k < 3; k++)
			mutant[rnd_below(n)] = (uint8_t)rnd_below(256);
		frame_in_init(&in, 4096);
		(void)!frame_feed(&in, mutant, (size_t)rnd_below(n + 1),
		    read_all, NULL, NULL);
		frame_in_fini(&in);
	}
}

extern const struct CMUnitTest frame_tests[];
extern const size_t frame_tests_count;
const struct CMUnitTest frame_tests[] = {
    cmocka_unit_test(goes_and_comes_back_at_any_split),
    cmocka_unit_test(long_text_is_cut_between_characters),
    cmocka_unit_test(refuses_what_no_cell_sends),
    cmocka_unit_test(survives_mutation),
};
const size_t frame_tests_count = COUNT_OF(frame_tests);
