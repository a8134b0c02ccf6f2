// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_l7_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "l4/model/stats_region.h"
#include "l4/model/stats_writer.h"

enum {
	LEAST_SERVICES = 64,  // 1.4 MB for two workers, mostly histograms
	LEAST_BACKENDS = 512, // 3.4 MB likewise
	LEAST_MODELS = 64,    // 0.4 MB likewise
};

static uint32_t room_of(uint32_t n, uint32_t least, uint32_t most)
{
	uint32_t room = least;

	while (room < 2 * n + 1 && room < most)
		room *= 2;
	return room;
}

struct stats_l7_room stats_l7_store_room(uint32_t n_workers, uint32_t n_services,
                                         uint32_t n_backends, uint32_t n_models)
{
	return (struct stats_l7_room){
		.n_workers = n_workers,
		.n_services = room_of(n_services, LEAST_SERVICES, STATS_L7_SERVICES),
		.n_backends = room_of(n_backends, LEAST_BACKENDS, STATS_L7_BACKENDS),
		.n_models = room_of(n_models, LEAST_MODELS, STATS_L7_MODELS),
	};
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

// Of both, each as large as the larger.
static struct stats_l7_room join(const struct stats_l7_room *a, const struct stats_l7_room *b)
{
	return (struct stats_l7_room){
		.n_workers = larger(a->n_workers, b->n_workers),
		.n_services = larger(a->n_services, b->n_services),
		.n_backends = larger(a->n_backends, b->n_backends),
		.n_models = larger(a->n_models, b->n_models),
	};
}

// --- a larger store takes over ---

static void copy_counters(const struct stats_l7 *to, const struct stats_l7 *from,
                          enum stats_l7_region region)
{
	const struct stats_slots new = stats_l7_counters(to, region);
	const struct stats_slots old = stats_l7_counters(from, region);
	size_t size = (size_t)old.n_ids * old.stride;

	for (uint32_t w = 0; w < old.n_slots; w++)
		memcpy((char *)to->mapping[region] + (size_t)w * new.n_ids *new.stride,
		       (const char *)old.base + w * size, size);
}

static void take_over(struct stats_l7 *to, const struct stats_l7 *from)
{
	static const enum stats_l7_region counted[] = {
		STATS_L7_WORKER,          STATS_L7_SERVICE,           STATS_L7_BACKEND,
		STATS_L7_MODEL,           STATS_L7_SERVICE_HISTOGRAM, STATS_L7_BACKEND_HISTOGRAM,
		STATS_L7_MODEL_HISTOGRAM,
	};
	const struct stats_l7_room *r = &from->room;

	memcpy(to->service_names, from->service_names, r->n_services * sizeof(*to->service_names));
	memcpy(to->backend_names, from->backend_names, r->n_backends * sizeof(*to->backend_names));
	memcpy(to->model_names, from->model_names, r->n_models * sizeof(*to->model_names));
	for (size_t i = 0; i < ARRAY_LEN(counted); i++)
		copy_counters(to, from, counted[i]);
}

static int rename_one(const char *home, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX];
	int n = snprintf(from, sizeof(from), "%s/" STATS_L7_NEXT "%s", home, name);

	if (n < 0 || (size_t)n >= sizeof(from))
		return -ENAMETOOLONG;
	snprintf(to, sizeof(to), "%s/%s", home, name);
	return rename(from, to) < 0 ? -errno : 0;
}

// The first region last: until then a reader finds the old one, whose room does not fit, and refuses.
static int put_in_place(const char *home, const struct stats_shape *shapes)
{
	int rc = 0;

	for (size_t i = STATS_L7_REGION_COUNT; !rc && i--;)
		rc = rename_one(home, shapes[i].name);
	return rc;
}

static int map_next(struct stats_l7 *s, const struct stats_l7_home *home,
                    const struct stats_shape *shapes)
{
	const struct stats_region_mode mode = {.is_bpf = home->is_bpf, .is_writable = true};
	int rc = 0;

	for (size_t i = 0; !rc && i < STATS_L7_REGION_COUNT; i++) {
		char name[64];
		int fd;

		snprintf(name, sizeof(name), STATS_L7_NEXT "%s", shapes[i].name);
		fd = stats_region_open(home->path, name, mode);
		if (fd < 0)
			return fd;
		rc = stats_region_map(&s->mapping[i], fd, &shapes[i], mode);
		close(fd);
	}
	if (!rc)
		stats_l7_point(s);
	return rc;
}

static void write_head(struct stats_l7 *s)
{
	s->meta->version = COUNTERS_VERSION;
	s->meta->layout = stats_layout_l7();
	s->meta->room = s->room;
	__atomic_store_n(&s->meta->magic, STATS_L7_MAGIC, __ATOMIC_RELEASE);
}

// `old` may be NULL: there was none, or another version's.
static int make(struct stats_l7 *out, const struct stats_l7_home *home,
                const struct stats_l7_room *room, const struct stats_l7 *old, struct err *err)
{
	struct stats_l7 s = {.is_bpf = home->is_bpf, .lock_fd = -1, .room = *room};
	struct stats_shape shapes[STATS_L7_REGION_COUNT];
	int rc;

	stats_layout_l7_shapes(shapes, room);
	rc = home->make(home->path, shapes, err);
	if (rc)
		return rc;
	rc = map_next(&s, home, shapes);
	if (!rc && old)
		take_over(&s, old);
	if (!rc) {
		write_head(&s);
		rc = put_in_place(home->path, shapes);
	}
	if (rc) {
		stats_l7_close(&s);
		return err_set(err, rc, "%s: cannot make counters: %s", home->path, strerror(-rc));
	}
	*out = s;
	return 0;
}

static bool fits(const struct stats_l7_room *has, const struct stats_l7_room *wanted)
{
	return has->n_workers >= wanted->n_workers && has->n_services >= wanted->n_services &&
	       has->n_backends >= wanted->n_backends && has->n_models >= wanted->n_models;
}

// --- opening ---

static int lock(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "%s: cannot open: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return err_set(err, -EBUSY,
	               "%s: another lb7d counts there; key stats names a folder of its own", path);
}

static int open_locked(struct stats_l7 *out, const struct stats_l7_home *home,
                       const struct stats_l7_room *room, struct err *err)
{
	struct stats_l7_room both;
	struct stats_l7 old;
	int rc = stats_l7_open_home(&old, home->path, home->is_bpf, true, err);

	if (rc == -ENOENT || rc == -EPROTO)
		return make(out, home, room, NULL, err);
	if (rc)
		return rc;
	if (fits(&old.room, room)) {
		*out = old;
		return 0;
	}
	both = join(&old.room, room);
	rc = make(out, home, &both, &old, err);
	if (!rc)
		__atomic_store_n(&old.meta->is_stale, 1, __ATOMIC_RELEASE);
	stats_l7_close(&old);
	return rc;
}

int stats_l7_store_open(struct stats_l7 *out, const struct stats_l7_home *home,
                        const struct stats_l7_room *room, struct err *err)
{
	int lock_fd = lock(home->path, err);
	int rc;

	if (lock_fd < 0)
		return lock_fd;
	rc = open_locked(out, home, room, err);
	if (rc)
		close(lock_fd);
	else
		out->lock_fd = lock_fd;
	return rc;
}

static int make_files(const char *path, const struct stats_shape shapes[STATS_L7_REGION_COUNT],
                      struct err *err)
{
	int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc = dir_fd < 0 ? -errno : 0;

	for (size_t i = 0; !rc && i < STATS_L7_REGION_COUNT; i++) {
		char name[64];
		int fd;

		snprintf(name, sizeof(name), STATS_L7_NEXT "%s", shapes[i].name);
		unlinkat(dir_fd, name, 0);
		fd = stats_region_make_file(dir_fd, name,
		                            (size_t)shapes[i].entry_size * shapes[i].n_entries);
		rc = fd < 0 ? fd : 0;
		if (fd >= 0)
			close(fd);
	}
	if (dir_fd >= 0)
		close(dir_fd);
	return rc ? err_set(err, rc, "%s: cannot make files: %s", path, strerror(-rc)) : 0;
}

int stats_l7_store_open_shm(struct stats_l7 *out, const char *dir, const struct stats_l7_room *room,
                            struct err *err)
{
	char shm[STATS_DIR_SIZE];
	struct stats_l7_home home = {.path = shm, .make = make_files};
	int rc = stats_shm_dir(shm, dir);
	int fd;

	if (rc)
		return err_set(err, rc, "%s: the name is too long", dir);
	fd = stats_region_make_folder(shm, err);
	if (fd < 0)
		return fd;
	close(fd);
	return stats_l7_store_open(out, &home, room, err);
}

int stats_l7_store_open_private(struct stats_l7 *out, const struct stats_l7_room *room)
{
	struct stats_l7 s = {.is_private = true, .lock_fd = -1, .room = *room};
	struct stats_shape shapes[STATS_L7_REGION_COUNT];

	stats_layout_l7_shapes(shapes, room);
	for (size_t i = 0; i < STATS_L7_REGION_COUNT; i++) {
		size_t size = (size_t)shapes[i].entry_size * shapes[i].n_entries;

		if (stats_region_map_private(&s.mapping[i], size)) {
			stats_l7_close(&s);
			return -ENOMEM;
		}
	}
	stats_l7_point(&s);
	write_head(&s);
	*out = s;
	return 0;
}

// --- writing ---

static void reset(void *counters, size_t stride, size_t n, const struct stats_field *field)
{
	for (size_t i = 0; i < n; i++)
		memset((char *)counters + i * stride + field->offset, 0, sizeof(uint64_t));
}

static void reset_gauges(struct stats_l7 *s)
{
	size_t n_services = (size_t)s->room.n_workers * s->room.n_services;
	size_t n_backends = (size_t)s->room.n_workers * s->room.n_backends;

	for (size_t i = 0; i < STATS_WORKER_FIELDS; i++)
		if (stats_worker_fields[i].kind == STATS_GAUGE)
			reset(s->workers, sizeof(*s->workers), s->room.n_workers,
			      &stats_worker_fields[i]);
	for (size_t i = 0; i < STATS_L7_SERVICE_FIELDS; i++)
		if (stats_l7_service_fields[i].kind == STATS_GAUGE)
			reset(s->services, sizeof(*s->services), n_services,
			      &stats_l7_service_fields[i]);
	for (size_t i = 0; i < STATS_L7_BACKEND_FIELDS; i++)
		if (stats_l7_backend_fields[i].kind == STATS_GAUGE)
			reset(s->backends, sizeof(*s->backends), n_backends,
			      &stats_l7_backend_fields[i]);
	for (size_t i = 0; i < STATS_L7_MODEL_FIELDS; i++)
		if (stats_l7_model_fields[i].kind == STATS_GAUGE)
			reset(s->models, sizeof(*s->models),
			      stats_l7_model_at(s, s->room.n_workers, 0),
			      &stats_l7_model_fields[i]);
}

// What had begun under an id and had not ended. A writer that was killed between two increments may have left a little less than none.
static void settle(struct l7_service_counters *c)
{
	int64_t lost = stats_l7_identity(c) + (int64_t)c->requests_active;
	int64_t streams = stats_l7_stream_identity(c) +
	                  (int64_t)(c->active_sse + c->active_websocket + c->active_grpc);

	c->ends_lost += lost > 0 ? (uint64_t)lost : 0;
	c->stream_ends_lost += streams > 0 ? (uint64_t)streams : 0;
}

void stats_l7_store_announce(struct stats_l7 *s, const char *node, uint32_t n_workers, uint32_t pid)
{
	struct stats_l7_meta *meta = s->meta;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	meta->n_workers = n_workers;
	stats_writer_enter(&meta->writer, pid);
	meta->generation = 0;
	meta->started_ns = (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
	memset(meta->node, 0, sizeof(meta->node));
	snprintf(meta->node, sizeof(meta->node), "%s", node);
	for (size_t i = 0; i < stats_l7_service_at(s, s->room.n_workers, 0); i++)
		settle(&s->services[i]);
	reset_gauges(s);
}

void stats_l7_store_clear_service(struct stats_l7 *s, uint32_t id)
{
	for (uint32_t w = 0; w < s->room.n_workers; w++) {
		size_t at = stats_l7_service_at(s, w, id);

		memset(&s->services[at], 0, sizeof(*s->services));
		memset(&s->service_times[at], 0, sizeof(*s->service_times));
	}
}

void stats_l7_store_clear_backend(struct stats_l7 *s, uint32_t id)
{
	for (uint32_t w = 0; w < s->room.n_workers; w++) {
		size_t at = stats_l7_backend_at(s, w, id);

		memset(&s->backends[at], 0, sizeof(*s->backends));
		memset(&s->backend_times[at], 0, sizeof(*s->backend_times));
	}
}

void stats_l7_store_clear_model(struct stats_l7 *s, uint32_t id)
{
	for (uint32_t w = 0; w < s->room.n_workers; w++) {
		size_t at = stats_l7_model_at(s, w, id);

		memset(&s->models[at], 0, sizeof(*s->models));
		memset(&s->model_times[at], 0, sizeof(*s->model_times));
	}
}
