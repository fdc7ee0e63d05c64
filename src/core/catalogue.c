/* SPDX-License-Identifier: Apache-2.0 */
#include "core/catalogue.h"

#include <assert.h>

/* clang-format off */
static const struct service_info table[] = {
#define SERVICE(id, ...) [SERVICE_##id] = {SERVICE_##id, __VA_ARGS__},
#include "core/catalogue.def"
#undef SERVICE
};
/* clang-format on */
_Static_assert(SERVICE__COUNT <= 32, "a set of services is 32 bits");

const struct service_info *
catalogue_at(enum service_id id)
{
	assert((unsigned)id < SERVICE__COUNT);
	return &table[id];
}

static bool
is_alias(const struct service_info *s, struct str name)
{
	struct str rest = str_of(s->aliases);

	while (rest.p != NULL) {
		if (str_ieq(str_cut(&rest, ' '), name))
			return true;
	}
	return false;
}

const struct service_info *
catalogue_find(struct str name)
{
	if (name.n == 0)
		return NULL;
	for (size_t i = 0; i < COUNT_OF(table); i++) /* seldom the alias */
		if ((name.p[0] | 0x20) == table[i].name[0] &&
		    str_ieqz(name, table[i].name))
			return &table[i];
	for (size_t i = 0; i < COUNT_OF(table); i++)
		if (is_alias(&table[i], name))
			return &table[i];
	return NULL;
}

const char *
catalogue_need_text(enum service_need need)
{
	static const char *const text[] = {
	    [NEED_PREFERS_GPU] = "gpu",
	    [NEED_CPU] = "cpu",
	    [NEED_STORAGE] = "storage",
	    [NEED_EDGE] = "edge",
	};

	return text[need];
}

service_set
catalogue_all_of(enum service_need need)
{
	service_set set = 0;

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		if (table[i].need == need)
			set |= SERVICE_BIT(i);
	}
	return set;
}

static const char *const type_text[WORKER_TYPE__COUNT] = {
    [WORKER_GPU] = "gpu",
    [WORKER_CPU] = "cpu",
    [WORKER_STORAGE] = "storage",
    [WORKER_EDGE] = "edge",
};

const char *
worker_type_text(enum worker_type t)
{
	assert((unsigned)t < WORKER_TYPE__COUNT);
	return type_text[t];
}

bool
worker_type_parse(struct str s, enum worker_type *out)
{
	for (unsigned i = 0; i < WORKER_TYPE__COUNT; i++) {
		if (str_ieqz(s, type_text[i])) {
			*out = (enum worker_type)i;
			return true;
		}
	}
	return false;
}

int
worker_type_tier(enum worker_type t)
{
	return (int)t + 1;
}

static const char *const state_text[] = {
    [SERVICE_UNKNOWN] = "unknown",
    [SERVICE_STARTING] = "starting",
    [SERVICE_READY] = "ready",
    [SERVICE_NOT_AVAILABLE] = "not_available",
    [SERVICE_FAILED] = "failed",
    [SERVICE_STOPPED] = "stopped",
};

const char *
service_state_text(enum service_state s)
{
	assert((size_t)s < COUNT_OF(state_text));
	return state_text[s];
}

bool
service_state_parse(struct str s, enum service_state *out)
{
	static const char *const ready[] = {"running", "healthy", "online"};

	for (unsigned i = 0; i < COUNT_OF(state_text); i++) {
		if (str_eqz(s, state_text[i])) {
			*out = (enum service_state)i;
			return true;
		}
	}
	for (size_t i = 0; i < COUNT_OF(ready); i++) {
		if (str_eqz(s, ready[i])) {
			*out = SERVICE_READY;
			return true;
		}
	}
	return false;
}
