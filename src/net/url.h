/* SPDX-License-Identifier: Apache-2.0 */
/* An http URL in its parts: one parser for everybody who checks or dials. */
#ifndef NET_URL_H
#define NET_URL_H

#include "base/err.h"
#include "base/str.h"

enum {
	URL_HOST_MAX = 256,
	URL_BASE_MAX = 1024,
};

struct url {
	char host[URL_HOST_MAX]; /* name or number, without brackets */
	uint16_t port;
	char authority[URL_HOST_MAX + 16]; /* as the Host field says it */
	char base[URL_BASE_MAX]; /* "" or "/path", no '/' at its end */
};

/* "http://host[:port][/path]". No user, query or fragment. ERR_UNSUPPORTED for
 * https, else ERR_INVALID; the sentence names the text. */
int url_parse(struct str text, struct url *out, struct err *err) MUST_CHECK;

#endif
