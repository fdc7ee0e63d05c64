/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/service/docs.h"

extern const struct CMUnitTest doc_docx_tests[];
extern const size_t doc_docx_tests_count;

#define W \
	"xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\""
#define R \
	"xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\""
#define MC \
	"xmlns:mc=\"http://schemas.openxmlformats.org/markup-compatibility/2006\""
#define DOC(body) \
	"<w:document " W " " R " " MC "><w:body>" body "</w:body></w:document>"
#define P(text) "<w:p><w:r><w:t>" text "</w:t></w:r></w:p>"
#define T(text) "<w:r><w:t xml:space=\"preserve\">" text "</w:t></w:r>"
#define LI(num, level, text)                                                \
	"<w:p><w:pPr><w:numPr><w:ilvl w:val=\"" level                       \
	"\"/><w:numId w:val=\"" num "\"/></w:numPr></w:pPr><w:r><w:t>" text \
	"</w:t></w:r></w:p>"

static const char styles[] =
    "<w:styles " W ">"
    "<w:style w:type=\"paragraph\" w:styleId=\"berschrift1\">"
    "<w:name w:val=\"heading 1\"/></w:style>"
    "<w:style w:type=\"paragraph\" w:styleId=\"Mine\"><w:name "
    "w:val=\"Mine\"/><w:basedOn w:val=\"berschrift1\"/></w:style>"
    "<w:style w:type=\"paragraph\" w:styleId=\"Out\"><w:name "
    "w:val=\"Chapter\"/><w:pPr><w:outlineLvl w:val=\"2\"/></w:pPr></w:style>"
    "<w:style w:type=\"character\" w:styleId=\"Gone\"><w:name "
    "w:val=\"Gone\"/><w:rPr><w:vanish/></w:rPr></w:style></w:styles>";
static const char numbering[] =
    "<w:numbering " W "><w:abstractNum w:abstractNumId=\"1\">"
    "<w:lvl w:ilvl=\"0\"><w:start w:val=\"3\"/><w:numFmt "
    "w:val=\"decimal\"/><w:lvlText w:val=\"%1.\"/></w:lvl>"
    "<w:lvl w:ilvl=\"1\"><w:start w:val=\"1\"/><w:numFmt "
    "w:val=\"lowerLetter\"/><w:lvlText w:val=\"(%2)\"/></w:lvl>"
    "</w:abstractNum><w:abstractNum w:abstractNumId=\"2\">"
    "<w:lvl w:ilvl=\"0\"><w:numFmt w:val=\"bullet\"/></w:lvl>"
    "</w:abstractNum><w:num w:numId=\"1\"><w:abstractNumId "
    "w:val=\"1\"/></w:num><w:num w:numId=\"2\"><w:abstractNumId "
    "w:val=\"2\"/></w:num></w:numbering>";
static const char rels[] =
    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/"
    "relationships\"><Relationship Id=\"rId1\" Type=\"http://x/hyperlink\" "
    "Target=\"https://a.example/\" TargetMode=\"External\"/><Relationship "
    "Id=\"rId2\" Type=\"http://x/header\" Target=\"header1.xml\"/>"
    "<Relationship Id=\"rId3\" Type=\"http://x/footnotes\" "
    "Target=\"footnotes.xml\"/></Relationships>";

static struct str
package(struct zip_maker *m, const char *document)
{
	*m = zip_begin();
	zip_add(m, "[Content_Types].xml", "<Types/>");
	zip_add(m, "word/document.xml", document);
	zip_add(m, "word/styles.xml", styles);
	zip_add(m, "word/numbering.xml", numbering);
	zip_add(m, "word/_rels/document.xml.rels", rels);
	zip_add(m, "word/header1.xml",
	    "<w:hdr " W ">" P("Letterhead") "</w:hdr>");
	zip_add(m, "word/footnotes.xml",
	    "<w:footnotes " W ">"
	    "<w:footnote w:id=\"-1\">" P(
		"sep") "</w:footnote>"
		       "<w:footnote w:id=\"5\">" P(
			   "The note.") "</w:footnote>"
					"</w:footnotes>");
	return zip_end(m);
}

static void
docx(const char *document, const char *want)
{
	struct zip_maker m;

	expect_md(&doc_format_docx, package(&m, document), want);
	zip_fini(&m);
}

static void
headings_come_from_styles(void **state UNUSED)
{
	docx(
	    DOC("<w:p><w:pPr><w:pStyle w:val=\"Mine\"/></w:pPr>" T("One") "</w:p><w:p><w:pPr><w:pStyle w:val=\"Out\"/></w:pPr>" T("Three") "</w:p><w:p><w:pPr><w:outlineLvl w:val=\"1\"/></w:pPr>" T(
		"Two") "</w:p><w:p/><w:p><w:pPr><w:pStyle w:val=\"nope\"/></w:pPr>" T("text") "</w:p>"),
	    "# One\n\n### Three\n\n## Two\n\ntext\n");
}

static void
changes_are_accepted(void **state UNUSED)
{
	docx(
	    DOC("<w:p>" T(
		"a ") "<w:del><w:r><w:delText>x</w:delText></w:r>"
		      "</w:del><w:ins>" T("b") "</w:ins><w:moveFrom>" T("m") "</w:moveFrom><w:moveTo>" T(
			  "c") "</w:moveTo></w:p>"
			       "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>" T("joined ") "</w:p><w:p>" T(
				   "here") "</w:p>"
					   "<w:tbl><w:tr><w:trPr><w:del/></w:trPr><w:tc>" P("gone") "</w:tc></w:tr><w:tr><w:tc>" P(
					       "k") "</w:tc><w:tc>" P("v") "</w:tc></w:tr></w:tbl>"),
	    "a bc\n\njoined here\n\n| k | v |\n| --- | --- |\n");
}

static void
fields_and_controls(void **state UNUSED)
{
	docx(
	    DOC("<w:p>" T(
		"Ref ") "<w:r><w:fldChar w:fldCharType=\"begin\"/></w:r>"
			"<w:r><w:instrText> IF </w:instrText></w:r>"
			"<w:r><w:fldChar w:fldCharType=\"begin\"/></w:r>"
			"<w:r><w:instrText>X</w:instrText></w:r>"
			"<w:r><w:fldChar w:fldCharType=\"separate\"/></w:r>" T(
			    "inner") "<w:r><w:fldChar w:fldCharType=\"end\"/></w:r>"
				     "<w:r><w:fldChar w:fldCharType=\"separate\"/></w:r>" T("R-1") "<w:r><w:fldChar w:fldCharType=\"end\"/></w:r>" T(
					 " ") "<w:r><w:fldChar w:fldCharType=\"begin\"><w:ffData><w:checkBox>"
					      "<w:default w:val=\"0\"/><w:checked/></w:checkBox></w:ffData>"
					      "</w:fldChar></w:r><w:r><w:instrText>FORMCHECKBOX</w:instrText>"
					      "</w:r><w:r><w:fldChar w:fldCharType=\"end\"/></w:r>" T(" yes") "</w:p><w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>" P("Click here") "</w:sdtContent></w:sdt><w:sdt><w:sdtContent>" P(
						  "value") "</w:sdtContent></w:sdt>"
							   "<w:p><w:r><w:fldChar w:fldCharType=\"begin\"/></w:r><w:r>"
							   "<w:instrText> TOC \\o</w:instrText></w:r><w:r>"
							   "<w:fldChar w:fldCharType=\"separate\"/></w:r>" T(
							       "One 1") "<w:r><w:fldChar w:fldCharType=\"end\"/></w:r></w:p>"),
	    "Ref R-1 ☒ yes\n\nvalue\n");
}

static void
runs_links_notes_and_hidden_text(void **state UNUSED)
{
	docx(
	    DOC("<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>bold</w:t></w:r>"
		"<w:r><w:rPr><w:b w:val=\"0\"/></w:rPr><w:t xml:space=\"preserve\">"
		" not</w:t></w:r><w:r><w:rPr><w:rStyle w:val=\"Gone\"/></w:rPr>"
		"<w:t>hidden</w:t></w:r><w:r><w:footnoteReference w:id=\"5\"/>"
		"</w:r><w:r><w:t xml:space=\"preserve\"> </w:t></w:r>"
		"<w:hyperlink r:id=\"rId1\">" T(
		    "link") "</w:hyperlink></w:p>"
			    "<w:sectPr><w:headerReference w:type=\"default\" r:id=\"rId2\"/>"
			    "</w:sectPr>"),
	    "Letterhead\n\n**bold** not[^1] [link](https://a.example/)\n\n"
	    "[^1]: The note.\n");
}

static void
lists_have_their_labels(void **state UNUSED)
{
	docx(DOC(LI("1", "0", "three") LI("1", "1", "sub") LI("1", "1", "sub2")
		     P("between") LI("1", "0", "four") LI("2", "0", "dot")),
	    "3. three\n   - (a) sub\n   - (b) sub2\n\nbetween\n\n4. four\n\n"
	    "- dot\n");
}

static void
boxes_are_read_once(void **state UNUSED)
{
	docx(
	    DOC("<w:p>" T(
		"before ") "<w:r><mc:AlternateContent><mc:Choice>"
			   "<w:txbxContent>" P(
			       "boxed") "</w:txbxContent></mc:Choice>"
					"<mc:Fallback><w:txbxContent>" P("boxed") "</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r>" T(
					    "after") "</w:p>"),
	    "before after\n\nboxed\n");
}

static void
merged_cells(void **state UNUSED)
{
	docx(
	    DOC("<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr><w:tc><w:tcPr>"
		"<w:gridSpan w:val=\"2\"/></w:tcPr>" P("head") "</w:tc><w:tc>" P(
		    "h2") "</w:tc></w:tr><w:tr><w:tc><w:tcPr><w:vMerge "
			  "w:val=\"restart\"/></w:tcPr>" P("a") "</w:tc><w:tc>" P("b") "</w:tc><w:tc>" P(
			      "c") "</w:tc></w:tr><w:tr><w:tc><w:tcPr>"
				   "<w:vMerge/></w:tcPr><w:p/></w:tc><w:tc>" P(
				       "d") "</w:tc><w:tc>" LI("2", "0", "e")
				       LI("2", "0",
					   "f") "</w:tc></w:tr></w:tbl>"),
	    "| head |  | h2 |\n| --- | --- | --- |\n| a | b | c |\n"
	    "|  | d | • e<br>• f |\n");
}

static void
bad_packages(void **state UNUSED)
{
	struct zip_maker m;

	expect_error(&doc_format_docx,
	    package(&m, "<!DOCTYPE x [<!ENTITY a \"b\">]>" DOC(P("&a;"))),
	    ERR_CORRUPT);
	zip_fini(&m);
	expect_error(&doc_format_docx, package(&m, "<w:document " W ">"),
	    ERR_CORRUPT);
	zip_fini(&m);
	m = zip_begin();
	zip_add(&m, "[Content_Types].xml", "<Types/>");
	expect_error(&doc_format_docx, zip_end(&m), ERR_CORRUPT);
	zip_fini(&m);
}

const struct CMUnitTest doc_docx_tests[] = {
    cmocka_unit_test(headings_come_from_styles),
    cmocka_unit_test(changes_are_accepted),
    cmocka_unit_test(fields_and_controls),
    cmocka_unit_test(runs_links_notes_and_hidden_text),
    cmocka_unit_test(lists_have_their_labels),
    cmocka_unit_test(boxes_are_read_once),
    cmocka_unit_test(merged_cells),
    cmocka_unit_test(bad_packages),
};
const size_t doc_docx_tests_count = COUNT_OF(doc_docx_tests);
