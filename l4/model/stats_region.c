// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/stats_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "l4/model/stats.h"

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
	return S_ISREG(st.st_mode) && (size_t)st.st_size == size ? 0 : -EPROTO;
}

int stats_region_map(void **out, int fd, const struct stats_shape *shape,
                     struct stats_region_mode mode)
{
	size_t size = (size_t)shape->entry_size * shape->n_entries;
	int protection = PROT_READ | (mode.is_writable ? PROT_WRITE : 0);
	void *mapping;
	int rc;

	rc = mode.is_bpf ? check_map_shape(fd, shape) : check_file_shape(fd, size);
	if (rc)
		return rc;
	mapping = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
	if (mapping == MAP_FAILED)
		return -errno;
	*out = mapping;
	return 0;
}

int stats_region_map_private(void **out, size_t size)
{
	void *mapping;

	// cppcheck-suppress invalidFunctionArg ; mmap(2) wants fd -1 with MAP_ANONYMOUS
	mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapping == MAP_FAILED)
		return -ENOMEM;
	*out = mapping;
	return 0;
}

// For reading and writing, as the kernel (6.18) maps no map that was opened with BPF_F_RDONLY: mmap(2)
// takes VM_SHARED off read-only files, and bpf_map_mmap() insists on it. The mapping is read-only.
static int open_pinned(const char *path)
{
	union bpf_attr attr = {.pathname = (uintptr_t)path};
	long fd = bpf(BPF_OBJ_GET, &attr);

	if (fd >= 0)
		return (int)fd;
	return errno == EPERM ? -EACCES : -errno; // kernels before 5.19 keep bpf(2) for root
}

// Without waiting for anybody: a pipe of that name would keep a reader for ever.
static int open_file(const char *path, bool is_writable)
{
	int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = open(path, (is_writable ? O_RDWR : O_RDONLY) | flags);

	if (fd < 0)
		return -errno;
	return fd;
}

int stats_region_open(const char *home, const char *name, struct stats_region_mode mode)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s", home, name);

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	return mode.is_bpf ? open_pinned(path) : open_file(path, mode.is_writable);
}

int stats_region_check_bpffs(const char *dir)
{
	struct statfs fs;

	if (statfs(dir, &fs) < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	return fs.f_type == BPF_FS_MAGIC ? 0 : -ENOENT;
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

int stats_region_make_folder(const char *dir, struct err *err)
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

int stats_region_make_file(int dir_fd, const char *name, size_t size)
{
	int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	int rc;

	if (fd < 0)
		return -errno;
	rc = size_file(fd, size);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

bool stats_region_is_trusted(const char *shm)
{
	struct stat st;

	return lstat(shm, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid());
}

int stats_region_explain(int rc_bpf, int rc_shm, const char *dir, const char *said_shm,
                         struct err *err)
{
	char shm[STATS_DIR_SIZE];

	if (rc_bpf != -ENOENT && rc_bpf != -EACCES)
		return rc_bpf; // *err says it
	if (rc_shm != -ENOENT || stats_shm_dir(shm, dir))
		return err_set(err, rc_shm, "%s", said_shm);
	if (rc_bpf == -EACCES)
		return err_set(err, rc_bpf, "%s: not permitted to read the counters; run as root",
		               dir);
	return err_set(err, -ENOENT, "no counters in %s or %s: no daemon has run with them", dir,
	               shm);
}
