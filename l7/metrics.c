// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics.h"

#include <assert.h>
#include <stdlib.h>

#include "l4/base/clock.h"
#include "l4/model/stats_writer.h"
#include "l7/manager.h"
#include "l7/metrics_state.h"
#include "l7/metrics_walk.h"

static_assert(METRICS_PIECE >= 2 * METRICS_PAGE_ROW, "a piece has room for rows");

// lb4d's half, shared by pages that are on their way at the same time: it is 40 MB of address space, and takes milliseconds to map.
struct metrics_half {
	struct stats stats;
	uint64_t opened_ns;
	unsigned n_pages;
};

// A store that took another's place meanwhile is found by the next page after this.
static const uint64_t SHARED_NS = CLOCK_NS_PER_S;

struct metrics {
	struct manager *m;
	struct site *site; // the one that served when the page began; a reference; may be NULL
	struct metrics_half *l4; // a reference; NULL = lb4d has left nothing
	size_t part;             // of parts[]
	bool is_headed;
	uint32_t row; // of the part
	struct metrics_state state;
	struct metrics_walk walk;
	struct metrics_set set; // long; what `walk` walks over
};

// --- families that are not in the store ---

static bool write_build(struct metrics *p, struct text *out)
{
	char labels[METRICS_PAGE_LABELS] = "";

	metrics_page_label(labels, "program", "lb7d");
	metrics_page_label(labels, "version", LB47_VERSION);
	metrics_page_label(labels, "node", p->site ? p->site->conf->node : "");
	metrics_page_gauge(out, "lb_build_info", labels, 1);
	return false;
}

static bool write_generation(struct metrics *p, struct text *out)
{
	metrics_page_gauge(out, "lb_config_generation", "", p->m->generation);
	return false;
}

static bool write_reloads(struct metrics *p, struct text *out)
{
	metrics_page_count(out, "lb_reloads_total", "", p->m->n_reloads);
	return false;
}

static bool write_refusals(struct metrics *p, struct text *out)
{
	metrics_page_count(out, "lb_reload_failures_total", "", p->m->n_reload_failures);
	return false;
}

static bool write_cpu(struct metrics *p, struct text *out)
{
	char labels[METRICS_PAGE_LABELS] = "";

	if (p->row >= p->m->n_workers)
		return false;
	metrics_page_label_number(labels, "worker", p->row);
	metrics_page_seconds(out, "lb_worker_cpu_seconds_total", labels,
	                     worker_cpu_ns(p->m->workers[p->row]));
	return true;
}

static bool write_healthy(struct metrics *p, struct text *out)
{
	return metrics_state_healthy(&p->state, out);
}

static bool write_usable(struct metrics *p, struct text *out)
{
	return metrics_state_usable(&p->state, out);
}

static bool write_state(struct metrics *p, struct text *out)
{
	return metrics_state_admin(&p->state, out);
}

static bool write_pool_usable(struct metrics *p, struct text *out)
{
	return metrics_state_pool_usable(&p->state, out);
}

static bool write_pool_open(struct metrics *p, struct text *out)
{
	return metrics_state_pool_open(&p->state, out);
}

static const char lb4d[] = "program=\"lb4d\"", lb7d[] = "program=\"lb7d\"";

// An lb7d that is alone has the programs that count TCP write there, and no lanes.
static bool is_lb4ds(const struct metrics *p)
{
	return p->l4 && p->l4->stats.meta->n_lanes;
}

static bool write_up(struct metrics *p, struct text *out)
{
	enum stats_writer_life life =
		is_lb4ds(p) ? stats_writer_life(&p->l4->stats.meta->writer) : STATS_WRITER_UNKNOWN;

	if (life != STATS_WRITER_UNKNOWN)
		metrics_page_gauge(out, "lb_daemon_up", lb4d, life == STATS_WRITER_ALIVE);
	metrics_page_gauge(out, "lb_daemon_up", lb7d, 1);
	return false;
}

static bool write_starts(struct metrics *p, struct text *out)
{
	static const char name[] = "lb_start_time_seconds";

	if (is_lb4ds(p))
		metrics_page_seconds(out, name, lb4d, p->l4->stats.meta->started_ns);
	if (p->m->telemetry.is_open)
		metrics_page_seconds(out, name, lb7d, p->m->telemetry.store.meta->started_ns);
	return false;
}

static bool write_reason(struct metrics *p, struct text *out)
{
	uint32_t lane = p->row / REASON_COUNT, reason = p->row % REASON_COUNT;
	char labels[METRICS_PAGE_LABELS] = "";

	if (lane >= STATS_SLOTS || lane >= p->l4->stats.meta->n_lanes)
		return false;
	metrics_page_label_number(labels, "lane", lane);
	metrics_page_label(labels, "verdict", stats_verdict_names[stats_reason_verdicts[reason]]);
	metrics_page_label(labels, "reason", stats_reason_names[reason]);
	metrics_page_count(out, "lb_lane_packets_total", labels,
	                   p->l4->stats.lanes[lane].reason[reason]);
	return true;
}

// --- the order of the page ---

enum half { NEITHER, OF_LB7D, OF_LB4D };

// A family with a function for its rows, which says whether there may be more; or all families of a set.
struct part {
	const char *name, *type, *help;
	bool (*row)(struct metrics *p, struct text *out);
	enum metrics_set_kind kind;
	enum half half; // without which there is nothing to show
};

#define FAMILY(n, t, r, h) .name = (n), .type = (t), .row = (r), .help = (h)
static const struct part parts[] = {
	{FAMILY("lb_build_info", "gauge", write_build, "always 1; what runs is in the labels")},
	{FAMILY("lb_config_generation", "gauge", write_generation,
                "configurations taken into service")},
	{FAMILY("lb_reloads_total", "counter", write_reloads, "reloads that succeeded")},
	{FAMILY("lb_reload_failures_total", "counter", write_refusals,
                "reloads that were refused")},
	{FAMILY("lb_worker_cpu_seconds_total", "counter", write_cpu,
                "CPU time that a worker has used")},
	{FAMILY("lb_backend_healthy", "gauge", write_healthy,
                "1 healthy, 0 unhealthy; probed backends with a verdict only")},
	{FAMILY("lb_backend_usable", "gauge", write_usable,
                "1 if the backend takes new requests or flows: up, weight above 0, not unhealthy "
                "unless its pool failed open")},
	{FAMILY("lb_backend_state", "gauge", write_state,
                "always 1; what the operator wants of the backend is in the label: up, drain, down")},
	{FAMILY("lb_pool_usable_backends", "gauge", write_pool_usable,
                "backends of the pool that take new requests or flows; 0: it serves nobody new")},
	{FAMILY("lb_pool_failed_open", "gauge", write_pool_open,
                "1 if the pool uses unhealthy backends, as no healthy one is in service "
                "(when_unhealthy)")},
	{FAMILY("lb_daemon_up", "gauge", write_up,
                "1 if the daemon runs, 0 if it stopped or died; lb4d only if there are counters of "
                "it and lb7d can see its process")},
	{FAMILY("lb_start_time_seconds", "gauge", write_starts,
                "when the daemon started last, seconds since 1970")},
	{.kind = METRICS_WORKERS, .half = OF_LB7D},
	{.kind = METRICS_SERVICES, .half = OF_LB7D},
	{.kind = METRICS_BACKENDS, .half = OF_LB7D},
	{.kind = METRICS_MODELS, .half = OF_LB7D},
	{.kind = METRICS_LANES, .half = OF_LB4D},
	{FAMILY("lb_lane_packets_total", "counter", write_reason,
                "packets by verdict and reason (conf/counters.md); forwarded ones have reason \"-\""),
         .half = OF_LB4D},
	{.kind = METRICS_L4_SERVICES, .half = OF_LB4D},
	{.kind = METRICS_XDP_SERVICES, .half = OF_LB4D},
	{.kind = METRICS_TCP_SERVICES, .half = OF_LB4D},
	{.kind = METRICS_L4_BACKENDS, .half = OF_LB4D},
	{.kind = METRICS_TCP_BACKENDS, .half = OF_LB4D},
	{.kind = METRICS_XDP_PORTS, .half = OF_LB4D},
};

static bool is_there(const struct metrics *p, const struct part *part)
{
	if (part->half == OF_LB7D)
		return p->m->telemetry.is_open;
	return part->half == NEITHER || p->l4;
}

static void begin_part(struct metrics *p, const struct part *part, struct text *out)
{
	const struct metrics_set_stores stores = {p->l4 ? &p->l4->stats : NULL,
	                                          &p->m->telemetry.store,
	                                          p->site ? p->site->conf : NULL};

	p->is_headed = true;
	p->row = 0;
	p->state = (struct metrics_state){.m = p->m, .site = p->site};
	if (part->row) {
		metrics_page_head(out, part->name, part->type, part->help);
		return;
	}
	metrics_set_open(&p->set, part->kind, &stores);
	metrics_walk_begin(&p->walk, &p->set);
}

// One head or row. False: the part is done.
static bool advance(struct metrics *p, const struct part *part, struct text *out)
{
	if (!is_there(p, part))
		return false;
	if (!p->is_headed) {
		begin_part(p, part, out);
		return true;
	}
	if (!part->row)
		return metrics_walk_step(&p->walk, out);
	if (!part->row(p, out))
		return false;
	p->row++;
	return true;
}

bool metrics_next(struct metrics *page, struct text *out)
{
	assert(out->size - out->len >= METRICS_PIECE);
	for (unsigned i = 0; i < METRICS_PIECE_ROWS && page->part < ARRAY_LEN(parts); i++) {
		if (out->size - out->len < METRICS_PAGE_ROW)
			break;
		if (advance(page, &parts[page->part], out))
			continue;
		page->part++;
		page->is_headed = false;
	}
	assert(!out->is_cut);
	return page->part < ARRAY_LEN(parts);
}

// --- life ---

static struct metrics_half *open_half(const struct site *site)
{
	struct metrics_half *h = calloc(1, sizeof(*h));
	struct err err;

	if (!h || !site || stats_open_trusted(&h->stats, site->conf->stats, &err)) {
		free(h);
		return NULL;
	}
	h->opened_ns = clock_now_ns();
	return h;
}

static struct metrics_half *get_half(struct manager *m)
{
	if (!m->l4 || clock_now_ns() - m->l4->opened_ns > SHARED_NS)
		m->l4 = open_half(m->site);
	if (m->l4)
		m->l4->n_pages++;
	return m->l4;
}

static void put_half(struct manager *m, struct metrics_half *h)
{
	if (!h || --h->n_pages)
		return;
	if (m->l4 == h)
		m->l4 = NULL;
	stats_close(&h->stats);
	free(h);
}

struct metrics *metrics_open(struct manager *m)
{
	struct metrics *p = malloc(sizeof(*p)); // not zeroed: most of it is a set with room for all

	if (!p)
		return NULL;
	p->m = m;
	p->site = m->site ? site_get(m->site) : NULL;
	p->l4 = get_half(m);
	p->part = 0;
	p->is_headed = false;
	p->row = 0;
	return p;
}

void metrics_close(struct metrics *page)
{
	if (!page)
		return;
	put_half(page->m, page->l4);
	site_put(page->site);
	free(page);
}
