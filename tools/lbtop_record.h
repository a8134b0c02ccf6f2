// SPDX-License-Identifier: BSD-3-Clause
// Samples in a file, a line each (lbtop_json.h): written by --record, read by --replay. The file is whole after each
// sample: what was written in part, as the disk was full, is taken back; what a crash cut off is left out by
// the reader. One thread.
#pragma once

#include "l4/base/err.h"
#include "tools/lbtop_sample.h"

#include <stdio.h>

struct lbtop_record {
	int fd;           // -1 = closed; owned
	const char *path; // borrowed
	uint64_t size;    // bytes written
	uint64_t limit;   // of them
	uint64_t n;       // samples written
};

// Makes the file, or empties it. 0 or -errno with *err.
NODISCARD int lbtop_record_open(struct lbtop_record *r, const char *path, uint64_t limit,
                                struct err *err);
// Adds a sample. On failure the record is closed, with the samples that it has, and *err says so: -EFBIG at the
// limit, -ENOSPC, -ENOMEM. Of a closed record: 0, and nothing is written.
NODISCARD int lbtop_record_add(struct lbtop_record *r, const struct lbtop_sample *s,
                               struct err *err);
void lbtop_record_close(struct lbtop_record *r);

struct lbtop_replay {
	FILE *file;       // owned
	const char *path; // borrowed
	char *line;       // owned
	size_t room;
	uint64_t n;  // lines read
	bool is_cut; // the last line is not whole
};

NODISCARD int lbtop_record_replay(struct lbtop_replay *r, const char *path, struct err *err);
// The next sample, owned by the caller; NULL at the end. -EPROTO with *err, which names the line: no record of ours.
// A last line that is not whole is the end.
NODISCARD int lbtop_record_next(struct lbtop_replay *r, struct lbtop_sample **out, struct err *err);
void lbtop_record_end(struct lbtop_replay *r);
