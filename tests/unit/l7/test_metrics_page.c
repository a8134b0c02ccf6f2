// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics_page.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static char *text;
static size_t len;
static FILE *out;

static void setup(void)
{
	out = open_memstream(&text, &len);
	cr_assert(out);
}

static void teardown(void)
{
	fclose(out);
	free(text);
}

TestSuite(metrics_page, .init = setup, .fini = teardown);

static const char *said(void)
{
	fflush(out);
	return text;
}

Test(metrics_page, labels_are_escaped)
{
	char labels[METRICS_PAGE_LABELS] = "";

	metrics_page_label(labels, "a", "x\"y\\z\nw");
	metrics_page_label(labels, "b", "");
	cr_expect_str_eq(labels, "a=\"x\\\"y\\\\z\\nw\",b=\"\"");
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

static const struct {
	double value;
	const char *want;
} values[] = {
	{0, "x 0\n"},
	{-3, "x -3\n"},
	{4294967296., "x 4294967296\n"},
	{.000005, "x 0.000005\n"},
	{.25, "x 0.25\n"},
	{1234.5, "x 1234.5\n"},
};

Test(metrics_page, numbers_have_no_exponent)
{
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		size_t before = strlen(said());

		metrics_page_value(out, "x", "", values[i].value);
		cr_expect_str_eq(said() + before, values[i].want);
	}
}

Test(metrics_page, a_histogram_is_cumulative_and_ends_with_all)
{
	static struct l7_service_histograms times;
	static const char labels[1][METRICS_PAGE_LABELS] = {"service=\"s\""};
	const struct metrics_page_set set = {"", &times, sizeof(times), labels, 1};
	const struct stats_time *delay = &stats_l7_service_time_fields[STATS_L7_SERVICE_TIMES - 1];

	stats_histogram_record(&times.delay_added, 4000);
	stats_histogram_record(&times.delay_added, 5000);
	stats_histogram_record(&times.delay_added, 5001);
	stats_histogram_record(&times.delay_added, UINT64_C(99000000000));
	metrics_page_times(out, &set, delay, 1);
	cr_expect(strstr(said(), "# TYPE lb_delay_added_seconds histogram\n"), "%s", said());
	cr_expect(
		strstr(said(), "lb_delay_added_seconds_bucket{service=\"s\",le=\"0.000005\"} 2\n"));
	cr_expect(
		strstr(said(), "lb_delay_added_seconds_bucket{service=\"s\",le=\"0.00001\"} 3\n"));
	cr_expect(strstr(said(), "lb_delay_added_seconds_bucket{service=\"s\",le=\"1\"} 3\n"));
	cr_expect(strstr(said(), "lb_delay_added_seconds_bucket{service=\"s\",le=\"+Inf\"} 4\n"));
	cr_expect(strstr(said(), "lb_delay_added_seconds_sum{service=\"s\"} 99.000014001\n"));
	cr_expect(strstr(said(), "lb_delay_added_seconds_count{service=\"s\"} 4\n"));
}

// Bucket 6 counts 32 to 63 us, whole microseconds of what was below 64 us.
Test(metrics_page, powers_of_two_are_bounds_of_times_and_one_less_of_numbers)
{
	static struct tcp_counters tcp;
	static const char labels[1][METRICS_PAGE_LABELS] = {"service=\"s\""};
	const struct metrics_page_set set = {"tcp_", &tcp, sizeof(tcp), labels, 1};

	tcp.handshake.bucket[3] = 2;
	tcp.handshake.bucket[6] = 1;
	tcp.handshake.bucket[31] = 1;
	tcp.handshake.sum = 9;
	tcp.resent.bucket[0] = 5;
	tcp.resent.bucket[1] = 1;
	metrics_page_log2(out, &set, stats_tcp_histograms, STATS_TCP_HISTOGRAMS);
	cr_expect(strstr(said(),
	                 "lb_tcp_handshake_seconds_bucket{service=\"s\",le=\"0.000032\"} 2\n"));
	cr_expect(strstr(said(),
	                 "lb_tcp_handshake_seconds_bucket{service=\"s\",le=\"0.000064\"} 3\n"));
	cr_expect(strstr(said(), "lb_tcp_handshake_seconds_bucket{service=\"s\",le=\"+Inf\"} 4\n"));
	cr_expect(strstr(said(), "lb_tcp_handshake_seconds_sum{service=\"s\"} 0.000009\n"));
	cr_expect(strstr(said(), "lb_tcp_resent_segments_bucket{service=\"s\",le=\"0\"} 5\n"));
	cr_expect(strstr(said(), "lb_tcp_resent_segments_bucket{service=\"s\",le=\"1\"} 6\n"));
}

Test(metrics_page, a_family_is_in_one_piece)
{
	static struct l7_service_counters two[2];
	static const char labels[2][METRICS_PAGE_LABELS] = {"service=\"a\"", "service=\"b\""};
	const struct metrics_page_set set = {"", two, sizeof(two[0]), labels, 2};
	const char *from, *to;

	two[1].responses_5xx = 7;
	metrics_page_counters(out, &set, stats_l7_service_fields, STATS_L7_SERVICE_FIELDS,
	                      metrics_family_service);
	from = strstr(said(), "# TYPE lb_responses_total counter\n");
	cr_assert(from);
	to = strstr(from, "# HELP");
	cr_assert(to);
	from = strstr(from, "lb_responses_total{service=\"b\",code=\"5xx\"} 7\n");
	cr_expect(from && from < to);
	cr_expect_null(strstr(to, "lb_responses_total"));
}
