/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command line options from a table: "--name VALUE", "--name=VALUE", "-n",
 * "--" ends them. Usage text is printed from the same table.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdio.h>

#include "base/err.h"

struct opt {
	const char *name; /* without dashes */
	char letter;      /* or '\0' */
	const char *arg;  /* what a value is called in help; NULL = a flag */
	const char *help;
};

/* Receives each option in order; value is "" for a flag. */
typedef int opt_fn(void *owner, const struct opt *o, const char *value,
    struct err *err);

/* A table of options and who takes them. */
struct opt_set {
	const struct opt *opts;
	size_t n;
	opt_fn *on_opt;
	void *owner;
};

/* Takes argv apart; positional arguments are moved to its front and counted
 * in *argc. Unknown or incomplete options give ERR_INVALID. */
int opt_parse(const struct opt_set *sets, size_t n_sets, int *argc, char **argv,
    struct err *err) MUST_CHECK;
void opt_help(FILE *out, const struct opt *table, size_t n);

#endif
