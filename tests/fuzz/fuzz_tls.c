// SPDX-License-Identifier: BSD-3-Clause
// Arbitrary octets from a client, to a new connection or to one that is open. The first octet says which: bit 0 open, bit 1 version
// 1.2, the rest the size of the pieces that they come in. Each piece is an allocation of its own, so that reading too far shows.
#include "tests/support/tlsbuild.h"

#include <errno.h>
#include <stdlib.h>

static struct tls_tickets *tickets;
static struct tls_server *context;
static SSL_CTX *clients[2];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const alpn[] = {"http/1.1", NULL};
	struct conf *conf;

	tlsbuild_begin();
	tlsbuild_leaf("api", "DNS:api.example.com", 0, 30);
	conf = tlsbuild_conf(
		"{'l7': [{'name': 'web', 'tls': [{'certificate': 'api.pem', 'key': 'api.key'},"
		"  {'certificate': 'api.pem', 'key': 'api.key'}],"
		"  'routes': [{'path': '/', 'pool': 'p'}]}],"
		" 'pools': [{'name': 'p', 'backends': []}]}");
	if (tls_tickets_new(&tickets, 3600) ||
	    tls_server_new(&context, conf, 0, alpn, tickets, NULL))
		abort();
	for (int i = 0; i < 2; i++)
		clients[i] = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(clients[1], TLS1_2_VERSION);
	conf_free(conf);
	tlsbuild_end();
	return 0;
}

static void open_connection(struct tlsbuild_side *server, bool is_1_2)
{
	struct tlsbuild_raw raw;

	tlsbuild_raw_init(&raw, SSL_new(clients[is_1_2]));
	SSL_set_connect_state(raw.ssl);
	tlsbuild_raw_run(&raw, server, NULL, 0);
	tlsbuild_raw_free(&raw);
	if (!tls_is_open(server->tls))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tlsbuild_side server = {0}, from = {0};
	size_t step;

	if (len == 0)
		return -1;
	if (tls_accept(&server.tls, context, tlsbuild_emit, &server))
		abort();
	if (data[0] & 1)
		open_connection(&server, (data[0] & 2) != 0);
	step = data[0] >> 2;
	tlsbuild_emit(&from, slice_of(data + 1, len - 1));
	if (tlsbuild_deliver(&from, &server, step, NULL, 0) > 0)
		abort(); // plaintext from somebody who knows no key
	if (server.has_failed &&
	    (!tls_reason(server.tls) || tls_write(server.tls, slice_of("x", 1)) != -EPROTO))
		abort();
	tls_close(server.tls);
	free(from.out);
	tlsbuild_free(&server);
	return 0;
}
