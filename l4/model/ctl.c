// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/ctl.h"

#include <jansson.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLACE_SIZE = 128,
	// Percentages say "33.333", not seventeen digits.
	DUMP_FLAGS = JSON_REAL_PRECISION(5),
};

// --- structs to JSON ---

// Text that came from outside (a path, a cut sentence) need not be UTF-8; JSON must be.
static json_t *text_json(const char *text)
{
	json_t *json = json_string(text);
	char ascii[CTL_PATH_SIZE];
	size_t i;

	if (json)
		return json;
	for (i = 0; i < sizeof(ascii) - 1 && text[i]; i++)
		ascii[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
	ascii[i] = 0;
	return json_string(ascii);
}

// What is longer than a path is a configuration, which is UTF-8 and must not be cut.
static json_t *string_json(const char *text)
{
	return strlen(text) < CTL_PATH_SIZE ? text_json(text) : json_string(text);
}

static json_t *scalar_json(const struct ctl_field *f, const void *base)
{
	const void *field = (const char *)base + f->offset;
	char text[CTL_FIELD_TEXT_SIZE];

	switch ((enum ctl_kind)f->kind) {
	case CTL_TEXT:
		return text_json(field);
	case CTL_STRING:
		return string_json(*(char *const *)field);
	case CTL_BOOL:
		return json_boolean(*(const bool *)field);
	case CTL_PERCENT:
		return json_real(*(const double *)field);
	case CTL_U32:
	case CTL_U64:
	case CTL_I64:
	case CTL_SECONDS:
	case CTL_PORT:
		return json_integer(ctl_field_get_int(f, base));
	default:
		return text_json(ctl_field_show(f, base, text));
	}
}

// Not recursive: rows hold no rows.
static json_t *row_json(const struct ctl_type *type, const void *base)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < type->n_fields; i++) {
		const struct ctl_field *f = &type->fields[i];

		if (f->kind == CTL_ROWS || ctl_field_is_absent(f, base))
			continue;
		if (json_object_set_new(object, f->name, scalar_json(f, base))) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *rows_json(const struct ctl_type *type, const struct ctl_rows *rows)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < rows->n; i++) {
		if (json_array_append_new(array,
		                          row_json(type, (char *)rows->row + i * type->size))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *struct_json(const struct ctl_type *type, const void *base)
{
	json_t *object = row_json(type, base);

	for (size_t i = 0; object && i < type->n_fields; i++) {
		const struct ctl_field *f = &type->fields[i];
		const void *rows = (const char *)base + f->offset;

		if (f->kind != CTL_ROWS)
			continue;
		if (json_object_set_new(object, f->name, rows_json(f->rows, rows))) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *id_json(const struct ctl_id *id)
{
	if (id->kind == CTL_ID_NUMBER)
		return json_integer(id->number);
	return id->kind == CTL_ID_TEXT ? text_json(id->text) : json_null();
}

// The message as a line; drops `message`, and stands for no memory if that is NULL.
static char *line_of(json_t *message, size_t *len)
{
	char *text = message ? json_dumps(message, JSON_COMPACT | DUMP_FLAGS) : NULL;
	char *line;

	json_decref(message);
	if (!text)
		return NULL;
	*len = strlen(text) + 1;
	line = realloc(text, *len + 1);
	if (!line) {
		free(text);
		return NULL;
	}
	line[*len - 1] = '\n';
	line[*len] = 0;
	return line;
}

static char *answer_line(const struct ctl_id *id, const char *key, json_t *value, size_t *len)
{
	return line_of(
		value ? json_pack("{ss so so}", "jsonrpc", "2.0", "id", id_json(id), key, value)
		      : NULL,
		len);
}

char *ctl_request_encode(const struct ctl_request *request, size_t *len)
{
	const struct ctl_method_type *method = &ctl_method_types[request->method];
	json_t *message = json_pack("{ss ss}", "jsonrpc", "2.0", "method", method->name);

	if (!message)
		return NULL;
	if ((request->id.kind != CTL_ID_NONE &&
	     json_object_set_new(message, "id", id_json(&request->id))) ||
	    (method->params->n_fields > 0 &&
	     json_object_set_new(message, "params",
	                         struct_json(method->params, &request->params)))) {
		json_decref(message);
		return NULL;
	}
	return line_of(message, len);
}

char *ctl_result_encode(const struct ctl_id *id, enum ctl_method method,
                        const union ctl_result *result, size_t *len)
{
	return answer_line(id, "result", struct_json(ctl_method_types[method].result, result), len);
}

char *ctl_error_encode(const struct ctl_id *id, const struct err *error, size_t *len)
{
	return answer_line(
		id, "error",
		json_pack("{si so}", "code", error->code, "message", text_json(error->msg)), len);
}

// --- JSON to structs ---

// How a struct is read.
struct reader {
	bool is_strict; // unknown and missing keys are errors
	struct err *err;
};

static int wrong(struct reader *r, const char *place, const char *name, const char *what)
{
	return err_set(r->err, -EINVAL, "%s.%s: %s", place, name, what);
}

// What a newer daemon says and we have no word for is shown as "-" instead of losing the whole answer.
static int read_text(struct reader *r, const struct ctl_field *f, void *base, const char *text)
{
	uint8_t *field = (uint8_t *)base + f->offset;
	int rc;

	if (!r->is_strict && f->kind == CTL_TEXT && !*text) {
		*field = 0;
		return 0;
	}
	rc = ctl_field_read(f, base, text, r->err);
	if (rc && !r->is_strict && f->kind == CTL_WORD) {
		*field = UINT8_MAX;
		rc = 0;
	}
	return rc;
}

static int read_scalar(struct reader *r, const struct ctl_field *f, void *base, const json_t *json,
                       const char *place)
{
	void *field = (char *)base + f->offset;
	int rc;

	switch ((enum ctl_kind)f->kind) {
	case CTL_BOOL:
		if (!json_is_boolean(json))
			return wrong(r, place, f->name, "true or false expected");
		*(bool *)field = json_is_true(json);
		return 0;
	case CTL_PERCENT:
		if (!json_is_number(json))
			return wrong(r, place, f->name, "number expected");
		*(double *)field = json_number_value(json);
		return 0;
	case CTL_U32:
	case CTL_U64:
	case CTL_I64:
	case CTL_SECONDS:
	case CTL_PORT:
		if (!json_is_integer(json))
			return wrong(r, place, f->name, "integer expected");
		rc = ctl_field_set_int(f, base, json_integer_value(json), r->err);
		break;
	default:
		if (!json_is_string(json))
			return wrong(r, place, f->name, "string expected");
		rc = read_text(r, f, base, json_string_value(json));
	}
	return rc ? err_prefix(r->err, "%s.%s", place, f->name) : 0;
}

static int refuse_unknown(struct reader *r, const struct ctl_type *type, json_t *object,
                          const char *place)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (!ctl_field_find(type, key))
			return wrong(r, place, key, "unknown key");
	}
	return 0;
}

// Everything but the tables of rows.
static int read_row(struct reader *r, const struct ctl_type *type, void *base, json_t *object,
                    const char *place)
{
	int rc = r->is_strict ? refuse_unknown(r, type, object, place) : 0;

	for (size_t i = 0; i < type->n_fields && rc == 0; i++) {
		const struct ctl_field *f = &type->fields[i];
		const json_t *value = json_object_get(object, f->name);

		if (f->kind == CTL_ROWS)
			continue;
		if (value)
			rc = read_scalar(r, f, base, value, place);
		else if (r->is_strict && !f->is_optional)
			rc = wrong(r, place, f->name, "is missing");
	}
	return rc;
}

static int read_rows(struct reader *r, const struct ctl_field *f, void *base, const json_t *array,
                     const char *place)
{
	struct ctl_rows *rows = (void *)((char *)base + f->offset);
	char row_place[PLACE_SIZE];
	json_t *object;
	void *row;
	size_t i;
	int rc;

	if (!json_is_array(array))
		return wrong(r, place, f->name, "array expected");
	json_array_foreach(array, i, object)
	{
		snprintf(row_place, sizeof(row_place), "%s.%s[%zu]", place, f->name, i);
		if (!json_is_object(object))
			return err_set(r->err, -EINVAL, "%s: object expected", row_place);
		row = ctl_field_add_row(rows, f->rows);
		if (!row)
			return err_set(r->err, -ENOMEM, "%s: no memory", row_place);
		rc = read_row(r, f->rows, row, object, row_place);
		if (rc)
			return rc;
	}
	return 0;
}

static int read_struct(struct reader *r, const struct ctl_type *type, void *base, json_t *object,
                       const char *place)
{
	int rc;

	if (!json_is_object(object))
		return err_set(r->err, -EINVAL, "%s: object expected", place);
	rc = read_row(r, type, base, object, place);
	for (size_t i = 0; i < type->n_fields && rc == 0; i++) {
		const struct ctl_field *f = &type->fields[i];
		const json_t *rows = json_object_get(object, f->name);

		if (f->kind == CTL_ROWS && rows)
			rc = read_rows(r, f, base, rows, place);
	}
	return rc;
}

static json_t *parse(const char *line, size_t len, struct err *err)
{
	json_error_t error;
	json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		err_set(err, CTL_BAD_JSON, "column %d: %s", error.column, error.text);
	return json;
}

static int read_id(struct ctl_id *id, const json_t *json, struct err *err)
{
	*id = (struct ctl_id){.kind = json ? CTL_ID_NULL : CTL_ID_NONE};
	if (!json || json_is_null(json))
		return 0;
	if (json_is_integer(json)) {
		id->kind = CTL_ID_NUMBER;
		id->number = json_integer_value(json);
		return 0;
	}
	if (!json_is_string(json) || json_string_length(json) >= sizeof(id->text))
		return err_set(err, CTL_BAD_REQUEST,
		               "id: integer or string of at most %zu bytes expected",
		               sizeof(id->text) - 1);
	id->kind = CTL_ID_TEXT;
	memcpy(id->text, json_string_value(json), json_string_length(json) + 1);
	return 0;
}

static int check_keys(json_t *message, struct err *err)
{
	static const char *const known[] = {"jsonrpc", "id", "method", "params"};
	const char *key;
	json_t *value;

	json_object_foreach(message, key, value)
	{
		size_t i = 0;

		while (i < ARRAY_LEN(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == ARRAY_LEN(known))
			return err_set(err, CTL_BAD_REQUEST, "%s: unknown key", key);
	}
	return 0;
}

static bool is_version(const json_t *message)
{
	const char *version = json_string_value(json_object_get(message, "jsonrpc"));

	return version && strcmp(version, "2.0") == 0;
}

static int read_params(struct ctl_request *out, json_t *params, bool is_strict, struct err *err)
{
	const struct ctl_type *type = ctl_method_types[out->method].params;
	struct reader r = {.is_strict = is_strict, .err = err};
	json_t *none = NULL;
	int rc;

	ctl_method_init_params(out->method, &out->params);
	if (!params) {
		none = json_object();
		params = none;
	}
	rc = params ? read_struct(&r, type, &out->params, params, "params")
	            : err_set(err, CTL_INTERNAL, "no memory");
	json_decref(none);
	if (!rc)
		return 0;
	ctl_method_free_params(out->method, &out->params);
	return err->code = CTL_BAD_PARAMS;
}

static int read_request(struct ctl_request *out, json_t *message, struct err *err)
{
	const char *method;
	int rc;

	if (!json_is_object(message))
		return err_set(err, CTL_BAD_REQUEST, "one object a line expected");
	rc = read_id(&out->id, json_object_get(message, "id"), err);
	if (rc) {
		out->id = (struct ctl_id){.kind = CTL_ID_NULL};
		return rc;
	}
	rc = check_keys(message, err);
	if (rc)
		return rc;
	if (!is_version(message))
		return err_set(err, CTL_BAD_REQUEST, "jsonrpc: \"2.0\" expected");
	method = json_string_value(json_object_get(message, "method"));
	if (!method)
		return err_set(err, CTL_BAD_REQUEST, "method: string expected");
	out->method = (uint8_t)ctl_method_find(method);
	if (out->method == CTL_METHOD_NONE)
		return err_set(err, CTL_BAD_METHOD, "method: there is no \"%s\"", method);
	return read_params(out, json_object_get(message, "params"), true, err);
}

int ctl_request_decode(struct ctl_request *out, const char *line, size_t len, struct err *err)
{
	json_t *message;
	struct err said;
	int rc;

	out->id = (struct ctl_id){.kind = CTL_ID_NULL};
	message = parse(line, len, &said);
	rc = message ? read_request(out, message, &said) : said.code;
	json_decref(message);
	// Whoever cannot ask properly is told, even if it looks like a notification (JSON-RPC 5).
	if (rc && out->id.kind == CTL_ID_NONE)
		out->id.kind = CTL_ID_NULL;
	if (rc && err)
		*err = said;
	return rc;
}

void ctl_request_free(struct ctl_request *request)
{
	ctl_method_free_params(request->method, &request->params);
}

int ctl_notice_decode(struct ctl_request *out, const char *line, size_t len, struct err *err)
{
	json_t *message = parse(line, len, err);
	const char *method = json_string_value(json_object_get(message, "method"));
	struct err said;
	int rc = 0;

	if (!message)
		return err ? (err->code = -EPROTO) : -EPROTO;
	if (!method) {
		rc = -ENOMSG;
		goto out;
	}
	*out = (struct ctl_request){.method = (uint8_t)ctl_method_find(method)};
	if (out->method != CTL_METHOD_NONE &&
	    read_params(out, json_object_get(message, "params"), false, &said))
		rc = err_set(err, -EPROTO, "%s: %s", method, said.msg);
out:
	json_decref(message);
	return rc;
}

static int read_error(const json_t *error, struct err *err)
{
	const json_t *code = json_object_get(error, "code");
	const char *message = json_string_value(json_object_get(error, "message"));

	if (!json_is_integer(code) || !message)
		return err_set(err, -EPROTO, "error without code or message");
	if (json_integer_value(code) == 0 ||
	    json_integer_value(code) != (int)json_integer_value(code))
		return err_set(err, -EPROTO, "error with a code that cannot be");
	return err_set(err, (int)json_integer_value(code), "%s", message);
}

static int read_result(union ctl_result *out, enum ctl_method method, json_t *result,
                       struct err *err)
{
	struct reader r = {.err = err};
	union ctl_result read;

	ctl_method_init_result(method, &read);
	if (read_struct(&r, ctl_method_types[method].result, &read, result, "result")) {
		ctl_method_free_result(method, &read);
		return err ? (err->code = -EPROTO) : -EPROTO;
	}
	*out = read;
	return 0;
}

int ctl_answer_decode(union ctl_result *out, enum ctl_method method, const char *line, size_t len,
                      struct err *err)
{
	json_t *message = parse(line, len, err);
	const json_t *error;
	int rc;

	if (!message)
		return err ? (err->code = -EPROTO) : -EPROTO;
	error = json_object_get(message, "error");
	if (!is_version(message))
		rc = err_set(err, -EPROTO, "jsonrpc: \"2.0\" expected");
	else if (error)
		rc = read_error(error, err);
	else
		rc = read_result(out, method, json_object_get(message, "result"), err);
	json_decref(message);
	return rc;
}

char *ctl_answer_text(const char *line, size_t len)
{
	struct err err;
	json_t *message = parse(line, len, &err);
	const json_t *result = json_object_get(message, "result");
	char *text = result ? json_dumps(result, JSON_INDENT(2) | DUMP_FLAGS) : NULL;
	char *out = NULL;

	if (text && asprintf(&out, "%s\n", text) < 0)
		out = NULL;
	free(text);
	json_decref(message);
	return out;
}
