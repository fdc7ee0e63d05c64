/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells that misbehave in every way we could think of (RELIABILITY S2, S3,
 * S5), in a real zygote under the real walls: the parent learns a typed
 * reason, the slot is free again at once, and the next document is read.
 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rnd.h"
#include "service/cell.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#else
#define UNDER_ASAN 0
#endif

/* The document names what its reader does. */
typedef int evil_fn(const struct service_doc *d, struct frame_out *out,
    struct err *err);

static int
evil_echo(const struct service_doc *d, struct frame_out *out,
    struct err *err UNUSED)
{
	frame_send_chunks(out, FRAME_PLAIN, 0,
	    (struct str){(const char *)d->p, d->n});
	return 0;
}

static int
evil_error(const struct service_doc *d UNUSED, struct frame_out *out UNUSED,
    struct err *err)
{
	return err_set(err, ERR_ENCRYPTED, "it needs a password");
}

#define EVIL(name)                                                 \
	static int evil_##name(const struct service_doc *d UNUSED, \
	    struct frame_out *out UNUSED, struct err *err UNUSED)

EVIL(segv)
{
	raise(SIGSEGV); /* refused by the walls */
	*(volatile int *)(uintptr_t)(d->n - 4) = 1;
	return 0;
}

EVIL(abort)
{
	abort();
}

EVIL(exit)
{
	_exit(0);
}

EVIL(spin)
{
	for (volatile unsigned n = 0;; n = n + 1)
		;
	return 0;
}

EVIL(sleep)
{
	for (;;)
		usleep(100000);
	return 0;
}

EVIL(stop)
{
	(void)syscall(SYS_kill, getpid(), SIGSTOP);
	return evil_sleep(d, out, err);
}

EVIL(memory)
{
	for (;;) {
		char *p = malloc(32 << 20);

		if (p == NULL)
			abort();
		memset(p, 1, 32 << 20);
	}
	return 0;
}

EVIL(forks)
{
	for (int i = 0; i < 1000; i++) {
		if (fork() >= 0)
			return evil_spin(d, out, err);
	}
	return err_set(err, ERR_UNSUPPORTED, "no fork is allowed");
}

EVIL(exec)
{
	char *const argv[] = {(char *)(uintptr_t) "sh", NULL};

	execv("/bin/sh", argv);
	return 0;
}

EVIL(endless)
{
	static char chunk[FRAME_CHUNK];

	memset(chunk, 'x', sizeof(chunk));
	for (;;)
		frame_send_chunks(out, FRAME_PLAIN, 0,
		    (struct str){chunk, sizeof(chunk)});
	return 0;
}

EVIL(hangup)
{
	close(out->fd);
	return evil_sleep(d, out, err);
}

EVIL(garbage)
{
	uint8_t junk[4096];

	rnd_bytes(junk, sizeof(junk));
	(void)!write(out->fd, junk, sizeof(junk));
	return evil_sleep(d, out, err);
}

EVIL(huge)
{
	static const uint8_t head[] = {0xff, 0xff, 0xff, 0x7f, FRAME_PLAIN};

	(void)!write(out->fd, head, sizeof(head));
	return evil_sleep(d, out, err);
}

EVIL(twice)
{
	static const uint8_t ends[] = {0, 0, 0, 0, FRAME_END, 0, 0, 0, 0,
	    FRAME_END};

	(void)!write(out->fd, ends, sizeof(ends));
	return 0;
}

EVIL(disk)
{
	return open("/tmp/x", O_CREAT | O_WRONLY, 0600) < 0 &&
		memfd_create("x", 0) < 0
	    ? err_set(err, ERR_UNSUPPORTED, "no file is allowed")
	    : 0;
}

/* What the cell was left with (S2). */
EVIL(inventory)
{
	char text[256];
	int fds = 0;
	int strings = 0;

	for (int fd = 0; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			fds += fd < 3 || fd == out->fd ? 1 : 100;
	}
	for (char **e = environ; e != NULL && *e != NULL; e++)
		strings++;
	(void)str_fmt(text, sizeof(text), "fds %d env %d secret %s", fds,
	    strings, getenv("SECRET") != NULL ? "there" : "gone");
	frame_send_chunks(out, FRAME_PLAIN, 0, str_of(text));
	return 0;
}

static const struct {
	const char *name;
	evil_fn *fn;
} evils[] = {
#define E(n)                 \
	{                    \
#n, evil_##n \
	}
    E(echo),
    E(error),
    E(segv),
    E(abort),
    E(exit),
    E(spin),
    E(sleep),
    E(stop),
    E(memory),
    E(forks),
    E(exec),
    E(endless),
    E(hangup),
    E(garbage),
    E(huge),
    E(twice),
    E(disk),
    E(inventory),
#undef E
};

static int
evil_run(void *state UNUSED, const struct service_doc *doc,
    struct frame_out *out, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(evils); i++) {
		size_t n = strlen(evils[i].name);

		if (doc->n >= n && memcmp(doc->p, evils[i].name, n) == 0)
			return evils[i].fn(doc, out, err);
	}
	return err_set(err, ERR_UNSUPPORTED, "an unknown document");
}

static int
evil_prepare(void *state UNUSED, const struct service_job *job, struct err *err)
{
	if (strcmp(job->lang, "xxx") == 0)
		return err_set(err, ERR_UNAVAILABLE, "no such language");
	return 0;
}

static const struct service evil = {.name = "evil",
    .prepare = evil_prepare,
    .run = evil_run};

/* --- a pool to try them in ----------------------------------------------- */

struct bench {
	struct loop *loop;
	struct cells *cells;
	struct zygote_conf conf;
	pid_t zygote;
	bool ready, gone;
	unsigned layers;
};

static void
on_state(void *owner, bool gone, unsigned layers, const struct err *why)
{
	struct bench *b = owner;

	if (why != NULL)
		print_message("%s\n", why->msg);
	b->ready = why == NULL;
	b->gone = gone;
	b->layers = layers;
}

static void
bench_open(struct bench *b, int64_t wall_ms)
{
	int fd;

	*b = (struct bench){
	    .conf = {
		.service = &evil,
		.sandbox = {.memory_bytes = 256 << 20, .cpu_s = 2, .files = 16},
	    }};
	(void)setenv("SECRET", "token", 1);
	fd = zygote_start(&b->conf, &b->zygote, NULL);
	assert_true(fd >= 0);
	b->loop = loop_new();
	b->cells = cells_new(b->loop,
	    &(struct cells_conf){.zygote = &b->conf,
		.zygote_fd = fd,
		.running = 2,
		.wall_ms = wall_ms,
		.output_max = 8 << 20,
		.on_state = on_state,
		.owner = b},
	    NULL);
	while (!b->ready && !b->gone)
		loop_turn(b->loop, true);
	assert_true(b->ready);
	assert_int_equal(b->layers & SANDBOX_MANDATORY, SANDBOX_MANDATORY);
}

static void
bench_close(struct bench *b)
{
	cells_free(b->cells);
	loop_turn(b->loop, false);
	loop_free(b->loop);
}

struct outcome {
	bool over;
	enum err_code code;
	char msg[240];
	char text[4096];
	size_t bytes;
	struct cell_usage usage;
};

static int
on_frame(void *owner, const struct frame *f, struct err *err)
{
	struct outcome *o = owner;
	struct frame_cur c = frame_open(f);
	struct str text;

	(void)frame_u32(&c);
	text = frame_text(&c);
	o->bytes += text.n;
	(void)str_copy(o->text, sizeof(o->text), text);
	return frame_done(&c) ? 0 : err_set(err, ERR_CRASHED, "payload");
}

static void
on_end(void *owner, const struct err *why, const struct cell_usage *usage)
{
	struct outcome *o = owner;

	assert_false(o->over);
	o->over = true;
	o->usage = *usage;
	if (why != NULL) {
		o->code = why->code;
		(void)str_copy(o->msg, sizeof(o->msg), str_of(why->msg));
	}
}

static const struct cell_sink cell_sink = {on_frame, on_end};

static int
document(const char *text)
{
	int fd = memfd_create("doc", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static struct outcome
tried_in(struct bench *b, const char *what, const char *lang)
{
	struct outcome o = {0};
	struct service_job job = {0};
	int fd = document(what);

	(void)str_copy(job.lang, sizeof(job.lang), str_of(lang));
	cells_run(b->cells, &job, fd, &cell_sink, &o);
	assert_false(o.over); /* never from inside the call */
	while (!o.over)
		loop_turn(b->loop, !b->gone);
	close(fd);
	return o;
}

static void
expect(struct bench *b, const char *what, enum err_code code)
{
	struct outcome o = tried_in(b, what, "");
	struct outcome after;

	if (o.code != code)
		print_error("%s: %s (%s)\n", what, err_wire(o.code), o.msg);
	assert_int_equal(o.code, code);
	assert_true(code == ERR_OK || strlen(o.msg) > 10);
	/* The service goes on. */
	after = tried_in(b, "echo", "");
	assert_int_equal(after.code, ERR_OK);
	assert_string_equal(after.text, "echo");
	assert_int_equal(cells_running(b->cells), 0);
}

static void
ordinary_ends(void **state UNUSED)
{
	struct bench b;

	bench_open(&b, 5000);
	expect(&b, "echo", ERR_OK);
	expect(&b, "error", ERR_ENCRYPTED);
	expect(&b, "", ERR_EMPTY);
	expect(&b, "what", ERR_UNSUPPORTED);
	assert_int_equal(tried_in(&b, "echo", "xxx").code, ERR_UNAVAILABLE);
	bench_close(&b);
}

static void
evil_ends(void **state UNUSED)
{
	struct bench b;

	bench_open(&b, 5000);
	if (!UNDER_ASAN)
		expect(&b, "segv", ERR_CRASHED);
	expect(&b, "abort", ERR_CRASHED);
	expect(&b, "exit", ERR_CRASHED);
	expect(&b, "exec", ERR_CRASHED);
	expect(&b, "hangup", ERR_CRASHED);
	expect(&b, "garbage", ERR_CRASHED);
	expect(&b, "huge", ERR_CRASHED);
	expect(&b, "twice", ERR_CRASHED);
	expect(&b, "endless", ERR_LIMIT);
	expect(&b, "forks", ERR_UNSUPPORTED);
	expect(&b, "disk", ERR_UNSUPPORTED);
	if (!UNDER_ASAN) /* no address space limit there */
		expect(&b, "memory", ERR_LIMIT);
	expect(&b, "spin", ERR_TIMEOUT);
	bench_close(&b);
}

static void
clock_ends_it(void **state UNUSED)
{
	struct bench b;
	int64_t from;

	bench_open(&b, 200);
	from = clock_ms();
	expect(&b, "sleep", ERR_TIMEOUT);
	expect(&b, "stop", ERR_TIMEOUT);
	/* Two time limits, and the slot free within a second of each. */
	assert_true(clock_ms() - from < 2400);
	bench_close(&b);
}

static void
only_its_own_things(void **state UNUSED)
{
	struct bench b;
	struct outcome o;

	bench_open(&b, 5000);
	o = tried_in(&b, "inventory", "");
	assert_string_equal(o.text, "fds 4 env 0 secret gone");
	bench_close(&b);
}

static void
cancelled_cells_free_their_slot(void **state UNUSED)
{
	struct bench b;
	struct outcome quiet = {0};
	struct cell *cells[4];
	int fd = document("sleep");
	struct service_job job = {0};
	int64_t from;

	bench_open(&b, 60000);
	for (size_t i = 0; i < COUNT_OF(cells); i++)
		cells[i] = cells_run(b.cells, &job, fd, &cell_sink, &quiet);
	while (cells_running(b.cells) < 2)
		loop_turn(b.loop, false);
	assert_int_equal(cells_waiting(b.cells), 2);
	from = clock_ms();
	for (size_t i = 0; i < COUNT_OF(cells); i++)
		cell_cancel(cells[i]);
	expect(&b, "echo", ERR_OK);
	assert_true(clock_ms() - from < 1000);
	assert_false(quiet.over);
	close(fd);
	bench_close(&b);
}

static void
many_at_once_keep_the_limit(void **state UNUSED)
{
	struct bench b;
	struct outcome o[20] = {{0}};
	struct service_job job = {0};
	int fd = document("echo");
	size_t over = 0;

	bench_open(&b, 5000);
	for (size_t i = 0; i < COUNT_OF(o); i++)
		cells_run(b.cells, &job, fd, &cell_sink, &o[i]);
	while (over < COUNT_OF(o)) {
		loop_turn(b.loop, true);
		assert_true(cells_running(b.cells) <= 2);
		over = 0;
		for (size_t i = 0; i < COUNT_OF(o); i++)
			over += o[i].over;
	}
	for (size_t i = 0; i < COUNT_OF(o); i++)
		assert_int_equal(o[i].code, ERR_OK);
	close(fd);
	bench_close(&b);
}

/* Without its zygote a service can only say so. */
static void
lost_zygote(void **state UNUSED)
{
	struct bench b;
	struct outcome o = {0};
	struct service_job job = {0};
	int fd = document("sleep");

	bench_open(&b, 60000);
	cells_run(b.cells, &job, fd, &cell_sink, &o);
	while (cells_running(b.cells) < 1)
		loop_turn(b.loop, false);
	kill(b.zygote, SIGKILL);
	/* Its cell holds the pipe until it is dead too. */
	while (!o.over || !b.gone)
		loop_turn(b.loop, true);
	assert_int_equal(o.code, ERR_UNAVAILABLE);
	assert_int_equal(tried_in(&b, "echo", "").code, ERR_UNAVAILABLE);
	close(fd);
	bench_close(&b);
}

static void
cost(void **state UNUSED)
{
	struct bench b;
	int64_t from;
	enum {
		ROUNDS = 100
	};

	bench_open(&b, 5000);
	from = clock_us();
	for (int i = 0; i < ROUNDS; i++)
		(void)tried_in(&b, "echo", "");
	print_message("one cell, from asking to its end: %lld us\n",
	    (long long)((clock_us() - from) / ROUNDS));
	bench_close(&b);
}

extern const struct CMUnitTest cell_tests[];
extern const size_t cell_tests_count;
const struct CMUnitTest cell_tests[] = {
    cmocka_unit_test(ordinary_ends),
    cmocka_unit_test(evil_ends),
    cmocka_unit_test(clock_ends_it),
    cmocka_unit_test(only_its_own_things),
    cmocka_unit_test(cancelled_cells_free_their_slot),
    cmocka_unit_test(many_at_once_keep_the_limit),
    cmocka_unit_test(lost_zygote),
    cmocka_unit_test(cost),
};
const size_t cell_tests_count = COUNT_OF(cell_tests);
