// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics_page.h"

#include <criterion/criterion.h>

#include <string.h>

static char said[65536];
static struct text out = {.ptr = said, .size = sizeof(said) - 1};

Test(metrics_page, labels_are_escaped)
{
	char labels[METRICS_PAGE_LABELS] = "";

	metrics_page_label(labels, "a", "x\"y\\z\nw");
	metrics_page_label(labels, "b", "");
	metrics_page_label_number(labels, "c", UINT32_MAX);
	cr_expect_str_eq(labels, "a=\"x\\\"y\\\\z\\nw\",b=\"\",c=\"4294967295\"");
}

Test(metrics_page, labels_too_long_are_cut_and_closed)
{
	char value[2 * METRICS_PAGE_LABELS];

	static const char fills[] = {'"', 'a'};

	for (size_t f = 0; f < ARRAY_LEN(fills); f++)
		for (size_t n = 0; n < sizeof(value); n++) {
			char guarded[METRICS_PAGE_LABELS + 8] = "";

			memset(guarded + METRICS_PAGE_LABELS, 0x55, 8);
			memset(value, fills[f], n);
			value[n] = '\0';
			metrics_page_label(guarded, "a", value);
			metrics_page_label(guarded, "b", value);
			cr_assert_lt(strlen(guarded), METRICS_PAGE_LABELS);
			cr_assert_eq(guarded[strlen(guarded) - 1], '"');
			for (int i = 0; i < 8; i++)
				cr_assert_eq(guarded[METRICS_PAGE_LABELS + i], 0x55);
		}
}

Test(metrics_page, numbers_are_exact_and_have_no_exponent)
{
	metrics_page_count(&out, "a", "", UINT64_MAX);
	metrics_page_gauge(&out, "b", "x=\"y\"", -3);
	metrics_page_gauge(&out, "b", "", INT64_MIN);
	metrics_page_gauge(&out, "b", "", 4294967296);
	cr_expect_str_eq(said, "a 18446744073709551615\n"
	                       "b{x=\"y\"} -3\n"
	                       "b -9223372036854775808\n"
	                       "b 4294967296\n");
}

static const struct {
	uint64_t ns;
	const char *want;
} times[] = {
	{0, "t 0\n"},
	{1, "t 0.000000001\n"},
	{5000, "t 0.000005\n"},
	{250000000, "t 0.25\n"},
	{1000000000, "t 1\n"},
	{1234500000000, "t 1234.5\n"},
	{UINT64_MAX, "t 18446744073.709551615\n"},
};

Test(metrics_page, times_are_seconds_to_the_nanosecond)
{
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		size_t before = out.len;

		metrics_page_seconds(&out, "t", "", times[i].ns);
		cr_expect_str_eq(said + before, times[i].want);
	}
}

Test(metrics_page, a_histogram_is_cumulative_and_ends_with_all)
{
	struct stats_histogram h = {0};

	stats_histogram_record(&h, 4000);
	stats_histogram_record(&h, 5000);
	stats_histogram_record(&h, 5001);
	stats_histogram_record(&h, UINT64_C(99000000000));
	metrics_page_time(&out, "x", "service=\"s\"", &h, metrics_family_bounds("delay_added"));
	cr_expect(strstr(said, "x_bucket{service=\"s\",le=\"0.000005\"} 2\n"), "%s", said);
	cr_expect(strstr(said, "x_bucket{service=\"s\",le=\"0.00001\"} 3\n"));
	cr_expect(strstr(said, "x_bucket{service=\"s\",le=\"1\"} 3\n"));
	cr_expect(strstr(said, "x_bucket{service=\"s\",le=\"+Inf\"} 4\n"));
	cr_expect(strstr(said, "x_sum{service=\"s\"} 99.000014001\n"));
	cr_expect(strstr(said, "x_count{service=\"s\"} 4\n"));
}

static void write_log2(const char *name, const struct counters_log2 *h)
{
	for (size_t i = 0; i < STATS_TCP_HISTOGRAMS; i++)
		if (strcmp(stats_tcp_histograms[i].name, name) == 0) {
			struct metrics_family f;

			metrics_family_of_log2(&f, "tcp_", &stats_tcp_histograms[i]);
			metrics_page_log2(&out, &f, "service=\"s\"", h);
		}
}

// Bucket 6 counts 32 to 63 us, whole microseconds of what was below 64 us.
Test(metrics_page, powers_of_two_are_bounds_of_times_and_one_less_of_numbers)
{
	struct counters_log2 times_us = {.bucket = {[3] = 2, [6] = 1, [31] = 1}, .sum = 9};
	struct counters_log2 numbers = {.bucket = {[0] = 5, [1] = 1}, .sum = 1};

	write_log2("handshake", &times_us);
	write_log2("resent", &numbers);
	cr_expect(
		strstr(said, "lb_tcp_handshake_seconds_bucket{service=\"s\",le=\"0.000032\"} 2\n"),
		"%s", said);
	cr_expect(
		strstr(said, "lb_tcp_handshake_seconds_bucket{service=\"s\",le=\"0.000064\"} 3\n"));
	cr_expect(strstr(said, "lb_tcp_handshake_seconds_bucket{service=\"s\",le=\"+Inf\"} 4\n"));
	cr_expect(strstr(said, "lb_tcp_handshake_seconds_sum{service=\"s\"} 0.000009\n"));
	cr_expect(strstr(said, "lb_tcp_resent_segments_bucket{service=\"s\",le=\"0\"} 5\n"));
	cr_expect(strstr(said, "lb_tcp_resent_segments_bucket{service=\"s\",le=\"1\"} 6\n"));
	cr_expect(strstr(said, "lb_tcp_resent_segments_sum{service=\"s\"} 1\n"));
}

// The longest name, labels and numbers that there can be.
Test(metrics_page, the_longest_rows_have_their_room)
{
	struct metrics_family f = {.unit_ns = 1000000};
	char labels[METRICS_PAGE_LABELS];
	struct stats_histogram h;
	struct counters_log2 log2;

	memset(f.name, 'n', sizeof(f.name) - 1);
	memset(labels, 'l', sizeof(labels) - 1);
	labels[sizeof(labels) - 1] = '\0';
	memset(&h, 0xff, sizeof(h));
	memset(&log2, 0xff, sizeof(log2));
	metrics_page_log2(&out, &f, labels, &log2);
	cr_expect_leq(out.len, METRICS_PAGE_ROW, "%zu", out.len);
	for (size_t i = 0; i < STATS_L7_SERVICE_TIMES; i++) {
		out.len = 0;
		metrics_page_time(&out, f.name, labels, &h,
		                  metrics_family_bounds(stats_l7_service_time_fields[i].name));
		cr_expect_leq(out.len, METRICS_PAGE_ROW, "%zu", out.len);
	}
}
