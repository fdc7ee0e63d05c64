/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer, in the fields that existing clients read (markdown, method,
 * pages, success, error, processing_time) and ours beside them.
 */
#include "service/result.h"

#include <math.h>
#include <stdlib.h>

#include "base/jsonw.h"
#include "base/mem.h"
#include "service/hocr.h"
#include "service/pdf_out.h"

static const struct {
	const char *name;
	const char *mime;
} formats[] = {
    [RESULT_JSON] = {"json", "application/json"},
    [RESULT_TEXT] = {"text", "text/plain; charset=utf-8"},
    [RESULT_MARKDOWN] = {"markdown", "text/markdown; charset=utf-8"},
    [RESULT_HOCR] = {"hocr", "text/vnd.hocr+html; charset=utf-8"},
    [RESULT_PDF] = {"pdf", "application/pdf"},
};

static const char *const method_names[] = {
    [FRAME_METHOD_TEXT] = "text",
    [FRAME_METHOD_OCR] = "tesseract",
    [FRAME_METHOD_NONE] = "none",
};

bool
result_format_parse(struct str name, enum result_format *out)
{
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		if (str_eqz(name, formats[i].name)) {
			*out = (enum result_format)i;
			return true;
		}
	}
	return false;
}

enum result_format
result_format_accept(struct str accept, bool images)
{
	struct str rest = accept;

	while (rest.n > 0) {
		struct str one = str_cut(&rest, ',');
		struct str type = str_trim(str_cut(&one, ';'));

		size_t n = images ? COUNT_OF(formats) : RESULT_MARKDOWN + 1;

		for (size_t i = 0; i < n; i++) {
			struct str mime = str_of(formats[i].mime);

			if (str_ieq(type, str_trim(str_cut(&mime, ';'))))
				return (enum result_format)i;
		}
	}
	return RESULT_JSON;
}

const char *
result_mime(enum result_format f)
{
	return formats[f].mime;
}

/* Text that came page by page, joined. */
static void
join_pages(const struct result *r, bool markdown, struct buf *out)
{
	bool titled = r->service->pages_only;
	bool first = true;

	for (size_t i = 0; i < r->n_pages; i++) {
		const struct result_page *p = &r->pages[i];
		struct str s = buf_view(markdown ? &p->markdown : &p->plain);

		while (s.n > 0 && s.p[s.n - 1] == '\n')
			s.n--;
		if (!markdown && !first)
			buf_c(out, '\f');
		if (markdown && titled)
			buf_fmt(out, "%s## Page %u\n\n", first ? "" : "---\n\n",
			    p->info.number);
		else if (markdown)
			buf_fmt(out, "<!-- page %u -->\n\n", p->info.number);
		buf_str(out, s);
		if (s.n > 0)
			buf_z(out, markdown ? "\n\n" : "\n");
		first = false;
	}
	/* One newline at the end is enough. */
	while (out->n > 1 && out->p[out->n - 1] == '\n' &&
	    out->p[out->n - 2] == '\n')
		out->n--;
}

/* The texts of cells that shared the document, as one cell writes it: a blank
 * line before a page mark, a form feed behind a page that has text. */
static void
join_texts(const struct result *r, bool markdown, struct buf *out)
{
	for (size_t i = 0; i < RESULT_PARTS_MAX; i++) {
		const struct result_text *t = &r->texts[i];
		struct str s = buf_view(markdown ? &t->markdown : &t->plain);

		if (i > 0 && markdown && s.n > 0)
			buf_c(out, '\n');
		else if (i > 0 && t->markdown.n > 0 && out->n > 0 &&
		    out->p[out->n - 1] != '\f')
			buf_c(out, '\f');
		buf_str(out, s);
	}
}

static void
whole_text(const struct result *r, bool markdown, struct buf *out)
{
	const struct result_text *t = &r->texts[0];

	if (t->markdown.n > 0 || t->plain.n > 0 || r->n_pages == 0)
		join_texts(r, markdown, out);
	else
		join_pages(r, markdown, out);
}

/* How it was read: every way that was used. */
static const char *
method_of(const struct result *r)
{
	bool used[COUNT_OF(method_names)] = {false};

	if (r->n_pages == 0)
		return "text";
	for (size_t i = 0; i < r->n_pages; i++)
		used[r->pages[i].info.method] = true;
	if (used[FRAME_METHOD_TEXT] && used[FRAME_METHOD_OCR])
		return "text+tesseract";
	if (used[FRAME_METHOD_TEXT])
		return "text";
	return used[FRAME_METHOD_OCR] ? "tesseract" : "none";
}

static double
rounded(double v, double unit)
{
	return round(v * unit) / unit;
}

static void
page_json(const struct result *r, const struct result_page *p, struct jsonw *j)
{
	jsonw_obj(j);
	jsonw_ku64(j, "page", p->info.number);
	jsonw_kz(j, "method", method_names[p->info.method]);
	jsonw_key(j, "confidence");
	if (p->info.confidence < 0)
		jsonw_null(j);
	else
		jsonw_f64(j, rounded(p->info.confidence, 1e4));
	jsonw_kf64(j, "ms", rounded((double)p->info.us / 1000, 10));
	if (p->info.width > 0) {
		jsonw_ku64(j, "width", p->info.width);
		jsonw_ku64(j, "height", p->info.height);
		jsonw_ki64(j, "orientation", p->info.rotation);
		jsonw_kf64(j, "skew", rounded(p->info.skew, 100));
	}
	if (p->info.problem.n > 0)
		jsonw_kstr(j, "error", p->info.problem);
	if (r->service->pages_only) {
		jsonw_key(j, "words");
		jsonw_arr(j);
		if (p->words.n > 0)
			jsonw_raw(j, buf_view(&p->words));
		jsonw_end_arr(j);
	}
	jsonw_end_obj(j);
}

static void
text_json(const struct result *r, bool markdown, struct jsonw *j)
{
	struct buf text = BUF_INIT(2u * RESULT_TEXT_MAX);

	whole_text(r, markdown, &text);
	jsonw_kstr(j, markdown ? "markdown" : "text", buf_view(&text));
	if (text.full)
		j->b->full = true;
	buf_fini(&text);
}

static bool
write_json(const struct result *r, int64_t took_us, struct buf *out)
{
	struct jsonw j = jsonw_to(out);
	uint32_t total = MAX_OF(r->total_pages, 1);

	jsonw_obj(&j);
	text_json(r, true, &j);
	jsonw_kz(&j, "method", method_of(r));
	jsonw_ku64(&j, "pages", r->n_pages > 0 ? r->n_pages : 1);
	jsonw_kbool(&j, "success", true);
	jsonw_key(&j, "error");
	jsonw_null(&j);
	jsonw_kf64(&j, "processing_time", rounded((double)took_us / 1e6, 1e4));
	text_json(r, false, &j);
	jsonw_key(&j, "metadata");
	jsonw_obj(&j);
	for (size_t i = 0; i < r->n_metas; i++) {
		jsonw_key_str(&j, r->metas[i].key);
		jsonw_str(&j, r->metas[i].value);
	}
	jsonw_end_obj(&j);
	jsonw_kstr(&j, "format", r->format);
	jsonw_kstr(&j, "mime", r->mime);
	jsonw_ku64(&j, "total_pages", MAX_OF(total, (uint32_t)r->n_pages));
	jsonw_key(&j, "page_details");
	jsonw_arr(&j);
	for (size_t i = 0; i < r->n_pages; i++)
		page_json(r, &r->pages[i], &j);
	jsonw_end_arr(&j);
	jsonw_end_obj(&j);
	return !out->full;
}

static bool
write_hocr(const struct result *r, const char *langs, struct buf *out)
{
	bool ok = hocr_head(out, langs);

	for (size_t i = 0; ok && i < r->n_pages; i++)
		ok = buf_str(out, buf_view(&r->pages[i].hocr));
	return ok && hocr_tail(out);
}

static bool
write_pdf(const struct result *r, struct buf *out)
{
	struct str *blobs = xcalloc(r->n_pages + 1, sizeof(*blobs));
	size_t n = 0;
	bool ok;

	for (size_t i = 0; i < r->n_pages; i++) {
		if (r->pages[i].pdf.n > 0)
			blobs[n++] = buf_view(&r->pages[i].pdf);
	}
	ok = n > 0 && pdf_join(out, blobs, n);
	free(blobs);
	return ok;
}

bool
result_write(const struct result *r, enum result_format f, const char *langs,
    int64_t took_us, struct buf *out)
{
	switch (f) {
	case RESULT_TEXT:
	case RESULT_MARKDOWN:
		whole_text(r, f == RESULT_MARKDOWN, out);
		return !out->full;
	case RESULT_HOCR:
		return write_hocr(r, langs, out);
	case RESULT_PDF:
		return write_pdf(r, out);
	case RESULT_JSON:
	default:
		return write_json(r, took_us, out);
	}
}
