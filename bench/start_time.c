/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start_time PORT PATH PROGRAM [ARG...]: runs the program, asks
 * http://127.0.0.1:PORT/PATH until it answers 200, and prints the microseconds
 * from fork to answer. The program is then stopped.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
answers(const struct sockaddr_in *to, const char *path)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[512];
	ssize_t n = -1;

	if (connect(fd, (const void *)to, sizeof *to) == 0) {
		(void)snprintf(text, sizeof text,
		    "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
		if (write(fd, text, strlen(text)) > 0)
			n = read(fd, text, sizeof text);
	}
	(void)close(fd);
	return n > 12 && memcmp(text + 9, "200", 3) == 0;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	const struct timespec pause = {0, 100 * 1000};
	long long began;
	pid_t pid;

	if (argc < 4)
		return 2;
	to.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	began = now_us();
	pid = fork();
	if (pid == 0) {
		(void)execv(argv[3], argv + 3);
		_exit(127);
	}
	while (!answers(&to, argv[2])) {
		if (now_us() - began > 10 * 1000 * 1000)
			return 1;
		(void)nanosleep(&pause, NULL);
	}
	(void)printf("%lld\n", now_us() - began);
	(void)kill(pid, SIGTERM);
	(void)waitpid(pid, NULL, 0);
	return 0;
}
