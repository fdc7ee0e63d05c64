/* SPDX-License-Identifier: Apache-2.0 */
/* The styles of an OpenDocument file (OpenDocument 1.3 part 3, section 16). */
#include "service/doc_odt.h"

enum {
	EL_STYLE = 1,
	EL_TEXT,
	EL_LIST,
	EL_NUMBER,
	EL_BULLET
};

static struct odt_style *
style_last(struct odt_styles *s)
{
	size_t n = s->styles.n / sizeof(struct odt_style);

	return n != 0 ? (struct odt_style *)(void *)s->styles.p + n - 1 : NULL;
}

static struct odt_list_style *
list_last(struct odt_styles *s)
{
	size_t n = s->lists.n / sizeof(struct odt_list_style);

	return n != 0 ? (struct odt_list_style *)(void *)s->lists.p + n - 1
		      : NULL;
}

static void
style_begin(struct odt_styles *s, const struct doc_xml *x)
{
	struct odt_style style = {.outline = ODT_UNSET,
	    .bold = ODT_UNSET,
	    .italic = ODT_UNSET,
	    .strike = ODT_UNSET,
	    .hidden = ODT_UNSET,
	    .script = ODT_UNSET};
	struct str family = doc_xml_attr(x, "family");
	struct str parent = doc_xml_attr(x, "parent-style-name");

	(void)str_fmt(style.name, sizeof style.name, "%.*s:%.*s",
	    STR_ARG(family), STR_ARG(doc_xml_attr(x, "name")));
	if (parent.n != 0)
		(void)str_fmt(style.parent, sizeof style.parent, "%.*s:%.*s",
		    STR_ARG(family), STR_ARG(parent));
	if (doc_xml_attr(x, "default-outline-level").n != 0)
		style.outline =
		    (int)(doc_xml_int(x, "default-outline-level", 0) & 15);
	(void)buf_add(&s->styles, &style, sizeof style);
}

static void
text_properties(struct odt_style *style, const struct doc_xml *x)
{
	struct str weight = doc_xml_attr_ns(x, NS_FO, "font-weight");
	struct str slant = doc_xml_attr_ns(x, NS_FO, "font-style");
	struct str line = doc_xml_attr(x, "text-line-through-style");
	struct str display = doc_xml_attr_ns(x, NS_TEXT, "display");
	struct str place = doc_xml_attr(x, "text-position");

	if (weight.n != 0)
		style->bold = str_eqz(weight, "bold") ||
		    (weight.n == 3 && weight.p[0] >= '6');
	if (slant.n != 0)
		style->italic = !str_eqz(slant, "normal");
	if (line.n != 0)
		style->strike = !str_eqz(line, "none");
	if (display.n != 0)
		style->hidden = str_eqz(display, "none");
	if (str_starts(place, "super"))
		style->script = DOC_SUPER;
	else if (str_starts(place, "sub"))
		style->script = DOC_SUB;
}

static void
on_start(void *user, struct doc_xml *x, int id)
{
	struct odt_styles *s = user;
	struct odt_style *style = style_last(s);
	struct odt_list_style *list = list_last(s);
	int64_t level = doc_xml_int(x, "level", 1) - 1;

	if (id == EL_STYLE) {
		s->in_list = 0;
		style_begin(s, x);
	} else if (id == EL_TEXT && style != NULL && !s->in_list) {
		text_properties(style, x);
	} else if (id == EL_LIST) {
		struct odt_list_style fresh = {.ordered = {false}};

		s->in_list = 1;
		(void)str_copy(fresh.name, sizeof fresh.name,
		    doc_xml_attr(x, "name"));
		(void)buf_add(&s->lists, &fresh, sizeof fresh);
	} else if (id == EL_NUMBER && list != NULL && s->in_list &&
	    level >= 0 && level < ODT_LEVELS) {
		list->ordered[level] = doc_xml_attr(x, "num-format").n != 0;
		list->start[level] =
		    (uint32_t)(doc_xml_int(x, "start-value", 1) & 0xffffff);
	}
}

static void
on_end(void *user, struct doc_xml *x UNUSED, int id)
{
	struct odt_styles *s = user;

	if (id == EL_LIST)
		s->in_list = 0;
}

void
odt_styles_init(struct odt_styles *s)
{
	*s = (struct odt_styles){.styles = BUF_INIT(
				     65536 * sizeof(struct odt_style)),
	    .lists = BUF_INIT(16384 * sizeof(struct odt_list_style))};
}

void
odt_styles_fini(struct odt_styles *s)
{
	map_fini(&s->by_name);
	map_fini(&s->lists_by_name);
	buf_fini(&s->styles);
	buf_fini(&s->lists);
}

int
odt_styles_add(struct odt_styles *s, struct str xml, const char *what,
    struct err *err)
{
	static const struct doc_xml_name names[] = {{NS_STYLE, "style",
							EL_STYLE},
	    {NS_STYLE, "text-properties", EL_TEXT},
	    {NS_TEXT, "list-style", EL_LIST},
	    {NS_TEXT, "list-level-style-number", EL_NUMBER},
	    {NS_TEXT, "list-level-style-bullet", EL_BULLET}, {0}};
	static const struct doc_xml_events events = {.names = names,
	    .start = on_start,
	    .end = on_end};

	s->in_list = 0;
	return doc_xml_parse(xml, what, &events, s, err);
}

void
odt_styles_build(struct odt_styles *s)
{
	struct odt_style *style = (struct odt_style *)(void *)s->styles.p;
	struct odt_list_style *list = (struct odt_list_style *)(void *)
					  s->lists.p;

	for (size_t i = 0; i < s->styles.n / sizeof *style; i++)
		(void)map_put(&s->by_name, str_of(style[i].name), &style[i]);
	for (size_t i = 0; i < s->lists.n / sizeof *list; i++)
		(void)map_put(&s->lists_by_name, str_of(list[i].name),
		    &list[i]);
}

static void
inherit(int *mine, int theirs)
{
	if (*mine == ODT_UNSET)
		*mine = theirs;
}

const struct odt_style *
odt_style_find(struct odt_styles *s, const char *family, struct str name)
{
	char z[96];
	struct odt_style *style;
	const struct odt_style *base;

	if (name.n == 0)
		return NULL;
	(void)str_fmt(z, sizeof z, "%s:%.*s", family, STR_ARG(name));
	style = map_get(&s->by_name, str_of(z));
	base = style;
	if (style == NULL || style->resolved)
		return style;
	style->resolved = true;
	for (int i = 0; i < 16 && base->parent[0] != '\0'; i++) {
		int heading;

		base = map_get(&s->by_name, str_of(base->parent));
		if (base == NULL)
			break;
		heading = odt_style_heading(base);
		if (style->outline == ODT_UNSET && heading != 0)
			style->outline = heading;
		/* bold headings are no emphasis; only what is automatic is */
		inherit(&style->hidden, base->hidden);
		inherit(&style->strike, base->strike);
		inherit(&style->script, base->script);
		inherit(&style->bold, base->bold);
		inherit(&style->italic, base->italic);
	}
	return style;
}

int
odt_style_heading(const struct odt_style *style)
{
	const char *name = strchr(style->name, ':');
	struct str n = str_of(name != NULL ? name + 1 : "");

	if (!str_starts(str_of(style->name), "paragraph:"))
		return 0;
	if (style->outline > 0)
		return MIN_OF(style->outline, 6);
	if (str_eqz(n, "Title"))
		return 1;
	if (str_starts(n, "Heading_20_") && n.n == 12 && n.p[11] >= '1' &&
	    n.p[11] <= '9')
		return MIN_OF(n.p[11] - '0', 6);
	return 0;
}

const struct odt_list_style *
odt_list_find(const struct odt_styles *s, struct str name)
{
	return name.n != 0 ? map_get(&s->lists_by_name, name) : NULL;
}
