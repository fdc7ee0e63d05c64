/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/identity.h"

extern const struct CMUnitTest identity_tests[];
extern const size_t identity_tests_count;

static void
open_ok(struct identity *id, const char *data, const char *name)
{
	struct err err = {0};

	if (identity_open(id, data, name, &err) != 0)
		fail_msg("%s", err.msg);
}

static void
it_stays_the_same_and_its_epoch_grows(void **state UNUSED)
{
	char data[] = "/tmp/ident-XX"
		      "XX"
		      "XX";
	struct identity a, b;
	struct err err = {0};
	struct stat st;

	assert_non_null(mkdtemp(data));
	open_ok(&a, data, "");
	assert_true(wire_worker_id_ok(str_of(a.name)));
	assert_true(a.epoch > 1700000000);
	assert_int_equal(stat(a.run_dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	/* Twice at once is refused, another name is not. */
	assert_int_equal(identity_open(&b, data, "", &err), -1);
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_non_null(strstr(err.msg, "--worker-id"));
	open_ok(&b, data, "other");
	assert_string_equal(b.name, "other");
	identity_close(&b);
	identity_close(&a);
	open_ok(&b, data, "");
	assert_string_equal(b.name, a.name);
	assert_true(b.epoch > a.epoch);
	identity_close(&b);
	assert_int_equal(identity_open(&b, data, "a/b", &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

static void
a_long_data_folder_gets_a_short_run_folder(void **state UNUSED)
{
	char data[] = "/tmp/ident-XX"
		      "XX"
		      "XX",
	     deep[400];
	struct identity a;

	assert_non_null(mkdtemp(data));
	(void)snprintf(deep, sizeof deep, "%s/%0100d", data, 7);
	open_ok(&a, deep, "");
	assert_true(strlen(a.run_dir) < 40);
	identity_close(&a);
}

static void
an_unwritable_folder_is_an_error(void **state UNUSED)
{
	struct identity a;
	struct err err = {0};

	assert_int_equal(identity_open(&a, "/proc/nowhere", "", &err), -1);
	assert_non_null(strstr(err.msg, "/proc/nowhere"));
	assert_non_null(strstr(err.msg, "--data"));
}

const struct CMUnitTest identity_tests[] = {
    cmocka_unit_test(it_stays_the_same_and_its_epoch_grows),
    cmocka_unit_test(a_long_data_folder_gets_a_short_run_folder),
    cmocka_unit_test(an_unwritable_folder_is_an_error),
};
const size_t identity_tests_count = COUNT_OF(identity_tests);
