/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fsx.h"

enum key_type {
	KEY_STR,
	KEY_UINT,
	KEY_BOOL
};

struct key {
	unsigned groups;
	enum key_type type;
	size_t at; /* in struct config */
	const char *env;
	const char *def;
	struct opt opt;
};

static const struct key keys[] = {
#define KEY(groups_, type_, field, flag, env_, def_, arg_, help_) \
	{.groups = CONFIG_##groups_,                              \
	    .type = KEY_##type_,                                  \
	    .at = offsetof(struct config, field),                 \
	    .env = (env_),                                        \
	    .def = (def_),                                        \
	    .opt = {flag, '\0', arg_, help_}},
#include "core/config_keys.def"
#undef KEY
};

static const struct opt config_opt = {"config", '\0', "FILE",
    "read settings from this file"};

enum {
	FILE_MAX = 64 * 1024
};

static bool
parse_bool(const char *z, bool *out)
{
	static const char *const yes[] = {"true", "yes", "1", "on"};
	static const char *const no[] = {"false", "no", "0", "off"};

	for (size_t i = 0; i < COUNT_OF(yes); i++) {
		if (str_ieqz(str_of(z), yes[i]) || str_ieqz(str_of(z), no[i])) {
			*out = str_ieqz(str_of(z), yes[i]);
			return true;
		}
	}
	return false;
}

/* Stores a value of the right type, whole and valid, or says from where the
 * wrong one came. */
static int
set(struct config *c, const struct key *k, const char *value, const char *from,
    struct err *err)
{
	void *field = (char *)c + k->at;

	switch (k->type) {
	case KEY_STR:
		*(const char **)field = arena_cstr(&c->arena, str_of(value));
		return 0;
	case KEY_UINT:
		if (str_u64(str_of(value), field))
			return 0;
		break;
	case KEY_BOOL:
		if (parse_bool(value, field))
			return 0;
		break;
	}
	return err_set(err, ERR_INVALID, "%s: '%s' is not %s for '%s'", from,
	    value, k->type == KEY_UINT ? "a whole number" : "yes or no",
	    k->opt.name);
}

static const struct key *
find_key(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		if (str_eqz(name, keys[i].opt.name))
			return &keys[i];
	}
	return NULL;
}

static int
set_defaults(struct config *c, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		if (set(c, &keys[i], keys[i].def, "default", err) < 0)
			return -1;
	}
	return 0;
}

/* Settings are read before there are threads. */
static const char *
env(const char *name)
{
	return getenv(name); /* NOLINT(concurrency-mt-unsafe): no threads yet */
}

/* An empty variable counts as unset, as compose files write them. */
static const char *
env_of(const struct key *k)
{
	char name[64] = "HEARTH_";
	const char *v;

	for (size_t i = 0; k->opt.name[i] != '\0'; i++) {
		char c = k->opt.name[i];

		assert(i + 8 < sizeof name);
		name[7 + i] = (char)(c == '-' ? '_' : c - 'a' + 'A');
		name[8 + i] = '\0';
	}
	v = env(name);
	if ((v == NULL || *v == '\0') && *k->env != '\0')
		v = env(k->env);
	return v != NULL && *v != '\0' ? v : NULL;
}

static int
set_from_env(struct config *c, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		const char *v = env_of(&keys[i]);

		if (v != NULL && set(c, &keys[i], v, "environment", err) < 0)
			return -1;
	}
	return 0;
}

static int
set_from_line(struct config *c, struct str line, const char *path, int n,
    struct err *err)
{
	struct str value = line;
	struct str name = str_trim(str_cut(&value, '='));
	const struct key *k;
	char text[512];
	char from[300];

	if (name.n == 0 || name.p[0] == '#')
		return 0;
	(void)str_fmt(from, sizeof from, "%s line %d", path, n);
	k = find_key(name);
	if (k == NULL || value.p == NULL)
		return err_set(err, ERR_INVALID, "%s: no setting '%.*s'", from,
		    STR_ARG(name));
	if (!str_copy(text, sizeof text, str_trim(value)))
		return err_set(err, ERR_INVALID, "%s: value too long", from);
	return set(c, k, text, from, err);
}

static int
set_from_file(struct config *c, const char *path, bool must, struct err *err)
{
	struct buf all = BUF_INIT(FILE_MAX);
	struct err why = {0};
	int rc = fsx_read(path, &all, &why);
	struct str rest = buf_view(&all);

	if (rc < 0 && !must &&
	    (why.code == ERR_NOT_FOUND || why.sys == ENOTDIR)) {
		rc = 0;
	} else if (rc < 0 && err != NULL) {
		*err = why;
		(void)err_wrap(err, "cannot read the settings");
	}
	for (int n = 1; rest.p != NULL && rc == 0; n++) {
		struct str line = str_cut(&rest, '\n');

		if (str_ends(line, "\r"))
			line.n--;
		rc = set_from_line(c, line, path, n, err);
	}
	buf_fini(&all);
	return rc;
}

/* --- flags ----------------------------------------------------------------
 * Taken twice from argv: once to learn --config and --data, which decide the
 * file, and once more on top of file and environment. */

struct flags {
	struct config *c;
	const char *file;
};

static int
on_flag(void *owner, const struct opt *o, const char *value, struct err *err)
{
	struct flags *f = owner;

	if (strcmp(o->name, config_opt.name) == 0) {
		f->file = value;
		return 0;
	}
	return set(f->c, find_key(str_of(o->name)), value, "command line", err);
}

static size_t
collect(unsigned groups, struct opt *out)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		if ((keys[i].groups & groups) != 0)
			out[n++] = keys[i].opt;
	}
	out[n++] = config_opt;
	return n;
}

static void
set_data_default(struct config *c)
{
	const char *xdg = env("XDG_DATA_HOME");
	const char *home = env("HOME");

	if (*c->data != '\0')
		return;
	if (geteuid() == 0)
		c->data = "/var/lib/hearth";
	else if (xdg != NULL && *xdg == '/')
		c->data = arena_fmt(&c->arena, "%s/hearth", xdg);
	else
		c->data = arena_fmt(&c->arena, "%s/.local/share/hearth",
		    home != NULL ? home : "");
}

/* The file that --config, the environment or the data folder names. */
static int
set_from_any_file(struct config *c, const char *named, struct err *err)
{
	const char *path = env("HEARTH_CONFIG");

	if (named == NULL && path != NULL && *path != '\0')
		named = path;
	if (named != NULL)
		return set_from_file(c, named, true, err);
	return set_from_file(c, config_path(c, "hearth.conf"), false, err);
}

int
config_load(struct config *c, unsigned groups, const struct opt_set *own,
    int *argc, char **argv, struct err *err)
{
	struct opt table[COUNT_OF(keys) + 1];
	struct flags f = {c, NULL};
	struct opt_set sets[] = {{table, collect(groups | CONFIG_ALL, table),
				     on_flag, &f},
	    own != NULL ? *own : (struct opt_set){0}};
	char **copy;
	int n = *argc;
	int rc;

	*c = (struct config){0};
	copy = arena_alloc(&c->arena, sizeof *copy * ((size_t)n + 1));
	memcpy(copy, argv, sizeof *copy * (size_t)n);
	if (set_defaults(c, err) < 0 || set_from_env(c, err) < 0 ||
	    opt_parse(sets, COUNT_OF(sets), &n, copy, err) < 0)
		return -1;
	set_data_default(c);
	rc = set_from_any_file(c, f.file, err);
	if (rc < 0 || set_from_env(c, err) < 0 ||
	    opt_parse(sets, COUNT_OF(sets), argc, argv, err) < 0)
		return -1;
	set_data_default(c);
	return 0;
}

void
config_fini(struct config *c)
{
	arena_fini(&c->arena);
}

void
config_help(FILE *out, unsigned groups)
{
	struct opt table[COUNT_OF(keys) + 1];

	opt_help(out, table, collect(groups | CONFIG_ALL, table));
}

static const char *
key_arg(struct config *c, const struct key *k)
{
	const void *field = (const char *)c + k->at;
	const char *name = k->opt.name;

	switch (k->type) {
	case KEY_UINT:
		return arena_fmt(&c->arena, "--%s=%llu", name,
		    (unsigned long long)*(const uint64_t *)field);
	case KEY_BOOL:
		return arena_fmt(&c->arena, "--%s=%s", name,
		    *(const bool *)field ? "true" : "false");
	case KEY_STR:
		break;
	}
	if (**(const char *const *)field == '\0')
		return NULL;
	return arena_fmt(&c->arena, "--%s=%s", name,
	    *(const char *const *)field);
}

size_t
config_args(struct config *c, unsigned groups, const char **out)
{
	size_t n = 0;

	_Static_assert(COUNT_OF(keys) <= CONFIG_ARGS_MAX, "room for all keys");
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		const char *arg = (keys[i].groups & groups) != 0
		    ? key_arg(c, &keys[i])
		    : NULL;

		if (arg != NULL)
			out[n++] = arg;
	}
	return n;
}

const char *
config_path(struct config *c, const char *below)
{
	return arena_fmt(&c->arena, "%s/%s", c->data, below);
}
