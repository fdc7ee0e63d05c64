/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walls of a cell: what a freshly forked process does to itself before it
 * looks at bytes that somebody else wrote.
 *
 * Layers, each on its own no sandbox (RELIABILITY section 1): an empty root
 * directory, no network and no IPC (namespaces), no rights (uid,
 * capabilities, no_new_privs, not dumpable), Landlock, a seccomp allow list,
 * resource limits. A process that made it through keeps the descriptors it
 * has, computes, allocates, reads, writes and exits; nothing else.
 *
 * Fail closed: when a mandatory layer cannot be put up, sandbox_enter() fails
 * with ERR_UNAVAILABLE and the reason, and the caller must refuse the work.
 * Only a profile with `degraded` set (HEARTH_SANDBOX=degraded, a person's
 * decision) goes on with the layers that are left.
 */
#ifndef PROC_SANDBOX_H
#define PROC_SANDBOX_H

#include "base/err.h"

enum sandbox_layer {
	SANDBOX_LIMITS = 1,     /* rlimits */
	SANDBOX_ROOT = 2,       /* empty root directory */
	SANDBOX_NAMESPACES = 4, /* own mount, network, IPC and UTS namespaces */
	SANDBOX_RIGHTS = 8,     /* no capability, no_new_privs, own user */
	SANDBOX_LANDLOCK = 16,
	SANDBOX_SECCOMP = 32,
};

/* Namespaces are not in it: where a container forbids them, the root is empty
 * by chroot(), and seccomp alone refuses sockets and IPC. */
enum {
	SANDBOX_MANDATORY = SANDBOX_LIMITS | SANDBOX_ROOT | SANDBOX_RIGHTS |
	    SANDBOX_LANDLOCK | SANDBOX_SECCOMP,
};

struct sandbox_profile {
	uint64_t memory_bytes; /* address space; ignored under ASan */
	unsigned cpu_s;        /* CPU seconds, then SIGXCPU */
	unsigned files;        /* open descriptors */
	/* Directories that stay visible, read-only (fonts); absolute paths,
	 * NULL at the end, those that do not exist are skipped. May be NULL:
	 * then no path can be opened at all. */
	const char *const *read_only;
	bool degraded;
};

struct sandbox;

/* Compiles the profile once, for any number of children. The profile is
 * copied, its read_only list is borrowed. */
struct sandbox *sandbox_new(const struct sandbox_profile *p, struct err *err);
void sandbox_free(struct sandbox *sb);

/* Locks the calling process up, for good, and lets it die with its parent. It
 * must have one thread, no
 * children, and only descriptors it may keep. *layers tells what was put up
 * (also on failure); may be NULL. After a failure the process must exit. */
int sandbox_enter(const struct sandbox *sb, unsigned *layers, struct err *err)
    MUST_CHECK;

/* The kernel's Landlock version, 0 without. */
int sandbox_landlock_abi(void);
/* "limits, root, rights" for a set of layers, into out of cap bytes. */
const char *sandbox_layers_text(unsigned layers, char *out, size_t cap);

#endif
