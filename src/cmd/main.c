/* SPDX-License-Identifier: Apache-2.0 */
/* The one main(): find the subcommand in the table, parse, run, exit. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "cmd/cmd.h"

static const struct {
	const struct cmd *cmd;
	const char *summary;
} cmds[] = {
#define CMD(name, summary) {&cmd_##name, summary},
#include "cmd/cmds.def"
#undef CMD
};

static void
usage(FILE *out)
{
	(void)fprintf(out, "usage: hearth COMMAND [OPTION...]\n\n");
	for (size_t i = 0; i < COUNT_OF(cmds); i++)
		(void)fprintf(out, "  %-12s %s\n", cmds[i].cmd->name,
		    cmds[i].summary);
	(void)fprintf(out, "\n'hearth COMMAND --help' tells more.\n");
}

static void
cmd_help(const struct cmd *c, FILE *out)
{
	(void)fprintf(out, "usage: hearth %s [OPTION...]%s%s\n\n", c->name,
	    c->args[0] != '\0' ? " " : "", c->args);
	if (c->about != NULL)
		(void)fprintf(out, "%s\n\n", c->about);
	opt_help(out, c->opts, c->n_opts);
	config_help(out, c->groups);
}

static const struct cmd *
find_cmd(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(cmds); i++) {
		if (strcmp(name, cmds[i].cmd->name) == 0)
			return cmds[i].cmd;
	}
	return NULL;
}

void
cmd_put(FILE *out, struct str text)
{
	char *z = xmalloc(text.n + 1);

	if (text.n != 0)
		memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	str_tame(z);
	(void)fputs(z, out);
	free(z);
}

const char *
cmd_opt(const struct cmd_run *r, const char *name)
{
	for (size_t i = 0; i < r->cmd->n_opts; i++) {
		if (strcmp(name, r->cmd->opts[i].name) == 0)
			return r->values[i];
	}
	assert(false && "an option that the command does not declare");
	return NULL;
}

static int
on_own(void *owner, const struct opt *o, const char *value,
    struct err *err UNUSED)
{
	struct cmd_run *r = owner;

	r->values[o - r->cmd->opts] = value;
	return 0;
}

static int
setup_log(const struct config *c, struct err *err)
{
	enum log_form form;
	enum log_level level;

	if (!log_form_parse(c->log, &form))
		return err_set(err, ERR_INVALID,
		    "'%s' is no log form: human, logfmt or json", c->log);
	if (!log_level_parse(c->log_level, &level))
		return err_set(err, ERR_INVALID,
		    "'%s' is no log level: error, warn, info or debug",
		    c->log_level);
	log_setup(form, level);
	return 0;
}

int
cmd_status_of(enum err_code code)
{
	switch (code) {
	case ERR_UNAVAILABLE:
	case ERR_TIMEOUT:
	case ERR_BUSY:
		return CMD_TEMPORARY;
	default:
		return CMD_FAILED;
	}
}

/* What was printed may still be on its way to a full disk. */
static int
flush_out(struct err *err)
{
	if (fflush(stdout) != 0 || ferror(stdout) != 0)
		return err_sys(err, errno, "cannot write standard output");
	return CMD_OK;
}

static int
usage_fault(const struct cmd *c, struct err *err)
{
	str_tame(err->msg);
	(void)fprintf(stderr, "hearth %s: %s\n'hearth %s --help' tells more.\n",
	    c->name, err->msg, c->name);
	return CMD_USAGE;
}

static int
run(const struct cmd *c, int argc, char **argv)
{
	struct config conf;
	struct err err = {0};
	struct cmd_run r = {.cmd = c, .conf = &conf};
	const struct opt_set own = {c->opts, c->n_opts, on_own, &r};
	int rc;

	assert(c->n_opts <= CMD_OPTS_MAX);
	rc = config_load(&conf, c->groups, &own, &argc, argv, &err);
	if (rc == 0 && argc < c->min_args)
		rc = err_set(&err, ERR_INVALID, "missing %s", c->args);
	if (rc == 0 && c->max_args >= 0 && argc > c->max_args)
		rc = err_set(&err, ERR_INVALID, "'%s' is one argument too many",
		    argv[c->max_args]);
	if (rc < 0 || setup_log(&conf, &err) < 0) {
		config_fini(&conf);
		return usage_fault(c, &err);
	}
	r.argc = argc;
	r.argv = argv;
	rc = c->run(&r, &err);
	if (rc == CMD_OK)
		rc = flush_out(&err);
	if (rc == CMD_USAGE)
		rc = usage_fault(c, &err);
	if (rc < 0) {
		str_tame(err.msg);
		(void)fprintf(stderr, "hearth %s: %s\n", c->name, err.msg);
		rc = cmd_status_of(err.code);
	}
	config_fini(&conf);
	return rc;
}

static int
no_command(const char *name)
{
	(void)fprintf(stderr, "hearth: no command '%s'\n\n", name);
	usage(stderr);
	return CMD_USAGE;
}

static int
help(const char *name)
{
	const struct cmd *c = name != NULL ? find_cmd(name) : NULL;

	if (name != NULL && c == NULL)
		return no_command(name);
	if (c != NULL)
		cmd_help(c, stdout);
	else
		usage(stdout);
	return CMD_OK;
}

/* Started with a closed standard stream, the next file or socket that is
 * opened would take its place, and what is printed would land in it. */
static void
open_standard_streams(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = fcntl(fd, F_DUPFD, 0); /* for children, too */
	if (fd >= 0)
		(void)close(fd);
}

static bool
wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	const struct cmd *c;

	open_standard_streams();
	(void)umask(077); /* whatever we write is its owner's alone */
	mem_keep_heap();
	if (argc < 2) {
		usage(stderr);
		return CMD_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0)
		return run(&cmd_version, 0, argv + 2);
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)
		return help(argc > 2 ? argv[2] : NULL);
	c = find_cmd(argv[1]);
	if (c == NULL)
		return no_command(argv[1]);
	if (wants_help(argc - 2, argv + 2)) {
		cmd_help(c, stdout);
		return CMD_OK;
	}
	return run(c, argc - 2, argv + 2);
}
