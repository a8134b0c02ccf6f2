// SPDX-License-Identifier: BSD-3-Clause
// counters: of the workers, their services and backends, from the store that they add to.
#include <errno.h>
#include <stdio.h>

#include "l7/operator_method.h"

// What a call fills.
struct listing {
	struct stats_l7 *store;
	struct ctl_counters *out;
	struct err *err;
	bool all; // zeros too
};

static int add_worker_counters(struct listing *l, const struct manager *m)
{
	struct worker_counters sum;

	manager_count(m, &sum);
	for (size_t i = 0; i < STATS_WORKER_FIELDS; i++) {
		const struct stats_field *f = &stats_worker_fields[i];
		struct ctl_counter *row;

		if (!stats_value(&sum, f) && !l->all)
			continue;
		row = operator_method_row(CTL_COUNTERS, "counters", &l->out->counters, l->err);
		if (!row)
			return -ENOMEM;
		snprintf(row->name, sizeof(row->name), "%s", f->name);
		snprintf(row->unit, sizeof(row->unit), "%s", f->unit);
		snprintf(row->help, sizeof(row->help), "%s", f->help);
		row->value = stats_value(&sum, f);
	}
	return 0;
}

static int add_service_counters(struct listing *l, const struct stats_l7_name *name,
                                const struct l7_service_counters *sum)
{
	for (size_t i = 0; i < STATS_L7_SERVICE_FIELDS; i++) {
		const struct stats_field *f = &stats_l7_service_fields[i];
		struct ctl_service_counter *row;

		if (!stats_value(sum, f) && !l->all)
			continue;
		row = operator_method_row(CTL_COUNTERS, "services", &l->out->services, l->err);
		if (!row)
			return -ENOMEM;
		snprintf(row->service, sizeof(row->service), "%s", name->name);
		snprintf(row->name, sizeof(row->name), "%s", f->name);
		snprintf(row->unit, sizeof(row->unit), "%s", f->unit);
		snprintf(row->help, sizeof(row->help), "%s", f->help);
		row->value = stats_value(sum, f);
	}
	return 0;
}

static int add_backend_counters(struct listing *l, const struct stats_l7_name *name,
                                const struct l7_backend_counters *sum)
{
	for (size_t i = 0; i < STATS_L7_BACKEND_FIELDS; i++) {
		const struct stats_field *f = &stats_l7_backend_fields[i];
		struct ctl_backend_counter *row;

		if (!stats_value(sum, f) && !l->all)
			continue;
		row = operator_method_row(CTL_COUNTERS, "backends", &l->out->backends, l->err);
		if (!row)
			return -ENOMEM;
		snprintf(row->pool, sizeof(row->pool), "%s", name->group);
		snprintf(row->backend, sizeof(row->backend), "%s", name->name);
		snprintf(row->name, sizeof(row->name), "%s", f->name);
		snprintf(row->unit, sizeof(row->unit), "%s", f->unit);
		snprintf(row->help, sizeof(row->help), "%s", f->help);
		row->value = stats_value(sum, f);
	}
	return 0;
}

// `of`: what the times are of, "service NAME".
static int add_times(struct listing *l, const char *of, const void *times,
                     const struct stats_time *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct stats_histogram *h = stats_l7_time(times, &fields[i]);
		uint64_t values = stats_histogram_count(h);
		struct ctl_time *row;

		if (!values && !l->all)
			continue;
		row = operator_method_row(CTL_COUNTERS, "times", &l->out->times, l->err);
		if (!row)
			return -ENOMEM;
		snprintf(row->of, sizeof(row->of), "%s", of);
		snprintf(row->name, sizeof(row->name), "%s", fields[i].name);
		snprintf(row->help, sizeof(row->help), "%s", fields[i].help);
		row->values = values;
		row->median_us = (uint64_t)(stats_histogram_percentile(h, .5) / 1000);
		row->p95_us = (uint64_t)(stats_histogram_percentile(h, .95) / 1000);
		row->p99_us = (uint64_t)(stats_histogram_percentile(h, .99) / 1000);
	}
	return 0;
}

static int add_service(struct listing *l, uint32_t id)
{
	const struct stats_l7_name *name = &l->store->service_names[id];
	struct l7_service_counters sum;
	struct l7_service_histograms times;
	char of[sizeof(((struct ctl_time *)NULL)->of)];
	int rc;

	stats_l7_sum_service(l->store, id, &sum);
	stats_l7_sum_service_times(l->store, id, &times);
	snprintf(of, sizeof(of), "service %s", name->name);
	rc = add_service_counters(l, name, &sum);
	return rc ? rc
	          : add_times(l, of, &times, stats_l7_service_time_fields, STATS_L7_SERVICE_TIMES);
}

static int add_backend(struct listing *l, uint32_t id)
{
	const struct stats_l7_name *name = &l->store->backend_names[id];
	struct l7_backend_counters sum;
	struct l7_backend_histograms times;
	char of[sizeof(((struct ctl_time *)NULL)->of)];
	int rc;

	stats_l7_sum_backend(l->store, id, &sum);
	stats_l7_sum_backend_times(l->store, id, &times);
	snprintf(of, sizeof(of), "backend %s/%s", name->group, name->name);
	rc = add_backend_counters(l, name, &sum);
	return rc ? rc
	          : add_times(l, of, &times, stats_l7_backend_time_fields, STATS_L7_BACKEND_TIMES);
}

int operator_method_counters(struct manager *m, const union ctl_params *params,
                             union ctl_result *result, struct err *err)
{
	struct listing l = {
		.store = &m->telemetry.store,
		.out = &result->counters,
		.err = err,
		.all = params->counters_params.all,
	};
	int rc = add_worker_counters(&l, m);

	if (!m->telemetry.is_open)
		return rc; // before the first configuration
	for (uint32_t id = 1; !rc && id < l.store->room.n_services; id++)
		if (l.store->service_names[id].used == STATS_LIVE)
			rc = add_service(&l, id);
	for (uint32_t id = 1; !rc && id < l.store->room.n_backends; id++)
		if (l.store->backend_names[id].used == STATS_LIVE)
			rc = add_backend(&l, id);
	return rc;
}
