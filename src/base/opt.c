/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt.h"

#include <string.h>

#include "base/str.h"

struct parse {
	const struct opt *const *tables;
	const size_t *counts;
	size_t n_tables;
};

static const struct opt *
find(const struct parse *p, struct str name, char letter)
{
	for (size_t t = 0; t < p->n_tables; t++) {
		for (size_t i = 0; i < p->counts[t]; i++) {
			const struct opt *o = &p->tables[t][i];

			if (letter != '\0' ? o->letter == letter
					   : str_eqz(name, o->name))
				return o;
		}
	}
	return NULL;
}

/* One option word at argv[i]; *value is set when it is inside the word. */
static const struct opt *
match(const struct parse *p, const char *word, const char **value)
{
	struct str name = str_of(word + 2);
	const char *eq;

	*value = NULL;
	if (word[1] != '-')
		return word[2] == '\0' ? find(p, STR(""), word[1]) : NULL;
	eq = strchr(word, '=');
	if (eq != NULL) {
		name.n = (size_t)(eq - name.p);
		*value = eq + 1;
	}
	return find(p, name, '\0');
}

static int
take(const struct parse *p, int *i, int argc, char **argv, opt_fn *on_opt,
    void *owner, struct err *err)
{
	const char *word = argv[*i];
	const char *value;
	const struct opt *o = match(p, word, &value);

	if (o == NULL)
		return err_set(err, ERR_INVALID, "unknown option '%s'", word);
	if (o->arg == NULL && value != NULL)
		return err_set(err, ERR_INVALID, "option '--%s' takes no value",
		    o->name);
	if (o->arg != NULL && value == NULL) {
		if (*i + 1 >= argc)
			return err_set(err, ERR_INVALID,
			    "option '--%s' needs %s", o->name, o->arg);
		value = argv[++*i];
	}
	return on_opt(owner, o, value != NULL ? value : "", err);
}

int
opt_parse(const struct opt *const *tables, const size_t *counts,
    size_t n_tables, int *argc, char **argv, opt_fn *on_opt, void *owner,
    struct err *err)
{
	const struct parse p = {tables, counts, n_tables};
	bool options = true;
	int kept = 0;

	for (int i = 0; i < *argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
			if (take(&p, &i, *argc, argv, on_opt, owner, err) < 0)
				return -1;
		} else {
			argv[kept++] = argv[i];
		}
	}
	*argc = kept;
	return 0;
}

void
opt_help(FILE *out, const struct opt *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char word[64];

		(void)str_fmt(word, sizeof word, "--%s%s%s", table[i].name,
		    table[i].arg != NULL ? " " : "",
		    table[i].arg != NULL ? table[i].arg : "");
		if (table[i].letter != '\0')
			(void)fprintf(out, "  -%c, %-24s %s\n", table[i].letter,
			    word, table[i].help);
		else
			(void)fprintf(out, "      %-24s %s\n", word,
			    table[i].help);
	}
}
