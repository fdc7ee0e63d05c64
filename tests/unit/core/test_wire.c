/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between worker and coordinator: what is refused and by which
 * field, and that what one side writes the other reads. */
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "core/wire.h"

extern const struct CMUnitTest wire_tests[];
extern const size_t wire_tests_count;

static void
refuses_registration(const char *text, const char *field, const char *type)
{
	struct json *j = json_parse(str_of(text), 1 << 20, NULL);
	struct json_fault f = {0};
	struct wire_register r;

	assert_non_null(j);
	assert_int_equal(wire_register_read(json_root(j), &r, &f), -1);
	assert_string_equal(f.field, field);
	assert_string_equal(f.type, type);
	json_free(j);
}

static void
registration_faults_name_the_field(void **state UNUSED)
{
	static const char with[] = "\"tunnel_url\":\"http://h:1\"";
	char text[400];

	refuses_registration("[]", "", "model_attributes_type");
	refuses_registration("{}", "worker_id", "missing");
	refuses_registration("{\"worker_id\":7}", "worker_id", "string_type");
	refuses_registration("{\"worker_id\":\"\"}", "worker_id",
	    "value_error");
	refuses_registration("{\"worker_id\":\"a b\"}", "worker_id",
	    "value_error");
	refuses_registration("{\"worker_id\":\"../x\"}", "worker_id",
	    "value_error");
	refuses_registration("{\"worker_id\":\"w\"}", "tunnel_url", "missing");
	refuses_registration("{\"worker_id\":\"w\",\"tunnel_url\":\"ftp://h\","
			     "\"capabilities\":{}}",
	    "tunnel_url", "url_parsing");
	refuses_registration("{\"worker_id\":\"w\",\"link\":true}",
	    "capabilities", "missing");
	(void)snprintf(text, sizeof text,
	    "{\"worker_id\":\"w\",%s,\"capabilities\":[]}", with);
	refuses_registration(text, "capabilities", "dict_type");
	(void)snprintf(text, sizeof text,
	    "{\"worker_id\":\"w\",%s,\"capabilities\":{},\"services\":{}}",
	    with);
	refuses_registration(text, "services", "list_type");
}

static struct wire_caps
caps(const char *text)
{
	struct json *j = json_parse(str_of(text), 4096, NULL);
	struct wire_caps c;

	assert_non_null(j);
	wire_caps_read(json_root(j), &c);
	json_free(j);
	return c;
}

static void
kinds_of_workers(void **state UNUSED)
{
	struct wire_caps c = caps("{}");

	assert_int_equal(c.type, WORKER_CPU);
	assert_int_equal(c.classic_type, WORKER_CPU);
	assert_int_equal(c.classic_tier, 3);
	c = caps("{\"worker_type\":\"cpu\"}");
	assert_int_equal(c.classic_tier, 2);
	/* A public address makes no edge: the machine reads documents. */
	c = caps("{\"has_public_ip\":true,\"low_latency\":true}");
	assert_int_equal(c.type, WORKER_CPU);
	assert_int_equal(c.classic_type, WORKER_EDGE);
	c = caps("{\"worker_type\":\"cpu\",\"has_edge\":true}");
	assert_int_equal(c.type, WORKER_CPU);
	assert_true(c.has_edge);
	assert_int_equal(c.classic_type, WORKER_EDGE);
	assert_int_equal(c.classic_tier, 2);
	c = caps("{\"has_gpu\":true,\"gpu_memory\":\"24564 MiB\","
		 "\"ram\":\"31GB\",\"cpu_cores\":8}");
	assert_int_equal(c.type, WORKER_GPU);
	assert_int_equal(c.classic_tier, 1);
	assert_int_equal(c.gpu_mib, 24564);
	assert_int_equal(c.ram_mib, 31 * 1024);
	assert_int_equal(c.cores, 8);
	/* Called gpu, but says itself that it has none. */
	c = caps("{\"worker_type\":\"gpu\",\"has_gpu\":false}");
	assert_int_equal(c.type, WORKER_CPU);
	c = caps("{\"has_gpu\":\"yes\",\"ram\":-1,\"cpu_cores\":\"many\"}");
	assert_int_equal(c.type, WORKER_CPU);
	assert_int_equal(c.ram_mib, 0);
}

static void
heartbeat_comes_back_as_it_was_written(void **state UNUSED)
{
	const struct wire_state_out states[] = {
	    {"vision-ocr", SERVICE_READY, NULL, 12},
	    {"ner-extraction", SERVICE_NOT_AVAILABLE, "no \"program\"", -1},
	    {"from-the-future", SERVICE_READY, NULL, -1},
	};
	const struct wire_heartbeat_out out = {.worker_id = "w1",
	    .status = "healthy",
	    .current_load = 0.25,
	    .available_memory_bytes = (uint64_t)3 << 30,
	    .active_requests = 2,
	    .states = states,
	    .n_states = COUNT_OF(states)};
	struct buf b = BUF_INIT(4096);
	struct jsonw w = jsonw_to(&b);
	struct json_fault f = {0};
	struct wire_heartbeat h;
	struct json *j;

	wire_heartbeat_emit(&out, &w);
	j = json_parse(buf_view(&b), 4096, NULL);
	assert_non_null(j);
	assert_int_equal(wire_heartbeat_read(json_root(j), &h, &f), 0);
	assert_true(str_eqz(h.worker_id, "w1"));
	assert_true(h.current_load > 0.24 && h.current_load < 0.26);
	assert_true(str_eqz(h.available_memory, "3072 MiB"));
	assert_int_equal(h.n_states, 2); /* the unknown one is left out */
	assert_int_equal(h.states[0].id, SERVICE_OCR);
	assert_int_equal(h.states[0].state, SERVICE_READY);
	assert_int_equal(h.states[0].self_test_ms, 12);
	assert_int_equal(h.states[1].state, SERVICE_NOT_AVAILABLE);
	assert_true(str_eqz(h.states[1].reason, "no \"program\""));
	json_free(j);
	buf_fini(&b);
}

static void
older_heartbeats_are_understood(void **state UNUSED)
{
	struct json *j = json_parse(
	    STR("{\"worker_id\":\"w\",\"status\":\"degraded\","
		"\"services_status\":{\"ocr\":\"running\",\"llm-inference\":"
		"{\"state\":\"failed\"},\"vllm\":\"ready\"},\"extra\":1}"),
	    4096, NULL);
	struct json_fault f = {0};
	struct wire_heartbeat h;

	assert_int_equal(wire_heartbeat_read(json_root(j), &h, &f), 0);
	assert_int_equal(h.n_states, 2);
	assert_int_equal(h.states[0].state, SERVICE_READY);
	assert_int_equal(h.states[1].id, SERVICE_LLM);
	assert_int_equal(h.states[1].state, SERVICE_FAILED);
	json_free(j);
}

static void
assignments_come_back(void **state UNUSED)
{
	service_set set = SERVICE_BIT(SERVICE_LLM) | SERVICE_BIT(SERVICE_NOTES);

	for (int first = 0; first < 2; first++) {
		struct buf b = BUF_INIT(4096);
		struct jsonw w = jsonw_to(&b);
		struct json_fault f = {0};
		struct wire_registered r;
		struct json *j;

		wire_assign_emit(set, first, &w);
		assert_true((strstr(buf_cstr(&b), "\"llm-inference\"") !=
				NULL) == (first == 1));
		j = json_parse(buf_view(&b), 4096, NULL);
		assert_int_equal(wire_registered_read(json_root(j), &r, &f), 0);
		assert_int_equal(r.assigned, set);
		json_free(j);
		buf_fini(&b);
	}
}

static void
sizes_in_many_spellings(void **state UNUSED)
{
	assert_int_equal(wire_mib(STR("24564 MiB")), 24564);
	assert_int_equal(wire_mib(STR("31GB")), 31 * 1024);
	assert_int_equal(wire_mib(STR(" 1.5 GiB ")), 1536);
	assert_int_equal(wire_mib(STR("512")), 512);
	assert_int_equal(wire_mib(STR("1T")), 1024 * 1024);
	assert_int_equal(wire_mib(STR("")), 0);
	assert_int_equal(wire_mib(STR("lots")), 0);
	assert_int_equal(wire_mib(STR("-5 GB")), 0);
	assert_int_equal(wire_mib(STR("99999999999999 GB")), 0);
}

const struct CMUnitTest wire_tests[] = {
    cmocka_unit_test(registration_faults_name_the_field),
    cmocka_unit_test(kinds_of_workers),
    cmocka_unit_test(heartbeat_comes_back_as_it_was_written),
    cmocka_unit_test(older_heartbeats_are_understood),
    cmocka_unit_test(assignments_come_back),
    cmocka_unit_test(sizes_in_many_spellings),
};
const size_t wire_tests_count = COUNT_OF(wire_tests);
