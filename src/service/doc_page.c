/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a document knows of its pages, and its metadata.
 */
#include "service/doc_stack.h"

/* Keeps a short text aside; white space collapsed, broken UTF-8 cut. */
static void
side_put(struct doc *d, struct str s, size_t *at, size_t *n)
{
	bool space = false;

	if (s.n > 4096)
		s.n = 4096;
	while (s.n != 0 && !str_utf8_ok(s))
		s.n--;
	*at = d->side.n;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == 0x7f) {
			space = d->side.n != *at;
			continue;
		}
		if (space)
			(void)buf_c(&d->side, ' ');
		space = false;
		(void)buf_c(&d->side, (char)c);
	}
	*n = d->side.n - *at;
}

void
doc_meta(struct doc *d, const char *key, struct str value)
{
	struct doc_meta_rec rec;
	struct str k, v;

	if (d->over != NULL)
		return;
	for (size_t i = 0; doc_meta_at(d, i, &k, &v); i++) {
		if (str_eqz(k, key))
			return;
	}
	side_put(d, value, &rec.value_at, &rec.value_n);
	if (rec.value_n == 0)
		return;
	side_put(d, str_of(key), &rec.key_at, &rec.key_n);
	(void)buf_add(&d->metas, &rec, sizeof rec);
}

bool
doc_meta_at(const struct doc *d, size_t i, struct str *key, struct str *value)
{
	struct doc_meta_rec rec;

	if (i >= d->metas.n / sizeof rec)
		return false;
	memcpy(&rec, d->metas.p + i * sizeof rec, sizeof rec);
	*key = (struct str){d->side.p + rec.key_at, rec.key_n};
	*value = (struct str){d->side.p + rec.value_at, rec.value_n};
	return true;
}

void
doc_page(struct doc *d, unsigned number, struct str label)
{
	struct doc_page_rec rec = {.info.number = number,
	    .info.method = DOC_METHOD_TEXT,
	    .info.confidence = 1};
	struct doc_node *n;

	if (d->over != NULL)
		return;
	doc_pop_implicit(d);
	side_put(d, label, &rec.label_at, &rec.label_n);
	rec.node = doc_node_count(d);
	rec.outer = d->n_open != 0 && !d->open[0].split ? d->open[0].node
							: rec.node;
	n = doc_node_add(d, DOC_PAGE);
	if (n == NULL)
		return;
	n->b = (uint32_t)(d->pages.n / sizeof rec);
	if (!buf_add(&d->pages, &rec, sizeof rec))
		d->over = "too many pages";
}

void
doc_page_read(struct doc *d, enum doc_method how, double confidence, int64_t us,
    struct str problem)
{
	struct doc_page_rec *rec;

	if (d->over != NULL || d->pages.n == 0)
		return;
	rec = doc_page_recs(d) + d->pages.n / sizeof *rec - 1;
	rec->info.method = how;
	rec->info.confidence = confidence;
	rec->info.us = us;
	side_put(d, problem, &rec->problem_at, &rec->problem_n);
}

size_t
doc_pages(const struct doc *d)
{
	return d->pages.n / sizeof(struct doc_page_rec);
}

void
doc_page_info(const struct doc *d, size_t i, struct doc_page_info *out)
{
	const struct doc_page_rec *rec = doc_page_recs(d) + i;

	assert(i < doc_pages(d));
	*out = rec->info;
	out->problem = (struct str){d->side.p != NULL
		? d->side.p + rec->problem_at
		: "",
	    rec->problem_n};
}
