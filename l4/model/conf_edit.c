// SPDX-License-Identifier: BSD-3-Clause
// Changes to a configuration in memory: copies, backends that come and go.
#include "l4/model/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "l4/model/conf_field.h"

// An object is copied as bytes by whoever holds it; this gives it texts and lists of its own.
static int own(struct arena *arena, const struct conf_object *object, void *base);

static int own_text(struct arena *arena, const struct conf_key *key, void *base)
{
	const char *copy = arena_strdup(arena, conf_field_string(key, base));

	if (!copy)
		return -ENOMEM;
	*(const char **)conf_field_at(key, base) = copy;
	return 0;
}

static int own_list(struct arena *arena, const struct conf_key *key, void *base)
{
	void **field = conf_field_at(key, base);
	size_t n = conf_field_count(key, base), size = key->item->size;
	char *items = arena_alloc(arena, n, size, CONF_FIELD_ALIGN);
	int rc = 0;

	if (!items)
		return -ENOMEM;
	if (n)
		memcpy(items, *field, n * size);
	for (size_t i = 0; i < n && key->item->object && !rc; i++)
		rc = own(arena, key->item->object, items + i * size);
	for (size_t i = 0; i < n && conf_field_is_text(key->item) && !rc; i++)
		rc = own_text(arena, key->item, items + i * size);
	*field = items;
	return rc;
}

static int own(struct arena *arena, const struct conf_object *object, void *base)
{
	int rc = 0;

	for (size_t i = 0; i < object->n_keys && !rc; i++) {
		const struct conf_key *key = &object->keys[i];

		if (key->type == KEY_LIST)
			rc = own_list(arena, key, base);
		else if (key->type == KEY_OBJECT)
			rc = own(arena, key->object, conf_field_at(key, base));
		else if (conf_field_is_text(key) && conf_field_string(key, base))
			rc = own_text(arena, key, base);
	}
	return rc;
}

int conf_clone(struct conf **out, const struct conf *conf)
{
	struct conf *copy = malloc(sizeof(*copy));
	int rc;

	if (!copy)
		return -ENOMEM;
	*copy = *conf;
	copy->arena = (struct arena){0};
	rc = own(&copy->arena, &conf_key_root, copy);
	copy->file = rc ? NULL : arena_strdup(&copy->arena, conf->file);
	if (!copy->file) {
		conf_free(copy);
		return -ENOMEM;
	}
	*out = copy;
	return 0;
}

// What the tables check in a file.
static int check_values(const struct conf_backend *b, struct err *err)
{
	if (!b->name || !conf_key_is_name(b->name))
		return err_set(err, -EINVAL, "name: not a name");
	if (b->address.family != ADDR_IP4 && b->address.family != ADDR_IP6)
		return err_set(err, -EINVAL, "address: missing");
	if (be16_to(b->port) == 0)
		return err_set(err, -EINVAL, "port: 0 is not in 1..65535");
	if (b->weight > CONF_WEIGHT_MAX)
		return err_set(err, -EINVAL, "weight: %u is not in 0..%u", b->weight,
		               CONF_WEIGHT_MAX);
	if (b->state >= STATE_COUNT)
		return err_set(err, -EINVAL, "state: %u is not one of them", b->state);
	if (b->server_id_len > CONF_SERVER_ID_MAX)
		return err_set(err, -EINVAL, "server_id: %u bytes, not 1..%u", b->server_id_len,
		               CONF_SERVER_ID_MAX);
	if (b->has_mac && (mac_is_zero(&b->mac) || (b->mac.byte[0] & 1)))
		return err_set(err, -EINVAL, "mac: not the address of one station");
	return 0;
}

static int check_unique(const struct conf_pool *pool, const struct conf_backend *b, struct err *err)
{
	char text[ADDR_PORT_TEXT_SIZE];

	if (conf_backend_find(pool, b->name))
		return err_set(err, -EEXIST, "name: \"%s\" is already in pool \"%s\"", b->name,
		               pool->name);
	for (size_t i = 0; i < pool->n_backends; i++)
		if (addr_eq(&pool->backends[i].address, &b->address) &&
		    be16_raw(pool->backends[i].port) == be16_raw(b->port))
			return err_set(err, -EEXIST,
			               "address: %s is already backend \"%s\" of pool \"%s\"",
			               addr_port_text(&b->address, b->port, text),
			               pool->backends[i].name, pool->name);
	return 0;
}

int conf_backend_add(struct conf *conf, struct conf_pool *pool, const struct conf_backend *backend,
                     struct err *err)
{
	struct conf_backend *old = pool->backends, *grown;
	size_t n = pool->n_backends;
	int rc = check_values(backend, err);

	if (!rc)
		rc = check_unique(pool, backend, err);
	if (rc)
		return rc;
	if (n >= CONF_MAX_POOL_BACKENDS)
		return err_set(err, -EINVAL, "pool \"%s\" has %zu backends, no more are possible",
		               pool->name, n);
	// The old array stays in the arena until the next conf_clone().
	grown = arena_alloc(&conf->arena, n + 1, sizeof(*grown), CONF_FIELD_ALIGN);
	if (!grown)
		return err_set(err, -ENOMEM, "out of memory");
	if (n)
		memcpy(grown, old, n * sizeof(*grown));
	grown[n] = *backend;
	grown[n].name = arena_strdup(&conf->arena, backend->name);
	if (!grown[n].name)
		return err_set(err, -ENOMEM, "out of memory");
	pool->backends = grown;
	pool->n_backends++;
	rc = conf_check(conf, err);
	if (rc) {
		pool->backends = old;
		pool->n_backends--;
	}
	return rc;
}

void conf_backend_remove(struct conf_pool *pool, size_t i)
{
	assert(i < pool->n_backends);
	pool->n_backends--;
	memmove(&pool->backends[i], &pool->backends[i + 1],
	        (pool->n_backends - i) * sizeof(*pool->backends));
}
