// SPDX-License-Identifier: BSD-3-Clause
// How the backends of one pool are probed: the pool's "health" with everything that it needs. Immutable; shared by the
// pool's probes, and independent of the configuration it was made from, as probes outlive reloads. Main thread.
#pragma once

#include "l4/base/arena.h"
#include "l4/base/slice.h"
#include "l4/model/conf.h"
#include "l7/text.h"

struct tls_client;

struct probe_plan {
	struct conf_health_check check; // type is not HEALTH_NONE; texts and lists lie in `arena`
	const char *server_name; // TLS: SNI, and what is verified; NULL = the backend's address
	bool proxy_protocol;     // the connection begins with a PROXY v2 header, LOCAL
	bool verifies;           // TLS: names must agree
	uint8_t protocol;        // enum conf_http: what is spoken; HTTP_AUTO through TLS only
	struct tls_client *tls;  // owned; NULL = in clear
	struct arena arena;
	uint32_t n_refs;
};

// The plan of conf->pools[pool], with one reference. 0, -ENOMEM, or what tls_client_new() said, with *err.
NODISCARD int probe_plan_new(struct probe_plan **out, const struct conf *conf, uint16_t pool,
                             struct err *err);
struct probe_plan *probe_plan_get(struct probe_plan *p);
void probe_plan_put(struct probe_plan *p); // NULL is fine

// Whether a probe that began by one plan may end by the other.
bool probe_plan_is_same(const struct probe_plan *a, const struct probe_plan *b);

// The port of a backend that is probed.
be16 probe_plan_port(const struct probe_plan *p, be16 backend_port);

// What the backend is asked for: "host", or its address.
void probe_plan_host(const struct probe_plan *p, struct text *out, const struct addr *address,
                     be16 port);

// HTTP/1: bytes of a request, at most; and the request for a backend there.
size_t probe_plan_request_size(const struct probe_plan *p);
void probe_plan_request(const struct probe_plan *p, struct text *out, const struct addr *address,
                        be16 port);
