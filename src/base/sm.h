/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State machines as data: a table of states with the set of states each may
 * move to. sm_move() aborts on a move the table does not allow and traces the
 * ones it does, so the log is the history of the object.
 */
#ifndef BASE_SM_H
#define BASE_SM_H

#include "base/defs.h"

#define SM_TO(state) (UINT32_C(1) << (state))

struct sm_state {
	const char *name;
	uint32_t next; /* SM_TO() bits */
};

struct sm {
	const struct sm_state *table;
	const char *what; /* "job", "proc": for the log */
	uint64_t id;
	int state;
};

void sm_init(struct sm *m, const struct sm_state *table, const char *what,
    uint64_t id, int state);
void sm_move(struct sm *m, int next);
const char *sm_name(const struct sm *m);

#endif
