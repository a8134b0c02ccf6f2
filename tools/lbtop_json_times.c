// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_json_times.h"

#include <errno.h>
#include <math.h>

#include "l4/model/stats_log2.h"

static const struct {
	const char *ns_key, *key;
	double share;
} percentiles[] = {{"p50_ns", "p50", 0.5}, {"p90_ns", "p90", 0.9}, {"p99_ns", "p99", 0.99}};

static void add_bucket(json_t *array, uint64_t bound, uint64_t n)
{
	json_int_t shown = bound > INT64_MAX ? -1 : (json_int_t)bound;

	if (n)
		json_array_append_new(array, json_pack("[I, I]", shown, (json_int_t)n));
}

// --- times ---

static json_t *time_object(const struct stats_histogram *h)
{
	json_t *array = json_array();

	for (size_t i = 0; i < STATS_HISTOGRAM_BUCKETS; i++)
		add_bucket(array,
		           i < STATS_HISTOGRAM_BOUNDS ? stats_histogram_bounds[i] : UINT64_MAX,
		           h->bucket[i]);
	return json_pack("{s:I, s:o}", "sum_ns", (json_int_t)h->sum_ns, "buckets", array);
}

static void set_time_percentiles(json_t *object, const struct lbtop_pair *p, uint16_t time)
{
	for (size_t i = 0; i < ARRAY_LEN(percentiles); i++) {
		double ns = lbtop_model_percentile(p, time, percentiles[i].share);

		if (!isnan(ns))
			json_object_set_new(object, percentiles[i].ns_key,
			                    json_integer((json_int_t)ns));
	}
}

static json_t *times_object(const struct lbtop_model *m, enum lbtop_kind kind,
                            const struct lbtop_row *row)
{
	const struct lbtop_schema *schema = &lbtop_schemas[kind];
	json_t *object = json_object();

	for (uint16_t i = 0; row->times && i < schema->n_times; i++) {
		json_t *time;

		if (stats_histogram_count(&row->times[i]) == 0)
			continue;
		time = time_object(&row->times[i]);
		if (m) {
			struct lbtop_pair p = lbtop_model_pair(m, kind, row);

			set_time_percentiles(time, &p, i);
		}
		json_object_set_new(object, schema->times[i].name, time);
	}
	return object;
}

// --- what the kernel counts by powers of two ---

static json_t *log_object(const struct counters_log2 *h, const char *unit)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < COUNTERS_LOG2_BUCKETS; i++)
		add_bucket(array, stats_log2_last(i), h->bucket[i]);
	return json_pack("{s:s, s:I, s:o}", "unit", unit, "sum", (json_int_t)h->sum, "buckets",
	                 array);
}

static void set_log_percentiles(json_t *object, const struct lbtop_pair *p, uint16_t log)
{
	for (size_t i = 0; i < ARRAY_LEN(percentiles); i++) {
		double value = lbtop_model_log_percentile(p, log, percentiles[i].share);

		if (!isnan(value))
			json_object_set_new(object, percentiles[i].key, json_real(value));
	}
}

static json_t *logs_object(const struct lbtop_model *m, enum lbtop_kind kind,
                           const struct lbtop_row *row)
{
	const struct lbtop_schema *schema = &lbtop_schemas[kind];
	json_t *object = json_object();

	for (uint16_t i = 0; row->logs && i < schema->n_logs; i++) {
		json_t *log;

		if (stats_log2_count(&row->logs[i]) == 0)
			continue;
		log = log_object(&row->logs[i], schema->logs[i].unit);
		if (m) {
			struct lbtop_pair p = lbtop_model_pair(m, kind, row);

			set_log_percentiles(log, &p, i);
		}
		json_object_set_new(object, schema->logs[i].name, log);
	}
	return object;
}

void lbtop_json_times_encode(json_t *object, const struct lbtop_model *m, enum lbtop_kind kind,
                             const struct lbtop_row *row)
{
	if (lbtop_schemas[kind].n_times)
		json_object_set_new(object, "times", times_object(m, kind, row));
	if (lbtop_schemas[kind].n_logs)
		json_object_set_new(object, "histograms", logs_object(m, kind, row));
}

// --- reading ---

static uint64_t number_of(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

// Of a bucket of the array: the largest value it counts.
static uint64_t bound_of(const json_t *bucket)
{
	json_int_t bound = json_integer_value(json_array_get(bucket, 0));

	return bound < 0 ? UINT64_MAX : (uint64_t)bound;
}

static uint64_t n_of(const json_t *bucket)
{
	return (uint64_t)json_integer_value(json_array_get(bucket, 1));
}

static void read_time(struct stats_histogram *h, const json_t *object)
{
	const json_t *buckets = json_object_get(object, "buckets"), *bucket;
	size_t i;

	h->sum_ns = number_of(object, "sum_ns");
	json_array_foreach(buckets, i, bucket)
	{
		h->bucket[stats_histogram_bucket(bound_of(bucket))] += n_of(bucket);
	}
}

static void read_log(struct counters_log2 *h, const json_t *object)
{
	const json_t *buckets = json_object_get(object, "buckets"), *bucket;
	size_t i;

	h->sum = number_of(object, "sum");
	json_array_foreach(buckets, i, bucket)
	{
		h->bucket[stats_log2_bucket(bound_of(bucket))] += n_of(bucket);
	}
}

static int read_times(struct lbtop_sample *s, struct lbtop_row *row, const json_t *times,
                      enum lbtop_kind kind)
{
	const struct lbtop_schema *schema = &lbtop_schemas[kind];

	for (uint16_t i = 0; i < schema->n_times; i++) {
		const json_t *time = json_object_get(times, schema->times[i].name);

		if (!time)
			continue;
		if (lbtop_sample_make_times(s, kind, row))
			return -ENOMEM;
		read_time(&row->times[i], time);
	}
	return 0;
}

static int read_logs(struct lbtop_sample *s, struct lbtop_row *row, const json_t *logs,
                     enum lbtop_kind kind)
{
	const struct lbtop_schema *schema = &lbtop_schemas[kind];

	for (uint16_t i = 0; i < schema->n_logs; i++) {
		const json_t *log = json_object_get(logs, schema->logs[i].name);

		if (!log)
			continue;
		if (lbtop_sample_make_logs(s, kind, row))
			return -ENOMEM;
		read_log(&row->logs[i], log);
	}
	return 0;
}

int lbtop_json_times_decode(struct lbtop_sample *s, struct lbtop_row *row, const json_t *object,
                            enum lbtop_kind kind)
{
	int rc = read_times(s, row, json_object_get(object, "times"), kind);

	return rc ? rc : read_logs(s, row, json_object_get(object, "histograms"), kind);
}
