/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capability as hearth-service offers it. One svc_*.c file defines one
 * `const struct service` and one line in services.def names it.
 *
 * Three processes take part (host.h, zygote.h): the host speaks HTTP and never
 * looks into a document; the zygote is warm (languages loaded) and never sees
 * one; a cell is forked from it for one document, locks itself up and calls
 * run().
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "service/frame.h"

enum {
	SERVICE_LANG_MAX = 64,
	SERVICE_NAME_MAX = 256,
	SERVICE_MIME_MAX = 128,
};

/* What to do with one document; travels from host to zygote to cell as it
 * is, so it holds no pointer. */
struct service_job {
	uint32_t first, last; /* pages; 0, 0 = all */
	bool single; /* exactly these pages, here: no FRAME_SPLIT any more */
	bool share;  /* long: ask with FRAME_SHARE what others leave to you */
	bool part;   /* exactly these pages; other cells read the others */
	bool words;  /* send FRAME_WORDS */
	bool hocr;   /* send FRAME_HOCR */
	bool pdf;    /* send FRAME_PDF */
	char lang[SERVICE_LANG_MAX]; /* "eng+deu"; empty: the default */
	char name[SERVICE_NAME_MAX]; /* the file's, a hint; NUL-terminated */
	char mime[SERVICE_MIME_MAX]; /* what the client called it */
};

/* A document in a cell. */
struct service_doc {
	const uint8_t *p;
	size_t n;
	const struct service_job *job;
};

struct service {
	const char *name;           /* "document-processing" */
	const char *summary;        /* one sentence for GET / */
	const char *const *methods; /* accepted by ?method=; NULL: any */
	bool pages_only;            /* its Markdown has "## Page N" sections */

	/* In the zygote, once: loads what every document needs. *state goes to
	 * the other calls. May be NULL. */
	int (*warm)(void **state, struct err *err);
	/* In the zygote, before each cell: makes ready what this job asks for
	 * (a language). Sees no document. May be NULL. */
	int (*prepare)(void *state, const struct service_job *job,
	    struct err *err);
	/* In the cell, walls up. Sends frames, all but END and ERROR, which the
	 * caller adds. */
	int (*run)(void *state, const struct service_doc *doc,
	    struct frame_out *out, struct err *err);
	/* A tiny document of the service's own kind, and a text that must be
	 * read from it. */
	const uint8_t *test_doc;
	size_t test_doc_n;
	const char *test_name;
	const char *test_text;
};

const struct service *service_find(const char *name);
/* Walks all services: NULL past the end. */
const struct service *service_at(size_t i);

#endif
