/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets. When the process runs out of descriptors, accepting rests
 * for a moment instead of spinning: the connections wait in the backlog.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <netinet/in.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "net/loop_uv.h"
#include "net/sock.h"

enum {
	LISTENER_BACKLOG = 1024,
	LISTENER_BATCH = 64,    /* accepted in one turn */
	LISTENER_REST_MS = 100, /* after running out of descriptors */
};

struct listener {
	unsigned magic;
#define LISTENER_MAGIC 0x115e4e01u
	struct loop *loop;
	listener_fn *on_sock;
	void *owner;
	int fd;
	bool closing;
	struct addr at;
	struct timer rest;
	uv_poll_t poll;
	ino_t ino; /* of the unix socket, so that only ours is removed */
};

static void listener_on_poll(uv_poll_t *uv, int status, int events);

static const char *
listener_path(const struct addr *a)
{
	return ((const struct sockaddr_un *)(const void *)&a->sa)->sun_path;
}

/* --- binding -------------------------------------------------------------- */

/* Removes a socket file that nobody listens on any more. */
static int
listener_clear_path(const struct addr *at, struct err *err)
{
	const char *path = listener_path(at);
	struct stat st;
	int fd;
	int rc;

	if (lstat(path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_CONFLICT,
		    "'%.160s' exists and is not a socket; choose another path",
		    path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, errno, "socket");
	rc = connect(fd, (const void *)&at->sa, at->len);
	if (rc < 0 && errno == ECONNREFUSED)
		rc = 1;
	(void)close(fd);
	if (rc != 1)
		return err_set(err, ERR_CONFLICT,
		    "'%.160s' is in use by another program; stop it or choose "
		    "another path",
		    path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, errno, "cannot replace '%.160s'", path);
	return 0;
}

static int
listener_bind_err(const struct addr *at, int e, struct err *err)
{
	char text[ADDR_TEXT_MAX];

	addr_text(at, text);
	if (addr_is_unix(at))
		return err_sys(err, e,
		    "cannot listen on %s: check that its folder exists and is "
		    "writable",
		    text);
	switch (e) {
	case EADDRINUSE:
		return err_set(err, ERR_CONFLICT,
		    "port %u is in use by another program; choose another with "
		    "--port",
		    addr_port(at));
	case EACCES:
		return err_set(err, ERR_DENIED,
		    "no permission to listen on port %u; choose one above 1023 "
		    "with --port",
		    addr_port(at));
	case EADDRNOTAVAIL:
		return err_set(err, ERR_INVALID,
		    "cannot listen on %s: this machine has no such address; "
		    "choose another with --host",
		    text);
	default:
		return err_sys(err, e, "cannot listen on %s", text);
	}
}

static int
listener_bind(struct listener *ls, struct err *err)
{
	struct addr *at = &ls->at;
	const int one = 1;
	struct stat st = {0};

	if (addr_is_unix(at) && listener_clear_path(at, err) < 0)
		return -1;
	if (!addr_is_unix(at))
		(void)setsockopt(ls->fd, SOL_SOCKET, SO_REUSEADDR, &one,
		    sizeof(one));
	if (at->sa.ss_family == AF_INET6)
		(void)setsockopt(ls->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
		    sizeof(one));
	if (bind(ls->fd, (const void *)&at->sa, at->len) < 0)
		return listener_bind_err(at, errno, err);
	/* Nobody can connect before listen(), so the mode is never too wide. */
	if (addr_is_unix(at) &&
	    (chmod(listener_path(at), 0600) < 0 ||
		stat(listener_path(at), &st) < 0))
		return listener_bind_err(at, errno, err);
	if (addr_is_unix(at))
		ls->ino = st.st_ino;
	if (listen(ls->fd, LISTENER_BACKLOG) < 0)
		return listener_bind_err(at, errno, err);
	if (!addr_is_unix(at)) {
		at->len = sizeof(at->sa);
		(void)getsockname(ls->fd, (void *)&at->sa, &at->len);
	}
	return 0;
}

/* --- accepting ------------------------------------------------------------ */

static void
listener_rest(struct listener *ls, int e)
{
	log_warn("net", "cannot accept connections for the moment: %s",
	    strerrorname_np(e));
	uv_poll_stop(&ls->poll);
	timer_set(&ls->rest, LISTENER_REST_MS);
}

static void
listener_on_rest(void *arg)
{
	struct listener *ls;

	CAST_OBJ(ls, arg, LISTENER_MAGIC);
	uv_poll_start(&ls->poll, UV_READABLE, listener_on_poll);
}

static void
listener_on_poll(uv_poll_t *uv, int status UNUSED, int events UNUSED)
{
	struct listener *ls;

	CAST_OBJ(ls, uv->data, LISTENER_MAGIC);
	for (int i = 0; i < LISTENER_BATCH && !ls->closing; i++) {
		struct addr peer = {.len = sizeof(peer.sa)};
		int fd = accept4(ls->fd, (void *)&peer.sa, &peer.len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			ls->on_sock(ls->owner,
			    sock_from_fd(ls->loop, fd, &peer));
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			listener_rest(ls, errno);
			return;
		}
		/* Others concern one connection that is gone already. */
	}
}

/* --- life ----------------------------------------------------------------- */

struct listener *
listener_new(struct loop *l, const struct addr *at, listener_fn *on_sock,
    void *owner, struct err *err)
{
	struct listener *ls = xcalloc(1, sizeof(*ls));
	int rc;

	ls->magic = LISTENER_MAGIC;
	ls->loop = l;
	ls->on_sock = on_sock;
	ls->owner = owner;
	ls->at = *at;
	timer_init(&ls->rest, l, listener_on_rest, ls);
	ls->fd = socket(at->sa.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ls->fd < 0) {
		listener_bind_err(at, errno, err);
		free(ls);
		return NULL;
	}
	if (listener_bind(ls, err) < 0) {
		(void)close(ls->fd);
		free(ls);
		return NULL;
	}
	rc = uv_poll_init(loop_uv(l), &ls->poll, ls->fd);
	assert(rc == 0);
	ls->poll.data = ls;
	uv_poll_start(&ls->poll, UV_READABLE, listener_on_poll);
	return ls;
}

static void
listener_on_closed(uv_handle_t *uv)
{
	struct listener *ls;

	CAST_OBJ(ls, uv->data, LISTENER_MAGIC);
	KILL_OBJ(ls);
	free(ls);
}

void
listener_close(struct listener *ls)
{
	struct stat st;

	CHECK_OBJ(ls, LISTENER_MAGIC);
	if (ls->closing)
		return;
	ls->closing = true;
	timer_clear(&ls->rest);
	if (addr_is_unix(&ls->at) && stat(listener_path(&ls->at), &st) == 0 &&
	    st.st_ino == ls->ino)
		(void)unlink(listener_path(&ls->at));
	uv_close((uv_handle_t *)&ls->poll, listener_on_closed);
	(void)close(ls->fd);
}

const struct addr *
listener_addr(const struct listener *ls)
{
	return &ls->at;
}
