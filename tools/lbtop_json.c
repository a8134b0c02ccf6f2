// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_json.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/lbtop_json_times.h"

enum { MAX_ROWS = 65536 }; // of a kind, in a record

// --- writing ---

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

// The fields from..to of a row; zeros left out if `is_sparse`.
static json_t *values_object(const struct lbtop_row *row, enum lbtop_kind kind, uint16_t from,
                             uint16_t to, bool is_sparse)
{
	json_t *object = json_object();

	for (uint16_t i = from; i < to; i++)
		if (row->value[i] || !is_sparse)
			json_object_set_new(object, lbtop_schema_name(kind, i),
			                    number(row->value[i]));
	return object;
}

static json_t *rates_object(const struct lbtop_model *m, enum lbtop_kind kind,
                            const struct lbtop_row *row)
{
	struct lbtop_pair p = lbtop_model_pair(m, kind, row);
	json_t *object = json_object();

	for (uint16_t i = 0; p.before && i < lbtop_schemas[kind].n_values; i++) {
		double rate = lbtop_model_rate(&p, i);

		if (lbtop_schema_is_gauge(kind, i) || isnan(rate) ||
		    (i >= lbtop_schemas[kind].n_fields && row->value[i] == 0))
			continue;
		json_object_set_new(object, lbtop_schema_name(kind, i), json_real(rate));
	}
	return object;
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (*text)
		json_object_set_new(object, key, json_string(text));
}

static json_t *row_object(const struct lbtop_model *m, enum lbtop_kind kind,
                          const struct lbtop_row *row)
{
	const struct lbtop_schema *schema = &lbtop_schemas[kind];
	json_t *object = json_object();

	json_object_set_new(object, "id", number(row->id));
	if (row->is_retired)
		json_object_set_new(object, "retired", json_true());
	set_text(object, "name", row->name);
	set_text(object, "pool", row->pool);
	set_text(object, "address", row->address);
	set_text(object, "protocol", row->protocol);
	set_text(object, "forward", row->forward);
	set_text(object, "state", row->state);
	set_text(object, "health", row->health);
	if (kind == LBTOP_BACKEND || kind == LBTOP_L7_BACKEND)
		json_object_set_new(object, "weight", number(row->weight));
	json_object_set_new(object, "counters", values_object(row, kind, 0, schema->n_fields, !m));
	if (schema->n_values > schema->n_fields)
		json_object_set_new(
			object, "reasons",
			values_object(row, kind, schema->n_fields, schema->n_values, true));
	lbtop_json_times_encode(object, m, kind, row);
	if (m)
		json_object_set_new(object, "rates", rates_object(m, kind, row));
	return object;
}

static json_t *daemon_object(const struct lbtop_daemon *d)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "state",
	                 lbtop_sample_states[d->state], "home", d->is_bpf ? "bpf" : "file", "pid",
	                 (json_int_t)d->pid, "generation", (json_int_t)d->generation, "lanes",
	                 (json_int_t)d->n_lanes, "epoch", (json_int_t)d->epoch, "started_ns",
	                 (json_int_t)d->started_ns, "cycles_hz", (json_int_t)d->cycles_hz);
}

static char *line_of(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
	size_t len = text ? strlen(text) : 0;
	char *line = text ? realloc(text, len + 2) : NULL;

	json_decref(object);
	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + len, "\n", 2);
	return line;
}

static char *encode(const struct lbtop_sample *s, const struct lbtop_model *m)
{
	json_t *object = json_object();

	json_object_set_new(object, "lbtop", number(LBTOP_JSON_VERSION));
	json_object_set_new(object, "time_ns", number(s->time_ns));
	json_object_set_new(object, "node", json_string(s->node));
	for (size_t i = 0; i < LBTOP_HALVES; i++)
		if (s->daemon[i].state != LBTOP_ABSENT)
			json_object_set_new(object, lbtop_sample_daemons[i],
			                    daemon_object(&s->daemon[i]));
	for (size_t kind = 0; kind < LBTOP_KIND_COUNT; kind++) {
		json_t *rows = json_array();

		for (size_t i = 0; i < s->rows[kind].n; i++)
			json_array_append_new(rows, row_object(m, kind, &s->rows[kind].row[i]));
		json_object_set_new(object, lbtop_schemas[kind].word, rows);
	}
	return line_of(object);
}

char *lbtop_json_encode(const struct lbtop_model *m)
{
	return encode(m->now, m);
}

char *lbtop_json_encode_sample(const struct lbtop_sample *s)
{
	return encode(s, NULL);
}

char *lbtop_json_encode_error(const struct err *err, uint64_t time_ns)
{
	json_t *object = json_object();

	json_object_set_new(object, "lbtop", number(LBTOP_JSON_VERSION));
	json_object_set_new(object, "time_ns", number(time_ns));
	json_object_set_new(object, "error", json_string(err->msg));
	return line_of(object);
}

// --- reading ---

static uint64_t number_of(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static void text_of(char *out, size_t size, const json_t *object, const char *key)
{
	const json_t *text = json_object_get(object, key);

	if (json_is_string(text))
		lbtop_sample_text(out, size, json_string_value(text), json_string_length(text));
}

static void read_values(struct lbtop_row *row, const json_t *object, enum lbtop_kind kind,
                        uint16_t from, uint16_t to)
{
	for (uint16_t i = from; i < to; i++)
		row->value[i] = number_of(object, lbtop_schema_name(kind, i));
}

// Rows ascend by their ids, as whoever looks for one relies on.
static int read_row(struct lbtop_row *row, const json_t *object, enum lbtop_kind kind, int64_t last)
{
	const struct lbtop_schema *schema = &lbtop_schemas[kind];
	const json_t *id = json_object_get(object, "id");

	if (!json_is_integer(id) || json_integer_value(id) <= last ||
	    json_integer_value(id) > UINT32_MAX)
		return -EPROTO;
	row->id = (uint32_t)json_integer_value(id);
	row->is_retired = json_is_true(json_object_get(object, "retired"));
	text_of(row->name, sizeof(row->name), object, "name");
	text_of(row->pool, sizeof(row->pool), object, "pool");
	text_of(row->address, sizeof(row->address), object, "address");
	text_of(row->protocol, sizeof(row->protocol), object, "protocol");
	text_of(row->forward, sizeof(row->forward), object, "forward");
	text_of(row->state, sizeof(row->state), object, "state");
	text_of(row->health, sizeof(row->health), object, "health");
	row->weight = (uint16_t)number_of(object, "weight");
	read_values(row, json_object_get(object, "counters"), kind, 0, schema->n_fields);
	read_values(row, json_object_get(object, "reasons"), kind, schema->n_fields,
	            schema->n_values);
	return 0;
}

static int read_rows(struct lbtop_sample *s, const json_t *object, enum lbtop_kind kind,
                     struct err *err)
{
	const char *word = lbtop_schemas[kind].word;
	const json_t *rows = json_object_get(object, word);
	size_t n = json_array_size(rows);
	int64_t last = -1;

	if (n > MAX_ROWS)
		return err_set(err, -EPROTO, "%s: %zu of them", word, n);
	if (lbtop_sample_make_rows(s, kind, n))
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct lbtop_row *row = &s->rows[kind].row[i];
		const json_t *from = json_array_get(rows, i);

		if (read_row(row, from, kind, last))
			return err_set(err, -EPROTO, "%s[%zu]: no id, or not in order", word, i);
		if (lbtop_json_times_decode(s, row, from, kind))
			return err_set(err, -ENOMEM, "out of memory");
		last = row->id;
	}
	return 0;
}

static int read_daemon(struct lbtop_daemon *d, const json_t *object, const char *name,
                       struct err *err)
{
	const char *state = json_string_value(json_object_get(object, "state"));
	const char *home = json_string_value(json_object_get(object, "home"));

	if (!object)
		return 0;
	for (uint8_t i = 0; state && i < LBTOP_STATE_COUNT; i++)
		if (strcmp(lbtop_sample_states[i], state) == 0)
			d->state = i;
	if (d->state == LBTOP_ABSENT)
		return err_set(err, -EPROTO, "%s.state: not one of ours", name);
	d->is_bpf = home && strcmp(home, "bpf") == 0;
	d->pid = (uint32_t)number_of(object, "pid");
	d->generation = (uint32_t)number_of(object, "generation");
	d->n_lanes = (uint32_t)number_of(object, "lanes");
	d->epoch = (uint32_t)number_of(object, "epoch");
	d->started_ns = number_of(object, "started_ns");
	d->cycles_hz = number_of(object, "cycles_hz");
	return 0;
}

static int check_version(const json_t *object, struct err *err)
{
	const json_t *version = json_object_get(object, "lbtop");

	if (!json_is_integer(version))
		return err_set(err, -EPROTO, "no object of lbtop");
	if (json_integer_value(version) != LBTOP_JSON_VERSION)
		return err_set(err, -EPROTO, "version %lld, and this lbtop reads %d",
		               (long long)json_integer_value(version), LBTOP_JSON_VERSION);
	if (!json_is_integer(json_object_get(object, "time_ns")))
		return err_set(err, -EPROTO, "no time_ns");
	return 0;
}

static int read_sample(struct lbtop_sample *s, const json_t *object, struct err *err)
{
	int rc = 0;

	s->time_ns = s->clock_ns = number_of(object, "time_ns");
	text_of(s->node, sizeof(s->node), object, "node");
	for (size_t i = 0; i < LBTOP_HALVES && !rc; i++)
		rc = read_daemon(&s->daemon[i], json_object_get(object, lbtop_sample_daemons[i]),
		                 lbtop_sample_daemons[i], err);
	for (size_t kind = 0; kind < LBTOP_KIND_COUNT && !rc; kind++)
		rc = read_rows(s, object, kind, err);
	return rc;
}

static int decode(struct lbtop_sample **out, const json_t *object, struct err *err)
{
	struct lbtop_sample *s = NULL;
	int rc = check_version(object, err);

	if (rc)
		return rc;
	if (!json_object_get(object, "error")) {
		s = lbtop_sample_new();
		if (!s)
			return err_set(err, -ENOMEM, "out of memory");
		rc = read_sample(s, object, err);
	}
	if (rc)
		lbtop_sample_free(s);
	else
		*out = s;
	return rc;
}

int lbtop_json_decode(struct lbtop_sample **out, const char *line, size_t len, struct err *err)
{
	json_error_t why;
	json_t *object = json_loadb(line, len, 0, &why);
	int rc;

	if (!object)
		return err_set(err, -EPROTO, "no JSON: %s", why.text);
	rc = decode(out, object, err);
	json_decref(object);
	return rc;
}
