/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document-processing: any supported file to Markdown and plain text.
 *
 * The first cell reads everything that needs no OCR. Pages that turn out to be
 * pictures are named in FRAME_SPLIT, and each is read by a cell of its own, as
 * many at once as there are cores.
 */
#include "service/doc.h"
#include "service/service.h"

enum {
	META_MAX = 8 * 1024
};

static const char test_doc[] =
    "Hearth\tself-test\nThe quick brown fox, 42 pounds.\n";

static void
send_about(const struct doc_format *fmt, const struct doc *d,
    struct frame_out *out)
{
	struct str key;
	struct str value;

	frame_begin(out, FRAME_FORMAT);
	frame_put_str(out, str_of(fmt->name));
	frame_put_str(out, str_of(fmt->mime));
	frame_put_u32(out, (uint32_t)doc_pages(d));
	frame_close(out);
	for (size_t i = 0; doc_meta_at(d, i, &key, &value); i++) {
		if (value.n > META_MAX || key.n > META_MAX)
			continue;
		frame_begin(out, FRAME_META);
		frame_put_str(out, key);
		frame_put_str(out, value);
		frame_close(out);
	}
}

static int
send_text(const struct doc *d, uint32_t page, struct frame_out *out,
    struct err *err)
{
	struct buf b = BUF_INIT(2 * doc_default_limits.text_bytes);
	bool fits = doc_markdown(d, page, &b);

	if (fits)
		frame_send_chunks(out, FRAME_MARKDOWN, page, buf_view(&b));
	buf_clear(&b);
	fits = fits && doc_plain(d, page, &b);
	if (fits)
		frame_send_chunks(out, FRAME_PLAIN, page, buf_view(&b));
	buf_fini(&b);
	return fits ? 0 : err_set(err, ERR_LIMIT, "the text is too large");
}

static void
send_page(const struct doc_page_info *p, struct frame_out *out)
{
	frame_send_page(out,
	    &(struct frame_page){
		.number = p->number,
		.method = p->method == DOC_METHOD_TEXT ? FRAME_METHOD_TEXT
		    : p->method == DOC_METHOD_OCR      ? FRAME_METHOD_OCR
						       : FRAME_METHOD_NONE,
		.confidence = p->method == DOC_METHOD_NONE ? -1 : p->confidence,
		.us = p->us,
		.problem = p->problem,
	    });
}

static int
send_doc(const struct service_job *job, const struct doc_format *fmt,
    const struct doc *d, struct frame_out *out, struct err *err)
{
	size_t n = doc_pages(d);

	send_about(fmt, d, out);
	for (size_t i = 0; i < n; i++) {
		struct doc_page_info p;

		doc_page_info(d, i, &p);
		send_page(&p, out);
		if (job->single && send_text(d, p.number, out, err) != 0)
			return -1;
	}
	return job->single ? 0 : send_text(d, 0, out, err);
}

static int
document_run(void *state, const struct service_doc *doc, struct frame_out *out,
    struct err *err)
{
	const struct service_job *job = doc->job;
	struct doc_in in = {.p = doc->p,
	    .n = doc->n,
	    .name = str_of(job->name),
	    .mime = str_of(job->mime),
	    .first = job->first,
	    .last = job->last,
	    .limits = &doc_default_limits};
	const struct doc_format *fmt = doc_sniff(&in, err);
	struct doc *d;
	int rc = -1;

	(void)state;
	if (fmt == NULL)
		return -1;
	d = doc_new(in.limits);
	if (fmt->read(&in, d, err) == 0 && doc_failed(d, err) == 0)
		rc = send_doc(job, fmt, d, out, err);
	doc_free(d);
	return rc;
}

static const char *const document_methods[] = {"hybrid", "text", NULL};

extern const struct service svc_document;
const struct service svc_document = {
    .name = "document-processing",
    .summary = "Reads documents (PDF, office, mail, web, text, images) and "
	       "answers with Markdown and plain text.",
    .methods = document_methods,
    .run = document_run,
    .test_doc = (const uint8_t *)test_doc,
    .test_doc_n = sizeof(test_doc) - 1,
    .test_name = "self-test.txt",
    .test_text = "quick brown fox",
};
