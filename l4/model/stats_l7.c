// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_l7.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "l4/model/stats_l7_store.h"
#include "l4/model/stats_region.h"

void stats_l7_close(struct stats_l7 *s)
{
	struct stats_shape shapes[STATS_L7_REGION_COUNT];

	stats_layout_l7_shapes(shapes, &s->room);
	for (size_t i = 0; i < STATS_L7_REGION_COUNT; i++)
		if (s->mapping[i])
			munmap(s->mapping[i], (size_t)shapes[i].entry_size * shapes[i].n_entries);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	*s = (struct stats_l7){.lock_fd = -1};
}

bool stats_l7_is_stale(const struct stats_l7 *s)
{
	return __atomic_load_n(&s->meta->is_stale, __ATOMIC_ACQUIRE);
}

// --- opening ---

// Shared memory says it: not to be believed beyond what a store can have.
static bool is_room(const struct stats_l7_room *r)
{
	return r->n_workers > 0 && r->n_workers <= STATS_L7_WORKERS && r->n_services > 0 &&
	       r->n_services <= STATS_L7_SERVICES && r->n_backends > 0 &&
	       r->n_backends <= STATS_L7_BACKENDS && r->n_models > 0 &&
	       r->n_models <= STATS_L7_MODELS;
}

static int check_meta(struct stats_l7 *s, const struct stats_l7_meta *meta, struct err *err)
{
	switch (stats_layout_l7_owner(meta)) {
	case STATS_OURS:
		break;
	case STATS_BLANK:
		return err_set(err, -ENOENT, "no lb7d has written counters yet");
	default:
		return err_set(err, -EPROTO, "counters of another version (theirs is %u, ours %u)",
		               meta->version, COUNTERS_VERSION);
	}
	s->room = meta->room;
	if (!is_room(&s->room))
		return err_set(err, -EPROTO, "l7_meta: damaged");
	return 0;
}

void stats_l7_point(struct stats_l7 *s)
{
	s->meta = s->mapping[STATS_L7_META];
	s->service_names = s->mapping[STATS_L7_SERVICE_NAME];
	s->backend_names = s->mapping[STATS_L7_BACKEND_NAME];
	s->workers = s->mapping[STATS_L7_WORKER];
	s->services = s->mapping[STATS_L7_SERVICE];
	s->backends = s->mapping[STATS_L7_BACKEND];
	s->service_times = s->mapping[STATS_L7_SERVICE_HISTOGRAM];
	s->backend_times = s->mapping[STATS_L7_BACKEND_HISTOGRAM];
	s->model_names = s->mapping[STATS_L7_MODEL_NAME];
	s->models = s->mapping[STATS_L7_MODEL];
	s->model_times = s->mapping[STATS_L7_MODEL_HISTOGRAM];
}

static int explain(int rc, const char *name, struct err *err)
{
	if (rc == -EPROTO)
		return err_set(err, rc, "%s: counters of another version, or damaged", name);
	return err_set(err, rc, "%s: %s", name, strerror(-rc));
}

static int open_region(struct stats_l7 *s, const char *home, const struct stats_shape *shape,
                       enum stats_l7_region region, struct stats_region_mode mode)
{
	int fd = stats_region_open(home, shape->name, mode);
	int rc;

	if (fd < 0)
		return fd;
	rc = stats_region_map(&s->mapping[region], fd, shape, mode);
	close(fd);
	return rc;
}

int stats_l7_open_home(struct stats_l7 *out, const char *home, bool is_bpf, bool is_writable,
                       struct err *err)
{
	const struct stats_region_mode mode = {.is_bpf = is_bpf, .is_writable = is_writable};
	struct stats_l7 s = {.is_bpf = is_bpf, .lock_fd = -1};
	struct stats_shape shapes[STATS_L7_REGION_COUNT];
	int rc = 0;

	stats_layout_l7_shapes(shapes, &s.room);
	for (size_t i = 0; !rc && i < STATS_L7_REGION_COUNT; i++) {
		rc = open_region(&s, home, &shapes[i], i, mode);
		if (rc) {
			explain(rc, shapes[i].name, err);
		} else if (i == STATS_L7_META) {
			rc = check_meta(&s, s.mapping[i], err);
			stats_layout_l7_shapes(shapes, &s.room);
		}
	}
	if (rc) {
		err_prefix(err, "%s", home);
		stats_l7_close(&s);
		return rc;
	}
	stats_l7_point(&s);
	*out = s;
	return 0;
}

int stats_l7_open(struct stats_l7 *s, const char *dir, struct err *err)
{
	struct err err_shm = {0};
	struct stats_l7 maps = {.lock_fd = -1}, files = {.lock_fd = -1};
	char shm[STATS_DIR_SIZE];
	int rc_bpf, rc;

	rc = stats_shm_dir(shm, dir);
	if (rc)
		return err_set(err, rc, "%s: the name is too long", dir);
	rc_bpf = stats_region_check_bpffs(dir);
	if (rc_bpf == 0)
		rc_bpf = stats_l7_open_home(&maps, dir, true, false, err);
	else
		err_set(err, rc_bpf, "%s: %s", dir, strerror(-rc_bpf));
	rc = -ENOENT;
	if (rc_bpf || stats_region_is_trusted(shm))
		rc = stats_l7_open_home(&files, shm, false, false, &err_shm);
	if (rc_bpf && rc)
		return stats_region_explain(rc_bpf, rc, dir, err_shm.msg, err);
	if (!rc_bpf && !rc && files.meta->started_ns > maps.meta->started_ns)
		rc_bpf = -ESTALE;
	*s = rc_bpf ? files : maps;
	stats_l7_close(rc_bpf ? &maps : &files);
	return 0;
}

// --- sums ---

struct stats_slots stats_l7_counters(const struct stats_l7 *s, enum stats_l7_region region)
{
	struct stats_shape shapes[STATS_L7_REGION_COUNT];

	assert(region != STATS_L7_META && region != STATS_L7_SERVICE_NAME &&
	       region != STATS_L7_BACKEND_NAME && region != STATS_L7_MODEL_NAME);
	stats_layout_l7_shapes(shapes, &s->room);
	return (struct stats_slots){.base = s->mapping[region],
	                            .n_slots = s->room.n_workers,
	                            .n_ids = shapes[region].n_entries / s->room.n_workers,
	                            .stride = shapes[region].entry_size};
}

static void sum(const struct stats_l7 *s, enum stats_l7_region region, uint32_t id, void *out)
{
	const struct stats_slots slots = stats_l7_counters(s, region);

	stats_slots_sum(&slots, id, 0, out, slots.stride);
}

void stats_l7_sum_workers(const struct stats_l7 *s, struct worker_counters *out)
{
	sum(s, STATS_L7_WORKER, 0, out);
}

void stats_l7_sum_service(const struct stats_l7 *s, uint32_t id, struct l7_service_counters *out)
{
	sum(s, STATS_L7_SERVICE, id, out);
}

void stats_l7_sum_backend(const struct stats_l7 *s, uint32_t id, struct l7_backend_counters *out)
{
	sum(s, STATS_L7_BACKEND, id, out);
}

void stats_l7_sum_service_times(const struct stats_l7 *s, uint32_t id,
                                struct l7_service_histograms *out)
{
	sum(s, STATS_L7_SERVICE_HISTOGRAM, id, out);
}

void stats_l7_sum_backend_times(const struct stats_l7 *s, uint32_t id,
                                struct l7_backend_histograms *out)
{
	sum(s, STATS_L7_BACKEND_HISTOGRAM, id, out);
}

void stats_l7_sum_model(const struct stats_l7 *s, uint32_t id, struct l7_model_counters *out)
{
	sum(s, STATS_L7_MODEL, id, out);
}

void stats_l7_sum_model_times(const struct stats_l7 *s, uint32_t id,
                              struct l7_model_histograms *out)
{
	sum(s, STATS_L7_MODEL_HISTOGRAM, id, out);
}

const char stats_l7_other[STATS_NAME_SIZE] = "(other)";

int64_t stats_l7_identity(const struct l7_service_counters *sum)
{
	uint64_t ended = 0;

#define X_END(SYMBOL, name, help) ended += sum->ends_##name;
	REQUEST_ENDS(X_END)
#undef X_END
	return (int64_t)(sum->requests - sum->requests_active - ended);
}

int64_t stats_l7_stream_identity(const struct l7_service_counters *sum)
{
	uint64_t begun = sum->streams_sse + sum->streams_websocket + sum->streams_grpc;
	uint64_t active = sum->active_sse + sum->active_websocket + sum->active_grpc;
	uint64_t ended = sum->stream_ends_completed + sum->stream_ends_client_abort +
	                 sum->stream_ends_upstream_error + sum->stream_ends_timeout +
	                 sum->stream_ends_error_event + sum->stream_ends_drained +
	                 sum->stream_ends_lost;

	return (int64_t)(begun - active - ended);
}

// --- tables ---

#define counter STATS_COUNTER
#define gauge STATS_GAUGE
#define X(name, kind, unit, help) \
	{#name, kind, #unit, help, offsetof(struct l7_service_counters, name)},
#define X_END(SYMBOL, name, help)                        \
	{"ends_" #name, STATS_COUNTER, "requests", help, \
	 offsetof(struct l7_service_counters, ends_##name)},
const struct stats_field stats_l7_service_fields[STATS_L7_SERVICE_FIELDS] = {
	COUNTERS_L7_SERVICE(X)};
#undef X
#undef X_END

#define X(name, kind, unit, help) \
	{#name, kind, #unit, help, offsetof(struct l7_backend_counters, name)},
const struct stats_field stats_l7_backend_fields[STATS_L7_BACKEND_FIELDS] = {
	COUNTERS_L7_BACKEND(X)};
#undef X

#define X(name, kind, unit, help) \
	{#name, kind, #unit, help, offsetof(struct l7_model_counters, name)},
const struct stats_field stats_l7_model_fields[STATS_L7_MODEL_FIELDS] = {COUNTERS_L7_MODEL(X)};
#undef X
#undef counter
#undef gauge

#define X(name, help) {#name, help, offsetof(struct l7_service_histograms, name)},
const struct stats_time stats_l7_service_time_fields[STATS_L7_SERVICE_TIMES] = {
	HISTOGRAMS_L7_SERVICE(X)};
#undef X

#define X(name, help) {#name, help, offsetof(struct l7_backend_histograms, name)},
const struct stats_time stats_l7_backend_time_fields[STATS_L7_BACKEND_TIMES] = {
	HISTOGRAMS_L7_BACKEND(X)};
#undef X

#define X(name, help) {#name, help, offsetof(struct l7_model_histograms, name)},
const struct stats_time stats_l7_model_time_fields[STATS_L7_MODEL_TIMES] = {HISTOGRAMS_L7_MODEL(X)};
#undef X
