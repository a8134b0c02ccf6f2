// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "l4/base/clock.h"
#include "l4/model/stats.h"
#include "l7/manager.h"

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	fprintf(out, "%s %llu\n", name, (unsigned long long)value);
}

static void write_field(FILE *out, const struct manager *m, const struct stats_field *f)
{
	bool is_counter = f->kind == STATS_COUNTER;
	char name[96];

	snprintf(name, sizeof(name), "lb47_l7_%s%s", f->name, is_counter ? "_total" : "");
	head(out, name, is_counter ? "counter" : "gauge", f->help);
	for (uint16_t i = 0; i < m->n_workers; i++)
		fprintf(out, "%s{worker=\"%u\"} %llu\n", name, i,
		        (unsigned long long)stats_value(worker_counters(m->workers[i]), f));
}

static void write_cpu(FILE *out, const struct manager *m)
{
	static const char name[] = "lb47_l7_cpu_seconds_total";

	head(out, name, "counter", "CPU time that a worker has used");
	for (uint16_t i = 0; i < m->n_workers; i++)
		fprintf(out, "%s{worker=\"%u\"} %.6f\n", name, i,
		        (double)worker_cpu_ns(m->workers[i]) / CLOCK_NS_PER_S);
}

static void write_health(FILE *out, const struct manager *m)
{
	static const char name[] = "lb47_backend_healthy";

	head(out, name, "gauge", "1 healthy, 0 unhealthy; probed backends with a verdict only");
	for (uint32_t i = 0; m->probes && i < m->probes->n; i++) {
		const struct probe *p = m->probes->entries[i].probe;
		uint8_t state = p->verdict.record.state;

		if (state != HEALTH_UNKNOWN)
			fprintf(out, "%s{pool=\"%s\",backend=\"%s\"} %d\n", name, p->pool, p->name,
			        state == HEALTH_HEALTHY);
	}
}

static void write_build(FILE *out, const struct manager *m)
{
	head(out, "lb47_build_info", "gauge", "always 1; what runs is in the labels");
	fprintf(out, "lb47_build_info{program=\"lb7d\",version=\"%s\",node=\"%s\"} 1\n",
	        LB47_VERSION, m->site ? m->site->conf->node : "");
}

char *metrics_text(const struct manager *m, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	bool is_bad;

	if (!out)
		return NULL;
	write_build(out, m);
	single(out, "lb47_l7_generation", "gauge", "configurations taken into service",
	       m->generation);
	single(out, "lb47_l7_reloads_total", "counter", "reloads that succeeded", m->n_reloads);
	single(out, "lb47_l7_reload_failures_total", "counter", "reloads that were refused",
	       m->n_reload_failures);
	for (size_t i = 0; i < STATS_WORKER_FIELDS; i++)
		write_field(out, m, &stats_worker_fields[i]);
	write_cpu(out, m);
	write_health(out, m);
	is_bad = ferror(out);
	if (fclose(out) != 0 || is_bad) {
		free(text);
		return NULL;
	}
	return text;
}
