/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <string.h>

#include "base/buf.h"
#include "base/rnd.h"
#include "service/multipart.h"

/* The form as one line: name[=filename]{data} for each part. */
struct told {
	struct buf b;
};

static int
on_part(void *owner, const struct multipart_part *p, struct err *err UNUSED)
{
	struct told *t = owner;

	buf_str(&t->b, p->name);
	if (p->is_file)
		buf_fmt(&t->b, "=%.*s", STR_ARG(p->filename));
	if (p->type.n > 0)
		buf_fmt(&t->b, "(%.*s)", STR_ARG(p->type));
	buf_c(&t->b, '{');
	return 0;
}

static int
on_data(void *owner, const void *p, size_t n, struct err *err UNUSED)
{
	struct told *t = owner;

	return buf_add(&t->b, p, n) ? 0 : -1;
}

static int
on_part_end(void *owner, struct err *err UNUSED)
{
	struct told *t = owner;

	buf_c(&t->b, '}');
	return 0;
}

static const struct multipart_sink sink = {on_part, on_data, on_part_end};

#define TYPE "multipart/form-data; boundary=XyZ"

/* "!" + reason class for an error. */
static void
told(const char *type, const char *form, size_t n, size_t step, char *out,
    size_t cap)
{
	struct multipart m;
	struct told t = {.b = BUF_INIT(4096)};
	struct err err = {0};
	int rc = multipart_init(&m, str_of(type), &sink, &t, &err);

	for (size_t i = 0; rc == 0 && i < n; i += step)
		rc = multipart_feed(&m, form + i, MIN_OF(step, n - i), &err);
	if (rc == 0)
		rc = multipart_finish(&m, &err);
	if (rc == 0)
		(void)str_copy(out, cap, buf_view(&t.b));
	else
		(void)str_fmt(out, cap, "!%s", err_wire(err.code));
	buf_fini(&t.b);
}

static void
expect(const char *type, const char *form, const char *want)
{
	char got[4096];

	for (size_t step = 1; step <= 70; step++) {
		told(type, form, strlen(form), step, got, sizeof(got));
		assert_string_equal(got, want);
	}
}

#define PART(disposition, data) \
	"--XyZ\r\nContent-Disposition: " disposition "\r\n\r\n" data "\r\n"
#define END "--XyZ--\r\n"

static void
reads_forms(void **state UNUSED)
{
	expect(TYPE, PART("form-data; name=\"a\"", "1") END, "a{1}");
	expect(TYPE,
	    PART("form-data; name=\"a\"", "1")
		PART("form-data; name=file; filename=\"x y.pdf\"", "%PDF") END,
	    "a{1}file=x y.pdf{%PDF}");
	expect("Multipart/Form-Data; charset=utf-8; Boundary=\"a b'?=\"",
	    "preamble\r\n--a b'?=\r\ncontent-disposition:form-data;name=n\r\n"
	    "Content-Type: text/plain\r\nX-Other: 1\r\n\r\n\r\n--a b\r\n"
	    "\r\n--a b'?=--epilogue\r\n--a b'?=\r\nmore",
	    "n(text/plain){\r\n--a b\r\n}");
	expect(TYPE, PART("form-data; name=\"a\"", "") END, "a{}");
	expect(TYPE, PART("form-data; name=\"a\"; filename=\"\"", "") END,
	    "a={}");
	expect(TYPE,
	    PART("form-data; name=\"a\"; filename=\"q\\\"\\\\.txt\"", "x") END,
	    "a=q\"\\.txt{x}");
	expect(TYPE,
	    PART("form-data; name=\"a\"; filename=\"C:\\x.txt\"", "") END,
	    "a=C:\\x.txt{}");
	/* Things that begin like a delimiter are data. */
	expect(TYPE,
	    PART("form-data; name=a", "\r\r\n\r\n-\r\n--\r\n--Xy\r\n--XyY") END,
	    "a{\r\r\n\r\n-\r\n--\r\n--Xy\r\n--XyY}");
	expect(TYPE,
	    "--XyZ \t \r\nContent-Disposition: form-data; name=a\r\n"
	    "\r\n1\r\n--XyZ--",
	    "a{1}");
}

static void
refuses_forms(void **state UNUSED)
{
	static const char *const bad[] = {
	    "",
	    "--XyZ",
	    "--XyZ--extra but no form: fine",
	    PART("form-data; name=\"a\"", "1"), /* no end */
	    "--XyZ\nContent-Disposition: form-data; name=a\n\n1\n--XyZ--",
	    "--XyZ\r\nContent-Disposition: form-data; name=a\n\r\n1\r\n" END,
	    "--XyZ\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n1\r\n" END,
	    "--XyZ\r\n\r\n1\r\n" END,   /* no disposition */
	    PART("form-data", "1") END, /* no name */
	    PART("attachment; name=\"a\"", "1") END,
	    PART("form-data; name=\"a", "1") END, /* open quote */
	    PART("form-data; name=\"a\"; name=\"b\"", "1") END,
	    PART("form-data; name=\"a\"; filename=\"1\"; filename=\"2\"", "")
		END,
	    "--XyZ\r\nContent-Disposition: form-data; name=a\r\n"
	    "Content-Disposition: form-data; name=b\r\n\r\n1\r\n" END,
	    "--XyZ\r\nContent-Disposition: form-data; name=a\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nMQ==\r\n" END,
	    "--XyZx\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" END,
	    "--XyZ -- \r\n",
	    "--XyZ\r\nBad Name: 1\r\n\r\n1\r\n" END,
	    "--XyZ\r\nContent-Disposition\r\n\r\n1\r\n" END,
	    "--XyZ\r\nX: \r1\r\n\r\n1\r\n" END,
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		char got[4096];

		told(TYPE, bad[i], strlen(bad[i]), 3, got, sizeof(got));
		if (i == 2) /* an empty form is complete */
			assert_string_equal(got, "");
		else
			assert_string_equal(got, "!invalid_request");
	}
	expect("application/pdf", "", "!unsupported");
	expect("multipart/mixed; boundary=a", "", "!unsupported");
	expect("multipart/form-data", "", "!invalid_request");
	expect("multipart/form-data; boundary=", "", "!invalid_request");
	expect("multipart/form-data; boundary=a; boundary=b", "",
	    "!invalid_request");
	expect("multipart/form-data; boundary=\"a\r\n\"", "",
	    "!invalid_request");
	expect("multipart/form-data; boundary="
	       "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
	       "aaaaaaaaaabbbbbbbbbbc",
	    "", "!invalid_request");
}

static void
keeps_its_limits(void **state UNUSED)
{
	struct buf b = BUF_INIT(1 << 20);
	char got[4096];

	for (int i = 0; i < 65; i++)
		buf_z(&b, PART("form-data; name=a", ""));
	buf_z(&b, END);
	told(TYPE, b.p, b.n, 100, got, sizeof(got));
	assert_string_equal(got, "!invalid_request");
	buf_clear(&b);
	buf_z(&b, "--XyZ\r\nX: ");
	for (int i = 0; i < 9000; i++)
		buf_c(&b, 'x');
	buf_z(&b, "\r\n\r\n\r\n" END);
	told(TYPE, b.p, b.n, 100, got, sizeof(got));
	assert_string_equal(got, "!invalid_request");
	buf_clear(&b);
	for (int i = 0; i < 9000; i++)
		buf_c(&b, 'x');
	buf_z(&b, "\r\n" PART("form-data; name=a", "") END);
	told(TYPE, b.p, b.n, 100, got, sizeof(got));
	assert_string_equal(got, "!invalid_request");
	buf_fini(&b);
}

static void
survives_mutation(void **state UNUSED)
{
	static const char form[] =
	    "pre\r\n" PART("form-data; name=\"a\"; filename=\"x\"",
		"\r\n--Xy 1") END "post";

	for (int round = 0; round < 20000; round++) {
		char mutant[sizeof(form)];
		char got[4096];

		memcpy(mutant, form, sizeof(form));
		for (int k = 0; k < 3; k++)
			mutant[rnd_below(sizeof(form))] =
			    "\r\n-XyZ\";= \t\0\xff"[rnd_below(13)];
		told(TYPE, mutant, (size_t)rnd_below(sizeof(form)),
		    1 + (size_t)rnd_below(20), got, sizeof(got));
	}
}

extern const struct CMUnitTest multipart_tests[];
extern const size_t multipart_tests_count;
const struct CMUnitTest multipart_tests[] = {
    cmocka_unit_test(reads_forms),
    cmocka_unit_test(refuses_forms),
    cmocka_unit_test(keeps_its_limits),
    cmocka_unit_test(survives_mutation),
};
const size_t multipart_tests_count = COUNT_OF(multipart_tests);
