/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers of formats that are text: RTF, CSV, plain text in any encoding,
 * and Excel's number formats. The first byte chooses.
 */
#include "service/doc_charset.h"
#include "service/doc_sheet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
number(const uint8_t *p, size_t n)
{
	struct buf out = BUF_INIT((size_t)1 << 20);
	double v = 0;

	if (n < 8)
		return;
	memcpy(&v, p, 8);
	sheet_number(v, (struct str){(const char *)p + 8, n - 8}, false, &out);
	sheet_number(44269.75, (struct str){(const char *)p + 8, n - 8}, true,
	    &out);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct doc_format *const kinds[] = {&doc_format_rtf,
	    &doc_format_csv, &doc_format_txt};
	struct buf out = BUF_INIT((size_t)1 << 26);
	struct doc_in in = {.limits = &doc_default_limits};
	struct doc *d;

	if (size < 2)
		return 0;
	if (data[0] % 4 == 3) {
		number(data + 1, size - 1);
		return 0;
	}
	in.p = data + 1;
	in.n = size - 1;
	(void)doc_sniff(&in, NULL);
	d = doc_new(&doc_default_limits);
	if (kinds[data[0] % 4]->read(&in, d, NULL) == 0 &&
	    doc_markdown(d, 0, &out))
		(void)doc_plain(d, 0, &out);
	doc_free(d);
	buf_fini(&out);
	return 0;
}
