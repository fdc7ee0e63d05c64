/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/sock.h"

extern const struct CMUnitTest sock_tests[];
extern const size_t sock_tests_count;

struct end {
	struct sock *s;
	struct buf got;
	size_t got_n;
	bool echo, hold;
	int opens, eofs, rooms, closes;
	enum err_code why;
};

struct pair {
	struct loop *loop;
	struct listener *ls;
	struct end server, client;
};

static void
end_on_open(void *owner)
{
	((struct end *)owner)->opens++;
}

static void
end_on_data(void *owner, const uint8_t *p, size_t n)
{
	struct end *e = owner;

	e->got_n += n;
	buf_add(&e->got, p, n);
	if (e->echo)
		sock_write(e->s, p, n);
}

static void
end_on_eof(void *owner)
{
	((struct end *)owner)->eofs++;
}

static void
end_on_room(void *owner)
{
	((struct end *)owner)->rooms++;
}

static void
end_on_close(void *owner, const struct err *why)
{
	struct end *e = owner;

	e->closes++;
	e->why = why != NULL ? why->code : ERR_OK;
	e->s = NULL;
}

static const struct sock_sink end_sink = {
    .on_open = end_on_open,
    .on_data = end_on_data,
    .on_eof = end_on_eof,
    .on_room = end_on_room,
    .on_close = end_on_close,
};

static void
pair_on_sock(void *owner, struct sock *s)
{
	struct pair *p = owner;

	p->server.s = s;
	sock_set_sink(s, &end_sink, &p->server);
}

static void
pair_open(struct pair *p, const char *at)
{
	struct err err = {0};
	struct addr a;

	*p = (struct pair){.loop = loop_new()};
	p->server.got.max = p->client.got.max = 64 << 20;
	assert_int_equal(addr_parse(str_of(at), &a, NULL), 0);
	p->ls = listener_new(p->loop, &a, pair_on_sock, p, &err);
	assert_non_null(p->ls);
	p->client.s = sock_dial(p->loop, listener_addr(p->ls), 1000, &end_sink,
	    &p->client);
	while (p->server.s == NULL || p->client.opens == 0)
		loop_turn(p->loop, true);
}

static void
pair_close(struct pair *p)
{
	if (p->client.s != NULL)
		sock_close(p->client.s);
	if (p->server.s != NULL)
		sock_close(p->server.s);
	listener_close(p->ls);
	while (p->client.closes == 0 || p->server.closes == 0)
		loop_turn(p->loop, true);
	assert_int_equal(p->client.closes, 1);
	assert_int_equal(p->server.closes, 1);
	buf_fini(&p->client.got);
	buf_fini(&p->server.got);
	loop_free(p->loop);
}

static void
unix_path(char *out, size_t cap)
{
	str_fmt(out, cap, "unix:%s/hearth-sock-%d",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", getpid());
}

static void
bytes_are_echoed(const char *at)
{
	struct pair p;
	size_t total = 0;
	char *big = xmalloc(300000);

	memset(big, 'b', 300000);
	pair_open(&p, at);
	p.server.echo = true;
	for (int i = 0; i < 100; i++) {
		sock_write(p.client.s, "hello ", 6);
		total += 6;
	}
	sock_write(p.client.s, big, 300000);
	sock_write(p.client.s, "end", 3);
	total += 300003;
	while (p.client.got_n < total)
		loop_turn(p.loop, true);
	assert_int_equal(p.client.got_n, total);
	assert_memory_equal(p.client.got.p + total - 4, "bend", 4);
	assert_true(sock_written(p.client.s) == total);
	pair_close(&p);
	free(big);
}

static void
echo_over_tcp(void **state UNUSED)
{
	bytes_are_echoed("127.0.0.1:0");
}

static void
echo_over_unix(void **state UNUSED)
{
	char at[200];
	struct stat st;

	unix_path(at, sizeof(at));
	bytes_are_echoed(at);
	assert_int_equal(lstat(at + 5, &st), -1); /* removed again */
}

static void
half_close_still_answers(void **state UNUSED)
{
	struct pair p;

	pair_open(&p, "127.0.0.1:0");
	sock_write(p.client.s, "ask", 3);
	sock_end(p.client.s);
	while (p.server.eofs == 0)
		loop_turn(p.loop, true);
	assert_int_equal(p.server.got_n, 3);
	sock_write(p.server.s, "answer", 6);
	sock_end(p.server.s);
	sock_close(p.server.s);
	while (p.client.eofs == 0 || p.server.closes == 0)
		loop_turn(p.loop, true);
	assert_int_equal(p.client.got_n, 6);
	assert_int_equal(p.server.why, ERR_OK);
	pair_close(&p);
}

static void
a_reset_is_told(void **state UNUSED)
{
	struct pair p;

	pair_open(&p, "127.0.0.1:0");
	sock_write(p.client.s, "lost", 4);
	sock_close(p.client.s);
	while (p.server.closes == 0)
		loop_turn(p.loop, true);
	assert_int_equal(p.server.why, ERR_PEER);
	assert_int_equal(p.server.eofs, 0);
	pair_close(&p);
}

static void
a_paused_sock_reads_nothing_and_an_eager_one_hears_resets(void **state UNUSED)
{
	for (int eager = 0; eager < 2; eager++) {
		struct pair p;

		pair_open(&p, "127.0.0.1:0");
		sock_pause(p.server.s);
		sock_set_eager(p.server.s, eager);
		sock_write(p.client.s, "x", 1);
		sock_flush(p.client.s);
		for (int i = 0; i < 5; i++)
			loop_turn(p.loop, false);
		assert_int_equal(p.server.got_n, 0);
		sock_close(p.client.s);
		for (int i = 0; i < 20; i++)
			loop_turn(p.loop, false);
		assert_int_equal(p.server.closes, eager);
		if (!eager) {
			sock_resume(p.server.s);
			while (p.server.closes == 0)
				loop_turn(p.loop, true);
			assert_int_equal(p.server.got_n, 1);
		}
		pair_close(&p);
	}
}

static void
room_is_told_when_the_queue_empties(void **state UNUSED)
{
	struct pair p;
	char *big = xcalloc(1, 8 << 20);

	pair_open(&p, "127.0.0.1:0");
	sock_pause(p.server.s);
	sock_write(p.client.s, big, 8 << 20);
	for (int i = 0; i < 5; i++)
		loop_turn(p.loop, false);
	assert_true(sock_queued(p.client.s) > SOCK_HIGH_WATER);
	assert_int_equal(p.client.rooms, 0);
	sock_resume(p.server.s);
	while (p.client.rooms == 0)
		loop_turn(p.loop, true);
	assert_true(sock_queued(p.client.s) <= SOCK_LOW_WATER);
	while (p.server.got_n < 8 << 20)
		loop_turn(p.loop, true);
	assert_int_equal(p.client.rooms, 1);
	pair_close(&p);
	free(big);
}

static void
unread_bytes_come_first(void **state UNUSED)
{
	struct pair p;

	pair_open(&p, "127.0.0.1:0");
	sock_unread(p.server.s, (const uint8_t *)"behind ", 7);
	sock_unread(p.server.s, (const uint8_t *)"first ", 6);
	sock_write(p.client.s, "last", 4);
	while (p.server.got_n < 17)
		loop_turn(p.loop, true);
	assert_memory_equal(p.server.got.p, "first behind last", 17);
	pair_close(&p);
}

static void
dialling_a_closed_port_fails_later(void **state UNUSED)
{
	struct loop *l = loop_new();
	struct end e = {0};
	struct addr a;

	assert_int_equal(addr_parse(STR("127.0.0.1:1"), &a, NULL), 0);
	e.s = sock_dial(l, &a, 1000, &end_sink, &e);
	assert_int_equal(e.closes, 0);
	while (e.closes == 0)
		loop_turn(l, true);
	assert_int_equal(e.why, ERR_PEER);
	assert_int_equal(addr_parse(STR("unix:/nowhere/x"), &a, NULL), 0);
	e.s = sock_dial(l, &a, 1000, &end_sink, &e);
	while (e.closes == 1)
		loop_turn(l, true);
	assert_int_equal(e.opens, 0);
	loop_free(l);
}

static void
no_sock(void *owner UNUSED, struct sock *s)
{
	sock_close(s);
}

static void
a_port_in_use_says_what_to_do(void **state UNUSED)
{
	struct loop *l = loop_new();
	struct listener *ls;
	struct err err = {0};
	struct addr a;

	assert_int_equal(addr_parse(STR("127.0.0.1:0"), &a, NULL), 0);
	ls = listener_new(l, &a, no_sock, NULL, &err);
	assert_non_null(ls);
	assert_null(listener_new(l, listener_addr(ls), no_sock, NULL, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_non_null(strstr(err.msg, "--port"));
	listener_close(ls);
	loop_free(l);
}

static void
only_dead_unix_sockets_are_replaced(void **state UNUSED)
{
	struct loop *l = loop_new();
	struct listener *ls;
	struct err err = {0};
	char at[200];
	struct stat st;
	struct addr a;
	FILE *f;
	int fd;

	unix_path(at, sizeof(at));
	assert_int_equal(addr_parse(str_of(at), &a, NULL), 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a.sa, a.len), 0);
	close(fd); /* leaves a dead socket file behind */
	ls = listener_new(l, &a, no_sock, NULL, &err);
	assert_non_null(ls);
	assert_int_equal(stat(at + 5, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_null(listener_new(l, &a, no_sock, NULL, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	listener_close(ls);
	f = fopen(at + 5, "w");
	assert_non_null(f);
	(void)fclose(f);
	assert_null(listener_new(l, &a, no_sock, NULL, &err));
	assert_int_equal(unlink(at + 5), 0);
	loop_free(l);
}

const struct CMUnitTest sock_tests[] = {
    cmocka_unit_test(echo_over_tcp),
    cmocka_unit_test(echo_over_unix),
    cmocka_unit_test(half_close_still_answers),
    cmocka_unit_test(a_reset_is_told),
    cmocka_unit_test(a_paused_sock_reads_nothing_and_an_eager_one_hears_resets),
    cmocka_unit_test(room_is_told_when_the_queue_empties),
    cmocka_unit_test(unread_bytes_come_first),
    cmocka_unit_test(dialling_a_closed_port_fails_later),
    cmocka_unit_test(a_port_in_use_says_what_to_do),
    cmocka_unit_test(only_dead_unix_sockets_are_replaced),
};
const size_t sock_tests_count = COUNT_OF(sock_tests);
