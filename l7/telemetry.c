// SPDX-License-Identifier: BSD-3-Clause
#include "l7/telemetry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/log.h"
#include "l4/model/stats_l7_roster.h"
#include "l4/model/stats_l7_store.h"
#include "l4/model/stats_writer.h"
#include "l7/site.h"

// Services of this host's workers.
static bool is_ours(const struct conf_service *s)
{
	return s->l7 && !s->is_remote;
}

static uint32_t count_services(const struct conf *conf)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < conf->n_services; i++)
		n += is_ours(&conf->services[i]);
	return n;
}

static uint32_t count_backends(const struct site_conf *c)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < c->conf->n_pools; i++)
		if (c->is_routed[i])
			n += c->conf->pools[i].n_backends;
	return n;
}

// A model that several entries name is one.
static size_t list_models(const struct conf *conf, struct stats_l7_owner *out)
{
	size_t n = 0;

	for (uint16_t i = 0; i < conf->n_l7; i++)
		for (uint8_t j = 0; j < conf->l7[i].streams.n_models; j++) {
			const char *name = conf->l7[i].streams.models[j];
			size_t k = 0;

			while (k < n && strcmp(out[k].name, name) != 0)
				k++;
			if (k == n)
				out[n++] = (struct stats_l7_owner){.group = "", .name = name};
		}
	return n;
}

static struct stats_l7_owner *new_models(const struct conf *conf)
{
	return calloc((size_t)conf->n_l7 * CONF_MAX_MODELS + 1, sizeof(struct stats_l7_owner));
}

// 0 without memory: then they have no names either.
static uint32_t count_models(const struct conf *conf)
{
	struct stats_l7_owner *models = new_models(conf);
	uint32_t n = models ? (uint32_t)list_models(conf, models) : 0;

	free(models);
	return n;
}

int telemetry_open(struct telemetry *t, telemetry_opener opener, const struct site_conf *conf,
                   uint16_t n_workers)
{
	struct stats_l7_room room =
		stats_l7_store_room(n_workers, count_services(conf->conf), count_backends(conf),
	                            count_models(conf->conf));
	struct err err = {0};
	int rc = opener ? opener(&t->store, conf->conf, &room, &err) : -ENOENT;

	if (rc && opener)
		LOG_WARN("counters home=private reason=\"%s\"", err.msg);
	if (rc)
		rc = stats_l7_store_open_private(&t->store, &room);
	if (rc)
		return rc;
	t->is_open = true;
	stats_l7_store_announce(&t->store, conf->conf->node, n_workers, (uint32_t)getpid());
	return 0;
}

void telemetry_close(struct telemetry *t)
{
	if (!t->is_open)
		return;
	stats_writer_leave(&t->store.meta->writer);
	stats_l7_close(&t->store);
	t->is_open = false;
}

// --- connections ---

void telemetry_enter(struct l7_service_counters *c, enum telemetry_protocol protocol)
{
	switch (protocol) {
	case TELEMETRY_HANDSHAKE:
		c->open_handshake++;
		return;
	case TELEMETRY_HTTP1:
		c->open_http1++;
		c->connections_http1++;
		return;
	case TELEMETRY_HTTP2:
		c->open_http2++;
		c->connections_http2++;
		return;
	case TELEMETRY_WEBSOCKET:
		c->open_websocket++;
		c->connections_websocket++;
		return;
	}
}

void telemetry_leave(struct l7_service_counters *c, enum telemetry_protocol protocol)
{
	switch (protocol) {
	case TELEMETRY_HANDSHAKE:
		c->open_handshake--;
		return;
	case TELEMETRY_HTTP1:
		c->open_http1--;
		return;
	case TELEMETRY_HTTP2:
		c->open_http2--;
		return;
	case TELEMETRY_WEBSOCKET:
		c->open_websocket--;
		return;
	}
}

// --- ids ---

static void warn(size_t n_left, const char *what)
{
	if (n_left)
		LOG_WARN("counters without room n=%zu what=%s: counted together until lb7d starts "
		         "anew, or a reload finds that others left %d s before",
		         n_left, what, STATS_L7_QUARANTINE_S);
}

static void assign_services(struct telemetry *t, struct site_conf *c)
{
	const struct conf *conf = c->conf;
	struct stats_l7_owner *owners = calloc(conf->n_services + 1u, sizeof(*owners));
	uint16_t *ids = calloc(conf->n_services + 1u, sizeof(*ids));
	size_t n = 0;

	for (uint16_t i = 0; owners && ids && i < conf->n_services; i++) {
		const struct conf_service *s = &conf->services[i];

		if (is_ours(s))
			owners[n++] = (struct stats_l7_owner){s->l7, s->name, s->address,
			                                      be16_to(s->port)};
	}
	if (owners && ids)
		warn(stats_l7_roster(&t->store, STATS_L7_OF_SERVICES, owners, n, ids), "services");
	for (uint16_t i = conf->n_services; owners && ids && i--;)
		if (is_ours(&conf->services[i]))
			c->service_ids[i] = ids[--n];
	free(owners);
	free(ids);
}

static size_t list_backends(const struct site_conf *c, struct stats_l7_owner *out)
{
	size_t n = 0;

	for (uint16_t i = 0; i < c->conf->n_pools; i++) {
		const struct conf_pool *pool = &c->conf->pools[i];

		for (uint16_t j = 0; c->is_routed[i] && j < pool->n_backends; j++) {
			const struct conf_backend *b = &pool->backends[j];

			out[n++] = (struct stats_l7_owner){pool->name, b->name, b->address,
			                                   be16_to(b->port)};
		}
	}
	return n;
}

static void assign_backends(struct telemetry *t, struct site_conf *c)
{
	size_t n = count_backends(c);
	struct stats_l7_owner *owners = calloc(n + 1, sizeof(*owners));
	uint16_t *ids = calloc(n + 1, sizeof(*ids));

	if (owners && ids) {
		list_backends(c, owners);
		warn(stats_l7_roster(&t->store, STATS_L7_OF_BACKENDS, owners, n, ids), "backends");
		n = 0;
		for (uint16_t i = 0; i < c->conf->n_pools; i++)
			for (uint16_t j = 0; c->is_routed[i] && j < c->conf->pools[i].n_backends;
			     j++)
				c->backend_ids[i][j] = ids[n++];
	}
	free(owners);
	free(ids);
}

static uint16_t model_id(const struct stats_l7_owner *owners, const uint16_t *ids, const char *name)
{
	size_t k = 0;

	while (strcmp(owners[k].name, name) != 0)
		k++;
	return ids[k];
}

static void assign_models(struct telemetry *t, struct site_conf *c)
{
	size_t most = (size_t)c->conf->n_l7 * CONF_MAX_MODELS;
	struct stats_l7_owner *owners = new_models(c->conf);
	uint16_t *ids = calloc(most + 1, sizeof(*ids));

	if (owners && ids) {
		size_t n = list_models(c->conf, owners);

		warn(stats_l7_roster(&t->store, STATS_L7_OF_MODELS, owners, n, ids), "models");
	}
	for (uint16_t i = 0; owners && ids && i < c->conf->n_l7; i++)
		for (uint8_t j = 0; j < c->conf->l7[i].streams.n_models; j++)
			c->model_ids[i][j] =
				model_id(owners, ids, c->conf->l7[i].streams.models[j]);
	free(owners);
	free(ids);
}

void telemetry_assign(struct telemetry *t, struct site_conf *conf, uint32_t generation)
{
	assign_services(t, conf);
	assign_backends(t, conf);
	assign_models(t, conf);
	t->store.meta->generation = generation;
}

void telemetry_tell(struct telemetry *t, const struct site *site)
{
	const struct site_conf *c = site->shared;

	for (uint16_t i = 0; i < c->conf->n_pools; i++) {
		for (uint16_t j = 0; c->is_routed[i] && j < c->conf->pools[i].n_backends; j++) {
			struct stats_l7_name *n = &t->store.backend_names[c->backend_ids[i][j]];

			if (c->backend_ids[i][j] == STATS_L7_OTHER)
				continue;
			n->state = c->conf->pools[i].backends[j].state;
			n->health = site->pools[i].backends[j].health;
			n->weight = c->conf->pools[i].backends[j].weight;
		}
	}
}
