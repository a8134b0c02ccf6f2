// SPDX-License-Identifier: BSD-3-Clause
// The file behind the lines: buffered, appended whole, opened anew when it was rotated away.
#include "l7/access.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "l4/base/log.h"

// Above what some hundred lines take, so that a busy worker writes seldom.
enum { BUFFER_SIZE = 64 * 1024 };
static_assert(BUFFER_SIZE >= 2 * ACCESS_LINE_MAX, "a flushed buffer always has room for a line");

struct access_log {
	struct text lines; // begins with the rest of a torn line, if there is one
	uint64_t n_lost;
	char *file; // owned
	int fd;
	bool is_torn;    // a line was written in part; its rest comes first
	bool is_failing; // said in the log; until a write works again
	bool is_regular; // whole writes with O_APPEND never mix; those to a pipe may
	char buffer[BUFFER_SIZE];
};

// For what is no regular file, all workers of the process write in turn.
// Zero is what PTHREAD_MUTEX_INITIALIZER is; sparse does not take that.
static pthread_mutex_t write_turn;

static int open_file(const char *file, struct err *err)
{
	int fd, rc;

	if (strcmp(file, "-") == 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	else
		fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd >= 0)
		return fd;
	rc = -errno;
	return err_set(err, rc, "access_log: %s: %s", file, strerror(-rc));
}

static void use_file(struct access_log *log, int fd)
{
	struct stat st;

	log->fd = fd;
	log->is_regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int access_open(struct access_log **out, const char *file, struct err *err)
{
	struct access_log *log = calloc(1, sizeof(*log));
	int rc = -ENOMEM;

	if (!log)
		return rc;
	log->lines = text_of(log->buffer, sizeof(log->buffer));
	log->file = strdup(file);
	if (!log->file)
		goto err_free;
	rc = open_file(file, err);
	if (rc < 0)
		goto err_file;
	use_file(log, rc);
	*out = log;
	return 0;
err_file:
	free(log->file);
err_free:
	free(log);
	return rc;
}

static uint64_t count_lines(const char *p, const char *end)
{
	uint64_t n = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		n++;
		p++;
	}
	return n;
}

// Bytes that were written; *error is why not all of them, 0 if they were.
static size_t write_all(const struct access_log *log, int *error)
{
	size_t done = 0;

	*error = 0;
	while (done < log->lines.len) {
		ssize_t n = write(log->fd, log->buffer + done, log->lines.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			*error = n < 0 ? errno : EIO;
			break;
		}
		done += (size_t)n;
	}
	return done;
}

static size_t write_in_turn(const struct access_log *log, int *error)
{
	size_t done;

	if (log->is_regular)
		return write_all(log, error);
	pthread_mutex_lock(&write_turn);
	done = write_all(log, error);
	pthread_mutex_unlock(&write_turn);
	return done;
}

// Keeps the rest of the line that was cut in two at `done`, so that the file has whole lines once it takes them
// again, and gives up those behind it.
static void give_up_rest(struct access_log *log, size_t done)
{
	const char *end = log->buffer + log->lines.len, *rest = log->buffer + done;
	size_t keep = 0;

	if (done == 0 ? log->is_torn : rest[-1] != '\n')
		keep = (size_t)((const char *)memchr(rest, '\n', (size_t)(end - rest)) + 1 - rest);
	log->n_lost += count_lines(rest + keep, end);
	memmove(log->buffer, rest, keep);
	log->lines.len = keep;
	log->is_torn = keep > 0;
}

void access_flush(struct access_log *log)
{
	int error;
	size_t done;

	if (log->lines.len == 0)
		return;
	done = write_in_turn(log, &error);
	if (error == 0) {
		log->lines.len = 0;
		log->is_torn = false;
		if (log->is_failing)
			LOG_INFO("access log works again file=%s lost=%lu", log->file, log->n_lost);
		log->is_failing = false;
		return;
	}
	give_up_rest(log, done);
	if (!log->is_failing)
		LOG_WARN("access log loses lines file=%s reason=\"%s\"", log->file,
		         strerror(error));
	log->is_failing = true;
}

void access_put(struct access_log *log, const struct access_record *r)
{
	if (log->lines.size - log->lines.len < ACCESS_LINE_MAX)
		access_flush(log);
	access_write(&log->lines, r);
}

int access_reopen(struct access_log *log, struct err *err)
{
	int fd = open_file(log->file, err);

	if (fd < 0)
		return fd;
	access_flush(log); // these lines belong to the old one
	if (log->is_torn) {
		log->n_lost++;
		log->lines.len = 0;
		log->is_torn = false;
	}
	close(log->fd);
	use_file(log, fd);
	return 0;
}

void access_close(struct access_log *log)
{
	if (!log)
		return;
	access_flush(log);
	close(log->fd);
	free(log->file);
	free(log);
}

uint64_t access_lost(const struct access_log *log)
{
	return log->n_lost;
}
