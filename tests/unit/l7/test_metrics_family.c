// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics_family.h"

#include <criterion/criterion.h>

#include <ctype.h>
#include <string.h>

static const struct {
	const char *prefix;
	const struct stats_field *fields;
	size_t n;
	const struct metrics_rule *rules;
} kinds[] = {
	{"lane_", stats_lane_fields, STATS_LANE_FIELDS, metrics_family_lane},
	{"l4_service_", stats_service_fields, STATS_SERVICE_FIELDS, metrics_family_none},
	{"l4_backend_", stats_backend_fields, STATS_BACKEND_FIELDS, metrics_family_none},
	{"xdp_service_", stats_steer_service_fields, STATS_STEER_SERVICE_FIELDS,
         metrics_family_none},
	{"tcp_", stats_tcp_fields, STATS_TCP_FIELDS, metrics_family_none},
	{"tcp_backend_", stats_tcp_fields, STATS_TCP_FIELDS, metrics_family_none},
	{"worker_", stats_worker_fields, STATS_WORKER_FIELDS, metrics_family_worker},
	{"", stats_l7_service_fields, STATS_L7_SERVICE_FIELDS, metrics_family_service},
	{"backend_", stats_l7_backend_fields, STATS_L7_BACKEND_FIELDS, metrics_family_backend},
};

static bool is_name(const char *text)
{
	for (; *text; text++)
		if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) &&
		    *text != '_')
			return false;
	return true;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

Test(metrics_family, every_counter_has_a_name_by_the_rules)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t i = 0; i < kinds[k].n; i++) {
			const struct stats_field *field = &kinds[k].fields[i];
			struct metrics_family f;

			metrics_family_of(&f, kinds[k].prefix, field, kinds[k].rules);
			cr_expect(is_name(f.name), "%s", f.name);
			cr_expect_eq(f.is_counter, ends_with(f.name, "_total"), "%s", f.name);
			cr_expect(!f.label || *f.value, "%s", f.name);
			cr_expect(*f.help, "%s", f.name);
			if (strcmp(field->unit, "bytes") == 0)
				cr_expect(strstr(f.name, "bytes"), "%s: its unit is not said",
				          f.name);
			cr_expect_not(ends_with(f.name, "_ns") || ends_with(f.name, "_ns_total"),
			              "%s", f.name);
		}
}

static void name_of(char *out, size_t size, size_t kind, size_t i)
{
	struct metrics_family f;

	metrics_family_of(&f, kinds[kind].prefix, &kinds[kind].fields[i], kinds[kind].rules);
	snprintf(out, size, "%s %s", f.name, f.label ? f.value : "");
}

// Two counters under one name and label would be one sample twice, which Prometheus refuses.
Test(metrics_family, no_two_counters_are_one_sample)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t i = 0; i < kinds[k].n; i++)
			for (size_t l = 0; l <= k; l++)
				for (size_t j = 0; j < (l == k ? i : kinds[l].n); j++) {
					char a[160], b[160];

					name_of(a, sizeof(a), k, i);
					name_of(b, sizeof(b), l, j);
					cr_assert_str_neq(a, b);
				}
}

// prometheus.io, "Writing exporters", Labels: a family's samples all have the same labels.
Test(metrics_family, a_family_has_one_label_and_one_type)
{
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t i = 1; i < kinds[k].n; i++)
			for (size_t j = 0; j < i; j++) {
				struct metrics_family a, b;

				metrics_family_of(&a, kinds[k].prefix, &kinds[k].fields[i],
				                  kinds[k].rules);
				metrics_family_of(&b, kinds[k].prefix, &kinds[k].fields[j],
				                  kinds[k].rules);
				if (strcmp(a.name, b.name) != 0)
					continue;
				cr_expect(a.label && b.label && strcmp(a.label, b.label) == 0, "%s",
				          a.name);
				cr_expect_str_eq(a.help, b.help, "%s", a.name);
				cr_expect_eq(a.is_counter, b.is_counter, "%s", a.name);
			}
}

static const struct {
	size_t kind;
	const char *field, *name, *label, *value;
	double scale;
} known[] = {
	{7, "open_websocket", "lb_active_connections", "protocol", "websocket", 1},
	{7, "connections", "lb_connections_accepted_total", NULL, NULL, 1},
	{7, "connections_http2", "lb_connections_total", "protocol", "http2", 1},
	{7, "ends_client_abort", "lb_requests_ended_total", "reason", "client_abort", 1},
	{7, "streams_stalled", "lb_stalled_streams", NULL, NULL, 1},
	{7, "streams_sse", "lb_streams_total", "protocol", "sse", 1},
	{7, "tokens_out", "lb_tokens_total", "type", "output", 1},
	{7, "bytes_out", "lb_response_bytes_total", NULL, NULL, 1},
	{8, "responses_5xx", "lb_backend_responses_total", "code", "5xx", 1},
	{0, "busy_ns", "lb_lane_busy_seconds_total", NULL, NULL, 1e-9},
	{6, "buffers", "lb_worker_buffer_bytes", NULL, NULL, 1},
};

Test(metrics_family, known_ones_are_called_as_documented)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const struct stats_field *field = kinds[known[i].kind].fields;
		struct metrics_family f;

		while (strcmp(field->name, known[i].field) != 0)
			field++;
		metrics_family_of(&f, kinds[known[i].kind].prefix, field,
		                  kinds[known[i].kind].rules);
		cr_expect_str_eq(f.name, known[i].name);
		cr_expect_eq(f.scale, known[i].scale, "%s", f.name);
		cr_expect_eq(!f.label, !known[i].label, "%s", f.name);
		if (f.label && known[i].label) {
			cr_expect_str_eq(f.label, known[i].label);
			cr_expect_str_eq(f.value, known[i].value);
		}
	}
}

static void expect_exact(const char *name)
{
	const uint64_t *bound = metrics_family_bounds(name);

	for (uint64_t last = 0; *bound; last = *bound, bound++) {
		cr_expect_gt(*bound, last, "%s", name);
		cr_expect_eq(stats_histogram_bounds[stats_histogram_bucket(*bound)], *bound,
		             "%s: %llu", name, (unsigned long long)*bound);
	}
}

Test(metrics_family, bounds_of_histograms_are_whole_buckets)
{
	for (size_t i = 0; i < STATS_L7_SERVICE_TIMES; i++)
		expect_exact(stats_l7_service_time_fields[i].name);
	for (size_t i = 0; i < STATS_L7_BACKEND_TIMES; i++)
		expect_exact(stats_l7_backend_time_fields[i].name);
}

Test(metrics_family, times_are_seconds_and_called_as_the_conventions_say)
{
	bool has_token = false;

	for (size_t i = 0; i < STATS_L7_SERVICE_TIMES; i++) {
		struct metrics_family f;

		metrics_family_of_time(&f, "", &stats_l7_service_time_fields[i]);
		cr_expect(ends_with(f.name, "_seconds"), "%s", f.name);
		cr_expect(is_name(f.name), "%s", f.name);
		has_token |= strcmp(f.name, "gen_ai_server_time_to_first_token_seconds") == 0;
		if (strcmp(f.name, "gen_ai_server_time_per_output_token_seconds") == 0)
			cr_expect_str_eq(f.label, "source");
	}
	cr_expect(has_token);
	for (size_t i = 0; i < STATS_TCP_HISTOGRAMS; i++) {
		struct metrics_family f;

		metrics_family_of_log2(&f, "tcp_", &stats_tcp_histograms[i]);
		cr_expect(ends_with(f.name, "_seconds") || ends_with(f.name, "_segments"), "%s",
		          f.name);
	}
}
