/* SPDX-License-Identifier: Apache-2.0 */
/* Small files of /proc and /sys, below the root of a probe_env. */
#ifndef WORKER_SYSREAD_H
#define WORKER_SYSREAD_H

#include "base/str.h"

struct probe_env;

enum {
	SYS_PATH_MAX = 512
};

/* The first `cap` - 1 bytes, NUL-terminated; false when it cannot be read. */
bool sys_read(const struct probe_env *env, const char *path, char *out,
    size_t cap);
/* The first line, trimmed. */
bool sys_word(const struct probe_env *env, const char *path, char *out,
    size_t cap);
bool sys_u64(const struct probe_env *env, const char *path, uint64_t *out);
bool sys_hex(const struct probe_env *env, const char *path, unsigned *out);
bool sys_exists(const struct probe_env *env, const char *path);
/* The last part of where a symbolic link points: a bound driver's name. */
bool sys_link_name(const struct probe_env *env, const char *path, char *out,
    size_t cap);
/* Calls each(arg, name) for the entries of a folder, sorted by name, at most
 * 1,024 of them. */
void sys_each(const struct probe_env *env, const char *path,
    void (*each)(void *arg, const char *name), void *arg);

#endif
