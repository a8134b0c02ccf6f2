// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_schema.h"

#include <string.h>

static_assert(LBTOP_REASONS == STATS_LANE_FIELDS, "reasons follow the fields");
static_assert(sizeof(struct service_counters) == STATS_SERVICE_FIELDS * sizeof(uint64_t), "words");
static_assert(sizeof(struct backend_counters) == STATS_BACKEND_FIELDS * sizeof(uint64_t), "words");

const struct lbtop_schema lbtop_schemas[LBTOP_KIND_COUNT] = {
	[LBTOP_LANE] = {.word = "lanes",
                        .fields = stats_lane_fields,
                        .n_fields = STATS_LANE_FIELDS,
                        .n_values = STATS_LANE_FIELDS + REASON_COUNT},
	[LBTOP_SERVICE] = {.word = "services",
                           .fields = stats_service_fields,
                           .n_fields = STATS_SERVICE_FIELDS,
                           .n_values = STATS_SERVICE_FIELDS},
	[LBTOP_BACKEND] = {.word = "backends",
                           .fields = stats_backend_fields,
                           .n_fields = STATS_BACKEND_FIELDS,
                           .n_values = STATS_BACKEND_FIELDS},
	[LBTOP_STEER] = {.word = "steered",
                         .fields = stats_steer_service_fields,
                         .n_fields = STATS_STEER_SERVICE_FIELDS,
                         .n_values = STATS_STEER_SERVICE_FIELDS},
	[LBTOP_WORKER] = {.word = "workers",
                          .fields = stats_worker_fields,
                          .n_fields = STATS_WORKER_FIELDS,
                          .n_values = STATS_WORKER_FIELDS,
                          .half = LBTOP_LB7D},
	[LBTOP_L7_SERVICE] = {.word = "l7_services",
                              .fields = stats_l7_service_fields,
                              .n_fields = STATS_L7_SERVICE_FIELDS,
                              .n_values = STATS_L7_SERVICE_FIELDS,
                              .times = stats_l7_service_time_fields,
                              .n_times = STATS_L7_SERVICE_TIMES,
                              .half = LBTOP_LB7D},
	[LBTOP_L7_BACKEND] = {.word = "l7_backends",
                              .fields = stats_l7_backend_fields,
                              .n_fields = STATS_L7_BACKEND_FIELDS,
                              .n_values = STATS_L7_BACKEND_FIELDS,
                              .times = stats_l7_backend_time_fields,
                              .n_times = STATS_L7_BACKEND_TIMES,
                              .half = LBTOP_LB7D},
	[LBTOP_TCP_SERVICE] = {.word = "tcp_services",
                               .fields = stats_tcp_fields,
                               .n_fields = STATS_TCP_FIELDS,
                               .n_values = STATS_TCP_FIELDS,
                               .logs = stats_tcp_histograms,
                               .n_logs = STATS_TCP_HISTOGRAMS},
	[LBTOP_TCP_BACKEND] = {.word = "tcp_backends",
                               .fields = stats_tcp_fields,
                               .n_fields = STATS_TCP_FIELDS,
                               .n_values = STATS_TCP_FIELDS,
                               .logs = stats_tcp_histograms,
                               .n_logs = STATS_TCP_HISTOGRAMS},
};

static const struct stats_field *field_of(enum lbtop_kind kind, uint16_t i)
{
	const struct lbtop_schema *s = &lbtop_schemas[kind];

	assert(i < s->n_values);
	return i < s->n_fields ? &s->fields[i] : NULL;
}

const char *lbtop_schema_name(enum lbtop_kind kind, uint16_t i)
{
	const struct stats_field *field = field_of(kind, i);

	if (field)
		return field->name;
	return i == LBTOP_REASONS + REASON_NONE ? "forwarded"
	                                        : stats_reason_names[i - LBTOP_REASONS];
}

const char *lbtop_schema_unit(enum lbtop_kind kind, uint16_t i)
{
	const struct stats_field *field = field_of(kind, i);

	return field ? field->unit : "packets";
}

const char *lbtop_schema_help(enum lbtop_kind kind, uint16_t i)
{
	const struct stats_field *field = field_of(kind, i);

	return field ? field->help : stats_reason_helps[i - LBTOP_REASONS];
}

bool lbtop_schema_is_gauge(enum lbtop_kind kind, uint16_t i)
{
	const struct stats_field *field = field_of(kind, i);

	return field && field->kind == STATS_GAUGE;
}

double lbtop_schema_log_ns(enum lbtop_kind kind, uint16_t i)
{
	const char *unit = lbtop_schemas[kind].logs[i].unit;

	if (strcmp(unit, "us") == 0)
		return 1e3;
	return strcmp(unit, "ms") == 0 ? 1e6 : 0;
}
