// SPDX-License-Identifier: BSD-3-Clause
// jansson's door. The tables of conf_key.c say what is expected where; this file only compares.
#include "l4/model/conf_json.h"

#include <jansson.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l4/model/conf_field.h"
#include "l4/model/conf_near.h"
#include "l4/model/conf_value.h"

struct reader {
	struct conf *conf; // its arena owns what is read
	struct err *err;
};

// Reads the value of `key` into the struct at `base`.
typedef int (*read_fn)(const struct reader *r, const struct conf_place *place,
                       const struct conf_key *key, json_t *json, void *base);

// Objects hold lists and lists hold objects, so one of the two has to be known early.
static int read_value(const struct reader *r, const struct conf_place *place,
                      const struct conf_key *key, json_t *json, void *base);

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}

static int read_integer(const struct reader *r, const struct conf_place *place,
                        const struct conf_key *key, json_t *json, void *base)
{
	struct conf_value_sink sink = {&r->conf->arena, r->err};

	return conf_value_integer(&sink, place, key, json_integer_value(json), base);
}

static int read_boolean(const struct reader *r, const struct conf_place *place,
                        const struct conf_key *key, json_t *json, void *base)
{
	conf_field_set(key, base, json_is_true(json));
	return 0;
}

static int read_text(const struct reader *r, const struct conf_place *place,
                     const struct conf_key *key, json_t *json, void *base)
{
	struct conf_value_sink sink = {&r->conf->arena, r->err};

	return conf_value_text(&sink, place, key, json_string_value(json), base);
}

static int reject_unknown(const struct reader *r, const struct conf_place *place,
                          const struct conf_object *object, json_t *json)
{
	struct conf_place at = {.up = place};
	char safe[CONF_QUOTE_SIZE];
	const char *near;
	json_t *value;

	json_object_foreach(json, at.key, value)
	{
		if (conf_near_is_known(object, at.key))
			continue;
		near = conf_near_find(object, at.key);
		conf_place_quote(at.key, safe);
		if (conf_key_is_name(at.key))
			return conf_place_err(
				&at, r->err, -EINVAL,
				near ? "unknown key (did you mean \"%s\"?)" : "unknown key", near);
		return conf_place_err(place, r->err, -EINVAL, "unknown key %s", safe);
	}
	return 0;
}

static int read_fields(const struct reader *r, const struct conf_place *place,
                       const struct conf_object *object, json_t *json, void *base)
{
	int rc = reject_unknown(r, place, object, json);

	for (size_t i = 0; i < object->n_keys && !rc; i++) {
		const struct conf_key *key = &object->keys[i];
		struct conf_place at = {.up = place, .key = key->name};
		json_t *value = json_object_get(json, key->name);

		if (value)
			rc = read_value(r, &at, key, value, base);
		else if (key->is_required)
			rc = conf_place_err(&at, r->err, -EINVAL, "missing");
		else if (!key->derive)
			conf_field_init(key, base);
	}
	for (size_t i = 0; i < object->n_keys && !rc; i++)
		if (object->keys[i].derive && !json_object_get(json, object->keys[i].name))
			conf_field_init(&object->keys[i], base);
	return rc;
}

static int read_object(const struct reader *r, const struct conf_place *place,
                       const struct conf_key *key, json_t *json, void *base)
{
	conf_field_set_count(key, base, 1);
	return read_fields(r, place, key->object, json, conf_field_at(key, base));
}

static int read_list(const struct reader *r, const struct conf_place *place,
                     const struct conf_key *key, json_t *json, void *base)
{
	struct conf_place at = {.up = place};
	size_t n = json_array_size(json);
	char *items;
	int rc = 0;

	if (n < key->min || n > key->max)
		return conf_place_err(place, r->err, -EINVAL, "%zu elements, not %u..%u", n,
		                      key->min, key->max);
	items = arena_alloc(&r->conf->arena, n, key->item->size, CONF_FIELD_ALIGN);
	if (!items)
		return no_memory(r->err);
	*(void **)conf_field_at(key, base) = items;
	conf_field_set_count(key, base, (uint32_t)n);
	for (; at.index < n && !rc; at.index++)
		rc = read_value(r, &at, key->item, json_array_get(json, at.index),
		                items + at.index * key->item->size);
	return rc;
}

static const struct {
	json_type type;
	read_fn read;
} readers[KEY_TYPE_COUNT] = {
	[KEY_INTEGER] = {JSON_INTEGER, read_integer}, [KEY_PORT] = {JSON_INTEGER, read_integer},
	[KEY_BOOLEAN] = {JSON_TRUE, read_boolean},    [KEY_WORD] = {JSON_STRING, read_text},
	[KEY_NAME] = {JSON_STRING, read_text},        [KEY_TEXT] = {JSON_STRING, read_text},
	[KEY_LINES] = {JSON_STRING, read_text},       [KEY_TOKEN] = {JSON_STRING, read_text},
	[KEY_STATUS] = {JSON_STRING, read_text},      [KEY_PATH] = {JSON_STRING, read_text},
	[KEY_HOST] = {JSON_STRING, read_text},        [KEY_ADDRESS] = {JSON_STRING, read_text},
	[KEY_MAC] = {JSON_STRING, read_text},         [KEY_HEX] = {JSON_STRING, read_text},
	[KEY_OBJECT] = {JSON_OBJECT, read_object},    [KEY_LIST] = {JSON_ARRAY, read_list},
};

// Indexed by json_type; "true" and "false" are one type to an operator.
static const char *const type_names[] = {
	[JSON_OBJECT] = "an object",    [JSON_ARRAY] = "a list",
	[JSON_STRING] = "a string",     [JSON_INTEGER] = "a whole number",
	[JSON_REAL] = "a fraction",     [JSON_TRUE] = "true or false",
	[JSON_FALSE] = "true or false", [JSON_NULL] = "null",
};

static int read_value(const struct reader *r, const struct conf_place *place,
                      const struct conf_key *key, json_t *json, void *base)
{
	json_type want = readers[key->type].type, is = json_typeof(json);

	if (is != want && !(want == JSON_TRUE && is == JSON_FALSE))
		return conf_place_err(place, r->err, -EINVAL, "%s where %s is expected",
		                      type_names[is], type_names[want]);
	return readers[key->type].read(r, place, key, json, base);
}

// jansson's sentences repeat up to 20 characters of the text, which may be the start of a key:
// a run of six hex digits takes the quotation away. And a log line stays one line.
static void clean(char *text)
{
	char *near = strstr(text, " near '");
	size_t run = 0;

	for (char *p = text; *p; p++) {
		run = near && p > near + 6 && isxdigit((unsigned char)*p) ? run + 1 : 0;
		if (run == 6) {
			*near = '\0';
			return;
		}
		if (iscntrl((unsigned char)*p))
			*p = '?';
	}
}

// What people write that is not JSON, known by how jansson's sentence about it ends.
static const struct {
	const char *end, *hint;
} hints[] = {
	{"near '/'", " (JSON has no comments)"},
	{"near '#'", " (JSON has no comments)"},
	{"unexpected token near ']'", " (is the comma before it too many?)"},
	{"string or '}' expected near '}'", " (is the comma before it too many?)"},
	{"near '''", " (JSON has double quotes only)"},
};

static const char *hint_for(const char *sentence)
{
	size_t n = strlen(sentence);

	for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
		size_t end = strlen(hints[i].end);

		if (n >= end && strcmp(sentence + n - end, hints[i].end) == 0)
			return hints[i].hint;
	}
	return "";
}

static int broken(const json_error_t *error, const char *file, struct err *err)
{
	char text[JSON_ERROR_TEXT_LENGTH];

	// jansson blames the text for its own lack of memory; malloc's errno is the better witness.
	if (errno == ENOMEM)
		return no_memory(err);
	snprintf(text, sizeof(text), "%s", error->text);
	if (json_error_code(error) == json_error_null_character)
		snprintf(text, sizeof(text), "NUL in a string");
	clean(text);
	return err_set(err, -EINVAL, "%s%s%d:%d: %s%s", file ? file : "", file ? ":" : "",
	               error->line, error->column, text, hint_for(text));
}

// Whether a service of an l7 entry is local depends on that entry, which stands anywhere in the file.
static void link_services(struct conf *conf, json_t *root)
{
	json_t *services = json_object_get(root, "services");

	for (size_t i = 0; i < conf->n_services; i++) {
		struct conf_service *s = &conf->services[i];
		const struct conf_l7 *l7 = s->l7 ? conf_l7_find(conf, s->l7) : NULL;

		s->is_remote = l7 && l7->hosts;
		if (s->is_remote && !json_object_get(json_array_get(services, i), "forward"))
			s->forward = FORWARD_DSR;
	}
}

static int read_root(const struct reader *r, json_t *root, const char *file)
{
	int rc;

	if (!json_is_object(root))
		return err_set(r->err, -EINVAL, "%s where %s is expected",
		               type_names[json_typeof(root)], type_names[JSON_OBJECT]);
	r->conf->file = arena_strdup(&r->conf->arena, file ? file : "-");
	if (!r->conf->file)
		return no_memory(r->err);
	rc = read_fields(r, NULL, &conf_key_root, root, r->conf);
	if (!rc)
		link_services(r->conf, root);
	return rc;
}

// What jansson has no words for: a file without text, and what some editors put before it. NULL = neither.
static const char *no_json(struct slice text)
{
	static const uint8_t mark[] = {0xef, 0xbb,
	                               0xbf}; // RFC 8259 section 8.1 forbids to write it
	size_t n = 0;

	while (n < text.len && text.ptr[n] && strchr(" \t\r\n", text.ptr[n]))
		n++;
	if (n == text.len)
		return "is empty";
	return text.len >= sizeof(mark) && memcmp(text.ptr, mark, sizeof(mark)) == 0
	               ? "begins with a byte order mark; save it without"
	               : NULL;
}

int conf_json_read(struct conf **out, struct slice text, const char *file, struct err *err)
{
	struct reader r = {.err = err};
	json_error_t error;
	json_t *root;
	int rc;

	if (text.len > CONF_FILE_MAX)
		return err_set(err, -EFBIG, "%s%slarger than %d MiB", file ? file : "",
		               file ? ": " : "", CONF_FILE_MAX >> 20);
	if (no_json(text))
		return err_set(err, -EINVAL, "%s%s%s", file ? file : "", file ? ": " : "",
		               no_json(text));
	errno = 0;
	root = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return broken(&error, file, err);
	r.conf = calloc(1, sizeof(*r.conf));
	rc = r.conf ? read_root(&r, root, file) : no_memory(err);
	json_decref(root);
	if (!rc)
		rc = conf_check(r.conf, err);
	if (rc) {
		conf_free(r.conf);
		if (file)
			err_prefix(err, "%s", file);
		return rc;
	}
	*out = r.conf;
	return 0;
}
