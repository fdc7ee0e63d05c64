/* SPDX-License-Identifier: Apache-2.0 */
#include "coordinator/routing.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/obj.h"
#include "base/rnd.h"
#include "coordinator/links.h"
#include "coordinator/proxy.h"

static int
may_link(void *owner, struct str worker_id, struct err *err)
{
	struct coordinator *c;

	CAST_OBJ(c, owner, COORDINATOR_MAGIC);
	if (registry_find(&c->registry, worker_id) == NULL)
		return err_set(err, ERR_NOT_FOUND,
		    "worker '%.*s' is not registered", STR_ARG(worker_id));
	return 0;
}

static void
on_link_change(void *owner, struct str worker_id, struct link *link)
{
	struct coordinator *c;
	struct node *n;

	CAST_OBJ(c, owner, COORDINATOR_MAGIC);
	n = registry_find(&c->registry, worker_id);
	if (n == NULL)
		return;
	if (link != NULL)
		registry_linked(&c->registry, n, link);
	else
		registry_unlinked(&c->registry, n);
	if (link != NULL)
		proxy_look_again(c->proxy);
}

/* Its link may be older than its registration: it left and came back. */
void
routing_joined(struct coordinator *c, struct node *n)
{
	struct link *link = links_find(c->links, n->id);

	if (n->link == NULL && link != NULL && link_is_open(link))
		on_link_change(c, n->id, link);
}

static void
push_assignment(void *arg, struct node *n, struct str body)
{
	struct coordinator *c;

	CAST_OBJ(c, arg, COORDINATOR_MAGIC);
	if (n->link != NULL)
		link_put(n->link, "/-/assign", body);
	proxy_look_again(c->proxy);
}

static size_t
cors(void *owner, const struct http_head *head, struct http_field *out)
{
	struct coordinator *c;

	CAST_OBJ(c, owner, COORDINATOR_MAGIC);
	return edge_cors(c, head, out);
}

static void
on_service(struct coordinator *c, struct stream *s,
    const struct http_head *head, enum service_id service, struct str rest)
{
	proxy_request(c->proxy, s, head, service, rest);
}

static void
on_link(struct coordinator *c, struct stream *s, const struct http_head *head)
{
	char id[RND_ID_LEN + 1];

	rnd_id(id);
	links_accept(c->links, s, head, id);
}

static void
sample(struct buf *out, const char *service, const char *result, uint64_t n)
{
	if (n != 0)
		(void)buf_fmt(out,
		    "hearth_proxy_requests_total{service=\"%s\",result=\"%s\"} "
		    "%llu\n",
		    service, result, (unsigned long long)n);
}

static void
on_metrics(struct coordinator *c, struct buf *out)
{
	const struct proxy *p = c->proxy;

	(void)buf_z(out,
	    "# HELP hearth_links Links of workers that are up.\n"
	    "# TYPE hearth_links gauge\n");
	(void)buf_fmt(out, "hearth_links %zu\n", c->links->n);
	(void)buf_z(out,
	    "# HELP hearth_proxy_requests_total Requests to services by how "
	    "they ended.\n# TYPE hearth_proxy_requests_total counter\n");
	for (size_t i = 0; i < SERVICE__COUNT; i++) {
		const struct proxy_stats *s = &p->of[i];
		const char *name = catalogue_at((enum service_id)i)->name;

		sample(out, name, "answered", s->answered);
		sample(out, name, "refused", s->refused);
		sample(out, name, "failed", s->failed);
		sample(out, name, "cancelled", s->cancelled);
	}
	(void)buf_z(out,
	    "# HELP hearth_proxy_retries_total Requests that were sent to a "
	    "worker again.\n# TYPE hearth_proxy_retries_total counter\n");
	(void)buf_fmt(out, "hearth_proxy_retries_total %llu\n",
	    (unsigned long long)p->stats.retries);
	(void)buf_z(out,
	    "# HELP hearth_proxy_waiting Requests that wait for a worker.\n"
	    "# TYPE hearth_proxy_waiting gauge\n");
	for (size_t i = 0; i < SERVICE__COUNT; i++)
		if (p->queues[i].n != 0)
			(void)buf_fmt(out,
			    "hearth_proxy_waiting{service=\"%s\"} %zu\n",
			    catalogue_at((enum service_id)i)->name,
			    p->queues[i].n);
}

void
routing_start(struct coordinator *c)
{
	const struct links_conf links = {
	    .loop = c->loop,
	    .allow = may_link,
	    .on_change = on_link_change,
	    .owner = c,
	};
	const struct proxy_conf proxy = {
	    .loop = c->loop,
	    .registry = &c->registry,
	    .name = c->conf.name,
	    .queue = c->conf.queue,
	    .body_max = c->conf.body_max,
	    .quiet = !c->conf.debug_headers,
	    .first_byte_ms = SERVICE_FIRST_BYTE_MS,
	    .cors = cors,
	    .owner = c,
	};

	c->links = xcalloc(1, sizeof(*c->links));
	c->proxy = xcalloc(1, sizeof(*c->proxy));
	links_init(c->links, &links);
	proxy_init(c->proxy, &proxy);
	c->assign.push = push_assignment;
	c->assign.push_arg = c;
	c->on_service = on_service;
	c->on_link = on_link;
	c->on_metrics = on_metrics;
}

void
routing_drain(struct coordinator *c)
{
	if (c->links != NULL)
		links_drain_all(c->links);
}

void
routing_stop(struct coordinator *c)
{
	if (c->proxy == NULL)
		return;
	c->on_service = NULL;
	c->on_link = NULL;
	c->on_metrics = NULL;
	c->assign.push = NULL;
	proxy_fini(c->proxy);
	links_fini(c->links);
	free(c->proxy);
	free(c->links);
	c->proxy = NULL;
	c->links = NULL;
}
