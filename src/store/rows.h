/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is persisted, as plain structs. Strings are borrowed: from the caller
 * when written, from the store during the callback when read.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "base/str.h"

/* A worker that registered. JSON members are texts in compact form. */
struct row_worker {
	struct str id;
	struct str url;          /* "" = by link only */
	struct str capabilities; /* JSON object */
	struct str services;     /* JSON list, as it sent them */
	struct str containers;   /* JSON list */
	struct str version;
	bool link;
	uint64_t epoch;
	uint32_t assigned; /* set of services */
	int64_t registered_wall_ms;
	int64_t seen_wall_ms; /* when it was last written, for people */
};

#endif
