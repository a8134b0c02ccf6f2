// SPDX-License-Identifier: BSD-3-Clause
// Ports and lanes, pools. Places are "LIST[i].key", sentences name the other place.
#include "l4/model/conf_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FAIL(...) err_set(err, -EINVAL, __VA_ARGS__)

const char *conf_check_family(const struct addr *address)
{
	return address->family == ADDR_IP4 ? "IPv4" : "IPv6";
}

const char *conf_check_fault(const struct addr *a)
{
	if (addr_is_unspecified(a))
		return "the unspecified address";
	if (addr_is_multicast(a))
		return "a multicast address";
	if (a->family == ADDR_IP4 && be32_to(a->ip4) == 0xffffffff) // RFC 919 section 7
		return "the broadcast address";
	if (a->family == ADDR_IP6 && a->ip6[0] == 0xfe && (a->ip6[1] & 0xc0) == 0x80) // RFC 4291
		return "a link-local address, which means nothing without an interface";
	return NULL;
}

// --- ports and lanes ---

// "0000:01:00.0", as lspci -D prints it; DPDK takes it without the domain too.
static bool is_pci(const char *text)
{
	unsigned int domain, bus, device, function;
	char end;

	return sscanf(text, "%4x:%2x:%2x.%1u%c", &domain, &bus, &device, &function, &end) == 4 ||
	       sscanf(text, "%2x:%2x.%1u%c", &bus, &device, &function, &end) == 3;
}

// What dev_valid_name() of the kernel takes; 15 is IFNAMSIZ without the end mark.
static bool is_interface(const char *text)
{
	return strlen(text) <= 15 && !strpbrk(text, "/: \t") && strcmp(text, ".") != 0 &&
	       strcmp(text, "..") != 0;
}

static int check_pcap_port(const struct conf_port *p, size_t i, struct err *err)
{
	if (p->device)
		return FAIL("ports[%zu].device: not for driver \"pcap\", which has rx and tx", i);
	if (!p->rx)
		return FAIL("ports[%zu].rx: missing, driver \"pcap\" needs it", i);
	if (p->queues > 1)
		return FAIL("ports[%zu].queues: %u, but driver \"pcap\" has 1", i, p->queues);
	return 0;
}

static int check_device_port(const struct conf_port *p, size_t i, struct err *err)
{
	const char *driver = conf_driver_names[p->driver];

	if (!p->device)
		return FAIL("ports[%zu].device: missing, driver \"%s\" needs it", i, driver);
	if (p->rx)
		return FAIL("ports[%zu].rx: only for driver \"pcap\"", i);
	if (p->tx)
		return FAIL("ports[%zu].tx: only for driver \"pcap\"", i);
	if (p->loop)
		return FAIL("ports[%zu].loop: only for driver \"pcap\"", i);
	if (p->driver == DRIVER_PCI && !is_pci(p->device))
		return FAIL("ports[%zu].device: not a PCI address like \"0000:01:00.0\"", i);
	if (p->driver == DRIVER_AF_XDP && !is_interface(p->device))
		return FAIL("ports[%zu].device: not an interface name of at most 15 bytes", i);
	return 0;
}

static int check_port_twins(const struct conf *conf, size_t i, struct err *err)
{
	const struct conf_port *p = &conf->ports[i];

	for (size_t j = 0; j < i; j++) {
		const struct conf_port *q = &conf->ports[j];

		if (strcmp(p->name, q->name) == 0)
			return FAIL("ports[%zu].name: \"%s\" is already ports[%zu]", i, p->name, j);
		if (p->device && q->device && strcmp(p->device, q->device) == 0)
			return FAIL("ports[%zu].device: already that of ports[%zu]", i, j);
		if (p->tx && q->tx && strcmp(p->tx, q->tx) == 0)
			return FAIL("ports[%zu].tx: already that of ports[%zu]", i, j);
	}
	return 0;
}

static int check_port(const struct conf *conf, size_t i, struct err *err)
{
	const struct conf_port *p = &conf->ports[i];
	int rc = p->driver == DRIVER_PCAP ? check_pcap_port(p, i, err)
	                                  : check_device_port(p, i, err);

	if (rc)
		return rc;
	if (p->punt != PUNT_NONE && p->driver != DRIVER_PCI && p->driver != DRIVER_VDEV)
		return FAIL("ports[%zu].punt: \"%s\" is only for drivers \"pci\" and \"vdev\"", i,
		            conf_punt_names[p->punt]);
	return check_port_twins(conf, i, err);
}

static int check_lanes(const struct conf *conf, struct err *err)
{
	if (conf->n_ports && !conf->n_lanes)
		return FAIL("lanes: missing, ports need at least one");
	for (size_t i = 0; i < conf->n_lanes; i++)
		for (size_t j = 0; j < i; j++)
			if (conf->lanes[i] == conf->lanes[j])
				return FAIL("lanes[%zu]: CPU %u is already lanes[%zu]", i,
				            conf->lanes[i], j);
	return 0;
}

int conf_check_ports(const struct conf *conf, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < conf->n_ports && !rc; i++)
		rc = check_port(conf, i, err);
	return rc ? rc : check_lanes(conf, err);
}

// --- pools ---

static bool is_prime(uint32_t n)
{
	for (uint32_t d = 2; d * d <= n; d++) // n <= 4194301, so d stays below 2048
		if (n % d == 0)
			return false;
	return n > 1;
}

static int check_health(const struct conf_pool *pool, size_t i, struct err *err)
{
	const struct conf_health_check *h = &pool->health;

	if (h->timeout_ms > h->interval_ms)
		return FAIL("pools[%zu].health.timeout_ms: %u is more than interval_ms %u", i,
		            h->timeout_ms, h->interval_ms);
	if (h->server_name && !conf_health_uses_tls(pool))
		return FAIL("pools[%zu].health.server_name: \"%s\" uses no TLS here", i,
		            conf_health_names[h->type]);
	if (h->service && !conf_health_is_grpc(h))
		return FAIL("pools[%zu].health.service: only for types \"grpc\" and \"grpcs\"", i);
	if (h->host && h->type == HEALTH_TCP)
		return FAIL("pools[%zu].health.host: not for type \"tcp\"", i);
	if (h->type == HEALTH_HTTP || h->type == HEALTH_HTTPS)
		return 0;
	if (h->path && strcmp(h->path, "/") != 0)
		return FAIL("pools[%zu].health.path: only for types \"http\" and \"https\"", i);
	if (h->n_status)
		return FAIL("pools[%zu].health.status: only for types \"http\" and \"https\"", i);
	return 0;
}

// What only routes look at, by itself; check_route_keys() of conf_check_service.c has the rest.
static int check_routing(const struct conf_pool *pool, size_t i, struct err *err)
{
	const char *by = conf_hash_by_names[pool->hash.by];

	if (pool->has_hash && pool->balance != BALANCE_MAGLEV)
		return FAIL("pools[%zu].hash: only for balance \"maglev\"", i);
	if (pool->has_hash && pool->hash.by == HASH_BY_SOURCE && pool->hash.name)
		return FAIL("pools[%zu].hash.name: not for by \"source\"", i);
	if (pool->has_hash && pool->hash.by != HASH_BY_SOURCE && !pool->hash.name)
		return FAIL("pools[%zu].hash.name: missing, by \"%s\" needs it", i, by);
	if (pool->has_http2 && pool->protocol == HTTP_1)
		return FAIL("pools[%zu].http2: not for protocol \"http1\"", i);
	if (pool->has_tls && !pool->tls.verify && pool->tls.ca)
		return FAIL("pools[%zu].tls.ca: of no use, verify is false", i);
	return 0;
}

static int check_backend(const struct conf *conf, size_t i, size_t k, struct err *err)
{
	const struct conf_backend *all = conf->pools[i].backends, *b = &all[k];
	const char *fault = conf_check_fault(&b->address);
	char text[ADDR_PORT_TEXT_SIZE];

	if (fault)
		return FAIL("pools[%zu].backends[%zu].address: %s is %s", i, k,
		            addr_text(&b->address, text), fault);
	for (size_t j = 0; j < k; j++) {
		if (strcmp(b->name, all[j].name) == 0)
			return FAIL(
				"pools[%zu].backends[%zu].name: \"%s\" is already backends[%zu]", i,
				k, b->name, j);
		if (addr_eq(&b->address, &all[j].address) &&
		    be16_raw(b->port) == be16_raw(all[j].port))
			return FAIL("pools[%zu].backends[%zu].address: %s is already backends[%zu]",
			            i, k, addr_port_text(&b->address, b->port, text), j);
		if (b->server_id_len && b->server_id_len == all[j].server_id_len &&
		    memcmp(b->server_id, all[j].server_id, b->server_id_len) == 0)
			return FAIL(
				"pools[%zu].backends[%zu].server_id: already that of backends[%zu]",
				i, k, j);
	}
	return 0;
}

static int check_pool(const struct conf *conf, size_t i, struct err *err)
{
	const struct conf_pool *pool = &conf->pools[i];
	int rc = 0;

	for (size_t j = 0; j < i; j++)
		if (strcmp(pool->name, conf->pools[j].name) == 0)
			return FAIL("pools[%zu].name: \"%s\" is already pools[%zu]", i, pool->name,
			            j);
	if (!is_prime(pool->table_size))
		return FAIL("pools[%zu].table_size: %u is not a prime", i, pool->table_size);
	if (pool->table_size < pool->n_backends)
		return FAIL("pools[%zu].table_size: %u is less than the number of backends, %u", i,
		            pool->table_size, pool->n_backends);
	for (size_t k = 0; k < pool->n_backends && !rc; k++)
		rc = check_backend(conf, i, k, err);
	if (!rc)
		rc = check_routing(pool, i, err);
	return rc ? rc : check_health(pool, i, err);
}

int conf_check_pools(const struct conf *conf, struct err *err)
{
	size_t n_backends = 0;
	int rc = 0;

	for (size_t i = 0; i < conf->n_pools; i++)
		n_backends += conf->pools[i].n_backends;
	if (n_backends > CONF_MAX_BACKENDS)
		return FAIL("pools: %zu backends together, more than %d", n_backends,
		            CONF_MAX_BACKENDS);
	for (size_t i = 0; i < conf->n_pools && !rc; i++)
		rc = check_pool(conf, i, err);
	return rc;
}

// --- all ---

int conf_check(const struct conf *conf, struct err *err)
{
	static int (*const parts[])(const struct conf *, struct err *) = {
		conf_check_ports,    conf_check_pools,     conf_check_l7,
		conf_check_services, conf_check_addresses, conf_check_sockets,
	};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(parts) && !rc; i++)
		rc = parts[i](conf, err);
	return rc;
}
