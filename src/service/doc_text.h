/* SPDX-License-Identifier: Apache-2.0 */
/* The light structure of plain text, for readers that meet some. */
#ifndef SERVICE_DOC_TEXT_H
#define SERVICE_DOC_TEXT_H

#include "service/doc.h"

/* Writes UTF-8 text as blocks into the innermost open container. */
void text_blocks(struct str utf8, struct doc *d);
/* Bytes of a bullet and the blanks behind it at the start of s, or 0. */
size_t text_bullet(struct str s);
/* Likewise for "12. " or "3) ". */
size_t text_number(struct str s, unsigned *value);

#endif
