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

static int add_steered_row(struct methods_call *call, uint16_t port, const struct stats_field *f,
                           uint64_t packets)
{
	struct ctl_steered *row;

	if (!packets && !call->params->counters_params.all)
		return 0;
	row = methods_row(call, &call->result.counters.steered, "steered");
	if (!row)
		return -ENOMEM;
	snprintf(row->port, sizeof(row->port), "%s", call->control->conf->ports[port].name);
	snprintf(row->name, sizeof(row->name), "%s", f->name);
	snprintf(row->help, sizeof(row->help), "%s", f->help);
	row->packets = packets;
	return 0;
}

// The last row is what lies between the program and the lanes.
static int add_steered_port(struct methods_call *call, uint16_t port,
                            const struct steer_counters *count)
{
	static const struct stats_field missed = {
		.name = "missed", .help = "given to a lane whose queue had no room: dropped"};
	int rc = 0;

	for (size_t i = 0; !rc && i < STATS_STEER_FIELDS; i++)
		rc = add_steered_row(call, port, &stats_steer_fields[i],
		                     stats_value(count, &stats_steer_fields[i]));
	return rc ? rc : add_steered_row(call, port, &missed, call->control->ports[port].missed);
}

static int add_steered(struct methods_call *call)
{
	const struct control *c = call->control;
	int rc = 0;

	for (uint16_t i = 0; c->count_steered && !rc && i < c->conf->n_ports; i++) {
		struct steer_counters count;

		if (c->count_steered(c, i, &count) == 0)
			rc = add_steered_port(call, i, &count);
	}
	return rc;
}

// The fields of one set of a service's counters, as rows of `what`.
struct set {
	const struct stats_field *fields;
	size_t n;
	struct ctl_rows *rows;
	const char *what;
};

static int add_set(struct methods_call *call, const struct conf_service *s, const struct set *set,
                   const void *sum)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct stats_field *f = &set->fields[i];
		struct ctl_service_counter *row;

		if (!stats_value(sum, f) && !call->params->counters_params.all)
			continue;
		row = methods_row(call, set->rows, set->what);
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

static int add_service(struct methods_call *call, const struct conf_service *s)
{
	const struct set lanes = {stats_service_fields, STATS_SERVICE_FIELDS,
	                          &call->result.counters.services, "services"};
	const struct set steer = {stats_steer_service_fields, STATS_STEER_SERVICE_FIELDS,
	                          &call->result.counters.services_steered, "services_steered"};
	const struct control *c = call->control;
	uint16_t id = roster_service_id(&c->roster, s);
	struct service_counters sum;
	struct steer_service_counters steered;
	int rc;

	stats_sum_service(c->stats, id, &sum);
	rc = add_set(call, s, &lanes, &sum);
	if (rc || !c->count_steered)
		return rc;
	stats_sum_steer_service(c->stats, id, &steered);
	return add_set(call, s, &steer, &steered);
}

static int add_services(struct methods_call *call)
{
	const struct conf *conf = call->control->conf;
	int rc = 0;

	for (uint16_t i = 0; !rc && i < conf->n_services; i++)
		rc = add_service(call, &conf->services[i]);
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
	if (!rc)
		rc = add_services(call);
	return rc ? rc : methods_counters_tcp(call);
}
