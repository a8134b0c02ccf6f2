// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_l7.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static const char page[] = "conf/counters.md"; // tests are run from the root

Test(stats_list, reason_none_is_a_dash_and_forwards)
{
	cr_expect_str_eq(stats_reason_names[REASON_NONE], "-");
	cr_expect_eq(stats_reason_verdicts[REASON_NONE], VERDICT_FORWARD);
}

Test(stats_list, every_reason_has_a_verdict_a_name_of_its_own_and_help)
{
	for (size_t i = 0; i < REASON_COUNT; i++) {
		cr_expect_gt(stats_reason_verdicts[i], VERDICT_NONE);
		cr_expect_lt(stats_reason_verdicts[i], VERDICT_COUNT);
		cr_expect_gt(strlen(stats_reason_helps[i]), 0);
		for (size_t j = 0; j < i; j++)
			cr_expect_str_neq(stats_reason_names[i], stats_reason_names[j]);
	}
	cr_expect_str_eq(stats_verdict_names[stats_reason_verdicts[REASON_ICMP_ECHO]], "answer");
}

Test(stats_list, fields_point_at_their_counters)
{
	struct lane_counters lane = {.bursts = 5, .snat_ports = 6};

	for (size_t i = 0; i < STATS_LANE_FIELDS; i++) {
		const struct stats_field *f = &stats_lane_fields[i];
		uint64_t want = 0;

		if (strcmp(f->name, "bursts") == 0)
			want = 5;
		else if (strcmp(f->name, "snat_ports") == 0)
			want = 6;
		cr_expect_eq(stats_value(&lane, f), want, "%s", f->name);
		cr_expect_eq(f->kind,
		             want == 6 || strcmp(f->name, "flows") == 0 ? STATS_GAUGE
		                                                        : STATS_COUNTER,
		             "%s", f->name);
	}
}

Test(stats_list, fields_cover_their_structs)
{
	cr_expect_eq(STATS_SERVICE_FIELDS * sizeof(uint64_t), sizeof(struct service_counters));
	cr_expect_eq(STATS_BACKEND_FIELDS * sizeof(uint64_t), sizeof(struct backend_counters));
	cr_expect_eq(STATS_STEER_FIELDS * sizeof(uint64_t), sizeof(struct steer_counters));
	cr_expect_eq(stats_steer_fields[STATS_STEER_FIELDS - 1].offset + sizeof(uint64_t),
	             sizeof(struct steer_counters));
}

// Prometheus shows each help by itself: none may begin with what only the line above it explains.
static void expect_alone(const char *name, const char *help)
{
	static const char *const leaning[] = {"of these", "likewise", "their ", "these ", "those ",
	                                      "that ",    "in which", "it ",    "they ",  "ditto"};
	const char *text = strncmp(help, "nat: ", 5) == 0 ? help + 5 : help;

	for (size_t i = 0; i < ARRAY_LEN(leaning); i++)
		cr_expect_neq(strncmp(text, leaning[i], strlen(leaning[i])), 0, "%s: %s", name,
		              help);
	cr_expect_null(strstr(help, "of these: "), "%s: %s", name, help);
}

static void expect_all_alone(const struct stats_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_alone(fields[i].name, fields[i].help);
}

static void expect_times_alone(const struct stats_time *times, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_alone(times[i].name, times[i].help);
}

Test(stats_list, each_help_is_understood_by_itself)
{
	expect_all_alone(stats_lane_fields, STATS_LANE_FIELDS);
	expect_all_alone(stats_service_fields, STATS_SERVICE_FIELDS);
	expect_all_alone(stats_backend_fields, STATS_BACKEND_FIELDS);
	expect_all_alone(stats_steer_fields, STATS_STEER_FIELDS);
	expect_all_alone(stats_steer_service_fields, STATS_STEER_SERVICE_FIELDS);
	expect_all_alone(stats_tcp_fields, STATS_TCP_FIELDS);
	expect_all_alone(stats_worker_fields, STATS_WORKER_FIELDS);
	expect_all_alone(stats_l7_service_fields, STATS_L7_SERVICE_FIELDS);
	expect_all_alone(stats_l7_backend_fields, STATS_L7_BACKEND_FIELDS);
	expect_all_alone(stats_l7_model_fields, STATS_L7_MODEL_FIELDS);
	expect_times_alone(stats_l7_service_time_fields, STATS_L7_SERVICE_TIMES);
	expect_times_alone(stats_l7_backend_time_fields, STATS_L7_BACKEND_TIMES);
	expect_times_alone(stats_l7_model_time_fields, STATS_L7_MODEL_TIMES);
}

// scripts/write_counters.sh sets WRITE_COUNTERS to have the page written instead of compared.
Test(stats_list, the_page_in_conf_says_what_the_list_says)
{
	char *want = NULL, *is;
	size_t n_want = 0, n;
	FILE *out = open_memstream(&want, &n_want);
	FILE *in;

	cr_assert(out);
	cr_assert_eq(stats_reference(out), 0);
	fclose(out);
	in = fopen(page, getenv("WRITE_COUNTERS") ? "w+" : "r");
	cr_assert(in, "%s: not there; run scripts/write_counters.sh", page);
	if (getenv("WRITE_COUNTERS"))
		cr_assert_eq(fwrite(want, 1, n_want, in), n_want);
	rewind(in);
	is = calloc(1, n_want + 2);
	n = fread(is, 1, n_want + 1, in);
	fclose(in);
	cr_expect(n == n_want && memcmp(is, want, n) == 0,
	          "%s: not what l4/model/counters.h says; run scripts/write_counters.sh", page);
	free(is);
	free(want);
}
