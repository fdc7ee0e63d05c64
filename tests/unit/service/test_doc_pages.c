/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of HTML, mail, OpenDocument, slides and books. */
#include "unit/service/docs.h"

extern const struct CMUnitTest doc_pages_tests[];
extern const size_t doc_pages_tests_count;

static void
html(const char *page, const char *want)
{
	expect_md(&doc_format_html, str_of(page), want);
}

static void
html_shows_what_a_browser_shows(void **state UNUSED)
{
	html("<html><head><title>T</title><style>.x{display:none} "
	     "@media print{p{display:none}}</style></head><body>"
	     "<p class='a x'>gone</p><p style='DISPLAY : none'>gone</p>"
	     "<p hidden>gone</p><script>gone()</script><template>gone"
	     "</template><!-- gone --><noscript>gone</noscript>"
	     "<p>caf&eacute; <b>bold</b>&nbsp;x</p>",
	    "café **bold** x\n");
}

static void
html_blocks(void **state UNUSED)
{
	html("<h2><div>Head</div></h2><div>one</div>two<br>three<ol start=4>"
	     "<li>a<ul><li>b</ul><li>c</ol><dl><dt>T<dd>D</dl>"
	     "<blockquote>q</blockquote><pre>\nx  <b>y</b>\n</pre>"
	     "<a href='https://a.example/'>l</a> <a href='javascript:x'>j</a>",
	    "## Head\n\none\n\ntwo\\\nthree\n\n4. a\n   - b\n5. c\n\n"
	    "- **T**\n\n  D\n\n> q\n\n```\nx  y\n```\n\n"
	    "[l](https://a.example/) j\n");
}

static void
html_tables_of_data_and_of_layout(void **state UNUSED)
{
	html("<table><tr><td><table><caption>C</caption><tr><th>A<th>B"
	     "<tr><td rowspan=2>1<td>2<tr><td>3</table></td><td>side</td>"
	     "</tr></table>",
	    "C\n\n| A | B |\n| --- | --- |\n| 1 | 2 |\n|  | 3 |\n\nside\n");
}

static void
html_forms_and_encodings(void **state UNUSED)
{
	html("<meta charset=iso-8859-1><p>\xa3"
	     "5 \x93q\x94 "
	     "<input value=v> <input type=hidden value=h>"
	     "<input type=checkbox checked> on <select><option>a"
	     "<option selected>b</select>",
	    "£5 “q” v ☒ on b\n");
}

static void
mail_reads_the_best_body_once(void **state UNUSED)
{
	expect_md(&doc_format_eml,
	    STR("From: A <a@x.example>\r\nTo: b@x.example\r\n"
		"Subject: =?utf-8?q?caf=C3=A9?=\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
		"Content-Type: multipart/alternative; boundary=i\r\n\r\n"
		"--i\r\nContent-Type: text/plain\r\n\r\nhello there\r\n"
		"--i\r\nContent-Type: text/html\r\n\r\n<p>hello <b>there</b>"
		"\r\n--i--\r\n--o\r\nContent-Type: application/pdf\r\n"
		"Content-Disposition: attachment; filename=\"a b.pdf\"\r\n\r\n"
		"x\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n"
		"Subject: inner\r\n\r\n> old\r\nnew\r\n--o--\r\n"),
	    "# café\n\n**From:** A \\<a@x.example>\\\n**To:** b@x.example\n\n"
	    "hello **there**\n\n---\n\n## inner\n\n> old\n\nnew\n\n"
	    "**Attachments:**\n\n- a b.pdf\n");
}

static void
mail_that_nests_without_end_is_refused(void **state UNUSED)
{
	struct buf b = BUF_INIT(1 << 20);

	(void)buf_z(&b, "From: a@x.example\nSubject: s\n");
	for (int i = 0; i < 600; i++)
		(void)buf_fmt(&b,
		    "Content-Type:\n multipart/mixed; boundary=b%d\n\n--b%d\n",
		    i, i);
	expect_error(&doc_format_eml, buf_view(&b), ERR_LIMIT);
	buf_fini(&b);
}

#define ODF "urn:oasis:names:tc:opendocument:xmlns:"

static void
odt_text_lists_notes_and_hidden_parts(void **state UNUSED)
{
	expect_md(&doc_format_odt,
	    STR("<office:document xmlns:office='" ODF "office:1.0' "
		"xmlns:text='" ODF "text:1.0' xmlns:table='" ODF "table:1.0' "
		"xmlns:style='" ODF "style:1.0'><office:automatic-styles>"
		"<style:style style:name='H' style:family='text'>"
		"<style:text-properties text:display='none'/></style:style>"
		"<text:list-style style:name='L'>"
		"<text:list-level-style-number text:level='1' "
		"style:num-format='1' text:start-value='2'/></text:list-style>"
		"</office:automatic-styles><office:body><office:text>"
		"<text:tracked-changes><text:p>deleted</text:p>"
		"</text:tracked-changes><text:h text:outline-level='2'>Head"
		"</text:h><text:p>a<text:span text:style-name='H'>gone"
		"</text:span><text:note text:note-class='footnote'>"
		"<text:note-citation>9</text:note-citation><text:note-body>"
		"<text:p>note</text:p></text:note-body></text:note> b</text:p>"
		"<text:section text:display='none'><text:p>gone</text:p>"
		"</text:section><text:list text:style-name='L'>"
		"<text:list-item><text:p>two</text:p></text:list-item>"
		"</text:list><table:table><table:table-row>"
		"<table:table-cell table:number-columns-spanned='2'><text:p>w"
		"</text:p></table:table-cell><table:covered-table-cell/>"
		"</table:table-row><table:table-row><table:table-cell><text:p>"
		"x</text:p></table:table-cell><table:table-cell><text:p>y"
		"</text:p></table:table-cell></table:table-row></table:table>"
		"</office:text></office:body></office:document>"),
	    "## Head\n\na[^1] b\n\n2. two\n\n| w |  |\n| --- | --- |\n"
	    "| x | y |\n\n[^1]: note\n");
}

static void
odt_that_is_encrypted(void **state UNUSED)
{
	struct zip_maker m = zip_begin();

	zip_add(&m, "mimetype", "application/vnd.oasis.opendocument.text");
	zip_add(&m, "META-INF/manifest.xml", "<x><encryption-data/></x>");
	zip_add(&m, "content.xml", "garbage");
	expect_error(&doc_format_odt, zip_end(&m), ERR_ENCRYPTED);
	zip_fini(&m);
}

#define PML                                                            \
	"xmlns:p='http://schemas.openxmlformats.org/presentationml/"   \
	"2006/main' xmlns:a='http://schemas.openxmlformats.org/"       \
	"drawingml/2006/main' xmlns:r='http://schemas.openxmlformats." \
	"org/officeDocument/2006/relationships'"
#define SHAPE(ph, y, text)                                                \
	"<p:sp><p:nvSpPr><p:nvPr>" ph "</p:nvPr></p:nvSpPr><p:spPr>"      \
	"<a:xfrm><a:off x='0' y='" y "'/><a:ext cx='9' cy='5'/></a:xfrm>" \
	"</p:spPr><p:txBody><a:p><a:r><a:t>" text                         \
	"</a:t></a:r></a:p></p:txBody></p:sp>"

static void
slides_in_reading_order(void **state UNUSED)
{
	struct zip_maker m = zip_begin();

	zip_add(&m, "ppt/presentation.xml",
	    "<p:presentation " PML "><p:sldIdLst><p:sldId id='1' r:id='b'/>"
	    "<p:sldId id='2' r:id='a'/></p:sldIdLst></p:presentation>");
	zip_add(&m, "ppt/_rels/presentation.xml.rels",
	    "<Relationships xmlns='http://schemas.openxmlformats.org/package/"
	    "2006/relationships'><Relationship Id='a' Type='x/slide' "
	    "Target='slides/s2.xml'/><Relationship Id='b' Type='x/slide' "
	    "Target='slides/s1.xml'/></Relationships>");
	zip_add(&m, "ppt/slides/s1.xml",
	    "<p:sld " PML "><p:cSld><p:spTree>" SHAPE("", "40", "low")
		SHAPE("", "20", "high") SHAPE("<p:ph type='title'/>", "0", "T")
		    SHAPE("<p:ph type='sldNum'/>", "90", "7")
			SHAPE("<p:ph idx='1'/>", "60",
			    "point") "</p:spTree></p:cSld></p:sld>");
	zip_add(&m, "ppt/slides/s2.xml",
	    "<p:sld show='0' " PML "><p:cSld><p:spTree>" SHAPE("", "0",
		"hidden") "</p:spTree></p:cSld></p:sld>");
	expect_md(&doc_format_pptx, zip_end(&m),
	    "<!-- page 1 -->\n\n## T\n\nhigh\n\nlow\n\n- point\n");
	zip_fini(&m);
}

static struct str
book(struct zip_maker *m, const char *encryption)
{
	*m = zip_begin();
	zip_add(m, "mimetype", "application/epub+zip");
	zip_add(m, "META-INF/container.xml",
	    "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:"
	    "container'><rootfile full-path='o/c.opf'/></container>");
	if (encryption != NULL)
		zip_add(m, "META-INF/encryption.xml", encryption);
	zip_add(m, "o/c.opf",
	    "<package xmlns='http://www.idpf.org/2007/opf'><manifest>"
	    "<item id='n' href='n.xhtml' properties='nav' "
	    "media-type='application/xhtml+xml'/><item id='2' "
	    "href='c%202.xhtml' media-type='application/xhtml+xml'/><item "
	    "id='1' href='c1.xhtml' media-type='application/xhtml+xml'/>"
	    "</manifest><spine><itemref idref='n'/><itemref idref='1'/>"
	    "<itemref idref='2'/></spine></package>");
	zip_add(m, "o/c1.xhtml", "<html><body><h1>One</h1></body></html>");
	zip_add(m, "o/c 2.xhtml", "<html><body><h1>Two</h1></body></html>");
	zip_add(m, "o/n.xhtml", "<html><body>nav</body></html>");
	return zip_end(m);
}

static void
books_follow_the_spine(void **state UNUSED)
{
	struct zip_maker m;

	expect_md(&doc_format_epub, book(&m, NULL), "# One\n\n# Two\n");
	zip_fini(&m);
	expect_error(&doc_format_epub,
	    book(&m,
		"<e xmlns='http://www.w3.org/2001/04/xmlenc#'>"
		"<EncryptionMethod Algorithm='aes'/><CipherReference "
		"URI='o/c1.xhtml'/></e>"),
	    ERR_ENCRYPTED);
	zip_fini(&m);
}

const struct CMUnitTest doc_pages_tests[] = {
    cmocka_unit_test(html_shows_what_a_browser_shows),
    cmocka_unit_test(html_blocks),
    cmocka_unit_test(html_tables_of_data_and_of_layout),
    cmocka_unit_test(html_forms_and_encodings),
    cmocka_unit_test(mail_reads_the_best_body_once),
    cmocka_unit_test(mail_that_nests_without_end_is_refused),
    cmocka_unit_test(odt_text_lists_notes_and_hidden_parts),
    cmocka_unit_test(odt_that_is_encrypted),
    cmocka_unit_test(slides_in_reading_order),
    cmocka_unit_test(books_follow_the_spine),
};
const size_t doc_pages_tests_count = COUNT_OF(doc_pages_tests);
