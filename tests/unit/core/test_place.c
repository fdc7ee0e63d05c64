/* SPDX-License-Identifier: Apache-2.0 */
/* Golden vectors of policy classic, and properties of policy default over
 * random fleets. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/place.h"

extern const struct CMUnitTest place_tests[];
extern const size_t place_tests_count;

#define BIT(id) SERVICE_BIT(SERVICE_##id)
#define GPU_SET (BIT(LLM) | BIT(OCR) | BIT(RAG))
#define CPU_SET (BIT(NER) | BIT(DOCUMENTS) | BIT(NOTES))

/* --- classic ------------------------------------------------------------- */

/* Registers as the registry does: decides, then counts. Registering again
 * counts the earlier assignment while deciding. */
static service_set
classic(struct place_view *v, struct place_node *n)
{
	struct place_result r;

	n->alive = true;
	place_classic(v, n, &r);
	if (n->assigned != 0)
		place_view_count(v, n, -1);
	n->assigned = r.assigned;
	place_view_count(v, n, 1);
	return r.assigned;
}

static void
classic_gpu_vectors(void **state UNUSED)
{
	struct place_view v = {0};
	struct place_node g1 = {.id = STR("gpu1"), .classic_tier = 1};
	struct place_node g2 = {.id = STR("gpu2"), .classic_tier = 1};

	assert_int_equal(classic(&v, &g1), GPU_SET | CPU_SET);
	assert_int_equal(classic(&v, &g2), BIT(LLM));
	assert_int_equal(classic(&v, &g1), BIT(OCR));
}

static void
classic_cpu_vectors(void **state UNUSED)
{
	static const service_set want[] = {CPU_SET, CPU_SET,
	    BIT(NER) | BIT(DOCUMENTS), BIT(NOTES)};
	struct place_view v = {0};

	for (size_t i = 0; i < COUNT_OF(want); i++) {
		struct place_node c = {.classic_type = WORKER_CPU,
		    .classic_tier = 2};

		assert_int_equal(classic(&v, &c), want[i]);
	}
}

static void
classic_storage_and_edge_vectors(void **state UNUSED)
{
	struct place_view v = {0};
	struct place_node s1 = {.classic_type = WORKER_STORAGE,
	    .classic_tier = 3};
	struct place_node s2 = s1;
	struct place_node e = {.classic_type = WORKER_EDGE, .classic_tier = 2};

	assert_int_equal(classic(&v, &s1),
	    BIT(CHROMADB) | BIT(REDIS) | BIT(POSTGRES));
	assert_int_equal(classic(&v, &s2),
	    BIT(MINIO) | BIT(NEO4J) | BIT(CHROMADB));
	assert_int_equal(classic(&v, &e),
	    BIT(COORDINATOR) | BIT(EDGE_PROXY) | BIT(LOAD_BALANCER));
}

/* --- default, by example ------------------------------------------------- */

static service_set
alone(struct place_node n)
{
	struct place_view none = {0};
	struct place_result one, all;

	n.alive = true;
	n.id = STR("w");
	place_one(&none, &n, &one);
	place_all(&n, 1, &all);
	assert_int_equal(one.assigned, all.assigned);
	return one.assigned;
}

static void
one_machine_does_everything_it_can(void **state UNUSED)
{
	struct place_node cpu = {.type = WORKER_CPU};
	struct place_node gpu = {.type = WORKER_GPU};
	struct place_node edge = {.type = WORKER_EDGE, .has_edge = true};

	assert_int_equal(alone(cpu), GPU_SET | CPU_SET);
	assert_int_equal(alone(gpu), GPU_SET | CPU_SET);
	cpu.ram_mib = 4096; /* too little for a language model without GPU */
	assert_int_equal(alone(cpu), (GPU_SET | CPU_SET) & ~BIT(LLM));
	cpu.ram_mib = 512;
	assert_int_equal(alone(cpu), CPU_SET);
	assert_int_equal(alone(edge),
	    BIT(COORDINATOR) | BIT(EDGE_PROXY) | BIT(LOAD_BALANCER));
	cpu = (struct place_node){.type = WORKER_CPU, .has_storage = true};
	assert_int_equal(alone(cpu),
	    GPU_SET | CPU_SET | catalogue_all_of(NEED_STORAGE));
}

static void
hands_over_only_when_ready(void **state UNUSED)
{
	struct place_node n[2] = {{.id = STR("c"),
				      .alive = true,
				      .type = WORKER_CPU},
	    {.id = STR("g"), .alive = true, .type = WORKER_GPU}};
	struct place_result r[2];

	n[0].assigned = GPU_SET | CPU_SET;
	n[0].ready = BIT(OCR) | BIT(DOCUMENTS);
	place_all(n, 2, r);
	/* The GPU has just joined: the CPU worker keeps reading. */
	assert_int_equal(r[0].assigned, GPU_SET | CPU_SET);
	assert_int_equal(r[0].why[SERVICE_OCR], PLACE_KEPT);
	assert_int_equal(r[1].assigned, GPU_SET);
	n[1].assigned = r[1].assigned;
	n[1].ready = BIT(OCR);
	n[1].unable = BIT(LLM);
	place_all(n, 2, r);
	assert_int_equal(r[0].assigned, CPU_SET | BIT(LLM) | BIT(RAG));
	assert_int_equal(r[0].why[SERVICE_OCR], PLACE_HOME_HAS_IT);
	assert_int_equal(r[0].why[SERVICE_LLM], PLACE_FALLBACK);
	/* The GPU worker dies: back again. */
	n[0].assigned = r[0].assigned;
	n[1].alive = false;
	place_all(n, 2, r);
	assert_int_equal(r[0].assigned, GPU_SET | CPU_SET);
	/* A CPU worker that cannot read documents: the GPU worker does. */
	n[1].alive = true;
	n[0].unable = BIT(DOCUMENTS);
	place_all(n, 2, r);
	assert_true((r[0].assigned & BIT(DOCUMENTS)) != 0);
	assert_true((r[1].assigned & BIT(DOCUMENTS)) != 0);
	assert_int_equal(r[1].why[SERVICE_DOCUMENTS], PLACE_FALLBACK);
}

static void
another_takes_over_what_a_holder_cannot(void **state UNUSED)
{
	struct place_node n[2] = {{.id = STR("a"),
				      .alive = true,
				      .type = WORKER_GPU},
	    {.id = STR("b"), .alive = true, .type = WORKER_GPU}};
	struct place_result r[2];

	place_all(n, 2, r);
	assert_int_equal(r[0].assigned | r[1].assigned, GPU_SET | CPU_SET);
	assert_int_equal(r[0].assigned & r[1].assigned, GPU_SET);
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < 2; i++) {
			n[i].assigned = r[i].assigned;
			if ((r[i].assigned & BIT(NER)) != 0)
				n[i].unable |= BIT(NER);
		}
		place_all(n, 2, r);
		assert_true(((r[0].assigned ^ r[1].assigned) & BIT(NER)) != 0);
	}
	/* Both failed: it rests with one of them, visibly. */
	assert_true(n[0].unable == BIT(NER) && n[1].unable == BIT(NER));
}

/* --- default, over random fleets ----------------------------------------- */

enum {
	FLEET = 24
};

struct fleet {
	char ids[FLEET][24];
	struct place_node n[FLEET];
	size_t count;
	unsigned seed;
};

static unsigned
below(struct fleet *f, unsigned n)
{
	return (unsigned)rand_r(&f->seed) % n;
}

static void
random_fleet(struct fleet *f)
{
	f->count = below(f, FLEET);
	for (size_t i = 0; i < f->count; i++) {
		struct place_node *n = &f->n[i];

		(void)snprintf(f->ids[i], sizeof f->ids[i], "w%zu", i);
		*n = (struct place_node){.id = str_of(f->ids[i]),
		    .alive = below(f, 8) != 0,
		    .type = (enum worker_type)below(f, WORKER_TYPE__COUNT),
		    .has_storage = below(f, 5) == 0,
		    .has_edge = below(f, 5) == 0,
		    .ram_mib = below(f, 4) == 0 ? 0 : below(f, 16384),
		    .assigned = below(f, 3) == 0 ? below(f, 1 << 14) : 0};
		n->has_storage = n->has_storage || n->type == WORKER_STORAGE;
		n->has_edge = n->has_edge || n->type == WORKER_EDGE;
		n->ready = n->assigned & below(f, 1 << 14);
		n->unable = below(f, 3) == 0
		    ? below(f, 1 << 14) & below(f, 1 << 14) & ~n->ready
		    : 0;
	}
}

/* Could this worker ever have the service, with all its memory for it? */
static bool
could(const struct place_node *n, const struct service_info *s)
{
	unsigned need = n->type == WORKER_GPU ? s->ram_mib : s->cpu_ram_mib;

	if (n->ram_mib != 0 && n->ram_mib < need)
		return false;
	switch (s->need) {
	case NEED_PREFERS_GPU:
		return n->type == WORKER_GPU ||
		    (n->type == WORKER_CPU && s->cpu_ram_mib != 0);
	case NEED_CPU:
		return n->type == WORKER_GPU || n->type == WORKER_CPU;
	case NEED_STORAGE:
		return n->has_storage;
	case NEED_EDGE:
	default:
		return n->has_edge;
	}
}

static void
check_memory_and_kind(const struct fleet *f, const struct place_result *r)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct place_node *n = &f->n[i];
		uint64_t used = 0;

		for (unsigned k = 0; k < SERVICE__COUNT; k++) {
			const struct service_info *s = catalogue_at(
			    (enum service_id)k);
			char text[240];

			place_text((enum place_why)r[i].why[k], n,
			    (enum service_id)k, text, sizeof text);
			assert_true(strlen(text) > 20);
			if ((r[i].assigned & SERVICE_BIT(k)) == 0)
				continue;
			assert_true(could(n, s));
			used += n->type == WORKER_GPU ? s->ram_mib
						      : s->cpu_ram_mib;
		}
		assert_true(n->ram_mib == 0 || used <= n->ram_mib);
	}
}

/* Every service that some living worker could run beside its homes is
 * assigned; where it is not, every candidate lacks memory. */
static void
check_coverage(const struct fleet *f, const struct place_result *r)
{
	for (unsigned k = 0; k < SERVICE__COUNT; k++) {
		const struct service_info *s = catalogue_at((enum service_id)k);
		bool assigned = false;

		for (size_t i = 0; i < f->count; i++)
			assigned = assigned ||
			    (f->n[i].alive &&
				(r[i].assigned & SERVICE_BIT(k)) != 0);
		for (size_t i = 0; i < f->count && !assigned; i++) {
			if (f->n[i].alive && could(&f->n[i], s))
				assert_int_equal(r[i].why[k], PLACE_NO_MEMORY);
		}
	}
}

/* A CPU worker has a GPU service only while no GPU worker has it ready. */
static void
check_gpu_before_cpu(const struct fleet *f, const struct place_result *r)
{
	struct place_view v = {0};

	for (size_t i = 0; i < f->count; i++) {
		struct place_node n = f->n[i];

		n.assigned = r[i].assigned;
		place_view_count(&v, &n, 1);
	}
	for (size_t i = 0; i < f->count; i++) {
		for (unsigned k = 0; k < SERVICE__COUNT; k++) {
			enum service_need need =
			    catalogue_at((enum service_id)k)->need;
			bool away = need == NEED_PREFERS_GPU
			    ? f->n[i].type == WORKER_CPU
			    : need == NEED_CPU && f->n[i].type == WORKER_GPU;

			if (away && (r[i].assigned & SERVICE_BIT(k)) != 0)
				assert_int_equal(v.of[k].home_ready, 0);
			if (need == NEED_CPU)
				assert_true(v.of[k].away <= 1);
			if (need == NEED_STORAGE)
				assert_true(v.of[k].assigned <= 1);
		}
	}
}

static void
check_stable_and_orderless(const struct fleet *f, const struct place_result *r)
{
	struct place_node again[FLEET];
	struct place_result r2[FLEET];

	for (size_t i = 0; i < f->count; i++) {
		again[i] = f->n[i];
		again[i].assigned = r[i].assigned;
	}
	place_all(again, f->count, r2);
	for (size_t i = 0; i < f->count; i++)
		assert_int_equal(r2[i].assigned, r[i].assigned);
	for (size_t i = 0; i < f->count; i++)
		again[i] = f->n[f->count - 1 - i];
	place_all(again, f->count, r2);
	for (size_t i = 0; i < f->count; i++)
		assert_memory_equal(&r2[f->count - 1 - i], &r[i], sizeof r[i]);
}

static void
random_fleets_have_the_properties(void **state UNUSED)
{
	static struct fleet f;
	struct place_result r[FLEET];

	f.seed = 1;
	for (int round = 0; round < 20000; round++) {
		random_fleet(&f);
		place_all(f.n, f.count, r);
		check_memory_and_kind(&f, r);
		check_coverage(&f, r);
		check_gpu_before_cpu(&f, r);
		check_stable_and_orderless(&f, r);
	}
}

/* A fleet that lives: workers join by place_one(); where the counts did not
 * change in what matters, place_all() agrees that nothing is to do. */
static void
joining_alone_equals_deciding_for_all(void **state UNUSED)
{
	static struct fleet f;
	struct place_result r[FLEET + 1];

	f.seed = 7;
	for (int round = 0; round < 20000; round++) {
		struct place_view v = {0}, after;
		struct place_node *last;

		do {
			random_fleet(&f);
		} while (f.count == 0);
		last = &f.n[f.count - 1];
		place_all(f.n, f.count - 1, r);
		for (size_t i = 0; i + 1 < f.count; i++) {
			f.n[i].assigned = r[i].assigned;
			place_view_count(&v, &f.n[i], 1);
		}
		place_one(&v, last, &r[f.count - 1]);
		last->assigned = r[f.count - 1].assigned;
		after = v;
		place_view_count(&after, last, 1);
		if (place_view_matters(&v, &after))
			continue;
		place_all(f.n, f.count, r);
		for (size_t i = 0; i < f.count; i++)
			assert_int_equal(r[i].assigned, f.n[i].assigned);
	}
}

const struct CMUnitTest place_tests[] = {
    cmocka_unit_test(classic_gpu_vectors),
    cmocka_unit_test(classic_cpu_vectors),
    cmocka_unit_test(classic_storage_and_edge_vectors),
    cmocka_unit_test(one_machine_does_everything_it_can),
    cmocka_unit_test(hands_over_only_when_ready),
    cmocka_unit_test(another_takes_over_what_a_holder_cannot),
    cmocka_unit_test(random_fleets_have_the_properties),
    cmocka_unit_test(joining_alone_equals_deciding_for_all),
};
const size_t place_tests_count = COUNT_OF(place_tests);
