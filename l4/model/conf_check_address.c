// SPDX-License-Identifier: BSD-3-Clause
// One address, one owner: VIPs, snat addresses and backends may not be each other's, or packets
// would come back to us for ever.
#include "l4/model/conf_check.h"

#include <errno.h>
#include <string.h>

#define FAIL(...) err_set(err, -EINVAL, __VA_ARGS__)

static int check_snat_ports(const struct conf *conf, struct err *err)
{
	const struct conf_snat *snat = &conf->snat;

	if (snat->port_last < snat->port_first)
		return FAIL("snat.port_last: %u is less than port_first %u", snat->port_last,
		            snat->port_first);
	if (snat->port_last - snat->port_first + 1 < conf->n_lanes)
		return FAIL("snat.port_last: %u ports are less than one for each of %u lanes",
		            snat->port_last - snat->port_first + 1, conf->n_lanes);
	return 0;
}

static int check_snat_address(const struct conf *conf, size_t i, struct err *err)
{
	const struct addr *all = conf->snat.addresses, *a = &all[i];
	const char *fault = conf_check_fault(a);
	size_t n_family = 1;
	char text[ADDR_TEXT_SIZE];

	if (!fault && addr_is_loopback(a))
		fault = "a loopback address";
	if (fault)
		return FAIL("snat.addresses[%zu]: %s is %s", i, addr_text(a, text), fault);
	for (size_t j = 0; j < i; j++) {
		if (addr_eq(a, &all[j]))
			return FAIL("snat.addresses[%zu]: %s is already snat.addresses[%zu]", i,
			            addr_text(a, text), j);
		n_family += a->family == all[j].family;
	}
	if (n_family > CONF_MAX_SNAT)
		return FAIL("snat.addresses[%zu]: more than %d %s addresses", i, CONF_MAX_SNAT,
		            conf_check_family(a));
	for (size_t j = 0; j < conf->n_services; j++)
		if (addr_eq(a, &conf->services[j].address))
			return FAIL("snat.addresses[%zu]: %s is the address of services[%zu]", i,
			            addr_text(a, text), j);
	return 0;
}

// Sets is_l4[i] for pools that packets are forwarded to.
static void find_l4(const struct conf *conf, bool is_l4[CONF_MAX_POOLS])
{
	for (size_t i = 0; i < conf->n_services; i++) {
		const struct conf_pool *pool = conf_service_pool(conf, &conf->services[i]);

		if (pool)
			is_l4[pool - conf->pools] = true;
	}
}

// L4 backends may share no address with a service. A route's backend may (a laptop runs everything
// on one), but not the port too: the worker would connect to itself.
static int check_backend(const struct conf *conf, bool is_l4, const struct conf_backend *b,
                         struct err *err)
{
	char text[ADDR_PORT_TEXT_SIZE];

	for (size_t j = 0; j < conf->n_services; j++) {
		const struct conf_service *s = &conf->services[j];

		if (!addr_eq(&b->address, &s->address))
			continue;
		if (is_l4)
			return FAIL("%s is the address of services[%zu]",
			            addr_text(&b->address, text), j);
		if (s->l7 && be16_raw(b->port) == be16_raw(s->port))
			return FAIL("%s is services[%zu]",
			            addr_port_text(&b->address, b->port, text), j);
	}
	for (size_t j = 0; j < conf->snat.n_addresses; j++)
		if (addr_eq(&b->address, &conf->snat.addresses[j]))
			return FAIL("%s is snat.addresses[%zu]", addr_text(&b->address, text), j);
	return 0;
}

static int check_pool(const struct conf *conf, size_t i, bool is_l4, struct err *err)
{
	const struct conf_pool *pool = &conf->pools[i];

	for (size_t k = 0; k < pool->n_backends; k++) {
		struct err inner;

		if (check_backend(conf, is_l4, &pool->backends[k], &inner))
			return FAIL("pools[%zu].backends[%zu].address: %s", i, k, inner.msg);
	}
	return 0;
}

int conf_check_addresses(const struct conf *conf, struct err *err)
{
	bool is_l4[CONF_MAX_POOLS] = {false};
	int rc = check_snat_ports(conf, err);

	find_l4(conf, is_l4);
	for (size_t i = 0; i < conf->snat.n_addresses && !rc; i++)
		rc = check_snat_address(conf, i, err);
	for (size_t i = 0; i < conf->n_pools && !rc; i++)
		rc = check_pool(conf, i, is_l4[i], err);
	return rc;
}
