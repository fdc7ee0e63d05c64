/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hardened ZIP reader. We read the directory ourselves, because what makes
 * an archive dangerous (overlaps, duplicates, false names) shows there and
 * libarchive does not tell; libarchive inflates one entry at a time, from that
 * entry's own bytes.
 */
#include "service/doc_zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/obj.h"

struct entry {
	struct str name;
	uint64_t packed, size;
	uint64_t offset; /* of its local header */
	uint16_t method, flags;
	bool refused; /* its name or its kind */
};

struct doc_zip {
	unsigned magic;
#define DOC_ZIP_MAGIC 0x0d0c21b0
	struct str bytes;
	struct doc_limits limits;
	struct buf entries; /* struct entry[] in directory order */
	struct buf by_name; /* uint32_t[], sorted */
	uint64_t inflated;  /* so far */
};

enum {
	LOCAL_SIZE = 30,
	CENTRAL_SIZE = 46,
	END_SIZE = 22,
	END64_SIZE = 56,
	LOCATOR64_SIZE = 20,
	FLAG_ENCRYPTED = 1,
	FLAG_STRONG = 64,
	/* An entry smaller than this is not judged by its ratio. */
	RATIO_GRACE = 1 << 20,
};

static uint16_t
u16(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint16_t)(u[0] | u[1] << 8);
}

static uint32_t
u32(const char *p)
{
	return u16(p) | (uint32_t)u16(p + 2) << 16;
}

static uint64_t
u64(const char *p)
{
	return u32(p) | (uint64_t)u32(p + 4) << 32;
}

bool
doc_zip_magic(struct str bytes)
{
	return bytes.n >= 4 &&
	    (memcmp(bytes.p, "PK\3\4", 4) == 0 ||
		memcmp(bytes.p, "PK\5\6", 4) == 0);
}

static struct entry *
entry_at(const struct doc_zip *z, size_t i)
{
	return (struct entry *)(void *)z->entries.p + i;
}

size_t
doc_zip_count(const struct doc_zip *z)
{
	return z->entries.n / sizeof(struct entry);
}

struct buf
doc_zip_buf(const struct doc_zip *z)
{
	return BUF_INIT(z->limits.inflated);
}

/* --- the directory ---------------------------------------------------- */

/* A name that stays inside: no root, drive, '..', backslash or NUL. */
static bool
name_is_safe(struct str name)
{
	struct str rest = name;

	if (name.n == 0 || name.n >= DOC_ZIP_PATH_MAX || name.p[0] == '/' ||
	    memchr(name.p, '\\', name.n) != NULL ||
	    memchr(name.p, '\0', name.n) != NULL ||
	    (name.n >= 2 && name.p[1] == ':'))
		return false;
	while (rest.p != NULL) {
		if (str_eqz(str_cut(&rest, '/'), ".."))
			return false;
	}
	return true;
}

/* The sizes and offset of a large entry are in its ZIP64 extra field. */
static void
entry_zip64(struct entry *e, struct str extra, bool offset_too)
{
	while (extra.n >= 4) {
		uint16_t id = u16(extra.p);
		size_t n = u16(extra.p + 2);
		const char *p = extra.p + 4;

		if (n > extra.n - 4)
			return;
		extra.p += 4 + n;
		extra.n -= 4 + n;
		if (id != 1)
			continue;
		if (e->size == UINT32_MAX && n >= 8) {
			e->size = u64(p);
			p += 8;
			n -= 8;
		}
		if (e->packed == UINT32_MAX && n >= 8) {
			e->packed = u64(p);
			p += 8;
			n -= 8;
		}
		if (offset_too && n >= 8)
			e->offset = u64(p);
		return;
	}
}

/* Where the directory ends: the last end record whose comment fits. */
static const char *
find_end(struct str bytes)
{
	size_t back = MIN_OF(bytes.n, (size_t)END_SIZE + 65535);

	for (size_t i = END_SIZE; i <= back; i++) {
		const char *p = bytes.p + bytes.n - i;

		if (p[0] == 'P' && memcmp(p, "PK\5\6", 4) == 0 &&
		    u16(p + 20) <= i - END_SIZE)
			return p;
	}
	return NULL;
}

struct directory {
	uint64_t count, size, at;
	uint64_t limit; /* entries lie before this */
};

static int
directory_find(struct str bytes, struct directory *dir, struct err *err)
{
	const char *end = bytes.n >= END_SIZE ? find_end(bytes) : NULL;

	if (end == NULL)
		return err_set(err, ERR_CORRUPT,
		    "the ZIP archive is cut off: it has no directory");
	*dir = (struct directory){.count = u16(end + 10),
	    .size = u32(end + 12),
	    .at = u32(end + 16),
	    .limit = (uint64_t)(end - bytes.p)};
	if ((dir->count == UINT16_MAX || dir->size == UINT32_MAX ||
		dir->at == UINT32_MAX) &&
	    end - bytes.p >= LOCATOR64_SIZE &&
	    memcmp(end - LOCATOR64_SIZE, "PK\6\7", 4) == 0) {
		uint64_t at = u64(end - LOCATOR64_SIZE + 8);

		if (at > bytes.n || bytes.n - at < END64_SIZE ||
		    memcmp(bytes.p + at, "PK\6\6", 4) != 0)
			return err_set(err, ERR_CORRUPT,
			    "the ZIP archive's directory is damaged");
		dir->count = u64(bytes.p + at + 32);
		dir->size = u64(bytes.p + at + 40);
		dir->at = u64(bytes.p + at + 48);
		dir->limit = at;
	}
	if (dir->size > dir->limit || dir->at > dir->limit - dir->size)
		return err_set(err, ERR_CORRUPT,
		    "the ZIP archive's directory is damaged");
	if (dir->count > DOC_ZIP_ENTRIES)
		return err_set(err, ERR_LIMIT,
		    "the ZIP archive has more than %d entries",
		    DOC_ZIP_ENTRIES);
	return 0;
}

/* Reads one directory entry at p; its length, or 0 when it is damaged. */
static size_t
entry_parse(const char *p, uint64_t left, struct entry *e)
{
	size_t name_n, extra_n, all;

	if (left < CENTRAL_SIZE || memcmp(p, "PK\1\2", 4) != 0)
		return 0;
	name_n = u16(p + 28);
	extra_n = u16(p + 30);
	all = CENTRAL_SIZE + name_n + extra_n + u16(p + 32);
	if (all > left)
		return 0;
	*e = (struct entry){.name = {p + CENTRAL_SIZE, name_n},
	    .flags = u16(p + 8),
	    .method = u16(p + 10),
	    .packed = u32(p + 20),
	    .size = u32(p + 24),
	    .offset = u32(p + 42)};
	entry_zip64(e, (struct str){p + CENTRAL_SIZE + name_n, extra_n},
	    u32(p + 42) == UINT32_MAX);
	/* made by Unix: the mode is in the upper half; 0120000 is a link */
	e->refused = !name_is_safe(e->name) ||
	    (p[5] == 3 && (u32(p + 38) >> 16 & 0170000) == 0120000);
	return all;
}

static int
directory_read(struct doc_zip *z, const struct directory *dir, struct err *err)
{
	const char *p = z->bytes.p + dir->at;
	uint64_t left = dir->size;

	for (uint64_t i = 0; i < dir->count; i++) {
		struct entry e;
		size_t n = entry_parse(p, left, &e);

		if (n == 0 || e.offset > dir->at ||
		    e.packed > dir->at - e.offset)
			return err_set(err, ERR_CORRUPT,
			    "the ZIP archive's directory is damaged");
		(void)buf_add(&z->entries, &e, sizeof e);
		p += n;
		left -= n;
	}
	return 0;
}

/* --- order, duplicates, overlaps -------------------------------------- */

static int
name_compare(struct str a, struct str b)
{
	size_t n = MIN_OF(a.n, b.n);

	for (size_t i = 0; i < n; i++) {
		int x = (unsigned char)a.p[i];
		int y = (unsigned char)b.p[i];

		x += x >= 'A' && x <= 'Z' ? 32 : 0;
		y += y >= 'A' && y <= 'Z' ? 32 : 0;
		if (x != y)
			return x - y;
	}
	return (a.n > b.n) - (a.n < b.n);
}

static int
by_name(const void *a, const void *b, void *zip)
{
	const struct doc_zip *z = zip;
	uint32_t i, k;

	memcpy(&i, a, sizeof i);
	memcpy(&k, b, sizeof k);
	return name_compare(entry_at(z, i)->name, entry_at(z, k)->name);
}

static int
by_offset(const void *a, const void *b, void *zip)
{
	const struct doc_zip *z = zip;
	uint32_t i, k;

	memcpy(&i, a, sizeof i);
	memcpy(&k, b, sizeof k);
	return (entry_at(z, i)->offset > entry_at(z, k)->offset) -
	    (entry_at(z, i)->offset < entry_at(z, k)->offset);
}

static uint32_t
order_at(const struct doc_zip *z, size_t i)
{
	return ((const uint32_t *)(const void *)z->by_name.p)[i];
}

static int
check_overlaps(struct doc_zip *z, struct err *err)
{
	size_t n = doc_zip_count(z);

	qsort_r(z->by_name.p, n, sizeof(uint32_t), by_offset, z);
	for (size_t i = 1; i < n; i++) {
		const struct entry *a = entry_at(z, order_at(z, i - 1));
		const struct entry *b = entry_at(z, order_at(z, i));

		if (a->offset + LOCAL_SIZE + a->packed > b->offset)
			return err_set(err, ERR_CORRUPT,
			    "the ZIP archive's entries overlap");
	}
	return 0;
}

static int
check_names(struct doc_zip *z, struct err *err)
{
	size_t n = doc_zip_count(z);

	qsort_r(z->by_name.p, n, sizeof(uint32_t), by_name, z);
	for (size_t i = 1; i < n; i++) {
		if (name_compare(entry_at(z, order_at(z, i - 1))->name,
			entry_at(z, order_at(z, i))->name) == 0)
			return err_set(err, ERR_CORRUPT,
			    "the ZIP archive has two entries of one name");
	}
	return 0;
}

static int
directory_check(struct doc_zip *z, struct err *err)
{
	size_t n = doc_zip_count(z);

	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		(void)buf_add(&z->by_name, &i, sizeof i);
	if (check_overlaps(z, err) != 0)
		return -1;
	return check_names(z, err);
}

struct doc_zip *
doc_zip_open(struct str bytes, const struct doc_limits *limits, struct err *err)
{
	struct doc_zip *z = xcalloc(1, sizeof *z);
	struct directory dir = {0};

	z->magic = DOC_ZIP_MAGIC;
	z->bytes = bytes;
	z->limits = limits != NULL ? *limits : doc_default_limits;
	z->entries = BUF_INIT(DOC_ZIP_ENTRIES * sizeof(struct entry));
	z->by_name = BUF_INIT(DOC_ZIP_ENTRIES * sizeof(uint32_t));
	if (directory_find(bytes, &dir, err) != 0 ||
	    directory_read(z, &dir, err) != 0 || directory_check(z, err) != 0) {
		doc_zip_close(z);
		return NULL;
	}
	return z;
}

void
doc_zip_close(struct doc_zip *z)
{
	if (z == NULL)
		return;
	CHECK_OBJ(z, DOC_ZIP_MAGIC);
	buf_fini(&z->entries);
	buf_fini(&z->by_name);
	KILL_OBJ(z);
	free(z);
}

/* --- looking up ------------------------------------------------------- */

static const struct entry *
entry_find(const struct doc_zip *z, struct str name)
{
	size_t lo = 0;
	size_t hi = doc_zip_count(z);

	CHECK_OBJ(z, DOC_ZIP_MAGIC);
	while (name.n != 0 && name.p[0] == '/') {
		name.p++;
		name.n--;
	}
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const struct entry *e = entry_at(z, order_at(z, mid));
		int c = name_compare(name, e->name);

		if (c == 0)
			return e->refused ? NULL : e;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

bool
doc_zip_has(const struct doc_zip *z, struct str name)
{
	return entry_find(z, name) != NULL;
}

bool
doc_zip_has_under(const struct doc_zip *z, const char *folder)
{
	size_t n = doc_zip_count(z);
	size_t len = strlen(folder);

	for (size_t i = 0; i < n; i++) {
		struct str name = entry_at(z, i)->name;

		if (name.n > len && str_ieqz((struct str){name.p, len}, folder))
			return true;
	}
	return false;
}

struct str
doc_zip_resolve(struct str from_part, struct str target,
    char out[DOC_ZIP_PATH_MAX])
{
	struct str rest = target;
	size_t n = 0;

	if (target.n == 0 || target.n + from_part.n + 2 >= DOC_ZIP_PATH_MAX)
		return (struct str){NULL, 0};
	if (target.p[0] != '/') {
		n = from_part.n;
		memcpy(out, from_part.p, n);
		while (n != 0 && out[n - 1] != '/')
			n--;
	}
	while (rest.p != NULL) {
		struct str part = str_cut(&rest, '/');

		if (part.n == 0 || str_eqz(part, "."))
			continue;
		if (str_eqz(part, "..")) {
			if (n == 0)
				return (struct str){NULL, 0};
			for (n--; n != 0 && out[n - 1] != '/'; n--)
				;
			continue;
		}
		memcpy(out + n, part.p, part.n);
		n += part.n;
		if (rest.p != NULL)
			out[n++] = '/';
	}
	return (struct str){out, n};
}

/* --- inflating -------------------------------------------------------- */

/* Adds a piece of an entry; refuses it once a limit is passed. */
static int
take_piece(struct doc_zip *z, const struct entry *e, struct str piece,
    uint64_t *so_far, struct buf *out, struct err *err)
{
	*so_far += piece.n;
	z->inflated += piece.n;
	if (z->inflated > z->limits.inflated)
		return err_set(err, ERR_LIMIT,
		    "the document inflates to more than %zu MiB",
		    z->limits.inflated >> 20);
	if (*so_far > RATIO_GRACE &&
	    *so_far / z->limits.ratio > MAX_OF(e->packed, (uint64_t)1))
		return err_set(err, ERR_LIMIT,
		    "a part of the document inflates more than %u times",
		    z->limits.ratio);
	if (!buf_str(out, piece))
		return err_set(err, ERR_LIMIT,
		    "a part of the document is too large");
	return 0;
}

static int
inflate_pieces(struct doc_zip *z, const struct entry *e, struct archive *a,
    struct buf *out, struct err *err)
{
	uint64_t so_far = 0;

	for (;;) {
		const void *p;
		size_t n;
		la_int64_t at;
		int rc = archive_read_data_block(a, &p, &n, &at);

		if (rc == ARCHIVE_EOF)
			return 0;
		if (rc != ARCHIVE_OK || at < 0 || (uint64_t)at != so_far)
			return err_set(err, ERR_CORRUPT,
			    "'%.*s' in the archive is damaged",
			    (int)MIN_OF(e->name.n, (size_t)80), e->name.p);
		if (take_piece(z, e, (struct str){p, n}, &so_far, out, err) !=
		    0)
			return -1;
	}
}

/* The entry's own bytes: up to the next entry is libarchive's business. */
static int
inflate(struct doc_zip *z, const struct entry *e, struct buf *out,
    struct err *err)
{
	struct archive *a = archive_read_new();
	struct archive_entry *head;
	int rc = -1;

	if (a == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (archive_read_support_format_zip_streamable(a) != ARCHIVE_OK ||
	    archive_read_open_memory(a, z->bytes.p + e->offset,
		z->bytes.n - (size_t)e->offset) != ARCHIVE_OK ||
	    archive_read_next_header(a, &head) != ARCHIVE_OK)
		(void)err_set(err, ERR_CORRUPT,
		    "an entry of the ZIP archive is damaged");
	else
		rc = inflate_pieces(z, e, a, out, err);
	(void)archive_read_free(a);
	return rc;
}

/* Bytes of a stored entry, straight from the archive. */
static int
copy_stored(struct doc_zip *z, const struct entry *e, struct buf *out,
    struct err *err)
{
	const char *local = z->bytes.p + e->offset;
	uint64_t left = z->bytes.n - e->offset;
	uint64_t so_far = 0;
	uint64_t skip;

	if (left < LOCAL_SIZE || memcmp(local, "PK\3\4", 4) != 0)
		return err_set(err, ERR_CORRUPT,
		    "an entry of the ZIP archive is damaged");
	skip = LOCAL_SIZE + (uint64_t)u16(local + 26) + u16(local + 28);
	if (skip > left || e->packed > left - skip || e->packed != e->size)
		return err_set(err, ERR_CORRUPT,
		    "an entry of the ZIP archive is damaged");
	return take_piece(z, e, (struct str){local + skip, (size_t)e->packed},
	    &so_far, out, err);
}

int
doc_zip_read(struct doc_zip *z, struct str name, struct buf *out,
    struct err *err)
{
	const struct entry *e = entry_find(z, name);

	if (e == NULL)
		return err_set(err, ERR_NOT_FOUND, "the archive has no '%.*s'",
		    (int)MIN_OF(name.n, (size_t)80), name.n != 0 ? name.p : "");
	if ((e->flags & (FLAG_ENCRYPTED | FLAG_STRONG)) != 0)
		return err_set(err, ERR_ENCRYPTED,
		    "the archive is encrypted with a password");
	if (e->method == 0)
		return copy_stored(z, e, out, err);
	return inflate(z, e, out, err);
}
