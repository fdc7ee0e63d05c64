/* SPDX-License-Identifier: Apache-2.0 */
/* See share.h. */
#include "service/share.h"

enum {
	EACH = 4,       /* pages at least, or a cell is not worth its start */
	HEAD_START = 2, /* pages that the first cell reads until others run */
};

void
share_fini(struct share *s)
{
	for (size_t i = 0; i < s->parts; i++)
		pdf_styles_fini(&s->part[i].styles);
	s->parts = 0;
}

static int
liar(struct err *err)
{
	return err_set(err, ERR_CRASHED,
	    "the document reader broke its protocol (share)");
}

/* Even shares, but the first is larger. */
static void
divide(struct share *s, uint32_t first, uint32_t last, unsigned parts)
{
	uint32_t pages = last - first + 1, at = first;

	s->parts = parts;
	for (unsigned i = 0; i < parts; i++) {
		struct share_part *p = &s->part[i];
		uint32_t n = (pages - HEAD_START) / parts;

		if (i < (pages - HEAD_START) % parts)
			n++;
		*p = (struct share_part){.first = at};
		at += n + (i == 0 ? HEAD_START : 0);
		p->last = at - 1;
		pdf_styles_init(&p->styles);
	}
}

int
share_plan(struct share *s, const struct frame *f, unsigned cells,
    uint32_t *first, uint32_t *last, struct err *err)
{
	struct frame_cur c = frame_open(f);
	unsigned parts;

	*first = frame_u32(&c);
	*last = frame_u32(&c);
	if (!frame_done(&c) || s->parts > 0 || *first == 0 || *last < *first ||
	    *last - *first >= RESULT_PAGES_MAX || *last > INT32_MAX)
		return liar(err);
	parts = MIN_OF(MIN_OF(cells, RESULT_PARTS_MAX),
	    (*last - *first + 1) / EACH);
	if (parts > 1) {
		divide(s, *first, *last, parts);
		*last = s->part[0].last;
	}
	return 0;
}

int
share_hear(struct share *s, unsigned part, const struct frame *f,
    struct err *err)
{
	struct frame_cur c = frame_open(f);
	struct share_part *p = &s->part[part];

	if (part >= s->parts || p->said || !pdf_styles_get(&p->styles, &c) ||
	    p->styles.pages != p->last - p->first + 1)
		return liar(err);
	p->said = true;
	s->said++;
	return 0;
}

void
share_sum(const struct share *s, struct pdf_styles *sum)
{
	pdf_styles_init(sum);
	for (unsigned i = 0; i < s->parts; i++)
		pdf_styles_add(sum, &s->part[i].styles, i);
}
