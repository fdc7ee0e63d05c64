/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thin skin over yyjson, which parses without recursion and refuses what
 * RFC 8259 refuses. What it lets pass and we do not: depth, duplicate keys.
 *
 * struct json_val is a yyjson_val under another name, struct json its doc.
 */
#include "base/json.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

#include "base/jsonw.h"
#include "base/mem.h"

static yyjson_val *
raw(const struct json_val *v)
{
	/* yyjson's getters take pointers to non-const and change nothing. */
	union {
		const struct json_val *in;
		yyjson_val *out;
	} cast = {.in = v};

	return cast.out;
}

static const struct json_val *
val(const yyjson_val *v)
{
	return (const struct json_val *)(const void *)v;
}

/* Before parsing, so that no memory is spent on what will be refused. */
static bool
too_deep(struct str text)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return true;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

static int
by_text(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	int c = memcmp(x->p, y->p, MIN_OF(x->n, y->n));

	return c != 0 ? c : (x->n > y->n) - (x->n < y->n);
}

static bool
few_keys_repeat(yyjson_val *obj, struct str *dup)
{
	struct str keys[16];
	size_t i, max;
	yyjson_val *k, *v;

	yyjson_obj_foreach(obj, i, max, k, v)
	{
		keys[i] = (struct str){yyjson_get_str(k), yyjson_get_len(k)};
		for (size_t j = 0; j < i; j++) {
			if (str_eq(keys[i], keys[j])) {
				*dup = keys[i];
				return true;
			}
		}
	}
	return false;
}

static bool
keys_repeat(yyjson_val *obj, struct str *dup)
{
	size_t i, max, n = yyjson_obj_size(obj);
	struct str *keys;
	yyjson_val *k, *v;
	bool found = false;

	if (n <= 16)
		return few_keys_repeat(obj, dup);
	keys = xreallocarray(NULL, n, sizeof *keys);
	yyjson_obj_foreach(obj, i, max, k, v)
	    keys[i] = (struct str){yyjson_get_str(k), yyjson_get_len(k)};
	qsort(keys, n, sizeof *keys, by_text);
	for (i = 1; i < n && !found; i++) {
		found = str_eq(keys[i], keys[i - 1]);
		if (found)
			*dup = keys[i];
	}
	free(keys);
	return found;
}

/* No deeper than JSON_DEPTH_MAX, which was checked. */
static bool
any_keys_repeat(yyjson_val *v, struct str *dup) /* NOLINT(misc-no-recursion) */
{
	size_t i, max;
	yyjson_val *k, *e;

	if (yyjson_is_arr(v)) {
		yyjson_arr_foreach(v, i, max, e)
		{
			if (yyjson_is_ctn(e) && any_keys_repeat(e, dup))
				return true;
		}
	} else if (yyjson_is_obj(v)) {
		if (keys_repeat(v, dup))
			return true;
		yyjson_obj_foreach(v, i, max, k, e)
		{
			if (yyjson_is_ctn(e) && any_keys_repeat(e, dup))
				return true;
		}
	}
	return false;
}

struct json *
json_parse(struct str text, size_t max, struct err *err)
{
	union {
		const char *in;
		char *out;
	} cast = {.in = text.p != NULL ? text.p : ""};
	yyjson_read_err why = {0};
	yyjson_doc *doc;
	struct str dup;

	assert(text.p != NULL || text.n == 0);
	if (text.n > max) {
		(void)err_set(err, ERR_TOO_BIG,
		    "JSON of %zu bytes; at most %zu are read", text.n, max);
		return NULL;
	}
	if (too_deep(text)) {
		(void)err_set(err, ERR_INVALID,
		    "JSON is nested deeper than %d levels", JSON_DEPTH_MAX);
		return NULL;
	}
	/* Without the in-situ flag the text is only read. */
	doc = yyjson_read_opts(cast.out, text.n, 0, NULL, &why);
	if (doc == NULL) {
		(void)err_set(err, ERR_INVALID,
		    "not valid JSON: %s at byte %zu", why.msg, why.pos);
		return NULL;
	}
	if (any_keys_repeat(yyjson_doc_get_root(doc), &dup)) {
		(void)err_set(err, ERR_REPEATED, "key '%.*s' occurs twice",
		    (int)MIN_OF(dup.n, 64), dup.p);
		yyjson_doc_free(doc);
		return NULL;
	}
	return (struct json *)(void *)doc;
}

void
json_free(struct json *j)
{
	yyjson_doc_free((yyjson_doc *)(void *)j);
}

void
json_freep(struct json **j)
{
	json_free(*j);
	*j = NULL;
}

const struct json_val *
json_root(const struct json *j)
{
	return val(((const yyjson_doc *)(const void *)j)->root);
}

enum json_type
json_type(const struct json_val *v)
{
	switch (yyjson_get_type(raw(v))) {
	case YYJSON_TYPE_NULL:
		return JSON_NULL;
	case YYJSON_TYPE_BOOL:
		return JSON_BOOL;
	case YYJSON_TYPE_NUM:
		return JSON_NUM;
	case YYJSON_TYPE_STR:
		return JSON_STR;
	case YYJSON_TYPE_ARR:
		return JSON_ARR;
	case YYJSON_TYPE_OBJ:
		return JSON_OBJ;
	default:
		return JSON_NONE;
	}
}

const struct json_val *
json_get(const struct json_val *obj, const char *key)
{
	return val(yyjson_obj_get(raw(obj), key));
}

bool
json_as_str(const struct json_val *v, struct str *out)
{
	if (!yyjson_is_str(raw(v)))
		return false;
	*out = (struct str){yyjson_get_str(raw(v)), yyjson_get_len(raw(v))};
	return true;
}

bool
json_as_bool(const struct json_val *v, bool *out)
{
	if (!yyjson_is_bool(raw(v)))
		return false;
	*out = yyjson_get_bool(raw(v));
	return true;
}

bool
json_as_i64(const struct json_val *v, int64_t *out)
{
	yyjson_val *y = raw(v);
	double d;

	if (yyjson_is_uint(y)) {
		if (yyjson_get_uint(y) > (uint64_t)INT64_MAX)
			return false;
		*out = (int64_t)yyjson_get_uint(y);
		return true;
	}
	if (yyjson_is_sint(y)) {
		*out = yyjson_get_sint(y);
		return true;
	}
	if (!yyjson_is_real(y))
		return false;
	d = yyjson_get_real(y);
	if (!(d >= -9007199254740992.0 && d <= 9007199254740992.0) ||
	    d != (double)(int64_t)d)
		return false;
	*out = (int64_t)d;
	return true;
}

bool
json_as_f64(const struct json_val *v, double *out)
{
	if (!yyjson_is_num(raw(v)))
		return false;
	*out = yyjson_get_num(raw(v));
	return true;
}

size_t
json_count(const struct json_val *v)
{
	return yyjson_is_ctn(raw(v)) ? unsafe_yyjson_get_len(raw(v)) : 0;
}

/* --- fields ---------------------------------------------------------------- */

bool
json_fault_set(struct json_fault *f, const char *field, const char *type,
    const char *fmt, ...)
{
	va_list ap;

	if (f->type != NULL)
		return false;
	f->type = type;
	(void)str_fmt(f->field, sizeof f->field, "%s%s%s",
	    f->within != NULL ? f->within : "",
	    f->within != NULL && field[0] != '\0' ? "." : "", field);
	va_start(ap, fmt);
	(void)vsnprintf(f->msg, sizeof f->msg, fmt, ap);
	va_end(ap);
	return false;
}

int
json_fault_err(const struct json_fault *f, struct err *err)
{
	if (f->field[0] == '\0')
		return err_set(err, ERR_INVALID, "%s", f->msg);
	return err_set(err, ERR_INVALID, "field '%s': %s", f->field, f->msg);
}

/* The value when it is worth looking at; else NULL, with the fault set when
 * it had to be there. */
static const struct json_val *
field(const struct json_val *obj, const char *key, enum json_need need,
    struct json_fault *f)
{
	const struct json_val *v;

	if (f->type != NULL)
		return NULL;
	v = json_get(obj, key);
	if (v != NULL && !yyjson_is_null(raw(v)))
		return v;
	if (need == JSON_REQUIRED) {
		if (v == NULL)
			json_fault_set(f, key, "missing", "is missing");
		else
			json_fault_set(f, key, "none_not_allowed",
			    "must not be null");
	}
	return NULL;
}

bool
json_str(const struct json_val *obj, const char *key, enum json_need need,
    struct str *out, struct json_fault *f)
{
	const struct json_val *v = field(obj, key, need, f);
	struct str s;

	if (v == NULL)
		return false;
	if (!json_as_str(v, &s))
		return json_fault_set(f, key, "string_type",
		    "must be a string");
	if (s.n != 0 && memchr(s.p, '\0', s.n) != NULL)
		return json_fault_set(f, key, "string_nul",
		    "must not contain a NUL character");
	*out = s;
	return true;
}

bool
json_i64(const struct json_val *obj, const char *key, enum json_need need,
    int64_t *out, struct json_fault *f)
{
	const struct json_val *v = field(obj, key, need, f);

	if (v == NULL)
		return false;
	if (!json_as_i64(v, out))
		return json_fault_set(f, key, "int_type",
		    "must be a whole number");
	return true;
}

bool
json_u64(const struct json_val *obj, const char *key, enum json_need need,
    uint64_t *out, struct json_fault *f)
{
	const struct json_val *v = field(obj, key, need, f);
	int64_t i;

	if (v == NULL)
		return false;
	if (yyjson_is_uint(raw(v))) {
		*out = yyjson_get_uint(raw(v));
		return true;
	}
	if (!json_as_i64(v, &i) || i < 0)
		return json_fault_set(f, key, "int_type",
		    "must be a whole number that is not negative");
	*out = (uint64_t)i;
	return true;
}

bool
json_f64(const struct json_val *obj, const char *key, enum json_need need,
    double *out, struct json_fault *f)
{
	const struct json_val *v = field(obj, key, need, f);

	if (v == NULL)
		return false;
	if (!json_as_f64(v, out))
		return json_fault_set(f, key, "float_type", "must be a number");
	return true;
}

bool
json_bool(const struct json_val *obj, const char *key, enum json_need need,
    bool *out, struct json_fault *f)
{
	const struct json_val *v = field(obj, key, need, f);

	if (v == NULL)
		return false;
	if (!json_as_bool(v, out))
		return json_fault_set(f, key, "bool_type",
		    "must be true or false");
	return true;
}

bool
json_obj(const struct json_val *obj, const char *key, enum json_need need,
    const struct json_val **out, struct json_fault *f)
{
	const struct json_val *v = field(obj, key, need, f);

	if (v == NULL)
		return false;
	if (json_type(v) != JSON_OBJ)
		return json_fault_set(f, key, "dict_type", "must be an object");
	*out = v;
	return true;
}

bool
json_arr(const struct json_val *obj, const char *key, enum json_need need,
    const struct json_val **out, struct json_fault *f)
{
	const struct json_val *v = field(obj, key, need, f);

	if (v == NULL)
		return false;
	if (json_type(v) != JSON_ARR)
		return json_fault_set(f, key, "list_type", "must be a list");
	*out = v;
	return true;
}

/* --- walking ------------------------------------------------------------- */

struct json_iter
json_iter(const struct json_val *v)
{
	struct json_iter it = {0};
	yyjson_val *y = raw(v);

	if (!yyjson_is_ctn(y))
		return it;
	it.left = unsafe_yyjson_get_len(y);
	it.is_obj = yyjson_is_obj(y);
	it.at = it.left != 0 ? val(unsafe_yyjson_get_first(y)) : NULL;
	return it;
}

bool
json_next(struct json_iter *it)
{
	yyjson_val *y = raw(it->at);

	if (it->left == 0)
		return false;
	if (it->is_obj) {
		it->key = (struct str){yyjson_get_str(y), yyjson_get_len(y)};
		y++; /* the value stands behind its key */
	}
	it->val = val(y);
	it->left--;
	it->at = it->left != 0 ? val(unsafe_yyjson_get_next(y)) : NULL;
	return true;
}

/* No deeper than JSON_DEPTH_MAX, as above. */
unsigned
json_depth(const struct json_val *v) /* NOLINT(misc-no-recursion) */
{
	struct json_iter it = json_iter(v);
	unsigned deepest = 0;

	if (!yyjson_is_ctn(raw(v)))
		return 0;
	while (json_next(&it)) {
		unsigned n = json_depth(it.val); /* once: MAX_OF() is a macro */

		deepest = MAX_OF(deepest, n);
	}
	return deepest + 1;
}

/* No deeper than JSON_DEPTH_MAX, as above. */
static void
emit(const struct json_val *v, struct jsonw *w) /* NOLINT(misc-no-recursion) */
{
	struct json_iter it = json_iter(v);
	yyjson_val *y = raw(v);
	struct str s = {0};

	switch (json_type(v)) {
	case JSON_OBJ:
		jsonw_obj(w);
		while (json_next(&it)) {
			jsonw_key_str(w, it.key);
			emit(it.val, w);
		}
		jsonw_end_obj(w);
		break;
	case JSON_ARR:
		jsonw_arr(w);
		while (json_next(&it))
			emit(it.val, w);
		jsonw_end_arr(w);
		break;
	case JSON_STR:
		(void)json_as_str(v, &s);
		jsonw_str(w, s);
		break;
	case JSON_BOOL:
		jsonw_bool(w, yyjson_get_bool(y));
		break;
	case JSON_NUM:
		if (yyjson_is_uint(y))
			jsonw_u64(w, yyjson_get_uint(y));
		else if (yyjson_is_sint(y))
			jsonw_i64(w, yyjson_get_sint(y));
		else
			jsonw_f64(w, yyjson_get_real(y));
		break;
	case JSON_NULL:
	case JSON_NONE:
	default:
		jsonw_null(w);
		break;
	}
}

void
json_emit(const struct json_val *v, struct buf *b)
{
	struct jsonw w = jsonw_to(b);

	emit(v, &w);
}
