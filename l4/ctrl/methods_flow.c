// SPDX-License-Identifier: BSD-3-Clause
// flow.count, flow.lookup
#include "l4/ctrl/methods.h"

#include <errno.h>
#include <stdio.h>

#include "l4/ctrl/flow_lookup.h"

static int add_lanes(struct methods_call *call, const struct flow_counts *counts)
{
	struct ctl_flow_count *out = &call->result.flow_count;
	const struct conf *conf = call->control->conf;

	for (uint16_t i = 0; i < conf->n_lanes; i++) {
		struct ctl_lane_flows *row = methods_row(call, &out->lanes, "lanes");

		if (!row)
			return -ENOMEM;
		row->lane = i;
		row->flows4 = counts->lanes[i][0];
		row->flows6 = counts->lanes[i][1];
		row->capacity = conf->flows / conf->n_lanes;
		out->flows += row->flows4 + row->flows6;
	}
	out->capacity = conf->flows;
	return 0;
}

static int add_backends(struct methods_call *call, const struct flow_counts *counts)
{
	struct ctl_flow_count *out = &call->result.flow_count;
	const struct roster *r = &call->control->roster;

	for (uint16_t id = 1; id < r->n_backends; id++) {
		const struct roster_backend *b = &r->backends[id];
		struct ctl_backend_flows *row;

		if (!b->e.used || (!b->e.live && !counts->backends[id]))
			continue;
		row = methods_row(call, &out->backends, "backends");
		if (!row)
			return -ENOMEM;
		snprintf(row->pool, sizeof(row->pool), "%s", b->pool);
		snprintf(row->name, sizeof(row->name), "%s", b->name);
		row->flows = counts->backends[id];
		row->share = out->flows ? 100. * (double)row->flows / (double)out->flows : 0.;
	}
	return 0;
}

static void on_counted(struct flow_scan_ask *ask, const struct flow_counts *counts)
{
	struct methods_call *call = CONTAINER_OF(ask, struct methods_call, ask);
	int rc = add_lanes(call, counts);

	methods_finish(call, rc ? rc : add_backends(call, counts));
}

int methods_flow_count(struct methods_call *call)
{
	return methods_count_flows(call, on_counted);
}

static void fill_backend(struct ctl_flow *out, const struct control *c, uint16_t id)
{
	const struct roster_backend *b = &c->roster.backends[id];

	if (id >= c->roster.n_backends || !b->e.used)
		return;
	snprintf(out->pool, sizeof(out->pool), "%s", b->pool);
	snprintf(out->backend, sizeof(out->backend), "%s", b->name);
	out->address = b->address;
	out->port = b->port;
}

int methods_flow_lookup(struct methods_call *call)
{
	static const char *const states[FLOW_STATE_COUNT] = {
		[FLOW_NONE] = "none",
		[FLOW_CLOSING] = "closing",
		[FLOW_RESET] = "reset",
		[FLOW_OPENING] = "opening",
		[FLOW_ANSWERED] = "answered",
		[FLOW_UDP] = "udp",
		[FLOW_ESTABLISHED] = "established",
	};
	const struct ctl_flow_key *key = &call->params->flow_key;
	const struct control *c = call->control;
	struct ctl_flow *out = &call->result.flow;
	const struct addr *snat;
	struct flow_lookup found;

	if (!flow_lookup_client(c, key, &found) && !flow_lookup_reply(c, key, &found))
		return err_set(&call->err, -ENOENT, "%s",
		               flow_lookup_service(c, key)
		                       ? "no lane has this flow"
		                       : "the destination is none of our services");
	out->lane = found.lane;
	out->age_s = found.age_s;
	snprintf(out->service, sizeof(out->service), "%s", c->roster.services[found.service].name);
	snprintf(out->state, sizeof(out->state), "%s",
	         states[flow_state(&found.copy.f) % FLOW_STATE_COUNT]);
	fill_backend(out, c, found.copy.f.backend);
	if (!be16_raw(found.copy.f.snat_port))
		return 0;
	out->snat_port = found.copy.f.snat_port;
	snat = snat_address(c->serving, key->source.family, flow_snat(&found.copy.f));
	if (snat)
		out->snat_address = *snat;
	return 0;
}
