/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the entries of a ZIP archive that is in memory: the container of
 * OOXML, OpenDocument and EPUB.
 *
 * The central directory (PKWARE APPNOTE 4.3.12, ZIP64 4.5.3) is checked as a
 * whole before anything is inflated; entries are then inflated one by one, on
 * request, into memory. Nothing is ever written to disk. Refused:
 *   archives with more than DOC_ZIP_ENTRIES entries, two entries of one name,
 *   or entries whose bytes overlap                               ERR_CORRUPT
 *   entries (not the archive) whose name leads out of the archive ("../x",
 *   "/x", "c:x") or that are links: as if they were not there
 *   encrypted entries, when they are asked for                   ERR_ENCRYPTED
 *   an entry over the ratio or all of them over the size limit   ERR_LIMIT
 */
#ifndef SERVICE_DOC_ZIP_H
#define SERVICE_DOC_ZIP_H

#include "service/doc.h"

enum {
	DOC_ZIP_ENTRIES = 16384
};

struct doc_zip;

/* Does it begin like a ZIP archive (perhaps a damaged one)? */
bool doc_zip_magic(struct str bytes);
/* Borrows the bytes until doc_zip_close(). */
struct doc_zip *doc_zip_open(struct str bytes, const struct doc_limits *limits,
    struct err *err);
void doc_zip_close(struct doc_zip *z);
size_t doc_zip_count(const struct doc_zip *z);
/* A leading '/' and letter case are ignored, as OPC wants. */
bool doc_zip_has(const struct doc_zip *z, struct str name);
/* Is there an entry below this folder ("word/")? */
bool doc_zip_has_under(const struct doc_zip *z, const char *folder);
/* Inflates an entry behind what is in `out`. ERR_NOT_FOUND without one. */
int doc_zip_read(struct doc_zip *z, struct str name, struct buf *out,
    struct err *err) MUST_CHECK;
/* A buffer with room for any entry that the limits allow. */
struct buf doc_zip_buf(const struct doc_zip *z);

/* Resolves a relation target ("../media/a.png", "/word/x.xml") against the
 * part it is named in; "" when it leads outside or is too long. */
enum {
	DOC_ZIP_PATH_MAX = 512
};
struct str doc_zip_resolve(struct str from_part, struct str target,
    char out[DOC_ZIP_PATH_MAX]);

#endif
