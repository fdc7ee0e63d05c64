/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sheet of cells on its way into a document, and numbers as a spreadsheet
 * program shows them. Cells are kept sparsely: a sheet with ink in its first
 * and its last corner costs two cells. What is written has no empty rows and
 * columns; rows of nothing part a sheet into several tables.
 */
#ifndef SERVICE_DOC_SHEET_H
#define SERVICE_DOC_SHEET_H

#include "service/doc.h"

struct sheet {
	struct buf cells;
	struct buf text;
};

void sheet_init(struct sheet *s, const struct doc_limits *limits);
void sheet_fini(struct sheet *s);
/* Rows and columns count from 0. Empty text is no cell. */
void sheet_add(struct sheet *s, uint32_t row, uint32_t col, struct str text);
/* The name as a heading, then its tables; the sheet is empty afterwards.
 * ERR_LIMIT when more was added than the limits allow. */
int sheet_put(struct sheet *s, struct str name, struct doc *d, struct err *err);

/* A number in an Excel format code ("#,##0.00;[Red]-#,##0.00",
 * "dd/mm/yyyy"); dates count from 1900, or 1904. */
void sheet_number(double v, struct str code, bool from1904, struct buf *out);
/* The code of a built-in format, by ECMA-376 part 1, 18.8.30, with the dates
 * and money of the United Kingdom. "General" for others. */
struct str sheet_builtin(unsigned id);

#endif
