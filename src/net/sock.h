/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte stream over TCP or a unix socket (TLS joins later behind the same
 * calls).
 *
 * Writing: sock_write() keeps a copy of what the kernel does not take at once.
 * Small writes of one turn are gathered and leave in one system call when the
 * turn ends. There is no limit inside: callers ask sock_queued() and stop at
 * their own; on_room tells when the queue fell below SOCK_LOW_WATER.
 *
 * Reading: on_data until sock_pause(). One shared read buffer per loop: the
 * bytes are borrowed during the call.
 *
 * Closing: sock_close() is idempotent. After sock_end() it first delivers what
 * is queued, sends FIN and waits a moment for the peer's (reading off a little,
 * so that a late byte of the peer cannot destroy our last answer); without
 * sock_end() it drops what is queued and resets, which no peer can take for a
 * complete message. The sock is freed after on_close, the last callback.
 * on_close is called exactly once, also when the peer or the network closed;
 * never from inside a call of ours. After sock_close() nothing else is called.
 */
#ifndef NET_SOCK_H
#define NET_SOCK_H

#include <sys/uio.h>

#include "base/err.h"
#include "net/addr.h"
#include "net/loop.h"

enum {
	SOCK_LOW_WATER = 16 * 1024,
	SOCK_HIGH_WATER = 64 * 1024
};

struct sock;

/* Any of them may be NULL; without on_eof, the peer's FIN closes. */
struct sock_sink {
	void (*on_open)(void *owner); /* dialled socks: connected */
	void (*on_data)(void *owner, const uint8_t *p, size_t n);
	void (*on_eof)(void *owner); /* the peer sends no more (half-close) */
	void (*on_room)(void *owner);
	void (*on_close)(void *owner, const struct err *why); /* NULL = ours */
};

/* Dials; on_open or on_close(why) follows. */
struct sock *sock_dial(struct loop *l, const struct addr *to,
    int64_t timeout_ms, const struct sock_sink *sink, void *owner);
/* Takes a connected non-blocking stream socket; a peer of NULL is looked up. */
struct sock *sock_from_fd(struct loop *l, int fd, const struct addr *peer);
void sock_set_sink(struct sock *s, const struct sock_sink *sink, void *owner);

void sock_write(struct sock *s, const void *p, size_t n);
/* Up to 3 pieces that belong together, each made by sock_piece(). */
static inline struct iovec
sock_piece(const void *p, size_t n)
{
	union {
		const void *in;
		void *out;
	} u = {.in = p}; /* iovec serves reading, too; nobody writes here */

	return (struct iovec){u.out, n};
}

void sock_writev(struct sock *s, const struct iovec *v, int n);
/* Room for n bytes at the end of the queue (NULL: closing or ending), to be
 * filled at once and added with sock_commit(). */
char *sock_reserve(struct sock *s, size_t n);
void sock_commit(struct sock *s, size_t n);
void sock_tidy(struct sock *s); /* gives an empty queue's memory back */
size_t sock_queued(const struct sock *s);    /* bytes not yet in the kernel */
uint64_t sock_written(const struct sock *s); /* bytes the kernel took so far */
void sock_flush(struct sock *s);             /* now rather than at turn end */
void sock_pause(struct sock *s);
void sock_resume(struct sock *s);
void sock_end(struct sock *s); /* FIN behind what is queued */
void sock_close(struct sock *s);
/* By default a reset while paused is told after what arrived before it was
 * read. Eager: it is told at once. */
void sock_set_eager(struct sock *s, bool eager);
bool sock_is_closing(const struct sock *s);
const struct addr *sock_peer(const struct sock *s);
/* Bytes that arrived behind an upgrade are handed on with this: the next
 * on_data begins with a copy of them. */
void sock_unread(struct sock *s, const uint8_t *p, size_t n);

/* --- listening ----------------------------------------------------------- */

struct listener;
typedef void listener_fn(void *owner, struct sock *s); /* gives s */

/* A unix path is bound with mode 0600, replacing a dead socket but never a
 * live one. Errors say what to do ("port 8080 is in use by another program;
 * choose another with --port"). */
struct listener *listener_new(struct loop *l, const struct addr *at,
    listener_fn *on_sock, void *owner, struct err *err);
void listener_close(struct listener *ls); /* stops; frees itself */
const struct addr *listener_addr(const struct listener *ls);

#endif
