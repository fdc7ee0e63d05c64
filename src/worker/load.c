/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/load.h"

#include "base/clock.h"
#include "base/str.h"
#include "worker/sysread.h"

/* "cpu  user nice system idle iowait irq softirq steal …" */
static bool
read_ticks(const struct probe_env *env, uint64_t *busy, uint64_t *total)
{
	enum {
		IDLE = 3,
		IOWAIT = 4,
		FIELDS = 8
	};
	char line[512];
	struct str rest;

	*busy = *total = 0;
	if (!sys_word(env, "/proc/stat", line, sizeof line) ||
	    !str_starts(str_of(line), "cpu "))
		return false;
	rest = str_trim(str_of(line + 4));
	for (int i = 0; i < FIELDS && rest.p != NULL; i++) {
		uint64_t v;

		if (!str_u64(str_cut(&rest, ' '), &v))
			return false;
		*total += v;
		if (i != IDLE && i != IOWAIT)
			*busy += v;
	}
	return *total > 0;
}

static double
first_number(const struct probe_env *env, const char *path, const char *before)
{
	char line[256];
	struct str rest;
	double v = 0;

	if (!sys_word(env, path, line, sizeof line) ||
	    !str_starts(str_of(line), before))
		return 0;
	rest = str_of(line + strlen(before));
	return str_double(str_cut(&rest, ' '), &v) ? v : 0;
}

double
load_now(struct load *l, const struct probe_env *env, unsigned threads)
{
	double psi = first_number(env, "/proc/pressure/cpu", "some avg10=");
	double used = 0;
	uint64_t busy, total;
	int64_t now = clock_ms();

	if (l->at_ms != 0 && now - l->at_ms < LOAD_SPAN_MS)
		return l->last;
	l->at_ms = now;
	if (read_ticks(env, &busy, &total)) {
		if (l->total != 0 && total > l->total && busy >= l->busy)
			used = (double)(busy - l->busy) /
			    (double)(total - l->total);
		else if (threads > 0)
			used = first_number(env, "/proc/loadavg", "") / threads;
		l->busy = busy;
		l->total = total;
	}
	used = MAX_OF(used, psi / 100);
	l->last = MIN_OF(MAX_OF(used, 0.0), 1.0);
	return l->last;
}
