/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multipart/form-data (RFC 7578, RFC 2046 5.1) as it arrives: bytes go in,
 * part heads and part bytes come out, nothing is held back but a partial
 * delimiter. A pure parser without memory of its own beyond this struct.
 *
 * Strict where two readers could disagree: CRLF only, no folded header, one
 * Content-Disposition, nothing but blanks behind a delimiter, and the closing
 * delimiter must come.
 */
#ifndef SERVICE_MULTIPART_H
#define SERVICE_MULTIPART_H

#include "base/err.h"
#include "base/str.h"

enum {
	MULTIPART_BOUNDARY_MAX = 70,
	MULTIPART_HEAD_MAX = 8 * 1024, /* header bytes of one part */
	MULTIPART_PARTS_MAX = 64,
	MULTIPART_PREAMBLE_MAX = 8 * 1024,
	MULTIPART_NAME_MAX = 256,
};

struct multipart_part {
	struct str name;     /* of the form field */
	struct str filename; /* as sent; empty when it is no file */
	bool is_file;        /* a filename was given, perhaps an empty one */
	struct str type;     /* Content-Type, or empty */
};

struct multipart_sink {
	/* The part is borrowed during the call. All return 0, or -1 with
	 * *err to stop. */
	int (*on_part)(void *owner, const struct multipart_part *part,
	    struct err *err);
	int (*on_data)(void *owner, const void *p, size_t n, struct err *err);
	int (*on_part_end)(void *owner, struct err *err);
};

struct multipart {
	int state;
	char delim[MULTIPART_BOUNDARY_MAX + 5]; /* CR LF "--" boundary */
	size_t delim_n;
	size_t match; /* bytes of delim seen */
	size_t parts;
	size_t skipped; /* of the preamble */
	char head[MULTIPART_HEAD_MAX];
	size_t head_n;
	size_t line; /* where the header line being read begins */
	const struct multipart_sink *sink;
	void *owner;
};

/* From a Content-Type value: is it multipart/form-data, and with which
 * boundary? ERR_UNSUPPORTED for another type, ERR_INVALID for a bad one. */
int multipart_init(struct multipart *m, struct str content_type,
    const struct multipart_sink *sink, void *owner, struct err *err) MUST_CHECK;
int multipart_feed(struct multipart *m, const void *bytes, size_t n,
    struct err *err) MUST_CHECK;
/* All bytes came: was the form complete? */
int multipart_finish(const struct multipart *m, struct err *err) MUST_CHECK;

/* The value of a parameter of a header such as Content-Disposition, unquoted
 * into out of `cap` bytes. 1: found, 0: absent, -1: malformed or too long. */
int multipart_param(struct str header, const char *want, char *out, size_t cap,
    struct str *value);

#endif
