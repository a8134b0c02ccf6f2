// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics_store.h"

#include <stdlib.h>
#include <string.h>

#include "l7/metrics_page.h"

// Things of one kind and their sums; freed by release().
struct list {
	uint32_t *ids;
	char (*labels)[METRICS_PAGE_LABELS];
	void *values, *times;
	size_t n;
};

static void release(struct list *l)
{
	free(l->ids);
	free(l->labels);
	free(l->values);
	free(l->times);
}

// Room for `most`; false: no memory, nothing of this kind is shown.
static bool reserve(struct list *l, size_t most, size_t value_size, size_t time_size)
{
	*l = (struct list){
		.ids = calloc(most + 1, sizeof(*l->ids)),
		.labels = calloc(most + 1, sizeof(*l->labels)),
		.values = calloc(most + 1, value_size),
		.times = calloc(most + 1, time_size),
	};
	return l->ids && l->labels && l->values && l->times;
}

static char *add(struct list *l, uint32_t id)
{
	l->ids[l->n] = id;
	return l->labels[l->n++];
}

static struct metrics_page_set set_of(const struct list *l, const char *prefix, const void *values,
                                      size_t stride)
{
	return (struct metrics_page_set){prefix, values, stride,
	                                 (const char(*)[METRICS_PAGE_LABELS])l->labels, l->n};
}

static void label_number(char *labels, const char *label, uint32_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	metrics_page_label(labels, label, text);
}

// Texts of shared memory end somewhere.
static void label_text(char *labels, const char *label, const char text[STATS_NAME_SIZE])
{
	char copy[STATS_NAME_SIZE + 1];

	memcpy(copy, text, STATS_NAME_SIZE);
	copy[STATS_NAME_SIZE] = '\0';
	metrics_page_label(labels, label, copy);
}

// --- lanes ---

static void write_reasons(FILE *out, const struct stats *s, uint32_t n_lanes)
{
	static const char name[] = "lb_lane_packets_total";

	metrics_page_head(out, name, "counter",
	                  "packets by verdict and reason (conf/counters.md); forwarded ones have "
	                  "reason \"-\"");
	for (uint32_t lane = 0; lane < n_lanes; lane++)
		for (size_t r = 0; r < REASON_COUNT; r++) {
			char labels[METRICS_PAGE_LABELS] = "";

			label_number(labels, "lane", lane);
			metrics_page_label(labels, "verdict",
			                   stats_verdict_names[stats_reason_verdicts[r]]);
			metrics_page_label(labels, "reason", stats_reason_names[r]);
			metrics_page_value(out, name, labels, (double)s->lanes[lane].reason[r]);
		}
}

static uint32_t count_lanes(const struct stats *s)
{
	return s->meta->n_lanes < STATS_SLOTS ? s->meta->n_lanes : STATS_SLOTS;
}

static void write_lanes(FILE *out, const struct stats *s)
{
	uint32_t n = count_lanes(s);
	struct list l;

	if (reserve(&l, n, 1, 1)) {
		struct metrics_page_set set;

		for (uint32_t lane = 0; lane < n; lane++)
			label_number(add(&l, lane), "lane", lane);
		set = set_of(&l, "lane_", s->lanes, sizeof(*s->lanes));
		metrics_page_counters(out, &set, stats_lane_fields, STATS_LANE_FIELDS,
		                      metrics_family_lane);
		write_reasons(out, s, n);
	}
	release(&l);
}

// --- services and backends of lb4d ---

static void write_l4_service_counters(FILE *out, const struct stats *s, const struct list *l)
{
	struct metrics_page_set set =
		set_of(l, "l4_service_", l->values, sizeof(struct service_counters));
	struct service_counters *sums = l->values;

	for (size_t i = 0; i < l->n; i++)
		stats_sum_service(s, (uint16_t)l->ids[i], &sums[i]);
	metrics_page_counters(out, &set, stats_service_fields, STATS_SERVICE_FIELDS,
	                      metrics_family_none);
}

static void write_xdp(FILE *out, const struct stats *s, const struct list *l)
{
	struct steer_service_counters *sums = calloc(l->n + 1, sizeof(*sums));
	struct metrics_page_set set = set_of(l, "xdp_service_", sums, sizeof(*sums));

	for (size_t i = 0; sums && i < l->n; i++)
		stats_sum_steer_service(s, (uint16_t)l->ids[i], &sums[i]);
	if (sums)
		metrics_page_counters(out, &set, stats_steer_service_fields,
		                      STATS_STEER_SERVICE_FIELDS, metrics_family_none);
	free(sums);
}

// Only of those that have been connected to: the kernel counts for services of L7 workers and for backends that this host
// connects to, and a histogram is long.
static void write_tcp(FILE *out, struct list *l, const char *prefix,
                      const struct tcp_counters *from)
{
	struct tcp_counters *copies = l->times;
	struct metrics_page_set set;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct tcp_counters *c = &from[l->ids[i]];

		if (!c->connections && !c->failed)
			continue;
		copies[n] = *c;
		memmove(l->labels[n++], l->labels[i], sizeof(*l->labels));
	}
	l->n = n; // they are written last
	set = set_of(l, prefix, copies, sizeof(*copies));
	metrics_page_counters(out, &set, stats_tcp_fields, STATS_TCP_FIELDS, metrics_family_none);
	metrics_page_log2(out, &set, stats_tcp_histograms, STATS_TCP_HISTOGRAMS);
}

static void write_l4_services(FILE *out, const struct stats *s)
{
	struct list l;

	if (reserve(&l, STATS_SERVICES, sizeof(struct service_counters),
	            sizeof(struct tcp_counters))) {
		for (uint32_t id = 0; id < STATS_SERVICES; id++)
			if (s->service_names[id].used == STATS_LIVE)
				label_text(add(&l, id), "service", s->service_names[id].name);
		write_l4_service_counters(out, s, &l);
		write_xdp(out, s, &l);
		write_tcp(out, &l, "tcp_", s->tcp_services);
	}
	release(&l);
}

static void write_l4_backend_counters(FILE *out, const struct stats *s, const struct list *l)
{
	struct metrics_page_set set =
		set_of(l, "l4_backend_", l->values, sizeof(struct backend_counters));
	struct backend_counters *sums = l->values;

	for (size_t i = 0; i < l->n; i++)
		stats_sum_backend(s, (uint16_t)l->ids[i], &sums[i]);
	metrics_page_counters(out, &set, stats_backend_fields, STATS_BACKEND_FIELDS,
	                      metrics_family_none);
}

static void write_l4_backends(FILE *out, const struct stats *s)
{
	struct list l;

	if (reserve(&l, STATS_BACKENDS, sizeof(struct backend_counters),
	            sizeof(struct tcp_counters))) {
		for (uint32_t id = 0; id < STATS_BACKENDS; id++)
			if (s->backend_names[id].used == STATS_LIVE) {
				char *labels = add(&l, id);

				label_text(labels, "pool", s->backend_names[id].pool);
				label_text(labels, "backend", s->backend_names[id].name);
			}
		write_l4_backend_counters(out, s, &l);
		write_tcp(out, &l, "tcp_backend_", s->tcp_backends);
	}
	release(&l);
}

void metrics_store_l4(FILE *out, const struct stats *s)
{
	write_lanes(out, s);
	write_l4_services(out, s);
	write_l4_backends(out, s);
}

// --- lb7d ---

static void write_workers(FILE *out, const struct stats_l7 *s)
{
	struct list l;

	if (reserve(&l, s->room.n_workers, 1, 1)) {
		struct metrics_page_set set;

		for (uint32_t w = 0; w < s->meta->n_workers && w < s->room.n_workers; w++)
			label_number(add(&l, w), "worker", w);
		set = set_of(&l, "worker_", s->workers, sizeof(*s->workers));
		metrics_page_counters(out, &set, stats_worker_fields, STATS_WORKER_FIELDS,
		                      metrics_family_worker);
	}
	release(&l);
}

static bool is_live(const struct stats_l7_name *names, uint32_t id)
{
	return id != STATS_L7_OTHER && names[id].used == STATS_LIVE;
}

// What found no room shows if there is any.

static void add_other_services(struct list *l, const struct stats_l7 *s)
{
	struct l7_service_counters sum;

	stats_l7_sum_service(s, STATS_L7_OTHER, &sum);
	if (sum.connections)
		label_text(add(l, STATS_L7_OTHER), "service", stats_l7_other);
}

static void add_other_backends(struct list *l, const struct stats_l7 *s)
{
	struct l7_backend_counters sum;
	char *labels;

	stats_l7_sum_backend(s, STATS_L7_OTHER, &sum);
	if (!sum.requests)
		return;
	labels = add(l, STATS_L7_OTHER);
	label_text(labels, "pool", stats_l7_other);
	label_text(labels, "backend", stats_l7_other);
}

static void write_services(FILE *out, const struct stats_l7 *s)
{
	struct metrics_page_set set;
	struct list l;

	if (!reserve(&l, s->room.n_services, sizeof(struct l7_service_counters),
	             sizeof(struct l7_service_histograms))) {
		release(&l);
		return;
	}
	for (uint32_t id = 0; id < s->room.n_services; id++)
		if (is_live(s->service_names, id))
			label_text(add(&l, id), "service", s->service_names[id].name);
	add_other_services(&l, s);
	for (size_t i = 0; i < l.n; i++) {
		stats_l7_sum_service(s, l.ids[i], &((struct l7_service_counters *)l.values)[i]);
		stats_l7_sum_service_times(s, l.ids[i],
		                           &((struct l7_service_histograms *)l.times)[i]);
	}
	set = set_of(&l, "", l.values, sizeof(struct l7_service_counters));
	metrics_page_counters(out, &set, stats_l7_service_fields, STATS_L7_SERVICE_FIELDS,
	                      metrics_family_service);
	set = set_of(&l, "", l.times, sizeof(struct l7_service_histograms));
	metrics_page_times(out, &set, stats_l7_service_time_fields, STATS_L7_SERVICE_TIMES);
	release(&l);
}

static void write_backends(FILE *out, const struct stats_l7 *s)
{
	struct metrics_page_set set;
	struct list l;

	if (!reserve(&l, s->room.n_backends, sizeof(struct l7_backend_counters),
	             sizeof(struct l7_backend_histograms))) {
		release(&l);
		return;
	}
	for (uint32_t id = 0; id < s->room.n_backends; id++)
		if (is_live(s->backend_names, id)) {
			char *labels = add(&l, id);

			label_text(labels, "pool", s->backend_names[id].group);
			label_text(labels, "backend", s->backend_names[id].name);
		}
	add_other_backends(&l, s);
	for (size_t i = 0; i < l.n; i++) {
		stats_l7_sum_backend(s, l.ids[i], &((struct l7_backend_counters *)l.values)[i]);
		stats_l7_sum_backend_times(s, l.ids[i],
		                           &((struct l7_backend_histograms *)l.times)[i]);
	}
	set = set_of(&l, "backend_", l.values, sizeof(struct l7_backend_counters));
	metrics_page_counters(out, &set, stats_l7_backend_fields, STATS_L7_BACKEND_FIELDS,
	                      metrics_family_backend);
	set = set_of(&l, "backend_", l.times, sizeof(struct l7_backend_histograms));
	metrics_page_times(out, &set, stats_l7_backend_time_fields, STATS_L7_BACKEND_TIMES);
	release(&l);
}

// What no configuration names is "other", which is there from the start.
static void write_models(FILE *out, const struct stats_l7 *s)
{
	struct metrics_page_set set;
	struct list l;

	if (!reserve(&l, STATS_L7_MODELS, sizeof(struct l7_model_counters),
	             sizeof(struct l7_model_histograms))) {
		release(&l);
		return;
	}
	metrics_page_label(add(&l, STATS_L7_OTHER), "model", "other");
	for (uint32_t id = 0; id < STATS_L7_MODELS; id++)
		if (is_live(s->model_names, id))
			label_text(add(&l, id), "model", s->model_names[id].name);
	for (size_t i = 0; i < l.n; i++) {
		stats_l7_sum_model(s, l.ids[i], &((struct l7_model_counters *)l.values)[i]);
		stats_l7_sum_model_times(s, l.ids[i], &((struct l7_model_histograms *)l.times)[i]);
	}
	set = set_of(&l, "model_", l.values, sizeof(struct l7_model_counters));
	metrics_page_counters(out, &set, stats_l7_model_fields, STATS_L7_MODEL_FIELDS,
	                      metrics_family_model);
	set = set_of(&l, "model_", l.times, sizeof(struct l7_model_histograms));
	metrics_page_times(out, &set, stats_l7_model_time_fields, STATS_L7_MODEL_TIMES);
	release(&l);
}

void metrics_store_l7(FILE *out, const struct stats_l7 *s)
{
	write_workers(out, s);
	write_services(out, s);
	write_backends(out, s);
	write_models(out, s);
}
