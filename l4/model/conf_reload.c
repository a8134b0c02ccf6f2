// SPDX-License-Identifier: BSD-3-Clause
// What a reload may not change: the keys marked is_fixed in conf_key.c; of those marked is_grown,
// what is there already.
#include "l4/model/conf.h"

#include <errno.h>
#include <string.h>

#include "l4/model/conf_field.h"
#include "l4/model/conf_place.h"

struct pair {
	const void *a, *b;
	struct err *err;
};

static int compare(const struct conf_key *key, struct pair p, const struct conf_place *place);

static int differs(struct pair p, const struct conf_place *place)
{
	return conf_place_err(place, p.err, -EBUSY, "can only change by a restart");
}

static int compare_lists(const struct conf_key *key, struct pair p, const struct conf_place *place)
{
	struct conf_place at = {.up = place};
	size_t n = conf_field_count(key, p.a);
	int rc = 0;

	if (n != conf_field_count(key, p.b))
		return differs(p, place);
	for (; at.index < n && !rc; at.index++)
		rc = compare(key->item,
		             (struct pair){conf_field_item(key, p.a, at.index),
		                           conf_field_item(key, p.b, at.index), p.err},
		             &at);
	return rc;
}

static int compare_objects(const struct conf_key *key, struct pair p,
                           const struct conf_place *place)
{
	struct pair inner = {conf_field_in(key, p.a), conf_field_in(key, p.b), p.err};
	int rc = 0;

	if (conf_field_count(key, p.a) != conf_field_count(key, p.b))
		return differs(p, place);
	for (size_t i = 0; i < key->object->n_keys && !rc; i++) {
		struct conf_place at = {.up = place, .key = key->object->keys[i].name};

		rc = compare(&key->object->keys[i], inner, &at);
	}
	return rc;
}

static int compare_texts(const char *a, const char *b)
{
	if (!a || !b)
		return a != b;
	return strcmp(a, b);
}

static bool is_same(const struct conf_key *key, struct pair p)
{
	if (conf_field_is_text(key))
		return compare_texts(conf_field_string(key, p.a), conf_field_string(key, p.b)) == 0;
	return memcmp(conf_field_in(key, p.a), conf_field_in(key, p.b), key->size) == 0 &&
	       conf_field_count(key, p.a) == conf_field_count(key, p.b);
}

static int compare(const struct conf_key *key, struct pair p, const struct conf_place *place)
{
	if (key->type == KEY_LIST)
		return compare_lists(key, p, place);
	if (key->type == KEY_OBJECT)
		return compare_objects(key, p, place);
	return is_same(key, p) ? 0 : differs(p, place);
}

// Flows know their snat address by its place in the list, so each must keep it.
static int compare_grown(const struct conf_key *key, struct pair p, const struct conf_place *place)
{
	struct conf_place at = {.up = place};
	size_t n = conf_field_count(key, p.a), n_next = conf_field_count(key, p.b);

	while (at.index < n && at.index < n_next &&
	       is_same(key->item, (struct pair){conf_field_item(key, p.a, at.index),
	                                        conf_field_item(key, p.b, at.index), p.err}))
		at.index++;
	if (at.index == n)
		return 0;
	return conf_place_err(&at, p.err, -EBUSY, "can only change by a restart; append new ones");
}

static int check(const struct conf_object *object, struct pair p, const struct conf_place *up)
{
	int rc = 0;

	for (size_t i = 0; i < object->n_keys && !rc; i++) {
		const struct conf_key *key = &object->keys[i];
		struct conf_place at = {.up = up, .key = key->name};
		struct pair inner = {conf_field_in(key, p.a), conf_field_in(key, p.b), p.err};

		if (key->is_fixed)
			rc = compare(key, p, &at);
		else if (key->is_grown)
			rc = compare_grown(key, p, &at);
		else if (key->type == KEY_OBJECT)
			rc = check(key->object, inner, &at);
	}
	return rc;
}

int conf_check_reload(const struct conf *running, const struct conf *next, struct err *err)
{
	return check(&conf_key_root, (struct pair){running, next, err}, NULL);
}
