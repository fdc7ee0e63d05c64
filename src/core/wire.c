/* SPDX-License-Identifier: Apache-2.0 */
#include "core/wire.h"

#include <math.h>

/* --- reading ------------------------------------------------------------- */

bool
wire_worker_id_ok(struct str id)
{
	if (id.n == 0 || id.n > WIRE_ID_MAX)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("._:@-", c) != NULL;

		if (!ok || c == '\0')
			return false;
	}
	return true;
}

unsigned
wire_mib(struct str text)
{
	struct str unit;
	double v;
	size_t n = 0;

	text = str_trim(text);
	while (n < text.n &&
	    ((text.p[n] >= '0' && text.p[n] <= '9') || text.p[n] == '.'))
		n++;
	if (!str_double((struct str){text.p, n}, &v))
		return 0;
	unit = str_trim((struct str){text.p + n, text.n - n});
	if (unit.n == 0 || unit.p[0] == 'M' || unit.p[0] == 'm')
		v *= 1;
	else if (unit.p[0] == 'G' || unit.p[0] == 'g')
		v *= 1024;
	else if (unit.p[0] == 'T' || unit.p[0] == 't')
		v *= 1024.0 * 1024;
	else if (unit.p[0] == 'K' || unit.p[0] == 'k')
		v /= 1024;
	else
		return 0;
	return v >= 0 && v < 4e9 ? (unsigned)v : 0;
}

static bool
flag(const struct json_val *o, const char *key)
{
	bool v = false;

	return json_as_bool(json_get(o, key), &v) && v;
}

static unsigned
mib_of(const struct json_val *v)
{
	struct str s;
	double d;

	if (json_as_str(v, &s))
		return wire_mib(s);
	if (json_as_f64(v, &d) && d >= 0 && d < 4e9)
		return (unsigned)d;
	return 0;
}

/* Exact bytes under memory{} where a worker of ours sends them. */
static unsigned
ram_of(const struct json_val *o)
{
	const struct json_val *m = json_get(o, "memory");
	int64_t limit = 0, total = 0;

	(void)json_as_i64(json_get(m, "total_bytes"), &total);
	if (json_as_i64(json_get(m, "limit_bytes"), &limit) && limit > 0 &&
	    (total <= 0 || limit < total))
		total = limit;
	if (total > 0)
		return (unsigned)MIN_OF(total >> 20, (int64_t)UINT32_MAX);
	return mib_of(json_get(o, "ram"));
}

/* By the rules in wire.h; `told` is the worker_type, or -1 without one. */
static enum worker_type
classic_type(const struct json_val *o, const struct wire_caps *c, int told)
{
	if (c->has_gpu || told == (int)WORKER_GPU)
		return WORKER_GPU;
	if (c->has_edge || told == (int)WORKER_EDGE || flag(o, "has_public_ip"))
		return WORKER_EDGE;
	if (c->has_storage || told == (int)WORKER_STORAGE)
		return WORKER_STORAGE;
	return WORKER_CPU;
}

static int
classic_tier(const struct wire_caps *c, int told)
{
	if (c->classic_type == WORKER_GPU)
		return 1;
	if (told == (int)WORKER_CPU)
		return 2;
	return c->classic_type == WORKER_EDGE && !c->has_storage ? 4 : 3;
}

void
wire_caps_read(const struct json_val *o, struct wire_caps *c)
{
	enum worker_type type = WORKER_CPU;
	struct str name = {0};
	bool no_gpu = false;
	int64_t cores;
	int told = -1;

	*c = (struct wire_caps){0};
	(void)json_as_str(json_get(o, "worker_type"), &name);
	if (worker_type_parse(name, &type))
		told = (int)type;
	c->has_gpu = flag(o, "has_gpu");
	if (json_as_bool(json_get(o, "has_gpu"), &no_gpu))
		no_gpu = !no_gpu;
	c->has_storage = flag(o, "has_storage");
	c->has_edge = flag(o, "has_edge");
	c->classic_type = classic_type(o, c, told);
	c->classic_tier = classic_tier(c, told);

	if (told >= 0 && !(told == (int)WORKER_GPU && no_gpu))
		c->type = type;
	else
		c->type = c->has_gpu ? WORKER_GPU : WORKER_CPU;
	c->has_storage = c->has_storage || c->type == WORKER_STORAGE;
	c->has_edge = c->has_edge || c->type == WORKER_EDGE;
	c->ram_mib = ram_of(o);
	c->gpu_mib = mib_of(json_get(o, "gpu_memory"));
	if (json_as_i64(json_get(o, "cpu_cores"), &cores) && cores > 0 &&
	    cores < 65536)
		c->cores = (unsigned)cores;
}

static bool
url_ok(struct str u)
{
	size_t n = str_starts(u, "http://") ? 7
	    : str_starts(u, "https://")     ? 8
					    : 0;

	if (n == 0 || u.n == n || u.p[n] == '/' || u.n > WIRE_URL_MAX)
		return false;
	for (size_t i = 0; i < u.n; i++) {
		if (u.p[i] <= ' ' || u.p[i] > '~' || u.p[i] == '"' ||
		    u.p[i] == '\\' || u.p[i] == '<' || u.p[i] == '>')
			return false;
	}
	return true;
}

/* A body must be an object; then the worker's name is in it. */
static bool
read_id(const struct json_val *v, struct str *id, struct json_fault *f)
{
	if (json_type(v) != JSON_OBJ)
		return json_fault_set(f, "", "model_attributes_type",
		    "must be an object");
	if (!json_str(v, "worker_id", JSON_REQUIRED, id, f))
		return false;
	if (!wire_worker_id_ok(*id))
		return json_fault_set(f, "worker_id", "value_error",
		    "must be 1 to %d letters, digits or . _ : @ -",
		    WIRE_ID_MAX);
	return true;
}

static void
check_depth(const struct json_val *v, const char *key, struct json_fault *f)
{
	if (json_depth(v) > WIRE_DEPTH_MAX)
		json_fault_set(f, key, "too_deep",
		    "must not be nested deeper than %d levels", WIRE_DEPTH_MAX);
}

int
wire_register_read(const struct json_val *v, struct wire_register *r,
    struct json_fault *f)
{
	struct buf size = BUF_INIT(WIRE_CAPABILITIES_MAX);

	*r = (struct wire_register){0};
	if (!read_id(v, &r->worker_id, f))
		return -1;
	(void)json_bool(v, "link", JSON_OPTIONAL, &r->link, f);
	(void)json_str(v, "tunnel_url", r->link ? JSON_OPTIONAL : JSON_REQUIRED,
	    &r->tunnel_url, f);
	(void)json_obj(v, "capabilities", JSON_REQUIRED, &r->capabilities, f);
	(void)json_arr(v, "services", JSON_OPTIONAL, &r->services, f);
	(void)json_arr(v, "containers", JSON_OPTIONAL, &r->containers, f);
	(void)json_u64(v, "epoch", JSON_OPTIONAL, &r->epoch, f);
	(void)json_str(v, "version", JSON_OPTIONAL, &r->version, f);
	check_depth(r->capabilities, "capabilities", f);
	check_depth(r->services, "services", f);
	check_depth(r->containers, "containers", f);
	if (f->type != NULL)
		return -1;
	if (r->tunnel_url.n != 0 && !url_ok(r->tunnel_url)) {
		json_fault_set(f, "tunnel_url", "url_parsing",
		    "must be an http or https URL of at most %d characters",
		    WIRE_URL_MAX);
		return -1;
	}
	json_emit(r->capabilities, &size);
	if (size.full)
		json_fault_set(f, "capabilities", "too_long",
		    "must be at most %d bytes", WIRE_CAPABILITIES_MAX);
	buf_fini(&size);
	if (f->type != NULL)
		return -1;
	wire_caps_read(r->capabilities, &r->caps);
	return 0;
}

/* One member of services_status: {"state":...} or just a word. */
static void
read_state(const struct json_iter *it, struct wire_heartbeat *h)
{
	const struct service_info *s = catalogue_find(it->key);
	struct wire_service_state *to;
	struct str word = {0};

	if (s == NULL || h->n_states == COUNT_OF(h->states))
		return;
	for (size_t i = 0; i < h->n_states; i++) {
		if (h->states[i].id == s->id)
			return; /* named twice, by an alias */
	}
	to = &h->states[h->n_states];
	*to = (struct wire_service_state){.id = s->id, .self_test_ms = -1};
	if (json_type(it->val) == JSON_OBJ) {
		(void)json_as_str(json_get(it->val, "state"), &word);
		(void)json_as_str(json_get(it->val, "reason"), &to->reason);
		(void)json_as_i64(json_get(it->val, "self_test_ms"),
		    &to->self_test_ms);
	} else {
		(void)json_as_str(it->val, &word);
	}
	if (service_state_parse(word, &to->state))
		h->n_states++;
}

int
wire_heartbeat_read(const struct json_val *v, struct wire_heartbeat *h,
    struct json_fault *f)
{
	struct json_iter it;

	*h = (struct wire_heartbeat){.status = STR("healthy")};
	if (!read_id(v, &h->worker_id, f))
		return -1;
	(void)json_str(v, "status", JSON_OPTIONAL, &h->status, f);
	(void)json_f64(v, "current_load", JSON_OPTIONAL, &h->current_load, f);
	(void)json_str(v, "available_memory", JSON_OPTIONAL,
	    &h->available_memory, f);
	(void)json_arr(v, "loaded_models", JSON_OPTIONAL, &h->loaded_models, f);
	(void)json_u64(v, "active_requests", JSON_OPTIONAL, &h->active_requests,
	    f);
	(void)json_f64(v, "gpu_utilization", JSON_OPTIONAL, &h->gpu_utilization,
	    f);
	(void)json_obj(v, "services_status", JSON_OPTIONAL, &h->services_status,
	    f);
	(void)json_str(v, "specialization", JSON_OPTIONAL, &h->specialization,
	    f);
	if (f->type != NULL)
		return -1;
	if (h->status.n == 0 || h->status.n > 32)
		json_fault_set(f, "status", "value_error",
		    "must be 1 to 32 characters");
	if (h->current_load < 0)
		json_fault_set(f, "current_load", "greater_than_equal",
		    "must not be negative");
	if (json_count(h->loaded_models) > WIRE_MODELS_MAX)
		json_fault_set(f, "loaded_models", "too_long",
		    "must have at most %d entries", WIRE_MODELS_MAX);
	if (h->available_memory.n > 64)
		json_fault_set(f, "available_memory", "too_long",
		    "must be at most 64 characters");
	if (h->specialization.n > 128)
		json_fault_set(f, "specialization", "too_long",
		    "must be at most 128 characters");
	check_depth(h->loaded_models, "loaded_models", f);
	if (f->type != NULL)
		return -1;
	it = json_iter(h->services_status);
	while (json_next(&it))
		read_state(&it, h);
	h->has_states = h->n_states != 0;
	return 0;
}

int
wire_registered_read(const struct json_val *v, struct wire_registered *r,
    struct json_fault *f)
{
	const struct json_val *names;
	struct json_iter it;

	*r = (struct wire_registered){.heartbeat_s = 30};
	if (json_type(v) != JSON_OBJ) {
		json_fault_set(f, "", "model_attributes_type",
		    "must be an object");
		return -1;
	}
	(void)json_str(v, "worker_id", JSON_OPTIONAL, &r->worker_id, f);
	(void)json_arr(v, "assigned_services", JSON_REQUIRED, &names, f);
	(void)json_i64(v, "heartbeat_interval_seconds", JSON_OPTIONAL,
	    &r->heartbeat_s, f);
	if (f->type != NULL)
		return -1;
	if (r->heartbeat_s < 1 || r->heartbeat_s > 3600)
		r->heartbeat_s = 30;
	it = json_iter(names);
	while (json_next(&it)) {
		const struct service_info *s;
		struct str name;

		s = json_as_str(it.val, &name) ? catalogue_find(name) : NULL;
		if (s != NULL)
			r->assigned |= SERVICE_BIT(s->id);
	}
	return 0;
}

/* --- writing ------------------------------------------------------------- */

void
wire_register_emit(const struct wire_register_out *r, struct jsonw *w)
{
	jsonw_obj(w);
	jsonw_kz(w, "worker_id", r->worker_id);
	jsonw_kz(w, "tunnel_url", r->tunnel_url);
	jsonw_kraw(w, "capabilities", r->capabilities);
	jsonw_ku64(w, "epoch", r->epoch);
	jsonw_kbool(w, "link", r->link);
	jsonw_kz(w, "version", r->version);
	jsonw_end_obj(w);
}

void
wire_heartbeat_emit(const struct wire_heartbeat_out *h, struct jsonw *w)
{
	char memory[32];

	(void)str_fmt(memory, sizeof memory, "%llu MiB",
	    (unsigned long long)(h->available_memory_bytes >> 20));
	jsonw_obj(w);
	jsonw_kz(w, "worker_id", h->worker_id);
	jsonw_kz(w, "status", h->status);
	jsonw_kf64(w, "current_load", h->current_load);
	jsonw_kz(w, "available_memory", memory);
	jsonw_ku64(w, "active_requests", h->active_requests);
	jsonw_kf64(w, "gpu_utilization", h->gpu_utilization);
	jsonw_key(w, "services_status");
	jsonw_obj(w);
	for (size_t i = 0; i < h->n_states; i++) {
		const struct wire_state_out *s = &h->states[i];

		jsonw_key(w, s->name);
		jsonw_obj(w);
		jsonw_kz(w, "state", service_state_text(s->state));
		if (s->reason != NULL && s->reason[0] != '\0')
			jsonw_kz(w, "reason", s->reason);
		if (s->self_test_ms >= 0)
			jsonw_ki64(w, "self_test_ms", s->self_test_ms);
		jsonw_end_obj(w);
	}
	jsonw_end_obj(w);
	jsonw_end_obj(w);
}

void
wire_services_emit(service_set set, bool first_names, struct jsonw *w)
{
	jsonw_arr(w);
	for (unsigned i = 0; i < SERVICE__COUNT; i++) {
		const struct service_info *s = catalogue_at((enum service_id)i);

		if ((set & SERVICE_BIT(i)) == 0)
			continue;
		jsonw_z(w,
		    first_names && s->first_name != NULL ? s->first_name
							 : s->name);
	}
	jsonw_end_arr(w);
}

void
wire_assign_emit(service_set set, bool first_names, struct jsonw *w)
{
	jsonw_obj(w);
	jsonw_key(w, "assigned_services");
	wire_services_emit(set, first_names, w);
	jsonw_end_obj(w);
}
