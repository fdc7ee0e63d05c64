/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One supervised program: what is wanted (up or down) and what is (the state)
 * are kept apart, and supervision makes them agree.
 *
 *                 want up              ready
 *      +------+ --------> +----------+ ------> +-------+
 *      | DOWN |           | STARTING |         | READY |
 *      +------+ <-+       +----------+         +-------+
 *         ^  ^    |         ^ |  |  |            |  |
 *         |  |    | gone    | |  |  | stop or    |  | died
 *         |  |    |         | |  |  | too slow   |  |
 *         |  |  +----------+| |  +--|------------+  |  stop
 *         |  |  | STOPPING |<-----+ |               |
 *         |  |  +----------+| |     |               |
 *         |  |       |gone, | |died |               |
 *         |  |stop   |still | v     |               |
 *         |  |       |wanted+---------+             |
 *         |  +-------|------| BACKOFF | <-----------+
 *         |          +----> +---------+             |
 *         |                                         | 5 deaths in 60 s
 *         |      stop       +--------+              | (from STARTING and
 *         +---------------- | FAILED | <------------+  STOPPING too)
 *                           +--------+ --- start ---> STARTING
 *
 * A death is any end that was not asked for, and a start that took longer than
 * start_timeout_ms. After one the program is started again, first after
 * 100 ms, then after 0.5 s, 1 s, 2 s; the fifth within a minute makes it
 * FAILED, with its last words kept. Stopping is SIGTERM to the process group,
 * and SIGKILL to it after stop_timeout_ms.
 */
#ifndef PROC_PROC_H
#define PROC_PROC_H

#include <sys/types.h>

#include "base/err.h"
#include "base/sm.h"
#include "base/str.h"

enum {
	PROC_LINES = 50,        /* lines of output that are kept */
	PROC_DEATHS = 5,        /* so many ... */
	PROC_DEATHS_MS = 60000, /* ... within this time: FAILED */
	PROC_WHY_MAX = 200,
};

enum proc_state {
	PROC_DOWN,
	PROC_STARTING,
	PROC_READY,
	PROC_STOPPING,
	PROC_BACKOFF,
	PROC_FAILED,
};
extern const struct sm_state proc_states[]; /* the legal moves */

enum proc_ready {
	PROC_READY_AT_ONCE, /* running is ready */
	PROC_READY_FD,      /* the child writes to SPAWN_READY_FD */
	PROC_READY_TOLD,    /* the owner finds out and calls proc_ready() */
};

struct loop;
struct proc;

struct proc_spec {
	const char *name;        /* for the log */
	const char *const *argv; /* as in spawn.h; all of this is copied */
	const char *const *env;  /* the whole environment; NULL = empty */
	enum proc_ready ready;
	int64_t start_timeout_ms; /* 0 = 30,000 */
	int64_t stop_timeout_ms;  /* 0 = 5,000 */
};

struct proc_sink {
	/* The state changed; several changes of one turn are one call. From
	 * the loop, never from inside a call of ours. */
	void (*on_state)(void *owner, struct proc *p, enum proc_state now);
	/* A line of its output; may be NULL (the last ones are kept anyway). */
	void (*on_line)(void *owner, struct proc *p, struct str line);
};

/* PROC_DOWN at first. The sink is borrowed for the proc's life. */
struct proc *proc_new(struct loop *l, const struct proc_spec *spec,
    const struct proc_sink *sink, void *owner);
/* Wants it up; from FAILED too, with a clean tally. A program that cannot even
 * be run counts as a death and shows in the state. */
void proc_start(struct proc *p);
void proc_stop(struct proc *p); /* wants it down */
/* The owner found it ready (PROC_READY_TOLD); ignored unless STARTING. */
void proc_ready(struct proc *p);
/* The owner found that it does not work, for the reason `why`: it is stopped,
 * which counts as a death. Ignored unless STARTING or READY. */
void proc_reject(struct proc *p, const char *why);
/* In any state; a running child is killed with its group. */
void proc_free(struct proc *p);

enum proc_state proc_state(const struct proc *p);
pid_t proc_pid(const struct proc *p); /* 0: none */
/* Why it is not up: "exit status 1", "not ready within 30 s"; "" at first. */
const char *proc_why(const struct proc *p);
/* The kept lines of output, oldest first; NULL when i is past the last. */
const char *proc_line(const struct proc *p, size_t i);

#endif
