/* SPDX-License-Identifier: Apache-2.0 */
/*
 * far_end PORT: an HTTP/1.1 server on 127.0.0.1 that answers as answers.h
 * says: what stands behind the peers, which speak no HTTP/2 to their back
 * ends, and what a figure without any proxy is taken from.
 */
#include <stdio.h>

#include "answers.h"
#include "base/mem.h"
#include "net/httpd.h"

int
main(int argc, char **argv)
{
	struct loop *l = loop_new();
	const struct httpd_conf conf = {.on_request = answer_request,
	    .owner = l};
	struct addr at;
	struct err err;
	char *text;

	if (argc != 2) {
		fprintf(stderr, "usage: far_end PORT\n");
		return 2;
	}
	text = xasprintf("127.0.0.1:%s", argv[1]);
	if (addr_parse(str_of(text), &at, &err) < 0 ||
	    httpd_new(l, &at, &conf, &err) == NULL) {
		fprintf(stderr, "far_end: %s\n", err.msg);
		return 1;
	}
	loop_run(l);
	return 0;
}
