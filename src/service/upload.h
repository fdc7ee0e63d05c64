/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document as it arrives: kept in memory that has no name, and in a file
 * without a name once it grows. A cell gets a read-only descriptor of it.
 */
#ifndef SERVICE_UPLOAD_H
#define SERVICE_UPLOAD_H

#include "base/err.h"
#include "base/str.h"

enum {
	UPLOAD_MAX = 200 * 1024 * 1024,  /* one document */
	UPLOAD_SPILL = 16 * 1024 * 1024, /* beyond it, on disk */
};

struct upload {
	int fd; /* -1: nothing yet */
	size_t n;
	bool spilled;
};

void upload_init(struct upload *u);
void upload_fini(struct upload *u);
/* ERR_TOO_BIG beyond UPLOAD_MAX; ERR_IO when the disk is full. */
int upload_add(struct upload *u, const void *p, size_t n, struct err *err)
    MUST_CHECK;
/* All is there: from now on it can be read only. Returns the descriptor, ours
 * still, or -1. */
int upload_seal(struct upload *u, struct err *err) MUST_CHECK;

#endif
