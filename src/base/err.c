/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *wire;
	int http;
} codes[ERR__COUNT] = {
#define ERR(name, wire_, http_, text_) \
	[ERR_##name] = {.wire = (wire_), .http = (http_)},
#include "base/err_codes.def"
#undef ERR
};

const char *
err_wire(enum err_code code)
{
	return (unsigned)code < ERR__COUNT ? codes[code].wire
					   : "internal_error";
}

int
err_http_status(enum err_code code)
{
	return (unsigned)code < ERR__COUNT ? codes[code].http : 500;
}

int
err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return -1;
	err->code = code;
	err->sys = 0;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_code
code_from_errno(int errnum)
{
	switch (errnum) {
	case ENOMEM:
		return ERR_NOMEM;
	case ENOENT:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	default:
		return ERR_IO;
	}
}

int
err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	char head[160];
	char text[64];
	/* GNU strerror_r(): may or may not use the buffer. */
	const char *why = errnum == ENOSPC || errnum == EDQUOT
	    ? "the disk is full; free some space"
	    : strerror_r(errnum, text, sizeof text);
	va_list ap;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(head, sizeof head, fmt, ap);
	va_end(ap);
	(void)err_set(err, code_from_errno(errnum), "%s: %s", head, why);
	err->sys = errnum;
	return -1;
}

int
err_wrap(struct err *err, const char *fmt, ...)
{
	char tail[sizeof err->msg];
	va_list ap;
	size_t used;

	if (err == NULL)
		return -1;
	memcpy(tail, err->msg, sizeof tail);
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	used = strlen(err->msg); /* the context survives; the tail may be cut */
	(void)snprintf(err->msg + used, sizeof err->msg - used, ": %s", tail);
	return -1;
}
