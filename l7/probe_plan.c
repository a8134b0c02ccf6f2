// SPDX-License-Identifier: BSD-3-Clause
#include "l7/probe_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "l7/tls.h"

enum { HTTP_PORT = 80, HTTPS_PORT = 443, REQUEST_REST = 256 };

// What the backend's certificate must be for: as the pool's requests have it, or whom the probe asks for.
static const char *name_of(const struct conf_pool *pool)
{
	if (pool->health.server_name)
		return pool->health.server_name;
	if (!pool->has_tls || !pool->tls.verify)
		return NULL;
	return pool->tls.server_name ? pool->tls.server_name : pool->health.host;
}

static bool copy_text(struct probe_plan *p, const char **text)
{
	if (*text)
		*text = arena_strdup(&p->arena, *text);
	return *text;
}

static bool copy(struct probe_plan *p, const struct conf_pool *pool)
{
	struct conf_health_check *c = &p->check;
	struct conf_status *status = NULL;

	*c = pool->health;
	p->server_name = name_of(pool);
	if (c->n_status) {
		status = arena_alloc(&p->arena, c->n_status, sizeof(*status), _Alignof(uint16_t));
		if (!status)
			return false;
		memcpy(status, c->status, c->n_status * sizeof(*status));
	}
	c->status = status;
	return (!c->path || copy_text(p, &c->path)) && (!c->host || copy_text(p, &c->host)) &&
	       (!c->service || copy_text(p, &c->service)) &&
	       (!c->server_name || copy_text(p, &c->server_name)) &&
	       (!p->server_name || copy_text(p, &p->server_name));
}

// As the pool's requests are sent; HTTP/1 where only ALPN could tell and nobody asks it.
static uint8_t protocol_of(const struct conf_pool *pool)
{
	if (conf_health_is_grpc(&pool->health))
		return HTTP_2;
	if (pool->protocol == HTTP_AUTO && !conf_health_uses_tls(pool))
		return HTTP_1;
	return pool->protocol;
}

int probe_plan_new(struct probe_plan **out, const struct conf *conf, uint16_t pool, struct err *err)
{
	const struct conf_pool *from = &conf->pools[pool];
	struct probe_plan *p = calloc(1, sizeof(*p));
	int rc = 0;

	if (!p)
		return err_set(err, -ENOMEM, "out of memory");
	p->n_refs = 1;
	p->proxy_protocol = from->proxy_protocol;
	p->verifies = from->has_tls && from->tls.verify;
	p->protocol = protocol_of(from);
	if (!copy(p, from))
		rc = err_set(err, -ENOMEM, "out of memory");
	else if (conf_health_uses_tls(from))
		rc = tls_client_new(&p->tls, conf, pool, err);
	if (rc) {
		probe_plan_put(p);
		return rc;
	}
	*out = p;
	return 0;
}

struct probe_plan *probe_plan_get(struct probe_plan *p)
{
	p->n_refs++;
	return p;
}

void probe_plan_put(struct probe_plan *p)
{
	if (!p || --p->n_refs)
		return;
	tls_client_free(p->tls);
	arena_fini(&p->arena);
	free(p);
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool probe_plan_is_same(const struct probe_plan *a, const struct probe_plan *b)
{
	return a->check.type == b->check.type && a->check.port == b->check.port &&
	       a->protocol == b->protocol && !a->tls == !b->tls &&
	       is_same_text(a->check.service, b->check.service) &&
	       a->check.timeout_ms == b->check.timeout_ms &&
	       a->check.interval_ms == b->check.interval_ms &&
	       a->proxy_protocol == b->proxy_protocol && a->verifies == b->verifies &&
	       is_same_text(a->check.path, b->check.path) &&
	       is_same_text(a->check.host, b->check.host) &&
	       is_same_text(a->server_name, b->server_name);
}

be16 probe_plan_port(const struct probe_plan *p, be16 backend_port)
{
	return be16_to(p->check.port) ? p->check.port : backend_port;
}

size_t probe_plan_request_size(const struct probe_plan *p)
{
	return strlen(p->check.path) + (p->check.host ? strlen(p->check.host) : 0) + REQUEST_REST;
}

void probe_plan_host(const struct probe_plan *p, struct text *out, const struct addr *address,
                     be16 port)
{
	uint16_t usual = p->tls ? HTTPS_PORT : HTTP_PORT;
	char at[ADDR_PORT_TEXT_SIZE];
	size_t len;

	if (p->check.host) {
		text_add_z(out, p->check.host);
		return;
	}
	addr_port_text(address, port, at);
	len = strlen(at);
	if (be16_to(port) == usual)
		len = (size_t)(strrchr(at, ':') - at);
	text_add(out, at, len);
}

void probe_plan_request(const struct probe_plan *p, struct text *out, const struct addr *address,
                        be16 port)
{
	TEXT_ADD_LITERAL(out, "GET ");
	text_add_z(out, p->check.path);
	TEXT_ADD_LITERAL(out, " HTTP/1.1\r\nHost: ");
	probe_plan_host(p, out, address, port);
	TEXT_ADD_LITERAL(out, "\r\nUser-Agent: lb47-probe/" LB47_VERSION
	                      "\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}
