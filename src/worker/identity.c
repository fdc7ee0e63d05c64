/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/identity.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsx.h"
#include "base/rnd.h"

enum {
	PATH_LEN_MAX = 1024,
	SMALL_FILE_MAX = 256,
	SUFFIX_LEN = 6,
	/* A socket's path has 107 bytes, and a service's name behind it. */
	RUN_DIR_SHORT = 70,
};

static bool
read_line(const char *path, char *out, size_t cap)
{
	struct buf b = BUF_INIT(SMALL_FILE_MAX);
	bool ok;

	ok = fsx_read(path, &b, NULL) == 0 &&
	    str_copy(out, cap, str_trim(str_of(buf_cstr(&b))));
	buf_fini(&b);
	if (ok)
		out[strcspn(out, "\r\n")] = '\0';
	return ok;
}

/* "<host>-<6 random>": readable in lists, and never twice. */
static void
make_name(char *out, size_t cap)
{
	char host[64] = "", id[RND_ID_LEN + 1];

	if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
		(void)str_fmt(host, sizeof host, "worker");
	host[strcspn(host, ".")] = '\0';
	for (char *p = host; *p != '\0'; p++)
		if (isalnum((unsigned char)*p) == 0)
			*p = '-';
	rnd_id(id);
	(void)str_fmt(out, cap, "%s-%.*s", host, SUFFIX_LEN, id);
}

int
identity_name_ok(const char *name, struct err *err)
{
	if (wire_worker_id_ok(str_of(name)))
		return 0;
	return err_set(err, ERR_INVALID,
	    "'%s' is no name for a worker: 1 to %d letters, digits or . _ : @ "
	    "-",
	    name, WIRE_ID_MAX);
}

static int
find_name(struct identity *id, const char *data, const char *wanted,
    struct err *err)
{
	char path[PATH_LEN_MAX];

	if (wanted[0] != '\0') {
		if (identity_name_ok(wanted, err) != 0)
			return -1;
		(void)str_fmt(id->name, sizeof id->name, "%s", wanted);
		return 0;
	}
	(void)str_fmt(path, sizeof path, "%s/worker-id", data);
	if (read_line(path, id->name, sizeof id->name) &&
	    wire_worker_id_ok(str_of(id->name)))
		return 0;
	make_name(id->name, sizeof id->name);
	return fsx_write(path, str_of(id->name), 0600, err);
}

static int
take_lock(struct identity *id, const char *data, struct err *err)
{
	char path[PATH_LEN_MAX];
	struct err why = {0};

	(void)str_fmt(path, sizeof path, "%s/worker-%s.lock", data, id->name);
	id->lock_fd = fsx_lock(path, &why);
	if (id->lock_fd >= 0)
		return 0;
	if (why.code != ERR_CONFLICT)
		return err_set(err, why.code, "%s", why.msg);
	return err_set(err, ERR_CONFLICT,
	    "worker '%s' is running already on this machine; choose another "
	    "--worker-id, or another data folder with --data",
	    id->name);
}

/* Larger than any before, also after a lost data folder: then the clock is. */
static int
next_epoch(struct identity *id, const char *data, struct err *err)
{
	char path[PATH_LEN_MAX], text[32] = "";
	uint64_t last = 0, now = (uint64_t)clock_wall_ms();

	(void)str_fmt(path, sizeof path, "%s/worker-%s.epoch", data, id->name);
	if (!read_line(path, text, sizeof text) ||
	    !str_u64(str_of(text), &last))
		last = 0;
	id->epoch = MAX_OF(last + 1, now);
	(void)str_fmt(text, sizeof text, "%llu\n",
	    (unsigned long long)id->epoch);
	return fsx_write(path, str_of(text), 0600, err);
}

static int
make_run_dir(struct identity *id, const char *data, struct err *err)
{
	char *at = id->run_dir;

	if (str_fmt(at, sizeof id->run_dir, "%s/run/w-%s", data, id->name) &&
	    strlen(at) <= RUN_DIR_SHORT)
		return fsx_mkdirs(at, err);
	(void)str_fmt(at, sizeof id->run_dir,
	    "/tmp/hearth-XX"
	    "XX"
	    "XX");
	if (mkdtemp(at) == NULL)
		return err_set(err, ERR_IO,
		    "cannot make a folder for sockets below /tmp");
	return 0;
}

static int
open_all(struct identity *id, const char *data, const char *wanted,
    struct err *err)
{
	if (fsx_mkdirs(data, err) != 0 ||
	    find_name(id, data, wanted, err) != 0 ||
	    take_lock(id, data, err) != 0)
		return -1;
	if (next_epoch(id, data, err) != 0 ||
	    make_run_dir(id, data, err) != 0) {
		identity_close(id);
		return -1;
	}
	return 0;
}

int
identity_open(struct identity *id, const char *data, const char *wanted,
    struct err *err)
{
	struct err why = {0};

	*id = (struct identity){.lock_fd = -1};
	if (open_all(id, data, wanted, &why) == 0)
		return 0;
	if (why.code == ERR_CONFLICT || why.code == ERR_INVALID)
		return err_set(err, why.code, "%s", why.msg);
	return err_set(err, why.code,
	    "%s; choose another data folder with --data", why.msg);
}

void
identity_close(struct identity *id)
{
	if (id->run_dir[0] != '\0')
		(void)rmdir(id->run_dir);
	if (id->lock_fd >= 0)
		(void)close(id->lock_fd);
	id->lock_fd = -1;
}
