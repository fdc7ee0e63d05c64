/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service as an HTTP program on a unix socket.
 *
 *     GET  /          what it is
 *     GET  /health    ready, starting or refused, and why
 *     POST /selftest  a tiny real document through a real cell
 *     POST /process   multipart/form-data with `file`, or the document itself
 *                     as the body (Content-Type, X-Filename)
 *
 * The host never looks into a document: it takes it in, hands a descriptor to
 * a cell (cell.h), checks what comes back (result.h) and answers.
 */
#ifndef SERVICE_HOST_H
#define SERVICE_HOST_H

#include "net/httpd.h"
#include "service/cell.h"

struct host;

struct host_conf {
	const struct service *service;
	const struct addr *at;
	unsigned cells;    /* at once; 0: as many as there are cores */
	unsigned requests; /* in all, running and waiting; 0: 64 */
	bool degraded;     /* HEARTH_SANDBOX=degraded */
	int zygote_fd;     /* from zygote_start() with host_zygote_conf() */
	const struct zygote_conf *zygote;
};

/* The profile that every shipped service runs its cells in. */
void host_profile(struct sandbox_profile *out, bool degraded);

/* Serves until SIGTERM or SIGINT (running documents are finished, at most 10
 * seconds), or until the zygote is lost. 0, or -1 with the reason. */
int host_run(const struct host_conf *conf, struct err *err);

#endif
