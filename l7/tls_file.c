// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls_file.h"

#include "l7/tls_context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// Root is told as well: it has given up the power to read what it may not (l7/capabilities.h).
#define NOT_READABLE " (by its owner and mode; lb7d keeps no power to read it all the same)"

// -EINVAL: it is there, but not a regular file.
static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	int rc;

	if (fd < 0)
		return -errno;
	rc = fstat(fd, &st) ? -errno : 0;
	if (!rc && !S_ISREG(st.st_mode))
		rc = -EINVAL;
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

static int refuse(const char *file, int rc, struct err *err)
{
	if (rc == -EINVAL || rc == -ENXIO) // a socket cannot even be opened
		return err_set(err, -EINVAL, "%s: not a regular file", file);
	return err_set(err, rc, "%s: %s%s", file, strerror(-rc), rc == -EACCES ? NOT_READABLE : "");
}

int tls_file_open(BIO **out, const struct conf *conf, const char *file, struct err *err)
{
	char *path = tls_context_path(conf, file);
	FILE *f;
	int fd;

	if (!path)
		return err_set(err, -ENOMEM, "%s: no memory", file);
	fd = open_regular(path);
	free(path);
	if (fd < 0)
		return refuse(file, fd, err);
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return err_set(err, -ENOMEM, "%s: no memory", file);
	}
	*out = BIO_new_fp(f, BIO_CLOSE);
	if (!*out) {
		fclose(f);
		tls_context_drain();
		return err_set(err, -ENOMEM, "%s: no memory", file);
	}
	return 0;
}
