// SPDX-License-Identifier: BSD-3-Clause
// struct conf as JSON text. Every text inside was checked on its way in: no control characters but
// newline and tab, valid UTF-8; so four characters need a backslash and no library is needed.
#include "l4/model/conf.h"

#include <stdio.h>
#include <stdlib.h>

#include "l4/model/conf_field.h"

// Lists hold objects and objects hold lists, so one of the two has to be known early.
static void write_value(FILE *f, const struct conf_key *key, const void *base, int depth);

static void write_string(FILE *f, const char *text)
{
	putc('"', f);
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", f);
		else if (*text == '\t')
			fputs("\\t", f);
		else if (*text == '"' || *text == '\\')
			fprintf(f, "\\%c", *text);
		else
			putc(*text, f);
	}
	putc('"', f);
}

static void write_hex(FILE *f, const struct conf_key *key, const void *base)
{
	const uint8_t *bytes = conf_field_in(key, base);
	size_t n = key->min == key->max ? key->max : conf_field_count(key, base);

	putc('"', f);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%02x", bytes[i]);
	putc('"', f);
}

static void write_status(FILE *f, const struct conf_status *status)
{
	if (status->first == status->last)
		fprintf(f, "\"%u\"", status->first);
	else
		fprintf(f, "\"%u-%u\"", status->first, status->last);
}

static void newline(FILE *f, int depth)
{
	fprintf(f, "\n%*s", 2 * depth, "");
}

static bool is_written(const struct conf_key *key, const void *base)
{
	return key->is_required || !conf_field_is_initial(key, base);
}

static bool is_nested(const struct conf_key *key)
{
	return key->type == KEY_OBJECT || (key->type == KEY_LIST && key->item->object);
}

// An object of plain values stands on one line.
static bool is_flat(const struct conf_object *object, const void *base)
{
	for (size_t i = 0; i < object->n_keys; i++)
		if (is_nested(&object->keys[i]) && is_written(&object->keys[i], base))
			return false;
	return true;
}

static void write_object(FILE *f, const struct conf_object *object, const void *base, int depth)
{
	bool flat = depth > 0 && is_flat(object, base);
	const char *separator = "";

	putc('{', f);
	for (size_t i = 0; i < object->n_keys; i++) {
		const struct conf_key *key = &object->keys[i];

		if (!is_written(key, base))
			continue;
		fputs(separator, f);
		separator = ",";
		if (flat)
			putc(' ', f);
		else
			newline(f, depth + 1);
		fprintf(f, "\"%s\": ", key->name);
		write_value(f, key, base, depth + 1);
	}
	if (flat)
		putc(' ', f);
	else if (separator[0])
		newline(f, depth);
	putc('}', f);
}

static void write_list(FILE *f, const struct conf_key *key, const void *base, int depth)
{
	uint32_t n = conf_field_count(key, base);

	putc('[', f);
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			putc(',', f);
		if (key->item->object)
			newline(f, depth + 1);
		else if (i)
			putc(' ', f);
		write_value(f, key->item, conf_field_item(key, base, i), depth + 1);
	}
	if (n && key->item->object)
		newline(f, depth);
	putc(']', f);
}

static void write_value(FILE *f, const struct conf_key *key, const void *base, int depth)
{
	char text[ADDR_TEXT_SIZE + MAC_TEXT_SIZE];

	switch (key->type) {
	case KEY_INTEGER:
	case KEY_PORT:
		fprintf(f, "%u", conf_field_get(key, base));
		return;
	case KEY_BOOLEAN:
		fputs(conf_field_get(key, base) ? "true" : "false", f);
		return;
	case KEY_WORD:
		write_string(f, key->words[conf_field_get(key, base)]);
		return;
	case KEY_ADDRESS:
		write_string(f, addr_text(conf_field_in(key, base), text));
		return;
	case KEY_MAC:
		write_string(f, mac_text(conf_field_in(key, base), text));
		return;
	case KEY_HEX:
		write_hex(f, key, base);
		return;
	case KEY_STATUS:
		write_status(f, conf_field_in(key, base));
		return;
	case KEY_OBJECT:
		write_object(f, key->object, conf_field_in(key, base), depth);
		return;
	case KEY_LIST:
		write_list(f, key, base, depth);
		return;
	default:
		write_string(f, conf_field_string(key, base));
	}
}

char *conf_text(const struct conf *conf)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	bool failed;

	if (!f)
		return NULL;
	write_object(f, &conf_key_root, conf, 0);
	putc('\n', f);
	failed = ferror(f);
	if (fclose(f) || failed) {
		free(text);
		return NULL;
	}
	return text;
}
