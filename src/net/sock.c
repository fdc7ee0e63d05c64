/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Socks on non-blocking descriptors that libuv polls (level triggered).
 *
 * Changing what libuv polls for costs two system calls, so it is done lazily:
 * a pause only sets a flag, and the poll is narrowed when an event comes that
 * nobody wants. A sock that wants nothing still polls for "urgent" data, since
 * errors and hang-ups come along with any poll.
 */
#include "net/sock.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/obj.h"
#include "net/loop_uv.h"

enum {
	SOCK_DIRECT = 8 * 1024, /* from here on, write before copying */
	SOCK_PIECES = 3,
	SOCK_READS = 4,            /* full buffers in a row, then the others */
	SOCK_KEEP_CAP = 64 * 1024, /* of an empty write queue */
	SOCK_FIRST_CAP = 2 * 1024, /* of the write queue */
	SOCK_LINGER_MS = 1000,     /* for the peer's FIN, behind ours */
	SOCK_LINGER_MAX = 64 * 1024, /* bytes read off meanwhile */
	SOCK_STALL_MS = 30000,       /* last words that nobody takes */
	SOCK_RETRY_MS = 10,          /* a unix socket's backlog is full */
};

struct sock {
	unsigned magic;
#define SOCK_MAGIC 0x50c4e701u
	struct loop *loop;
	const struct sock_sink *sink;
	void *owner;
	int fd;
	int mask;            /* what libuv polls for; 0 = stopped */
	bool connecting : 1; /* dialled, not yet open */
	bool paused : 1;     /* the owner takes nothing now */
	bool eof : 1;        /* the peer's FIN was read */
	bool blocked : 1;    /* the kernel takes nothing now */
	bool write_dead : 1; /* the peer takes nothing any more */
	bool above : 1;      /* over the low water: on_room is due */
	bool ending : 1;     /* FIN behind the queue */
	bool fin : 1;        /* FIN sent */
	bool lingering : 1;  /* closed by the owner, still delivering */
	bool deaf : 1;       /* lingering, and nothing more is read */
	bool closing : 1;    /* the handle is being closed */
	bool parked : 1;     /* not polled: broken, but paused */
	bool eager : 1;
	uint8_t *out; /* queued: out_n bytes from out_at */
	size_t out_at;
	size_t out_n;
	size_t out_cap;
	uint64_t written;
	uint64_t mark; /* what was written when the timer was set */
	size_t lingered;
	uint8_t *unread;
	size_t unread_n;
	struct err *why;
	struct defer late;   /* flush at turn end */
	struct defer replay; /* hand on what was unread */
	struct timer timer;  /* dial time-out, then linger */
	int64_t dial_until_ms;
	uv_poll_t poll;
	struct addr peer;
};

static void sock_on_poll(uv_poll_t *uv, int status, int events);
static void sock_on_late(void *arg);
static void sock_on_replay(void *arg);
static void sock_on_timer(void *arg);
static void sock_arm(struct sock *s);

/* --- closing -------------------------------------------------------------- */

static void
sock_gone(void *arg)
{
	struct sock *s;

	CAST_OBJ(s, arg, SOCK_MAGIC);
	if (s->sink != NULL && s->sink->on_close != NULL)
		s->sink->on_close(s->owner, s->why);
	free(s->out);
	free(s->unread);
	free(s->why);
	KILL_OBJ(s);
	free(s);
}

static void
sock_on_closed(uv_handle_t *uv)
{
	sock_gone(uv->data);
}

/* Lets go of the descriptor; on_close follows from the loop. */
static void
sock_drop(struct sock *s)
{
	if (s->closing)
		return;
	s->closing = true;
	timer_clear(&s->timer);
	loop_unlate(s->loop, &s->late);
	loop_undefer(s->loop, &s->replay);
	if (s->fd < 0) { /* never had one */
		s->late.fn = sock_gone;
		loop_late(s->loop, &s->late);
		return;
	}
	uv_close((uv_handle_t *)&s->poll, sock_on_closed);
	(void)close(s->fd);
	s->fd = -1;
}

static void
sock_reset(struct sock *s)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (!s->closing && !addr_is_unix(&s->peer))
		(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now,
		    sizeof(now));
	sock_drop(s);
}

static void
sock_fail(struct sock *s, enum err_code code, int sys, const char *what)
{
	if (s->closing)
		return;
	if (!s->lingering) {
		s->why = xcalloc(1, sizeof(*s->why));
		if (sys != 0)
			err_sys(s->why, sys, "%s", what);
		else
			err_set(s->why, code, "%s", what);
		s->why->code = code;
	}
	sock_drop(s);
}

static void
sock_fail_sys(struct sock *s, const char *what)
{
	int e = errno;

	if (e == 0)
		(void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e,
		    &(socklen_t){sizeof(e)});
	sock_fail(s, e == ETIMEDOUT ? ERR_TIMEOUT : ERR_PEER,
	    e != 0 ? e : ECONNRESET, what);
}

static bool
sock_hung_up(const struct sock *s)
{
	struct pollfd p = {.fd = s->fd, .events = 0};

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

/* --- polling -------------------------------------------------------------- */

static int
sock_wanted(const struct sock *s)
{
	int mask = 0;

	if (s->connecting || s->blocked)
		mask |= UV_WRITABLE;
	if (!s->connecting && !s->eof && !s->deaf &&
	    (!s->paused || s->lingering))
		mask |= UV_READABLE;
	return mask != 0 ? mask : UV_PRIORITIZED;
}

static void
sock_arm(struct sock *s)
{
	int mask = sock_wanted(s);

	if (s->closing || s->parked || mask == s->mask)
		return;
	s->mask = mask;
	uv_poll_start(&s->poll, mask, sock_on_poll);
}

/* Polls for more than now, if that is needed; never for less. */
static void
sock_widen(struct sock *s)
{
	int mask = sock_wanted(s);

	if ((mask & ~s->mask & (UV_READABLE | UV_WRITABLE)) != 0 ||
	    s->mask == 0)
		sock_arm(s);
}

/* --- writing -------------------------------------------------------------- */

static void
sock_write_failed(struct sock *s, int e)
{
	s->out_n = s->out_at = 0;
	s->write_dead = true;
	s->blocked = false;
	errno = e;
	/* What the peer said before it went may still be worth reading. */
	if (s->eof || s->paused || s->lingering || s->connecting)
		sock_fail_sys(s, "write");
}

static void
sock_sent(struct sock *s, size_t n)
{
	s->out_at += n;
	s->out_n -= n;
	if (s->out_n > 0)
		return;
	s->out_at = 0;
	if (s->out_cap > SOCK_KEEP_CAP)
		sock_tidy(s);
}

/* One write of the queue and then v; returns how much of v was taken. */
static size_t
sock_push(struct sock *s, const struct iovec *v, int n)
{
	struct iovec iov[SOCK_PIECES + 1];
	struct msghdr m = {.msg_iov = iov};
	const size_t queued = s->out_n;
	size_t all = queued;
	ssize_t k;

	if (s->out_n > 0)
		iov[m.msg_iovlen++] = (struct iovec){s->out + s->out_at,
		    s->out_n};
	for (int i = 0; i < n; i++) {
		iov[m.msg_iovlen++] = v[i];
		all += v[i].iov_len;
	}
	do {
		k = m.msg_iovlen == 1
		    ? send(s->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL)
		    : sendmsg(s->fd, &m, MSG_NOSIGNAL);
	} while (k < 0 && errno == EINTR);
	if (k < 0 && errno != EAGAIN) {
		sock_write_failed(s, errno);
		return 0;
	}
	s->blocked = k < 0 || (size_t)k < all;
	if (k <= 0)
		return 0;
	s->written += (size_t)k;
	if (queued > 0)
		sock_sent(s, MIN_OF((size_t)k, queued));
	return (size_t)k > queued ? (size_t)k - queued : 0;
}

char *
sock_reserve(struct sock *s, size_t n)
{
	CHECK_OBJ(s, SOCK_MAGIC);
	if (s->closing || s->ending || s->write_dead)
		return NULL;
	if (s->out_at > 0 && s->out_at + s->out_n + n > s->out_cap) {
		memmove(s->out, s->out + s->out_at, s->out_n);
		s->out_at = 0;
	}
	if (s->out_n + n > s->out_cap) {
		size_t cap = s->out_cap != 0 ? s->out_cap : SOCK_FIRST_CAP;

		while (cap < s->out_n + n)
			cap *= 2;
		s->out = xrealloc(s->out, cap);
		s->out_cap = cap;
	}
	return (char *)s->out + s->out_at + s->out_n;
}

void
sock_commit(struct sock *s, size_t n)
{
	if (s->closing)
		return;
	s->out_n += n;
	if (s->out_n > SOCK_LOW_WATER)
		s->above = true;
	loop_late(s->loop, &s->late);
}

static bool
sock_can_write(const struct sock *s)
{
	return !s->closing && !s->connecting && !s->blocked && !s->write_dead;
}

void
sock_writev(struct sock *s, const struct iovec *v, int n)
{
	size_t all = 0;
	size_t k = 0;

	CHECK_OBJ(s, SOCK_MAGIC);
	assert(n <= SOCK_PIECES);
	for (int i = 0; i < n; i++)
		all += v[i].iov_len;
	if (all >= SOCK_DIRECT && sock_can_write(s) && !s->ending)
		k = sock_push(s, v, n);
	for (int i = 0; i < n; i++) {
		size_t skip = MIN_OF(k, v[i].iov_len);
		size_t rest = v[i].iov_len - skip;
		char *to;

		k -= skip;
		if (rest == 0)
			continue;
		to = sock_reserve(s, rest);
		if (to == NULL)
			return;
		memcpy(to, (const char *)v[i].iov_base + skip, rest);
		s->out_n += rest;
	}
	/* Who writes much waits for room, also when the kernel takes it all. */
	if (all > SOCK_LOW_WATER)
		s->above = true;
	sock_commit(s, 0);
}

void
sock_write(struct sock *s, const void *p, size_t n)
{
	struct iovec v = sock_piece(p, n);

	if (n > 0)
		sock_writev(s, &v, 1);
}

void
sock_tidy(struct sock *s)
{
	if (s->out_n > 0)
		return;
	free(s->out);
	s->out = NULL;
	s->out_at = s->out_cap = 0;
}

size_t
sock_queued(const struct sock *s)
{
	return s->out_n;
}

uint64_t
sock_written(const struct sock *s)
{
	return s->written;
}

static void
sock_linger(struct sock *s)
{
	if (s->eof || s->write_dead) {
		sock_drop(s);
		return;
	}
	timer_set(&s->timer, SOCK_LINGER_MS);
	sock_arm(s);
}

static void
sock_finish(struct sock *s)
{
	if (!s->ending || s->fin || s->out_n > 0 || s->connecting)
		return;
	s->fin = true;
	if (!s->write_dead)
		(void)shutdown(s->fd, SHUT_WR);
	if (s->lingering)
		sock_linger(s);
}

void
sock_flush(struct sock *s)
{
	CHECK_OBJ(s, SOCK_MAGIC);
	if (sock_can_write(s) && s->out_n > 0)
		(void)sock_push(s, NULL, 0);
	if (s->closing)
		return;
	sock_finish(s);
	if (s->closing)
		return;
	sock_widen(s);
}

/* The queue is written and on_room told, from the loop. */
static void
sock_on_late(void *arg)
{
	struct sock *s;

	CAST_OBJ(s, arg, SOCK_MAGIC);
	sock_flush(s);
	if (s->closing || s->lingering || !s->above ||
	    s->out_n > SOCK_LOW_WATER)
		return;
	s->above = false;
	if (s->sink != NULL && s->sink->on_room != NULL)
		s->sink->on_room(s->owner);
}

/* --- reading -------------------------------------------------------------- */

static void
sock_got(struct sock *s, const uint8_t *p, size_t n)
{
	if (!s->lingering) {
		if (s->sink != NULL && s->sink->on_data != NULL)
			s->sink->on_data(s->owner, p, n);
		return;
	}
	s->lingered += n;
	if (s->lingered <= SOCK_LINGER_MAX)
		return;
	/* No more is read, but closing now would reset the connection, and
	 * with it throw away the last words that the peer has not read. The
	 * kernel's buffer makes it wait, until the time is up. */
	s->deaf = true;
	sock_arm(s);
}

static void
sock_got_eof(struct sock *s)
{
	s->eof = true;
	if (s->lingering) {
		if (s->fin)
			sock_drop(s);
		return;
	}
	/* A reset that a write was told of first now reads like a FIN. */
	if (s->write_dead && !addr_is_unix(&s->peer)) {
		sock_fail(s, ERR_PEER, ECONNRESET, "write");
		return;
	}
	if (s->sink != NULL && s->sink->on_eof != NULL)
		s->sink->on_eof(s->owner);
	else
		sock_fail(s, ERR_PEER, 0, "connection closed by the peer");
	if (s->closing || s->lingering)
		return;
	errno = 0;
	/* A unix socket tells a half-close from a close. */
	if (s->write_dead || (addr_is_unix(&s->peer) && sock_hung_up(s)))
		sock_fail(s, ERR_PEER, 0, "connection closed by the peer");
}

static void
sock_read(struct sock *s)
{
	uint8_t *p = loop_scratch(s->loop);

	for (int i = 0; i < SOCK_READS; i++) {
		ssize_t n;

		if (s->closing || s->eof || s->deaf ||
		    (s->paused && !s->lingering))
			return;
		n = recv(s->fd, p, LOOP_SCRATCH, 0);
		if (n > 0) {
			sock_got(s, p, (size_t)n);
			if (n < LOOP_SCRATCH && !s->write_dead)
				return;
		} else if (n == 0) {
			sock_got_eof(s);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR) {
			sock_fail_sys(s, "read");
		}
	}
}

/* Something is wrong with the connection, or the peer hung up. */
static void
sock_trouble(struct sock *s)
{
	if (s->paused && !s->lingering && !s->eof && !s->eager) {
		s->parked = true; /* sock_resume() reads what is left */
		s->mask = 0;
		uv_poll_stop(&s->poll);
		return;
	}
	errno = 0;
	if (s->paused || s->eof)
		sock_fail_sys(s, "connection lost");
	else
		sock_read(s);
}

static void
sock_opened(struct sock *s)
{
	int e = 0;
	socklen_t len = sizeof(e);

	(void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &len);
	if (e != 0) {
		errno = e;
		sock_fail_sys(s, "connect");
		return;
	}
	s->connecting = false;
	timer_clear(&s->timer);
	sock_arm(s);
	if (!s->lingering && s->sink != NULL && s->sink->on_open != NULL)
		s->sink->on_open(s->owner);
	if (!s->closing)
		loop_late(s->loop, &s->late);
}

static void
sock_on_poll(uv_poll_t *uv, int status, int events)
{
	struct sock *s;

	CAST_OBJ(s, uv->data, SOCK_MAGIC);
	if (status < 0)
		s->mask = 0; /* libuv stopped it */
	if (s->connecting) {
		sock_opened(s);
		return;
	}
	if (status < 0 || (events & UV_PRIORITIZED) != 0)
		sock_trouble(s);
	if (!s->closing && (events & UV_READABLE) != 0)
		sock_read(s);
	if (!s->closing && (events & UV_WRITABLE) != 0) {
		s->blocked = false;
		sock_on_late(s);
	}
	sock_arm(s);
}

void
sock_pause(struct sock *s)
{
	CHECK_OBJ(s, SOCK_MAGIC);
	s->paused = true;
}

void
sock_resume(struct sock *s)
{
	CHECK_OBJ(s, SOCK_MAGIC);
	if (!s->paused)
		return;
	s->paused = s->parked = false;
	if (s->closing)
		return;
	if (s->unread_n > 0)
		loop_defer(s->loop, &s->replay);
	sock_widen(s);
}

void
sock_unread(struct sock *s, const uint8_t *p, size_t n)
{
	CHECK_OBJ(s, SOCK_MAGIC);
	if (n == 0 || s->closing)
		return;
	/* In front of what may be there already. */
	s->unread = xrealloc(s->unread, s->unread_n + n);
	memmove(s->unread + n, s->unread, s->unread_n);
	memcpy(s->unread, p, n);
	s->unread_n += n;
	loop_defer(s->loop, &s->replay);
}

static void
sock_on_replay(void *arg)
{
	struct sock *s;
	uint8_t *p;
	size_t n;

	CAST_OBJ(s, arg, SOCK_MAGIC);
	if (s->closing || s->paused || s->unread_n == 0)
		return;
	p = s->unread;
	n = s->unread_n;
	s->unread = NULL;
	s->unread_n = 0;
	sock_got(s, p, n);
	free(p);
}

/* --- life ----------------------------------------------------------------- */

static void
sock_on_timer(void *arg)
{
	struct sock *s;

	CAST_OBJ(s, arg, SOCK_MAGIC);
	if (!s->connecting) {
		if (!s->fin && s->written != s->mark) {
			s->mark = s->written;
			timer_set(&s->timer, SOCK_STALL_MS);
			return;
		}
		sock_drop(s); /* lingered long enough */
	} else if (loop_now_ms(s->loop) >= s->dial_until_ms) {
		sock_fail(s, ERR_TIMEOUT, 0, "connection attempt timed out");
	} else if (connect(s->fd, (const void *)&s->peer.sa, s->peer.len) ==
	    0) {
		sock_opened(s);
	} else if (errno == EAGAIN) {
		timer_set(&s->timer, SOCK_RETRY_MS);
	} else {
		sock_fail_sys(s, "connect");
	}
}

static struct sock *
sock_new(struct loop *l, int fd, const struct addr *peer)
{
	struct sock *s = xcalloc(1, sizeof(*s));
	int one = 1;
	int rc;

	s->magic = SOCK_MAGIC;
	s->loop = l;
	s->fd = fd;
	s->peer = *peer;
	s->late = (struct defer){.fn = sock_on_late, .arg = s};
	s->replay = (struct defer){.fn = sock_on_replay, .arg = s};
	timer_init(&s->timer, l, sock_on_timer, s);
	if (fd < 0)
		return s; /* the caller fails it */
	if (!addr_is_unix(peer)) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof(one));
		/* Within the machine nothing is congested, and pacing costs
		 * a timer per write; should it be refused, so be it. */
		if (addr_is_loopback(peer))
			(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION,
			    "reno", 4);
	}
	rc = uv_poll_init(loop_uv(l), &s->poll, fd);
	assert(rc == 0);
	s->poll.data = s;
	return s;
}

struct sock *
sock_from_fd(struct loop *l, int fd, const struct addr *peer)
{
	struct addr found = {.len = sizeof(found.sa)};
	struct sock *s;

	if (peer == NULL) {
		peer = &found;
		if (getpeername(fd, (struct sockaddr *)&found.sa, &found.len) <
		    0)
			found.sa.ss_family = AF_UNIX;
	}
	s = sock_new(l, fd, peer);
	sock_arm(s);
	return s;
}

struct sock *
sock_dial(struct loop *l, const struct addr *to, int64_t timeout_ms,
    const struct sock_sink *sink, void *owner)
{
	int fd = socket(to->sa.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int e = errno;
	struct sock *s = sock_new(l, fd, to);

	s->sink = sink;
	s->owner = owner;
	s->connecting = true;
	s->dial_until_ms = loop_now_ms(l) + timeout_ms;
	if (fd < 0) {
		sock_fail(s, ERR_PEER, e, "socket");
		return s;
	}
	if (connect(s->fd, (const void *)&to->sa, to->len) == 0 ||
	    errno == EINPROGRESS) {
		sock_arm(s);
		timer_set(&s->timer, timeout_ms);
	} else if (errno == EAGAIN) {
		timer_set(&s->timer, SOCK_RETRY_MS);
	} else {
		sock_fail_sys(s, "connect");
	}
	return s;
}

void
sock_set_sink(struct sock *s, const struct sock_sink *sink, void *owner)
{
	CHECK_OBJ(s, SOCK_MAGIC);
	s->sink = sink;
	s->owner = owner;
}

void
sock_set_eager(struct sock *s, bool eager)
{
	s->eager = eager;
}

void
sock_end(struct sock *s)
{
	CHECK_OBJ(s, SOCK_MAGIC);
	if (s->closing || s->ending)
		return;
	s->ending = true;
	loop_late(s->loop, &s->late);
}

void
sock_close(struct sock *s)
{
	CHECK_OBJ(s, SOCK_MAGIC);
	if (s->closing || s->lingering)
		return;
	if (!s->ending || s->connecting || s->write_dead) {
		sock_reset(s);
		return;
	}
	s->lingering = true;
	s->parked = false;
	s->mark = s->written;
	if (s->fin)
		sock_linger(s);
	else
		timer_set(&s->timer, SOCK_STALL_MS);
}

bool
sock_is_closing(const struct sock *s)
{
	return s->closing || s->lingering;
}

const struct addr *
sock_peer(const struct sock *s)
{
	return &s->peer;
}
