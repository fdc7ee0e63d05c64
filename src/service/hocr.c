/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hOCR 1.2. Nesting: ocr_page > ocr_carea (block) > ocr_par > ocr_line >
 * ocrx_word. https://kba.github.io/hocr-spec/1.2/
 */
#include "service/hocr.h"

static void
put_xml(struct buf *out, const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		switch (*c) {
		case '&':
			buf_z(out, "&amp;");
			break;
		case '<':
			buf_z(out, "&lt;");
			break;
		case '>':
			buf_z(out, "&gt;");
			break;
		case '"':
			buf_z(out, "&quot;");
			break;
		default:
			if ((unsigned char)*c >= ' ')
				buf_c(out, *c);
			break;
		}
	}
}

bool
hocr_head(struct buf *out, const char *langs)
{
	buf_z(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" "
	    "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n"
	    "<html xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
	    "<title></title>\n"
	    "<meta http-equiv=\"Content-Type\" "
	    "content=\"text/html;charset=utf-8\" />\n"
	    "<meta name=\"ocr-system\" content=\"hearth, ");
	put_xml(out, ocr_version());
	buf_z(out, "\" />\n<meta name=\"ocr-langs\" content=\"");
	put_xml(out, langs);
	return buf_z(out,
	    "\" />\n<meta name=\"ocr-capabilities\" content=\"ocr_page "
	    "ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf\" />\n"
	    "</head>\n<body>\n");
}

static void
put_open(struct buf *out, const char *tag, const char *class, unsigned page,
    unsigned id, const struct ocr_box *b)
{
	buf_fmt(out,
	    "<%s class=\"%s\" id=\"%s_%u_%u\" "
	    "title=\"bbox %d %d %d %d",
	    tag, class, class + 4, page, id, b->x0, b->y0, b->x1, b->y1);
}

static void
put_line(struct buf *out, const struct ocr_page *page, unsigned number,
    unsigned i)
{
	const struct ocr_line *line = &page->lines[i];

	put_open(out, "span", "ocr_line", number, i + 1, &line->box);
	buf_z(out, "\">");
	for (unsigned k = 0; k < line->count; k++) {
		const struct ocr_word *w = &page->words[line->first + k];

		if (k > 0)
			buf_c(out, ' ');
		buf_fmt(out,
		    "<span class=\"ocrx_word\" id=\"word_%u_%u\" title=\"bbox "
		    "%d %d %d %d; x_wconf %d\">",
		    number, line->first + k + 1, w->box.x0, w->box.y0,
		    w->box.x1, w->box.y1, (int)(w->confidence * 100 + 0.5));
		put_xml(out, w->text);
		buf_z(out, "</span>");
	}
	buf_z(out, "</span>\n");
}

/* The box around all paragraphs of the block that starts at i. */
static struct ocr_box
block_box(const struct ocr_page *page, unsigned i)
{
	struct ocr_box b = page->paras[i].box;

	for (unsigned k = i + 1;
	     k < page->nparas && page->paras[k].block == page->paras[i].block;
	     k++) {
		const struct ocr_box *o = &page->paras[k].box;

		b.x0 = MIN_OF(b.x0, o->x0);
		b.y0 = MIN_OF(b.y0, o->y0);
		b.x1 = MAX_OF(b.x1, o->x1);
		b.y1 = MAX_OF(b.y1, o->y1);
	}
	return b;
}

bool
hocr_page(struct buf *out, const struct ocr_page *page, unsigned number)
{
	buf_fmt(out,
	    "<div class=\"ocr_page\" id=\"page_%u\" title=\"bbox 0 0 %u %u; "
	    "ppageno %u; scan_res %d %d\">\n",
	    number, page->width, page->height, number > 0 ? number - 1 : 0,
	    page->dpi, page->dpi);
	for (unsigned i = 0; i < page->nparas; i++) {
		const struct ocr_para *para = &page->paras[i];

		if (i == 0 || para->block != para[-1].block) {
			struct ocr_box b = block_box(page, i);

			put_open(out, "div", "ocr_carea", number, i + 1, &b);
			buf_z(out, "\">\n");
		}
		put_open(out, "p", "ocr_par", number, i + 1, &para->box);
		buf_z(out, "\">\n");
		for (unsigned k = 0; k < para->count; k++)
			put_line(out, page, number, para->first + k);
		buf_z(out, "</p>\n");
		if (i + 1 == page->nparas || para[1].block != para->block)
			buf_z(out, "</div>\n");
	}
	return buf_z(out, "</div>\n");
}

bool
hocr_tail(struct buf *out)
{
	return buf_z(out, "</body>\n</html>\n");
}
