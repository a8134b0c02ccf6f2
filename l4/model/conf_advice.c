// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/conf_advice.h"

#include <string.h>

static const struct conf_quic_lb *find_config(const struct conf_service *s, bool has_key)
{
	for (size_t k = 0; k < s->n_quic_lb; k++)
		if (s->quic_lb[k].has_key == has_key)
			return &s->quic_lb[k];
	return NULL;
}

// quic-lb.md section 6: server IDs that are seen in clear are known plaintext for whoever collects encrypted
// connection IDs of the same servers. A pool's backends have one server ID each, so all quic_lb of all
// its services share it. Not refused: a service that begins to encrypt needs both until its last plain
// connection is gone.
static void advise_on_server_ids(const struct conf *conf, size_t i, conf_advice_say say, void *data)
{
	const struct conf_service *s = &conf->services[i];
	const struct conf_quic_lb *plain = find_config(s, false);
	struct err err;

	for (size_t j = 0; plain && j < conf->n_services; j++) {
		const struct conf_service *t = &conf->services[j];
		const struct conf_quic_lb *encrypted = find_config(t, true);

		if (!encrypted || strcmp(s->pool, t->pool) != 0)
			continue;
		err_set(&err, 0,
		        "services[%zu].quic_lb[%zu]: has no key and shows the server IDs that "
		        "services[%zu].quic_lb[%zu] encrypts, which weakens the encryption; keep "
		        "both only while you change from one to the other",
		        i, (size_t)(plain - s->quic_lb), j, (size_t)(encrypted - t->quic_lb));
		say(err.msg, data);
		return;
	}
}

// A pool without backends is how an operator begins, or ends; packets are dropped with pool_empty.
static void advise_on_pool(const struct conf *conf, size_t i, conf_advice_say say, void *data)
{
	const struct conf_service *s = &conf->services[i];
	const struct conf_pool *pool = conf_service_pool(conf, s);
	struct err err;

	if (!pool || pool->n_backends)
		return;
	err_set(&err, 0, "services[%zu].%s: \"%s\" has no backends; all packets will be dropped", i,
	        s->pool ? "pool" : "l7", pool->name);
	say(err.msg, data);
}

static void advise_on_routes(const struct conf *conf, size_t i, conf_advice_say say, void *data)
{
	for (size_t k = 0; k < conf->l7[i].n_routes; k++) {
		const char *name = conf->l7[i].routes[k].pool;
		const struct conf_pool *pool = name ? conf_pool_find(conf, name) : NULL;
		struct err err;

		if (!pool || pool->n_backends)
			continue;
		err_set(&err, 0,
		        "l7[%zu].routes[%zu].pool: \"%s\" has no backends; requests will be "
		        "answered with 503",
		        i, k, name);
		say(err.msg, data);
	}
}

// RFC 9110 section 4.2.2: 443 is where clients speak TLS.
static void advise_on_tls(const struct conf *conf, size_t i, conf_advice_say say, void *data)
{
	const struct conf_service *s = &conf->services[i];
	const struct conf_l7 *l7 = s->l7 ? conf_l7_find(conf, s->l7) : NULL;
	struct err err;

	if (!l7 || l7->n_tls || be16_to(s->port) != 443)
		return;
	err_set(&err, 0,
	        "services[%zu].port: 443 is where clients speak TLS, but l7[%zu] has no tls", i,
	        (size_t)(l7 - conf->l7));
	say(err.msg, data);
}

static void advise_on_verify(const struct conf *conf, size_t i, conf_advice_say say, void *data)
{
	const struct conf_pool *pool = &conf->pools[i];
	struct err err;

	if (!pool->has_tls || pool->tls.verify)
		return;
	err_set(&err, 0,
	        "pools[%zu].tls.verify: false; whoever answers in a backend's place is believed, "
	        "better give `ca`",
	        i);
	say(err.msg, data);
}

// A star at the end is what other load balancers want; here it would be part of the path.
static void advise_on_stars(const struct conf *conf, size_t i, conf_advice_say say, void *data)
{
	for (size_t k = 0; k < conf->l7[i].n_routes; k++) {
		const char *path = conf->l7[i].routes[k].path;
		struct err err;

		if (path[strlen(path) - 1] != '*')
			continue;
		err_set(&err, 0,
		        "l7[%zu].routes[%zu].path: \"*\" means itself; a prefix wants none", i, k);
		say(err.msg, data);
	}
}

static bool is_l7_used(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_services; i++)
		if (conf->services[i].l7 && strcmp(conf->services[i].l7, name) == 0)
			return true;
	return false;
}

// One half of a change; the other may have been forgotten.
static void advise_on_unused(const struct conf *conf, conf_advice_say say, void *data)
{
	struct err err;

	for (size_t i = 0; i < conf->n_l7; i++) {
		if (is_l7_used(conf, conf->l7[i].name))
			continue;
		err_set(&err, 0, "l7[%zu]: no service names \"%s\"", i, conf->l7[i].name);
		say(err.msg, data);
	}
	for (size_t i = 0; i < conf->n_pools; i++) {
		if (conf_pool_is_used(conf, conf->pools[i].name))
			continue;
		err_set(&err, 0, "pools[%zu]: no service and no route names \"%s\"", i,
		        conf->pools[i].name);
		say(err.msg, data);
	}
}

// lb7d alone serves a file whose services are all its own.
static bool needs_ports(const struct conf *conf)
{
	for (size_t i = 0; i < conf->n_services; i++)
		if (conf->services[i].forward != FORWARD_LOCAL)
			return true;
	return conf->n_services == 0;
}

void conf_advice(const struct conf *conf, conf_advice_say say, void *data)
{
	if (!conf->n_ports && needs_ports(conf))
		say("ports: there is none; lb4d needs at least one", data);
	for (size_t i = 0; i < conf->n_services; i++)
		advise_on_pool(conf, i, say, data);
	for (size_t i = 0; i < conf->n_services; i++)
		advise_on_server_ids(conf, i, say, data);
	for (size_t i = 0; i < conf->n_services; i++)
		advise_on_tls(conf, i, say, data);
	for (size_t i = 0; i < conf->n_l7; i++)
		advise_on_routes(conf, i, say, data);
	for (size_t i = 0; i < conf->n_l7; i++)
		advise_on_stars(conf, i, say, data);
	advise_on_unused(conf, say, data);
	for (size_t i = 0; i < conf->n_pools; i++)
		advise_on_verify(conf, i, say, data);
}
