/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

static void
event_drop(struct event *e)
{
	free(e->worker);
	free(e->text);
	*e = (struct event){0};
}

void
events_fini(struct events *e)
{
	for (size_t i = 0; i < EVENTS_MAX; i++)
		event_drop(&e->ring[i]);
}

void
events_add(struct events *e, const char *kind, struct str worker,
    const char *fmt, ...)
{
	struct event *to = &e->ring[++e->last % EVENTS_MAX];
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_info("coordinator", "%s", text);
	event_drop(to);
	to->seq = e->last;
	to->wall_ms = clock_wall_ms();
	to->kind = kind;
	to->worker = worker.n != 0 ? xstrndup(worker.p, worker.n) : NULL;
	to->text = xstrdup(text);
}

static void
emit_one(const struct event *e, struct jsonw *w)
{
	jsonw_obj(w);
	jsonw_ku64(w, "seq", e->seq);
	jsonw_ktime(w, "time", e->wall_ms);
	jsonw_kz(w, "kind", e->kind);
	if (e->worker != NULL)
		jsonw_kz(w, "worker_id", e->worker);
	jsonw_kz(w, "text", e->text);
	jsonw_end_obj(w);
}

void
events_emit(const struct events *e, uint64_t since, struct jsonw *w)
{
	uint64_t oldest = e->last > EVENTS_MAX ? e->last - EVENTS_MAX + 1 : 1;

	jsonw_arr(w);
	for (uint64_t i = MAX_OF(since + 1, oldest); i <= e->last; i++)
		emit_one(&e->ring[i % EVENTS_MAX], w);
	jsonw_end_arr(w);
}
