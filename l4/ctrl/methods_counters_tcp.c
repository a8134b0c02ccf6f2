// SPDX-License-Identifier: BSD-3-Clause
// counters: what the kernel counted of TCP
#include "l4/ctrl/methods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "l4/model/stats_log2.h"
#include "l4/model/tcp_watch.h"

struct owner {
	const char *side;
	char name[2 * CTL_NAME_SIZE];
	const struct tcp_counters *counters;
};

static int add_counters(struct methods_call *call, const struct owner *owner)
{
	for (size_t i = 0; i < STATS_TCP_FIELDS; i++) {
		const struct stats_field *f = &stats_tcp_fields[i];
		struct ctl_tcp *row;

		if (!stats_value(owner->counters, f) && !call->params->counters_params.all)
			continue;
		row = methods_row(call, &call->result.counters.tcp, "tcp");
		if (!row)
			return -ENOMEM;
		snprintf(row->side, sizeof(row->side), "%s", owner->side);
		snprintf(row->name, sizeof(row->name), "%s", owner->name);
		snprintf(row->counter, sizeof(row->counter), "%s", f->name);
		snprintf(row->unit, sizeof(row->unit), "%s", f->unit);
		snprintf(row->help, sizeof(row->help), "%s", f->help);
		row->value = stats_value(owner->counters, f);
	}
	return 0;
}

static int add_histograms(struct methods_call *call, const struct owner *owner)
{
	for (size_t i = 0; i < STATS_TCP_HISTOGRAMS; i++) {
		const struct stats_log2_field *f = &stats_tcp_histograms[i];
		const struct counters_log2 *h =
			(const void *)((const char *)owner->counters + f->offset);
		uint64_t n = stats_log2_count(h);
		struct ctl_tcp_histogram *row;

		if (!n && !call->params->counters_params.all)
			continue;
		row = methods_row(call, &call->result.counters.tcp_histograms, "tcp_histograms");
		if (!row)
			return -ENOMEM;
		snprintf(row->side, sizeof(row->side), "%s", owner->side);
		snprintf(row->name, sizeof(row->name), "%s", owner->name);
		snprintf(row->histogram, sizeof(row->histogram), "%s", f->name);
		snprintf(row->unit, sizeof(row->unit), "%s", f->unit);
		snprintf(row->help, sizeof(row->help), "%s", f->help);
		row->values = n;
		row->median = (uint64_t)(stats_log2_quantile(h, 0.5) + 0.5);
		row->p99 = (uint64_t)(stats_log2_quantile(h, 0.99) + 0.5);
	}
	return 0;
}

static struct owner owner_of(const struct control *c, const struct tcp_watch *w)
{
	struct owner owner = {.side = w->is_backend ? "backend" : "service"};

	if (w->is_backend) {
		const struct roster_backend *b = &c->roster.backends[w->id];

		snprintf(owner.name, sizeof(owner.name), "%s/%s", b->pool, b->name);
		owner.counters = &c->stats->tcp_backends[w->id];
	} else {
		snprintf(owner.name, sizeof(owner.name), "%s", c->roster.services[w->id].name);
		owner.counters = &c->stats->tcp_services[w->id];
	}
	return owner;
}

int methods_counters_tcp(struct methods_call *call)
{
	const struct control *c = call->control;
	struct tcp_watch *list;
	size_t n;
	int rc = tcp_watch_list(&list, &n, c->conf, &c->roster);

	if (rc)
		return err_set(&call->err, rc, "tcp: out of memory");
	for (size_t i = 0; !rc && i < n; i++) {
		struct owner owner = owner_of(c, &list[i]);

		rc = add_counters(call, &owner);
		if (!rc)
			rc = add_histograms(call, &owner);
	}
	free(list);
	return rc;
}
