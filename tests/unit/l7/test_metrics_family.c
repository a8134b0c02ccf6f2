// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics_family.h"

#include <criterion/criterion.h>

#include <ctype.h>
#include <string.h>

#include "l7/metrics_set.h"

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
	for (size_t k = 0; k < METRICS_KINDS; k++)
		for (size_t i = 0; i < metrics_set_lists[k].n_fields; i++) {
			const struct stats_field *field = &metrics_set_lists[k].fields[i];
			struct metrics_family f;

			metrics_family_of(&f, metrics_set_lists[k].prefix, field,
			                  metrics_set_lists[k].rules);
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

	metrics_family_of(&f, metrics_set_lists[kind].prefix, &metrics_set_lists[kind].fields[i],
	                  metrics_set_lists[kind].rules);
	snprintf(out, size, "%s %s", f.name, f.label ? f.value : "");
}

// Two counters under one name and label would be one sample twice, which Prometheus refuses.
Test(metrics_family, no_two_counters_are_one_sample)
{
	for (size_t k = 0; k < METRICS_KINDS; k++)
		for (size_t i = 0; i < metrics_set_lists[k].n_fields; i++)
			for (size_t l = 0; l <= k; l++)
				for (size_t j = 0; j < (l == k ? i : metrics_set_lists[l].n_fields);
				     j++) {
					char a[160], b[160];

					name_of(a, sizeof(a), k, i);
					name_of(b, sizeof(b), l, j);
					cr_assert_str_neq(a, b);
				}
}

// prometheus.io, "Writing exporters", Labels: a family's samples all have the same labels.
Test(metrics_family, a_family_has_one_label_and_one_type)
{
	for (size_t k = 0; k < METRICS_KINDS; k++)
		for (size_t i = 1; i < metrics_set_lists[k].n_fields; i++)
			for (size_t j = 0; j < i; j++) {
				struct metrics_family a, b;

				metrics_family_of(&a, metrics_set_lists[k].prefix,
				                  &metrics_set_lists[k].fields[i],
				                  metrics_set_lists[k].rules);
				metrics_family_of(&b, metrics_set_lists[k].prefix,
				                  &metrics_set_lists[k].fields[j],
				                  metrics_set_lists[k].rules);
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
	uint32_t unit_ns;
} known[] = {
	{METRICS_SERVICES, "open_websocket", "lb_active_connections", "protocol", "websocket", 0},
	{METRICS_SERVICES, "connections", "lb_connections_accepted_total", NULL, NULL, 0},
	{METRICS_SERVICES, "connections_http2", "lb_connections_total", "protocol", "http2", 0},
	{METRICS_SERVICES, "ends_client_abort", "lb_requests_ended_total", "reason", "client_abort",
         0},
	{METRICS_SERVICES, "streams_stalled", "lb_stalled_streams", NULL, NULL, 0},
	{METRICS_SERVICES, "streams_sse", "lb_streams_total", "protocol", "sse", 0},
	{METRICS_SERVICES, "tokens_out", "lb_tokens_total", "type", "output", 0},
	{METRICS_SERVICES, "bytes_out", "lb_response_bytes_total", NULL, NULL, 0},
	{METRICS_BACKENDS, "responses_5xx", "lb_backend_responses_total", "code", "5xx", 0},
	{METRICS_LANES, "busy_ns", "lb_lane_busy_seconds_total", NULL, NULL, 1},
	{METRICS_WORKERS, "buffers", "lb_worker_buffer_bytes", NULL, NULL, 0},
	{METRICS_XDP_PORTS, "no_socket", "lb_xdp_port_packets_total", "class", "no_socket", 0},
};

Test(metrics_family, known_ones_are_called_as_documented)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const struct stats_field *field = metrics_set_lists[known[i].kind].fields;
		struct metrics_family f;

		while (strcmp(field->name, known[i].field) != 0)
			field++;
		metrics_family_of(&f, metrics_set_lists[known[i].kind].prefix, field,
		                  metrics_set_lists[known[i].kind].rules);
		cr_expect_str_eq(f.name, known[i].name);
		cr_expect_eq(f.unit_ns, known[i].unit_ns, "%s", f.name);
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
	for (size_t i = 0; i < STATS_L7_MODEL_TIMES; i++)
		expect_exact(stats_l7_model_time_fields[i].name);
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
