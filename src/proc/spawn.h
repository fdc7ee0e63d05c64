/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting one child process, hearing what it says and learning of its end.
 *
 * The child gets: its own process group; exactly the arguments and environment
 * it was given; /dev/null as input, one pipe as output and error; the
 * descriptors named in the conf and no other; default signal handling; and
 * SIGKILL from the kernel when we die (PR_SET_PDEATHSIG), so that a killed
 * parent leaves no orphan. Its output is read at all times, so it never blocks
 * on a full pipe; lines longer than SPAWN_LINE_MAX are cut.
 *
 * Belongs to the loop's thread, which must be the one that lives as long as
 * the process: the kernel ties the death signal to the thread that forked.
 */
#ifndef PROC_SPAWN_H
#define PROC_SPAWN_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

enum {
	SPAWN_LINE_MAX =
	    1024, /* bytes of one line of output, the rest is cut */
	SPAWN_FDS_MAX = 8,
	SPAWN_READY_FD = 3, /* the child's number for the readiness pipe */
};

struct loop;
struct spawn;

struct spawn_conf {
	const char *const *argv; /* argv[0]: path of the program; NULL-ended */
	const char *const *env;  /* whole environment; NULL = empty */
	const char *cwd;         /* NULL: stays where we are */
	const int *fds; /* become 4, 5, ... in the child; borrowed; or NULL */
	size_t n_fds;   /* at most SPAWN_FDS_MAX */
	bool ready_fd;  /* the child may write a newline to SPAWN_READY_FD */
};

struct spawn_sink {
	/* One line of output without its newline, always valid UTF-8, borrowed
	 * during the call. May be NULL. */
	void (*on_line)(void *owner, struct str line);
	/* The child wrote to its readiness pipe. May be NULL. */
	void (*on_ready)(void *owner);
	/* It is gone, with what was left of its process group; wait_status as
	 * waitpid() gives it. The last call; spawn_free() is still due. */
	void (*on_exit)(void *owner, int wait_status);
};

/* Runs the program at once. NULL when it cannot be run (err says why). */
struct spawn *spawn_new(struct loop *l, const struct spawn_conf *conf,
    const struct spawn_sink *sink, void *owner, struct err *err);
pid_t spawn_pid(const struct spawn *s);
/* To the whole process group; a no-op once the child is gone. */
void spawn_kill(struct spawn *s, int signo);
/* No callback comes any more. A child that still runs is killed, and reaped
 * before this returns. */
void spawn_free(struct spawn *s);

/* "exit status 3", "signal 11 (Segmentation fault)". Returns out. */
enum {
	SPAWN_WHY_MAX = 96
};
char *spawn_why(int wait_status, char *out);

/* An environment for a child: those of `names` (NULL-ended) that are set here,
 * plus `extra` ("K=V", NULL-ended; may be NULL). One block: free() it. */
char **spawn_env(const char *const *names, const char *const *extra);

#endif
