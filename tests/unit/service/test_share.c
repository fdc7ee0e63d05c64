/* SPDX-License-Identifier: Apache-2.0 */
/* What cells that share a document tell each other, and what they must not. */
#include "unit/unit.h"

#include "base/rnd.h"
#include "service/doc_pdf_page.h"
#include "service/share.h"

/* A page with a running line on top, a line of its own at the bottom, and
 * text of a size. */
struct sheet {
	struct pdf_page page;
};

static void
word(struct pdf_page *p, double y, double size, const char *z)
{
	struct pdf_word w = {.x0 = 50,
	    .x1 = 200,
	    .y0 = y,
	    .y1 = y + size,
	    .size = size,
	    .text = (uint32_t)p->text.n,
	    .n = (uint32_t)strlen(z)};

	assert_true(buf_z(&p->text, z));
	assert_true(buf_add(&p->words, &w, sizeof w));
}

static struct sheet
sheet(unsigned number)
{
	struct sheet s = {.page = {.width = 600,
			      .height = 800,
			      .text = BUF_INIT(4096),
			      .words = BUF_INIT(1 << 16),
			      .links = BUF_INIT(64)}};
	char own[32];

	(void)str_fmt(own, sizeof own, "%c alone",
	    (char)('a' + (char)(number % 26)));
	word(&s.page, 20, 9, "Annual report 7");
	word(&s.page, 300, number == 30 ? 24 : 11,
	    "more text of the page than anything else");
	word(&s.page, 770, 9, own);
	return s;
}

static void
sheet_fini(struct sheet *s)
{
	buf_fini(&s->page.text);
	buf_fini(&s->page.words);
	buf_fini(&s->page.links);
}

static void
learn(struct pdf_styles *st, unsigned first, unsigned last)
{
	pdf_styles_init(st);
	for (unsigned i = first; i <= last; i++) {
		struct sheet s = sheet(i);

		pdf_styles_learn(st, &s.page, true);
		sheet_fini(&s);
	}
}

/* What one frame holds, as the other side takes it. */
static struct frame
sent(const struct frame_out *o)
{
	return (struct frame){.type = (enum frame_type)o->b.p[4],
	    .payload = {o->b.p + FRAME_HEAD, o->b.n - FRAME_HEAD}};
}

static int
hear(struct share *s, unsigned part, const struct pdf_styles *st)
{
	struct frame_out o;
	struct frame f;
	struct err err = {0};
	int rc;

	frame_out_init(&o, -1);
	pdf_styles_send(st, &o);
	f = sent(&o);
	rc = share_hear(s, part, &f, &err);
	frame_out_fini(&o);
	return rc;
}

static int
plan(struct share *s, uint32_t first, uint32_t last, unsigned cells,
    uint32_t *left)
{
	struct frame_out o;
	struct frame f;
	struct err err = {0};
	uint32_t from;
	int rc;

	frame_out_init(&o, -1);
	frame_begin(&o, FRAME_SHARE);
	frame_put_u32(&o, first);
	frame_put_u32(&o, last);
	frame_close(&o);
	f = sent(&o);
	rc = share_plan(s, &f, cells, &from, left, &err);
	frame_out_fini(&o);
	return rc;
}

static void
every_page_is_somebodys(void **state UNUSED)
{
	for (uint32_t pages = 1; pages < 200; pages++)
		for (unsigned cells = 1; cells < 12; cells++) {
			struct share s = {0};
			uint32_t left, next = 11;

			assert_int_equal(plan(&s, 11, 10 + pages, cells, &left),
			    0);
			assert_true(s.parts <= cells && s.parts != 1);
			for (unsigned i = 0; i < s.parts; i++) {
				assert_int_equal(s.part[i].first, next);
				assert_true(s.part[i].last >= next);
				next = s.part[i].last + 1;
			}
			assert_int_equal(s.parts > 0 ? next : left + 1,
			    11 + pages);
			share_fini(&s);
		}
}

/* Each part knows as much as if it had seen every page. */
static void
parts_learn_the_whole(void **state UNUSED)
{
	struct pdf_styles whole, part, sum;
	struct share s = {0};
	uint32_t left;

	assert_int_equal(plan(&s, 1, 40, 2, &left), 0);
	assert_int_equal(s.parts, 2);
	learn(&whole, 1, 40);
	pdf_styles_conclude(&whole);
	for (unsigned i = 2; i-- > 0;) {
		learn(&part, s.part[i].first, s.part[i].last);
		assert_int_equal(s.said, 1 - i);
		assert_int_equal(hear(&s, i, &part), 0);
		assert_int_equal(hear(&s, i, &part), -1); /* once is enough */
		pdf_styles_fini(&part);
	}
	assert_int_equal(s.said, s.parts);
	share_sum(&s, &sum);
	for (unsigned i = 0; i < 2; i++) {
		struct sheet page = sheet(s.part[i].first);
		struct frame_out o;
		struct frame f;
		struct frame_cur c;
		size_t n;

		frame_out_init(&o, -1);
		pdf_styles_send_sum(&sum, i, &o);
		f = sent(&o);
		c = frame_open(&f);
		pdf_styles_init(&part);
		assert_true(pdf_styles_get(&part, &c));
		frame_out_fini(&o);
		pdf_styles_conclude(&part);
		assert_int_equal(part.pages, 40);
		assert_true(part.body > 10.9 && part.body < 11.1);
		assert_true(part.body == whole.body);
		assert_memory_equal(part.sizes, whole.sizes,
		    sizeof whole.sizes);
		assert_true(part.sizes[0] > 20);
		/* The running line is shown in the first part alone. */
		pdf_margins_drop(&page.page, &part);
		assert_int_equal(pdf_words(&page.page, &n)[0].n == 0, i == 1);
		assert_int_equal(n, 3);
		assert_true(pdf_words(&page.page, &n)[2].n > 0);
		sheet_fini(&page);
		pdf_styles_fini(&part);
	}
	pdf_styles_fini(&sum);
	pdf_styles_fini(&whole);
	share_fini(&s);
}

static void
offers_without_sense_are_refused(void **state UNUSED)
{
	static const uint32_t ranges[][2] = {{0, 10}, {5, 4}, {1, 2001},
	    {1, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}};
	struct share s = {0};
	struct pdf_styles st;
	uint32_t left;

	for (size_t i = 0; i < COUNT_OF(ranges); i++)
		assert_int_equal(plan(&s, ranges[i][0], ranges[i][1], 4, &left),
		    -1);
	learn(&st, 1, 10);
	assert_int_equal(hear(&s, 0, &st), -1); /* nothing is shared */
	assert_int_equal(plan(&s, 1, 40, 2, &left), 0);
	assert_int_equal(plan(&s, 1, 40, 2, &left), -1); /* twice */
	assert_int_equal(hear(&s, 0, &st), -1);          /* not its pages */
	assert_int_equal(hear(&s, 2, &st), -1);
	pdf_styles_fini(&st);
	share_fini(&s);
}

/* Cut or changed anywhere, a frame is refused or taken within limits. */
static void
styles_from_strangers(void **state UNUSED)
{
	struct pdf_styles st, got;
	struct frame_out o;
	struct frame f;
	struct frame_cur c;
	uint8_t *bytes;

	learn(&st, 1, 40);
	frame_out_init(&o, -1);
	pdf_styles_send(&st, &o);
	f = sent(&o);
	bytes = (uint8_t *)(uintptr_t)f.payload.p;
	pdf_styles_init(&got);
	for (size_t n = 0; n < f.payload.n; n++) {
		/* Whole lines may be missing: nobody counted them. */
		bool line = n >= 12 + 3 * 12 && (f.payload.n - n) % 16 == 0;

		c = (struct frame_cur){.p = bytes, .n = n};
		assert_true(!pdf_styles_get(&got, &c) || line);
	}
	for (int i = 0; i < 20000; i++) {
		uint32_t at;
		uint8_t was;

		rnd_bytes(&at, sizeof at);
		at %= (uint32_t)f.payload.n;
		was = bytes[at];
		rnd_bytes(&bytes[at], 1);
		c = (struct frame_cur){.p = bytes, .n = f.payload.n};
		if (pdf_styles_get(&got, &c))
			pdf_styles_conclude(&got);
		bytes[at] = was;
	}
	pdf_styles_fini(&got);
	pdf_styles_fini(&st);
	frame_out_fini(&o);
}

extern const struct CMUnitTest share_tests[];
extern const size_t share_tests_count;
const struct CMUnitTest share_tests[] = {
    cmocka_unit_test(every_page_is_somebodys),
    cmocka_unit_test(parts_learn_the_whole),
    cmocka_unit_test(offers_without_sense_are_refused),
    cmocka_unit_test(styles_from_strangers),
};
const size_t share_tests_count = COUNT_OF(share_tests);
