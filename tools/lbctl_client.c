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

// The descriptor that came with the bytes, if one did.
static void take_passed(struct msghdr *message, int *passed)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h; h = CMSG_NXTHDR(message, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS ||
		    h->cmsg_len < CMSG_LEN(sizeof(int)) || *passed >= 0)
			continue;
		memcpy(passed, CMSG_DATA(h), sizeof(int));
	}
}

static ssize_t receive_some(struct lbctl_client *c, char *buf, size_t room)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = buf, .iov_len = room};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n = recvmsg(c->fd, &message, MSG_CMSG_CLOEXEC);

	if (n > 0)
		take_passed(&message, &c->passed);
	return n;
}

// Reads up to the newline.
static int receive(struct lbctl_client *c, const char *path, struct err *err)
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
		n = receive_some(c, buf + n_read, room - n_read);
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
	c->answer = buf;
	c->len = n_read;
	return 0;
}

static int open_one(struct lbctl_client *c, const char *path, const char *line, size_t line_len,
                    struct err *err)
{
	int rc;

	*c = (struct lbctl_client){.passed = -1};
	c->fd = reach(path, err);
	if (c->fd < 0)
		return c->fd;
	rc = send_all(c->fd, path, line, line_len, err);
	if (!rc)
		rc = receive(c, path, err);
	if (rc)
		lbctl_client_close(c);
	return rc;
}

void lbctl_client_close(struct lbctl_client *c)
{
	if (c->passed >= 0)
		close(c->passed);
	close(c->fd);
	free(c->answer);
	c->answer = NULL;
}

static bool is_nobody(int rc)
{
	return rc == -ENOENT || rc == -ECONNREFUSED;
}

int lbctl_client_open(struct lbctl_client *c, const char *const *paths, const char *line,
                      size_t line_len, struct err *err)
{
	int rc = open_one(c, *paths, line, line_len, err);
	struct err later;

	while (is_nobody(rc) && *++paths) {
		int next = open_one(c, *paths, line, line_len, &later);

		if (is_nobody(next))
			continue;
		if (next)
			*err = later;
		return next;
	}
	return rc;
}

int lbctl_client_ask_any(const char *const *paths, const char *line, size_t line_len, char **answer,
                         size_t *len, struct err *err)
{
	struct lbctl_client c;
	int rc = lbctl_client_open(&c, paths, line, line_len, err);

	if (rc)
		return rc;
	*answer = c.answer;
	*len = c.len;
	c.answer = NULL;
	lbctl_client_close(&c);
	return 0;
}

int lbctl_client_ask(const char *path, const char *line, size_t line_len, char **answer,
                     size_t *len, struct err *err)
{
	const char *const paths[] = {path, NULL};

	return lbctl_client_ask_any(paths, line, line_len, answer, len, err);
}
