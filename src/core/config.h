/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: flag > environment > file > default. Parsed once, then
 * immutable. Keys, their help and defaults are one table, config_keys.def.
 *
 * The file is `key = value` lines ('#' begins a comment): --config FILE, else
 * $HEARTH_CONFIG, else hearth.conf in the data folder, if there is one.
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include "base/arena.h"
#include "base/opt.h"

enum config_group {
	CONFIG_ALL = 1,
	CONFIG_SERVER = 2,
	CONFIG_WORKER = 4,
};

struct config {
#define CONFIG_STR const char *
#define CONFIG_UINT uint64_t
#define CONFIG_BOOL bool
#define KEY(groups, type, field, flag, env, def, arg, help) CONFIG_##type field;
#include "core/config_keys.def"
#undef KEY
	struct arena arena;
};

/* Applies defaults, file, environment and the flags in argv (see opt_parse();
 * `own`: the command's own options, or NULL). Strings live as long as the config. Wrong
 * values give ERR_INVALID with the key and where it came from. */
int config_load(struct config *c, unsigned groups, const struct opt_set *own,
    int *argc, char **argv, struct err *err) MUST_CHECK;
void config_fini(struct config *c);
/* Prints the options of these groups. */
void config_help(FILE *out, unsigned groups);

/* The settings of `groups` as "--flag=value" strings, for starting a child with
 * the same ones: at most CONFIG_ARGS_MAX, in `out`; returns how many. Empty
 * ones are left out. They live as long as the config. */
enum {
	CONFIG_ARGS_MAX = 32
};
size_t config_args(struct config *c, unsigned groups, const char **out);

/* A path below the data folder; lives as long as the config. */
const char *config_path(struct config *c, const char *below);

#endif
