/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables in text: fields apart by comma, semicolon, tab or bar, quoted by
 * RFC 4180's rules as programs really follow them (a quote inside a field
 * doubled or escaped, line ends inside quotes, a last line without an end).
 *
 * The separator is the one under which most records have the same number of
 * fields. A first line "sep=;" is obeyed. The first record is the header.
 */
#include "service/doc_charset.h"
#include "service/doc_sniff.h"

#include <ctype.h>

enum {
	TRIED_RECORDS = 200,
	FIELDS = 16384
};

struct csv {
	struct str s;
	size_t at;
	char sep;
	bool row_done; /* the last field ended its record */
};

static struct csv
csv_start(struct str s, char sep)
{
	struct csv c = {.s = s, .sep = sep};

	if (s.n > 5 && memcmp(s.p, "sep=", 4) == 0) {
		c.sep = s.p[4];
		while (c.at < s.n && s.p[c.at] != '\n')
			c.at++;
		c.at += c.at < s.n;
	}
	return c;
}

/* Everything up to the closing quote; doubled quotes become one. */
static void
quoted(struct csv *c, struct buf *out)
{
	while (c->at < c->s.n) {
		char ch = c->s.p[c->at++];

		if (ch != '"') {
			buf_c(out, ch);
		} else if (c->at < c->s.n && c->s.p[c->at] == '"') {
			buf_c(out, '"');
			c->at++;
		} else {
			return;
		}
	}
}

static void
end_field(struct csv *c)
{
	char ch;

	c->row_done = true;
	if (c->at >= c->s.n)
		return;
	ch = c->s.p[c->at++];
	c->row_done = ch != c->sep;
	if (ch == '\r' && c->at < c->s.n && c->s.p[c->at] == '\n')
		c->at++;
}

/* The next field into out. */
static void
csv_field(struct csv *c, struct buf *out)
{
	size_t look = c->at;

	buf_clear(out);
	while (look < c->s.n && c->s.p[look] == ' ')
		look++;
	if (look < c->s.n && c->s.p[look] == '"') {
		c->at = look + 1;
		quoted(c, out);
	}
	while (c->at < c->s.n && c->s.p[c->at] != c->sep &&
	    c->s.p[c->at] != '\n' && c->s.p[c->at] != '\r')
		buf_c(out, c->s.p[c->at++]);
	end_field(c);
}

/* How well this separator fits: records that have the usual number of fields,
 * weighed by that number; 0 for a single column. */
static int
fit(struct str s, char sep, struct buf *tmp, unsigned *columns)
{
	struct csv c = csv_start(s, sep);
	unsigned counts[32] = {0}, best = 0, records = 0;

	while (c.at < s.n && records < TRIED_RECORDS) {
		unsigned n = 0, ink = 0;

		do {
			csv_field(&c, tmp);
			ink += tmp->n > 0;
			n++;
		} while (!c.row_done && n < FIELDS);
		if (ink == 0)
			continue;
		counts[MIN_OF(n, (unsigned)COUNT_OF(counts) - 1)]++;
		records++;
	}
	for (unsigned i = 2; i < COUNT_OF(counts); i++)
		if (counts[i] > 0 &&
		    (best == 0 || counts[i] * i > counts[best] * best))
			best = i;
	*columns = best;
	if (best == 0 || records == 0)
		return 0;
	return (int)(counts[best] * 100 / records) +
	    (int)MIN_OF(best, (unsigned)10);
}

static char
separator(struct str s, int *score, unsigned *columns)
{
	static const char seps[] = ",;\t|";
	struct buf tmp = BUF_INIT(1 << 20);
	char best = ',';

	*score = 0;
	*columns = 0;
	for (const char *p = seps; *p != 0; p++) {
		unsigned n;
		int f = fit(s, *p, &tmp, &n);

		if (f > *score) {
			*score = f;
			*columns = n;
			best = *p;
		}
	}
	buf_fini(&tmp);
	return best;
}

/* Sentences have commas too: their "fields" begin with a blank and a small
 * letter, and the number of them changes from line to line. */
static bool
prose(struct str s)
{
	unsigned commas = 0, spaced = 0, lines = 0, stops = 0;

	for (size_t i = 0; i + 1 < s.n; i++) {
		commas += s.p[i] == ',';
		spaced += s.p[i] == ',' && s.p[i + 1] == ' ';
		lines += s.p[i] == '\n';
		stops += s.p[i] == '.' && s.p[i + 1] == '\n';
	}
	return (commas > 0 && spaced * 10 > commas * 8) ||
	    (lines > 1 && stops * 2 > lines);
}

static int
csv_sniff(const struct doc_in *in)
{
	struct sniff_text t;
	struct str s;
	int score;
	unsigned columns;
	size_t lines = 0;
	bool named = sniff_ext(in, "csv") || sniff_ext(in, "tsv");

	sniff_text(in, &t);
	if (t.n == 0)
		return 0;
	s = (struct str){t.p, t.n};
	if (in->n > 4096) /* the last record is cut: leave it out */
		while (s.n > 0 && s.p[s.n - 1] != '\n')
			s.n--;
	for (size_t i = 0; i < s.n; i++)
		lines += s.p[i] == '\n';
	if (memcmp(t.p, "sep=", MIN_OF(t.n, (size_t)4)) == 0 && t.n > 5)
		return 80;
	separator(s, &score, &columns);
	if (named)
		return 60;
	return score >= 90 && columns > 1 && lines > 1 && !prose(s) ? 45 : 0;
}

static void
put_cell(struct doc *d, struct str s)
{
	size_t from = 0;

	doc_cell(d, 1, 1);
	for (size_t i = 0; i <= s.n; i++)
		if (i == s.n || s.p[i] == '\n') {
			if (from > 0)
				doc_break(d);
			doc_text(d, (struct str){s.p + from, i - from},
			    DOC_PLAIN);
			from = i + 1;
		}
	doc_end(d);
}

/* One record; records of nothing are left out. */
static bool
record(struct csv *c, struct doc *d, bool header, struct buf *field)
{
	size_t start = c->at;
	bool ink = false;
	unsigned n = 0;

	do {
		csv_field(c, field);
		ink |= str_trim(buf_view(field)).n > 0;
	} while (!c->row_done);
	if (!ink)
		return false;
	c->at = start;
	doc_row(d, header);
	do {
		csv_field(c, field);
		if (n++ < FIELDS)
			put_cell(d, buf_view(field));
	} while (!c->row_done);
	doc_end(d);
	return true;
}

static void
records(struct str s, struct doc *d)
{
	struct buf field = BUF_INIT(s.n + 1);
	int score;
	unsigned columns;
	struct csv c = csv_start(s, separator(s, &score, &columns));
	bool header = true;

	doc_table(d);
	while (c.at < s.n && doc_failed(d, NULL) == 0)
		if (record(&c, d, header, &field))
			header = false;
	doc_end(d);
	buf_fini(&field);
}

static int
csv_read(const struct doc_in *in, struct doc *d, struct err *err)
{
	struct buf b = BUF_INIT(in->limits->text_bytes);
	struct str bytes = {(const char *)in->p, in->n};
	int rc = charset_to_utf8(bytes, NULL, &b, err);

	if (rc == 0) {
		records(buf_view(&b), d);
		rc = doc_failed(d, err);
	}
	buf_fini(&b);
	return rc;
}

const struct doc_format doc_format_csv = {
    .name = "csv",
    .mime = "text/csv",
    .sniff = csv_sniff,
    .read = csv_read,
};
