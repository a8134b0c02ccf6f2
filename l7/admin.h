// SPDX-License-Identifier: BSD-3-Clause
// HTTP for whoever watches: on the configuration's `admin` address, from the main thread.
//   GET /healthz  200 while the process lives
//   GET /readyz   200 if it serves; 503 with the reason while it starts or stops
//   GET /metrics  Prometheus text format 0.0.4
// HEAD likewise; other methods 405, other paths 404. At most ADMIN_CLIENTS connections: a further one takes the place of one that
// is idle, or is refused. ADMIN_READERS of them at most take a page of /metrics at one time: a further GET of it is answered 503
// with Retry-After, which the log says once until half of them are done, so that slow readers shut no probe out. /metrics leaves in pieces, in chunks to HTTP/1.1: about a millisecond of a turn of the loop is given to those of
// all readers together, and no more is kept for one than one piece and what its socket holds.
#pragma once

#include "l4/model/conf.h"
#include "l7/io.h"
#include "l7/text.h"

enum {
	ADMIN_CLIENTS = 64,
	ADMIN_READERS = 48,
	ADMIN_PIECE = 32768, // bytes of a page that are made at once
};

struct admin;

// What is shown; asked for with each request.
struct admin_source {
	// NULL = ready, else why not. A literal.
	const char *(*unready)(const void *data);
	// A page; NULL if there is no memory.
	void *(*open)(void *data);
	// Appends what comes next to `out`, which has ADMIN_PIECE bytes; perhaps nothing. False: that was all.
	bool (*next)(void *page, struct text *out);
	void (*close)(void *page);
	void *data;
};

// Listens. `source` is copied. 0, or -errno with *err ("admin: 127.0.0.1:9100: Address already in use").
NODISCARD int admin_open(struct admin **out, struct loop *loop, const struct conf_admin *at,
                         const struct admin_source *source, struct err *err);
// Ends all connections; memory is freed at the end of the loop's turn. NULL is fine.
void admin_close(struct admin *a);

// Whether it listens there; a may be NULL.
bool admin_is_at(const struct admin *a, const struct conf_admin *at);
