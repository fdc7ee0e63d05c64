/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOCX styles and numbering: which paragraphs are headings, which are hidden,
 * and what label a list paragraph has.
 */
#include <stdlib.h>

#include "service/doc_docx.h"

enum {
	EL_STYLE = 1,
	EL_NAME,
	EL_BASED_ON,
	EL_OUTLINE,
	EL_NUM_ID,
	EL_ILVL,
	EL_VANISH,
	EL_BOLD,
	EL_ITALIC,
	EL_STRIKE,
	EL_ABSTRACT,
	EL_LEVEL,
	EL_START,
	EL_FORMAT,
	EL_TEXT,
	EL_STYLE_LINK,
	EL_NUM,
	EL_ABSTRACT_ID,
	EL_OVERRIDE,
	EL_START_OVERRIDE,
	EL_TABLE_STYLE,
	EL_CHANGE,
};

static const struct doc_xml_name names[] = {
    {NS_W, "style", EL_STYLE},
    {NS_W, "name", EL_NAME},
    {NS_W, "basedOn", EL_BASED_ON},
    {NS_W, "outlineLvl", EL_OUTLINE},
    {NS_W, "numId", EL_NUM_ID},
    {NS_W, "ilvl", EL_ILVL},
    {NS_W, "vanish", EL_VANISH},
    {NS_W, "b", EL_BOLD},
    {NS_W, "i", EL_ITALIC},
    {NS_W, "strike", EL_STRIKE},
    {NS_W, "abstractNum", EL_ABSTRACT},
    {NS_W, "lvl", EL_LEVEL},
    {NS_W, "start", EL_START},
    {NS_W, "numFmt", EL_FORMAT},
    {NS_W, "lvlText", EL_TEXT},
    {NS_W, "numStyleLink", EL_STYLE_LINK},
    {NS_W, "num", EL_NUM},
    {NS_W, "abstractNumId", EL_ABSTRACT_ID},
    {NS_W, "lvlOverride", EL_OVERRIDE},
    {NS_W, "startOverride", EL_START_OVERRIDE},
    {NS_W, "tblStylePr", EL_TABLE_STYLE},
    {NS_W, "pPrChange", EL_CHANGE},
    {NS_W, "rPrChange", EL_CHANGE},
    {0},
};

struct reader {
	struct docx_styles *s;
	unsigned skip; /* ignore what is deeper than this; 0 = nothing */
	int level;
	bool in_level, in_override;
};

static bool
flag(const struct doc_xml *x)
{
	struct str v = doc_xml_attr(x, "val");

	return !(str_eqz(v, "0") || str_eqz(v, "false") || str_eqz(v, "off"));
}

static struct docx_style *
style_last(struct docx_styles *s)
{
	size_t n = s->styles.n / sizeof(struct docx_style);

	return n != 0 ? (struct docx_style *)(void *)s->styles.p + n - 1 : NULL;
}

static struct docx_abstract *
abstract_last(struct docx_styles *s)
{
	size_t n = s->abstracts.n / sizeof(struct docx_abstract);

	return n != 0 ? (struct docx_abstract *)(void *)s->abstracts.p + n - 1
		      : NULL;
}

static struct docx_num *
num_last(struct docx_styles *s)
{
	size_t n = s->nums.n / sizeof(struct docx_num);

	return n != 0 ? (struct docx_num *)(void *)s->nums.p + n - 1 : NULL;
}

/* --- styles ----------------------------------------------------------- */

static void
style_begin(struct docx_styles *s, const struct doc_xml *x)
{
	struct docx_style style = {.outline = DOCX_UNSET,
	    .num = DOCX_UNSET,
	    .level = DOCX_UNSET,
	    .hidden = DOCX_UNSET,
	    .bold = DOCX_UNSET,
	    .italic = DOCX_UNSET,
	    .strike = DOCX_UNSET};

	(void)str_copy(style.id, sizeof style.id, doc_xml_attr(x, "styleId"));
	(void)buf_add(&s->styles, &style, sizeof style);
}

static void
style_property(struct docx_style *style, const struct doc_xml *x, int id)
{
	struct str v = doc_xml_attr(x, "val");

	switch (id) {
	case EL_NAME:
		(void)str_copy(style->name, sizeof style->name, v);
		break;
	case EL_BASED_ON:
		(void)str_copy(style->based_on, sizeof style->based_on, v);
		break;
	case EL_OUTLINE:
		style->outline = (int)doc_xml_int(x, "val", 9) % 10;
		break;
	case EL_NUM_ID:
		style->num = (int)(doc_xml_int(x, "val", 0) & 0xffffff);
		break;
	case EL_ILVL:
		style->level = (int)(doc_xml_int(x, "val", 0) & 15);
		break;
	case EL_VANISH:
		style->hidden = flag(x);
		break;
	case EL_BOLD:
		style->bold = flag(x);
		break;
	case EL_ITALIC:
		style->italic = flag(x);
		break;
	case EL_STRIKE:
		style->strike = flag(x);
		break;
	default:
		break;
	}
}

static void
on_style(void *user, struct doc_xml *x, int id)
{
	struct reader *r = user;
	struct docx_style *style;

	if (r->skip != 0)
		return;
	if (id == EL_TABLE_STYLE || id == EL_CHANGE) {
		r->skip = doc_xml_depth(x);
		return;
	}
	if (id == EL_STYLE)
		style_begin(r->s, x);
	style = style_last(r->s);
	if (style != NULL && id != EL_STYLE)
		style_property(style, x, id);
}

static void
on_style_end(void *user, struct doc_xml *x, int id UNUSED)
{
	struct reader *r = user;

	if (r->skip == doc_xml_depth(x))
		r->skip = 0;
}

static void
inherit(int *mine, int theirs)
{
	if (*mine == DOCX_UNSET)
		*mine = theirs;
}

struct docx_style *
docx_style_find(struct docx_styles *s, struct str id)
{
	struct docx_style *style = map_get(&s->by_id, id);
	const struct docx_style *base = style;

	if (style == NULL || style->resolved)
		return style;
	style->resolved = true;
	for (int i = 0; i < 16 && base->based_on[0] != '\0'; i++) {
		base = map_get(&s->by_id, str_of(base->based_on));
		if (base == NULL)
			break;
		/* a style based on "heading 1" is a heading, too */
		if (style->outline == DOCX_UNSET && base->outline == DOCX_UNSET)
			style->outline = docx_style_heading(base) - 1;
		inherit(&style->outline, base->outline);
		inherit(&style->num, base->num);
		inherit(&style->level, base->level);
		inherit(&style->hidden, base->hidden);
		inherit(&style->bold, base->bold);
		inherit(&style->italic, base->italic);
		inherit(&style->strike, base->strike);
	}
	return style;
}

int
docx_style_heading(const struct docx_style *style)
{
	/* Word keeps built-in names in English; other programs do not. */
	static const char *const words[] = {"heading", "überschrift", "titre",
	    "título", "titolo", "kop", "rubrik", "overskrift", "otsikko",
	    "nagłówek", "nadpis", "заголовок", "címsor", "titlu", "başlık",
	    "título ", "encabezado", "berschrift", "Überschrift"};
	struct str name = str_of(
	    style->name[0] != '\0' ? style->name : style->id);

	if (style->outline >= 0 && style->outline < 9)
		return MIN_OF(style->outline + 1, 6);
	if (str_ieqz(name, "title"))
		return 1;
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		size_t n = strlen(words[i]);
		struct str rest;

		if (name.n <= n || !str_ieqz((struct str){name.p, n}, words[i]))
			continue;
		rest = str_trim((struct str){name.p + n, name.n - n});
		if (rest.n == 1 && rest.p[0] >= '1' && rest.p[0] <= '9')
			return MIN_OF(rest.p[0] - '0', 6);
	}
	return 0;
}

/* --- numbering -------------------------------------------------------- */

static uint8_t
format_of(struct str v)
{
	static const struct {
		const char *name;
		enum docx_format format;
	} formats[] = {{"bullet", DOCX_BULLET}, {"none", DOCX_NONE},
	    {"lowerLetter", DOCX_LETTER}, {"upperLetter", DOCX_UPPER_LETTER},
	    {"lowerRoman", DOCX_ROMAN}, {"upperRoman", DOCX_UPPER_ROMAN}};

	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		if (str_eqz(v, formats[i].name))
			return (uint8_t)formats[i].format;
	}
	return DOCX_DECIMAL;
}

static void
abstract_begin(struct docx_styles *s, const struct doc_xml *x)
{
	struct docx_abstract a = {.id = doc_xml_int(x, "abstractNumId", -1)};

	for (int i = 0; i < DOCX_LEVELS; i++)
		a.levels[i] = (struct docx_level){.start = 1};
	(void)buf_add(&s->abstracts, &a, sizeof a);
}

static void
num_begin(struct docx_styles *s, const struct doc_xml *x)
{
	struct docx_num n = {.id = doc_xml_int(x, "numId", -1), .abstract = -1};

	for (int i = 0; i < DOCX_LEVELS; i++)
		n.overrides[i] = DOCX_UNSET;
	(void)buf_add(&s->nums, &n, sizeof n);
}

static void
level_property(struct docx_level *level, const struct doc_xml *x, int id)
{
	struct str v = doc_xml_attr(x, "val");

	if (id == EL_START)
		level->start = (uint32_t)(doc_xml_int(x, "val", 1) & 0xffffff);
	else if (id == EL_FORMAT)
		level->format = format_of(v);
	else if (id == EL_TEXT)
		(void)str_copy(level->text, sizeof level->text, v);
}

static void
on_num(void *user, struct doc_xml *x, int id)
{
	struct reader *r = user;
	struct docx_abstract *a = abstract_last(r->s);
	struct docx_num *n = num_last(r->s);

	switch (id) {
	case EL_ABSTRACT:
		abstract_begin(r->s, x);
		break;
	case EL_NUM:
		num_begin(r->s, x);
		break;
	case EL_LEVEL:
	case EL_OVERRIDE:
		r->level = (int)(doc_xml_int(x, "ilvl", 0) & 15);
		r->in_level = id == EL_LEVEL;
		break;
	case EL_ABSTRACT_ID:
		if (n != NULL)
			n->abstract = doc_xml_int(x, "val", -1);
		break;
	case EL_START_OVERRIDE:
		if (n != NULL && r->level < DOCX_LEVELS)
			n->overrides[r->level] = doc_xml_int(x, "val", 1);
		break;
	case EL_STYLE_LINK:
		if (a != NULL)
			(void)str_copy(a->link, sizeof a->link,
			    doc_xml_attr(x, "val"));
		break;
	default:
		/* a level inside <num> would redefine it: rare, not read */
		if (id != 0 && r->in_level && n == NULL && a != NULL &&
		    r->level < DOCX_LEVELS)
			level_property(&a->levels[r->level], x, id);
		break;
	}
}

static void
on_num_end(void *user, struct doc_xml *x UNUSED, int id)
{
	struct reader *r = user;

	if (id == EL_LEVEL)
		r->in_level = false;
}

static struct docx_num *
num_find(struct docx_styles *s, int id)
{
	struct docx_num *n = (struct docx_num *)(void *)s->nums.p;

	for (size_t i = 0; i < s->nums.n / sizeof *n; i++) {
		if (n[i].id == id)
			return &n[i];
	}
	return NULL;
}

static struct docx_abstract *
abstract_find(struct docx_styles *s, int num)
{
	struct docx_abstract *a = (struct docx_abstract *)(void *)
				      s->abstracts.p;
	size_t count = s->abstracts.n / sizeof *a;

	for (int hops = 0; hops < 3; hops++) {
		const struct docx_num *n = num_find(s, num);
		const struct docx_style *style;
		size_t i = 0;

		if (n == NULL)
			return NULL;
		while (i < count && a[i].id != n->abstract)
			i++;
		if (i == count)
			return NULL;
		if (a[i].link[0] == '\0')
			return &a[i];
		style = docx_style_find(s, str_of(a[i].link));
		if (style == NULL || style->num <= 0)
			return &a[i];
		num = style->num;
	}
	return NULL;
}

const struct docx_level *
docx_level_find(struct docx_styles *s, int num, int level)
{
	struct docx_abstract *a = abstract_find(s, num);

	if (a == NULL || level < 0 || level >= DOCX_LEVELS)
		return NULL;
	return &a->levels[level];
}

static void
put_roman(struct buf *b, uint32_t v, bool upper)
{
	static const struct {
		uint32_t value;
		const char *up, *low;
	} marks[] = {{1000, "M", "m"}, {900, "CM", "cm"}, {500, "D", "d"},
	    {400, "CD", "cd"}, {100, "C", "c"}, {90, "XC", "xc"},
	    {50, "L", "l"}, {40, "XL", "xl"}, {10, "X", "x"}, {9, "IX", "ix"},
	    {5, "V", "v"}, {4, "IV", "iv"}, {1, "I", "i"}};

	for (size_t i = 0; i < COUNT_OF(marks) && v < 5000; i++) {
		for (; v >= marks[i].value; v -= marks[i].value)
			(void)buf_z(b, upper ? marks[i].up : marks[i].low);
	}
}

static void
put_number(struct buf *b, uint32_t v, int format)
{
	switch (format) {
	case DOCX_LETTER:
	case DOCX_UPPER_LETTER:
		/* a to z, then aa, bb... */
		for (uint32_t i = 0; v != 0 && i <= (v - 1) / 26 && i < 8; i++)
			(void)buf_c(b,
			    (char)((format == DOCX_LETTER ? 'a' : 'A') +
				(int)((v - 1) % 26)));
		break;
	case DOCX_ROMAN:
	case DOCX_UPPER_ROMAN:
		put_roman(b, v, format == DOCX_UPPER_ROMAN);
		break;
	case DOCX_BULLET:
	case DOCX_NONE:
		break;
	default:
		(void)buf_fmt(b, "%u", v);
		break;
	}
}

static void
put_label(const struct docx_abstract *a, int level, struct buf *b)
{
	const char *p = a->levels[level].text;

	for (; *p != '\0'; p++) {
		int k = p[0] == '%' ? p[1] - '1' : -1;

		if (k < 0 || k >= DOCX_LEVELS) {
			(void)buf_c(b, *p);
			continue;
		}
		p++;
		put_number(b,
		    a->counting[k] ? a->counters[k] : a->levels[k].start,
		    a->levels[k].format);
	}
}

uint32_t
docx_count(struct docx_styles *s, int num, int level, char *label, size_t cap)
{
	struct docx_abstract *a = abstract_find(s, num);
	struct docx_num *n = num_find(s, num);
	struct buf b = BUF_INIT(200);

	label[0] = '\0';
	if (a == NULL || n == NULL || level < 0 || level >= DOCX_LEVELS)
		return 1;
	if (!n->used) {
		n->used = true;
		for (int i = 0; i < DOCX_LEVELS; i++) {
			if (n->overrides[i] < 0)
				continue;
			a->counters[i] = (uint32_t)(n->overrides[i] - 1);
			a->counting[i] = true;
		}
	}
	if (a->counting[level])
		a->counters[level]++;
	else
		a->counters[level] = a->levels[level].start;
	a->counting[level] = true;
	for (int i = level + 1; i < DOCX_LEVELS; i++)
		a->counting[i] = false;
	if (a->levels[level].format != DOCX_BULLET)
		put_label(a, level, &b);
	(void)str_copy(label, cap, buf_view(&b));
	buf_fini(&b);
	return a->counters[level];
}

/* --- both ------------------------------------------------------------- */

int
docx_styles_read(struct doc_zip *z, struct str styles, struct str numbering,
    struct docx_styles *out, struct err *err)
{
	static const struct doc_xml_events style_events = {.names = names,
	    .start = on_style,
	    .end = on_style_end};
	static const struct doc_xml_events num_events = {.names = names,
	    .start = on_num,
	    .end = on_num_end};
	struct reader r = {.s = out};
	struct docx_style *s;

	*out = (struct docx_styles){.styles = BUF_INIT(
					8192 * sizeof(struct docx_style)),
	    .abstracts = BUF_INIT(4096 * sizeof(struct docx_abstract)),
	    .nums = BUF_INIT(8192 * sizeof(struct docx_num))};
	if (doc_zip_has(z, styles) &&
	    doc_xml_part(z, styles, &style_events, &r, err) != 0)
		return -1;
	s = (struct docx_style *)(void *)out->styles.p;
	for (size_t i = 0; i < out->styles.n / sizeof *s; i++)
		(void)map_put(&out->by_id, str_of(s[i].id), &s[i]);
	if (doc_zip_has(z, numbering) &&
	    doc_xml_part(z, numbering, &num_events, &r, err) != 0)
		return -1;
	return 0;
}

void
docx_styles_fini(struct docx_styles *s)
{
	map_fini(&s->by_id);
	buf_fini(&s->styles);
	buf_fini(&s->abstracts);
	buf_fini(&s->nums);
}
