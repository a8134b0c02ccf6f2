// SPDX-License-Identifier: BSD-3-Clause
// The maps of the counter store's L7 half (attach.h).
#include "bpf/attach.h"

#include "bpf/stats_l7.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static int pin(const char *dir, const char *name, const struct bpf_map *map)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/" STATS_L7_NEXT "%s", dir, name);
	int rc;

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	rc = bpf_obj_pin(bpf_map__fd(map), path);
	if (rc)
		return rc;
	// Readers open it for writing too: see stats_region.c.
	return chmod(path, 0660) < 0 ? -errno : 0;
}

static int size_maps(const struct stats_l7_bpf *skel, const struct stats_shape *shapes)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < STATS_L7_REGION_COUNT; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(skel->obj, shapes[i].name);

		if (!map || bpf_map__value_size(map) != shapes[i].entry_size)
			return -EPROTO; // stats_l7.bpf.c and the shapes disagree
		rc = bpf_map__set_max_entries(map, shapes[i].n_entries);
	}
	return rc;
}

static int make(const char *dir, const struct stats_shape *shapes)
{
	struct stats_l7_bpf *skel = stats_l7_bpf__open();
	int rc;

	if (!skel)
		return -errno;
	rc = size_maps(skel, shapes);
	if (!rc)
		rc = stats_l7_bpf__load(skel);
	for (size_t i = 0; !rc && i < STATS_L7_REGION_COUNT; i++)
		rc = pin(dir, shapes[i].name,
		         bpf_object__find_map_by_name(skel->obj, shapes[i].name));
	stats_l7_bpf__destroy(skel);
	return rc;
}

int attach_l7_make(const char *dir, const struct stats_shape shapes[STATS_L7_REGION_COUNT],
                   struct err *err)
{
	libbpf_print_fn_t print = libbpf_set_print(print_nothing);
	int rc = make(dir, shapes);

	libbpf_set_print(print);
	if (rc == -EPERM || rc == -EACCES)
		return err_set(err, -EPERM,
		               "%s: not permitted to create BPF maps; counters go to /dev/shm",
		               dir);
	return rc ? err_set(err, rc, "%s: cannot create BPF maps: %s", dir, strerror(-rc)) : 0;
}
