/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

static int
start(const char *const *argv, int out_fd, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY,
	    0);
	(void)posix_spawn_file_actions_adddup2(&files, out_fd, 1);
	(void)posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY,
	    0);
	(void)posix_spawn_file_actions_addclosefrom_np(&files, 3);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setpgroup(&attr, 0);
	(void)posix_spawnattr_setflags(&attr,
	    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawn(pid, argv[0], &files, &attr,
	    /* NOLINTNEXTLINE(performance-no-int-to-ptr): only drops const */
	    (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	return rc;
}

/* Reads until the tool closes its output; false when time is up. */
static bool
read_all(int fd, int64_t until_ms, struct buf *out)
{
	char chunk[4096];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = until_ms - clock_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return false;
		n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		(void)buf_add(out, chunk, (size_t)n);
	}
}

int
capture_run(const char *const *argv, int64_t timeout_ms, struct buf *out,
    struct err *err)
{
	int fds[2], rc, status = 0;
	bool in_time;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_sys(err, errno, "opening a pipe for '%s'", argv[0]);
	rc = start(argv, fds[1], &pid);
	(void)close(fds[1]);
	if (rc != 0) {
		(void)close(fds[0]);
		return err_sys(err, rc, "starting '%s'", argv[0]);
	}
	in_time = read_all(fds[0], clock_ms() + timeout_ms, out);
	(void)close(fds[0]);
	if (!in_time)
		(void)kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!in_time)
		return err_set(err, ERR_TIMEOUT, "'%s' took too long", argv[0]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(err, ERR_PEER, "'%s' failed", argv[0]);
	return 0;
}

bool
capture_find(const char *name, char *out, size_t cap)
{
	/* Nobody changes the environment after the start. */
	const char *path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe) */
	struct str rest = str_of(path != NULL ? path : "/usr/bin:/bin");

	while (rest.p != NULL) {
		struct str dir = str_cut(&rest, ':');

		if (dir.n > 0 && dir.p[0] == '/' &&
		    str_fmt(out, cap, "%.*s/%s", STR_ARG(dir), name) &&
		    access(out, X_OK) == 0)
			return true;
	}
	return false;
}
