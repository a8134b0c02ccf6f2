// SPDX-License-Identifier: BSD-3-Clause
// counters
#include "l4/ctrl/methods.h"

#include <errno.h>
#include <stdio.h>

static int add_counters(struct methods_call *call, const struct lane_counters *sum)
{
	for (size_t i = 0; i < STATS_LANE_FIELDS; i++) {
		const struct stats_field *f = &stats_lane_fields[i];
		struct ctl_counter *row;

		if (!stats_value(sum, f) && !call->params->counters_params.all)
			continue;
		row = methods_row(call, &call->result.counters.counters, "counters");
		if (!row)
			return -ENOMEM;
		snprintf(row->name, sizeof(row->name), "%s", f->name);
		snprintf(row->unit, sizeof(row->unit), "%s", f->unit);
		snprintf(row->help, sizeof(row->help), "%s", f->help);
		row->value = stats_value(sum, f);
	}
	return 0;
}

static int add_reasons(struct methods_call *call, const struct lane_counters *sum)
{
	for (size_t i = 0; i < REASON_COUNT; i++) {
		struct ctl_reason *row;

		if (!sum->reason[i] && !call->params->counters_params.all)
			continue;
		row = methods_row(call, &call->result.counters.reasons, "reasons");
		if (!row)
			return -ENOMEM;
		snprintf(row->name, sizeof(row->name), "%s", stats_reason_names[i]);
		snprintf(row->verdict, sizeof(row->verdict), "%s",
		         stats_verdict_names[stats_reason_verdicts[i]]);
		snprintf(row->help, sizeof(row->help), "%s", stats_reason_helps[i]);
		row->packets = sum->reason[i];
	}
	return 0;
}

static int add_steered_port(struct methods_call *call, const struct conf_port *port,
                            const struct steer_counters *count)
{
	for (size_t i = 0; i < STATS_STEER_FIELDS; i++) {
		const struct stats_field *f = &stats_steer_fields[i];
		struct ctl_steered *row;

		if (!stats_value(count, f) && !call->params->counters_params.all)
			continue;
		row = methods_row(call, &call->result.counters.steered, "steered");
		if (!row)
			return -ENOMEM;
		snprintf(row->port, sizeof(row->port), "%s", port->name);
		snprintf(row->name, sizeof(row->name), "%s", f->name);
		snprintf(row->help, sizeof(row->help), "%s", f->help);
		row->packets = stats_value(count, f);
	}
	return 0;
}

static int add_steered(struct methods_call *call)
{
	const struct control *c = call->control;
	int rc = 0;

	for (uint16_t i = 0; c->count_steered && !rc && i < c->conf->n_ports; i++) {
		struct steer_counters count;

		if (c->count_steered(c, i, &count) == 0)
			rc = add_steered_port(call, &c->conf->ports[i], &count);
	}
	return rc;
}

static int add_service(struct methods_call *call, const struct conf_service *s,
                       const struct service_counters *sum)
{
	for (size_t i = 0; i < STATS_SERVICE_FIELDS; i++) {
		const struct stats_field *f = &stats_service_fields[i];
		struct ctl_service_counter *row;

		if (!stats_value(sum, f) && !call->params->counters_params.all)
			continue;
		row = methods_row(call, &call->result.counters.services, "services");
		if (!row)
			return -ENOMEM;
		snprintf(row->service, sizeof(row->service), "%s", s->name);
		snprintf(row->name, sizeof(row->name), "%s", f->name);
		snprintf(row->unit, sizeof(row->unit), "%s", f->unit);
		snprintf(row->help, sizeof(row->help), "%s", f->help);
		row->value = stats_value(sum, f);
	}
	return 0;
}

static int add_services(struct methods_call *call)
{
	const struct control *c = call->control;
	int rc = 0;

	for (uint16_t i = 0; !rc && i < c->conf->n_services; i++) {
		struct service_counters sum;

		stats_sum_service(c->stats, roster_service_id(&c->roster, &c->conf->services[i]),
		                  &sum);
		rc = add_service(call, &c->conf->services[i], &sum);
	}
	return rc;
}

static void account(struct ctl_counters *out, const struct lane_counters *sum)
{
	uint64_t by_verdict[VERDICT_COUNT] = {0};

	for (size_t i = 0; i < REASON_COUNT; i++)
		by_verdict[stats_reason_verdicts[i]] += sum->reason[i];
	out->received = sum->rx_packets;
	out->forwarded = by_verdict[VERDICT_FORWARD];
	out->punted = by_verdict[VERDICT_PUNT];
	out->answered = by_verdict[VERDICT_ANSWER];
	out->dropped = by_verdict[VERDICT_DROP];
	out->difference = stats_identity(sum);
}

int methods_counters(struct methods_call *call)
{
	struct lane_counters sum;
	int rc;

	stats_sum_lanes(call->control->stats, &sum);
	account(&call->result.counters, &sum);
	rc = add_counters(call, &sum);
	if (!rc)
		rc = add_reasons(call, &sum);
	if (!rc)
		rc = add_steered(call);
	return rc ? rc : add_services(call);
}
