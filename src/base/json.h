/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading JSON (RFC 8259), strictly: UTF-8 only, no comments, no trailing
 * commas, no duplicate keys, no lone surrogates, no numbers beyond a double,
 * nothing behind the document, at most JSON_DEPTH_MAX levels. Writing is in
 * base/jsonw.h.
 *
 * Values are borrowed from the document and live until json_free().
 *
 *     struct json_fault f = {0};
 *     json_str(root, "worker_id", JSON_REQUIRED, &id, &f);
 *     json_f64(root, "current_load", JSON_OPTIONAL, &load, &f);
 *     if (f.type != NULL)
 *             return json_fault_err(&f, err);
 *
 * The first fault is kept and the getters after it do nothing, so that many
 * fields are read before one check.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"

enum {
	JSON_DEPTH_MAX = 64
};

struct json;
struct json_val;

enum json_type {
	JSON_NONE, /* of NULL */
	JSON_NULL,
	JSON_BOOL,
	JSON_NUM,
	JSON_STR,
	JSON_ARR,
	JSON_OBJ,
};

/* NULL on ERR_INVALID (the text says what and at which byte), ERR_REPEATED (it
 * is JSON, but readers differ on which of two values counts) or ERR_TOO_BIG
 * (more than `max` bytes). */
struct json *json_parse(struct str text, size_t max, struct err *err)
    MUST_CHECK;
void json_free(struct json *j);   /* NULL is fine */
void json_freep(struct json **j); /* for CLEANUP() */
const struct json_val *json_root(const struct json *j);

/* --- fields of an object, with errors that name them --------------------- */

enum json_need {
	JSON_OPTIONAL,
	JSON_REQUIRED
};

/* What was wrong, and where. `type` is a word for programs, as FastAPI (the
 * system whose clients we serve) calls it: "missing", "string_type". */
struct json_fault {
	const char *type;
	char field[96]; /* "capabilities.cpu_cores"; "" = the document */
	char msg[160];
	const char *within; /* set by the caller: path in front of the field */
};

/* True when the field is there (and not null) and has the type; otherwise *out
 * is untouched, and *f is filled when the type is wrong or a required field is
 * missing. Strings are without NUL and borrowed from the document. */
bool json_str(const struct json_val *obj, const char *key, enum json_need need,
    struct str *out, struct json_fault *f);
bool json_i64(const struct json_val *obj, const char *key, enum json_need need,
    int64_t *out, struct json_fault *f);
bool json_u64(const struct json_val *obj, const char *key, enum json_need need,
    uint64_t *out, struct json_fault *f);
bool json_f64(const struct json_val *obj, const char *key, enum json_need need,
    double *out, struct json_fault *f);
bool json_bool(const struct json_val *obj, const char *key, enum json_need need,
    bool *out, struct json_fault *f);
bool json_obj(const struct json_val *obj, const char *key, enum json_need need,
    const struct json_val **out, struct json_fault *f);
bool json_arr(const struct json_val *obj, const char *key, enum json_need need,
    const struct json_val **out, struct json_fault *f);
/* A fault of the caller's own finding. Always returns false. */
bool json_fault_set(struct json_fault *f, const char *field, const char *type,
    const char *fmt, ...) PRINTF(4, 5);
/* As an error: "field 'worker_id': missing". Returns -1. */
int json_fault_err(const struct json_fault *f, struct err *err);

/* --- any value ----------------------------------------------------------- */

enum json_type json_type(const struct json_val *v);
const struct json_val *json_get(const struct json_val *obj, const char *key);
/* False unless the value has the type. */
bool json_as_str(const struct json_val *v, struct str *out); /* may hold NUL */
bool json_as_bool(const struct json_val *v, bool *out);
bool json_as_i64(const struct json_val *v, int64_t *out); /* whole numbers */
bool json_as_f64(const struct json_val *v, double *out);
size_t json_count(const struct json_val *v); /* of an array or object */
/* Levels of arrays and objects; 0 for anything else. */
unsigned json_depth(const struct json_val *v);

/* Walks an array (key stays empty) or an object:
 *     struct json_iter it = json_iter(v);
 *     while (json_next(&it)) use(it.key, it.val); */
struct json_iter {
	struct str key;
	const struct json_val *val;
	const struct json_val *at;
	size_t left;
	bool is_obj;
};
struct json_iter json_iter(const struct json_val *v);
bool json_next(struct json_iter *it);

/* Appends the value as compact JSON. */
void json_emit(const struct json_val *v, struct buf *b);

#endif
