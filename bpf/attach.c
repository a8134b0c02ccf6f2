// SPDX-License-Identifier: BSD-3-Clause
#include "bpf/attach.h"

#include "bpf/stats.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

// What fails here is said in the caller's words; libbpf's own would come on top of them.
static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static void close_all(int fds[STATS_REGION_COUNT])
{
	for (size_t i = 0; i < STATS_REGION_COUNT; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

static bool is_on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

static bool may_make_maps(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "lb47_probe", sizeof(uint32_t),
	                        sizeof(uint64_t), 1, &opts);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static int refuse(const char *dir, struct err *err)
{
	return err_set(err, -EPERM, "%s: not permitted to create BPF maps; counters go to /dev/shm",
	               dir);
}

// Where bpf(2) has it, and systemd mounts it.
#define BPFFS "/sys/fs/bpf"

int attach_folder(const char *dir, struct err *err)
{
	char parent[PATH_MAX];
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	while (len > 1 && dir[len - 1] != '/')
		len--;
	if (len >= sizeof(parent))
		return err_set(err, -ENAMETOOLONG, "%s: the name is too long", dir);
	memcpy(parent, dir, len);
	parent[len] = '\0';
	// A folder on another file system would be made in vain.
	if (!is_on_bpffs(dir) && !is_on_bpffs(parent))
		return err_set(err, -ENODEV, "%s: not a bpffs: %s " BPFFS, dir,
		               is_on_bpffs(BPFFS) ? "set stats to a folder of"
		                                  : "mount -t bpf bpf");
	// One that nobody could fill would be this user's for ever.
	if (access(dir, F_OK) < 0 && !may_make_maps())
		return refuse(dir, err);
	if (mkdir(dir, 0755) == 0)
		return chmod(dir, 0755) == 0 ? 0
		                             : err_set(err, -errno, "%s: %s", dir, strerror(errno));
	if (errno == EEXIST)
		return 0;
	if (errno == EPERM || errno == EACCES)
		return refuse(dir, err);
	return err_set(err, -errno, "%s: cannot create: %s", dir, strerror(errno));
}

static int pin_path(char path[PATH_MAX], const char *dir, enum stats_region region)
{
	int len = snprintf(path, PATH_MAX, "%s/%s", dir, stats_shapes[region].name);

	return len < 0 || len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static bool has_shape(int fd, const struct stats_shape *shape)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == BPF_MAP_TYPE_ARRAY &&
	       (info.map_flags & BPF_F_MMAPABLE) && info.value_size == shape->entry_size &&
	       info.max_entries == shape->n_entries;
}

static bool is_ours(int meta_fd)
{
	struct stats_meta meta;
	uint32_t zero = 0;

	return bpf_map_lookup_elem(meta_fd, &zero, &meta) == 0 &&
	       stats_layout_owner(&meta) != STATS_ALIEN;
}

// Opens what is pinned already. -ENOENT if that is not a whole store of this version.
static int adopt(const char *dir, int fds[STATS_REGION_COUNT])
{
	char path[PATH_MAX];

	for (size_t i = 0; i < STATS_REGION_COUNT; i++) {
		int rc = pin_path(path, dir, i);

		if (rc)
			return rc;
		fds[i] = bpf_obj_get(path);
		if (fds[i] < 0)
			return -errno;
		if (!has_shape(fds[i], &stats_shapes[i]))
			return -ENOENT;
	}
	return is_ours(fds[STATS_META]) ? 0 : -ENOENT;
}

static int pin(const char *dir, enum stats_region region, const struct bpf_map *map, int *fd)
{
	char path[PATH_MAX];
	int rc = pin_path(path, dir, region);

	if (rc)
		return rc;
	if (!map || !has_shape(bpf_map__fd(map), &stats_shapes[region]))
		return -EPROTO; // stats.bpf.c and stats_shapes[] disagree
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	rc = bpf_obj_pin(bpf_map__fd(map), path);
	if (rc)
		return rc;
	if (chmod(path, 0660) < 0) // readers open it for writing too, see stats.c
		return -errno;
	*fd = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 0);
	return *fd < 0 ? -errno : 0;
}

static int create(const char *dir, int fds[STATS_REGION_COUNT])
{
	struct stats_bpf *skel = stats_bpf__open();
	int rc;

	if (!skel)
		return -errno;
	rc = stats_bpf__load(skel);
	for (size_t i = 0; !rc && i < STATS_REGION_COUNT; i++)
		rc = pin(dir, i, bpf_object__find_map_by_name(skel->obj, stats_shapes[i].name),
		         &fds[i]);
	stats_bpf__destroy(skel);
	return rc;
}

int attach_stats(const char *dir, int fds[STATS_REGION_COUNT], struct err *err)
{
	int new[STATS_REGION_COUNT];
	libbpf_print_fn_t print;
	int rc;

	rc = attach_folder(dir, err);
	if (rc)
		return rc;
	memset(new, -1, sizeof(new));
	rc = adopt(dir, new);
	if (rc == -ENOENT) {
		close_all(new);
		print = libbpf_set_print(print_nothing);
		rc = create(dir, new);
		libbpf_set_print(print);
	}
	if (rc) {
		close_all(new);
		if (rc != -EPERM && rc != -EACCES)
			return err_set(err, rc, "%s: cannot create BPF maps: %s", dir,
			               strerror(-rc));
		return refuse(dir, err);
	}
	memcpy(fds, new, sizeof(new));
	return 0;
}
