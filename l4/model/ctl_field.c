// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/ctl_field.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const void *at(const struct ctl_field *f, const void *base)
{
	return (const char *)base + f->offset;
}

static void *in(const struct ctl_field *f, void *base)
{
	return (char *)base + f->offset;
}

void *ctl_field_add_row(struct ctl_rows *rows, const struct ctl_type *type)
{
	void *row;

	if (rows->n == rows->room) {
		uint32_t room = rows->room ? rows->room * 2 : 16;
		void *grown = reallocarray(rows->row, room, type->size);

		if (!grown)
			return NULL;
		rows->row = grown;
		rows->room = room;
	}
	row = (char *)rows->row + rows->n++ * type->size;
	if (type->initial)
		memcpy(row, type->initial, type->size);
	else
		memset(row, 0, type->size);
	return row;
}

static void free_rows(const struct ctl_type *type, struct ctl_rows *rows)
{
	for (uint32_t i = 0; i < rows->n; i++)
		ctl_field_free_owned(type, (char *)rows->row + i * type->size);
	free(rows->row);
	*rows = (struct ctl_rows){0};
}

static void free_string(char **string)
{
	free(*string);
	*string = NULL;
}

void ctl_field_free_owned(const struct ctl_type *type, void *base)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct ctl_field *f = &type->fields[i];

		if (f->kind == CTL_ROWS)
			free_rows(f->rows, in(f, base));
		else if (f->kind == CTL_STRING)
			free_string(in(f, base));
	}
}

static int copy_rows(const struct ctl_type *type, struct ctl_rows *out, const struct ctl_rows *rows)
{
	for (uint32_t i = 0; i < rows->n; i++) {
		void *row = ctl_field_add_row(out, type);

		if (!row)
			return -ENOMEM;
		memset(row, 0, type->size);
		if (ctl_field_copy(type, row, (const char *)rows->row + i * type->size))
			return -ENOMEM;
	}
	return 0;
}

static int copy_string(char **out, const char *string)
{
	*out = string ? strdup(string) : NULL;
	return string && !*out ? -ENOMEM : 0;
}

// Copies what the fields own, into a struct whose rows and strings are none yet.
static int copy_owned(const struct ctl_type *type, void *out, const void *from)
{
	int rc = 0;

	for (size_t i = 0; i < type->n_fields && rc == 0; i++) {
		const struct ctl_field *f = &type->fields[i];

		if (f->kind == CTL_ROWS)
			rc = copy_rows(f->rows, in(f, out), at(f, from));
		else if (f->kind == CTL_STRING)
			rc = copy_string(in(f, out), *(char *const *)at(f, from));
	}
	return rc;
}

// As a shallow copy would have them, but owned by nobody.
static void disown(const struct ctl_type *type, void *base)
{
	for (size_t i = 0; i < type->n_fields; i++)
		if (type->fields[i].kind == CTL_ROWS || type->fields[i].kind == CTL_STRING)
			memset(in(&type->fields[i], base), 0, type->fields[i].size);
}

int ctl_field_copy(const struct ctl_type *type, void *out, const void *from)
{
	void *copy = malloc(type->size);
	int rc = -ENOMEM;

	if (!copy)
		return rc;
	memcpy(copy, from, type->size);
	disown(type, copy);
	rc = copy_owned(type, copy, from);
	if (rc)
		ctl_field_free_owned(type, copy);
	else
		memcpy(out, copy, type->size);
	free(copy);
	return rc;
}

const struct ctl_field *ctl_field_find(const struct ctl_type *type, const char *name)
{
	for (size_t i = 0; i < type->n_fields; i++)
		if (strcmp(type->fields[i].name, name) == 0)
			return &type->fields[i];
	return NULL;
}

int64_t ctl_field_get_int(const struct ctl_field *f, const void *base)
{
	switch ((enum ctl_kind)f->kind) {
	case CTL_U32:
		return *(const uint32_t *)at(f, base);
	case CTL_PORT:
		return be16_to(*(const be16 *)at(f, base));
	default:
		return *(const int64_t *)at(f, base);
	}
}

static const char *word_at(const struct ctl_field *f, const void *base)
{
	uint8_t i = *(const uint8_t *)at(f, base);

	return i < f->n_words && f->words[i] ? f->words[i] : "";
}

bool ctl_field_is_absent(const struct ctl_field *f, const void *base)
{
	switch ((enum ctl_kind)f->kind) {
	case CTL_TEXT:
		return f->is_optional && !*(const char *)at(f, base);
	case CTL_STRING:
		return !*(char *const *)at(f, base);
	case CTL_WORD:
		return !*word_at(f, base);
	case CTL_I64:
	case CTL_SECONDS:
		return f->is_optional && ctl_field_get_int(f, base) < 0;
	case CTL_PORT:
		return f->is_optional && ctl_field_get_int(f, base) == 0;
	case CTL_ADDR:
		return ((const struct addr *)at(f, base))->family == ADDR_NONE;
	case CTL_MAC:
		return mac_is_zero(at(f, base));
	case CTL_HEX:
		return ((const struct ctl_hex *)at(f, base))->len == 0;
	default:
		return false;
	}
}

static void show_seconds(int64_t s, char out[CTL_FIELD_TEXT_SIZE])
{
	static const struct {
		int64_t s;
		char letter;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;

	while (i < ARRAY_LEN(units) - 1 && s < units[i].s)
		i++;
	if (i == ARRAY_LEN(units) - 1)
		snprintf(out, CTL_FIELD_TEXT_SIZE, "%" PRId64 "s", s);
	else
		snprintf(out, CTL_FIELD_TEXT_SIZE, "%" PRId64 "%c%02" PRId64 "%c", s / units[i].s,
		         units[i].letter, s % units[i].s / units[i + 1].s, units[i + 1].letter);
}

static size_t hex_room(const struct ctl_field *f)
{
	return f->size - offsetof(struct ctl_hex, byte);
}

// `field`: the length, then the bytes.
static void show_hex(const struct ctl_field *f, const uint8_t *field, char *out)
{
	for (size_t i = 0; i < field[0] && i < hex_room(f); i++)
		snprintf(out + 2 * i, 3, "%02x", field[1 + i]);
}

const char *ctl_field_show(const struct ctl_field *f, const void *base,
                           char out[CTL_FIELD_TEXT_SIZE])
{
	const void *p = at(f, base);

	snprintf(out, CTL_FIELD_TEXT_SIZE, "-");
	if (ctl_field_is_absent(f, base))
		return out;
	switch ((enum ctl_kind)f->kind) {
	case CTL_TEXT:
		if (*(const char *)p)
			snprintf(out, CTL_FIELD_TEXT_SIZE, "%s", (const char *)p);
		break;
	case CTL_STRING:
		snprintf(out, CTL_FIELD_TEXT_SIZE, "%s", *(char *const *)p);
		break;
	case CTL_WORD:
		snprintf(out, CTL_FIELD_TEXT_SIZE, "%s", word_at(f, base));
		break;
	case CTL_BOOL:
		snprintf(out, CTL_FIELD_TEXT_SIZE, "%s", *(const bool *)p ? "yes" : "no");
		break;
	case CTL_U32:
	case CTL_U64:
	case CTL_I64:
	case CTL_PORT:
		snprintf(out, CTL_FIELD_TEXT_SIZE, "%" PRId64, ctl_field_get_int(f, base));
		break;
	case CTL_PERCENT:
		snprintf(out, CTL_FIELD_TEXT_SIZE, "%.1f", *(const double *)p);
		break;
	case CTL_SECONDS:
		show_seconds(ctl_field_get_int(f, base), out);
		break;
	case CTL_ADDR:
		addr_text(p, out);
		break;
	case CTL_MAC:
		mac_text(p, out);
		break;
	case CTL_HEX:
		show_hex(f, p, out);
		break;
	case CTL_ROWS:
		break;
	}
	return out;
}

int ctl_field_set_int(const struct ctl_field *f, void *base, int64_t value, struct err *err)
{
	int64_t min = f->min, max = f->max ? f->max : UINT32_MAX;

	switch ((enum ctl_kind)f->kind) {
	case CTL_PORT:
		min = f->is_optional ? 0 : 1;
		max = UINT16_MAX;
		break;
	case CTL_U64:
		max = INT64_MAX;
		break;
	case CTL_I64:
	case CTL_SECONDS:
		min = INT64_MIN;
		max = INT64_MAX;
		break;
	default:
		break;
	}
	if (value < min || value > max)
		return err_set(err, -EINVAL, "%" PRId64 " is not in %" PRId64 "..%" PRId64, value,
		               min, max);
	if (f->kind == CTL_U32)
		*(uint32_t *)in(f, base) = (uint32_t)value;
	else if (f->kind == CTL_PORT)
		*(be16 *)in(f, base) = be16_from((uint16_t)value);
	else
		*(int64_t *)in(f, base) = value;
	return 0;
}

static int read_int(const struct ctl_field *f, void *base, const char *text, struct err *err)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || *end || end == text || isspace((unsigned char)*text))
		return err_set(err, -EINVAL, "\"%s\" is not a number", text);
	return ctl_field_set_int(f, base, value, err);
}

static int read_text(const struct ctl_field *f, char *field, const char *text, struct err *err)
{
	size_t len = strlen(text);

	if (len >= f->size)
		return err_set(err, -EINVAL, "longer than %u bytes", f->size - 1);
	if (len == 0 && !f->is_optional)
		return err_set(err, -EINVAL, "is empty");
	memcpy(field, text, len + 1);
	return 0;
}

static int read_string(const struct ctl_field *f, char **field, const char *text, struct err *err)
{
	char *copy;

	if (!*text && !f->is_optional)
		return err_set(err, -EINVAL, "is empty");
	copy = strdup(text);
	if (!copy)
		return err_set(err, -ENOMEM, "no memory");
	free(*field);
	*field = copy;
	return 0;
}

// "up, drain or down"
static const char *word_list(const struct ctl_field *f, char *out, size_t size)
{
	size_t len = 0, n = 0, n_words = 0;

	for (size_t i = 0; i < f->n_words; i++)
		n_words += *f->words[i] != 0;
	*out = 0;
	for (size_t i = 0; i < f->n_words && len < size; i++) {
		if (!*f->words[i])
			continue;
		len += (size_t)snprintf(out + len, size - len, "%s%s",
		                        n == 0             ? ""
		                        : n == n_words - 1 ? " or "
		                                           : ", ",
		                        f->words[i]);
		n++;
	}
	return out;
}

static int read_word(const struct ctl_field *f, uint8_t *field, const char *text, struct err *err)
{
	char list[128];

	for (size_t i = 0; i < f->n_words; i++) {
		if (!*text || strcmp(f->words[i], text) != 0)
			continue;
		*field = (uint8_t)i;
		return 0;
	}
	return err_set(err, -EINVAL, "\"%s\" is not %s", text, word_list(f, list, sizeof(list)));
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int read_hex(const struct ctl_field *f, uint8_t *field, const char *text, struct err *err)
{
	size_t len = strlen(text);

	if (len == 0 || len % 2 || len > 2 * hex_room(f))
		return err_set(err, -EINVAL, "\"%s\" is not 1..%zu bytes in hexadecimal", text,
		               hex_room(f));
	for (size_t i = 0; i < len; i++)
		if (nibble(text[i]) < 0)
			return err_set(err, -EINVAL, "\"%s\" is not hexadecimal", text);
	memset(field, 0, f->size);
	field[0] = (uint8_t)(len / 2);
	for (size_t i = 0; i < len / 2; i++)
		field[1 + i] = (uint8_t)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
	return 0;
}

static int read_percent(double *field, const char *text, struct err *err)
{
	char *end;
	double value = strtod(text, &end);

	if (*end || end == text || !(value >= 0 && value <= 100))
		return err_set(err, -EINVAL, "\"%s\" is not in 0..100", text);
	*field = value;
	return 0;
}

static int read_bool(bool *field, const char *text, struct err *err)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return err_set(err, -EINVAL, "\"%s\" is not yes or no", text);
	*field = *text == 'y';
	return 0;
}

int ctl_field_read(const struct ctl_field *f, void *base, const char *text, struct err *err)
{
	void *field = in(f, base);

	switch ((enum ctl_kind)f->kind) {
	case CTL_TEXT:
		return read_text(f, field, text, err);
	case CTL_STRING:
		return read_string(f, field, text, err);
	case CTL_WORD:
		return read_word(f, field, text, err);
	case CTL_BOOL:
		return read_bool(field, text, err);
	case CTL_PERCENT:
		return read_percent(field, text, err);
	case CTL_ADDR:
		if (addr_parse(field, text))
			return err_set(err, -EINVAL, "\"%s\" is not an IP address", text);
		return 0;
	case CTL_MAC:
		if (mac_parse(field, text))
			return err_set(err, -EINVAL, "\"%s\" is not a MAC address", text);
		return 0;
	case CTL_HEX:
		return read_hex(f, field, text, err);
	case CTL_ROWS:
		return err_set(err, -EINVAL, "is a table");
	default:
		return read_int(f, base, text, err);
	}
}
