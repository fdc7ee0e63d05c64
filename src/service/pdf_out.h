/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searchable PDF: the page image with its text as an invisible layer.
 *
 * A file is built in two steps, so that pages may come from several cells.
 * In the cell, pdf_page() writes a self-contained *page blob*: the objects of
 * one page, numbered from 1. In the parent, pdf_join() renumbers any number
 * of blobs in order and adds the catalogue, the page tree, the font and the
 * cross-reference table. A blob is checked as strictly as any other bytes
 * from a cell.
 *
 * Format: ISO 32000-1. The text layer uses render mode 3 and one Type 0 font
 * without glyphs, whose ToUnicode map makes copied text right.
 */
#ifndef SERVICE_PDF_OUT_H
#define SERVICE_PDF_OUT_H

#include "service/ocr.h"

/* One page. `source` is the file the image came from when it was a JPEG that
 * may be put into the PDF as it is (else NULL, 0: the decoded image is packed
 * again). False when `out` is full or the image cannot be packed. */
bool pdf_page(struct buf *out, const struct image *im,
    const struct ocr_page *page, const void *source, size_t n);

/* A whole file from `count` blobs. False when `out` is full or a blob is not
 * one of ours. */
bool pdf_join(struct buf *out, const struct str *blobs, size_t count);

#endif
