/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What readers ask about bytes they have not opened yet (doc_sniff.c). All of
 * it is cheap, bounded and works on damaged files.
 */
#ifndef SERVICE_DOC_SNIFF_H
#define SERVICE_DOC_SNIFF_H

#include "service/doc.h"

enum {
	SNIFF_HEAD = 16 * 1024
};

/* The first bytes as UTF-8, without a mark; n is 0 when they are no text. */
struct sniff_text {
	size_t n;
	char p[SNIFF_HEAD];
};

bool sniff_starts(const struct doc_in *in, const void *p, size_t n);
/* The name ends in ".ext" (ASCII case does not matter). */
bool sniff_ext(const struct doc_in *in, const char *ext);
/* Starts like a ZIP archive. */
bool sniff_is_zip(const struct doc_in *in);
/* Does the archive name this part? Reads the directory, or, when that is
 * missing, the entries' own headers. */
bool sniff_zip_part(const struct doc_in *in, const char *part);
/* The score of a format that is a ZIP archive with this main part, or with
 * this stored "mimetype" entry (either may be NULL); a name with this
 * extension is believed only when the archive shows nothing better. */
int sniff_zip(const struct doc_in *in, const char *part, const char *mimetype,
    const char *ext);
void sniff_text(const struct doc_in *in, struct sniff_text *out);
/* Scores of text that is HTML, or an e-mail message. */
int sniff_html(const struct doc_in *in);
int sniff_mail(const struct doc_in *in);

#endif
