// SPDX-License-Identifier: BSD-3-Clause
// The lists of counters.h as tables, and the page that explains them to operators.
#include <errno.h>

#include "l4/model/stats_l7.h"

const char *const stats_verdict_names[VERDICT_COUNT] = {
	[VERDICT_NONE] = "none",     [VERDICT_FORWARD] = "forward", [VERDICT_PUNT] = "punt",
	[VERDICT_ANSWER] = "answer", [VERDICT_DROP] = "drop",
};

#define X(SYMBOL, name, VERDICT, help) REASON_##SYMBOL == REASON_NONE ? "-" : #name,
const char *const stats_reason_names[REASON_COUNT] = {REASONS(X)};
#undef X

#define X(SYMBOL, name, VERDICT, help) help,
const char *const stats_reason_helps[REASON_COUNT] = {REASONS(X)};
#undef X

#define X(SYMBOL, name, VERDICT, help) VERDICT_##VERDICT,
const uint8_t stats_reason_verdicts[REASON_COUNT] = {REASONS(X)};
#undef X

#define counter STATS_COUNTER
#define gauge STATS_GAUGE

#define X(name, kind, unit, help) {#name, kind, #unit, help, offsetof(struct lane_counters, name)},
const struct stats_field stats_lane_fields[STATS_LANE_FIELDS] = {COUNTERS_LANE(X)};
#undef X

#define X(name, kind, unit, help) \
	{#name, kind, #unit, help, offsetof(struct service_counters, name)},
const struct stats_field stats_service_fields[STATS_SERVICE_FIELDS] = {COUNTERS_SERVICE(X)};
#undef X

#define X(name, kind, unit, help) \
	{#name, kind, #unit, help, offsetof(struct backend_counters, name)},
const struct stats_field stats_backend_fields[STATS_BACKEND_FIELDS] = {COUNTERS_BACKEND(X)};
#undef X

#define X(name, kind, unit, help) {#name, kind, #unit, help, offsetof(struct steer_counters, name)},
const struct stats_field stats_steer_fields[STATS_STEER_FIELDS] = {COUNTERS_STEER(X)};
#undef X

#define X(name, kind, unit, help) \
	{#name, kind, #unit, help, offsetof(struct worker_counters, name)},
const struct stats_field stats_worker_fields[STATS_WORKER_FIELDS] = {COUNTERS_WORKER(X)};
#undef X

#define X(name, kind, unit, help) \
	{#name, kind, #unit, help, offsetof(struct steer_service_counters, name)},
const struct stats_field stats_steer_service_fields[STATS_STEER_SERVICE_FIELDS] = {
	COUNTERS_STEER_SERVICE(X)};
#undef X

#define X(name, kind, unit, help) {#name, kind, #unit, help, offsetof(struct tcp_counters, name)},
const struct stats_field stats_tcp_fields[STATS_TCP_FIELDS] = {COUNTERS_TCP(X)};
#undef X
#undef counter
#undef gauge

#define X(name, unit, help) {#name, #unit, help, offsetof(struct tcp_counters, name)},
const struct stats_log2_field stats_tcp_histograms[STATS_TCP_HISTOGRAMS] = {HISTOGRAMS_TCP(X)};
#undef X

static void print_fields(FILE *out, const char *title, const struct stats_field *fields, size_t n)
{
	fprintf(out, "\n## %s\n\n| counter | kind | unit | what it counts |\n|---|---|---|---|\n",
	        title);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "| `%s` | %s | %s | %s |\n", fields[i].name,
		        fields[i].kind == STATS_GAUGE ? "gauge" : "counter", fields[i].unit,
		        fields[i].help);
}

static void print_histograms(FILE *out)
{
	for (size_t i = 0; i < STATS_TCP_HISTOGRAMS; i++)
		fprintf(out, "| `%s` | histogram | %s | %s |\n", stats_tcp_histograms[i].name,
		        stats_tcp_histograms[i].unit, stats_tcp_histograms[i].help);
}

static void print_times(FILE *out, const struct stats_time *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "| `%s` | histogram | ns | %s |\n", fields[i].name, fields[i].help);
}

static void print_reasons(FILE *out)
{
	fprintf(out,
	        "\n## Reasons\n\n"
	        "Every packet ends in one verdict with one reason. `received` (`rx_packets`) is the sum\n"
	        "of all reasons, always; a difference is a bug.\n\n"
	        "| reason | verdict | what happened |\n|---|---|---|\n");
	for (size_t i = 0; i < REASON_COUNT; i++)
		fprintf(out, "| `%s` | %s | %s |\n", stats_reason_names[i],
		        stats_verdict_names[stats_reason_verdicts[i]], stats_reason_helps[i]);
}

int stats_reference(FILE *out)
{
	fprintf(out,
	        "# Counters\n\n"
	        "Written by scripts/write_counters.sh from l4/model/counters.h; do not edit.\n\n"
	        "One writer each, plain increments, read without asking a daemon:\n"
	        "`bpftool map dump pinned /sys/fs/bpf/lb47/lanes`, or the files of the same names under\n"
	        "/dev/shm/lb47 where BPF is not permitted. Counters only grow, gauges say how it is now;\n"
	        "counters survive a restart of the daemon, and its death.\n"
	        "\n"
	        "lb4d writes `lanes`, `services`, `backends`; its and the kernel's programs `steer_services`,\n"
	        "`tcp_services`, `tcp_backends`, `steer_ports` (copied each second); lb7d `workers`, `l7_services`, `l7_backends`, `l7_service_times`\n"
	        "`l7_backend_times`, `l7_models`, `l7_model_times`, one set for each worker, to be summed. What an index stands for is in\n"
	        "`service_names`, `backend_names` and their `l7_` kin.\n"
	        "\n"
	        "In Prometheus they begin with `lb_`: `lb_lane_`, `lb_l4_service_`, `lb_l4_backend_`,\n"
	        "`lb_xdp_service_`, `lb_xdp_port_`, `lb_tcp_`, `lb_tcp_backend_`, `lb_worker_`, `lb_backend_`, `lb_model_`, and plain `lb_` for\n"
	        "the services of L7 workers; counters end in `_total`; times are seconds. Names of one family\n"
	        "become a label: `responses_2xx` is `lb_responses_total{code=\"2xx\"}`, `open_http2`\n"
	        "`lb_active_connections{protocol=\"http2\"}`, `ends_drained` `lb_requests_ended_total{reason=\"drained\"}`.\n"
	        "`time_to_first_token` and `time_per_output_token_*` are\n"
	        "`gen_ai_server_time_to_first_token_seconds` and `gen_ai_server_time_per_output_token_seconds`\n"
	        "(with `source`). A service's label is its name in `services`; what a port's XDP program saw is\n"
	        "`lb_xdp_port_packets_total{port=\"wan\",class=\"passed\"}`.\n"
	        "\n"
	        "Counters and gauges are there from the start, at zero, so that `rate()` sees the first one, too; a histogram\n"
	        "begins with the first connection or request of its service, backend or model, those of streams with the first\n"
	        "stream, and all of `lb_tcp_` with the first connection: else most lines of a large node would be\n"
	        "zeros for ever.\n");
	print_reasons(out);
	print_fields(out, "Lanes", stats_lane_fields, STATS_LANE_FIELDS);
	print_fields(out, "Services", stats_service_fields, STATS_SERVICE_FIELDS);
	print_fields(out, "Backends", stats_backend_fields, STATS_BACKEND_FIELDS);
	print_fields(out, "Ports with an XDP program", stats_steer_fields, STATS_STEER_FIELDS);
	print_fields(out, "Services, as the XDP programs steer them", stats_steer_service_fields,
	             STATS_STEER_SERVICE_FIELDS);
	print_fields(out, "TCP of L7 services and of backends", stats_tcp_fields, STATS_TCP_FIELDS);
	print_histograms(out);
	print_fields(out, "L7 workers", stats_worker_fields, STATS_WORKER_FIELDS);
	print_fields(out, "Services of L7 workers", stats_l7_service_fields,
	             STATS_L7_SERVICE_FIELDS);
	print_times(out, stats_l7_service_time_fields, STATS_L7_SERVICE_TIMES);
	print_fields(out, "Backends of L7 workers", stats_l7_backend_fields,
	             STATS_L7_BACKEND_FIELDS);
	print_times(out, stats_l7_backend_time_fields, STATS_L7_BACKEND_TIMES);
	print_fields(out, "Models that the configuration names", stats_l7_model_fields,
	             STATS_L7_MODEL_FIELDS);
	print_times(out, stats_l7_model_time_fields, STATS_L7_MODEL_TIMES);
	return ferror(out) ? -EIO : 0;
}
