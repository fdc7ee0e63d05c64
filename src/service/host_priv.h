/* SPDX-License-Identifier: Apache-2.0 */
/* What host.c and request.c share; for these two alone. */
#ifndef SERVICE_HOST_PRIV_H
#define SERVICE_HOST_PRIV_H

#include "service/host.h"

struct request;

struct host {
	unsigned magic;
#define HOST_MAGIC 0x4057a11eu
	struct loop *loop;
	const struct host_conf *conf;
	unsigned cells_max, requests_max;
	struct cells *cells;
	struct httpd *httpd;
	bool ready;
	unsigned layers;
	struct err refused; /* why no document is read; code 0: they are */
	bool lost;          /* the zygote is gone */
	bool stopping;
	unsigned active;
	uint64_t done, failed;
	TAILQ_HEAD(, request) requests;
};

/* POST /process: takes the stream. */
void request_start(struct host *h, struct stream *s,
    const struct http_head *head);
/* POST /selftest: takes the stream. */
void request_selftest(struct host *h, struct stream *s);

#endif
