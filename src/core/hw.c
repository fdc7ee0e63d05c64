/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hw.h"

#include "base/jsonw.h"

static const struct {
	const char *type;
	unsigned tier;
} tiers[] = {{"gpu", 1}, {"cpu", 2}, {"storage", 3}, {"edge", 4}};

const struct hw_gpu *
hw_best_gpu(const struct hw *h)
{
	const struct hw_gpu *best = NULL;

	for (size_t i = 0; i < h->n_gpus; i++) {
		const struct hw_gpu *g = &h->gpus[i];

		if (g->usable &&
		    (best == NULL || g->memory_mib > best->memory_mib))
			best = g;
	}
	return best;
}

uint64_t
hw_ram_bytes(const struct hw *h)
{
	if (h->ram.limit_bytes != 0 && h->ram.limit_bytes < h->ram.total_bytes)
		return h->ram.limit_bytes;
	return h->ram.total_bytes;
}

unsigned
hw_tier(const char *worker_type)
{
	for (size_t i = 0; i < COUNT_OF(tiers); i++)
		if (str_eqz(str_of(worker_type), tiers[i].type))
			return tiers[i].tier;
	return 0;
}

/* A list of words as a JSON array. */
static void
words(struct jsonw *w, const char *key, const char *text)
{
	struct str rest = str_of(text);

	jsonw_key(w, key);
	jsonw_arr(w);
	while (rest.p != NULL) {
		struct str word = str_cut(&rest, ' ');

		if (word.n > 0)
			jsonw_str(w, word);
	}
	jsonw_end_arr(w);
}

static void
cpu_json(const struct hw_cpu *c, struct jsonw *w)
{
	jsonw_key(w, "cpu");
	jsonw_obj(w);
	jsonw_kz(w, "model", c->model);
	jsonw_kz(w, "arch", c->arch);
	words(w, "isa", c->isa);
	jsonw_ku64(w, "usable_cores", c->cores);
	jsonw_ku64(w, "threads", c->threads);
	jsonw_ku64(w, "physical_cores", c->physical);
	jsonw_ku64(w, "sockets", c->sockets);
	jsonw_ku64(w, "numa_nodes", c->numa_nodes);
	if (c->quota_cores > 0)
		jsonw_kf64(w, "quota_cores", c->quota_cores);
	jsonw_end_obj(w);
}

static void
memory_json(const struct hw_ram *r, struct jsonw *w)
{
	jsonw_key(w, "memory");
	jsonw_obj(w);
	jsonw_ku64(w, "total_bytes", r->total_bytes);
	jsonw_ku64(w, "available_bytes", r->available_bytes);
	if (r->limit_bytes > 0)
		jsonw_ku64(w, "limit_bytes", r->limit_bytes);
	jsonw_end_obj(w);
}

static void
disk_json(const struct hw_disk *d, struct jsonw *w)
{
	jsonw_key(w, "disk");
	jsonw_obj(w);
	jsonw_kz(w, "path", d->path);
	jsonw_ku64(w, "total_bytes", d->total_bytes);
	jsonw_ku64(w, "free_bytes", d->free_bytes);
	jsonw_end_obj(w);
}

static void
gpu_json(const struct hw_gpu *g, struct jsonw *w)
{
	jsonw_obj(w);
	jsonw_kz(w, "vendor", g->vendor);
	jsonw_kz(w, "name", g->name);
	jsonw_kbool(w, "usable", g->usable);
	if (!g->usable)
		jsonw_kz(w, "reason", g->reason);
	if (g->driver[0] != '\0')
		jsonw_kz(w, "driver", g->driver);
	if (g->pci[0] != '\0')
		jsonw_kz(w, "pci", g->pci);
	if (g->memory_mib > 0) {
		jsonw_ku64(w, "memory_mib", g->memory_mib);
		jsonw_ku64(w, "memory_free_mib", g->memory_free_mib);
	}
	if (g->use_percent >= 0)
		jsonw_ki64(w, "use_percent", g->use_percent);
	jsonw_end_obj(w);
}

/* The flat fields that existing coordinators and dashboards read. What this
 * program does not measure is left out rather than invented. */
static void
classic_json(const struct hw *h, struct jsonw *w)
{
	const struct hw_gpu *g = hw_best_gpu(h);
	char text[32];

	/* Who asks to be a cpu worker in spite of a card is one. */
	if (str_eqz(str_of(h->worker_type), "cpu"))
		g = NULL;
	jsonw_kz(w, "hostname", h->hostname);
	jsonw_ku64(w, "cpu_cores", h->cpu.cores);
	jsonw_kbool(w, "has_gpu", g != NULL);
	jsonw_kz(w, "gpu_type", g != NULL ? g->name : NULL);
	(void)str_fmt(text, sizeof text, "%llu MiB",
	    (unsigned long long)(g != NULL ? g->memory_mib : 0));
	jsonw_kz(w, "gpu_memory", g != NULL ? text : NULL);
	jsonw_kz(w, "worker_type", h->worker_type);
	jsonw_kbool(w, "has_edge", str_eqz(str_of(h->worker_type), "edge"));
	jsonw_kbool(w, "has_storage",
	    str_eqz(str_of(h->worker_type), "storage"));
	(void)str_fmt(text, sizeof text, "%lluGB",
	    (unsigned long long)((hw_ram_bytes(h) + (1U << 29)) >> 30));
	jsonw_kz(w, "ram", text);
}

void
hw_json(const struct hw *h, struct jsonw *w)
{
	classic_json(h, w);
	jsonw_kz(w, "os", h->os);
	cpu_json(&h->cpu, w);
	memory_json(&h->ram, w);
	disk_json(&h->disk, w);
	jsonw_key(w, "gpus");
	jsonw_arr(w);
	for (size_t i = 0; i < h->n_gpus; i++)
		gpu_json(&h->gpus[i], w);
	jsonw_end_arr(w);
	jsonw_kz(w, "container", h->container[0] != '\0' ? h->container : NULL);
}
