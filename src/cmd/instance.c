/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fsx.h"
#include "base/mem.h"

const char *
instance_log(struct config *c)
{
	return config_path(c, "log/hearth.log");
}

static int
make_folders(struct config *c, struct err *err)
{
	if (fsx_mkdirs(config_path(c, "run"), err) < 0 ||
	    fsx_mkdirs(config_path(c, "log"), err) < 0)
		return err_wrap(err,
		    "cannot use the data folder (choose "
		    "another with --data)");
	return 0;
}

int
instance_name(int lock, const struct instance *who, struct err *err)
{
	char text[200];
	ssize_t n;

	(void)str_fmt(text, sizeof text, "%d %s\n", (int)who->pid, who->url);
	n = (ssize_t)strlen(text);
	if (ftruncate(lock, 0) < 0 || pwrite(lock, text, (size_t)n, 0) != n)
		return err_sys(err, errno,
		    "cannot use the data folder (choose another with --data): "
		    "write the lock file");
	return 0;
}

int
instance_claim(struct config *c, const struct instance *me, struct err *err)
{
	const char *path = config_path(c, "run/up.lock");
	int fd;

	if (make_folders(c, err) < 0)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "cannot open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		(void)close(fd);
		return err_set(err, ERR_CONFLICT, "already running");
	}
	if (instance_name(fd, me, err) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

bool
instance_find(struct config *c, struct instance *out)
{
	int fd CLEANUP(
	    closep) = open(config_path(c, "run/up.lock"), O_RDONLY | O_CLOEXEC);
	char text[200] = "";
	struct str rest, pid;
	uint64_t number;
	ssize_t n;

	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		return false;
	n = read(fd, text, sizeof text - 1);
	rest = (struct str){text, n > 0 ? (size_t)n : 0};
	rest = str_cut(&rest, '\n');
	pid = str_cut(&rest, ' ');
	if (!str_u64(pid, &number) || number == 0 || number > INT32_MAX)
		return false;
	out->pid = (pid_t)number;
	(void)str_copy(out->url, sizeof out->url, rest);
	return true;
}

int
instance_stop(const struct instance *i, int ms, struct err *err)
{
	int fd CLEANUP(closep) = (int)syscall(SYS_pidfd_open, i->pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	if (fd < 0 && errno == ESRCH)
		return 0;
	if (fd < 0)
		return err_sys(err, errno, "cannot watch process %d",
		    (int)i->pid);
	if (syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) < 0)
		return err_sys(err, errno, "cannot signal process %d",
		    (int)i->pid);
	if (poll(&p, 1, ms) <= 0)
		return err_set(err, ERR_TIMEOUT,
		    "process %d did not stop within %d s", (int)i->pid,
		    ms / 1000);
	return 0;
}
