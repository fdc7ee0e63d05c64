/* SPDX-License-Identifier: Apache-2.0 */
/* Collecting frames; result_write.c makes the answer of them. */
#include "service/result.h"

#include "base/jsonw.h"
#include "base/mem.h"

enum {
	PAGE_BUF_MAX = RESULT_TEXT_MAX,
	PDF_BUF_MAX = 64 * 1024 * 1024,
};

void
result_init(struct result *r, const struct service *svc)
{
	*r = (struct result){.service = svc};
	for (size_t i = 0; i < RESULT_PARTS_MAX; i++)
		r->texts[i] = (struct result_text){BUF_INIT(RESULT_TEXT_MAX),
		    BUF_INIT(RESULT_TEXT_MAX)};
}

static void
page_fini(struct result_page *p)
{
	buf_fini(&p->markdown);
	buf_fini(&p->plain);
	buf_fini(&p->hocr);
	buf_fini(&p->pdf);
	buf_fini(&p->words);
}

void
result_fini(struct result *r)
{
	for (size_t i = 0; i < r->n_pages; i++)
		page_fini(&r->pages[i]);
	free(r->pages);
	free(r->split);
	for (size_t i = 0; i < RESULT_PARTS_MAX; i++) {
		buf_fini(&r->texts[i].markdown);
		buf_fini(&r->texts[i].plain);
	}
	arena_fini(&r->mem);
}

static int
liar(struct err *err, const char *what)
{
	return err_set(err, ERR_CRASHED,
	    "the document reader broke its protocol (%s)", what);
}

/* May this cell say something about the page? */
static bool
allowed(const struct result_scope *in, uint32_t number)
{
	return in->last == 0 || (number >= in->first && number <= in->last);
}

/* Only the first cell speaks for the document. */
static bool
leads(const struct result_scope *in)
{
	return !in->single && in->part == 0;
}

/* The page's place, made when it is new; pages mostly come in order. */
static struct result_page *
page_at(struct result *r, uint32_t number)
{
	size_t i = r->n_pages;

	while (i > 0 && r->pages[i - 1].info.number > number)
		i--;
	if (i > 0 && r->pages[i - 1].info.number == number)
		return &r->pages[i - 1];
	if (number == 0 || r->n_pages >= RESULT_PAGES_MAX)
		return NULL;
	if (r->n_pages == r->cap_pages) {
		r->cap_pages = r->cap_pages > 0 ? r->cap_pages * 2 : 16;
		r->pages = xreallocarray(r->pages, r->cap_pages,
		    sizeof(*r->pages));
	}
	memmove(&r->pages[i + 1], &r->pages[i],
	    (r->n_pages - i) * sizeof(*r->pages));
	r->n_pages++;
	r->pages[i] = (struct result_page){.info = {.number = number,
					       .method = FRAME_METHOD_NONE,
					       .confidence = -1},
	    .markdown = BUF_INIT(PAGE_BUF_MAX),
	    .plain = BUF_INIT(PAGE_BUF_MAX),
	    .hocr = BUF_INIT(PAGE_BUF_MAX),
	    .pdf = BUF_INIT(PDF_BUF_MAX),
	    .words = BUF_INIT(PAGE_BUF_MAX)};
	return &r->pages[i];
}

static int
on_format(struct result *r, struct frame_cur *c, const struct result_scope *in)
{
	struct str format = frame_text(c);
	struct str mime = frame_text(c);
	uint32_t pages = frame_u32(c);

	if (!leads(in) || format.n > 32 || mime.n > 128)
		return 0; /* the first cell's word stands */
	r->format = arena_str(&r->mem, format);
	r->mime = arena_str(&r->mem, mime);
	r->total_pages = pages;
	return 0;
}

static int
on_meta(struct result *r, struct frame_cur *c, const struct result_scope *in)
{
	struct str key = frame_text(c);
	struct str value = frame_text(c);

	if (c->bad || !leads(in) || r->n_metas == RESULT_METAS_MAX)
		return 0;
	r->metas[r->n_metas].key = arena_str(&r->mem, key);
	r->metas[r->n_metas++].value = arena_str(&r->mem, value);
	return 0;
}

static int
on_page(struct result *r, struct frame_cur *c, const struct result_scope *in,
    struct err *err)
{
	struct frame_page info = {0};
	struct result_page *p;

	frame_get_page(c, &info);
	if (c->bad || !allowed(in, info.number))
		return liar(err, "page");
	p = page_at(r, info.number);
	if (p == NULL || p->said)
		return liar(err, "page number");
	p->info = info;
	p->info.problem = arena_str(&r->mem, info.problem);
	p->said = true;
	return 0;
}

static int
on_words(struct result *r, struct frame_cur *c, const struct result_scope *in,
    struct err *err)
{
	uint32_t number = frame_u32(c);
	struct result_page *p = allowed(in, number) ? page_at(r, number) : NULL;
	struct frame_word w;
	struct jsonw j;

	if (p == NULL)
		return liar(err, "words");
	j = jsonw_to(&p->words);
	j.comma = p->words.n > 0;
	while (frame_get_word(c, &w)) {
		if (++r->n_words > RESULT_WORDS_MAX)
			return err_set(err, ERR_LIMIT,
			    "the document has more than %d words",
			    RESULT_WORDS_MAX);
		jsonw_obj(&j);
		jsonw_kstr(&j, "text", w.text);
		jsonw_kf64(&j, "conf", w.confidence);
		jsonw_ku64(&j, "x", w.x);
		jsonw_ku64(&j, "y", w.y);
		jsonw_ku64(&j, "w", w.w);
		jsonw_ku64(&j, "h", w.h);
		jsonw_end_obj(&j);
	}
	return 0;
}

static struct buf *
text_place(struct result *r, enum frame_type type, uint32_t number,
    const struct result_scope *in)
{
	struct result_page *p = NULL;

	if (number == 0 && !in->single && type == FRAME_MARKDOWN)
		return &r->texts[in->part].markdown;
	if (number == 0 && !in->single && type == FRAME_PLAIN)
		return &r->texts[in->part].plain;
	if (number == 0 || !allowed(in, number))
		return NULL;
	p = page_at(r, number);
	if (p == NULL)
		return NULL;
	if (type == FRAME_MARKDOWN)
		return &p->markdown;
	if (type == FRAME_PLAIN)
		return &p->plain;
	return type == FRAME_HOCR ? &p->hocr : &p->pdf;
}

static int
on_text(struct result *r, enum frame_type type, struct frame_cur *c,
    const struct result_scope *in, struct err *err)
{
	uint32_t number = frame_u32(c);
	struct str s = type == FRAME_PDF ? frame_bytes(c) : frame_text(c);
	struct buf *to = NULL;

	if (!c->bad)
		to = text_place(r, type, number, in);
	if (to == NULL)
		return liar(err, "text");
	r->text_bytes += s.n;
	if (!buf_str(to, s) || r->text_bytes > 8u * RESULT_TEXT_MAX)
		return err_set(err, ERR_LIMIT,
		    "the document's text is larger than %d MiB",
		    RESULT_TEXT_MAX >> 20);
	return 0;
}

/* Cells that share a document name their pages in any order. */
static void
split_add(struct result *r, uint32_t number)
{
	size_t i = r->n_split++;

	for (; i > 0 && r->split[i - 1] > number; i--)
		r->split[i] = r->split[i - 1];
	r->split[i] = number;
}

static int
on_split(struct result *r, struct frame_cur *c, const struct result_scope *in,
    struct err *err)
{
	uint32_t number = frame_u32(c);

	if (in->single || number == 0 || !allowed(in, number) ||
	    r->n_split >= RESULT_PAGES_MAX)
		return liar(err, "split");
	for (size_t i = 0; i < r->n_split; i++)
		if (r->split[i] == number)
			return liar(err, "split");
	if (r->split == NULL)
		r->split = xcalloc(RESULT_PAGES_MAX, sizeof(*r->split));
	split_add(r, number);
	return 0;
}

int
result_frame(struct result *r, const struct frame *f,
    const struct result_scope *in, struct err *err)
{
	struct frame_cur c = frame_open(f);
	int rc;

	switch (f->type) {
	case FRAME_FORMAT:
		rc = on_format(r, &c, in);
		break;
	case FRAME_META:
		rc = on_meta(r, &c, in);
		break;
	case FRAME_PAGE:
		rc = on_page(r, &c, in, err);
		break;
	case FRAME_WORDS:
		rc = on_words(r, &c, in, err);
		break;
	case FRAME_MARKDOWN:
	case FRAME_PLAIN:
	case FRAME_HOCR:
	case FRAME_PDF:
		rc = on_text(r, f->type, &c, in, err);
		break;
	case FRAME_SPLIT:
		rc = on_split(r, &c, in, err);
		break;
	case FRAME_SHARE:
	case FRAME_STYLES:
	case FRAME_ERROR:
	case FRAME_END:
	case FRAME__LAST:
	default:
		return liar(err, "type");
	}
	if (rc == 0 && !frame_done(&c))
		return liar(err, "payload");
	return rc;
}

void
result_page_failed(struct result *r, uint32_t number, const struct err *why)
{
	struct result_page *p = page_at(r, number);

	if (p == NULL)
		return;
	/* Half of a page is worse than none. */
	buf_clear(&p->markdown);
	buf_clear(&p->plain);
	buf_clear(&p->hocr);
	buf_clear(&p->pdf);
	buf_clear(&p->words);
	p->info = (struct frame_page){.number = number,
	    .method = FRAME_METHOD_NONE,
	    .confidence = -1,
	    .problem = arena_str(&r->mem, str_of(why->msg))};
	p->said = true;
}

bool
result_is_failure(const struct result *r, struct err *why)
{
	/* A blank page was read; one with another problem was not. */
	for (size_t i = 0; i < r->n_pages; i++) {
		const struct frame_page *p = &r->pages[i].info;

		if (p->method != FRAME_METHOD_NONE ||
		    str_eqz(p->problem, "blank page"))
			return false;
	}
	if (r->n_pages == 0 || r->texts[0].markdown.n > 0)
		return false;
	err_set(why, ERR_CORRUPT, "no page could be read: %.*s",
	    STR_ARG(r->pages[0].info.problem));
	return true;
}
