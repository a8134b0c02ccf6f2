// SPDX-License-Identifier: BSD-3-Clause
// The counter store's second home: files under /dev/shm, for hosts where BPF is not permitted.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "l4/model/stats.h"
#include "l4/model/stats_region.h"

static const char default_dir[] = "/sys/fs/bpf/lb47";

int stats_shm_dir(char *out, const char *dir)
{
	size_t len = strlen(dir);
	int n;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	if (len == strlen(default_dir) && memcmp(dir, default_dir, len) == 0)
		len = 0;
	if (len > NAME_MAX - strlen("lb47-"))
		return -ENAMETOOLONG;
	n = snprintf(out, STATS_DIR_SIZE, "/dev/shm/lb47%s%.*s", len && dir[0] != '/' ? "-" : "",
	             (int)len, dir);
	for (char *c = out + strlen("/dev/shm/"); c < out + n; c++) {
		if (*c == '/')
			*c = '-';
	}
	return 0;
}

static int map_files(struct stats *s, int dir_fd, struct err *err)
{
	int fds[STATS_REGION_COUNT];
	size_t n;
	int rc = 0;

	for (n = 0; n < STATS_REGION_COUNT; n++) {
		fds[n] = stats_region_make_file(dir_fd, stats_shapes[n].name, stats_layout_size(n));
		if (fds[n] < 0) {
			rc = err_set(err, fds[n], "%s: %s", stats_shapes[n].name,
			             strerror(-fds[n]));
			break;
		}
	}
	if (!rc)
		rc = stats_map(s, fds, false, true, err);
	while (n--)
		close(fds[n]);
	return rc;
}

int stats_open_shm(struct stats *s, const char *dir, struct err *err)
{
	char shm[STATS_DIR_SIZE];
	int dir_fd;
	int rc;

	rc = stats_shm_dir(shm, dir);
	if (rc)
		return err_set(err, rc, "%s: the name is too long", dir);
	dir_fd = stats_region_make_folder(shm, err);
	if (dir_fd < 0)
		return dir_fd;
	rc = map_files(s, dir_fd, err);
	if (rc == -EPROTO) { // another version's: readers that still map them keep what they have
		for (size_t i = 0; i < STATS_REGION_COUNT; i++)
			unlinkat(dir_fd, stats_shapes[i].name, 0);
		rc = map_files(s, dir_fd, err);
	}
	if (rc)
		err_prefix(err, "%s", shm);
	close(dir_fd);
	return rc;
}
