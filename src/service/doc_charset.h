/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which encoding is this text in, and the same text as UTF-8.
 *
 * A byte order mark decides, then well-formed UTF-8, then the pattern of NUL
 * bytes of UTF-16/32, then uchardet for scripts that are not Latin. The single
 * byte encodings of Western and Central Europe differ in a few signs only, so
 * they are told apart by reading the text in each and judging which reading
 * puts letters into words, currency signs before figures and quotes around
 * words.
 */
#ifndef SERVICE_DOC_CHARSET_H
#define SERVICE_DOC_CHARSET_H

#include "base/buf.h"
#include "base/err.h"

/* A converter name that ICU knows ("UTF-8", "windows-1252"), or NULL when the
 * bytes are no text. `hint` (may be NULL) is what a header claims: it is taken
 * when the bytes do not contradict it. */
const char *charset_detect(struct str bytes, const char *hint);

/* Appends `bytes` as UTF-8 without a byte order mark; what has no meaning in
 * that encoding becomes U+FFFD. ERR_UNSUPPORTED: the name is unknown;
 * ERR_LIMIT: `out` is full. */
int charset_decode(struct str bytes, const char *name, struct buf *out,
    struct err *err);

/* Both: ERR_UNSUPPORTED when the bytes are no text. */
int charset_to_utf8(struct str bytes, const char *hint, struct buf *out,
    struct err *err);

/* One Unicode scalar value as UTF-8; invalid ones become U+FFFD. */
bool charset_put(struct buf *out, uint32_t c);
/* The next scalar value of UTF-8 text at *at (< s.n), which moves on. A bad
 * byte reads as U+FFFD. */
uint32_t charset_next(struct str s, size_t *at);

#endif
