/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells as the host sees them: a pool that runs at most so many at once over
 * one zygote, keeps the others waiting in order, listens to what each says,
 * and ends it when it takes too long, says too much or is not wanted any more.
 *
 * However a cell ends (crash, limit, forbidden call, silence), its owner
 * learns it once, as a typed error with one sentence, and its slot is free
 * again when the kernel has buried it.
 */
#ifndef SERVICE_CELL_H
#define SERVICE_CELL_H

#include "net/loop.h"
#include "service/zygote.h"

struct cells;
struct cell;

struct cells_conf {
	const struct zygote_conf *zygote; /* borrowed; for the limits' text */
	int zygote_fd;                    /* ours from now on */
	unsigned running;                 /* at once */
	int64_t wall_ms;                  /* of one cell; 0 = 120,000 */
	size_t output_max; /* bytes a cell may send; 0 = 96 MiB */
	/* The zygote told how it is (ready, failed: why set) or is gone (why
	 * set, gone true); then every cell ends with an error. */
	void (*on_state)(void *owner, bool gone, unsigned layers,
	    const struct err *why);
	void *owner;
};

struct cells *cells_new(struct loop *l, const struct cells_conf *conf,
    struct err *err);
void cells_free(struct cells *pool); /* running cells are killed, unheard */
unsigned cells_free_slots(const struct cells *pool);
unsigned cells_running(const struct cells *pool);
unsigned cells_waiting(const struct cells *pool);

struct cell_usage {
	int64_t wait_ms; /* for a slot */
	int64_t wall_ms;
	int64_t cpu_us;
	int64_t rss_kb;
};

struct cell_sink {
	/* A frame, END and ERROR apart. -1 with *err ends the cell (do not
	 * cancel it from here). */
	frame_fn *on_frame;
	/* Once, and last. why is NULL when the cell finished its work. */
	void (*on_end)(void *owner, const struct err *why,
	    const struct cell_usage *usage);
};

/* Runs a job on the document behind `input` (borrowed until on_end). Callbacks
 * come from the loop, never from inside this call. */
struct cell *cells_run(struct cells *pool, const struct service_job *job,
    int input, const struct cell_sink *sink, void *owner);
/* Answers a cell that waits in frame_ask(): all of it or nothing is taken. */
int cell_tell(struct cell *cell, struct str bytes, struct err *err) MUST_CHECK;
/* Not wanted any more: killed at once, no callback comes. */
void cell_cancel(struct cell *cell);

/* What a dead cell's wait status means; for tests. */
void cell_explain(int status, int64_t rss_kb,
    const struct sandbox_profile *limits, struct err *err);

#endif
