/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON straight into a buffer, without building a tree. Commas are
 * put in by the writer; strings are escaped as RFC 8259 asks, and bytes that
 * are not UTF-8 become U+FFFD, so that the result is always valid.
 *
 *     struct jsonw w = jsonw_to(&buf);
 *     jsonw_obj(&w);
 *     jsonw_kz(&w, "status", "ok");
 *     jsonw_key(&w, "workers");
 *     jsonw_arr(&w);
 *     ...
 *     jsonw_end_arr(&w);
 *     jsonw_end_obj(&w);
 *
 * A full buffer is seen once, at the end, in buf.full.
 */
#ifndef BASE_JSONW_H
#define BASE_JSONW_H

#include "base/buf.h"

struct jsonw {
	struct buf *b;
	bool comma; /* something stands before us on this level */
};

static inline struct jsonw
jsonw_to(struct buf *b)
{
	return (struct jsonw){.b = b};
}

void jsonw_obj(struct jsonw *w);
void jsonw_end_obj(struct jsonw *w);
void jsonw_arr(struct jsonw *w);
void jsonw_end_arr(struct jsonw *w);
void jsonw_key(struct jsonw *w, const char *key);    /* a literal of ours */
void jsonw_key_str(struct jsonw *w, struct str key); /* any text */
void jsonw_str(struct jsonw *w, struct str s);
void jsonw_z(struct jsonw *w, const char *z); /* NULL becomes null */
void jsonw_i64(struct jsonw *w, int64_t v);
void jsonw_u64(struct jsonw *w, uint64_t v);
void jsonw_f64(struct jsonw *w, double v); /* not finite becomes null */
void jsonw_bool(struct jsonw *w, bool v);
void jsonw_null(struct jsonw *w);
void jsonw_time(struct jsonw *w, int64_t wall_ms); /* RFC 3339, UTC */
void jsonw_raw(struct jsonw *w, struct str json);  /* valid JSON, as it is */

/* A key and its value in one call. */
void jsonw_kstr(struct jsonw *w, const char *key, struct str s);
void jsonw_kz(struct jsonw *w, const char *key, const char *z);
void jsonw_ki64(struct jsonw *w, const char *key, int64_t v);
void jsonw_ku64(struct jsonw *w, const char *key, uint64_t v);
void jsonw_kf64(struct jsonw *w, const char *key, double v);
void jsonw_kbool(struct jsonw *w, const char *key, bool v);
void jsonw_ktime(struct jsonw *w, const char *key, int64_t wall_ms);
void jsonw_kraw(struct jsonw *w, const char *key, struct str json);

#endif
