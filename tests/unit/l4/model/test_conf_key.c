// SPDX-License-Identifier: BSD-3-Clause
// conf/schema.json and the tables of conf/reference.md say what conf_key.c says: this test makes
// both from the tables and compares. ACCEPT=1 in the environment writes them instead.
#include <criterion/criterion.h>

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/model/conf_field.h"
#include "tests/support/confcase.h"

static json_t *object_schema(const struct conf_object *object);

static const char *const json_types[KEY_TYPE_COUNT] = {
	[KEY_INTEGER] = "integer", [KEY_PORT] = "integer", [KEY_BOOLEAN] = "boolean",
	[KEY_WORD] = "string",     [KEY_NAME] = "string",  [KEY_TEXT] = "string",
	[KEY_PATH] = "string",     [KEY_HOST] = "string",  [KEY_ADDRESS] = "string",
	[KEY_MAC] = "string",      [KEY_HEX] = "string",   [KEY_OBJECT] = "object",
	[KEY_LIST] = "array",      [KEY_LINES] = "string", [KEY_TOKEN] = "string",
	[KEY_STATUS] = "string",
};

static const char *const type_words[KEY_TYPE_COUNT] = {
	[KEY_INTEGER] = "whole number",
	[KEY_PORT] = "port",
	[KEY_BOOLEAN] = "boolean",
	[KEY_WORD] = "word",
	[KEY_NAME] = "name",
	[KEY_TEXT] = "text",
	[KEY_PATH] = "URL path",
	[KEY_HOST] = "host",
	[KEY_ADDRESS] = "IP address",
	[KEY_MAC] = "MAC address",
	[KEY_HEX] = "hex digits",
	[KEY_OBJECT] = "object",
	[KEY_LIST] = "list",
	[KEY_LINES] = "lines",
	[KEY_TOKEN] = "token",
	[KEY_STATUS] = "status",
};

static void set(json_t *schema, const char *name, json_t *value)
{
	cr_assert_eq(json_object_set_new(schema, name, value), 0);
}

static json_t *words(const struct conf_key *key)
{
	json_t *list = json_array();

	for (size_t i = 0; i < key->n_words; i++)
		if (key->words[i][0])
			json_array_append_new(list, json_string(key->words[i]));
	return list;
}

static void add_pattern(json_t *schema, const struct conf_key *key)
{
	static const char *const patterns[KEY_TYPE_COUNT] = {
		[KEY_NAME] = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$",
		[KEY_PATH] = "^/[!\"$-~]*$",
		[KEY_HOST] = "^[A-Za-z0-9_.-]{1,253}$",
		[KEY_TOKEN] = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
		[KEY_STATUS] = "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$",
		[KEY_ADDRESS] = "^([0-9.]{7,15}|[0-9A-Fa-f:.]{2,45})$",
		[KEY_MAC] = "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$",
	};
	char hex[64];

	snprintf(hex, sizeof(hex), "^([0-9A-Fa-f]{2}){%u,%u}$", key->min, key->max);
	if (key->is_wild)
		set(schema, "pattern", json_string("^(\\*\\.)?[A-Za-z0-9_.-]{1,253}$"));
	else if (patterns[key->type])
		set(schema, "pattern", json_string(patterns[key->type]));
	if (key->type == KEY_HEX)
		set(schema, "pattern", json_string(hex));
	if (key->type == KEY_WORD)
		set(schema, "enum", words(key));
}

static void add_range(json_t *schema, const struct conf_key *key)
{
	if (key->type == KEY_INTEGER || key->type == KEY_PORT) {
		set(schema, "minimum", json_integer(key->min));
		set(schema, "maximum", json_integer(key->max));
	}
	if (key->type == KEY_TEXT || key->type == KEY_LINES || key->type == KEY_TOKEN ||
	    key->type == KEY_PATH) {
		set(schema, "minLength", json_integer(key->min));
		set(schema, "maxLength", json_integer(key->max));
	}
	if (key->type == KEY_LIST) {
		set(schema, "minItems", json_integer(key->min));
		set(schema, "maxItems", json_integer(key->max));
	}
}

static void add_default(json_t *schema, const struct conf_key *key)
{
	if (key->is_required || key->otherwise)
		return;
	if (key->text)
		set(schema, "default", json_string(key->text));
	else if (key->type == KEY_INTEGER)
		set(schema, "default", json_integer(key->initial));
	else if (key->type == KEY_BOOLEAN)
		set(schema, "default", json_boolean(key->initial));
	else if (key->type == KEY_WORD)
		set(schema, "default", json_string(key->words[key->initial]));
}

static json_t *value_schema(const struct conf_key *key)
{
	json_t *schema = key->object ? object_schema(key->object) : json_object();

	set(schema, "type", json_string(json_types[key->type]));
	if (key->help)
		set(schema, "description", json_string(key->help));
	add_pattern(schema, key);
	add_range(schema, key);
	add_default(schema, key);
	if (key->item)
		set(schema, "items", value_schema(key->item));
	return schema;
}

static json_t *object_schema(const struct conf_object *object)
{
	json_t *schema = json_object(), *properties = json_object(), *required = json_array();

	set(schema, "title", json_string(object->title));
	set(schema, "type", json_string("object"));
	set(schema, "additionalProperties", json_false());
	for (size_t i = 0; i < object->n_keys; i++) {
		set(properties, object->keys[i].name, value_schema(&object->keys[i]));
		if (object->keys[i].is_required)
			json_array_append_new(required, json_string(object->keys[i].name));
	}
	set(schema, "properties", properties);
	if (json_array_size(required))
		set(schema, "required", required);
	else
		json_decref(required);
	return schema;
}

// --- the reference ---

static void print_range(FILE *f, const struct conf_key *key)
{
	const char *separator = "";

	switch (key->type) {
	case KEY_INTEGER:
	case KEY_PORT:
		fprintf(f, "%u..%u", key->min, key->max);
		return;
	case KEY_BOOLEAN:
		fputs("`true`, `false`", f);
		return;
	case KEY_WORD:
		for (size_t i = 0; i < key->n_words; i++) {
			if (!key->words[i][0])
				continue;
			fprintf(f, "%s`%s`", separator, key->words[i]);
			separator = ", ";
		}
		return;
	case KEY_TEXT:
	case KEY_LINES:
	case KEY_TOKEN:
	case KEY_PATH:
		fprintf(f, "%u..%u bytes", key->min, key->max);
		return;
	case KEY_HEX:
		fprintf(f, key->min == key->max ? "%u digits" : "%u..%u digits", 2 * key->min,
		        2 * key->max);
		return;
	case KEY_LIST:
		fprintf(f, "%u..%u elements", key->min, key->max);
		if (key->item->max)
			fprintf(f, " of %u..%u", key->item->min, key->item->max);
		return;
	default:
		return;
	}
}

static void print_default(FILE *f, const struct conf_key *key)
{
	if (key->is_required)
		fputs("**required**", f);
	else if (key->otherwise)
		fputs(key->otherwise, f);
	else if (key->text)
		fprintf(f, "`%s`", key->text);
	else if (key->type == KEY_INTEGER)
		fprintf(f, "%u", key->initial);
	else if (key->type == KEY_BOOLEAN)
		fputs(key->initial ? "`true`" : "`false`", f);
	else if (key->type == KEY_WORD)
		fprintf(f, "`%s`", key->words[key->initial]);
	else
		fputs("none", f);
}

static void print_type(FILE *f, const struct conf_key *key)
{
	if (key->item)
		fprintf(f, "list of: %s", type_words[key->item->type]);
	else
		fputs(type_words[key->type], f);
}

static void print_object(FILE *f, const struct conf_object *object, const char *path)
{
	char inner[128];

	fprintf(f, "\n### %s%s%s%s\n\n", object->title, path[0] ? ": `" : "", path,
	        path[0] ? "`" : "");
	fprintf(f, "| key | type | unit | range | default | restart | meaning |\n"
	           "|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < object->n_keys; i++) {
		const struct conf_key *key = &object->keys[i];

		fprintf(f, "| `%s` | ", key->name);
		print_type(f, key);
		fprintf(f, " | %s | ", key->unit ? key->unit : "");
		print_range(f, key);
		fprintf(f, " | ");
		print_default(f, key);
		fprintf(f, " | %s | %s |\n",
		        key->is_fixed   ? "yes"
		        : key->is_grown ? "unless appended"
		                        : "",
		        key->help);
	}
	for (size_t i = 0; i < object->n_keys; i++) {
		const struct conf_key *key = &object->keys[i];
		const struct conf_object *below = key->item ? key->item->object : key->object;

		snprintf(inner, sizeof(inner), "%s%s%s%s", path, path[0] ? "." : "", key->name,
		         key->item ? "[]" : "");
		if (below)
			print_object(f, below, inner);
	}
}

// --- the tests ---

static void compare(const char *path, const char *head, const char *text)
{
	const char *accept = getenv("ACCEPT");
	char *old;
	FILE *f;

	if (accept && strcmp(accept, "1") == 0) {
		f = fopen(path, "w");
		cr_assert_not_null(f);
		fprintf(f, "%s%s", head, text);
		fclose(f);
		return;
	}
	old = confcase_file(path);
	cr_expect(strncmp(old, head, strlen(head)) == 0 && strcmp(old + strlen(head), text) == 0,
	          "%s is not what conf_key.c says; write it anew: ACCEPT=1 "
	          "build/tests/unit/l4/model/test_conf_key",
	          path);
	free(old);
}

Test(conf_key, the_schema_says_what_the_tables_say)
{
	json_t *schema = object_schema(&conf_key_root), *whole = json_object();
	char *text;

	set(whole, "$schema", json_string("http://json-schema.org/draft-07/schema#"));
	json_object_update(whole, schema);
	set(whole, "title", json_string("lb47 configuration"));
	text = json_dumps(whole, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	compare("conf/schema.json", "", text);
	free(text);
	json_decref(schema);
	json_decref(whole);
}

Test(conf_key, the_reference_says_what_the_tables_say)
{
	static const char mark[] =
		"<!-- From here on written by test_conf_key, with ACCEPT=1. -->\n";
	char *old = confcase_file("conf/reference.md"), *text = NULL, *at = strstr(old, mark);
	size_t size;
	FILE *f = open_memstream(&text, &size);

	cr_assert_not_null(f);
	cr_assert_not_null(at, "conf/reference.md has lost the line: %s", mark);
	at[strlen(mark)] = '\0';
	print_object(f, &conf_key_root, "");
	fclose(f);
	compare("conf/reference.md", old, text);
	free(old);
	free(text);
}

// --- the tables themselves ---

static size_t width(const struct conf_key *key)
{
	static const size_t sizes[KEY_TYPE_COUNT] = {
		[KEY_PORT] = 2,
		[KEY_BOOLEAN] = 1,
		[KEY_WORD] = 1,
		[KEY_NAME] = sizeof(char *),
		[KEY_TEXT] = sizeof(char *),
		[KEY_PATH] = sizeof(char *),
		[KEY_HOST] = sizeof(char *),
		[KEY_LINES] = sizeof(char *),
		[KEY_TOKEN] = sizeof(char *),
		[KEY_STATUS] = sizeof(struct conf_status),
		[KEY_ADDRESS] = sizeof(struct addr),
		[KEY_MAC] = sizeof(struct mac),
		[KEY_LIST] = sizeof(void *),
	};

	return sizes[key->type];
}

static void check_key(const struct conf_key *key)
{
	uint64_t room = key->size < 8 ? (UINT64_C(1) << (8 * key->size)) - 1 : UINT64_MAX;
	uint64_t count_room = (UINT64_C(1) << (8 * key->n_size)) - 1;

	cr_expect_neq(key->type, KEY_NONE, "%s", key->name);
	cr_expect(width(key) == 0 || width(key) == key->size, "%s has the size of its type",
	          key->name);
	if (key->type == KEY_INTEGER || key->type == KEY_PORT) {
		cr_expect_leq(key->max, room, "%s fits its field", key->name);
		cr_expect(key->is_required || key->derive || key->otherwise ||
		                  (key->initial >= key->min && key->initial <= key->max),
		          "%s has a default in range", key->name);
	}
	if (key->type == KEY_OBJECT && key->n_size)
		cr_expect_eq(key->n_size, sizeof(bool), "%s", key->name);
	if (key->type == KEY_LIST || (key->type == KEY_HEX && key->min != key->max))
		cr_expect_leq(key->max, count_room, "%s can be counted", key->name);
	if (key->type == KEY_HEX)
		cr_expect_leq(key->max, key->size, "%s fits its field", key->name);
}

static void check_object(const struct conf_object *object)
{
	for (size_t i = 0; i < object->n_keys; i++) {
		const struct conf_key *key = &object->keys[i];

		check_key(key);
		cr_expect_not_null(key->help, "%s", key->name);
		for (size_t j = 0; j < i; j++)
			cr_expect_str_neq(key->name, object->keys[j].name);
		if (key->object)
			check_object(key->object);
		if (key->item && key->item->object)
			check_object(key->item->object);
	}
}

Test(conf_key, every_range_fits_its_field)
{
	check_object(&conf_key_root);
}
