/* SPDX-License-Identifier: Apache-2.0 */
/* The file system that holds the data folder. */
#include <sys/statvfs.h>

#include "base/str.h"
#include "worker/detect.h"

static void
run(const struct probe_env *env, struct hw *hw)
{
	struct hw_disk *d = &hw->disk;
	char path[sizeof d->path];
	struct statvfs v;
	char *slash;

	*d = (struct hw_disk){0};
	if (env->data == NULL ||
	    !str_fmt(d->path, sizeof d->path, "%s", env->data) ||
	    !str_fmt(path, sizeof path, "%s", env->data))
		return;
	/* Before the first start the folder is not there: then the nearest
	 * folder above it, where it will be made. */
	while (statvfs(path, &v) != 0) {
		slash = strrchr(path, '/');
		if (slash == NULL || path[1] == '\0')
			return;
		slash[slash == path ? 1 : 0] = '\0';
	}
	d->total_bytes = (uint64_t)v.f_blocks * v.f_frsize;
	d->free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
}

const struct probe probe_disk = {.name = "disk", .run = run};
