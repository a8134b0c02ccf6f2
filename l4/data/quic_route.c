// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/quic_route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// The sets only borrow the configurations; here they are all.
static void wipe(struct snapshot *s)
{
	for (size_t i = 0; i < (size_t)s->n_services * QUIC_LB_MAX_CONFIGS; i++)
		if (s->quic_config[i])
			quic_lb_config_fini(s->quic_config[i]);
}

struct builder {
	struct snapshot *snap;
	const struct conf *conf;
	const struct roster *roster;
	struct quic_lb_server *servers; // scratch, [roster->n_backends]
	struct err *err;
};

static bool is_same_pool(const struct roster_backend *b, const char *pool)
{
	return strcmp(b->pool, pool) == 0;
}

// Where the server id is in the list, or else would be appended.
static size_t place_of(const struct quic_lb_server *servers, size_t n, struct slice id)
{
	size_t i = 0;

	while (i < n && !slice_eq(servers[i].id, id))
		i++;
	return i;
}

static bool is_later(const struct roster_backend *a, const struct roster_backend *b)
{
	return !b->e.live && a->e.retired_ns > b->e.retired_ns;
}

// Live backends first, so that theirs are the ids if a retired one had the same; of the retired the
// one that left last.
static size_t list_servers(const struct builder *b, const char *pool, uint8_t id_len)
{
	size_t n = 0;

	for (int live = 1; live >= 0; live--) {
		for (uint16_t id = 1; id < b->roster->n_backends; id++) {
			const struct roster_backend *r = &b->roster->backends[id];
			struct slice sid = slice_of(r->server_id, r->server_id_len);
			size_t at = n; // conf_check() saw to it that the living have different ids

			if (!r->e.used || r->e.live != live || r->server_id_len != id_len ||
			    !is_same_pool(r, pool))
				continue;
			if (!live)
				at = place_of(b->servers, n, sid);
			if (at < n && !is_later(r, &b->roster->backends[b->servers[at].backend]))
				continue;
			b->servers[at] = (struct quic_lb_server){.id = sid, .backend = id};
			n += at == n;
		}
	}
	return n;
}

static int build_config(const struct builder *b, struct quic_route *r, const struct conf_service *c,
                        const struct conf_quic_lb *lb, struct quic_lb_config **place)
{
	struct quic_lb_config *config =
		arena_alloc(&b->snap->arena, 1, sizeof(*config), CACHE_LINE);
	struct quic_lb_servers servers = {.server = b->servers, .id_len = lb->server_id_length};
	int rc = config ? quic_lb_config_init(config, lb, b->err) : -ENOMEM;

	if (rc)
		return rc;
	*place = config;
	r->set.config[lb->config_id] = config;
	servers.n = list_servers(b, c->pool, lb->server_id_length);
	return quic_lb_table_build(&r->table[lb->config_id], &b->snap->arena, &servers, b->err);
}

static int build_service(const struct builder *b, uint16_t nth)
{
	const struct conf_service *c = &b->conf->services[nth];
	struct quic_lb_config **place = &b->snap->quic_config[nth * QUIC_LB_MAX_CONFIGS];
	struct quic_route *r;
	int rc = 0;

	if (!c->n_quic_lb || !c->pool)
		return 0;
	r = arena_alloc(&b->snap->arena, 1, sizeof(*r), CACHE_LINE);
	if (!r)
		return -ENOMEM;
	b->snap->services[nth].quic = r;
	for (uint8_t i = 0; !rc && i < c->n_quic_lb; i++)
		rc = build_config(b, r, c, &c->quic_lb[i], &place[c->quic_lb[i].config_id]);
	return rc;
}

int quic_route_build(struct snapshot *s, const struct conf *conf, const struct roster *roster,
                     struct err *err)
{
	struct builder b = {.snap = s, .conf = conf, .roster = roster, .err = err};
	int rc = 0;

	b.servers = calloc(roster->n_backends + 1u, sizeof(*b.servers));
	s->quic_config = arena_alloc(&s->arena, (size_t)(s->n_services + 1) * QUIC_LB_MAX_CONFIGS,
	                             sizeof(*s->quic_config), CACHE_LINE);
	if (!b.servers || !s->quic_config)
		rc = -ENOMEM;
	else
		s->quic_wipe = wipe;
	for (uint16_t i = 0; !rc && i < s->n_services; i++)
		rc = build_service(&b, i);
	free(b.servers);
	if (rc == -ENOMEM)
		err_set(err, rc, "snapshot: out of memory");
	return rc;
}
