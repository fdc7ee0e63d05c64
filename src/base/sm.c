/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sm.h"

#include <assert.h>

#include "base/log.h"

void
sm_init(struct sm *m, const struct sm_state *table, const char *what,
    uint64_t id, int state)
{
	*m = (struct sm){
	    .table = table,
	    .what = what,
	    .id = id,
	    .state = state,
	};
}

const char *
sm_name(const struct sm *m)
{
	return m->table[m->state].name;
}

void
sm_move(struct sm *m, int next)
{
	assert(m->table[m->state].next & SM_TO(next));
	log_debug(m->what, "%s %llu: %s -> %s", m->what,
	    (unsigned long long)m->id, sm_name(m), m->table[next].name);
	m->state = next;
}
