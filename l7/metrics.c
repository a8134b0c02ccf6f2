// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics.h"

#include <stdlib.h>

#include "l4/base/clock.h"
#include "l4/model/stats_writer.h"
#include "l7/manager.h"
#include "l7/metrics_page.h"
#include "l7/metrics_store.h"

static void single(FILE *out, const char *name, const char *type, const char *help, double value)
{
	metrics_page_head(out, name, type, help);
	metrics_page_value(out, name, "", value);
}

static void write_cpu(FILE *out, const struct manager *m)
{
	static const char name[] = "lb_worker_cpu_seconds_total";

	metrics_page_head(out, name, "counter", "CPU time that a worker has used");
	for (uint16_t i = 0; i < m->n_workers; i++) {
		char labels[32];

		snprintf(labels, sizeof(labels), "worker=\"%u\"", i);
		metrics_page_value(out, name, labels,
		                   (double)worker_cpu_ns(m->workers[i]) / CLOCK_NS_PER_S);
	}
}

static void write_health(FILE *out, const struct manager *m)
{
	static const char name[] = "lb_backend_healthy";

	metrics_page_head(out, name, "gauge",
	                  "1 healthy, 0 unhealthy; probed backends with a verdict only");
	for (uint32_t i = 0; m->probes && i < m->probes->n; i++) {
		const struct probe *p = m->probes->entries[i].probe;
		uint8_t state = p->verdict.record.state;
		char labels[METRICS_PAGE_LABELS] = "";

		if (state == HEALTH_UNKNOWN)
			continue;
		metrics_page_label(labels, "pool", p->pool);
		metrics_page_label(labels, "backend", p->name);
		metrics_page_value(out, name, labels, state == HEALTH_HEALTHY);
	}
}

static void write_build(FILE *out, const struct manager *m)
{
	char labels[METRICS_PAGE_LABELS] = "";

	metrics_page_label(labels, "program", "lb7d");
	metrics_page_label(labels, "version", LB47_VERSION);
	metrics_page_label(labels, "node", m->site ? m->site->conf->node : "");
	metrics_page_head(out, "lb_build_info", "gauge", "always 1; what runs is in the labels");
	metrics_page_value(out, "lb_build_info", labels, 1);
}

// lb4d by what it left in the store: its counters are shown in any case.
static void write_daemons(FILE *out, const struct manager *m, const struct stats *l4)
{
	const char *lb4d = "program=\"lb4d\"", *lb7d = "program=\"lb7d\"";
	enum stats_writer_life life =
		l4 ? stats_writer_life(&l4->meta->writer) : STATS_WRITER_UNKNOWN;

	metrics_page_head(out, "lb_daemon_up", "gauge",
	                  "1 if the daemon runs, 0 if it stopped or died; lb4d only if there are "
	                  "counters of it, and lb7d can see its process");
	if (life != STATS_WRITER_UNKNOWN)
		metrics_page_value(out, "lb_daemon_up", lb4d, life == STATS_WRITER_ALIVE);
	metrics_page_value(out, "lb_daemon_up", lb7d, 1);
	metrics_page_head(out, "lb_start_time_seconds", "gauge",
	                  "when the daemon started last, seconds since 1970");
	if (l4)
		metrics_page_value(out, "lb_start_time_seconds", lb4d,
		                   (double)l4->meta->started_ns / CLOCK_NS_PER_S);
	metrics_page_value(out, "lb_start_time_seconds", lb7d,
	                   (double)m->telemetry.store.meta->started_ns / CLOCK_NS_PER_S);
}

static void write_stores(FILE *out, const struct manager *m)
{
	struct err err;
	struct stats l4;
	bool has_l4 = m->site && stats_open_trusted(&l4, m->site->conf->stats, &err) == 0;
	// An lb7d that is alone has the programs that count TCP write there, and no lanes.
	bool is_lb4ds = has_l4 && l4.meta->n_lanes;

	if (m->telemetry.is_open) {
		write_daemons(out, m, is_lb4ds ? &l4 : NULL);
		metrics_store_l7(out, &m->telemetry.store);
	}
	if (has_l4) {
		metrics_store_l4(out, &l4);
		stats_close(&l4);
	}
}

char *metrics_text(const struct manager *m, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	bool is_bad;

	if (!out)
		return NULL;
	write_build(out, m);
	single(out, "lb_config_generation", "gauge", "configurations taken into service",
	       m->generation);
	single(out, "lb_reloads_total", "counter", "reloads that succeeded", m->n_reloads);
	single(out, "lb_reload_failures_total", "counter", "reloads that were refused",
	       m->n_reload_failures);
	write_cpu(out, m);
	write_health(out, m);
	write_stores(out, m);
	is_bad = ferror(out);
	if (fclose(out) != 0 || is_bad) {
		free(text);
		return NULL;
	}
	return text;
}
