// SPDX-License-Identifier: BSD-3-Clause
// Services, and what they ask of pools, snat addresses and each other.
#include "l4/model/conf_check.h"

#include <errno.h>
#include <string.h>

#define FAIL(...) err_set(err, -EINVAL, __VA_ARGS__)

enum {
	CID_MAX = 19
}; // server ID and nonce, bytes: quic-lb.md section 2, QUIC's 20 minus the first

// --- one service by itself ---

static int check_target(const struct conf *conf, size_t i, struct err *err)
{
	const struct conf_service *s = &conf->services[i];

	if (!s->pool && !s->l7)
		return FAIL("services[%zu]: has neither pool nor l7", i);
	if (s->pool && s->l7)
		return FAIL("services[%zu]: has both pool and l7", i);
	if (s->pool && !conf_pool_find(conf, s->pool))
		return FAIL("services[%zu].pool: there is no pool \"%s\"", i, s->pool);
	if (s->l7 && !conf_l7_find(conf, s->l7))
		return FAIL("services[%zu].l7: there is no l7 entry \"%s\"", i, s->l7);
	return 0;
}

static int check_forward(const struct conf *conf, size_t i, struct err *err)
{
	const struct conf_service *s = &conf->services[i];
	bool is_forwarded = conf_service_pool(conf, s);

	if (!is_forwarded && s->forward != FORWARD_LOCAL)
		return FAIL(
			"services[%zu].forward: \"%s\" goes with pool, or with l7 that has hosts",
			i, conf_forward_names[s->forward]);
	if (s->pool && s->forward == FORWARD_LOCAL)
		return FAIL("services[%zu].forward: \"local\" goes with l7, not with pool", i);
	if (is_forwarded && s->forward == FORWARD_LOCAL)
		return FAIL("services[%zu].forward: \"local\" goes with l7 that has no hosts", i);
	return 0;
}

static int check_options(const struct conf_service *s, size_t i, struct err *err)
{
	if (s->l7 && s->protocol != PROTO_TCP)
		return FAIL("services[%zu].protocol: \"%s\" cannot be served by l7, only \"tcp\"",
		            i, conf_protocol_names[s->protocol]);
	if (s->n_quic_lb && s->protocol != PROTO_QUIC)
		return FAIL("services[%zu].quic_lb: only for protocol \"quic\"", i);
	if (!s->flow_table && s->forward != FORWARD_DSR)
		return FAIL("services[%zu].flow_table: false is only for forward \"dsr\"", i);
	return 0;
}

static int check_vip(const struct conf_service *s, size_t i, struct err *err)
{
	const char *fault = conf_check_fault(&s->address);
	char text[ADDR_TEXT_SIZE];

	// Packets never carry a loopback address over a wire; lb7d alone on a laptop may listen there.
	if (!fault && s->forward != FORWARD_LOCAL && addr_is_loopback(&s->address))
		fault = "a loopback address";
	if (fault)
		return FAIL("services[%zu].address: %s is %s", i, addr_text(&s->address, text),
		            fault);
	return 0;
}

static bool is_udp(const struct conf_service *s)
{
	return s->protocol != PROTO_TCP;
}

static int check_twins(const struct conf *conf, size_t i, struct err *err)
{
	const struct conf_service *s = &conf->services[i];
	char text[ADDR_PORT_TEXT_SIZE];

	for (size_t j = 0; j < i; j++) {
		const struct conf_service *t = &conf->services[j];

		if (strcmp(s->name, t->name) == 0)
			return FAIL("services[%zu].name: \"%s\" is already services[%zu]", i,
			            s->name, j);
		if (is_udp(s) == is_udp(t) && be16_raw(s->port) == be16_raw(t->port) &&
		    addr_eq(&s->address, &t->address))
			return FAIL("services[%zu]: %s %s is already services[%zu]", i,
			            addr_port_text(&s->address, s->port, text),
			            conf_protocol_names[s->protocol], j);
	}
	return 0;
}

static int check_quic_lb(const struct conf_service *s, size_t i, struct err *err)
{
	for (size_t k = 0; k < s->n_quic_lb; k++) {
		const struct conf_quic_lb *q = &s->quic_lb[k];
		unsigned int sum = q->server_id_length + q->nonce_length;

		if (sum > CID_MAX)
			return FAIL("services[%zu].quic_lb[%zu].nonce_length: %u and "
			            "server_id_length %u are together more than %d",
			            i, k, q->nonce_length, q->server_id_length, CID_MAX);
		for (size_t j = 0; j < k; j++)
			if (q->config_id == s->quic_lb[j].config_id)
				return FAIL("services[%zu].quic_lb[%zu].config_id: %u is already "
				            "quic_lb[%zu]",
				            i, k, q->config_id, j);
	}
	return 0;
}

// --- a service and its pool ---

static int check_server_id(const struct conf_service *s, size_t i, const struct conf_backend *b,
                           struct err *err)
{
	for (size_t k = 0; k < s->n_quic_lb; k++)
		if (s->quic_lb[k].server_id_length != b->server_id_len)
			return FAIL("server_id: %u bytes, but services[%zu].quic_lb[%zu] wants %u",
			            b->server_id_len, i, k, s->quic_lb[k].server_id_length);
	return 0;
}

// Names the place without the pool and the number, which check_pool() puts in front.
static int check_backend(const struct conf_service *s, size_t i, const struct conf_backend *b,
                         struct err *err)
{
	char text[ADDR_TEXT_SIZE];

	if (b->address.family != s->address.family)
		return FAIL("address: %s is %s, but services[%zu].address is %s",
		            addr_text(&b->address, text), conf_check_family(&b->address), i,
		            conf_check_family(&s->address));
	if (addr_is_loopback(&b->address))
		return FAIL("address: %s is a loopback address, services[%zu] cannot reach it",
		            addr_text(&b->address, text), i);
	if (s->forward == FORWARD_DSR && be16_raw(b->port) != be16_raw(s->port))
		return FAIL("port: %u, but services[%zu].port is %u and \"dsr\" rewrites no port",
		            be16_to(b->port), i, be16_to(s->port));
	if (s->n_quic_lb && !b->server_id_len)
		return FAIL("server_id: missing, services[%zu].quic_lb needs it", i);
	return check_server_id(s, i, b, err);
}

// What only routes look at, if the pool has such.
static const char *route_key(const struct conf_pool *pool)
{
	if (pool->has_hash && pool->hash.by != HASH_BY_SOURCE)
		return "hash";
	if (pool->has_tls)
		return "tls";
	if (pool->protocol != HTTP_1)
		return "protocol";
	return pool->proxy_protocol ? "proxy_protocol" : NULL;
}

static bool is_routed(const struct conf *conf, const struct conf_pool *pool)
{
	for (size_t i = 0; i < conf->n_l7; i++)
		for (size_t k = 0; k < conf->l7[i].n_routes; k++) {
			const char *name = conf->l7[i].routes[k].pool;

			if (name && strcmp(name, pool->name) == 0)
				return true;
		}
	return false;
}

static int check_pool(const struct conf *conf, size_t i, struct err *err)
{
	const struct conf_service *s = &conf->services[i];
	const struct conf_pool *pool = conf_service_pool(conf, s);
	size_t at = (size_t)(pool - conf->pools);
	const char *key = route_key(pool);

	if (key && !is_routed(conf, pool))
		return FAIL("pools[%zu].%s: is for pools of routes, services[%zu] forwards packets",
		            at, key, i);
	if (pool->balance != BALANCE_MAGLEV)
		return FAIL(
			"pools[%zu].balance: \"%s\" is for pools of routes, services[%zu] needs "
			"\"maglev\"",
			at, conf_balance_names[pool->balance], i);
	for (size_t k = 0; k < pool->n_backends; k++) {
		struct err inner;
		int rc = check_backend(s, i, &pool->backends[k], &inner);

		if (rc)
			return FAIL("pools[%zu].backends[%zu].%s", at, k, inner.msg);
	}
	return 0;
}

static int check_snat(const struct conf *conf, size_t i, struct err *err)
{
	const struct conf_service *s = &conf->services[i];

	for (size_t k = 0; k < conf->snat.n_addresses; k++)
		if (conf->snat.addresses[k].family == s->address.family)
			return 0;
	return FAIL("services[%zu].forward: \"nat\" needs an %s address in snat.addresses", i,
	            conf_check_family(&s->address));
}

static int check_service(const struct conf *conf, size_t i, struct err *err)
{
	const struct conf_service *s = &conf->services[i];
	int rc = check_target(conf, i, err);

	if (!rc)
		rc = check_forward(conf, i, err);
	if (!rc)
		rc = check_options(s, i, err);
	if (!rc)
		rc = check_vip(s, i, err);
	if (!rc)
		rc = check_twins(conf, i, err);
	if (!rc)
		rc = check_quic_lb(s, i, err);
	if (!rc && s->forward == FORWARD_NAT)
		rc = check_snat(conf, i, err);
	if (!rc && s->forward != FORWARD_LOCAL)
		rc = check_pool(conf, i, err);
	return rc;
}

int conf_check_services(const struct conf *conf, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < conf->n_services && !rc; i++)
		rc = check_service(conf, i, err);
	return rc;
}
