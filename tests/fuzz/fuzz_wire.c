/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON reader and the messages of workers. What is accepted is written
 * again, and must be accepted again.
 */
#include <assert.h>

#include "core/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct json *j = json_parse(text, 1 << 20, NULL), *again;
	struct buf b = BUF_INIT(16 << 20);
	struct wire_register reg;
	struct wire_heartbeat beat;
	struct wire_registered got;
	struct json_fault f[3] = {0};

	if (j == NULL)
		return 0;
	json_emit(json_root(j), &b);
	again = json_parse(buf_view(&b), 16 << 20, NULL);
	assert(b.full || again != NULL);
	json_free(again);
	buf_fini(&b);
	assert(wire_register_read(json_root(j), &reg, &f[0]) == 0 ||
	    f[0].type != NULL);
	assert(wire_heartbeat_read(json_root(j), &beat, &f[1]) == 0 ||
	    f[1].type != NULL);
	assert(wire_registered_read(json_root(j), &got, &f[2]) == 0 ||
	    f[2].type != NULL);
	json_free(j);
	return 0;
}
