/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EPUB 2 and 3: the chapters in the order of the spine, each read as HTML. The
 * navigation page is left out: it repeats the headings. Books whose chapters
 * are encrypted (DRM) are refused; obfuscated fonts are no obstacle.
 */
#include <stdlib.h>

#include "base/map.h"
#include "service/doc_charset.h"
#include "service/doc_html.h"
#include "service/doc_xml.h"

enum {
	EL_ROOTFILE = 1,
	EL_ITEM,
	EL_ITEMREF,
	EL_TITLE,
	EL_CREATOR,
	EL_LANGUAGE,
	EL_DATE,
	EL_SUBJECT,
	EL_METHOD,
	EL_CIPHER,
};

enum {
	ITEMS_MAX = 16384
};

struct item {
	char id[128];
	char href[384];
	bool page, nav;
};

struct epub {
	struct doc *d;
	struct doc_zip *z;
	char opf[DOC_ZIP_PATH_MAX];
	struct buf items; /* struct item[] */
	struct buf spine; /* char[128][]: ids, in order */
	struct buf text;  /* of a metadata element */
	int open;
	bool font, locked; /* META-INF/encryption.xml */
};

static void
nothing(void *user UNUSED, struct doc_xml *x UNUSED, int id UNUSED)
{
}

/* --- container and encryption ----------------------------------------- */

static void
on_container(void *user, struct doc_xml *x, int id)
{
	struct epub *e = user;

	if (id == EL_ROOTFILE && e->opf[0] == '\0')
		(void)str_copy(e->opf, sizeof e->opf,
		    doc_xml_attr(x, "full-path"));
}

static void
on_encryption(void *user, struct doc_xml *x, int id)
{
	struct epub *e = user;
	struct str method = doc_xml_attr(x, "Algorithm");

	if (id == EL_METHOD)
		e->font = str_starts(method, "http://www.idpf.org/") ||
		    str_starts(method, "http://ns.adobe.com/pdf/enc#RC");
	else if (id == EL_CIPHER && !e->font)
		e->locked = true;
}

static int
read_container(struct epub *e, struct err *err)
{
	static const struct doc_xml_name names[] = {{NS_CONTAINER, "rootfile",
							EL_ROOTFILE},
	    {0}};
	static const struct doc_xml_events events = {.names = names,
	    .start = on_container,
	    .end = nothing,
	    .allow_doctype = true};
	static const struct doc_xml_name locks[] = {{NS_XMLENC,
							"EncryptionMethod",
							EL_METHOD},
	    {NS_XMLENC, "CipherReference", EL_CIPHER}, {0}};
	static const struct doc_xml_events lock_events = {.names = locks,
	    .start = on_encryption,
	    .end = nothing};

	if (doc_zip_has(e->z, STR("META-INF/encryption.xml")) &&
	    doc_xml_part(e->z, STR("META-INF/encryption.xml"), &lock_events, e,
		err) != 0)
		return -1;
	if (e->locked)
		return err_set(err, ERR_ENCRYPTED,
		    "the book is encrypted (copy protection)");
	if (doc_xml_part(e->z, STR("META-INF/container.xml"), &events, e,
		err) != 0)
		return -1;
	if (!doc_zip_has(e->z, str_of(e->opf)))
		return err_set(err, ERR_CORRUPT,
		    "the EPUB file has no package document");
	return 0;
}

/* --- package ---------------------------------------------------------- */

/* "a%20b.xhtml#x" as a name in the archive: "a b.xhtml". */
static void
href_decode(struct str s, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && s.p[i] != '#' && n + 1 < cap; i++) {
		char hex[3] = {0};
		char *end;
		long v;

		if (s.p[i] != '%' || s.n - i < 3) {
			out[n++] = s.p[i];
			continue;
		}
		memcpy(hex, s.p + i + 1, 2);
		v = strtol(hex, &end, 16);
		if (*end != '\0' || v <= 0) {
			out[n++] = s.p[i];
			continue;
		}
		out[n++] = (char)v;
		i += 2;
	}
	out[n] = '\0';
}

static void
add_item(struct epub *e, const struct doc_xml *x)
{
	struct item item = {.page = false};
	struct str type = doc_xml_attr(x, "media-type");
	struct str properties = doc_xml_attr(x, "properties");

	(void)str_copy(item.id, sizeof item.id, doc_xml_attr(x, "id"));
	href_decode(doc_xml_attr(x, "href"), item.href, sizeof item.href);
	item.page = str_eqz(type, "application/xhtml+xml") ||
	    str_eqz(type, "text/html") ||
	    str_eqz(type, "application/x-dtbook+xml");
	while (properties.n != 0)
		item.nav |= str_eqz(str_cut(&properties, ' '), "nav");
	(void)buf_add(&e->items, &item, sizeof item);
}

static void
on_package(void *user, struct doc_xml *x, int id)
{
	struct epub *e = user;
	char ref[128];

	e->open = id >= EL_TITLE ? id : 0;
	buf_clear(&e->text);
	if (id == EL_ITEM) {
		add_item(e, x);
	} else if (id == EL_ITEMREF) {
		(void)str_copy(ref, sizeof ref, doc_xml_attr(x, "idref"));
		(void)buf_add(&e->spine, ref, sizeof ref);
	}
}

static void
on_package_text(void *user, struct doc_xml *x UNUSED, struct str s)
{
	struct epub *e = user;

	if (e->open != 0)
		(void)buf_str(&e->text, s);
}

static void
on_package_end(void *user, struct doc_xml *x UNUSED, int id)
{
	static const char *const keys[] = {[EL_TITLE] = "title",
	    [EL_CREATOR] = "author",
	    [EL_LANGUAGE] = "language",
	    [EL_DATE] = "created",
	    [EL_SUBJECT] = "subject"};
	struct epub *e = user;

	if (id >= EL_TITLE && id <= EL_SUBJECT && e->open == id)
		doc_meta(e->d, keys[id], buf_view(&e->text));
	e->open = 0;
}

static int
read_package(struct epub *e, struct err *err)
{
	static const struct doc_xml_name names[] = {{NS_OPF, "item", EL_ITEM},
	    {NS_OPF, "itemref", EL_ITEMREF}, {NS_DC, "title", EL_TITLE},
	    {NS_DC, "creator", EL_CREATOR}, {NS_DC, "language", EL_LANGUAGE},
	    {NS_DC, "date", EL_DATE}, {NS_DC, "subject", EL_SUBJECT}, {0}};
	static const struct doc_xml_events events = {.names = names,
	    .start = on_package,
	    .end = on_package_end,
	    .text = on_package_text,
	    .allow_doctype = true};

	return doc_xml_part(e->z, str_of(e->opf), &events, e, err);
}

/* --- chapters --------------------------------------------------------- */

static int
read_chapter(struct epub *e, struct str part, struct err *err)
{
	struct buf raw = doc_zip_buf(e->z);
	struct buf utf8 = doc_zip_buf(e->z);
	char charset[64];
	int rc = doc_zip_read(e->z, part, &raw, err);

	if (rc == 0 && raw.n != 0) {
		doc_html_charset(buf_view(&raw), charset, sizeof charset);
		rc = charset_to_utf8(buf_view(&raw),
		    charset[0] != '\0' ? charset : "utf-8", &utf8, err);
	}
	if (rc == 0)
		rc = doc_html_add(e->d, buf_view(&utf8), false, err);
	buf_fini(&raw);
	buf_fini(&utf8);
	return rc;
}

static int
read_spine(struct epub *e, struct err *err)
{
	struct item *items = (struct item *)(void *)e->items.p;
	struct map by_id = {0};
	size_t chapters = 0;
	int rc = 0;

	for (size_t i = 0; i < e->items.n / sizeof *items; i++)
		(void)map_put(&by_id, str_of(items[i].id), &items[i]);
	for (size_t at = 0; at < e->spine.n && rc == 0; at += 128) {
		const struct item *item = map_get(&by_id,
		    str_of(e->spine.p + at));
		char path[DOC_ZIP_PATH_MAX];
		struct str part;

		if (item == NULL || !item->page || item->nav)
			continue;
		part = doc_zip_resolve(str_of(e->opf), str_of(item->href),
		    path);
		if (!doc_zip_has(e->z, part))
			continue;
		chapters++;
		rc = read_chapter(e, part, err);
	}
	map_fini(&by_id);
	if (rc == 0 && chapters == 0)
		rc = err_set(err, ERR_CORRUPT, "the book has no chapters");
	return rc;
}

/* --- the format ------------------------------------------------------- */

static int
epub_read(const struct doc_in *in, struct doc *d, struct err *err)
{
	struct epub e = {.d = d,
	    .items = BUF_INIT(ITEMS_MAX * sizeof(struct item)),
	    .spine = BUF_INIT((size_t)ITEMS_MAX * 128),
	    .text = BUF_INIT(8192)};
	int rc = -1;

	e.z = doc_zip_open((struct str){(const char *)in->p, in->n}, in->limits,
	    err);
	if (e.z == NULL)
		return -1;
	if (read_container(&e, err) == 0 && read_package(&e, err) == 0)
		rc = read_spine(&e, err);
	buf_fini(&e.items);
	buf_fini(&e.spine);
	buf_fini(&e.text);
	doc_zip_close(e.z);
	return rc == 0 ? doc_failed(d, err) : -1;
}

static int
epub_sniff(const struct doc_in *in)
{
	struct str bytes = {(const char *)in->p, in->n};
	struct buf b = BUF_INIT(256);
	struct doc_zip *z;
	int score = 0;

	if (!doc_zip_magic(bytes))
		return 0;
	z = doc_zip_open(bytes, in->limits, NULL);
	if (z == NULL)
		return memmem(in->p, MIN_OF(in->n, (size_t)256),
			   "application/epub+zip", 20) != NULL
		    ? 60
		    : 0;
	if (doc_zip_has(z, STR("mimetype")) &&
	    doc_zip_read(z, STR("mimetype"), &b, NULL) == 0 &&
	    str_starts(buf_view(&b), "application/epub+zip"))
		score = 100;
	else if (doc_zip_has(z, STR("META-INF/container.xml")))
		score = 80;
	buf_fini(&b);
	doc_zip_close(z);
	return score;
}

const struct doc_format doc_format_epub = {
    .name = "epub",
    .mime = "application/epub+zip",
    .sniff = epub_sniff,
    .read = epub_read,
};
