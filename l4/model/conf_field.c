// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/conf_field.h"

#include <string.h>

static uint32_t load(const void *p, size_t size)
{
	uint16_t u16;
	uint32_t u32;

	if (size == sizeof(u16)) {
		memcpy(&u16, p, sizeof(u16));
		return u16;
	}
	if (size == sizeof(u32)) {
		memcpy(&u32, p, sizeof(u32));
		return u32;
	}
	return *(const uint8_t *)p;
}

static void store(void *p, size_t size, uint32_t value)
{
	uint8_t u8 = (uint8_t)value;
	uint16_t u16 = (uint16_t)value;

	assert(size == 1 || size == 2 || size == 4);
	memcpy(p, size == 1 ? (void *)&u8 : size == 2 ? (void *)&u16 : (void *)&value, size);
}

uint32_t conf_field_get(const struct conf_key *key, const void *base)
{
	const void *field = conf_field_in(key, base);

	return key->type == KEY_PORT ? be16_to(*(const be16 *)field) : load(field, key->size);
}

void conf_field_set(const struct conf_key *key, void *base, uint32_t value)
{
	void *field = conf_field_at(key, base);

	if (key->type == KEY_PORT)
		*(be16 *)field = be16_from((uint16_t)value);
	else
		store(field, key->size, value);
}

uint32_t conf_field_count(const struct conf_key *key, const void *base)
{
	return key->n_size ? load((const char *)base + key->n_offset, key->n_size) : 0;
}

void conf_field_set_count(const struct conf_key *key, void *base, uint32_t n)
{
	if (key->n_size)
		store((char *)base + key->n_offset, key->n_size, n);
}

bool conf_field_is_text(const struct conf_key *key)
{
	return key->type == KEY_NAME || key->type == KEY_TEXT || key->type == KEY_LINES ||
	       key->type == KEY_TOKEN || key->type == KEY_PATH || key->type == KEY_HOST;
}

static struct addr initial_address(const struct conf_key *key)
{
	struct addr address = {0};

	if (key->text && addr_parse(&address, key->text))
		assert(!"the default of an address is one");
	return address;
}

static uint32_t initial(const struct conf_key *key, const void *base)
{
	return key->derive ? key->derive(base) : key->initial;
}

void conf_field_init(const struct conf_key *key, void *base)
{
	void *field = conf_field_at(key, base);

	switch (key->type) {
	case KEY_INTEGER:
	case KEY_PORT:
	case KEY_BOOLEAN:
	case KEY_WORD:
		conf_field_set(key, base, initial(key, base));
		return;
	case KEY_ADDRESS:
		*(struct addr *)field = initial_address(key);
		return;
	case KEY_OBJECT:
		conf_field_set_count(key, base, 0);
		for (int derived = 0; derived < 2; derived++)
			for (size_t i = 0; i < key->object->n_keys; i++)
				if (!key->object->keys[i].derive == !derived)
					conf_field_init(&key->object->keys[i], field);
		return;
	default:
		memset(field, 0, key->size);
		conf_field_set_count(key, base, 0);
		if (conf_field_is_text(key))
			*(const char **)field = key->text;
	}
}

static bool is_initial_text(const struct conf_key *key, const char *text)
{
	if (!text || !key->text)
		return text == key->text;
	return strcmp(text, key->text) == 0;
}

static bool is_initial_object(const struct conf_key *key, const void *base)
{
	const struct conf_object *object = key->object;

	if (key->n_size)
		return !conf_field_count(key, base);
	for (size_t i = 0; i < object->n_keys; i++)
		if (!conf_field_is_initial(&object->keys[i], conf_field_in(key, base)))
			return false;
	return true;
}

bool conf_field_is_initial(const struct conf_key *key, const void *base)
{
	const void *field = conf_field_in(key, base);
	struct addr address;

	if (conf_field_is_text(key))
		return is_initial_text(key, conf_field_string(key, base));
	switch (key->type) {
	case KEY_OBJECT:
		return is_initial_object(key, base);
	case KEY_ADDRESS:
		address = initial_address(key);
		return addr_eq(field, &address);
	case KEY_MAC:
		return key->n_size ? !conf_field_count(key, base) : mac_is_zero(field);
	case KEY_HEX:
	case KEY_LIST:
		return conf_field_count(key, base) == 0;
	default:
		return conf_field_get(key, base) == initial(key, base);
	}
}
