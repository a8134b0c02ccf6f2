// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "l4/model/ctl.h"

enum { PATIENCE_S = 10, FIRST_ROOM = 64 << 10 };

static int explain_connect(const char *path, int error, struct err *err)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return err_set(
			err, -error,
			"%s: no daemon answers (is lb4d or lb7d running? -s SOCKET chooses another)",
			path);
	case EACCES:
	case EPERM:
		return err_set(err, -error,
		               "%s: permission denied (the socket's owner and group may ask)",
		               path);
	case EAGAIN:
		return err_set(err, -error, "%s: the daemon is too busy to answer", path);
	default:
		return err_set(err, -error, "%s: %s", path, strerror(error));
	}
}

static int reach(const char *path, struct err *err)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, -ENAMETOOLONG, "%s: longer than a socket's path can be", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return explain_connect(path, errno, err);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		int rc = explain_connect(path, errno, err);

		close(fd);
		return rc;
	}
	return fd;
}

// `n` is what recv() or send() said, `n_read` how much of the answer had come by then.
static int no_answer(const char *path, ssize_t n, size_t n_read, struct err *err)
{
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return err_set(err, -ETIMEDOUT, "%s: the daemon did not answer within %d s", path,
		               PATIENCE_S);
	if (n_read)
		return err_set(err, -EPIPE,
		               "%s: the connection ended in the middle of the answer (did it "
		               "stop? what was asked may have been done)",
		               path);
	return err_set(err, -EPIPE, "%s: the daemon closed the connection without an answer", path);
}

static int send_all(int fd, const char *path, const char *line, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t n = send(fd, line, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		// A daemon that has no room for us closes at once; it may have said why.
		if (n < 0)
			return no_answer(path, n, 0, err);
		line += n;
		len -= (size_t)n;
	}
	return 0;
}

// Reads up to the newline.
static int receive(int fd, const char *path, char **answer, size_t *len, struct err *err)
{
	size_t room = FIRST_ROOM, n_read = 0;
	char *buf = NULL;

	for (;;) {
		char *grown = n_read < room && buf ? buf : realloc(buf, room *= 2);
		ssize_t n;

		if (!grown || room > CTL_ANSWER_MAX) {
			free(grown ? grown : buf);
			return err_set(err, -ENOMEM, "%s: the answer is too long", path);
		}
		buf = grown;
		n = recv(fd, buf + n_read, room - n_read, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			free(buf);
			return no_answer(path, n, n_read, err);
		}
		n_read += (size_t)n;
		if (memchr(buf + n_read - n, '\n', (size_t)n))
			break;
	}
	*answer = buf;
	*len = n_read;
	return 0;
}

int lbctl_client_ask(const char *path, const char *line, size_t line_len, char **answer,
                     size_t *len, struct err *err)
{
	int fd = reach(path, err);
	int rc;

	if (fd < 0)
		return fd;
	rc = send_all(fd, path, line, line_len, err);
	if (!rc)
		rc = receive(fd, path, answer, len, err);
	close(fd);
	return rc;
}

static bool is_nobody(int rc)
{
	return rc == -ENOENT || rc == -ECONNREFUSED;
}

int lbctl_client_ask_any(const char *const *paths, const char *line, size_t line_len, char **answer,
                         size_t *len, struct err *err)
{
	int rc = lbctl_client_ask(*paths, line, line_len, answer, len, err);
	struct err later;

	while (is_nobody(rc) && *++paths) {
		int next = lbctl_client_ask(*paths, line, line_len, answer, len, &later);

		if (is_nobody(next))
			continue;
		if (next)
			*err = later;
		return next;
	}
	return rc;
}
