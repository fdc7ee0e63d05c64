/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One document from its first byte to the answer.
 *
 *   RECEIVING  the body streams into the upload (through the form parser)
 *   READING    cells run: the first on the whole document, beside it others
 *              that share its pages when it is long and cores are free, then
 *              one for each page they asked to be read apart, as many at once
 *              as there are cores
 *
 * The client may leave at any moment; its cells die with it.
 */
#include <assert.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/obj.h"
#include "service/host_priv.h"
#include "service/multipart.h"
#include "service/ocr_bank.h"
#include "service/share.h"
#include "service/upload.h"

enum {
	ANSWER_MAX = 512 * 1024 * 1024,
	VALUE_MAX = 256,
	CELLS_AT_ONCE_MAX = 64,
};

struct part {
	struct request *req;
	struct cell *cell; /* NULL: free */
	struct result_scope scope;
};

struct request {
	unsigned magic;
#define REQUEST_MAGIC 0x7e90e571u
	struct host *host;
	struct stream *stream;
	struct arena mem;
	struct upload upload;
	struct multipart form;
	bool is_form;
	bool selftest;
	/* The form field that is arriving. */
	enum {
		FIELD_NONE,
		FIELD_FILE,
		FIELD_VALUE
	} in_field;
	const char *field; /* of the parameters, when FIELD_VALUE */
	char value[VALUE_MAX];
	size_t value_n;
	bool have_file;
	bool received; /* all of the body, or all that matters */

	struct service_job job;
	enum result_format format;
	bool format_given;
	const char *bad_field; /* named in the error answer */

	struct result result;
	struct part parts[CELLS_AT_ONCE_MAX];
	struct share share;
	size_t n_running;
	size_t n_readers; /* of these, all that do not read a single page */
	size_t next_split;
	int64_t from_us;
	TAILQ_ENTRY(request) entry;
};

/* --- the end ------------------------------------------------------------- */

static void
request_free(struct request *q)
{
	struct host *h = q->host;

	CHECK_OBJ(q, REQUEST_MAGIC);
	for (size_t i = 0; i < COUNT_OF(q->parts); i++) {
		if (q->parts[i].cell != NULL)
			cell_cancel(q->parts[i].cell);
	}
	TAILQ_REMOVE(&h->requests, q, entry);
	h->active--;
	upload_fini(&q->upload);
	result_fini(&q->result);
	share_fini(&q->share);
	arena_fini(&q->mem);
	KILL_OBJ(q);
	free(q);
}

static void
fail(struct request *q, const struct err *why)
{
	struct stream *s = q->stream;
	const char *field = q->bad_field;

	q->host->failed++;
	log_debug("service", "document refused: %s", err_wire(why->code));
	/* Not the document's fault: whoever keeps the machine must see it. */
	if (why->code == ERR_IO)
		log_warn("service", "%s", why->msg);
	request_free(q);
	reply_error(s, why, field, NULL);
}

static void
answer_selftest(struct request *q)
{
	const struct service *svc = q->host->conf->service;
	struct buf all = BUF_INIT(ANSWER_MAX);
	struct buf b = BUF_INIT(1024);
	struct jsonw j = jsonw_to(&b);
	struct stream *s = q->stream;
	struct err err = {0};
	int64_t us = clock_us() - q->from_us;

	if (!result_write(&q->result, RESULT_TEXT, "", us, &all) ||
	    strstr(buf_cstr(&all), svc->test_text) == NULL) {
		err_set(&err, ERR_UNAVAILABLE,
		    "the self-test document was not read rightly");
		buf_fini(&all);
		fail(q, &err);
		return;
	}
	jsonw_obj(&j);
	jsonw_kbool(&j, "ok", true);
	jsonw_kf64(&j, "ms", (double)us / 1000);
	jsonw_kz(&j, "service", svc->name);
	jsonw_end_obj(&j);
	request_free(q);
	reply_bytes(s, 200, "application/json", NULL, 0, buf_view(&b));
	buf_fini(&b);
	buf_fini(&all);
}

static void
answer(struct request *q)
{
	struct buf b = BUF_INIT(ANSWER_MAX);
	enum result_format format = q->format;
	struct stream *s = q->stream;
	struct err err = {0};

	if (result_is_failure(&q->result, &err)) {
		fail(q, &err);
		return;
	}
	if (q->selftest) {
		answer_selftest(q);
		return;
	}
	if (!result_write(&q->result, format,
		q->job.lang[0] != '\0' ? q->job.lang : OCR_BANK_DEFAULT,
		clock_us() - q->from_us, &b)) {
		err_set(&err, ERR_LIMIT, "the answer would be too large");
		buf_fini(&b);
		fail(q, &err);
		return;
	}
	q->host->done++;
	request_free(q);
	reply_bytes(s, 200, result_mime(format), NULL, 0, buf_view(&b));
	buf_fini(&b);
}

/* --- cells --------------------------------------------------------------- */

static const struct cell_sink part_sink;

static struct part *
free_part(struct request *q)
{
	unsigned max = MIN_OF(q->host->cells_max, CELLS_AT_ONCE_MAX);

	for (size_t i = 0; i < max; i++) {
		if (q->parts[i].cell == NULL)
			return &q->parts[i];
	}
	return NULL;
}

static void
part_run(struct request *q, struct part *p, const struct service_job *job)
{
	p->req = q;
	p->cell = cells_run(q->host->cells, job, q->upload.fd, &part_sink, p);
	q->n_running++;
	q->n_readers += !p->scope.single;
}

/* Pages that the readers left to others, as far as there is room. */
static void
start_pages(struct request *q)
{
	struct part *p;

	while (
	    q->next_split < q->result.n_split && (p = free_part(q)) != NULL) {
		uint32_t page = q->result.split[q->next_split++];
		struct service_job job = q->job;

		job.first = job.last = page;
		job.share = false;
		job.single = true;
		p->scope = (struct result_scope){page, page, 0, true};
		part_run(q, p, &job);
	}
}

/* --- a document that several cells share ---------------------------------- */

static int
tell_share(struct part *p, uint32_t first, uint32_t last, struct err *err)
{
	struct frame_out out;
	int rc;

	frame_out_init(&out, -1);
	frame_begin(&out, FRAME_SHARE);
	frame_put_u32(&out, first);
	frame_put_u32(&out, last);
	frame_close(&out);
	rc = cell_tell(p->cell, buf_view(&out.b), err);
	frame_out_fini(&out);
	return rc;
}

/* All slots that are free now are taken at once: cells that wait for each
 * other must all be running. */
static int
share_start(struct part *lead, const struct frame *f, struct err *err)
{
	struct request *q = lead->req;
	unsigned cells = 1 +
	    MIN_OF(cells_free_slots(q->host->cells), CELLS_AT_ONCE_MAX - 1);
	uint32_t first = 0;
	uint32_t last = 0;

	if (lead->scope.last != 0 || lead != &q->parts[0])
		return err_set(err, ERR_CRASHED,
		    "the document reader broke its protocol (share)");
	if (share_plan(&q->share, f, cells, &first, &last, err) != 0)
		return -1;
	lead->scope.first = first;
	lead->scope.last = last;
	for (unsigned i = 1; i < q->share.parts; i++) {
		const struct share_part *s = &q->share.part[i];
		struct service_job job = q->job;

		job.first = s->first;
		job.last = s->last;
		job.share = false;
		job.part = true;
		q->parts[i].scope = (struct result_scope){s->first, s->last, i,
		    false};
		part_run(q, &q->parts[i], &job);
	}
	return tell_share(lead, first, last, err);
}

/* The last part has spoken: every one learns the sum. */
static int
tell_styles(struct request *q, struct err *err)
{
	struct pdf_styles sum;
	int rc = 0;

	share_sum(&q->share, &sum);
	for (unsigned i = 0; i < q->share.parts && rc == 0; i++) {
		struct frame_out out;

		frame_out_init(&out, -1);
		pdf_styles_send_sum(&sum, i, &out);
		rc = cell_tell(q->parts[i].cell, buf_view(&out.b), err);
		frame_out_fini(&out);
	}
	pdf_styles_fini(&sum);
	return rc;
}

static int
part_on_frame(void *owner, const struct frame *f, struct err *err)
{
	struct part *p = owner;
	struct request *q = p->req;

	CHECK_OBJ(q, REQUEST_MAGIC);
	if (f->type == FRAME_SHARE && q->job.share)
		return share_start(p, f, err);
	if (f->type != FRAME_STYLES || p->scope.single)
		return result_frame(&q->result, f, &p->scope, err);
	if (share_hear(&q->share, p->scope.part, f, err) != 0)
		return -1;
	return q->share.said == q->share.parts ? tell_styles(q, err) : 0;
}

/* A reader that ends without a word would leave the others waiting. */
static bool
left_out(const struct request *q, const struct part *p)
{
	return !p->scope.single && p->scope.part < q->share.parts &&
	    !q->share.part[p->scope.part].said;
}

static void
part_on_end(void *owner, const struct err *why, const struct cell_usage *usage)
{
	struct part *p = owner;
	struct request *q = p->req;
	struct err err = {0};

	(void)usage;
	CHECK_OBJ(q, REQUEST_MAGIC);
	p->cell = NULL;
	q->n_running--;
	q->n_readers -= !p->scope.single;
	if (why == NULL && left_out(q, p)) {
		err_set(&err, ERR_CRASHED, "the document reader vanished");
		why = &err;
	}
	if (why != NULL && !p->scope.single) {
		fail(q, why);
		return;
	}
	if (why != NULL)
		result_page_failed(&q->result, p->scope.first, why);
	if (q->n_readers == 0)
		start_pages(q);
	if (q->n_running == 0)
		answer(q);
}

static const struct cell_sink part_sink = {part_on_frame, part_on_end};

static void
read_document(struct request *q)
{
	struct err err = {0};

	if (upload_seal(&q->upload, &err) < 0) {
		fail(q, &err);
		return;
	}
	q->from_us = clock_us();
	q->job.hocr = q->format == RESULT_HOCR;
	q->job.pdf = q->format == RESULT_PDF;
	q->job.words = q->format == RESULT_JSON;
	q->job.share = q->host->cells_max > 1;
	part_run(q, &q->parts[0], &q->job);
}

/* --- parameters ---------------------------------------------------------- */

static int
bad_value(struct request *q, const char *field, struct err *err,
    const char *what)
{
	q->bad_field = field;
	return err_set(err, ERR_INVALID, "%s: %s", field, what);
}

static int
set_method(struct request *q, struct str v, struct err *err)
{
	const char *const *known = q->host->conf->service->methods;

	if (str_eqz(v, "ollama") || str_eqz(v, "llamaparse")) {
		q->bad_field = "method";
		return err_set(err, ERR_UNAVAILABLE,
		    "method: '%.*s' is not available here", STR_ARG(v));
	}
	for (size_t i = 0; known[i] != NULL; i++) {
		if (str_eqz(v, known[i]))
			return 0;
	}
	return bad_value(q, "method", err, "unknown method");
}

static int
set_format(struct request *q, struct str v, struct err *err)
{
	bool images = q->host->conf->service->pages_only;

	if (!result_format_parse(v, &q->format) ||
	    (!images && q->format > RESULT_MARKDOWN))
		return bad_value(q, "format", err,
		    images ? "one of json, text, markdown, hocr, pdf"
			   : "one of json, text, markdown");
	q->format_given = true;
	return 0;
}

/* "3", "1-3". */
static int
set_pages(struct request *q, struct str v, struct err *err)
{
	struct str rest = v;
	struct str one = str_cut(&rest, '-');
	uint64_t first;
	uint64_t last;

	if (!str_u64(one, &first) ||
	    (rest.p != NULL ? !str_u64(rest, &last) : (last = first) == 0) ||
	    first == 0 || last < first || last > 1000000)
		return bad_value(q, "pages", err,
		    "a page or a range such as 1-3");
	q->job.first = (uint32_t)first;
	q->job.last = (uint32_t)last;
	return 0;
}

/* Language names as Tesseract has them: letters, digits, '_', '+'. */
static int
set_lang(struct request *q, struct str v, struct err *err)
{
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '_' || c == '+'))
			return bad_value(q, "lang", err,
			    "language names such as eng or eng+deu");
	}
	if (!str_copy(q->job.lang, sizeof(q->job.lang), v))
		return bad_value(q, "lang", err, "too long");
	return 0;
}

static const struct {
	const char *name;
	int (*set)(struct request *q, struct str v, struct err *err);
} parameters[] = {
    {"method", set_method},
    {"format", set_format},
    {"pages", set_pages},
    {"lang", set_lang},
};

static int
read_query(struct request *q, const struct http_head *head, struct err *err)
{
	struct str query = http_query(head->target);
	struct str v;

	for (size_t i = 0; i < COUNT_OF(parameters); i++) {
		if (http_query_get(&q->mem, query, parameters[i].name, &v) &&
		    parameters[i].set(q, v, err) != 0)
			return -1;
	}
	return 0;
}

/* The last part of what the client calls the file; a hint only. */
static void
set_name(struct request *q, struct str name)
{
	for (size_t i = name.n; i > 0; i--) {
		if (name.p[i - 1] == '/' || name.p[i - 1] == '\\') {
			name = (struct str){name.p + i, name.n - i};
			break;
		}
	}
	/* Of a name that is too long the end tells more. */
	if (name.n >= sizeof(q->job.name))
		name = (struct str){name.p + name.n - sizeof(q->job.name) + 1,
		    sizeof(q->job.name) - 1};
	if (memchr(name.p != NULL ? name.p : "", '\0', name.n) == NULL)
		(void)str_copy(q->job.name, sizeof(q->job.name), name);
}

/* --- the form ------------------------------------------------------------ */

static int
form_on_part(void *owner, const struct multipart_part *part, struct err *err)
{
	struct request *q = owner;

	q->in_field = FIELD_NONE;
	q->value_n = 0;
	if (str_eqz(part->name, "file")) {
		if (q->have_file)
			return bad_value(q, "file", err,
			    "one document a request");
		q->have_file = true;
		q->in_field = FIELD_FILE;
		set_name(q, part->filename);
		(void)str_copy(q->job.mime, sizeof(q->job.mime), part->type);
		return 0;
	}
	for (size_t i = 0; i < COUNT_OF(parameters); i++) {
		if (str_eqz(part->name, parameters[i].name)) {
			q->field = parameters[i].name;
			q->in_field = FIELD_VALUE;
		}
	}
	return 0;
}

static int
form_on_data(void *owner, const void *p, size_t n, struct err *err)
{
	struct request *q = owner;

	if (q->in_field == FIELD_FILE)
		return upload_add(&q->upload, p, n, err);
	if (q->in_field != FIELD_VALUE)
		return 0;
	if (n > sizeof(q->value) - q->value_n)
		return bad_value(q, q->field, err, "too long");
	memcpy(q->value + q->value_n, p, n);
	q->value_n += n;
	return 0;
}

static int
form_on_part_end(void *owner, struct err *err)
{
	struct request *q = owner;
	struct str v = {q->value, q->value_n};

	if (q->in_field != FIELD_VALUE)
		return 0;
	for (size_t i = 0; i < COUNT_OF(parameters); i++) {
		if (strcmp(q->field, parameters[i].name) == 0)
			return parameters[i].set(q, v, err);
	}
	return 0;
}

static const struct multipart_sink form_sink = {form_on_part, form_on_data,
    form_on_part_end};

/* --- the body ------------------------------------------------------------ */

static void
on_body(void *owner, const uint8_t *p, size_t n)
{
	struct request *q;
	struct err err = {0};
	int rc;

	CAST_OBJ(q, owner, REQUEST_MAGIC);
	if (q->received)
		rc = 0; /* a self-test needs no body */
	else if (q->is_form)
		rc = multipart_feed(&q->form, p, n, &err);
	else
		rc = upload_add(&q->upload, p, n, &err);
	if (rc != 0) {
		fail(q, &err);
		return;
	}
	stream_consumed(q->stream, n);
}

static void
on_end(void *owner)
{
	struct request *q;
	struct err err = {0};

	CAST_OBJ(q, owner, REQUEST_MAGIC);
	if (q->received)
		return;
	q->received = true;
	if (q->is_form && multipart_finish(&q->form, &err) != 0) {
		fail(q, &err);
		return;
	}
	if (q->is_form && !q->have_file) {
		bad_value(q, "file", &err, "the form has no such field");
		fail(q, &err);
		return;
	}
	read_document(q);
}

static void
on_fail(void *owner, const struct err *why)
{
	struct request *q;
	struct stream *s;

	(void)why;
	CAST_OBJ(q, owner, REQUEST_MAGIC);
	s = q->stream;
	request_free(q);
	stream_close(s);
}

static const struct stream_sink request_sink = {.on_body = on_body,
    .on_end = on_end,
    .on_fail = on_fail};

static struct request *
request_new(struct host *h, struct stream *s)
{
	struct request *q = xcalloc(1, sizeof(*q));

	q->magic = REQUEST_MAGIC;
	q->host = h;
	q->stream = s;
	q->from_us = clock_us();
	upload_init(&q->upload);
	result_init(&q->result, h->conf->service);
	TAILQ_INSERT_TAIL(&h->requests, q, entry);
	h->active++;
	stream_own(s, &request_sink, q);
	return q;
}

static int
request_admit(const struct host *h, const struct http_head *head,
    struct err *err)
{
	if (h->refused.code != ERR_OK) {
		*err = h->refused;
		err->code = ERR_UNAVAILABLE;
		return -1;
	}
	if (h->stopping || h->active >= h->requests_max)
		return err_set(err, ERR_UNAVAILABLE, "%s",
		    h->stopping ? "the service is stopping"
				: "too many documents are waiting");
	if (head->content_length > (int64_t)UPLOAD_MAX + 1024 * 1024)
		return err_set(err, ERR_TOO_BIG,
		    "a document may have at most %d MiB", UPLOAD_MAX >> 20);
	return 0;
}

/* What kind of body is it, and what does the head ask for? */
static int
request_head(struct request *q, const struct http_head *head, struct err *err)
{
	const struct str *type = http_get(head, "content-type");
	const struct str *name = http_get(head, "x-filename");
	const struct str *accept = http_get(head, "accept");

	if (read_query(q, head, err) != 0)
		return -1;
	if (!q->format_given && accept != NULL)
		q->format = result_format_accept(*accept,
		    q->host->conf->service->pages_only);
	if (type != NULL && str_starts(*type, "multipart/")) {
		q->is_form = true;
		return multipart_init(&q->form, *type, &form_sink, q, err);
	}
	if (type != NULL)
		(void)str_copy(q->job.mime, sizeof(q->job.mime), *type);
	if (name != NULL)
		set_name(q, *name);
	return 0;
}

void
request_start(struct host *h, struct stream *s, const struct http_head *head)
{
	struct err err = {0};
	struct request *q;

	if (request_admit(h, head, &err) != 0) {
		h->failed++;
		reply_error(s, &err, NULL, NULL);
		return;
	}
	q = request_new(h, s);
	if (request_head(q, head, &err) != 0) {
		fail(q, &err);
		return;
	}
	if (s->ended)
		on_end(q);
}

void
request_selftest(struct host *h, struct stream *s)
{
	const struct service *svc = h->conf->service;
	struct request *q;
	struct err err = {0};

	if (h->refused.code != ERR_OK) {
		err = h->refused;
		err.code = ERR_UNAVAILABLE;
		reply_error(s, &err, NULL, NULL);
		return;
	}
	q = request_new(h, s);
	q->selftest = true;
	q->received = true;
	(void)str_copy(q->job.name, sizeof(q->job.name),
	    str_of(svc->test_name));
	if (upload_add(&q->upload, svc->test_doc, svc->test_doc_n, &err) != 0)
		fail(q, &err);
	else
		read_document(q);
}
