/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service program for the fleet's tests: fake_service NAME --socket PATH.
 * What it does depends on the name:
 *
 *   vision-ocr           works; its self-test takes 3 ms
 *   document-processing  says two lines and ends with status 3
 *   ner-extraction       its self-test fails
 *   notes-coa            its self-test answers something that is no JSON
 *   rag-embeddings       works, and ignores SIGTERM
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/defs.h"

static const char good[] = "HTTP/1.1 200 OK\r\nContent-Type: "
			   "application/json\r\nContent-Length: 18\r\n\r\n"
			   "{\"ok\":true,\"ms\":3}";
static const char bad[] =
    "HTTP/1.1 500 Internal Server Error\r\n"
    "Content-Length: 49\r\n\r\n"
    "{\"error\":{\"code\":\"x\",\"message\":\"no language "
    "en\"}}";

static const char odd[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{\"ok";

static int
listen_at(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	(void)unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
	    listen(fd, 8) != 0)
		exit(1);
	return fd;
}

/* Reads a head (the requests here have no body) and answers it. */
static void
answer(int fd, const char *text)
{
	char head[4096];
	size_t n = 0;

	while (n < sizeof head - 1) {
		ssize_t got = read(fd, head + n, sizeof head - 1 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
		head[n] = '\0';
		if (strstr(head, "\r\n\r\n") != NULL) {
			if (write(fd, text, strlen(text)) < 0)
				break;
			break;
		}
	}
	(void)close(fd);
}

int
main(int argc, char **argv)
{
	const char *text = good;
	int at;

	if (argc < 4 || strcmp(argv[2], "--socket") != 0)
		return 2;
	if (strcmp(argv[1], "document-processing") == 0) {
		(void)fprintf(stderr, "first\nlast words\n");
		return 3;
	}
	if (strcmp(argv[1], "ner-extraction") == 0)
		text = bad;
	if (strcmp(argv[1], "notes-coa") == 0)
		text = odd;
	if (strcmp(argv[1], "rag-embeddings") == 0)
		(void)signal(SIGTERM, SIG_IGN);
	at = listen_at(argv[3]);
	for (;;) {
		int fd = accept4(at, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			answer(fd, text);
	}
}
