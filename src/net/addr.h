/* SPDX-License-Identifier: Apache-2.0 */
/* Where to listen or dial: "127.0.0.1:8080", "[::1]:8080", "unix:/run/x". */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"

struct addr {
	struct sockaddr_storage sa;
	socklen_t len;
};

enum {
	ADDR_TEXT_MAX = 128
};

/* Numeric addresses and unix paths only: never a name lookup. A leading '@'
 * of a unix path is refused (no abstract sockets). */
int addr_parse(struct str text, struct addr *out, struct err *err) MUST_CHECK;
char *addr_text(const struct addr *a, char *out); /* ADDR_TEXT_MAX bytes */
bool addr_is_unix(const struct addr *a);
bool addr_is_loopback(const struct addr *a); /* unix sockets count */
uint16_t addr_port(const struct addr *a);    /* 0 for unix */

#endif
