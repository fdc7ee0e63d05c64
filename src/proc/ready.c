/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/ready.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

void
ready_tell(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nothing else changes the environment */
	const char *z = getenv("HEARTH_READY_FD");
	uint64_t fd;

	if (z == NULL || !str_u64(str_of(z), &fd) || fd > 1024)
		return;
	if (write((int)fd, "\n", 1) == 1)
		(void)close((int)fd);
	(void)unsetenv("HEARTH_READY_FD"); /* NOLINT(concurrency-mt-unsafe) */
}
