/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The warm process that cells are forked from.
 *
 * It is forked itself before the host has a loop, a client or a document, so
 * that a cell inherits none of these: nothing of another request is in its
 * memory. It loads what the service needs (languages), wipes its environment,
 * and then only obeys the host over one socket pair: start a cell with two
 * descriptors, kill a cell. It tells the host when it is ready and how each
 * cell ended. It dies with the host, the cells die with it.
 */
#ifndef SERVICE_ZYGOTE_H
#define SERVICE_ZYGOTE_H

#include <sys/types.h>

#include "proc/sandbox.h"
#include "service/service.h"

struct zygote_conf {
	const struct service *service;
	struct sandbox_profile sandbox;
};

enum zygote_op {
	ZYGOTE_READY = 1, /* sandbox tried, service warm; layers in `status` */
	ZYGOTE_FAILED,    /* it cannot work: code, text; it goes on to say so */
	ZYGOTE_START,     /* host: id, job, and [input, output] descriptors */
	ZYGOTE_KILL,      /* host: id */
	ZYGOTE_ENDED,     /* id, status as of waitpid(), usage */
	ZYGOTE_REFUSED,   /* id, code, text: the cell was not started */
};

struct zygote_ask {
	uint32_t op;
	uint32_t id;
	struct service_job job;
};

struct zygote_say {
	uint32_t op;
	uint32_t id;
	int32_t status;
	uint32_t code; /* enum err_code */
	int64_t cpu_us;
	int64_t rss_kb; /* largest */
	char text[240];
};

/* Forks it. Returns our end of the socket pair (SOCK_SEQPACKET, close on
 * exec), or -1. *pid may be NULL. */
int zygote_start(const struct zygote_conf *conf, pid_t *pid, struct err *err);

int zygote_send_start(int fd, uint32_t id, const struct service_job *job,
    int input, int output, struct err *err);
int zygote_send_kill(int fd, uint32_t id);
/* 1: *say was filled, 0: nothing there now, -1: the zygote is gone. */
int zygote_receive(int fd, struct zygote_say *say);

#endif
