/* SPDX-License-Identifier: Apache-2.0 */
/* The probes over trees that look like other machines. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/jsonw.h"
#include "worker/detect.h"

extern const struct CMUnitTest detect_tests[];
extern const size_t detect_tests_count;

#define FIXTURES SOURCE_DIR "/tests/unit/worker/fixtures/"

static struct hw *
detect(const char *machine, const char *wanted)
{
	struct hw *h = malloc(sizeof *h);
	char root[512], smi[600];
	struct probe_env env = {.root = root,
	    .data = "/nonexistent/data",
	    .nvidia_smi = smi};

	assert_non_null(h);
	(void)snprintf(root, sizeof root, FIXTURES "%s", machine);
	(void)snprintf(smi, sizeof smi, "%s/usr/bin/nvidia-smi", root);
	detect_run(&env, wanted, h);
	return h;
}

static void
a_laptop_is_a_cpu_worker(void **state UNUSED)
{
	struct hw *h = detect("laptop", "auto");

	assert_string_equal(h->worker_type, "cpu");
	assert_string_equal(h->hostname, "laptop");
	assert_string_equal(h->os, "Debian GNU/Linux 12 (bookworm)");
	assert_string_equal(h->cpu.model,
	    "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz");
	assert_string_equal(h->cpu.isa, "sse4_2 avx f16c fma avx2");
	assert_int_equal(h->cpu.threads, 8);
	assert_int_equal(h->cpu.physical, 4);
	assert_int_equal(h->cpu.sockets, 1);
	assert_int_equal(h->cpu.numa_nodes, 1);
	assert_true(h->ram.total_bytes == UINT64_C(16316412) * 1024);
	assert_true(h->ram.available_bytes == UINT64_C(12000000) * 1024);
	assert_true(h->ram.limit_bytes == 0);
	assert_true(h->disk.total_bytes > 0);
	/* Its built-in graphics is told, but does not count. */
	assert_int_equal(h->n_gpus, 1);
	assert_string_equal(h->gpus[0].vendor, "intel");
	assert_string_equal(h->gpus[0].driver, "i915");
	assert_false(h->gpus[0].usable);
	assert_non_null(strstr(h->gpus[0].reason, "built-in"));
	assert_string_equal(h->container, "");
	free(h);
}

static void
two_cards_are_two_cards(void **state UNUSED)
{
	struct hw *h = detect("two-nvidia", "auto");

	assert_string_equal(h->worker_type, "gpu");
	assert_int_equal(h->cpu.sockets, 2);
	assert_int_equal(h->cpu.numa_nodes, 2);
	assert_int_equal(h->cpu.physical, 32);
	assert_int_equal(h->n_gpus, 2);
	assert_string_equal(h->gpus[0].name, "NVIDIA GeForce RTX 4090");
	assert_string_equal(h->gpus[0].driver, "580.159");
	assert_string_equal(h->gpus[0].pci, "0000:01:00.0");
	assert_int_equal(h->gpus[0].memory_mib, 24564);
	assert_int_equal(h->gpus[0].memory_free_mib, 24032);
	assert_int_equal(h->gpus[0].use_percent, 3);
	assert_string_equal(h->gpus[1].name, "NVIDIA Card, odd name");
	assert_int_equal(h->gpus[1].memory_mib, 49140);
	assert_int_equal(h->gpus[1].use_percent, -1);
	assert_ptr_equal(hw_best_gpu(h), &h->gpus[1]);
	free(h);
}

static void
the_drivers_library_is_asked_first(void **state UNUSED)
{
	struct probe_env env = {.root = FIXTURES "nouveau",
	    .data = "/",
	    .nvml = BINARY_DIR "/tests/libfake_nvml.so",
	    .nvidia_smi = ""};
	struct hw *h = malloc(sizeof *h);

	assert_non_null(h);
	detect_run(&env, "auto", h);
	assert_string_equal(h->worker_type, "gpu");
	assert_int_equal(h->n_gpus, 2);
	assert_string_equal(h->gpus[0].name, "NVIDIA Test 100");
	assert_string_equal(h->gpus[0].driver, "580.159");
	assert_string_equal(h->gpus[0].pci, "0000:01:00.0");
	assert_int_equal(h->gpus[0].memory_mib, 24564);
	assert_int_equal(h->gpus[0].memory_free_mib, 24000);
	assert_int_equal(h->gpus[0].use_percent, 42);
	assert_true(h->gpus[1].usable);
	assert_int_equal(h->gpus[1].memory_mib, 0);
	assert_int_equal(h->gpus[1].use_percent, -1);
	/* Its refusal is the reason that people read. */
	assert_int_equal(setenv("FAKE_NVML_INIT", "18", 1), 0);
	env.root = FIXTURES "container";
	detect_run(&env, "auto", h);
	assert_string_equal(h->worker_type, "cpu");
	assert_int_equal(h->n_gpus, 1);
	assert_non_null(strstr(h->gpus[0].reason, "different versions"));
	assert_int_equal(unsetenv("FAKE_NVML_INIT"), 0);
	free(h);
}

static void
a_card_without_a_driver_is_told_and_not_used(void **state UNUSED)
{
	struct hw *h = detect("nouveau", "gpu");

	assert_string_equal(h->worker_type, "cpu"); /* though gpu was asked */
	assert_int_equal(h->n_gpus, 1);
	assert_false(h->gpus[0].usable);
	assert_string_equal(h->gpus[0].name,
	    "NVIDIA TU104 [GeForce RTX 2080 Rev. A]");
	assert_non_null(strstr(h->gpus[0].reason, "nouveau"));
	free(h);
}

static void
amd_cards_come_from_sysfs(void **state UNUSED)
{
	struct hw *h = detect("amd", "auto");

	assert_string_equal(h->worker_type, "gpu");
	assert_int_equal(h->n_gpus, 2);
	assert_true(h->gpus[0].usable);
	assert_string_equal(h->gpus[0].name,
	    "AMD Navi 31 [Radeon RX 7900 XTX]");
	assert_int_equal(h->gpus[0].memory_mib, 24560);
	assert_int_equal(h->gpus[0].memory_free_mib, 23536);
	assert_int_equal(h->gpus[0].use_percent, 7);
	assert_false(h->gpus[1].usable);
	assert_non_null(strstr(h->gpus[1].reason, "built-in"));
	free(h);
}

static void
a_container_has_its_limits(void **state UNUSED)
{
	struct hw *h = detect("container", "auto");

	assert_string_equal(h->container, "docker");
	assert_true(h->ram.limit_bytes == UINT64_C(2147483648));
	assert_true(h->ram.available_bytes == UINT64_C(2000000000));
	assert_true(hw_ram_bytes(h) == UINT64_C(2147483648));
	assert_int_equal(h->cpu.threads, 16);
	assert_int_equal(h->cpu.cores, 2);
	assert_true(h->cpu.quota_cores == 1.5);
	/* The host's card is visible but was not handed in. */
	assert_string_equal(h->worker_type, "cpu");
	assert_int_equal(h->n_gpus, 1);
	assert_false(h->gpus[0].usable);
	free(h);
}

static void
the_older_control_groups_work_too(void **state UNUSED)
{
	struct hw *h = detect("container-v1", "auto");

	assert_string_equal(h->container, "docker");
	assert_true(h->ram.limit_bytes == UINT64_C(1073741824));
	assert_true(h->cpu.quota_cores == 0);
	assert_int_equal(h->cpu.cores, 8);
	free(h);
}

static void
an_arm_board_is_named(void **state UNUSED)
{
	struct hw *h = detect("raspberry-pi", "auto");

	assert_string_equal(h->cpu.model,
	    "ARM Cortex-A76 (Raspberry Pi 5 Model B Rev 1.0)");
	assert_string_equal(h->cpu.isa, "asimd asimddp");
	assert_string_equal(h->cpu.arch, "aarch64");
	assert_int_equal(h->cpu.threads, 4);
	assert_int_equal(h->cpu.physical, 4);
	/* The limit of the group above ours counts. */
	assert_true(h->ram.limit_bytes == UINT64_C(4294967296));
	assert_true(h->ram.available_bytes == UINT64_C(3000000000));
	assert_string_equal(h->worker_type, "cpu");
	free(h);
}

static void
an_empty_machine_is_survived(void **state UNUSED)
{
	struct hw *h = detect("there-is-no-such-machine", "auto");

	assert_string_equal(h->worker_type, "cpu");
	assert_int_equal(h->cpu.cores, 1);
	assert_int_equal(h->n_gpus, 0);
	free(h);
}

static void
types_are_taken_when_asked_for(void **state UNUSED)
{
	struct hw *h = detect("two-nvidia", "cpu");

	assert_string_equal(h->worker_type, "cpu");
	free(h);
	h = detect("laptop", "edge");
	assert_string_equal(h->worker_type, "edge");
	free(h);
	h = detect("laptop", "storage");
	assert_string_equal(h->worker_type, "storage");
	assert_int_equal(hw_tier(h->worker_type), 3);
	free(h);
	assert_true(detect_type_ok("auto"));
	assert_false(detect_type_ok("tpu"));
}

static void
this_machine_is_seen(void **state UNUSED)
{
	struct probe_env env = detect_env("/");
	struct hw *h = malloc(sizeof *h);

	assert_non_null(h);
	detect_run(&env, "auto", h);
	assert_true(h->cpu.cores > 0);
	assert_true(h->ram.total_bytes > 0);
	assert_true(h->ram.available_bytes <= hw_ram_bytes(h));
	assert_true(h->disk.total_bytes > 0);
	assert_true(h->hostname[0] != '\0');
	detect_refresh(&env, h);
	assert_true(h->ram.total_bytes > 0);
	free(h);
}

static void
the_json_has_the_classic_fields(void **state UNUSED)
{
	struct hw *h = detect("two-nvidia", "auto");
	struct buf b = BUF_INIT(64 * 1024);
	struct jsonw w = jsonw_to(&b);
	const struct json_val *root;
	struct json *j;
	struct str s;
	bool yes = false;

	jsonw_obj(&w);
	hw_json(h, &w);
	jsonw_end_obj(&w);
	j = json_parse(buf_view(&b), b.max, NULL);
	assert_non_null(j);
	root = json_root(j);
	assert_true(json_as_str(json_get(root, "gpu_memory"), &s));
	assert_true(str_eqz(s, "49140 MiB"));
	assert_true(json_as_str(json_get(root, "ram"), &s));
	assert_true(str_eqz(s, "251GB"));
	assert_true(json_as_str(json_get(root, "worker_type"), &s));
	assert_true(str_eqz(s, "gpu"));
	assert_true(json_as_bool(json_get(root, "has_gpu"), &yes) && yes);
	assert_int_equal(json_count(json_get(root, "gpus")), 2);
	json_free(j);
	buf_fini(&b);
	free(h);
}

const struct CMUnitTest detect_tests[] = {
    cmocka_unit_test(a_laptop_is_a_cpu_worker),
    cmocka_unit_test(two_cards_are_two_cards),
    cmocka_unit_test(the_drivers_library_is_asked_first),
    cmocka_unit_test(a_card_without_a_driver_is_told_and_not_used),
    cmocka_unit_test(amd_cards_come_from_sysfs),
    cmocka_unit_test(a_container_has_its_limits),
    cmocka_unit_test(the_older_control_groups_work_too),
    cmocka_unit_test(an_arm_board_is_named),
    cmocka_unit_test(an_empty_machine_is_survived),
    cmocka_unit_test(types_are_taken_when_asked_for),
    cmocka_unit_test(this_machine_is_seen),
    cmocka_unit_test(the_json_has_the_classic_fields),
};
const size_t detect_tests_count = COUNT_OF(detect_tests);
