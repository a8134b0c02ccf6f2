// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "l4/base/clock.h"

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static int check_map_shape(int fd, const struct stats_shape *shape)
{
	struct bpf_map_info info = {0};
	union bpf_attr attr = {
		.info = {.bpf_fd = (uint32_t)fd,
	                 .info_len = sizeof(info),
	                 .info = (uintptr_t)&info},
	};

	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0)
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || !(info.map_flags & BPF_F_MMAPABLE) ||
	    info.value_size != shape->entry_size || info.max_entries != shape->n_entries)
		return -EPROTO;
	return 0;
}

// A file that is too short would kill the reader with SIGBUS.
static int check_file_shape(int fd, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return (size_t)st.st_size == size ? 0 : -EPROTO;
}

static int map_region(struct stats *s, enum stats_region region, int fd, bool writable)
{
	size_t size = stats_layout_size(region);
	void *mapping;
	int rc;

	rc = s->is_bpf ? check_map_shape(fd, &stats_shapes[region]) : check_file_shape(fd, size);
	if (rc)
		return rc;
	mapping = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
	if (mapping == MAP_FAILED)
		return -errno;
	s->mapping[region] = mapping;
	return 0;
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

// What is in the way of reading pinned maps: -ENOENT if there are none, so that files are tried.
static int check_bpffs(const char *dir)
{
	struct statfs fs;

	if (statfs(dir, &fs) < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	return fs.f_type == BPF_FS_MAGIC ? 0 : -ENOENT;
}

// For reading and writing, as the kernel (6.18) maps no map that was opened with BPF_F_RDONLY: mmap(2)
// takes VM_SHARED off read-only files, and bpf_map_mmap() insists on it. The mapping is read-only.
static int open_pinned(const char *dir, const char *name)
{
	char path[4096];
	union bpf_attr attr = {.pathname = (uintptr_t)path};
	int len = snprintf(path, sizeof(path), "%s/%s", dir, name);
	long fd;

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	fd = bpf(BPF_OBJ_GET, &attr);
	if (fd >= 0)
		return (int)fd;
	return errno == EPERM ? -EACCES : -errno; // kernels before 5.19 keep bpf(2) for root
}

static int open_file(const char *dir, const char *name)
{
	char path[STATS_DIR_SIZE + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fd;
}

static void close_all(const int *fds, size_t n)
{
	while (n--)
		close(fds[n]);
}

static int open_from(struct stats *s, const char *dir, bool is_bpf, struct err *err)
{
	int fds[STATS_REGION_COUNT];
	size_t n;
	int rc;

	for (n = 0; n < STATS_REGION_COUNT; n++) {
		const char *name = stats_shapes[n].name;

		fds[n] = is_bpf ? open_pinned(dir, name) : open_file(dir, name);
		if (fds[n] >= 0)
			continue;
		rc = err_set(err, fds[n], "%s/%s: %s", dir, name, strerror(-fds[n]));
		close_all(fds, n);
		return rc;
	}
	rc = stats_map(s, fds, is_bpf, false, err);
	if (rc)
		err_prefix(err, "%s", dir);
	close_all(fds, n);
	return rc;
}

// /dev/shm is everybody's: only root's files and our own may outshine pinned maps.
static bool is_trusted(const char *shm)
{
	struct stat st;

	return lstat(shm, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid());
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

static int explain(int rc_bpf, const char *dir, const char *shm, struct err *err)
{
	if (rc_bpf == -EACCES)
		return err_set(err, rc_bpf, "%s: not permitted to read the counters; run as root",
		               dir);
	return err_set(err, -ENOENT, "no counters in %s or %s: no daemon has run with them", dir,
	               shm);
}

int stats_open(struct stats *s, const char *dir, struct err *err)
{
	struct err err_shm = {0};
	struct stats other;
	char shm[STATS_DIR_SIZE];
	int rc_bpf, rc;

	rc = stats_shm_dir(shm, dir);
	if (rc)
		return err_set(err, rc, "%s: the name is too long", dir);
	rc_bpf = check_bpffs(dir);
	if (rc_bpf == 0)
		rc_bpf = open_from(s, dir, true, err);
	else
		err_set(err, rc_bpf, "%s: %s", dir, strerror(-rc_bpf));
	rc = open_from(&other, shm, false, &err_shm);
	if (rc_bpf == 0 && rc == 0 && is_trusted(shm))
		keep_newer(s, &other);
	else if (rc == 0 && rc_bpf == 0)
		stats_close(&other);
	else if (rc == 0)
		*s = other;
	if (rc_bpf == 0 || rc == 0)
		return 0;
	if (rc_bpf != -ENOENT && rc_bpf != -EACCES)
		return rc_bpf; // *err says it
	if (rc != -ENOENT)
		return err_set(err, rc, "%s", err_shm.msg);
	return explain(rc_bpf, dir, shm, err);
}

static void *map_private(size_t size)
{
	// cppcheck-suppress invalidFunctionArg ; mmap(2) wants fd -1 with MAP_ANONYMOUS
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int stats_open_private(struct stats *s)
{
	struct stats new = {0};

	for (size_t i = 0; i < STATS_REGION_COUNT; i++) {
		void *mapping = map_private(stats_layout_size(i));

		if (mapping == MAP_FAILED) {
			stats_close(&new);
			return -ENOMEM;
		}
		new.mapping[i] = mapping;
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
	meta->pid = pid;
	meta->generation = 0;
	meta->started_ns = (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
	memset(meta->node, 0, sizeof(meta->node));
	snprintf(meta->node, sizeof(meta->node), "%s", node);
	reset_gauges(s);
	__atomic_store_n(&meta->magic, STATS_MAGIC, __ATOMIC_RELEASE);
}

// All counters are uint64_t, so a set of them is a row of words.
static void add_words(void *sum, const void *counters, size_t size)
{
	uint64_t *to = sum;
	const uint64_t *from = counters;

	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void stats_sum_lanes(const struct stats *s, struct lane_counters *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t lane = 0; lane < STATS_SLOTS; lane++)
		add_words(out, &s->lanes[lane], sizeof(*out));
}

void stats_sum_service(const struct stats *s, uint16_t id, struct service_counters *out)
{
	assert(id < STATS_SERVICES);
	memset(out, 0, sizeof(*out));
	for (uint32_t lane = 0; lane < STATS_SLOTS; lane++)
		add_words(out, stats_service(s, lane) + id, sizeof(*out));
}

void stats_sum_backend(const struct stats *s, uint16_t id, struct backend_counters *out)
{
	assert(id < STATS_BACKENDS);
	memset(out, 0, sizeof(*out));
	for (uint32_t lane = 0; lane < STATS_SLOTS; lane++)
		add_words(out, stats_backend(s, lane) + id, sizeof(*out));
}

void stats_sum_steer_service(const struct stats *s, uint16_t id, struct steer_service_counters *out)
{
	assert(id < STATS_SERVICES);
	memset(out, 0, sizeof(*out));
	for (size_t cpu = 0; cpu < STATS_CPU_SLOTS; cpu++)
		add_words(out, &s->steer_services[cpu * STATS_SERVICES + id], sizeof(*out));
}

int64_t stats_identity(const struct lane_counters *sum)
{
	uint64_t judged = 0;

	for (size_t i = 0; i < REASON_COUNT; i++)
		judged += sum->reason[i];
	return (int64_t)(sum->rx_packets - judged);
}
