/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A long document read by several cells at once: which pages are whose, and
 * what they have to know of each other before they lay them out.
 *
 *   first cell   FRAME_SHARE ->        <- FRAME_SHARE (what is left to it)
 *   every cell   FRAME_STYLES ->       <- FRAME_STYLES (the sum), once all
 *                                         have spoken
 *
 * Only numbers and hashes pass through here; the cells' frames are checked.
 */
#ifndef SERVICE_SHARE_H
#define SERVICE_SHARE_H

#include "service/doc_pdf_styles.h"
#include "service/result.h"

struct share {
	unsigned parts; /* 0: nothing is shared */
	unsigned said;  /* parts that told what they learnt */
	struct share_part {
		uint32_t first, last;
		bool said;
		struct pdf_styles styles;
	} part[RESULT_PARTS_MAX];
};

void share_fini(struct share *s);

/* The first cell offers pages, and so many cells could read at once. *first to
 * *last is left to it; when these are all of them, s->parts stays 0. */
int share_plan(struct share *s, const struct frame *f, unsigned cells,
    uint32_t *first, uint32_t *last, struct err *err) MUST_CHECK;
/* What a part learnt. */
int share_hear(struct share *s, unsigned part, const struct frame *f,
    struct err *err) MUST_CHECK;
/* Once s->said == s->parts: adds up what all learnt. */
void share_sum(const struct share *s, struct pdf_styles *sum);

#endif
