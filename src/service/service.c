/* SPDX-License-Identifier: Apache-2.0 */
/* The table of services. */
#include "service/service.h"

#define SERVICE(symbol) extern const struct service svc_##symbol;
#include "service/services.def"
#undef SERVICE

static const struct service *const services[] = {
#define SERVICE(symbol) &svc_##symbol,
#include "service/services.def"
#undef SERVICE
};

const struct service *
service_at(size_t i)
{
	return i < COUNT_OF(services) ? services[i] : NULL;
}

const struct service *
service_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(services); i++) {
		if (strcmp(services[i]->name, name) == 0)
			return services[i];
	}
	return NULL;
}
