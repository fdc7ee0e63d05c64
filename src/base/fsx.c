/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fsx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

int
fsx_mkdirs(const char *path, struct err *err)
{
	CLEANUP(freep) char *p = xstrdup(path);
	struct stat st;

	for (char *at = p; *at != '\0'; at++) {
		if (*at != '/' || at == p)
			continue;
		*at = '\0';
		if (mkdir(p, 0700) < 0 && errno != EEXIST)
			return err_sys(err, errno, "make folder '%s'", p);
		*at = '/';
	}
	if (mkdir(p, 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make folder '%s'", p);
	if (stat(p, &st) < 0)
		return err_sys(err, errno, "look at folder '%s'", p);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_IO, "'%s' is not a folder", p);
	return 0;
}

static int
write_all(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return 0;
}

static int
sync_folder_of(const char *path)
{
	CLEANUP(freep) char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	CLEANUP(closep) int fd = -1;

	if (slash == dir)
		slash[1] = '\0';
	else if (slash != NULL)
		*slash = '\0';
	fd = open(slash != NULL ? dir : ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

int
fsx_write(const char *path, struct str bytes, unsigned mode, struct err *err)
{
	CLEANUP(freep)
	char *tmp = xasprintf("%s.%ld.tmp", path, (long)getpid());
	CLEANUP(closep)
	int fd = open(tmp,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	int e;

	if (fd < 0)
		return err_sys(err, errno, "write '%s'", path);
	if (write_all(fd, bytes) == 0 && fsync(fd) == 0 &&
	    rename(tmp, path) == 0 && sync_folder_of(path) == 0)
		return 0;
	e = errno;
	(void)unlink(tmp);
	return err_sys(err, e, "write '%s'", path);
}

int
fsx_read(const char *path, struct buf *b, struct err *err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "no file '%s'", path);
	if (fd < 0)
		return err_sys(err, errno, "open '%s'", path);
	for (;;) {
		char chunk[16 * 1024];
		ssize_t n = read(fd, chunk, sizeof chunk);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read '%s'", path);
		if (n == 0)
			return 0;
		if (!buf_add(b, chunk, (size_t)n))
			return err_set(err, ERR_TOO_BIG,
			    "'%s' has more than %zu bytes", path, b->max);
	}
}

int
fsx_lock(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char text[32];

	if (fd < 0)
		return err_sys(err, errno, "open lock file '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n = pread(fd, text, sizeof text - 1, 0);

		text[n > 0 ? n : 0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		(void)close(fd);
		return err_set(err, ERR_CONFLICT,
		    "'%s' is held by another process (%s)", path,
		    text[0] != '\0' ? text : "unknown");
	}
	(void)str_fmt(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text, strlen(text), 0);
	return fd;
}
