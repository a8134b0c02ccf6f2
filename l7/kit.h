// SPDX-License-Identifier: BSD-3-Clause
// What one worker needs to serve a configuration beyond the site: its own TLS contexts, listening sockets, access log.
// Made by the main thread so that a reload can be refused as a whole; then handed to the worker.
#pragma once

#include "l7/access.h"
#include "l7/site.h"
#include "l7/tls.h"

// Made with one reference.
struct kit_socket {
	uint16_t service; // index into conf->services
	int fd;           // bound, listening, SO_REUSEPORT; -1: the worker has it already
};

struct kit {
	struct tls_server **servers; // [conf->n_l7], NULL where the entry has no "tls"
	struct tls_client **clients; // [conf->n_pools], likewise
	struct kit_socket *sockets;  // [n_sockets]: services with `l7` that this host serves
	uint16_t n_servers, n_clients, n_sockets;
	struct access_log *access; // NULL = none; the worker takes it
	uint32_t n_refs;           // by views, once the worker has it
};

// `running`: configuration that this worker serves now (NULL: none): sockets of the same address and port are kept.
// Errors name the place: "services[2]: 127.0.0.1:80: Address already in use".
NODISCARD int kit_new(struct kit **out, const struct site *site, const struct conf *running,
                      struct tls_tickets *tickets, struct err *err);

// Warns the log of certificates that clients may refuse. All kits of a configuration have the same: for one of them, before its
// worker has it.
void kit_advise(const struct kit *k, const struct conf *conf);

void kit_put(struct kit *k); // closes what is left in it with the last reference; NULL is fine
