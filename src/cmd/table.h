/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns for listings. Cells are copied; control bytes become '?'. */
#ifndef CMD_TABLE_H
#define CMD_TABLE_H

#include <stdio.h>

#include "base/arena.h"

enum {
	TABLE_COLUMNS_MAX = 8
};

struct table {
	struct arena arena;
	size_t columns;
	const char **cells; /* rows x columns, the header first */
	size_t at;          /* cells filled */
	size_t cap;
};

/* The titles, separated by '|': "NAME|TYPE|STATE". */
void table_init(struct table *t, const char *titles);
void table_fini(struct table *t);
void table_cell(struct table *t, const char *fmt, ...) PRINTF(2, 3);
void table_print(const struct table *t, FILE *out);

#endif
