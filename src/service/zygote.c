/* SPDX-License-Identifier: Apache-2.0 */
/* See zygote.h. One thread, one poll(), and a list of running cells. */
#include "service/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"

/* A cell knows these numbers; everything above is closed. */
enum {
	FD_INPUT = 3,
	FD_OUTPUT = 4,
	FD_KEPT
};

struct running {
	uint32_t id;
	pid_t pid;
	TAILQ_ENTRY(running) entry;
};

struct zygote {
	const struct zygote_conf *conf;
	struct sandbox *sandbox;
	void *state; /* the service's */
	int host;
	int signals;
	struct err broken; /* why no cell can be started; code 0: none */
	TAILQ_HEAD(, running) cells;
};

/* --- in the cell --------------------------------------------------------- */

/* Only null devices, the document and the socket are left. */
static int
keep_descriptors(int input, int output)
{
	/* Out of the way first, so that neither lands on the other. */
	int in = fcntl(input, F_DUPFD, FD_KEPT);
	int out = fcntl(output, F_DUPFD, FD_KEPT);

	if (in < 0 || out < 0 || dup2(in, FD_INPUT) < 0 ||
	    dup2(out, FD_OUTPUT) < 0)
		return -1;
#if !defined(__SANITIZE_ADDRESS__)
	/* Libraries may print pieces of the document. */
	if (dup2(0, 2) < 0)
		return -1;
#endif
	return close_range(FD_KEPT, ~0u, 0);
}

static int
map_document(struct service_doc *doc, struct err *err)
{
	struct stat st;
	void *p;

	if (fstat(FD_INPUT, &st) != 0)
		return err_sys(err, errno, "cannot see the document");
	if (st.st_size == 0)
		return err_set(err, ERR_EMPTY, "the document is empty");
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, FD_INPUT, 0);
	if (p == MAP_FAILED)
		return err_set(err, ERR_LIMIT,
		    "the document is larger than a reader may hold");
	(void)close(FD_INPUT);
	doc->p = p;
	doc->n = (size_t)st.st_size;
	return 0;
}

static int
cell_work(const struct zygote *z, const struct service_job *job,
    struct frame_out *out, struct err *err)
{
	struct service_doc doc = {.job = job};

	/* Mapping looks at no byte of it. */
	if (map_document(&doc, err) != 0 ||
	    sandbox_enter(z->sandbox, NULL, err) != 0)
		return -1;
	return z->conf->service->run(z->state, &doc, out, err);
}

NORETURN static void
cell_main(const struct zygote *z, const struct service_job *job, int in,
    int out_fd)
{
	struct frame_out out;
	struct err err = {0};
	sigset_t none;

	sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (keep_descriptors(in, out_fd) != 0)
		_exit(1);
	frame_out_init(&out, FD_OUTPUT);
	if (cell_work(z, job, &out, &err) != 0) {
		frame_send_error(&out, &err);
	} else {
		frame_begin(&out, FRAME_END);
		frame_close(&out);
	}
	_exit(frame_flush(&out) == 0 ? 0 : 1);
}

/* --- in the zygote ------------------------------------------------------- */

static void
say(const struct zygote *z, const struct zygote_say *s)
{
	while (send(z->host, s, sizeof(*s), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void
say_error(const struct zygote *z, enum zygote_op op, uint32_t id,
    const struct err *err)
{
	struct zygote_say s = {.op = op, .id = id, .code = err->code};

	(void)str_copy(s.text, sizeof(s.text), str_of(err->msg));
	say(z, &s);
}

static int
start_cell(struct zygote *z, const struct zygote_ask *ask, int in, int out,
    struct err *err)
{
	const struct service *svc = z->conf->service;
	struct running *r;
	pid_t pid;

	if (z->broken.code != ERR_OK) {
		*err = z->broken;
		return -1;
	}
	if (svc->prepare != NULL && svc->prepare(z->state, &ask->job, err) != 0)
		return -1;
	/* Without the fork handlers of libraries: one of libuv closes
	 * descriptors by numbers that are ours now. We have one thread, so
	 * nothing needs them. */
	pid = _Fork();
	if (pid == 0)
		cell_main(z, &ask->job, in, out);
	if (pid < 0)
		return err_sys(err, errno, "cannot start a process");
	r = xcalloc(1, sizeof(*r));
	r->id = ask->id;
	r->pid = pid;
	TAILQ_INSERT_TAIL(&z->cells, r, entry);
	return 0;
}

static void
kill_cell(struct zygote *z, uint32_t id)
{
	struct running *r;

	TAILQ_FOREACH(r, &z->cells, entry) {
		if (r->id == id)
			(void)kill(r->pid, SIGKILL);
	}
}

static void
cell_ended(struct zygote *z, pid_t pid, int status, const struct rusage *use)
{
	struct running *r;

	TAILQ_FOREACH(r, &z->cells, entry) {
		if (r->pid == pid)
			break;
	}
	if (r == NULL)
		return;
	say(z,
	    &(struct zygote_say){
		.op = ZYGOTE_ENDED,
		.id = r->id,
		.status = status,
		.cpu_us = (use->ru_utime.tv_sec + use->ru_stime.tv_sec) *
			1000000 +
		    use->ru_utime.tv_usec + use->ru_stime.tv_usec,
		.rss_kb = use->ru_maxrss,
	    });
	TAILQ_REMOVE(&z->cells, r, entry);
	free(r);
}

static void
reap(struct zygote *z)
{
	struct signalfd_siginfo info;
	struct rusage use;
	int status;
	pid_t pid;

	(void)!read(z->signals, &info, sizeof(info));
	while ((pid = wait4(-1, &status, WNOHANG, &use)) > 0)
		cell_ended(z, pid, status, &use);
}

/* Descriptors of a message; -1 where there are fewer. */
static void
received_fds(struct msghdr *msg, int fds[2])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	fds[0] = fds[1] = -1;
	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(c),
		    MIN_OF(c->cmsg_len - CMSG_LEN(0), 2 * sizeof(int)));
}

/* False when the host is gone. */
static bool
obey(struct zygote *z)
{
	struct zygote_ask ask;
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = {&ask, sizeof(ask)};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(z->host, &msg, MSG_CMSG_CLOEXEC);
	struct err err = {0};
	int fds[2];

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n != (ssize_t)sizeof(ask))
		return false;
	received_fds(&msg, fds);
	if (ask.op == ZYGOTE_KILL)
		kill_cell(z, ask.id);
	else if (ask.op == ZYGOTE_START &&
	    start_cell(z, &ask, fds[0], fds[1], &err) != 0)
		say_error(z, ZYGOTE_REFUSED, ask.id, &err);
	closep(&fds[0]);
	closep(&fds[1]);
	return true;
}

/* Do the walls stand here? Tried once by a child, so that a service that must
 * refuse every document says so from the start. */
static int
try_walls(struct zygote *z, struct zygote_say *ready, struct err *err)
{
	int fds[2];
	pid_t pid;
	struct {
		unsigned layers;
		int rc;
		struct err err;
	} out = {.rc = -1};
	ssize_t n;
	int status = 0;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_sys(err, errno, "cannot make a pipe");
	pid = _Fork();
	if (pid == 0) {
		out.rc = sandbox_enter(z->sandbox, &out.layers, &out.err);
		_exit(write(fds[1], &out, sizeof(out)) > 0 ? 0 : 1);
	}
	(void)close(fds[1]);
	n = pid > 0 ? read(fds[0], &out, sizeof(out)) : -1;
	(void)close(fds[0]);
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	ready->status = (int32_t)out.layers;
	if (n != (ssize_t)sizeof(out))
		return err_set(err, ERR_UNAVAILABLE,
		    "documents are refused, the sandbox ends its own process "
		    "(wait status %#x)",
		    (unsigned)status);
	*err = out.err;
	return out.rc;
}

static void
warm_up(struct zygote *z)
{
	const struct service *svc = z->conf->service;
	struct zygote_say ready = {.op = ZYGOTE_READY};

	z->sandbox = sandbox_new(&z->conf->sandbox, &z->broken);
	if (z->sandbox == NULL || try_walls(z, &ready, &z->broken) != 0 ||
	    (svc->warm != NULL && svc->warm(&z->state, &z->broken) != 0)) {
		say_error(z, ZYGOTE_FAILED, 0, &z->broken);
		return;
	}
	z->broken.code = ERR_OK;
	say(z, &ready);
}

/* Where the kernel laid the environment down: fields 50 and 51 of stat. glibc
 * points `environ` at a copy of what is meant for itself. */
static bool
environment_area(char **from, char **to)
{
	char line[2048] = {0};
	int fd CLEANUP(closep) = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, line, sizeof(line) - 1) : -1;
	char *at = n > 0 ? strrchr(line, ')') : NULL;
	uintptr_t end;

	for (int field = 2; at != NULL && field < 50; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		return false;
	*from = (char *)(uintptr_t)strtoull(at, &at, 10);
	end = (uintptr_t)strtoull(at, NULL, 10);
	*to = (char *)end;
	return *from != NULL && end > (uintptr_t)*from;
}

/* No name, path or secret of the outside may be left for a cell to find. */
static void
forget_environment(void)
{
	char *p, *end;

	for (char **e = environ; e != NULL && *e != NULL; e++)
		explicit_bzero(*e, strlen(*e));
	(void)clearenv(); /* NOLINT(concurrency-mt-unsafe): one thread */
	if (environment_area(&p, &end))
		explicit_bzero(p, (size_t)(end - p));
}

static int
own_signals(void)
{
	sigset_t set;

	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	/* They are meant for the host, but go to the whole process group. It
	 * finishes what is being read, closes the socket, and then we end. */
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (pthread_sigmask(SIG_SETMASK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Only 0 and 1 (null), 2 (the log) and the socket stay. */
static int
own_descriptors(int host)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		return -1;
	if (host != 3 && dup2(host, 3) < 0)
		return -1;
	(void)close_range(4, ~0u, 0);
	(void)fcntl(3, F_SETFD, FD_CLOEXEC);
	return 3;
}

NORETURN static void
zygote_main(const struct zygote_conf *conf, int host, pid_t parent)
{
	struct zygote z = {.conf = conf};
	struct pollfd wait[2];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, "hearth-zygote");
	TAILQ_INIT(&z.cells);
	z.host = own_descriptors(host);
	z.signals = own_signals();
	if (z.host < 0 || z.signals < 0 || getppid() != parent)
		_exit(1);
	warm_up(&z);
	forget_environment();
	wait[0] = (struct pollfd){.fd = z.host, .events = POLLIN};
	wait[1] = (struct pollfd){.fd = z.signals, .events = POLLIN};
	for (;;) {
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		if (wait[1].revents != 0)
			reap(&z);
		if (wait[0].revents != 0 && !obey(&z))
			_exit(0);
	}
}

/* --- in the host --------------------------------------------------------- */

int
zygote_start(const struct zygote_conf *conf, pid_t *pid_out, struct err *err)
{
	int fds[2];
	pid_t parent = getpid();
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return err_sys(err, errno, "cannot make a socket pair");
	pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		zygote_main(conf, fds[1], parent);
	}
	(void)close(fds[1]);
	if (pid < 0) {
		(void)close(fds[0]);
		return err_sys(err, errno, "cannot start a process");
	}
	if (pid_out != NULL)
		*pid_out = pid;
	return fds[0];
}

int
zygote_send_start(int fd, uint32_t id, const struct service_job *job, int input,
    int output, struct err *err)
{
	struct zygote_ask ask = {.op = ZYGOTE_START, .id = id, .job = *job};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {.space = {0}};
	struct iovec iov = {&ask, sizeof(ask)};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int fds[2] = {input, output};

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	if (sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    (ssize_t)sizeof(ask))
		return err_sys(err, errno, "cannot start a document reader");
	return 0;
}

int
zygote_send_kill(int fd, uint32_t id)
{
	struct zygote_ask ask = {.op = ZYGOTE_KILL, .id = id};

	return send(fd, &ask, sizeof(ask), MSG_NOSIGNAL | MSG_DONTWAIT) ==
		(ssize_t)sizeof(ask)
	    ? 0
	    : -1;
}

int
zygote_receive(int fd, struct zygote_say *s)
{
	ssize_t n = recv(fd, s, sizeof(*s), MSG_DONTWAIT);

	if (n == (ssize_t)sizeof(*s)) {
		s->text[sizeof(s->text) - 1] = '\0';
		return 1;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}
