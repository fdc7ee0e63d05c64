/* SPDX-License-Identifier: Apache-2.0 */
/* What the leak checker must not blame on us: libraries that keep caches for
 * the life of the process. Linked into sanitized builds alone. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libfontconfig\n"
	       "leak:libglib-2.0\n"
	       "leak:libgomp\n";
}
