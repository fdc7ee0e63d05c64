/* SPDX-License-Identifier: Apache-2.0 */
/* Typed intrusive lists: <sys/queue.h> plus the walkers glibc leaves out. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <sys/queue.h>

#include "base/defs.h"

#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, next)                  \
	for ((var) = TAILQ_FIRST(head);                             \
	     (var) != NULL && ((next) = TAILQ_NEXT(var, field), 1); \
	     (var) = (next))
#endif

#endif
