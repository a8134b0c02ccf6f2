// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const conf_driver_names[DRIVER_COUNT] = {
	[DRIVER_NONE] = "",     [DRIVER_PCI] = "pci",   [DRIVER_AF_XDP] = "af_xdp",
	[DRIVER_PCAP] = "pcap", [DRIVER_VDEV] = "vdev",
};
const char *const conf_punt_names[PUNT_COUNT] = {
	[PUNT_AUTO] = "auto",
	[PUNT_TAP] = "tap",
	[PUNT_VIRTIO_USER] = "virtio_user",
	[PUNT_NONE] = "none",
};
const char *const conf_idle_names[IDLE_COUNT] = {
	[IDLE_POLL] = "poll",
	[IDLE_SLEEP] = "sleep",
};
const char *const conf_protocol_names[PROTO_COUNT] = {
	[PROTO_NONE] = "",
	[PROTO_TCP] = "tcp",
	[PROTO_UDP] = "udp",
	[PROTO_QUIC] = "quic",
};
const char *const conf_forward_names[FORWARD_COUNT] = {
	[FORWARD_NONE] = "",
	[FORWARD_DSR] = "dsr",
	[FORWARD_NAT] = "nat",
	[FORWARD_LOCAL] = "local",
};
const char *const conf_balance_names[BALANCE_COUNT] = {
	[BALANCE_NONE] = "",
	[BALANCE_MAGLEV] = "maglev",
	[BALANCE_ROUND_ROBIN] = "round_robin",
	[BALANCE_LEAST_REQUESTS] = "least_requests",
};
const char *const conf_state_names[STATE_COUNT] = {
	[STATE_UP] = "up",
	[STATE_DRAIN] = "drain",
	[STATE_DOWN] = "down",
};
const char *const conf_health_names[HEALTH_COUNT] = {
	[HEALTH_NONE] = "",       [HEALTH_TCP] = "tcp",   [HEALTH_HTTP] = "http",
	[HEALTH_HTTPS] = "https", [HEALTH_GRPC] = "grpc", [HEALTH_GRPCS] = "grpcs",
};
const char *const conf_hash_by_names[HASH_BY_COUNT] = {
	[HASH_BY_SOURCE] = "source",
	[HASH_BY_HEADER] = "header",
	[HASH_BY_COOKIE] = "cookie",
};
const char *const conf_unhealthy_names[UNHEALTHY_COUNT] = {
	[UNHEALTHY_ALL] = "all",
	[UNHEALTHY_NONE] = "none",
};
const char *const conf_http_names[HTTP_COUNT] = {
	[HTTP_1] = "http1",
	[HTTP_2] = "http2",
	[HTTP_AUTO] = "auto",
};
const char *const conf_forwarded_names[FORWARDED_COUNT] = {
	[FORWARDED_REPLACE] = "replace",
	[FORWARDED_APPEND] = "append",
};
const char *const conf_measure_names[MEASURE_COUNT] = {
	[MEASURE_EVENTS] = "events",
	[MEASURE_TOKENS] = "tokens",
	[MEASURE_OFF] = "off",
};

const char *const conf_tls_min_names[TLS_MIN_COUNT] = {
	[TLS_MIN_1_2] = "1.2",
	[TLS_MIN_1_3] = "1.3",
};
const char *const conf_match_names[MATCH_COUNT] = {
	[MATCH_PREFIX] = "prefix",
	[MATCH_EXACT] = "exact",
};

int conf_word(const char *const *names, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (names[i][0] && strcmp(names[i], word) == 0)
			return (int)i;
	return -EINVAL;
}

struct conf_pool *conf_pool_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_pools; i++)
		if (strcmp(conf->pools[i].name, name) == 0)
			return &conf->pools[i];
	return NULL;
}

struct conf_service *conf_service_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_services; i++)
		if (strcmp(conf->services[i].name, name) == 0)
			return &conf->services[i];
	return NULL;
}

struct conf_l7 *conf_l7_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_l7; i++)
		if (strcmp(conf->l7[i].name, name) == 0)
			return &conf->l7[i];
	return NULL;
}

struct conf_pool *conf_service_pool(const struct conf *conf, const struct conf_service *service)
{
	const struct conf_l7 *l7 = service->l7 ? conf_l7_find(conf, service->l7) : NULL;
	const char *name = service->pool ? service->pool : l7 ? l7->hosts : NULL;

	return name ? conf_pool_find(conf, name) : NULL;
}

bool conf_health_is_grpc(const struct conf_health_check *health)
{
	return health->type == HEALTH_GRPC || health->type == HEALTH_GRPCS;
}

bool conf_health_uses_tls(const struct conf_pool *pool)
{
	uint8_t type = pool->health.type;

	return type == HEALTH_HTTPS || type == HEALTH_GRPCS ||
	       (type == HEALTH_GRPC && pool->has_tls);
}

bool conf_health_accepts(const struct conf_health_check *health, unsigned int status)
{
	for (size_t i = 0; i < health->n_status; i++)
		if (status >= health->status[i].first && status <= health->status[i].last)
			return true;
	return !health->n_status && status >= 200 && status <= 399;
}

struct conf_backend *conf_backend_find(const struct conf_pool *pool, const char *name)
{
	for (size_t i = 0; i < pool->n_backends; i++)
		if (strcmp(pool->backends[i].name, name) == 0)
			return &pool->backends[i];
	return NULL;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	arena_fini(&conf->arena);
	free(conf);
}

static bool is_in_l7(const struct conf_l7 *l7, const char *pool)
{
	if (l7->hosts && strcmp(l7->hosts, pool) == 0)
		return true;
	for (size_t k = 0; k < l7->n_routes; k++)
		if (l7->routes[k].pool && strcmp(l7->routes[k].pool, pool) == 0)
			return true;
	return false;
}

bool conf_pool_is_used(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_services; i++)
		if (conf->services[i].pool && strcmp(conf->services[i].pool, name) == 0)
			return true;
	for (size_t i = 0; i < conf->n_l7; i++)
		if (is_in_l7(&conf->l7[i], name))
			return true;
	return false;
}
