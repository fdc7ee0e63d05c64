/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sse_load URL STREAMS SECONDS: opens that many event streams (see
 * link_end.c) and prints how long events took from sending to arrival, as one
 * line of JSON: {"median_us","p99_us","events","held_back"}. held_back counts
 * events that arrived in one read with a later one of the same stream.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 256
};

struct stream {
	int fd;
	size_t n;
	char line[LINE_MAX_BYTES];
};

struct totals {
	int64_t *took_ns;
	size_t n, cap, held_back;
};

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
event(struct totals *t, int64_t sent, int64_t at)
{
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 4096 : 2 * t->cap;
		t->took_ns = realloc(t->took_ns, t->cap * sizeof(int64_t));
		if (t->took_ns == NULL)
			abort();
	}
	t->took_ns[t->n++] = at - sent;
}

/* Chunk sizes and head lines are skipped: only "data: " lines count. */
static void
take(struct stream *s, struct totals *t, const char *p, size_t n, int64_t at)
{
	size_t events = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n') {
			if (s->n < sizeof(s->line) - 1)
				s->line[s->n++] = p[i];
			continue;
		}
		s->line[s->n] = '\0';
		if (strncmp(s->line, "data: ", 6) == 0) {
			event(t, strtoll(s->line + 6, NULL, 10), at);
			events++;
		}
		s->n = 0;
	}
	if (events > 1)
		t->held_back += events - 1;
}

static int
dial(const char *host, int port, const char *path)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port)};
	char request[1024];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int n = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: %s:%d\r\n\r\n", path, host, port);

	if (fd < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
	    write(fd, request, (size_t)n) != n) {
		perror("sse_load");
		exit(1);
	}
	return fd;
}

static int
by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void
run(int ep, struct totals *t, int64_t until)
{
	struct epoll_event ready[64];
	char buf[16384];

	while (now_ns() < until) {
		int n = epoll_wait(ep, ready, 64, 100);

		for (int i = 0; i < n; i++) {
			struct stream *s = ready[i].data.ptr;
			ssize_t got = read(s->fd, buf, sizeof(buf));
			int64_t at = now_ns();

			if (got > 0)
				take(s, t, buf, (size_t)got, at);
			else
				(void)epoll_ctl(ep, EPOLL_CTL_DEL, s->fd, NULL);
		}
	}
}

int
main(int argc, char **argv)
{
	struct totals t = {0};
	struct stream *all;
	char host[64], path[512];
	int port = 0, ep, count;

	if (argc != 4 ||
	    sscanf(argv[1], "http://%63[0-9.]:%d%511s", host, &port, path) !=
		3) {
		fprintf(stderr, "usage: sse_load URL STREAMS SECONDS\n");
		return 2;
	}
	count = (int)strtol(argv[2], NULL, 10);
	all = calloc((size_t)count, sizeof(*all));
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (all == NULL || ep < 0)
		return 1;
	for (int i = 0; i < count; i++) {
		struct epoll_event e = {.events = EPOLLIN};

		e.data.ptr = &all[i];
		all[i].fd = dial(host, port, path);
		(void)epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, &e);
	}
	run(ep, &t, now_ns() + strtoll(argv[3], NULL, 10) * 1000000000);
	if (t.n == 0) {
		fprintf(stderr, "sse_load: no event came\n");
		return 1;
	}
	qsort(t.took_ns, t.n, sizeof(int64_t), by_time);
	printf("{\"median_us\":%.1f,\"p99_us\":%.1f,\"events\":%zu,"
	       "\"held_back\":%zu}\n",
	    (double)t.took_ns[t.n / 2] / 1000,
	    (double)t.took_ns[t.n * 99 / 100] / 1000, t.n, t.held_back);
	return 0;
}
