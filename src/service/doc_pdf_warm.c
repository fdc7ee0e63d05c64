/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes poppler ready in the process that cells are forked from: its tables
 * are built once, and the functions it calls are bound, when a page of our own
 * has been read there. Without it every cell does that again, which takes
 * longer than reading a page.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "service/doc_pdf.h"

static const char *const objects[] = {
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Count 1/Kids[3 0 R]>>",
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
    "/Resources<</Font<</R 5 0 R/B 6 0 R>>>>>>",
    "<</Length 113>>stream\n"
    "BT /B 18 Tf 72 700 Td (Ready) Tj /R 11 Tf 0 -30 Td "
    "(A page of its own.) Tj 0 -14 Td [(And) -600 (a line.)] TJ ET\n"
    "\nendstream",
    "<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>",
    "<</Type/Font/Subtype/Type1/BaseFont/Times-Bold"
    "/Encoding/WinAnsiEncoding>>",
};

/* The page as a file. */
static void
write_page(struct buf *b)
{
	size_t at[COUNT_OF(objects)];
	size_t table;

	buf_z(b, "%PDF-1.4\n");
	for (size_t i = 0; i < COUNT_OF(objects); i++) {
		at[i] = b->n;
		buf_fmt(b, "%zu 0 obj\n%s\nendobj\n", i + 1, objects[i]);
	}
	table = b->n;
	buf_fmt(b, "xref\n0 %zu\n0000000000 65535 f \n", COUNT_OF(objects) + 1);
	for (size_t i = 0; i < COUNT_OF(objects); i++)
		buf_fmt(b, "%010zu 00000 n \n", at[i]);
	buf_fmt(b,
	    "trailer\n<</Size %zu/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n",
	    COUNT_OF(objects) + 1, table);
}

struct pdf_warm {
	struct buf page;
	struct pdf *pdf; /* open: the tables live as long as a document */
};

static int
read_page(struct pdf *pdf, struct err *err)
{
	struct doc *d = doc_new(NULL);
	struct buf out = BUF_INIT(8192);
	int rc = pdf_read(pdf, 1, 1, d, NULL, err);

	if (rc == 0 &&
	    (!doc_markdown(d, 0, &out) ||
		strstr(buf_cstr(&out), "A page of its own.") == NULL))
		rc = err_set(err, ERR_UNAVAILABLE,
		    "the PDF reader cannot read a page of its own");
	buf_fini(&out);
	doc_free(d);
	return rc;
}

struct pdf_warm *
pdf_warm_new(struct err *err)
{
	struct pdf_warm *w = xcalloc(1, sizeof *w);

	w->page = BUF_INIT(8192);
	write_page(&w->page);
	w->pdf = pdf_open(w->page.p, w->page.n, &doc_default_limits, err);
	if (w->pdf != NULL && read_page(w->pdf, err) == 0)
		return w;
	pdf_warm_free(w);
	return NULL;
}

void
pdf_warm_free(struct pdf_warm *w)
{
	if (w == NULL)
		return;
	pdf_close(w->pdf);
	buf_fini(&w->page);
	free(w);
}
