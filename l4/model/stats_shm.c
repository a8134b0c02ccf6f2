// SPDX-License-Identifier: BSD-3-Clause
// The counter store's second home: files under /dev/shm, for hosts where BPF is not permitted.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "l4/model/stats.h"

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

// /dev/shm is everybody's: a folder that another user put there could grow links and holes under us.
static int check_folder(int dir_fd, const char *dir, struct err *err)
{
	struct stat st;

	if (fstat(dir_fd, &st) < 0)
		return err_set(err, -errno, "%s: %s", dir, strerror(errno));
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(err, -EPERM, "%s: another user can write to it; remove it", dir);
	return 0;
}

static int open_folder(const char *dir, struct err *err)
{
	bool is_new = mkdir(dir, 0755) == 0;
	int dir_fd;
	int rc;

	if (!is_new && errno != EEXIST)
		return err_set(err, -errno, "%s: cannot create: %s", dir, strerror(errno));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir_fd < 0)
		return err_set(err, -errno, "%s: cannot open: %s", dir, strerror(errno));
	if (is_new && fchmod(dir_fd, 0755) < 0) { // whatever the umask
		rc = err_set(err, -errno, "%s: %s", dir, strerror(errno));
		goto err_fd;
	}
	rc = check_folder(dir_fd, dir, err);
	if (rc)
		goto err_fd;
	return dir_fd;
err_fd:
	close(dir_fd);
	return rc;
}

// Blocks are taken now: a store to a hole in a full /dev/shm would be a SIGBUS later.
static int size_file(int fd, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_size != 0 && (size_t)st.st_size != size))
		return -EPROTO;
	if (fchmod(fd, 0644) < 0 || ftruncate(fd, (off_t)size) < 0)
		return -errno;
	return -posix_fallocate(fd, 0, (off_t)size);
}

static int make_file(int dir_fd, enum stats_region region)
{
	int fd = openat(dir_fd, stats_shapes[region].name,
	                O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	int rc;

	if (fd < 0)
		return -errno;
	rc = size_file(fd, stats_layout_size(region));
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

static int map_files(struct stats *s, int dir_fd, struct err *err)
{
	int fds[STATS_REGION_COUNT];
	size_t n;
	int rc = 0;

	for (n = 0; n < STATS_REGION_COUNT; n++) {
		fds[n] = make_file(dir_fd, n);
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
	dir_fd = open_folder(shm, err);
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
