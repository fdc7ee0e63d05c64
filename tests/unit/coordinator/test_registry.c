/* SPDX-License-Identifier: Apache-2.0 */
/* The registry with placement, on the memory store: what older systems got
 * wrong must not come back. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "coordinator/assign.h"

extern const struct CMUnitTest registry_tests[];
extern const size_t registry_tests_count;

#define BIT(id) SERVICE_BIT(SERVICE_##id)

struct fixture {
	struct loop *loop;
	struct store *store;
	struct registry r;
	struct events events;
	struct assign assign;
	struct timer end;
	size_t alive_changes, forgotten;
};

static void
ignore_worker(void *arg UNUSED, const struct row_worker *r UNUSED)
{
}

static void
on_change(void *arg)
{
	struct fixture *f = arg;

	assign_changed(&f->assign);
}

static void
on_alive(void *arg, struct node *n UNUSED)
{
	struct fixture *f = arg;

	f->alive_changes++;
}

static void
on_forget(void *arg, struct node *n)
{
	struct fixture *f = arg;

	f->forgotten++;
	registry_remove(&f->r, n);
}

static void
on_end(void *arg)
{
	struct fixture *f = arg;

	loop_stop(f->loop);
}

static void
setup(struct fixture *f, enum place_policy policy, int64_t stale_ms)
{
	const struct store_load load = {ignore_worker, f};
	const struct registry_hooks hooks = {on_change, on_alive, on_forget, f};

	memset(f, 0, sizeof *f);
	f->loop = loop_new();
	f->store = store_open(f->loop, "memory:", &load, NULL);
	registry_init(&f->r, f->loop, stale_ms, 2 * stale_ms, &hooks);
	assign_init(&f->assign, &f->r, f->store, &f->events, policy);
	timer_init(&f->end, f->loop, on_end, f);
}

static void
teardown(struct fixture *f)
{
	assign_fini(&f->assign);
	store_close(f->store);
	registry_fini(&f->r);
	events_fini(&f->events);
	loop_free(f->loop);
}

static void
spend(struct fixture *f, int64_t ms)
{
	timer_set(&f->end, ms);
	loop_run(f->loop);
}

static struct node *
join_as(struct fixture *f, const char *id, const char *caps, bool by_link)
{
	struct row_worker row = {.id = str_of(id),
	    .url = by_link ? STR("") : STR("https://abc.example:1"),
	    .capabilities = str_of(caps),
	    .services = STR("[]"),
	    .containers = STR("[]"),
	    .link = by_link};
	struct node *n = registry_put(&f->r, &row, false);

	assign_joined(&f->assign, n);
	return n;
}

static void
beat(struct fixture *f, struct node *n, const char *json)
{
	struct json *j = json_parse(str_of(json), 4096, NULL);
	struct json_fault fault = {0};
	struct wire_heartbeat h;

	assert_non_null(j);
	assert_int_equal(wire_heartbeat_read(json_root(j), &h, &fault), 0);
	(void)registry_heartbeat(&f->r, n, &h);
	json_free(j);
}

static const char cpu[] = "{\"worker_type\":\"cpu\"}";
static const char gpu[] = "{\"worker_type\":\"gpu\",\"has_gpu\":true}";

static void
classic_vectors_hold_in_the_registry(void **state UNUSED)
{
	static const service_set want[] = {BIT(NER) | BIT(DOCUMENTS) |
		BIT(NOTES),
	    BIT(NER) | BIT(DOCUMENTS) | BIT(NOTES), BIT(NER) | BIT(DOCUMENTS),
	    BIT(NOTES)};
	static const char *const ids[] = {"c1", "c2", "c3", "c4"};
	struct fixture f;
	struct node *n;

	setup(&f, PLACE_CLASSIC, 60000);
	for (size_t i = 0; i < COUNT_OF(want); i++)
		assert_int_equal(join_as(&f, ids[i], cpu, false)->assigned,
		    want[i]);
	n = join_as(&f, "e", "{\"worker_type\":\"cpu\",\"has_edge\":true}",
	    false);
	assert_int_equal(n->caps.classic_type, WORKER_EDGE);
	assert_int_equal(n->caps.classic_tier, 2);
	teardown(&f);

	setup(&f, PLACE_CLASSIC, 60000);
	assert_int_equal(__builtin_popcount(
			     join_as(&f, "gpu1", gpu, false)->assigned),
	    6);
	assert_int_equal(join_as(&f, "gpu2", gpu, false)->assigned, BIT(LLM));
	n = join_as(&f, "gpu1", gpu, false);
	assert_int_equal(n->assigned, BIT(OCR));
	/* The index follows: it is no longer listed for the other five. */
	assert_int_equal(f.r.have[SERVICE_NER].n, 0);
	assert_int_equal(f.r.have[SERVICE_LLM].n, 1);
	spend(&f, 5);
	assert_int_equal(n->assigned, BIT(OCR));
	teardown(&f);
}

static void
requests_go_round_and_skip_the_dead(void **state UNUSED)
{
	struct fixture f;
	struct node *a, *b, *got;
	struct pick p;
	int to_a = 0;

	setup(&f, PLACE_DEFAULT, 60000);
	a = join_as(&f, "a", cpu, false);
	b = join_as(&f, "b", cpu, false);
	for (int i = 0; i < 100; i++) {
		got = registry_pick(&f.r, SERVICE_DOCUMENTS, NULL, 0, &p);
		assert_non_null(got);
		to_a += got == a;
	}
	assert_true(to_a > 30 && to_a < 70);
	/* The least busy one. */
	registry_begin(&f.r, a);
	assert_ptr_equal(registry_pick(&f.r, SERVICE_DOCUMENTS, NULL, 0, &p),
	    b);
	registry_done(&f.r, a->serial, SERVICE_DOCUMENTS, true);
	/* The one that can. */
	beat(&f, a,
	    "{\"worker_id\":\"a\",\"services_status\":{\"document-processing\":"
	    "{\"state\":\"not_available\",\"reason\":\"none\"}}}");
	for (int i = 0; i < 10; i++)
		assert_ptr_equal(registry_pick(&f.r, SERVICE_DOCUMENTS, NULL, 0,
				     &p),
		    b);
	/* Not the one that was tried. */
	assert_null(registry_pick(&f.r, SERVICE_DOCUMENTS, &b->serial, 1, &p));
	registry_remove(&f.r, b);
	assert_null(registry_pick(&f.r, SERVICE_DOCUMENTS, NULL, 0, &p));
	assert_int_equal(p.why, PICK_NOT_READY);
	/* Its URL stays as it was given. */
	assert_true(str_eqz(a->url, "https://abc.example:1"));
	teardown(&f);
}

static void
a_failing_worker_sits_out(void **state UNUSED)
{
	struct fixture f;
	struct node *a, *b;
	struct pick p;

	setup(&f, PLACE_DEFAULT, 60000);
	a = join_as(&f, "a", cpu, false);
	b = join_as(&f, "b", cpu, false);
	for (int i = 0; i < PICK_FAILS; i++) {
		registry_begin(&f.r, a);
		registry_done(&f.r, a->serial, SERVICE_NER, false);
	}
	for (int i = 0; i < 10; i++)
		assert_ptr_equal(registry_pick(&f.r, SERVICE_NER, NULL, 0, &p),
		    b);
	registry_remove(&f.r, b);
	/* Better than nobody. */
	assert_ptr_equal(registry_pick(&f.r, SERVICE_NER, NULL, 0, &p), a);
	assert_true(p.outlier);
	teardown(&f);
}

static void
covered_only_when_told_ready(void **state UNUSED)
{
	struct fixture f;
	struct node *n;

	setup(&f, PLACE_DEFAULT, 60000);
	n = join_as(&f, "w", cpu, true);
	registry_linked(&f.r, n, &f);
	assert_int_equal(f.r.n_ready[SERVICE_DOCUMENTS], 0);
	beat(&f, n,
	    "{\"worker_id\":\"w\",\"services_status\":{\"document-processing\":"
	    "{\"state\":\"ready\"},\"ner-extraction\":{\"state\":"
	    "\"not_available\"},\"vision-ocr\":{\"state\":\"starting\"}}}");
	assert_int_equal(f.r.n_ready[SERVICE_DOCUMENTS], 1);
	assert_int_equal(f.r.n_ready[SERVICE_NER], 0);
	assert_int_equal(f.r.n_ready[SERVICE_OCR], 0);
	assert_true((n->assigned & BIT(NER)) != 0);
	registry_remove(&f.r, n);
	assert_int_equal(f.r.n_ready[SERVICE_DOCUMENTS], 0);
	assert_int_equal(f.r.n_alive, 0);
	teardown(&f);
}

static void
silence_makes_stale_then_forgotten(void **state UNUSED)
{
	struct fixture f;
	struct node *n;

	setup(&f, PLACE_DEFAULT, 100);
	n = join_as(&f, "w", cpu, false);
	spend(&f, 60);
	beat(&f, n, "{\"worker_id\":\"w\"}");
	spend(&f, 60);
	assert_true(n->fresh && n->alive); /* the heartbeat counted */
	spend(&f, 70);
	assert_false(n->fresh);
	assert_false(n->alive);
	assert_int_equal(f.r.n_alive, 0);
	beat(&f, n, "{\"worker_id\":\"w\"}");
	assert_true(n->alive && (n->assigned & SERVICE_BIT(SERVICE_NER)) != 0);
	spend(&f, 350);
	assert_int_equal(f.forgotten, 1);
	assert_null(registry_find(&f.r, STR("w")));
	teardown(&f);
}

static void
placement_follows_who_comes_and_goes(void **state UNUSED)
{
	struct fixture f;
	struct node *c, *g;

	setup(&f, PLACE_DEFAULT, 60000);
	g = join_as(&f, "g", gpu, false);
	spend(&f, 2);
	assert_int_equal(__builtin_popcount(g->assigned), 6);
	c = join_as(&f, "c", cpu, false);
	spend(&f, 2);
	/* By URL and silent, so taken as ready: homes alone are left. */
	assert_int_equal(g->assigned, BIT(LLM) | BIT(OCR) | BIT(RAG));
	assert_int_equal(c->assigned, BIT(NER) | BIT(DOCUMENTS) | BIT(NOTES));
	registry_remove(&f.r, g);
	spend(&f, 2);
	assert_int_equal(__builtin_popcount(c->assigned), 6);
	teardown(&f);
}

/* Counts kept step by step equal counts made anew. */
static void
counts_agree_after_random_changes(void **state UNUSED)
{
	struct fixture f;
	unsigned seed = 5;

	setup(&f, PLACE_DEFAULT, 60000);
	for (int i = 0; i < 3000; i++) {
		char id[16], text[200];
		struct node *n;

		(void)snprintf(id, sizeof id, "w%d", rand_r(&seed) % 30);
		n = registry_find(&f.r, str_of(id));
		switch (rand_r(&seed) % 5) {
		case 0:
			(void)join_as(&f, id, rand_r(&seed) % 2 ? cpu : gpu,
			    rand_r(&seed) % 2);
			break;
		case 1:
			if (n != NULL)
				registry_remove(&f.r, n);
			break;
		case 2:
			if (n != NULL && n->by_link && n->link == NULL)
				registry_linked(&f.r, n, &f);
			else if (n != NULL && n->by_link)
				registry_unlinked(&f.r, n);
			break;
		default:
			(void)snprintf(text, sizeof text,
			    "{\"worker_id\":\"%s\",\"services_status\":{"
			    "\"ocr\":\"%s\",\"ner\":\"%s\"}}",
			    id, rand_r(&seed) % 2 ? "ready" : "failed",
			    rand_r(&seed) % 2 ? "ready" : "starting");
			if (n != NULL)
				beat(&f, n, text);
			break;
		}
		if (i % 100 == 0)
			spend(&f, 1);
	}
	{
		struct place_view v = {0};
		size_t alive = 0, ready = 0;

		for (size_t i = 0; i < f.r.n; i++) {
			struct place_node p = node_place(f.r.nodes[i]);

			place_view_count(&v, &p, 1);
			alive += f.r.nodes[i]->alive;
			ready += f.r.nodes[i]->alive &&
			    (p.ready & p.assigned & BIT(OCR)) != 0;
			assert_int_equal(f.r.nodes[i]->index, i);
		}
		assert_memory_equal(&v, &f.r.view, sizeof v);
		assert_int_equal(alive, f.r.n_alive);
		assert_int_equal(ready, f.r.n_ready[SERVICE_OCR]);
	}
	teardown(&f);
}

const struct CMUnitTest registry_tests[] = {
    cmocka_unit_test(classic_vectors_hold_in_the_registry),
    cmocka_unit_test(requests_go_round_and_skip_the_dead),
    cmocka_unit_test(a_failing_worker_sits_out),
    cmocka_unit_test(covered_only_when_told_ready),
    cmocka_unit_test(silence_makes_stale_then_forgotten),
    cmocka_unit_test(placement_follows_who_comes_and_goes),
    cmocka_unit_test(counts_agree_after_random_changes),
};
const size_t registry_tests_count = COUNT_OF(registry_tests);
