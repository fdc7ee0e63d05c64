/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt.h"

#include <string.h>

#include "base/str.h"

struct parse {
	const struct opt_set *sets;
	size_t n_sets;
	int argc;
	char **argv;
};

/* What a word names: an option and the set that it belongs to. */
struct found {
	const struct opt *opt; /* NULL when it names none */
	const struct opt_set *set;
};

static struct found
find(const struct parse *p, struct str name, char letter)
{
	for (size_t s = 0; s < p->n_sets; s++) {
		for (size_t i = 0; i < p->sets[s].n; i++) {
			const struct opt *o = &p->sets[s].opts[i];

			if (letter != '\0' ? o->letter == letter
					   : str_eqz(name, o->name))
				return (struct found){o, &p->sets[s]};
		}
	}
	return (struct found){NULL, NULL};
}

/* One option word at argv[i]; *value is set when it is inside the word. */
static struct found
match(const struct parse *p, const char *word, const char **value)
{
	struct str name = str_of(word + 2);
	const char *eq;

	*value = NULL;
	if (word[1] != '-')
		return word[2] == '\0' ? find(p, STR(""), word[1])
				       : (struct found){NULL, NULL};
	eq = strchr(word, '=');
	if (eq != NULL) {
		name.n = (size_t)(eq - name.p);
		*value = eq + 1;
	}
	return find(p, name, '\0');
}

static int
take(const struct parse *p, int *i, struct err *err)
{
	const char *word = p->argv[*i];
	const char *value;
	struct found f = match(p, word, &value);

	if (f.opt == NULL)
		return err_set(err, ERR_INVALID, "unknown option '%s'", word);
	if (f.opt->arg == NULL && value != NULL)
		return err_set(err, ERR_INVALID, "option '--%s' takes no value",
		    f.opt->name);
	if (f.opt->arg != NULL && value == NULL) {
		if (*i + 1 >= p->argc)
			return err_set(err, ERR_INVALID,
			    "option '--%s' needs %s", f.opt->name, f.opt->arg);
		value = p->argv[++*i];
	}
	return f.set->on_opt(f.set->owner, f.opt, value != NULL ? value : "",
	    err);
}

int
opt_parse(const struct opt_set *sets, size_t n_sets, int *argc, char **argv,
    struct err *err)
{
	const struct parse p = {sets, n_sets, *argc, argv};
	bool options = true;
	int kept = 0;

	for (int i = 0; i < *argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
			if (take(&p, &i, err) < 0)
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
			(void)fprintf(out, "  -%c, %-28s %s\n", table[i].letter,
			    word, table[i].help);
		else
			(void)fprintf(out, "      %-28s %s\n", word,
			    table[i].help);
	}
}
