// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l4/base/file.h"
#include "tools/lbtop_json.h"

enum { MAX_LINE = 64 << 20 }; // bytes; twice what a full store could fill

// --- writing ---

int lbtop_record_open(struct lbtop_record *r, const char *path, uint64_t limit, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_set(err, -errno, "%s: cannot write: %s", path, strerror(errno));
	*r = (struct lbtop_record){.fd = fd, .path = path, .limit = limit};
	return 0;
}

void lbtop_record_close(struct lbtop_record *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

static int give_up(struct lbtop_record *r, int rc, struct err *err)
{
	// A pipe or a device cannot be cut; its reader leaves the part of a line out.
	if (ftruncate(r->fd, (off_t)r->size) < 0 && errno != EINVAL)
		rc = -errno;
	if (close(r->fd) < 0)
		rc = -errno;
	r->fd = -1;
	if (rc == -EFBIG)
		return err_set(err, rc,
		               "%s: no more is recorded: at its limit after %" PRIu64 " samples",
		               r->path, r->n);
	return err_set(err, rc, "%s: no more is recorded after %" PRIu64 " samples: %s", r->path,
	               r->n, strerror(-rc));
}

int lbtop_record_add(struct lbtop_record *r, const struct lbtop_sample *s, struct err *err)
{
	char *line;
	size_t len;
	int rc;

	if (r->fd < 0)
		return 0;
	line = lbtop_json_encode_sample(s);
	if (!line)
		return give_up(r, -ENOMEM, err);
	len = strlen(line);
	rc = len > r->limit - r->size ? -EFBIG : file_write(r->fd, line, len);
	free(line);
	if (rc)
		return give_up(r, rc, err);
	r->size += len;
	r->n++;
	return 0;
}

// --- reading ---

int lbtop_record_replay(struct lbtop_replay *r, const char *path, struct err *err)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return err_set(err, -errno, "%s: cannot read: %s", path, strerror(errno));
	*r = (struct lbtop_replay){.file = file, .path = path};
	return 0;
}

void lbtop_record_end(struct lbtop_replay *r)
{
	if (r->file)
		fclose(r->file);
	free(r->line);
	*r = (struct lbtop_replay){0};
}

static int make_room(struct lbtop_replay *r, size_t len, struct err *err)
{
	size_t room = r->room ? 2 * r->room : 1 << 16;
	char *line;

	if (r->room - len > 1)
		return 0;
	if (room > MAX_LINE)
		return err_set(err, -EPROTO, "%s:%" PRIu64 ": a line too long for a sample",
		               r->path, r->n);
	line = realloc(r->line, room);
	if (!line)
		return err_set(err, -ENOMEM, "out of memory");
	r->line = line;
	r->room = room;
	return 0;
}

// The next line without its end; *len 0 at the end of the file, or before an end that is not whole.
static int read_line(struct lbtop_replay *r, size_t *len, struct err *err)
{
	size_t n = 0;
	int rc, c;

	r->n++;
	while ((c = getc_unlocked(r->file)) != EOF && c != '\n') {
		rc = make_room(r, n, err);
		if (rc)
			return rc;
		r->line[n++] = (char)c;
	}
	if (ferror(r->file))
		return err_set(err, -EIO, "%s: cannot read", r->path);
	r->is_cut = c == EOF && n > 0;
	*len = r->is_cut ? 0 : n;
	return 0;
}

int lbtop_record_next(struct lbtop_replay *r, struct lbtop_sample **out, struct err *err)
{
	struct lbtop_sample *s = NULL;
	size_t len = 0;
	int rc;

	do { // an object that says why there was no sample is none
		rc = read_line(r, &len, err);
		if (rc)
			return rc;
		if (len == 0)
			break;
		rc = lbtop_json_decode(&s, r->line, len, err);
		if (rc) {
			err_prefix(err, "%s:%" PRIu64, r->path, r->n);
			return rc;
		}
	} while (!s);
	*out = s;
	return 0;
}
