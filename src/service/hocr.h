/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hOCR 1.2: XHTML with a box and a confidence per word, as other tools read
 * it. One file is: head, any number of pages (each may come from another
 * cell), tail.
 * https://kba.github.io/hocr-spec/1.2/
 */
#ifndef SERVICE_HOCR_H
#define SERVICE_HOCR_H

#include "service/ocr.h"

bool hocr_head(struct buf *out, const char *langs);
bool hocr_page(struct buf *out, const struct ocr_page *page, unsigned number);
bool hocr_tail(struct buf *out);

#endif
