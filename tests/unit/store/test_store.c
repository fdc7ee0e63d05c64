/* SPDX-License-Identifier: Apache-2.0 */
/* Rows survive, many writers share a commit, and files that are not ours, too
 * new or damaged are refused with a reason. */
#include "unit/unit.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/store.h"

extern const struct CMUnitTest store_tests[];
extern const size_t store_tests_count;

struct fixture {
	struct loop *loop;
	char dir[64];
	char *path;
	size_t done, failed, want;
	size_t workers;
	uint32_t assigned;
	char last_id[64], last_caps[64];
};

static void
setup(struct fixture *f)
{
	*f = (struct fixture){.loop = loop_new()};
	(void)str_copy(f->dir, sizeof f->dir,
	    STR("/tmp/hearth-store-XX"
		"XX"
		"XX"));
	assert_non_null(mkdtemp(f->dir));
	f->path = xasprintf("%s/hearth.db", f->dir);
}

static void
teardown(struct fixture *f)
{
	CLEANUP(freep) char *wal = xasprintf("%s-wal", f->path);

	(void)unlink(wal);
	(void)unlink(f->path);
	(void)rmdir(f->dir);
	free(f->path);
	loop_free(f->loop);
}

static void
on_worker(void *arg, const struct row_worker *r)
{
	struct fixture *f = arg;

	f->workers++;
	f->assigned = r->assigned;
	(void)str_copy(f->last_id, sizeof f->last_id, r->id);
	(void)str_copy(f->last_caps, sizeof f->last_caps, r->capabilities);
}

static struct store *
open_at(struct fixture *f, const char *url, struct err *err)
{
	const struct store_load load = {on_worker, f};

	f->workers = 0;
	return store_open(f->loop, url, &load, err);
}

static void
on_done(void *arg, const struct err *why)
{
	struct fixture *f = arg;

	f->done++;
	f->failed += why != NULL;
	if (f->done == f->want)
		loop_stop(f->loop);
}

static void
put(struct fixture *f, struct store *s, int i)
{
	char id[32];
	struct row_worker r = {.capabilities = STR("{\"a\":1}"),
	    .services = STR("[]"),
	    .assigned = 7,
	    .registered_wall_ms = 1};

	(void)snprintf(id, sizeof id, "w%04d", i);
	r.id = str_of(id);
	store_put_worker(s, &r, on_done, f);
}

static void
rows_survive_and_share_commits(void **state UNUSED)
{
	struct fixture f;
	struct err err = {0};
	struct store_stats stats;
	struct store *s;

	setup(&f);
	s = open_at(&f, f.path, &err);
	assert_non_null(s);
	f.want = 1002;
	for (int i = 0; i < 1000; i++)
		put(&f, s, i);
	store_set_assigned(s, STR("w0999"), 63, on_done, &f);
	store_del_worker(s, STR("w0000"), on_done, &f);
	loop_run(f.loop);
	assert_int_equal(f.failed, 0);
	store_get_stats(s, &stats);
	assert_int_equal(stats.rows, 1002);
	assert_true(stats.commits < 100);
	assert_null(store_trouble(s));
	store_close(s);

	s = open_at(&f, f.path, &err);
	assert_non_null(s);
	assert_int_equal(f.workers, 999);
	assert_string_equal(f.last_id, "w0999");
	assert_string_equal(f.last_caps, "{\"a\":1}");
	assert_int_equal(f.assigned, 63);
	store_close(s);
	teardown(&f);
}

static void
what_waits_is_written_before_closing(void **state UNUSED)
{
	struct fixture f;
	struct err err = {0};
	struct store *s;

	setup(&f);
	s = open_at(&f, f.path, &err);
	for (int i = 0; i < 50; i++)
		put(&f, s, i);
	store_close(s);
	s = open_at(&f, f.path, &err);
	assert_int_equal(f.workers, 50);
	store_close(s);
	s = open_at(&f, "memory:", &err);
	assert_non_null(s);
	assert_int_equal(f.workers, 0);
	store_close(s);
	teardown(&f);
}

static void
run_sql(const char *path, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
}

static void
refuses_newer_and_foreign_files(void **state UNUSED)
{
	struct fixture f;
	struct err err = {0};
	struct store *s;

	setup(&f);
	s = open_at(&f, f.path, &err);
	store_close(s);
	run_sql(f.path, "PRAGMA user_version = 99");
	assert_null(open_at(&f, f.path, &err));
	assert_non_null(strstr(err.msg, "newer Hearth"));
	run_sql(f.path, "PRAGMA application_id = 1; PRAGMA user_version = 1");
	assert_null(open_at(&f, f.path, &err));
	assert_non_null(strstr(err.msg, "another program"));
	assert_null(open_at(&f, f.dir, &err));
	assert_non_null(strstr(err.msg, "not a file"));
	assert_null(open_at(&f, "/nowhere/at/all.db", &err));
	assert_non_null(strstr(err.msg, "--data"));
	teardown(&f);
}

/* One byte changed, or the end cut off: opened with the rows as they were, or
 * refused with a reason; never opened with fewer. */
static void
damage_is_noticed(void **state UNUSED)
{
	struct fixture f;
	struct err err = {0};
	struct store *s;
	struct stat st;
	unsigned char *whole;
	unsigned seed = 3;
	int fd, refused = 0;

	setup(&f);
	s = open_at(&f, f.path, &err);
	for (int i = 0; i < 200; i++)
		put(&f, s, i);
	store_close(s);
	fd = open(f.path, O_RDWR);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	whole = xmalloc((size_t)st.st_size);
	assert_int_equal(pread(fd, whole, (size_t)st.st_size, 0), st.st_size);
	for (int i = 0; i < 60; i++) {
		off_t at = (off_t)(rand_r(&seed) % st.st_size);

		assert_int_equal(pwrite(fd, whole, (size_t)st.st_size, 0),
		    st.st_size);
		if (i % 3 == 0)
			assert_int_equal(ftruncate(fd, at), 0);
		else
			assert_int_equal(pwrite(fd, "\xa5", 1, at), 1);
		err = (struct err){0};
		s = open_at(&f, f.path, &err);
		if (s == NULL) {
			refused++;
			assert_true(strlen(err.msg) > 20);
			continue;
		}
		if (i % 3 != 0)
			assert_int_equal(f.workers, 200);
		store_close(s);
	}
	assert_true(refused > 10);
	free(whole);
	(void)close(fd);
	teardown(&f);
}

const struct CMUnitTest store_tests[] = {
    cmocka_unit_test(rows_survive_and_share_commits),
    cmocka_unit_test(what_waits_is_written_before_closing),
    cmocka_unit_test(refuses_newer_and_foreign_files),
    cmocka_unit_test(damage_is_noticed),
};
const size_t store_tests_count = COUNT_OF(store_tests);
