/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cell's output as the parent takes it: frames, their payloads, and the
 * answer made of them. The first byte says how the bytes are cut.
 */
#include <stdlib.h>

#include "service/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int
take(void *owner, const struct frame *f, struct err *err)
{
	static const struct result_scope all = {0};

	return result_frame(owner, f, &all, err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct service svc = {.name = "fuzz", .pages_only = true};
	struct frame_in in;
	struct result r;
	struct buf out = BUF_INIT(16 << 20);
	struct err err = {0};
	size_t step = n > 0 ? 1 + data[0] : 1;
	int rc = 0;

	frame_in_init(&in, 8 << 20);
	result_init(&r, &svc);
	for (size_t i = 1; rc == 0 && i < n; i += step)
		rc = frame_feed(&in, data + i, MIN_OF(step, n - i), take, &r,
		    &err);
	for (int f = RESULT_JSON; f <= RESULT_PDF; f++) {
		buf_clear(&out);
		if (result_write(&r, (enum result_format)f, "eng", 1, &out) &&
		    f != RESULT_PDF && !str_utf8_ok(buf_view(&out)))
			abort();
	}
	(void)result_is_failure(&r, &err);
	buf_fini(&out);
	result_fini(&r);
	frame_in_fini(&in);
	return 0;
}
