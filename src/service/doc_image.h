/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page images as documents: what a reader of PDF or TIFF calls for a page
 * that is a picture.
 */
#ifndef SERVICE_DOC_IMAGE_H
#define SERVICE_DOC_IMAGE_H

#include "service/doc.h"
#include "service/image.h"
#include "service/ocr.h"

/* Puts what was read into the document: paragraphs, headings, lists, tables
 * and doc_page_read() with method ocr, or none with the problem "blank page".
 * The page mark itself (doc_page()) is the caller's. */
void doc_image_put(struct doc *d, const struct ocr_page *page);

/* Reads `im` with `o` and puts it. Without an `o` the page is marked as not
 * read ("no OCR available") and 0 is returned. */
int doc_image_read(struct doc *d, struct ocr *o, const struct image *im,
    struct err *err) MUST_CHECK;

#endif
