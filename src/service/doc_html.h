/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTML as a part of other documents: the body of a message, the chapter of a
 * book.
 */
#ifndef SERVICE_DOC_HTML_H
#define SERVICE_DOC_HTML_H

#include "service/doc.h"

/* Adds what a reader of this page would see to `d`. The text is UTF-8,
 * whatever it says of itself. `with_meta` takes title, author and language as
 * the document's. ERR_LIMIT: nested too deeply. */
int doc_html_add(struct doc *d, struct str utf8, bool with_meta,
    struct err *err) MUST_CHECK;
/* What the page says its encoding is, in `out`; empty when it does not. */
void doc_html_charset(struct str bytes, char *out, size_t cap);

#endif
