// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics_set.h"

#include <stdio.h>
#include <string.h>

#include "l4/base/hash.h"

#define RULES(p, r) .prefix = (p), .rules = (r)
#define FIELDS(list, count) .fields = (list), .n_fields = (count)
#define TIMES(list, count) .times = (list), .n_times = (count)
#define LOG2S(list, count) .log2s = (list), .n_log2s = (count)

const struct metrics_set_lists metrics_set_lists[METRICS_KINDS] = {
	[METRICS_WORKERS] = {RULES("worker_", metrics_family_worker),
                             FIELDS(stats_worker_fields, STATS_WORKER_FIELDS)},
	[METRICS_SERVICES] = {RULES("", metrics_family_service),
                              FIELDS(stats_l7_service_fields, STATS_L7_SERVICE_FIELDS),
                              TIMES(stats_l7_service_time_fields, STATS_L7_SERVICE_TIMES)},
	[METRICS_BACKENDS] = {RULES("backend_", metrics_family_backend),
                              FIELDS(stats_l7_backend_fields, STATS_L7_BACKEND_FIELDS),
                              TIMES(stats_l7_backend_time_fields, STATS_L7_BACKEND_TIMES)},
	[METRICS_MODELS] = {RULES("model_", metrics_family_model),
                            FIELDS(stats_l7_model_fields, STATS_L7_MODEL_FIELDS),
                            TIMES(stats_l7_model_time_fields, STATS_L7_MODEL_TIMES)},
	[METRICS_LANES] = {RULES("lane_", metrics_family_lane),
                           FIELDS(stats_lane_fields, STATS_LANE_FIELDS)},
	[METRICS_L4_SERVICES] = {RULES("l4_service_", metrics_family_none),
                                 FIELDS(stats_service_fields, STATS_SERVICE_FIELDS)},
	[METRICS_XDP_SERVICES] = {RULES("xdp_service_", metrics_family_none),
                                  FIELDS(stats_steer_service_fields, STATS_STEER_SERVICE_FIELDS)},
	[METRICS_TCP_SERVICES] = {RULES("tcp_", metrics_family_none),
                                  FIELDS(stats_tcp_fields, STATS_TCP_FIELDS),
                                  LOG2S(stats_tcp_histograms, STATS_TCP_HISTOGRAMS)},
	[METRICS_L4_BACKENDS] = {RULES("l4_backend_", metrics_family_none),
                                 FIELDS(stats_backend_fields, STATS_BACKEND_FIELDS)},
	[METRICS_TCP_BACKENDS] = {RULES("tcp_backend_", metrics_family_none),
                                  FIELDS(stats_tcp_fields, STATS_TCP_FIELDS),
                                  LOG2S(stats_tcp_histograms, STATS_TCP_HISTOGRAMS)},
	[METRICS_XDP_PORTS] = {RULES("xdp_port_", metrics_family_port),
                               FIELDS(stats_steer_fields, STATS_STEER_FIELDS)},
};

// --- where its counters are ---

// Each slot of a region that has one id is a thing of its own: a lane, a worker.
static struct stats_slots by_slot(struct stats_slots s)
{
	return (struct stats_slots){s.base, 1, s.n_slots, s.stride};
}

static struct stats_slots ports(const struct stats *l4)
{
	struct stats_slots s = stats_counters(l4, STATS_STEER_PORT);

	s.base = (const char *)s.base + offsetof(struct stats_steer_port, counters);
	s.stride = sizeof(struct stats_steer_port);
	return s;
}

static struct stats_slots counters_of(enum metrics_set_kind kind,
                                      const struct metrics_set_stores *s)
{
	switch (kind) {
	case METRICS_WORKERS:
		return by_slot(stats_l7_counters(s->l7, STATS_L7_WORKER));
	case METRICS_SERVICES:
		return stats_l7_counters(s->l7, STATS_L7_SERVICE);
	case METRICS_BACKENDS:
		return stats_l7_counters(s->l7, STATS_L7_BACKEND);
	case METRICS_MODELS:
		return stats_l7_counters(s->l7, STATS_L7_MODEL);
	case METRICS_LANES:
		return by_slot(stats_counters(s->l4, STATS_LANE));
	case METRICS_L4_SERVICES:
		return stats_counters(s->l4, STATS_SERVICE);
	case METRICS_XDP_SERVICES:
		return stats_counters(s->l4, STATS_STEER_SERVICE);
	case METRICS_TCP_SERVICES:
		return stats_counters(s->l4, STATS_TCP_SERVICE);
	case METRICS_L4_BACKENDS:
		return stats_counters(s->l4, STATS_BACKEND);
	case METRICS_TCP_BACKENDS:
		return stats_counters(s->l4, STATS_TCP_BACKEND);
	default:
		return ports(s->l4);
	}
}

// Of kinds that have times.
static struct stats_slots times_of(enum metrics_set_kind kind, const struct metrics_set_stores *s)
{
	switch (kind) {
	case METRICS_SERVICES:
		return stats_l7_counters(s->l7, STATS_L7_SERVICE_HISTOGRAM);
	case METRICS_BACKENDS:
		return stats_l7_counters(s->l7, STATS_L7_BACKEND_HISTOGRAM);
	case METRICS_MODELS:
		return stats_l7_counters(s->l7, STATS_L7_MODEL_HISTOGRAM);
	default:
		return (struct stats_slots){0};
	}
}

// --- what it is called ---

// Labels of a thing and where their texts lie; n_texts 0: its number is its name.
struct names {
	const char *labels[2];
	const char *texts[2]; // [STATS_NAME_SIZE], of shared memory: they may lack their end
	unsigned n_texts;
	const uint32_t *used; // NULL: it is there
};

static struct names name_one(const char *label, const char *text, const uint32_t *used)
{
	return (struct names){{label}, {text}, 1, used};
}

static struct names name_backend(const char *pool, const char *name, const uint32_t *used)
{
	return (struct names){{"pool", "backend"}, {pool, name}, 2, used};
}

// What found no room, or, of models, what no configuration names.
static struct names name_other(enum metrics_set_kind kind)
{
	static const char model[STATS_NAME_SIZE] = "other";

	if (kind == METRICS_MODELS)
		return name_one("model", model, NULL);
	if (kind == METRICS_SERVICES)
		return name_one("service", stats_l7_other, NULL);
	return name_backend(stats_l7_other, stats_l7_other, NULL);
}

static struct names names_of_l7(const struct metrics_set *s, uint32_t id)
{
	const struct stats_l7 *l7 = s->stores.l7;
	const struct stats_l7_name *n;

	if (s->kind == METRICS_WORKERS)
		return (struct names){.labels = {"worker"}};
	if (id == STATS_L7_OTHER)
		return name_other(s->kind);
	if (s->kind == METRICS_BACKENDS) {
		n = &l7->backend_names[id];
		return name_backend(n->group, n->name, &n->used);
	}
	if (s->kind == METRICS_MODELS) {
		n = &l7->model_names[id];
		return name_one("model", n->name, &n->used);
	}
	n = &l7->service_names[id];
	return name_one("service", n->name, &n->used);
}

static struct names names_of(const struct metrics_set *s, uint32_t id)
{
	const struct stats *l4 = s->stores.l4;
	const struct stats_backend_name *b;

	if (s->kind < METRICS_LANES)
		return names_of_l7(s, id);
	if (s->kind == METRICS_LANES)
		return (struct names){.labels = {"lane"}};
	if (s->kind == METRICS_XDP_PORTS)
		return name_one("port", l4->steer_ports[id].name, &l4->steer_ports[id].used);
	if (s->kind == METRICS_L4_BACKENDS || s->kind == METRICS_TCP_BACKENDS) {
		b = &l4->backend_names[id];
		return name_backend(b->pool, b->name, &b->used);
	}
	return name_one("service", l4->service_names[id].name, &l4->service_names[id].used);
}

static uint32_t hash_of(const struct names *n)
{
	uint64_t h = 0;

	for (unsigned i = 0; i < n->n_texts; i++)
		h = hash_bytes(n->texts[i], STATS_NAME_SIZE, h);
	return (uint32_t)h;
}

// --- who is there ---

static bool has_counted(const struct metrics_set *s, uint32_t id, const size_t *offsets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (stats_slots_word(&s->counters, id, offsets[i]))
			return true;
	return false;
}

#define HAS_COUNTED(s, id, ...)                               \
	has_counted((s), (id), (const size_t[]){__VA_ARGS__}, \
	            sizeof((const size_t[]){__VA_ARGS__}) / sizeof(size_t))
#define TCP_AT(name) offsetof(struct tcp_counters, name)
#define SERVICE_AT(name) offsetof(struct l7_service_counters, name)
#define BACKEND_AT(name) offsetof(struct l7_backend_counters, name)

// What found no room shows if there is any. Of models, it is there from the start.
static bool has_other(const struct metrics_set *s)
{
	if (s->kind == METRICS_SERVICES)
		return HAS_COUNTED(s, STATS_L7_OTHER, SERVICE_AT(connections));
	if (s->kind == METRICS_BACKENDS)
		return HAS_COUNTED(s, STATS_L7_OTHER, BACKEND_AT(requests));
	return true;
}

static bool is_shown(const struct metrics_set *s, uint32_t id, const struct names *n)
{
	if (n->used && __atomic_load_n(n->used, __ATOMIC_ACQUIRE) != STATS_LIVE)
		return false;
	if (s->kind == METRICS_TCP_SERVICES || s->kind == METRICS_TCP_BACKENDS)
		return HAS_COUNTED(s, id, TCP_AT(connections), TCP_AT(failed));
	return n->used || n->n_texts == 0 || has_other(s);
}

// Ids that there may be; shared memory says how many lanes and workers run. Without lanes, in the store of an lb7d that is alone,
// only the counters of TCP are anybody's.
static uint32_t count_ids(const struct metrics_set *s)
{
	uint32_t n = s->counters.n_ids, runs = n;
	bool is_tcp = s->kind == METRICS_TCP_SERVICES || s->kind == METRICS_TCP_BACKENDS;

	if (s->kind == METRICS_LANES ||
	    (s->kind > METRICS_LANES && !is_tcp && !s->stores.l4->meta->n_lanes))
		runs = s->stores.l4->meta->n_lanes;
	if (s->kind == METRICS_WORKERS)
		runs = s->stores.l7->meta->n_workers;
	return runs < n ? runs : n;
}

void metrics_set_open(struct metrics_set *s, enum metrics_set_kind kind,
                      const struct metrics_set_stores *stores)
{
	uint32_t n_ids;

	s->kind = kind;
	s->stores = *stores;
	s->counters = counters_of(kind, stores);
	s->times = times_of(kind, stores);
	s->n = 0;
	n_ids = count_ids(s);
	for (uint32_t id = 0; id < n_ids && s->n < ARRAY_LEN(s->ids); id++) {
		const struct names names = names_of(s, id);

		if (!is_shown(s, id, &names))
			continue;
		s->hashes[s->n] = hash_of(&names);
		s->ids[s->n++] = (uint16_t)id;
	}
}

bool metrics_set_label(const struct metrics_set *s, uint32_t i, char labels[METRICS_PAGE_LABELS])
{
	const struct names names = names_of(s, s->ids[i]);

	labels[0] = '\0';
	if (names.n_texts == 0)
		metrics_page_label_number(labels, names.labels[0], s->ids[i]);
	for (unsigned t = 0; t < names.n_texts; t++) {
		char text[STATS_NAME_SIZE + 1];

		memcpy(text, names.texts[t], STATS_NAME_SIZE);
		text[STATS_NAME_SIZE] = '\0';
		metrics_page_label(labels, names.labels[t], text);
	}
	return hash_of(&names) == s->hashes[i];
}

void metrics_set_label_model_api(const struct metrics_set *s, uint32_t i,
                                 char labels[METRICS_PAGE_LABELS])
{
	const struct conf *conf = s->stores.conf;
	const struct conf_service *service = NULL;
	char name[STATS_NAME_SIZE + 1] = "";
	const struct conf_l7 *l7 = NULL;

	memcpy(name, names_of(s, s->ids[i]).texts[0], STATS_NAME_SIZE);
	if (conf)
		service = conf_service_find(conf, name);
	if (service && service->l7)
		l7 = conf_l7_find(conf, service->l7);
	if (l7 && l7->streams.operation)
		metrics_page_label(labels, "gen_ai_operation_name", l7->streams.operation);
	if (l7 && l7->streams.provider)
		metrics_page_label(labels, "gen_ai_provider_name", l7->streams.provider);
}

// Of services these are there whatever they carry; the others are of streams.
static bool is_of_any_request(uint16_t offset)
{
	return offset == offsetof(struct l7_service_histograms, request_duration) ||
	       offset == offsetof(struct l7_service_histograms, time_to_first_byte) ||
	       offset == offsetof(struct l7_service_histograms, connection_duration);
}

bool metrics_set_has_time(const struct metrics_set *s, uint32_t i, uint16_t time)
{
	uint32_t id = s->ids[i];

	switch (s->kind) {
	case METRICS_SERVICES:
		if (is_of_any_request(stats_l7_service_time_fields[time].offset))
			return HAS_COUNTED(s, id, SERVICE_AT(connections), SERVICE_AT(requests));
		return HAS_COUNTED(s, id, SERVICE_AT(streams_sse), SERVICE_AT(streams_websocket),
		                   SERVICE_AT(streams_grpc));
	case METRICS_BACKENDS:
		return HAS_COUNTED(s, id, BACKEND_AT(requests), BACKEND_AT(connects));
	case METRICS_MODELS:
		return HAS_COUNTED(s, id, offsetof(struct l7_model_counters, streams));
	default:
		return true;
	}
}
