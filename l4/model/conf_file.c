// SPDX-License-Identifier: BSD-3-Clause
// Where a configuration comes from and goes to: text in memory, a file read whole and replaced at
// one stroke.
#include "l4/model/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "l4/base/file.h"
#include "l4/model/conf_json.h"

// Reads until the end or until `size` bytes are full.
static int read_full(int fd, char *buf, size_t size, size_t *len)
{
	for (*len = 0; *len < size;) {
		ssize_t n = read(fd, buf + *len, size - *len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return 0;
}

int conf_parse(struct conf **out, const char *text, size_t len, struct err *err)
{
	return conf_json_read(out, slice_of(text, len), NULL, err);
}

int conf_load(struct conf **out, const char *file, struct err *err)
{
	size_t len, size = CONF_FILE_MAX + 1; // one more than is taken, so that too many shows
	int fd = open(file, O_RDONLY | O_CLOEXEC), rc;
	char *buf;

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", file, strerror(errno));
	buf = malloc(size);
	if (!buf) {
		rc = err_set(err, -ENOMEM, "%s: out of memory", file);
		goto err_fd;
	}
	rc = read_full(fd, buf, size, &len);
	if (rc)
		err_set(err, rc, "%s: %s", file, strerror(-rc));
	else
		rc = conf_json_read(out, slice_of(buf, len), file, err);
	free(buf);
err_fd:
	close(fd);
	return rc;
}

// The old file's mode and, where we may, its owner; mkstemp has given a new one 0600.
static int keep_mode(int fd, const char *file)
{
	struct stat st;

	if (stat(file, &st))
		return errno == ENOENT ? 0 : -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	if (fchown(fd, st.st_uid, st.st_gid) && errno != EPERM)
		return -1;
	return fchmod(fd, st.st_mode & 07777);
}

static int sync_folder(const char *file)
{
	char copy[PATH_MAX];
	int fd, rc;

	snprintf(copy, sizeof(copy), "%s", file);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

static int replace(const char *file, const char *text)
{
	char temp[PATH_MAX];
	int fd, rc;

	if (snprintf(temp, sizeof(temp), "%s.XXXXXX", file) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = file_write(fd, text, strlen(text));
	if (rc || keep_mode(fd, file) || fsync(fd) || rename(temp, file)) {
		rc = rc ? rc : -errno;
		unlink(temp);
		close(fd);
		return rc;
	}
	close(fd);
	return sync_folder(file) ? -errno : 0;
}

int conf_save(const struct conf *conf, const char *file, struct err *err)
{
	char *text = conf_text(conf), *target;
	int rc;

	if (!text)
		return err_set(err, -ENOMEM, "%s: out of memory", file);
	target = realpath(file, NULL); // a symbolic link stays one, what it points to is replaced
	if (target)
		rc = replace(target, text);
	else
		rc = errno == ENOENT ? replace(file, text) : -errno;
	free(target);
	free(text);
	return rc ? err_set(err, rc, "%s: %s", file, strerror(-rc)) : 0;
}
