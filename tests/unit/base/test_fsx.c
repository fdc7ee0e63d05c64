/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsx.h"
#include "base/mem.h"

extern const struct CMUnitTest fsx_tests[];
extern const size_t fsx_tests_count;

static void
writes_reads_and_locks(void **state UNUSED)
{
	char dir[] = "/tmp/hearth-fsx-XX"
		     "XX"
		     "XX";
	CLEANUP(freep) char *deep = NULL, *file = NULL, *lock = NULL;
	struct buf b = BUF_INIT(10);
	struct err err = {0};
	struct stat st;
	int fd;

	assert_non_null(mkdtemp(dir));
	deep = xasprintf("%s/a/b", dir);
	file = xasprintf("%s/f", deep);
	lock = xasprintf("%s/lock", deep);
	assert_int_equal(fsx_mkdirs(deep, &err), 0);
	assert_int_equal(fsx_mkdirs(deep, &err), 0);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);

	assert_int_equal(fsx_read(file, &b, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(fsx_write(file, STR("12345"), 0600, &err), 0);
	assert_int_equal(fsx_write(file, STR("1234567890"), 0600, &err), 0);
	assert_int_equal(fsx_read(file, &b, &err), 0);
	assert_string_equal(buf_cstr(&b), "1234567890");
	assert_int_equal(fsx_read(file, &b, &err), -1);
	assert_int_equal(err.code, ERR_TOO_BIG);
	assert_int_equal(fsx_mkdirs(file, &err), -1);
	assert_int_equal(fsx_write("/proc/none/f", STR("x"), 0600, &err), -1);

	fd = fsx_lock(lock, &err);
	assert_true(fd >= 0);
	assert_int_equal(fsx_lock(lock, &err), -1);
	assert_int_equal(err.code, ERR_CONFLICT);
	(void)close(fd);
	fd = fsx_lock(lock, &err);
	assert_true(fd >= 0);
	(void)close(fd);
	buf_fini(&b);
	(void)unlink(file);
	(void)unlink(lock);
	(void)rmdir(deep);
	deep[strlen(deep) - 2] = '\0';
	(void)rmdir(deep);
	(void)rmdir(dir);
}

const struct CMUnitTest fsx_tests[] = {
    cmocka_unit_test(writes_reads_and_locks),
};
const size_t fsx_tests_count = COUNT_OF(fsx_tests);
