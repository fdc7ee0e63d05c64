/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/sysread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "worker/detect.h"

enum {
	ENTRIES_MAX = 1024
};

static bool
full_path(const struct probe_env *env, const char *path, char *out)
{
	return str_fmt(out, SYS_PATH_MAX, "%s%s", env->root, path);
}

bool
sys_read(const struct probe_env *env, const char *path, char *out, size_t cap)
{
	char full[SYS_PATH_MAX];
	size_t n = 0;
	ssize_t got = 0;
	int fd;

	if (!full_path(env, path, full))
		return false;
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	while (n < cap - 1) {
		got = read(fd, out + n, cap - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	(void)close(fd);
	out[n] = '\0';
	return got >= 0;
}

bool
sys_word(const struct probe_env *env, const char *path, char *out, size_t cap)
{
	char text[1024];
	struct str rest;

	if (!sys_read(env, path, text, sizeof text))
		return false;
	rest = str_of(text);
	return str_copy(out, cap, str_trim(str_cut(&rest, '\n')));
}

bool
sys_u64(const struct probe_env *env, const char *path, uint64_t *out)
{
	char word[64];

	return sys_word(env, path, word, sizeof word) &&
	    str_u64(str_of(word), out);
}

bool
sys_hex(const struct probe_env *env, const char *path, unsigned *out)
{
	char word[64];
	char *end;
	unsigned long v;

	if (!sys_word(env, path, word, sizeof word) || word[0] == '\0')
		return false;
	v = strtoul(word, &end, 16);
	if (*end != '\0' || v > UINT32_MAX)
		return false;
	*out = (unsigned)v;
	return true;
}

bool
sys_exists(const struct probe_env *env, const char *path)
{
	char full[SYS_PATH_MAX];

	return full_path(env, path, full) && access(full, F_OK) == 0;
}

bool
sys_link_name(const struct probe_env *env, const char *path, char *out,
    size_t cap)
{
	char full[SYS_PATH_MAX];
	char to[SYS_PATH_MAX];
	ssize_t n;
	char *slash;

	if (!full_path(env, path, full))
		return false;
	n = readlink(full, to, sizeof to - 1);
	if (n < 0)
		return false;
	to[n] = '\0';
	slash = strrchr(to, '/');
	return str_copy(out, cap, str_of(slash != NULL ? slash + 1 : to));
}

static int
by_name(const void *a, const void *b)
{
	const char *const *left = a;
	const char *const *right = b;

	return strcmp(*left, *right);
}

void
sys_each(const struct probe_env *env, const char *path,
    void (*each)(void *arg, const char *name), void *arg)
{
	char full[SYS_PATH_MAX];
	char **names;
	size_t n = 0;
	struct dirent *e;
	DIR *d;

	if (!full_path(env, path, full) || (d = opendir(full)) == NULL)
		return;
	names = xcalloc(ENTRIES_MAX, sizeof *names);
	while (n < ENTRIES_MAX &&
	    (e = readdir(d)) != NULL) /* NOLINT(concurrency-mt-unsafe): ours */
		if (e->d_name[0] != '.')
			names[n++] = xstrdup(e->d_name);
	(void)closedir(d);
	qsort(names, n, sizeof *names, by_name);
	for (size_t i = 0; i < n; i++) {
		each(arg, names[i]);
		free(names[i]);
	}
	free(names);
}
