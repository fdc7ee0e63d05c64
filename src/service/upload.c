/* SPDX-License-Identifier: Apache-2.0 */
#include "service/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rnd.h"

void
upload_init(struct upload *u)
{
	*u = (struct upload){.fd = -1};
}

void
upload_fini(struct upload *u)
{
	closep(&u->fd);
	u->fd = -1;
}

/* A file that has no name (any more). */
static int
nameless_file(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets any */
	const char *env = getenv("TMPDIR");
	const char *dir = env != NULL && env[0] == '/' ? env : "/tmp";
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[512];
	char id[RND_ID_LEN + 1];

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	rnd_id(id);
	if (!str_fmt(path, sizeof(path), "%s/hearth-%s", dir, id))
		return -1;
	fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

static int
spill(struct upload *u, struct err *err)
{
	int to = nameless_file();
	off_t at = 0;

	if (to < 0)
		return err_sys(err, errno, "cannot keep the upload on disk");
	while ((size_t)at < u->n) {
		ssize_t n = sendfile(to, u->fd, &at, u->n - (size_t)at);

		if (n <= 0) {
			(void)close(to);
			return err_sys(err, errno,
			    "cannot keep the upload on disk");
		}
	}
	(void)close(u->fd);
	u->fd = to;
	u->spilled = true;
	return 0;
}

int
upload_add(struct upload *u, const void *p, size_t n, struct err *err)
{
	const char *at = p;

	if (n > UPLOAD_MAX - u->n)
		return err_set(err, ERR_TOO_BIG,
		    "a document may have at most %d MiB", UPLOAD_MAX >> 20);
	if (u->fd < 0)
		u->fd = memfd_create("document", MFD_CLOEXEC);
	if (u->fd < 0)
		return err_sys(err, errno, "cannot keep the upload");
	if (!u->spilled && u->n + n > UPLOAD_SPILL && spill(u, err) != 0)
		return -1;
	while (n > 0) {
		ssize_t done = pwrite(u->fd, at, n, (off_t)u->n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return err_sys(err, errno, "cannot keep the upload");
		at += done;
		n -= (size_t)done;
		u->n += (size_t)done;
	}
	return 0;
}

int
upload_seal(struct upload *u, struct err *err)
{
	char path[64];
	int fd;

	if (u->fd < 0 || u->n == 0)
		return err_set(err, ERR_EMPTY, "the document is empty");
	(void)str_fmt(path, sizeof(path), "/proc/self/fd/%d", u->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot read the upload");
	(void)close(u->fd);
	u->fd = fd;
	return fd;
}
