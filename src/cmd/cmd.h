/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a subcommand is: one cmd_*.c file with one `const struct cmd`, and one
 * line in cmds.def. Options are data, so usage and parsing come for free.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "core/config.h"

enum {
	CMD_OPTS_MAX = 12
};

/* Exit status: 0 done, 1 failed, 2 wrong usage, 75 try again later. */
enum {
	CMD_OK = 0,
	CMD_FAILED = 1,
	CMD_USAGE = 2,
	CMD_TEMPORARY = 75
};

struct cmd;

struct cmd_run {
	const struct cmd *cmd;
	struct config *conf;
	int argc; /* positional arguments */
	char **argv;
	const char *values[CMD_OPTS_MAX]; /* by place in opts; NULL = absent */
};

struct cmd {
	const char *name;
	const char *args;  /* "FILE...", for the usage line */
	const char *about; /* a paragraph for `hearth help NAME`; may be NULL */
	unsigned groups;   /* of configuration, CONFIG_* */
	int min_args, max_args; /* max_args -1: any number */
	const struct opt *opts;
	size_t n_opts;
	/* An exit status, or -1 with err set; CMD_USAGE, with err set, when an
	 * argument or setting has no meaning. */
	int (*run)(struct cmd_run *r, struct err *err);
};

/* The exit status that tells scripts whether to try again. */
int cmd_status_of(enum err_code code);
/* Prints what somebody else wrote (a worker, a coordinator, a file's name)
 * without anything that a terminal would obey. */
void cmd_put(FILE *out, struct str text);
/* The value of an own option: NULL when absent, "" for a given flag. */
const char *cmd_opt(const struct cmd_run *r, const char *name);

#define CMD(name, summary) extern const struct cmd cmd_##name;
#include "cmd/cmds.def"
#undef CMD

#endif
