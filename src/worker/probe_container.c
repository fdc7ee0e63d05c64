/* SPDX-License-Identifier: Apache-2.0 */
/* Are we in a container, and in whose? Each runtime leaves a mark. */
#include "base/str.h"
#include "worker/detect.h"
#include "worker/sysread.h"

static const struct {
	const char *path;
	const char *name;
} marks[] = {
    {"/var/run/secrets/kubernetes.io", "kubernetes"},
    {"/run/secrets/kubernetes.io", "kubernetes"},
    {"/run/.containerenv", "podman"},
    {"/.dockerenv", "docker"},
};

static const struct {
	const char *word;
	const char *name;
} groups[] = {
    {"/kubepods", "kubernetes"},
    {"/libpod", "podman"},
    {"/docker", "docker"},
    {"/lxc", "lxc"},
};

/* The environment of process 1 holds "container=lxc" by convention
 * (systemd's CONTAINER_INTERFACE). Only root may read it. */
static bool
from_init(const struct probe_env *env, struct hw *hw)
{
	char text[8192];
	const char *at = text, *end;

	if (sys_word(env, "/run/systemd/container", hw->container,
		sizeof hw->container) &&
	    hw->container[0] != '\0')
		return true;
	hw->container[0] = '\0';
	if (!sys_read(env, "/proc/1/environ", text, sizeof text))
		return false;
	end = text + sizeof text;
	while (at < end && *at != '\0') {
		if (str_starts(str_of(at), "container="))
			return str_fmt(hw->container, sizeof hw->container,
			    "%s", at + strlen("container="));
		at += strlen(at) + 1;
	}
	return false;
}

static void
run(const struct probe_env *env, struct hw *hw)
{
	char text[4096];

	for (size_t i = 0; i < COUNT_OF(marks); i++)
		if (sys_exists(env, marks[i].path)) {
			(void)str_fmt(hw->container, sizeof hw->container, "%s",
			    marks[i].name);
			return;
		}
	if (from_init(env, hw))
		return;
	if (!sys_read(env, "/proc/self/cgroup", text, sizeof text))
		return;
	for (size_t i = 0; i < COUNT_OF(groups); i++)
		if (strstr(text, groups[i].word) != NULL) {
			(void)str_fmt(hw->container, sizeof hw->container, "%s",
			    groups[i].name);
			return;
		}
}

const struct probe probe_container = {.name = "container", .run = run};
