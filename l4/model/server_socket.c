// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/server_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { FOLDER_MODE = 0755, SOCKET_MODE = 0660, LOCK_MODE = 0600, BACKLOG = 64 };

static int said(struct err *err, const char *path, const char *what)
{
	int code = -errno;

	return err_set(err, code, "%s: %s: %s", path, what, strerror(-code));
}

static int address_of(struct sockaddr_un *out, const char *path, struct err *err)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(out->sun_path))
		return err_set(err, -ENAMETOOLONG, "%s: a socket's path has at most %zu bytes",
		               path, sizeof(out->sun_path) - 1);
	memcpy(out->sun_path, path, strlen(path) + 1);
	return 0;
}

static int make_folder(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	int rc = 0;

	if (!slash || slash == path)
		return 0;
	folder = strndup(path, (size_t)(slash - path));
	if (!folder)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	if (mkdir(folder, FOLDER_MODE) != 0 && errno != EEXIST)
		rc = said(err, folder, "cannot make the control socket's folder");
	free(folder);
	return rc;
}

// Who answers at the address: its process id, 0 if nobody does, negative if that cannot be told.
static int answering_pid(const struct sockaddr_un *address, struct err *err)
{
	struct ucred peer = {.pid = 0};
	socklen_t len = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int pid = 0;

	if (fd < 0)
		return said(err, address->sun_path, "socket");
	// EAGAIN: somebody listens, with a full backlog.
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		pid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid > 0
		              ? peer.pid
		              : INT_MAX;
	else if (errno == EAGAIN)
		pid = INT_MAX;
	else if (errno != ECONNREFUSED && errno != ENOENT)
		pid = said(err, address->sun_path, "cannot tell whether a daemon answers");
	close(fd);
	return pid;
}

static int refuse(const struct sockaddr_un *address, int pid, struct err *err)
{
	if (pid == INT_MAX)
		return err_set(err, -EADDRINUSE, "already running: another process answers on %s",
		               address->sun_path);
	return err_set(err, -EADDRINUSE, "already running: pid %d answers on %s", pid,
	               address->sun_path);
}

static int take_lock(const struct sockaddr_un *address, struct err *err)
{
	char path[sizeof(address->sun_path) + 8];
	int fd, pid, rc;

	snprintf(path, sizeof(path), "%s.lock", address->sun_path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
	if (fd < 0)
		return said(err, path, "cannot open the lock");
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	rc = errno == EWOULDBLOCK
	             ? err_set(err, -EADDRINUSE, "already running: another daemon holds %s", path)
	             : said(err, path, "cannot lock");
	close(fd);
	// The one who holds the lock can be named if it already listens.
	pid = rc == -EADDRINUSE ? answering_pid(address, NULL) : 0;
	return pid > 0 ? refuse(address, pid, err) : rc;
}

static int remove_stale(const struct sockaddr_un *address, struct err *err)
{
	struct stat st;
	int pid;

	if (lstat(address->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : said(err, address->sun_path, "stat");
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST, "%s: exists and is no socket", address->sun_path);
	pid = answering_pid(address, err);
	if (pid < 0)
		return pid;
	if (pid > 0)
		return refuse(address, pid, err);
	return unlink(address->sun_path) == 0 || errno == ENOENT
	               ? 0
	               : said(err, address->sun_path, "cannot remove the stale socket");
}

static int make_socket(const struct sockaddr_un *address, struct err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc;

	if (fd < 0)
		return said(err, address->sun_path, "socket");
	// On Linux a socket's mode before bind(2) is that of the file: it is never wider than meant,
	// and the umask, which may have made it narrower, is everybody's.
	if (fchmod(fd, SOCKET_MODE) != 0 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
		rc = said(err, address->sun_path, "cannot make the control socket");
		close(fd);
		return rc;
	}
	if (chmod(address->sun_path, SOCKET_MODE) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	rc = said(err, address->sun_path, "cannot listen");
	unlink(address->sun_path);
	close(fd);
	return rc;
}

int server_socket_open(struct server_socket *out, const char *path, struct err *err)
{
	struct server_socket s;
	struct sockaddr_un address;
	int rc = address_of(&address, path, err);

	if (!rc)
		rc = make_folder(path, err);
	if (rc)
		return rc;
	s.lock_fd = take_lock(&address, err);
	if (s.lock_fd < 0)
		return s.lock_fd;
	rc = remove_stale(&address, err);
	if (rc)
		goto err_lock;
	s.path = strdup(path);
	if (!s.path) {
		rc = err_set(err, -ENOMEM, "%s: out of memory", path);
		goto err_lock;
	}
	s.fd = make_socket(&address, err);
	if (s.fd < 0) {
		rc = s.fd;
		goto err_path;
	}
	*out = s;
	return 0;
err_path:
	free(s.path);
err_lock:
	close(s.lock_fd);
	return rc;
}

void server_socket_close(struct server_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	unlink(s->path);
	close(s->lock_fd);
	free(s->path);
}
