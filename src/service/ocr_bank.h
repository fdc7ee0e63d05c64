/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded recognisers, by language: the default from the start, others when a
 * job asks for them. Lives in the zygote, so that every cell starts hot.
 */
#ifndef SERVICE_OCR_BANK_H
#define SERVICE_OCR_BANK_H

#include "service/ocr.h"
#include "service/service.h"

#define OCR_BANK_DEFAULT "eng"

enum {
	OCR_BANK_MAX = 4
};

struct ocr_bank {
	struct {
		char lang[SERVICE_LANG_MAX];
		struct ocr *ocr;
	} slots[OCR_BANK_MAX]; /* 0: the default */
	unsigned next;         /* slot to be used again */
	char *tessdata;        /* from TESSDATA_PREFIX; NULL: the system's */
};

/* Loads the default language, from the folder that TESSDATA_PREFIX names if it
 * names one; NULL with the reason. */
struct ocr_bank *ocr_bank_new(struct err *err);
/* Loads what the job asks for. ERR_INVALID for a language that is missing. */
int ocr_bank_prepare(struct ocr_bank *b, const struct service_job *job,
    struct err *err) MUST_CHECK;
/* The recogniser for a prepared job. */
struct ocr *ocr_bank_get(const struct ocr_bank *b,
    const struct service_job *job);

#endif
