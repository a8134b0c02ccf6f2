// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/jsoncheck.h"

#include <jansson.h>

void jsoncheck_note(void *owner, uint8_t id, const struct json_scan_value *v)
{
	struct jsoncheck *c = owner;
	const uint8_t what[] = {(uint8_t)('0' + id), (uint8_t)('0' + v->type),
	                        v->is_empty ? 'e' : '-'};
	bool has_text = c->has_text && v->type == JSON_SCAN_STRING;

	eventcheck_add(&c->seen, slice_of(what, sizeof(what)),
	               has_text ? v->text : slice_of("", 0));
}

static struct json_scan_value value_of(const json_t *json)
{
	struct json_scan_value v = {.type = JSON_SCAN_NUMBER};

	if (json_is_object(json))
		v = (struct json_scan_value){JSON_SCAN_OBJECT, !json_object_size(json), {0}};
	else if (json_is_array(json))
		v = (struct json_scan_value){JSON_SCAN_ARRAY, !json_array_size(json), {0}};
	else if (json_is_string(json))
		v = (struct json_scan_value){
			JSON_SCAN_STRING, !json_string_length(json),
			slice_of(json_string_value(json), json_string_length(json))};
	else if (json_is_boolean(json))
		v.type = json_is_true(json) ? JSON_SCAN_TRUE : JSON_SCAN_FALSE;
	else if (json_is_null(json))
		v.type = JSON_SCAN_NULL;
	return v;
}

// NOLINTNEXTLINE(misc-no-recursion): that it is naive is its purpose
static void walk(struct jsoncheck *c, json_t *json, const struct json_scan_path *path,
                 unsigned int depth)
{
	const struct json_scan_value v = value_of(json);
	size_t i;
	json_t *element;

	if (path->id)
		jsoncheck_note(c, path->id, &v);
	if (depth == JSON_SCAN_DEPTH || !path->n_below)
		return;
	json_array_foreach(json, i, element) walk(c, element, path, depth + 1);
	for (void *at = json_object_iter(json); at; at = json_object_iter_next(json, at))
		for (i = 0; i < path->n_below; i++)
			if (strcmp(json_object_iter_key(at), path->below[i].key) == 0)
				walk(c, json_object_iter_value(at), &path->below[i], depth + 1);
}

bool jsoncheck_read(struct jsoncheck *c, struct slice text, const struct json_scan_path *root)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
	json_t *json;

	// jansson takes a zero byte behind the text for its end.
	if (text.len && memchr(text.ptr, 0, text.len))
		return false;
	json = json_loadb((const char *)text.ptr, text.len, flags, NULL);
	if (!json)
		return false;
	walk(c, json, root, 0);
	json_decref(json);
	return true;
}
