/* SPDX-License-Identifier: Apache-2.0 */
/* Strictness of the reader (classes of JSONTestSuite, cases of our own) and
 * the writer's escapes. */
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/jsonw.h"

extern const struct CMUnitTest json_tests[];
extern const size_t json_tests_count;

static bool
accepts(struct str text)
{
	struct err err = {0};
	struct json *j = json_parse(text, 1 << 20, &err);

	if (j == NULL)
		assert_true(err.code != ERR_OK && err.msg[0] != '\0');
	json_free(j);
	return j != NULL;
}

static void
refuses_what_is_not_json(void **state UNUSED)
{
	static const char *const bad[] = {"", " ", "[", "]", "{", "[1,]",
	    "[,1]", "[1,,2]", "{\"a\":1,}", "{\"a\" 1}", "{\"a\":}", "{a:1}",
	    "{'a':1}", "[1 2]", "[01]", "[-01]", "[1.]", "[.5]", "[+1]", "[1e]",
	    "[1e+]", "[0x1]", "[-]", "[--1]", "[NaN]", "[Infinity]",
	    "[-Infinity]", "[1e999]", "[tru]", "[True]", "[nul]", "nulll",
	    "[\"a]", "[\"\\x\"]", "[\"\\u12\"]", "[\"\\u12G4\"]", "['a']",
	    "[\"\t\"]", "[\"\n\"]", "[\"\x01\"]", "[\"\\ud800\"]",
	    "[\"\\udc00\"]", "[\"\\ud800\\u0041\"]", "[\"\\ud800\\ud800\"]",
	    "[\"\xff\"]", "[\"\xc0\x80\"]", "[\"\xed\xa0\x80\"]",
	    "[\"\xf4\x90\x80\x80\"]", "[\"\xe2\x82\"]", "[1]x", "[1][2]", "1 2",
	    "// c\n[1]", "/* c */ [1]", "[1] # c", "\xef\xbb\xbf[1]", "[\f1]",
	    "[\v1]", "\xc2\xa0[1]", "{\"a\":1,\"a\":2}",
	    "{\"a\":1,\"\\u0061\":2}", "[{\"b\":[{\"x\":1,\"x\":1}]}]", "{1:2}",
	    "{null:1}", "{[]:1}", "[\"a\",\n4\n,1,", "*", "<null>", "[\"",
	    "{\"a\":\"b\"}}", "[1}", "{\"a\"]", "\\u000A\"\"", "[1e1.5]",
	    "[1.5e]", "[0e]", "[2.e3]", "[-.1]", "[1+2]", "[a]", "a\xe5",
	    "[\"\\\"]", "[\"\\uD834\\uDd\"]"};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (accepts(str_of(bad[i])))
			fail_msg("accepted: %s", bad[i]);
	}
	assert_false(accepts(STR("[1]\0")));
	assert_false(accepts(STR("[\"a\0b\"]")));
	assert_false(accepts(STR("\0")));
	assert_false(accepts((struct str){NULL, 0}));
}

static void
accepts_what_is_json(void **state UNUSED)
{
	static const char *const good[] = {"[]", "{}", "null", "true", "false",
	    "1", "\"\"", " [] ", "\t[\r\n]\n", "[[]]", "{\"\":0}",
	    "{\"a\":{\"a\":1}}", "[0]", "[-0]", "[0e1]", "[0e+1]", "[1E-2]",
	    "[123e65]", "[-0.0]", "[1.5]", "[20e1]", "[1e-999]",
	    "[123456789012345678901234567890]", "[\"\\u0000\"]",
	    "[\"\\ud834\\udd1e\"]", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
	    "[\"\x7f\"]", "[\"\xc3\xa9\"]", "[\"\xf0\x9f\x98\x80\"]",
	    "[\"\xef\xbf\xbf\"]", "[\"a/*b*/c\"]", "[\"[[[[\"]",
	    "{\"a\":1,\"b\":2}", "[1,null,\"x\",{\"y\":[]}]"};

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		if (!accepts(str_of(good[i])))
			fail_msg("refused: %s", good[i]);
	}
}

static void
limits_depth_and_size(void **state UNUSED)
{
	static char text[200000];
	struct err err = {0};

	memset(text, '[', 64);
	memset(text + 64, ']', 64);
	assert_true(accepts((struct str){text, 128}));
	memset(text, '[', 65);
	memset(text + 65, ']', 65);
	assert_false(accepts((struct str){text, 130}));
	memset(text, '[', sizeof text);
	assert_false(accepts((struct str){text, sizeof text}));
	/* A number of 200,000 digits is infinite as a double. */
	memset(text, '9', sizeof text);
	assert_false(accepts((struct str){text, sizeof text}));
	assert_null(json_parse(STR("[1,2]"), 4, &err));
	assert_int_equal(err.code, ERR_TOO_BIG);
}

static void
finds_repeated_keys_among_many(void **state UNUSED)
{
	struct buf b = BUF_INIT(1 << 16);

	(void)buf_c(&b, '{');
	for (int i = 0; i < 500; i++)
		(void)buf_fmt(&b, "%s\"k%d\":%d", i != 0 ? "," : "", i, i);
	(void)buf_c(&b, '}');
	assert_true(accepts(buf_view(&b)));
	b.n--;
	(void)buf_z(&b, ",\"k7\":0}");
	assert_false(accepts(buf_view(&b)));
	buf_fini(&b);
}

static void
names_the_field_at_fault(void **state UNUSED)
{
	struct json *j = json_parse(
	    STR("{\"id\":\"w\",\"load\":\"much\",\"n\":-1,\"z\":null,\"nul\":"
		"\"a\\u0000b\",\"big\":1e3,\"frac\":1.5}"),
	    1000, NULL);
	const struct json_val *o = json_root(j);
	struct json_fault f = {0};
	struct err err = {0};
	struct str s;
	double d = 7;
	uint64_t u = 7;
	int64_t i;

	assert_non_null(j);
	assert_true(json_str(o, "id", JSON_REQUIRED, &s, &f));
	assert_true(str_eqz(s, "w"));
	assert_false(json_str(o, "none", JSON_OPTIONAL, &s, &f));
	assert_false(json_str(o, "z", JSON_OPTIONAL, &s, &f));
	assert_true(json_i64(o, "big", JSON_REQUIRED, &i, &f));
	assert_int_equal(i, 1000);
	assert_null(f.type);
	assert_false(json_f64(o, "load", JSON_OPTIONAL, &d, &f));
	assert_string_equal(f.field, "load");
	assert_string_equal(f.type, "float_type");
	/* The first fault stays. */
	assert_false(json_u64(o, "n", JSON_REQUIRED, &u, &f));
	assert_string_equal(f.field, "load");
	assert_int_equal(json_fault_err(&f, &err), -1);
	assert_string_equal(err.msg, "field 'load': must be a number");

	f = (struct json_fault){.within = "capabilities"};
	assert_false(json_u64(o, "n", JSON_REQUIRED, &u, &f));
	assert_string_equal(f.field, "capabilities.n");
	f = (struct json_fault){0};
	assert_false(json_i64(o, "frac", JSON_REQUIRED, &i, &f));
	f = (struct json_fault){0};
	assert_false(json_str(o, "nul", JSON_REQUIRED, &s, &f));
	assert_string_equal(f.type, "string_nul");
	f = (struct json_fault){0};
	assert_false(json_str(o, "gone", JSON_REQUIRED, &s, &f));
	assert_string_equal(f.type, "missing");
	assert_true(d == 7.0 && u == 7);
	json_free(j);
}

static void
writes_what_it_read(void **state UNUSED)
{
	static const char text[] =
	    "{\"a\":[1,-2,0.5,1e+300,true,false,null],\"b\":{\"c\":\"\\\"\\\\"
	    "\\n\\u0001\xc3\xa9\"},\"d\":[],\"e\":{},\"\":18446744073709551615}";
	struct json *j = json_parse(STR(text), sizeof text, NULL);
	struct buf b = BUF_INIT(1000);

	assert_non_null(j);
	json_emit(json_root(j), &b);
	assert_string_equal(buf_cstr(&b), text);
	buf_fini(&b);
	json_free(j);
}

static void
writes_valid_json_from_any_bytes(void **state UNUSED)
{
	struct buf b = BUF_INIT(100000);
	struct jsonw w = jsonw_to(&b);
	char all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	jsonw_obj(&w);
	jsonw_kstr(&w, "all", (struct str){all, sizeof all});
	jsonw_kf64(&w, "inf", __builtin_inf());
	jsonw_kf64(&w, "tenth", 0.1);
	jsonw_kf64(&w, "third", 1.0 / 3);
	jsonw_kf64(&w, "load", 0.307);
	jsonw_kf64(&w, "many", 123456.789);
	jsonw_kf64(&w, "three", 3);
	jsonw_kf64(&w, "tiny", 0.0004);
	jsonw_ki64(&w, "min", INT64_MIN);
	jsonw_kz(&w, "none", NULL);
	jsonw_key(&w, "list");
	jsonw_arr(&w);
	jsonw_arr(&w);
	jsonw_end_arr(&w);
	jsonw_obj(&w);
	jsonw_end_obj(&w);
	jsonw_ktime(&w, "never", 0); /* a key in a list: only for this check */
	b.n -= strlen(",\"never\":\"1970-01-01T00:00:00.000Z\"");
	jsonw_end_arr(&w);
	jsonw_kbool(&w, "yes", true);
	jsonw_end_obj(&w);
	assert_true(accepts(buf_view(&b)));
	assert_non_null(strstr(buf_cstr(&b), "\"inf\":null,\"tenth\":0.1,"));
	assert_non_null(strstr(buf_cstr(&b), "0.3333333333333333"));
	assert_non_null(strstr(buf_cstr(&b),
	    "\"load\":0.307,\"many\":123456.789,\"three\":3.0,\"tiny\":0.0004"));
	assert_non_null(strstr(buf_cstr(&b), "\"min\":-9223372036854775808"));
	assert_non_null(strstr(buf_cstr(&b),
	    "\"none\":null,\"list\":[[],{}],\"yes\":true}"));
	buf_fini(&b);
}

const struct CMUnitTest json_tests[] = {
    cmocka_unit_test(refuses_what_is_not_json),
    cmocka_unit_test(accepts_what_is_json),
    cmocka_unit_test(limits_depth_and_size),
    cmocka_unit_test(finds_repeated_keys_among_many),
    cmocka_unit_test(names_the_field_at_fault),
    cmocka_unit_test(writes_what_it_read),
    cmocka_unit_test(writes_valid_json_from_any_bytes),
};
const size_t json_tests_count = COUNT_OF(json_tests);
