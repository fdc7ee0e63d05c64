/* SPDX-License-Identifier: Apache-2.0 */
#include "service/ocr_bank.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

struct ocr_bank *
ocr_bank_new(struct err *err)
{
	struct ocr_bank *b = xcalloc(1, sizeof(*b));
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets any */
	const char *named = getenv("TESSDATA_PREFIX");

	/* The environment is wiped before the first document comes. */
	if (named != NULL && named[0] != '\0')
		b->tessdata = xasprintf("%s", named);
	b->slots[0].ocr = ocr_new(OCR_BANK_DEFAULT, b->tessdata, err);
	if (b->slots[0].ocr == NULL) {
		free(b->tessdata);
		free(b);
		return NULL;
	}
	(void)str_copy(b->slots[0].lang, sizeof(b->slots[0].lang),
	    STR(OCR_BANK_DEFAULT));
	b->next = 1;
	return b;
}

static const char *
lang_of(const struct service_job *job)
{
	return job->lang[0] != '\0' ? job->lang : OCR_BANK_DEFAULT;
}

static struct ocr *
find(const struct ocr_bank *b, const char *lang)
{
	for (size_t i = 0; i < OCR_BANK_MAX; i++) {
		if (b->slots[i].ocr != NULL &&
		    strcmp(b->slots[i].lang, lang) == 0)
			return b->slots[i].ocr;
	}
	return NULL;
}

int
ocr_bank_prepare(struct ocr_bank *b, const struct service_job *job,
    struct err *err)
{
	const char *lang = lang_of(job);
	struct ocr *ocr;

	if (find(b, lang) != NULL)
		return 0;
	ocr = ocr_new(lang, b->tessdata, err);
	if (ocr == NULL) {
		/* The client asked for it; the service itself is well. */
		if (err != NULL)
			err->code = ERR_INVALID;
		return err_wrap(err, "lang");
	}
	ocr_free(b->slots[b->next].ocr);
	b->slots[b->next].ocr = ocr;
	(void)str_copy(b->slots[b->next].lang, sizeof(b->slots[0].lang),
	    str_of(lang));
	b->next = b->next + 1 < OCR_BANK_MAX ? b->next + 1 : 1;
	return 0;
}

struct ocr *
ocr_bank_get(const struct ocr_bank *b, const struct service_job *job)
{
	struct ocr *ocr = find(b, lang_of(job));

	assert(ocr != NULL);
	return ocr;
}
