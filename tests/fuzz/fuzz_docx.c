/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ZIP reader, the XML reader and the readers on top of them. Input that is
 * no archive is packed as the main part of one, so that mutations reach the
 * XML; the first byte chooses the reader.
 */
#include <stdlib.h>

#include "service/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put(struct buf *b, uint32_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		(void)buf_c(b, (char)(i < 4 ? v >> (8 * i) & 0xff : 0));
}

/* One stored entry; sizes, name and offset are the same in both places. */
static void
entry(struct buf *out, bool central, const char *name, const uint8_t *p,
    size_t n)
{
	(void)buf_add(out, central ? "PK\1\2" : "PK\3\4", 4);
	put(out, 20, central ? 4 : 2);
	put(out, 0, 2 + 2 + 4 + 4);
	put(out, (uint32_t)n, 4);
	put(out, (uint32_t)n, 4);
	put(out, (uint32_t)strlen(name), 2);
	put(out, 0, central ? 2 + 2 + 2 + 2 + 4 + 4 : 2);
	(void)buf_z(out, name);
	if (!central)
		(void)buf_add(out, p, n);
}

static void
pack(struct buf *out, const char *name, const uint8_t *p, size_t n)
{
	size_t at;

	entry(out, false, name, p, n);
	at = out->n;
	entry(out, true, name, p, n);
	(void)buf_add(out, "PK\5\6", 4);
	put(out, 0, 4);
	put(out, 1, 2);
	put(out, 1, 2);
	put(out, (uint32_t)(out->n - 12 - at), 4);
	put(out, (uint32_t)at, 4);
	put(out, 0, 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const struct doc_format *format;
		const char *part;
	} kinds[] = {{&doc_format_docx, "word/document.xml"},
	    {&doc_format_odt, "content.xml"},
	    {&doc_format_epub, "META-INF/container.xml"},
	    {&doc_format_pptx, "ppt/presentation.xml"}};
	struct buf file = BUF_INIT((size_t)1 << 24);
	struct buf out = BUF_INIT((size_t)1 << 26);
	struct doc_limits limits = doc_default_limits;
	struct doc_in in = {.limits = &limits};
	struct err err;
	struct doc *d;
	size_t kind;

	if (size < 5)
		return 0;
	limits.inflated = (size_t)8 << 20;
	kind = data[0] % COUNT_OF(kinds);
	if (memcmp(data + 1, "PK", 2) == 0)
		(void)buf_add(&file, data + 1, size - 1);
	else
		pack(&file, kinds[kind].part, data + 1, size - 1);
	in.p = (const uint8_t *)file.p;
	in.n = file.n;
	d = doc_new(&limits);
	(void)kinds[kind].format->sniff(&in);
	if (kinds[kind].format->read(&in, d, &err) == 0 &&
	    doc_markdown(d, 0, &out))
		(void)doc_plain(d, 0, &out);
	doc_free(d);
	buf_fini(&file);
	buf_fini(&out);
	return 0;
}
