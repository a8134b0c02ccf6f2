// SPDX-License-Identifier: BSD-3-Clause
// The lines in the body of a chunked HTTP/1.1 response with status 200 (RFC 9112 section 7.1), as its bytes arrive.
// It trusts the server's grammar: it reads what proxies under measurement send.
#pragma once

#include "l4/base/cc.h"

enum { CHUNKS_LINE_MAX = 512 };

enum load_chunks_at {
	CHUNKS_AT_HEAD, // lines of the head; an empty one ends it
	CHUNKS_AT_SIZE,
	CHUNKS_AT_DATA,
	CHUNKS_AT_DATA_END, // CR LF behind the data
	CHUNKS_AT_END,      // the last chunk has been seen
	CHUNKS_AT_FAULT,
};

// All zero at first; read-only for others. `line` is called for each whole line of the body, NUL-terminated.
struct load_chunks {
	void (*line)(void *user, const char *text);
	void *user;
	enum load_chunks_at at;
	bool is_ok;      // the status line was seen
	uint64_t n_left; // bytes of the chunk
	size_t wire_len, body_len;
	char wire_line[CHUNKS_LINE_MAX]; // of the head and of chunk sizes
	char body_line[CHUNKS_LINE_MAX];
};

// Takes what was read. Afterwards `at` tells whether the response is over.
void load_chunks_feed(struct load_chunks *c, const char *bytes, size_t len);
