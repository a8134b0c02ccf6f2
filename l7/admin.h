// SPDX-License-Identifier: BSD-3-Clause
// HTTP for whoever watches: on the configuration's `admin` address, from the main thread.
//   GET /healthz  200 while the process lives
//   GET /readyz   200 if it serves; 503 with the reason while it starts or stops
//   GET /metrics  Prometheus text format 0.0.4
// HEAD likewise, that of /metrics without its length; other methods 405, other paths 404. At most ADMIN_CLIENTS
// connections: a further one takes the place of one that is idle, or is refused.
#pragma once

#include "l4/model/conf.h"
#include "l7/io.h"

enum { ADMIN_CLIENTS = 64 };

struct admin;

// What is shown; asked for with each request.
struct admin_source {
	// NULL = ready, else why not. A literal.
	const char *(*unready)(const void *data);
	// The text; free() it. NULL if there is no memory.
	char *(*metrics)(const void *data, size_t *len);
	const void *data;
};

// Listens. `source` is copied. 0, or -errno with *err ("admin: 127.0.0.1:9100: Address already in use").
NODISCARD int admin_open(struct admin **out, struct loop *loop, const struct conf_admin *at,
                         const struct admin_source *source, struct err *err);
// Ends all connections; memory is freed at the end of the loop's turn. NULL is fine.
void admin_close(struct admin *a);

// Whether it listens there; a may be NULL.
bool admin_is_at(const struct admin *a, const struct conf_admin *at);
