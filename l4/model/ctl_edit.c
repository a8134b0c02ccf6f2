// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/ctl_edit.h"

#include <errno.h>
#include <string.h>

struct target {
	struct conf_pool *pool;
	struct conf_backend *backend; // NULL for a new one
};

static int find(struct target *t, struct conf *conf, const char *pool, const char *name,
                struct err *err)
{
	t->pool = conf_pool_find(conf, pool);
	if (!t->pool)
		return err_set(err, -ENOENT, "there is no pool \"%s\"", pool);
	t->backend = name ? conf_backend_find(t->pool, name) : NULL;
	if (name && !t->backend)
		return err_set(err, -ENOENT, "pool \"%s\" has no backend \"%s\"", pool, name);
	return 0;
}

static int add(struct conf *conf, struct conf_pool *pool, const struct ctl_backend_add *p,
               struct err *err)
{
	struct conf_backend b = {
		.name = p->name,
		.address = p->address,
		.port = p->port,
		.weight = (uint16_t)p->weight,
		.state = p->state,
		.server_id_len = p->server_id.len,
		.has_mac = !mac_is_zero(&p->mac),
		.mac = p->mac,
	};

	static_assert(sizeof(b.server_id) == sizeof(p->server_id.byte), "copied as a whole");
	memcpy(b.server_id, p->server_id.byte, sizeof(b.server_id));
	return conf_backend_add(conf, pool, &b, err);
}

static int edit(struct conf *conf, enum ctl_method method, const union ctl_params *params,
                struct err *err)
{
	// All four begin with the pool's and the backend's name.
	const struct ctl_backend_name *names = &params->backend_name;
	struct target t = {0};
	int rc = find(&t, conf, names->pool, method == CTL_BACKEND_ADD ? NULL : names->name, err);

	if (rc)
		return rc;
	if (method == CTL_BACKEND_ADD)
		return add(conf, t.pool, &params->backend_add, err);
	if (method == CTL_BACKEND_REMOVE)
		conf_backend_remove(t.pool, (size_t)(t.backend - t.pool->backends));
	else if (method == CTL_BACKEND_WEIGHT)
		t.backend->weight = (uint16_t)params->backend_weight.weight;
	else
		t.backend->state = params->backend_state.state;
	return 0;
}

static_assert(offsetof(struct ctl_backend_add, name) == offsetof(struct ctl_backend_name, name) &&
                      offsetof(struct ctl_backend_weight, name) ==
                              offsetof(struct ctl_backend_name, name) &&
                      offsetof(struct ctl_backend_state, name) ==
                              offsetof(struct ctl_backend_name, name),
              "names lie alike");

int ctl_edit_conf(struct conf **out, const struct conf *running, enum ctl_method method,
                  const union ctl_params *params, struct err *err)
{
	struct conf *next;
	int rc = conf_clone(&next, running);

	if (rc)
		return err_set(err, rc, "no memory for the change");
	rc = edit(next, method, params, err);
	if (rc) {
		conf_free(next);
		return rc;
	}
	*out = next;
	return 0;
}
