/* SPDX-License-Identifier: Apache-2.0 */
/* HTML and mail: bytes to Markdown, which must be well-formed UTF-8. */
#include <stdlib.h>

#include "service/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_as(const struct doc_format *f, const uint8_t *data, size_t size)
{
	struct doc_in in = {.p = data,
	    .n = size,
	    .limits = &doc_default_limits};
	struct buf out = BUF_INIT((size_t)1 << 26);
	struct err err;
	struct doc *d = doc_new(NULL);

	(void)f->sniff(&in);
	if (f->read(&in, d, &err) == 0 && doc_markdown(d, 0, &out) &&
	    !str_utf8_ok(buf_view(&out)))
		abort();
	doc_free(d);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	read_as(data[0] % 2 == 0 ? &doc_format_html : &doc_format_eml, data + 1,
	    size - 1);
	return 0;
}
