/* SPDX-License-Identifier: Apache-2.0 */
/* A uv_poll_t with the life cycle of our other objects. */
#include "proc/watch.h"

#include "base/mem.h"
#include "base/obj.h"
#include "net/loop_uv.h"

struct watch {
	unsigned magic;
#define WATCH_MAGIC 0x3a7c91e5u
	uv_poll_t poll;
	watch_fn *fn;
	void *arg;
};

static void
watch_on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *w;

	(void)status;
	(void)events;
	CAST_OBJ(w, poll->data, WATCH_MAGIC);
	w->fn(w->arg);
}

static void
watch_on_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;

	free(w);
}

struct watch *
watch_new(struct loop *l, int fd, watch_fn *fn, void *arg, struct err *err)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	int rc = uv_poll_init(loop_uv(l), &w->poll, fd);

	if (rc != 0) {
		free(w);
		err_sys(err, -rc, "cannot watch a descriptor");
		return NULL;
	}
	w->magic = WATCH_MAGIC;
	w->fn = fn;
	w->arg = arg;
	w->poll.data = w;
	rc = uv_poll_start(&w->poll, UV_READABLE | UV_DISCONNECT,
	    watch_on_poll);
	if (rc != 0) {
		watch_free(w);
		err_sys(err, -rc, "cannot watch a descriptor");
		return NULL;
	}
	return w;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	CHECK_OBJ(w, WATCH_MAGIC);
	KILL_OBJ(w);
	uv_close((uv_handle_t *)&w->poll, watch_on_closed);
}
