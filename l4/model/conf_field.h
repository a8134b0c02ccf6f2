// SPDX-License-Identifier: BSD-3-Clause
// The fields of the configuration's structs, reached through the tables of conf_key.h: `base` is
// the struct that the key's object describes. Inside l4/model/conf*.c only.
#pragma once

#include "l4/model/conf_key.h"

enum { CONF_FIELD_ALIGN = _Alignof(max_align_t) }; // of arrays made without naming their type

// The field of `key` in the struct at `base`.
static inline void *conf_field_at(const struct conf_key *key, void *base)
{
	return (char *)base + key->offset;
}

static inline const void *conf_field_in(const struct conf_key *key, const void *base)
{
	return (const char *)base + key->offset;
}

static inline const char *conf_field_string(const struct conf_key *key, const void *base)
{
	return *(const char *const *)conf_field_in(key, base);
}

// Integers, ports (host order), booleans and words as a number.
uint32_t conf_field_get(const struct conf_key *key, const void *base);
void conf_field_set(const struct conf_key *key, void *base, uint32_t value);

// The count of a list or of hex bytes, the presence flag of others; 0 where there is neither.
uint32_t conf_field_count(const struct conf_key *key, const void *base);
void conf_field_set_count(const struct conf_key *key, void *base, uint32_t n);

bool conf_field_is_text(const struct conf_key *key);

// The array of a list and its elements, `i` < conf_field_count().
static inline const void *conf_field_item(const struct conf_key *key, const void *base, size_t i)
{
	return *(const char *const *)conf_field_in(key, base) + i * key->item->size;
}

// Gives the field its default; a derived one needs the object's other fields first.
void conf_field_init(const struct conf_key *key, void *base);

// Whether the field has its default; an object if it is absent or, where it cannot be, if all of its
// fields have theirs.
bool conf_field_is_initial(const struct conf_key *key, const void *base);
