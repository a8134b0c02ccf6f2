// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "l4/model/stats_region.h"
#include "l4/model/stats_writer.h"

static int map_region(struct stats *s, enum stats_region region, int fd, bool writable)
{
	const struct stats_region_mode mode = {.is_bpf = s->is_bpf, .is_writable = writable};

	return stats_region_map(&s->mapping[region], fd, &stats_shapes[region], mode);
}

static void point_at_mappings(struct stats *s)
{
	s->meta = s->mapping[STATS_META];
	s->service_names = s->mapping[STATS_SERVICE_NAME];
	s->backend_names = s->mapping[STATS_BACKEND_NAME];
	s->lanes = s->mapping[STATS_LANE];
	s->services = s->mapping[STATS_SERVICE];
	s->backends = s->mapping[STATS_BACKEND];
	s->steer_services = s->mapping[STATS_STEER_SERVICE];
	s->tcp_services = s->mapping[STATS_TCP_SERVICE];
	s->tcp_backends = s->mapping[STATS_TCP_BACKEND];
	s->steer_ports = s->mapping[STATS_STEER_PORT];
}

static int check_owner(const struct stats *s, bool writable, struct err *err)
{
	switch (stats_layout_owner(s->meta)) {
	case STATS_OURS:
		return 0;
	case STATS_BLANK:
		if (writable)
			return 0;
		return err_set(err, -ENOENT, "no daemon has written counters yet");
	default:
		return err_set(err, -EPROTO, "counters of another version (theirs is %u, ours %u)",
		               s->meta->version, COUNTERS_VERSION);
	}
}

int stats_map(struct stats *s, const int fds[STATS_REGION_COUNT], bool is_bpf, bool writable,
              struct err *err)
{
	struct stats new = {.is_bpf = is_bpf};
	int rc = 0;

	for (size_t i = 0; i < STATS_REGION_COUNT; i++) {
		rc = map_region(&new, i, fds[i], writable);
		if (!rc)
			continue;
		if (rc == -EPROTO)
			err_set(err, rc, "%s: counters of another version", stats_shapes[i].name);
		else
			err_set(err, rc, "%s: cannot map: %s", stats_shapes[i].name, strerror(-rc));
		goto err_close;
	}
	point_at_mappings(&new);
	rc = check_owner(&new, writable, err);
	if (rc)
		goto err_close;
	*s = new;
	return 0;
err_close:
	stats_close(&new);
	return rc;
}

static void close_all(const int *fds, size_t n)
{
	while (n--)
		close(fds[n]);
}

static int open_from(struct stats *s, const char *dir, bool is_bpf, struct err *err)
{
	const struct stats_region_mode mode = {.is_bpf = is_bpf};
	int fds[STATS_REGION_COUNT];
	size_t n;
	int rc;

	for (n = 0; n < STATS_REGION_COUNT; n++) {
		const char *name = stats_shapes[n].name;

		fds[n] = stats_region_open(dir, name, mode);
		if (fds[n] >= 0)
			continue;
		// What has a first region and lacks another is not nothing: older counters had fewer.
		rc = n && fds[n] == -ENOENT ? -EPROTO : fds[n];
		err_set(err, rc, "%s/%s: %s", dir, name,
		        rc == -EPROTO ? "not there: counters of another version" : strerror(-rc));
		close_all(fds, n);
		return rc;
	}
	rc = stats_map(s, fds, is_bpf, false, err);
	if (rc)
		err_prefix(err, "%s", dir);
	close_all(fds, n);
	return rc;
}

// Both homes have counters: a daemon ran with BPF, and one without. The last one counts.
static void keep_newer(struct stats *s, struct stats *other)
{
	struct stats older = *other;

	if (other->meta->started_ns > s->meta->started_ns) {
		older = *s;
		*s = *other;
	}
	stats_close(&older);
}

// Files of whoever came first count only where there is nothing else, and for a daemon never.
static int open_files(struct stats *s, const char *shm, bool needs_trust, struct err *err)
{
	if (needs_trust && !stats_region_is_trusted(shm))
		return err_set(err, -ENOENT, "%s: neither root's nor our own", shm);
	return open_from(s, shm, false, err);
}

static int open_homes(struct stats *s, const char *dir, bool is_daemon, struct err *err)
{
	struct err err_shm = {0};
	struct stats other;
	char shm[STATS_DIR_SIZE];
	int rc_bpf, rc;

	rc = stats_shm_dir(shm, dir);
	if (rc)
		return err_set(err, rc, "%s: the name is too long", dir);
	rc_bpf = stats_region_check_bpffs(dir);
	if (rc_bpf == 0)
		rc_bpf = open_from(s, dir, true, err);
	else
		err_set(err, rc_bpf, "%s: %s", dir, strerror(-rc_bpf));
	rc = open_files(&other, shm, is_daemon || rc_bpf == 0, &err_shm);
	if (rc_bpf == 0 && rc == 0)
		keep_newer(s, &other);
	else if (rc == 0)
		*s = other;
	if (rc_bpf == 0 || rc == 0)
		return 0;
	return stats_region_explain(rc_bpf, rc, dir, err_shm.msg, err);
}

int stats_open(struct stats *s, const char *dir, struct err *err)
{
	return open_homes(s, dir, false, err);
}

int stats_open_trusted(struct stats *s, const char *dir, struct err *err)
{
	return open_homes(s, dir, true, err);
}

int stats_open_private(struct stats *s)
{
	struct stats new = {0};

	for (size_t i = 0; i < STATS_REGION_COUNT; i++) {
		int rc = stats_region_map_private(&new.mapping[i], stats_layout_size(i));

		if (rc) {
			stats_close(&new);
			return rc;
		}
	}
	point_at_mappings(&new);
	*s = new;
	return 0;
}

void stats_close(struct stats *s)
{
	for (size_t i = 0; i < STATS_REGION_COUNT; i++) {
		if (s->mapping[i])
			munmap(s->mapping[i], stats_layout_size(i));
	}
	memset(s, 0, sizeof(*s));
}

// A daemon starts with empty tables, and may have fewer lanes than the last one had.
static void reset_gauges(struct stats *s)
{
	for (size_t i = 0; i < STATS_LANE_FIELDS; i++) {
		const struct stats_field *field = &stats_lane_fields[i];

		if (field->kind != STATS_GAUGE)
			continue;
		for (size_t lane = 0; lane < STATS_SLOTS; lane++)
			memset((char *)&s->lanes[lane] + field->offset, 0, sizeof(uint64_t));
	}
}

void stats_announce(struct stats *s, const char *node, uint16_t n_lanes, uint32_t pid)
{
	struct stats_meta *meta = s->meta;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	meta->version = COUNTERS_VERSION;
	meta->layout = stats_layout();
	meta->n_lanes = n_lanes;
	stats_writer_enter(&meta->writer, pid);
	meta->generation = 0;
	meta->started_ns = (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
	memset(meta->node, 0, sizeof(meta->node));
	snprintf(meta->node, sizeof(meta->node), "%s", node);
	reset_gauges(s);
	__atomic_store_n(&meta->magic, STATS_MAGIC, __ATOMIC_RELEASE);
}

struct stats_slots stats_counters(const struct stats *s, enum stats_region region)
{
	static const uint32_t n_ids[STATS_REGION_COUNT] = {
		[STATS_LANE] = 1,
		[STATS_SERVICE] = STATS_SERVICES,
		[STATS_BACKEND] = STATS_BACKENDS,
		[STATS_STEER_SERVICE] = STATS_SERVICES,
		[STATS_TCP_SERVICE] = STATS_SERVICES,
		[STATS_TCP_BACKEND] = STATS_BACKENDS,
		[STATS_STEER_PORT] = STATS_PORTS,
	};

	assert(n_ids[region]); // others are no counters
	return (struct stats_slots){.base = s->mapping[region],
	                            .n_slots = stats_shapes[region].n_entries / n_ids[region],
	                            .n_ids = n_ids[region],
	                            .stride = stats_shapes[region].entry_size};
}

static void sum(const struct stats *s, enum stats_region region, uint32_t id, void *out)
{
	const struct stats_slots slots = stats_counters(s, region);

	stats_slots_sum(&slots, id, 0, out, slots.stride);
}

void stats_sum_lanes(const struct stats *s, struct lane_counters *out)
{
	sum(s, STATS_LANE, 0, out);
}

void stats_sum_service(const struct stats *s, uint16_t id, struct service_counters *out)
{
	sum(s, STATS_SERVICE, id, out);
}

void stats_sum_backend(const struct stats *s, uint16_t id, struct backend_counters *out)
{
	sum(s, STATS_BACKEND, id, out);
}

void stats_sum_steer_service(const struct stats *s, uint16_t id, struct steer_service_counters *out)
{
	sum(s, STATS_STEER_SERVICE, id, out);
}

int64_t stats_identity(const struct lane_counters *sum)
{
	uint64_t judged = 0;

	for (size_t i = 0; i < REASON_COUNT; i++)
		judged += sum->reason[i];
	return (int64_t)(sum->rx_packets - judged);
}
