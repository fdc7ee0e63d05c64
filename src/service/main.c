/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hearth-service NAME --socket PATH
 *
 * Runs one service (host.h) in the foreground until it is told to stop, or its
 * parent is gone. Exit: 0 stopped, 1 failed, 2 wrong usage.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "service/host.h"

struct options {
	const char *name;
	const char *socket;
};

static int
usage(FILE *to)
{
	(void)fputs("usage: hearth-service NAME --socket PATH\n"
		    "       hearth-service --list | --version\n\n"
		    "services:\n",
	    to);
	for (size_t i = 0; service_at(i) != NULL; i++)
		(void)fprintf(to, "  %-20s %s\n", service_at(i)->name,
		    service_at(i)->summary);
	(void)fputs("\nenvironment:\n"
		    "  HEARTH_SANDBOX=degraded  read documents even where the "
		    "sandbox cannot be complete\n"
		    "  HEARTH_LOG=human|logfmt|json  HEARTH_LOG_LEVEL=info\n"
		    "  TESSDATA_PREFIX  the folder of Tesseract's language "
		    "files\n"
		    "  TMPDIR  where large uploads are kept\n",
	    to);
	return to == stdout ? 0 : 2;
}

static int
list(void)
{
	for (size_t i = 0; service_at(i) != NULL; i++)
		(void)puts(service_at(i)->name);
	return 0;
}

static int
parse(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--socket") == 0 && i + 1 < argc)
			o->socket = argv[++i];
		else if (argv[i][0] != '-' && o->name == NULL)
			o->name = argv[i];
		else
			return -1;
	}
	return o->name != NULL && o->socket != NULL ? 0 : -1;
}

static int
bad_variable(const char *name, const char *value, const char *allowed)
{
	(void)fprintf(stderr, "hearth-service: %s is '%.40s'; it may be %s\n",
	    name, value, allowed);
	return -1;
}

static int
setup_log(void)
{
	enum log_form form = LOG_FORM_HUMAN;
	enum log_level level = LOG_LEVEL_INFO;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets any */
	const char *form_name = getenv("HEARTH_LOG");
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets any */
	const char *level_name = getenv("HEARTH_LOG_LEVEL");

	if (form_name != NULL && form_name[0] != '\0' &&
	    !log_form_parse(form_name, &form))
		return bad_variable("HEARTH_LOG", form_name,
		    "human, logfmt or json");
	if (level_name != NULL && level_name[0] != '\0' &&
	    !log_level_parse(level_name, &level))
		return bad_variable("HEARTH_LOG_LEVEL", level_name,
		    "error, warn, info or debug");
	log_setup(form, level);
	return 0;
}

static int
serve(const struct service *svc, const struct addr *at, struct err *err)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets any */
	const char *how = getenv("HEARTH_SANDBOX");
	struct zygote_conf zygote = {.service = svc};
	struct host_conf conf = {.service = svc,
	    .at = at,
	    .degraded = how != NULL && strcmp(how, "degraded") == 0,
	    .zygote = &zygote};

	if (how != NULL && how[0] != '\0' && !conf.degraded &&
	    strcmp(how, "strict") != 0)
		return err_set(err, ERR_INVALID,
		    "HEARTH_SANDBOX is '%.40s'; it may be strict or degraded",
		    how);
	host_profile(&zygote.sandbox, conf.degraded);
	/* Before the loop, so that no cell inherits anything of it. */
	conf.zygote_fd = zygote_start(&zygote, NULL, err);
	if (conf.zygote_fd < 0)
		return -1;
	return host_run(&conf, err);
}

int
main(int argc, char **argv)
{
	struct options o = {0};
	const struct service *svc;
	struct addr at;
	struct err err = {0};
	char address[256];
	const struct rlimit no_core = {0};

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("hearth-service " HEARTH_VERSION) < 0;
	if (parse(argc, argv, &o) != 0)
		return usage(stderr);
	if (setup_log() != 0)
		return 2;
	svc = service_find(o.name);
	if (svc == NULL) {
		log_error("service", "no service '%s'; see --list", o.name);
		return 2;
	}
	/* The parent may have died before this call: then we are orphans. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (!str_fmt(address, sizeof(address), "unix:%s", o.socket) ||
	    addr_parse(str_of(address), &at, &err) != 0 ||
	    serve(svc, &at, &err) != 0) {
		log_error("service", "%s: %s", svc->name, err.msg);
		return err.code == ERR_INVALID ? 2 : 1;
	}
	return 0;
}
