/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/coordinator.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "coordinator/routing.h"

enum {
	STOP_TURN_MS = 50 /* for socks that were cut to close */
};

/* --- what the registry tells ------------------------------------------------ */

static void
on_change(void *arg)
{
	struct coordinator *c = arg;

	assign_changed(&c->assign);
}

static void
on_alive(void *arg, struct node *n)
{
	struct coordinator *c = arg;

	events_add(&c->events, n->alive ? "worker_up" : "worker_down", n->id,
	    "worker %.*s %s", STR_ARG(n->id),
	    n->alive ? "is there" : "does not answer");
}

struct forgetting {
	struct coordinator *c;
	uint64_t serial;
};

static void
on_forgotten(void *arg, const struct err *why)
{
	struct forgetting *f = arg;
	struct node *n = registry_by_serial(&f->c->registry, f->serial);

	if (why == NULL && n != NULL && !n->fresh)
		registry_remove(&f->c->registry, n);
	free(f);
}

/* First in the store, then here: a crash in between forgets nothing. */
static void
on_forget(void *arg, struct node *n)
{
	struct forgetting *f = xmalloc(sizeof *f);
	struct coordinator *c = arg;

	*f = (struct forgetting){c, n->serial};
	events_add(&c->events, "worker_forgotten", n->id,
	    "worker %.*s was silent for too long and is forgotten",
	    STR_ARG(n->id));
	store_del_worker(c->store, n->id, on_forgotten, f);
}

/* --- start -------------------------------------------------------------------- */

static void
on_stored_worker(void *arg, const struct row_worker *row)
{
	struct coordinator *c = arg;

	(void)registry_put(&c->registry, row, true);
}

static int
open_store(struct coordinator *c, struct err *err)
{
	const struct store_load load = {
	    .on_worker = on_stored_worker,
	    .arg = c,
	};

	c->store = store_open(c->loop, c->conf.store, &load, err);
	return c->store != NULL ? 0 : -1;
}

static void
fini(struct coordinator *c)
{
	assign_fini(&c->assign);
	if (c->store != NULL)
		store_close(c->store);
	registry_fini(&c->registry);
	events_fini(&c->events);
	KILL_OBJ(c);
	free(c);
}

struct coordinator *
coordinator_start(struct loop *l, const struct coordinator_conf *conf,
    struct err *err)
{
	struct coordinator *c = xcalloc(1, sizeof *c);
	const struct registry_hooks hooks = {on_change, on_alive, on_forget, c};

	c->magic = COORDINATOR_MAGIC;
	c->loop = l;
	c->conf = *conf;
	c->started_ms = loop_now_ms(l);
	registry_init(&c->registry, l, conf->stale_ms, conf->forget_ms, &hooks);
	assign_init(&c->assign, &c->registry, NULL, &c->events, conf->policy);
	if (open_store(c, err) < 0) {
		fini(c);
		return NULL;
	}
	c->assign.store = c->store;
	routing_start(c);
	if (edge_init(c, err) < 0) {
		routing_stop(c);
		fini(c);
		return NULL;
	}
	return c;
}

/* --- stop ----------------------------------------------------------------------- */

struct stopping {
	struct coordinator *c;
	void (*done)(void *arg);
	void *arg;
	struct timer turn;
};

static void
on_socks_closed(void *arg)
{
	struct stopping *s = arg;
	void (*done)(void *arg) = s->done;
	void *done_arg = s->arg;

	fini(s->c);
	free(s);
	done(done_arg);
}

static void
on_edge_closed(void *arg)
{
	struct stopping *s = arg;

	routing_stop(s->c);
	timer_init(&s->turn, s->c->loop, on_socks_closed, s);
	timer_set(&s->turn, STOP_TURN_MS);
}

void
coordinator_stop(struct coordinator *c, int64_t ms, void (*done)(void *arg),
    void *arg)
{
	struct stopping *s = xcalloc(1, sizeof *s);

	CHECK_OBJ(c, COORDINATOR_MAGIC);
	*s = (struct stopping){.c = c, .done = done, .arg = arg};
	routing_drain(c);
	edge_close(c, ms, on_edge_closed, s);
}
