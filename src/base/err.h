/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors.
 *
 * A function that can fail returns 0 or -1 (or a pointer / NULL) and takes a
 * `struct err *` as its last argument. On success *err is not touched. On
 * failure it is filled, once, by the function that saw the failure; callers
 * may add context with err_wrap(). err may be NULL when nobody cares why.
 *
 * The struct lives on the caller's stack: reporting an error never allocates.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/defs.h"

enum err_code {
#define ERR(name, wire, http, text) ERR_##name,
#include "base/err_codes.def"
#undef ERR
	ERR__COUNT
};

struct err {
	enum err_code code;
	int sys; /* errno, or 0 */
	char msg[240];
};

/* All of these return -1, so that a failure is one line:
 *     return err_set(err, ERR_NOT_FOUND, "no service '%s'", name); */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
    PRINTF(3, 4);
int err_sys(struct err *err, int errnum, const char *fmt, ...) PRINTF(3, 4);
int err_wrap(struct err *err, const char *fmt, ...) PRINTF(2, 3);

/* The code as clients see it: "not_found". */
const char *err_wire(enum err_code code);
int err_http_status(enum err_code code);

#endif
