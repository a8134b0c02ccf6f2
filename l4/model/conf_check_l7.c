// SPDX-License-Identifier: BSD-3-Clause
// L7 entries without their routes, and the sockets that lb7d itself listens on.
#include "l4/model/conf_check.h"

#include <errno.h>
#include <string.h>

#define FAIL(...) err_set(err, -EINVAL, __VA_ARGS__)

static int check_models(const struct conf_l7_streams *s, size_t entry, struct err *err)
{
	const char *key = s->n_models    ? "models"
	                  : s->operation ? "operation"
	                  : s->provider  ? "provider"
	                                 : NULL;

	if (key && s->measure != MEASURE_TOKENS)
		return FAIL("l7[%zu].streams.%s: only with measure \"tokens\"", entry, key);
	for (size_t i = 0; i < s->n_models; i++) {
		if (strcmp(s->models[i], "other") == 0)
			return FAIL(
				"l7[%zu].streams.models[%zu]: \"other\" stands for all that are "
				"not listed",
				entry, i);
		for (size_t j = 0; j < i; j++)
			if (strcmp(s->models[i], s->models[j]) == 0)
				return FAIL("l7[%zu].streams.models[%zu]: \"%s\" is already [%zu]",
				            entry, i, s->models[i], j);
	}
	return 0;
}

static int check_entry(const struct conf *conf, size_t i, struct err *err)
{
	const struct conf_l7 *l7 = &conf->l7[i];

	for (size_t j = 0; j < i; j++)
		if (strcmp(l7->name, conf->l7[j].name) == 0)
			return FAIL("l7[%zu].name: \"%s\" is already l7[%zu]", i, l7->name, j);
	if (l7->hosts && !conf_pool_find(conf, l7->hosts))
		return FAIL("l7[%zu].hosts: there is no pool \"%s\"", i, l7->hosts);
	if (l7->tls_min != TLS_MIN_1_2 && !l7->n_tls)
		return FAIL("l7[%zu].tls_min: only with tls", i);
	if (l7->limits.line > l7->limits.header)
		return FAIL("l7[%zu].limits.line: %u is more than header %u", i, l7->limits.line,
		            l7->limits.header);
	return check_models(&l7->streams, i, err);
}

int conf_check_l7(const struct conf *conf, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < conf->n_l7 && !rc; i++) {
		rc = check_entry(conf, i, err);
		for (size_t k = 0; k < conf->l7[i].n_routes && !rc; k++)
			rc = conf_check_route(conf, i, k, err);
	}
	return rc;
}

// A socket on "::" takes IPv4 too (ipv6(7), IPV6_V6ONLY).
static bool takes(const struct addr *listener, const struct addr *a)
{
	if (addr_eq(listener, a))
		return true;
	return addr_is_unspecified(listener) &&
	       (listener->family == a->family || listener->family == ADDR_IP6);
}

static int check_admin(const struct conf *conf, struct err *err)
{
	const struct conf_admin *admin = &conf->admin;
	const char *fault = conf_check_fault(&admin->address);
	char text[ADDR_PORT_TEXT_SIZE];

	if (fault && !addr_is_unspecified(&admin->address))
		return FAIL("admin.address: %s is %s", addr_text(&admin->address, text), fault);
	for (size_t i = 0; i < conf->n_services; i++) {
		const struct conf_service *s = &conf->services[i];

		if (s->protocol == PROTO_TCP && be16_raw(s->port) == be16_raw(admin->port) &&
		    takes(&admin->address, &s->address))
			return FAIL("admin: %s takes the connections of services[%zu]",
			            addr_port_text(&admin->address, admin->port, text), i);
	}
	return 0;
}

int conf_check_sockets(const struct conf *conf, struct err *err)
{
	if (strcmp(conf->control, conf->control_l7) == 0)
		return FAIL("control_l7: already that of control");
	return conf->has_admin ? check_admin(conf, err) : 0;
}
