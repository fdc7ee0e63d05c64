/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/pci.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "worker/detect.h"
#include "worker/sysread.h"

#define DEVICES "/sys/bus/pci/devices"

enum {
	CLASS_DISPLAY = 0x03,
	CLASS_ACCELERATOR = 0x12,
	IDS_MAX = 4 * 1024 * 1024,
};

struct search {
	const struct probe_env *env;
	unsigned vendor;
	struct pci_card *out;
	size_t n, max;
};

static bool
card_hex(const struct search *s, const char *address, const char *file,
    unsigned *out)
{
	char path[SYS_PATH_MAX];

	return str_fmt(path, sizeof path, DEVICES "/%s/%s", address, file) &&
	    sys_hex(s->env, path, out);
}

static void
look(void *arg, const char *name)
{
	struct search *s = arg;
	struct pci_card c = {0};
	char path[SYS_PATH_MAX];
	unsigned class;

	if (s->n == s->max || !card_hex(s, name, "class", &class) ||
	    (class >> 16 != CLASS_DISPLAY &&
		class >> 16 != CLASS_ACCELERATOR) ||
	    !card_hex(s, name, "vendor", &c.vendor) || c.vendor != s->vendor ||
	    !card_hex(s, name, "device", &c.device) ||
	    !str_fmt(c.address, sizeof c.address, "%s", name) ||
	    !str_fmt(c.path, sizeof c.path, DEVICES "/%s", name))
		return;
	(void)str_fmt(path, sizeof path, "%s/driver", c.path);
	(void)sys_link_name(s->env, path, c.driver, sizeof c.driver);
	s->out[s->n++] = c;
}

size_t
pci_cards(const struct probe_env *env, unsigned vendor, struct pci_card *out,
    size_t max)
{
	struct search s = {.env = env,
	    .vendor = vendor,
	    .out = out,
	    .max = max};

	sys_each(env, DEVICES, look, &s);
	return s.n;
}

/* The list has lines "1002  Vendor" and, below them, "<tab>744c  Device". */
static bool
ids_find(const char *text, unsigned vendor, unsigned device, struct str *out)
{
	struct str rest = str_of(text);
	char v[8], d[8];
	bool inside = false;

	(void)str_fmt(v, sizeof v, "%04x  ", vendor);
	(void)str_fmt(d, sizeof d, "\t%04x  ", device);
	while (rest.p != NULL) {
		struct str line = str_cut(&rest, '\n');

		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (line.p[0] != '\t') {
			if (inside)
				return false;
			inside = str_starts(line, v);
		} else if (inside && str_starts(line, d)) {
			*out = (struct str){line.p + 7, line.n - 7};
			return true;
		}
	}
	return false;
}

void
pci_name(const struct probe_env *env, const struct pci_card *c,
    const char *vendor, char *out, size_t cap)
{
	static const char *const lists[] = {"/usr/share/misc/pci.ids",
	    "/usr/share/hwdata/pci.ids"};
	char *text = xmalloc(IDS_MAX);
	struct str name;

	(void)str_fmt(out, cap, "%s %04x:%04x", vendor, c->vendor, c->device);
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		if (!sys_read(env, lists[i], text, IDS_MAX) ||
		    !ids_find(text, c->vendor, c->device, &name))
			continue;
		(void)str_fmt(out, cap, "%s %.*s", vendor, STR_ARG(name));
		break;
	}
	free(text);
}

/* Lines of "start end flags", one per region, in hexadecimal. */
uint64_t
pci_region_bytes(const struct probe_env *env, const struct pci_card *c,
    unsigned region)
{
	char path[SYS_PATH_MAX], text[2048];
	struct str rest;

	(void)str_fmt(path, sizeof path, "%s/resource", c->path);
	if (!sys_read(env, path, text, sizeof text))
		return 0;
	rest = str_of(text);
	for (unsigned i = 0; rest.p != NULL; i++) {
		struct str line = str_cut(&rest, '\n');
		char z[80], *end;
		uint64_t from, to;

		if (i != region || !str_copy(z, sizeof z, line))
			continue;
		from = strtoull(z, &end, 16);
		to = strtoull(end, NULL, 16);
		return to > from ? to - from + 1 : 0;
	}
	return 0;
}

static void
look_for_render(void *arg, const char *name)
{
	bool *found = arg;

	*found = *found || str_starts(str_of(name), "renderD");
}

static void
name_of_render(void *arg, const char *name)
{
	if (str_starts(str_of(name), "renderD"))
		(void)str_fmt(arg, 32, "/dev/dri/%s", name);
}

bool
pci_has_render_node(const struct probe_env *env, const struct pci_card *c)
{
	char path[SYS_PATH_MAX], node[32] = "";
	bool found = false;

	(void)str_fmt(path, sizeof path, "%s/drm", c->path);
	sys_each(env, path, look_for_render, &found);
	sys_each(env, path, name_of_render, node);
	return found && sys_exists(env, node);
}
