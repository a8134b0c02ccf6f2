// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_json.h"

#include "tests/unit/tools/lbtopbuild.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

Test(lbtop_json, a_sample_comes_back_as_it_was)
{
	struct lbtop_sample *s = busy_sample(1795286008.5, 123), *back = NULL;
	struct err err = {0};
	char *line, *again;

	s->rows[LBTOP_SERVICE].row[0].value[3] = UINT64_MAX;
	s->rows[LBTOP_SERVICE].row[1].is_retired = true;
	snprintf(s->rows[LBTOP_SERVICE].row[1].protocol, 8, "quic");
	s->daemon[LBTOP_LB7D].state = LBTOP_DEAD;
	line = lbtop_json_encode_sample(s);
	cr_assert(line);
	cr_assert_eq(lbtop_json_decode(&back, line, strlen(line), &err), 0, "%s", err.msg);
	again = lbtop_json_encode_sample(back);
	cr_expect_str_eq(again, line);
	cr_expect_eq(back->time_ns, s->time_ns);
	cr_expect_eq(back->rows[LBTOP_SERVICE].row[0].value[3], UINT64_MAX);
	cr_expect_eq(back->rows[LBTOP_LANE].row[0].value[LBTOP_REASONS + REASON_IP_CKSUM], 1230);
	cr_expect_str_eq(back->rows[LBTOP_BACKEND].row[1].pool, "pool");
	free(line);
	free(again);
	lbtop_sample_free(s);
	lbtop_sample_free(back);
}

Test(lbtop_json, times_come_back_bucket_by_bucket)
{
	struct lbtop_sample *s = sample_at(9), *back = NULL;
	struct lbtop_row *row = rows_of(s, LBTOP_L7_SERVICE, 2, "api");
	const struct lbtop_row *other;
	struct err err = {0};
	char *line;

	cr_assert_eq(lbtop_sample_make_times(s, LBTOP_L7_SERVICE, &row[1]), 0);
	row[1].times[2].sum_ns = 77;
	for (size_t i = 0; i < STATS_HISTOGRAM_BUCKETS; i++)
		row[1].times[2].bucket[i] = i * 3 % 5;
	line = lbtop_json_encode_sample(s);
	cr_assert_eq(lbtop_json_decode(&back, line, strlen(line), &err), 0, "%s", err.msg);
	other = back->rows[LBTOP_L7_SERVICE].row;
	cr_expect_null(other[0].times);
	cr_assert(other[1].times);
	cr_expect_arr_eq(&other[1].times[2], &row[1].times[2], sizeof(row[1].times[2]));
	cr_expect_eq(stats_histogram_count(&other[1].times[0]), 0);
	free(line);
	lbtop_sample_free(s);
	lbtop_sample_free(back);
}

Test(lbtop_json, logs_come_back_bucket_by_bucket)
{
	struct lbtop_sample *s = sample_at(9), *back = NULL;
	struct lbtop_row *row = rows_of(s, LBTOP_TCP_SERVICE, 2, "api");
	const struct lbtop_row *other;
	struct err err = {0};
	char *line;

	cr_assert_eq(lbtop_sample_make_logs(s, LBTOP_TCP_SERVICE, &row[1]), 0);
	row[1].logs[1].sum = 77;
	for (size_t i = 0; i < COUNTERS_LOG2_BUCKETS; i++)
		row[1].logs[1].bucket[i] = i * 3 % 5;
	line = lbtop_json_encode_sample(s);
	cr_expect(strstr(line, "\"rtt\":{\"unit\":\"us\",\"sum\":77,\"buckets\":[[1,3],"), "%s",
	          line);
	cr_assert_eq(lbtop_json_decode(&back, line, strlen(line), &err), 0, "%s", err.msg);
	other = back->rows[LBTOP_TCP_SERVICE].row;
	cr_expect_null(other[0].logs);
	cr_assert(other[1].logs);
	cr_expect_arr_eq(&other[1].logs[1], &row[1].logs[1], sizeof(row[1].logs[1]));
	cr_expect_eq(other[1].logs[0].sum, 0);
	free(line);
	lbtop_sample_free(s);
	lbtop_sample_free(back);
}

Test(lbtop_json, rates_are_there_where_they_are_known)
{
	struct lbtop_model m;
	json_t *object, *lane, *rates;
	char *line;

	lbtop_model_init(&m);
	lbtop_model_push(&m, busy_sample(10, 1));
	lbtop_model_push(&m, busy_sample(12, 2));
	line = lbtop_json_encode(&m);
	object = json_loads(line, 0, NULL);
	cr_assert(object);
	cr_expect_eq(strchr(line, '\n'), line + strlen(line) - 1, "one line");
	lane = json_array_get(json_object_get(object, "lanes"), 0);
	rates = json_object_get(lane, "rates");
	cr_expect_eq(json_real_value(json_object_get(rates, "rx_packets")), 50);
	cr_expect_eq(json_real_value(json_object_get(rates, "ip_cksum")), 5);
	cr_expect_null(json_object_get(rates, "flows"), "a gauge has none");
	cr_expect_null(json_object_get(rates, "pool_empty"), "nor a reason that never was");
	json_decref(object);
	free(line);
	lbtop_model_fini(&m);
}

static const struct {
	const char *line, *why;
} refused[] = {
	{"", "no JSON"},
	{"{", "no JSON"},
	{"[]", "no object of lbtop"},
	{"{}", "no object of lbtop"},
	{"{\"lbtop\":\"1\"}", "no object of lbtop"},
	{"{\"lbtop\":2,\"time_ns\":1}", "version 2, and this lbtop reads 1"},
	{"{\"lbtop\":1}", "no time_ns"},
	{"{\"lbtop\":1,\"time_ns\":1,\"lb4d\":{}}", "lb4d.state: not one of ours"},
	{"{\"lbtop\":1,\"time_ns\":1,\"lb4d\":{\"state\":\"merry\"}}",
         "lb4d.state: not one of ours"},
	{"{\"lbtop\":1,\"time_ns\":1,\"lanes\":[{}]}", "lanes[0]: no id"},
	{"{\"lbtop\":1,\"time_ns\":1,\"lanes\":[7]}", "lanes[0]: no id"},
	{"{\"lbtop\":1,\"time_ns\":1,\"services\":[{\"id\":-1}]}", "services[0]: no id"},
	{"{\"lbtop\":1,\"time_ns\":1,\"services\":[{\"id\":4294967296}]}", "services[0]: no id"},
	{"{\"lbtop\":1,\"time_ns\":1,\"services\":[{\"id\":2},{\"id\":2}]}",
         "services[1]: no id, or not in order"},
};

Test(lbtop_json, what_is_no_sample_of_ours_is_refused_with_its_reason)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct lbtop_sample *s = NULL;
		struct err err = {0};

		cr_expect_eq(lbtop_json_decode(&s, refused[i].line, strlen(refused[i].line), &err),
		             -EPROTO, "%s", refused[i].line);
		cr_expect(strstr(err.msg, refused[i].why), "%s: %s", refused[i].line, err.msg);
		cr_expect_null(s);
	}
}

Test(lbtop_json, of_another_versions_counters_what_is_known_is_read)
{
	static const char line[] =
		"{\"lbtop\":1,\"time_ns\":5,\"new\":[1],\"services\":[{\"id\":4,\"name\":7,"
		"\"counters\":{\"packets\":3,\"teapots\":9,\"bytes\":\"x\"}}],\"lanes\":{}}";
	struct lbtop_sample *s = NULL;
	struct err err = {0};

	cr_assert_eq(lbtop_json_decode(&s, line, strlen(line), &err), 0, "%s", err.msg);
	cr_expect_eq(s->rows[LBTOP_SERVICE].row[0].value[0], 3);
	cr_expect_eq(s->rows[LBTOP_SERVICE].row[0].value[1], 0);
	cr_expect_str_eq(s->rows[LBTOP_SERVICE].row[0].name, "");
	cr_expect_eq(s->rows[LBTOP_LANE].n, 0);
	lbtop_sample_free(s);
}

Test(lbtop_json, control_characters_in_a_record_become_question_marks)
{
	static const char line[] = "{\"lbtop\":1,\"time_ns\":5,\"node\":\"a\\u001b[2Jb\\u00e4\"}";
	struct lbtop_sample *s = NULL;
	struct err err = {0};

	cr_assert_eq(lbtop_json_decode(&s, line, strlen(line), &err), 0, "%s", err.msg);
	cr_expect_str_eq(s->node, "a?[2Jb??");
	lbtop_sample_free(s);
}

Test(lbtop_json, an_error_is_an_object_and_no_sample)
{
	struct err err = {.code = -2, .msg = "no counters in \"x\""};
	struct lbtop_sample *s = NULL;
	char *line = lbtop_json_encode_error(&err, 77);

	cr_expect_str_eq(line,
	                 "{\"lbtop\":1,\"time_ns\":77,\"error\":\"no counters in \\\"x\\\"\"}\n");
	cr_expect_eq(lbtop_json_decode(&s, line, strlen(line), &err), 0);
	cr_expect_null(s);
	free(line);
}
