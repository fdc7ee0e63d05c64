/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms, whole and in pieces: both ways must tell the same. The first line is
 * the Content-Type, its first byte the size of the pieces.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "service/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int
on_part(void *owner, const struct multipart_part *p, struct err *err)
{
	(void)err;
	buf_str(owner, p->name);
	buf_c(owner, p->is_file ? '=' : '-');
	buf_str(owner, p->filename);
	buf_str(owner, p->type);
	return 0;
}

static int
on_data(void *owner, const void *p, size_t n, struct err *err)
{
	(void)err;
	buf_add(owner, p, n);
	return 0;
}

static int
on_part_end(void *owner, struct err *err)
{
	(void)err;
	buf_c(owner, '}');
	return 0;
}

static const struct multipart_sink sink = {on_part, on_data, on_part_end};

static int
parse(struct str type, struct str body, size_t step, struct buf *told)
{
	struct multipart m;
	struct err err = {0};
	int rc = multipart_init(&m, type, &sink, told, &err);

	for (size_t i = 0; rc == 0 && i < body.n; i += step)
		rc = multipart_feed(&m, body.p + i, MIN_OF(step, body.n - i),
		    &err);
	return rc == 0 ? multipart_finish(&m, &err) : rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = {(const char *)data, n};
	struct buf whole = BUF_INIT(1 << 20);
	struct buf pieces = BUF_INIT(1 << 20);
	size_t step = n > 0 ? 1 + data[0] % 16 : 1;
	struct str type;
	int a;
	int b;

	if (n < 2)
		return 0;
	rest = (struct str){rest.p + 1, rest.n - 1};
	type = str_cut(&rest, '\n');
	a = parse(type, rest, n, &whole);
	b = parse(type, rest, step, &pieces);
	if (a != b || (a == 0 && !str_eq(buf_view(&whole), buf_view(&pieces))))
		abort();
	buf_fini(&whole);
	buf_fini(&pieces);
	return 0;
}
