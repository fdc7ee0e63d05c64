/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of readers: ZIP archives made in memory (stored, no compression)
 * and documents read from bytes.
 */
#ifndef UNIT_SERVICE_DOCS_H
#define UNIT_SERVICE_DOCS_H

#include "unit/unit.h"

#include <stdlib.h>

#include "service/doc.h"

struct zip_maker {
	struct buf out, directory;
	unsigned count;
};

static inline void
le(struct buf *b, uint32_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		(void)buf_c(b, (char)(v >> (8 * i) & 0xff));
}

static inline struct zip_maker
zip_begin(void)
{
	return (struct zip_maker){.out = BUF_INIT(1 << 26),
	    .directory = BUF_INIT(1 << 26)};
}

/* Fields of the directory may lie: flags, and sizes other than the data's. */
static inline void
zip_add_raw(struct zip_maker *z, const char *name, struct str data,
    uint16_t method, uint16_t flags, uint32_t size, uint32_t attributes)
{
	uint32_t offset = (uint32_t)z->out.n;

	(void)buf_z(&z->out, "PK\3\4");
	le(&z->out, 20, 2);
	le(&z->out, flags, 2);
	le(&z->out, method, 2);
	le(&z->out, 0, 8 - 4); /* time and date */
	le(&z->out, 0, 4);     /* CRC */
	le(&z->out, (uint32_t)data.n, 4);
	le(&z->out, size, 4);
	le(&z->out, (uint32_t)strlen(name), 2);
	le(&z->out, 0, 2);
	(void)buf_z(&z->out, name);
	(void)buf_str(&z->out, data);
	(void)buf_z(&z->directory, "PK\1\2");
	le(&z->directory, 3 << 8 | 20, 2); /* made by Unix */
	le(&z->directory, 20, 2);
	le(&z->directory, flags, 2);
	le(&z->directory, method, 2);
	le(&z->directory, 0, 4);
	le(&z->directory, 0, 4);
	le(&z->directory, (uint32_t)data.n, 4);
	le(&z->directory, size, 4);
	le(&z->directory, (uint32_t)strlen(name), 2);
	le(&z->directory, 0, 4); /* extra, comment */
	le(&z->directory, 0, 4); /* disk, internal attributes */
	le(&z->directory, attributes, 4);
	le(&z->directory, offset, 4);
	(void)buf_z(&z->directory, name);
	z->count++;
}

static inline void
zip_add(struct zip_maker *z, const char *name, const char *data)
{
	zip_add_raw(z, name, str_of(data), 0, 0, (uint32_t)strlen(data), 0);
}

/* The whole archive, borrowed until zip_fini(). */
static inline struct str
zip_end(struct zip_maker *z)
{
	uint32_t at = (uint32_t)z->out.n;

	(void)buf_str(&z->out, buf_view(&z->directory));
	(void)buf_z(&z->out, "PK\5\6");
	le(&z->out, 0, 4);
	le(&z->out, z->count, 2);
	le(&z->out, z->count, 2);
	le(&z->out, (uint32_t)z->directory.n, 4);
	le(&z->out, at, 4);
	le(&z->out, 0, 2);
	return buf_view(&z->out);
}

static inline void
zip_fini(struct zip_maker *z)
{
	buf_fini(&z->out);
	buf_fini(&z->directory);
}

/* Reads bytes with one format into Markdown; NULL and *err on failure. The
 * caller frees. */
static inline char *
read_md(const struct doc_format *f, struct str bytes, struct err *err)
{
	struct doc_in in = {.p = (const uint8_t *)bytes.p,
	    .n = bytes.n,
	    .limits = &doc_default_limits};
	struct buf out = BUF_INIT(1 << 26);
	struct doc *d = doc_new(NULL);
	char *z = NULL;

	if (f->read(&in, d, err) == 0 && doc_markdown(d, 0, &out))
		z = buf_take(&out);
	doc_free(d);
	buf_fini(&out);
	return z;
}

static inline void
expect_md(const struct doc_format *f, struct str bytes, const char *want)
{
	struct err err = {.code = ERR_OK};
	char *got = read_md(f, bytes, &err);

	if (got == NULL)
		fail_msg("%s", err.msg);
	assert_string_equal(got, want);
	free(got);
}

static inline void
expect_error(const struct doc_format *f, struct str bytes, enum err_code code)
{
	struct err err = {.code = ERR_OK};
	char *got = read_md(f, bytes, &err);

	assert_null(got);
	assert_int_equal(err.code, code);
	assert_true(strlen(err.msg) > 10);
}

#endif
