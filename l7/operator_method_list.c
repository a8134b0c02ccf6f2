// SPDX-License-Identifier: BSD-3-Clause
// service.list, pool.list, backend.list, health.watch
#include "l7/operator_method.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "l4/base/clock.h"
#include "l4/model/ctl_describe.h"
#include "l4/model/stats.h"

int operator_method_services(struct manager *m, const union ctl_params *params,
                             union ctl_result *result, struct err *err)
{
	const struct conf *conf = m->site->conf;

	for (uint16_t i = 0; i < conf->n_services; i++) {
		const struct conf_service *s = &conf->services[i];
		struct ctl_service *row = operator_method_row(CTL_SERVICE_LIST, "services",
		                                              &result->service_list.services, err);

		if (!row)
			return -ENOMEM;
		ctl_describe_service(row, s);
	}
	return 0;
}

static uint32_t count_unhealthy(const struct site_pool *pool)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < pool->n_backends; i++)
		n += pool->backends[i].health == HEALTH_UNHEALTHY;
	return n;
}

int operator_method_pools(struct manager *m, const union ctl_params *params,
                          union ctl_result *result, struct err *err)
{
	const struct conf *conf = m->site->conf;

	for (uint16_t i = 0; i < conf->n_pools; i++) {
		const struct conf_pool *pool = &conf->pools[i];
		struct ctl_pool *row =
			operator_method_row(CTL_POOL_LIST, "pools", &result->pool_list.pools, err);

		if (!row)
			return -ENOMEM;
		ctl_describe_pool(row, pool);
		row->usable = m->site->pools[i].n_usable;
		row->unhealthy = count_unhealthy(&m->site->pools[i]);
		row->failed_open = m->site->pools[i].is_open;
	}
	return 0;
}

// --- backends ---

static int64_t since_s(uint64_t realtime_ns)
{
	struct timespec now;

	if (!realtime_ns)
		return -1;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec - (int64_t)(realtime_ns / CLOCK_NS_PER_S);
}

static void fill_health(struct ctl_backend *row, const struct manager *m,
                        const struct conf_pool *pool, const struct conf_backend *b)
{
	const struct probe *p = NULL;

	row->since_s = -1;
	if (pool->health.type != HEALTH_NONE)
		p = probe_set_find(m->probes, site_backend_key(pool, b));
	if (!p)
		return;
	row->health = p->verdict.record.state;
	row->since_s = since_s(p->verdict.record.changed_ns);
	snprintf(row->reason, sizeof(row->reason), "%s", p->verdict.record.reason);
}

static uint32_t usable_weight(const struct site_pool *pool)
{
	uint32_t sum = 0;

	for (uint16_t i = 0; i < pool->n_backends; i++)
		sum += pool->backends[i].is_usable ? pool->backends[i].weight : 0;
	return sum;
}

static int list_pool(const struct manager *m, uint16_t pool_i, union ctl_result *result,
                     struct err *err)
{
	const struct conf_pool *pool = &m->site->conf->pools[pool_i];
	const struct site_pool *compiled = &m->site->pools[pool_i];
	uint32_t all = usable_weight(compiled);

	for (uint16_t i = 0; i < pool->n_backends; i++) {
		const struct conf_backend *b = &pool->backends[i];
		struct ctl_backend *row = operator_method_row(CTL_BACKEND_LIST, "backends",
		                                              &result->backend_list.backends, err);

		if (!row)
			return -ENOMEM;
		snprintf(row->pool, sizeof(row->pool), "%s", pool->name);
		snprintf(row->name, sizeof(row->name), "%s", b->name);
		row->address = b->address;
		row->port = b->port;
		row->weight = b->weight;
		row->state = b->state;
		row->mac = b->mac;
		row->share = all && compiled->backends[i].is_usable ? 100. * b->weight / all : 0.;
		fill_health(row, m, pool, b);
	}
	return 0;
}

int operator_method_backends(struct manager *m, const union ctl_params *params,
                             union ctl_result *result, struct err *err)
{
	const char *only = params->backend_list_params.pool;
	const struct conf *conf = m->site->conf;
	int rc = 0;

	if (*only && !conf_pool_find(conf, only))
		return err_set(err, -ENOENT, "there is no pool \"%s\"", only);
	for (uint16_t i = 0; i < conf->n_pools && !rc; i++)
		if (!*only || strcmp(only, conf->pools[i].name) == 0)
			rc = list_pool(m, i, result, err);
	return rc;
}

// --- health ---

void operator_method_fill_health(struct ctl_health_change *out, const struct probe *p)
{
	const struct health_record *r = &p->verdict.record;

	snprintf(out->pool, sizeof(out->pool), "%s", p->pool);
	snprintf(out->name, sizeof(out->name), "%s", p->name);
	snprintf(out->reason, sizeof(out->reason), "%s", r->reason);
	out->address = p->address;
	out->port = p->port;
	out->state = r->state;
	out->changed_ms = r->changed_ns / CLOCK_NS_PER_MS;
}

int operator_method_health(struct manager *m, const union ctl_params *params,
                           union ctl_result *result, struct err *err)
{
	for (uint32_t i = 0; m->probes && i < m->probes->n; i++) {
		struct ctl_health_change *row = operator_method_row(
			CTL_HEALTH_WATCH, "backends", &result->health_watch.backends, err);

		if (!row)
			return -ENOMEM;
		operator_method_fill_health(row, m->probes->entries[i].probe);
	}
	return 0;
}
