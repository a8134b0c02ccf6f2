// SPDX-License-Identifier: BSD-3-Clause
// What connections cost, and what happens when there is no memory for them.
#include "l7/tls.h"
#include "tests/support/failmalloc.h"
#include "tests/support/tlsbuild.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_IDLE = 1000, IDLE_MAX = 10 << 10 };

static struct tlsbuild_site site;

static void begin(void)
{
	tlsbuild_begin();
	tlsbuild_leaf("api", "DNS:api.example.com", 0, 30);
	tlsbuild_site_open(
		&site,
		"{'l7': [{'name': 'web', 'tls': [{'certificate': 'api.pem', 'key': 'api.key'}],"
		"  'routes': [{'path': '/', 'pool': 'p'}]}],"
		" 'pools': [{'name': 'p', 'tls': {'ca': 'ca.pem'}, 'backends': []}]}",
		NULL, 1, 1);
}

static void end(void)
{
	tlsbuild_site_close(&site);
}

TestSuite(tls_memory, .init = begin, .fini = end);

static void open_one(struct tlsbuild_side *server, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct tlsbuild_raw raw;
	char got[8];

	SSL_CTX_set_max_proto_version(ctx, version);
	tlsbuild_raw_init(&raw, SSL_new(ctx));
	SSL_CTX_free(ctx);
	SSL_set_connect_state(raw.ssl);
	cr_assert_eq(tls_accept(&server->tls, site.servers[0], tlsbuild_emit, server), 0);
	tlsbuild_raw_run(&raw, server, NULL, 0);
	cr_assert(tls_is_open(server->tls));
	cr_assert_eq(SSL_write(raw.ssl, "ping", 4), 4);
	cr_assert_eq(tlsbuild_raw_run(&raw, server, got, sizeof(got)), 4);
	cr_assert_eq(tls_write(server->tls, slice_of("pong", 4)), 0);
	tlsbuild_raw_free(&raw);
	free(server->out);
	server->out = NULL;
	server->len = server->room = 0;
}

static void expect_cheap(int version)
{
	static struct tlsbuild_side sides[N_IDLE];
	struct tlsbuild_side first = {0};
	size_t before, each;

	if (!failmalloc_works())
		cr_skip("a sanitizer's malloc does not count");
	open_one(&first, version); // what OpenSSL sets up once
	before = mallinfo2().uordblks;
	for (size_t i = 0; i < N_IDLE; i++)
		open_one(&sides[i], version);
	each = (mallinfo2().uordblks - before) / N_IDLE;
	fprintf(stderr, "tls_memory: %s %zu bytes per idle server connection\n",
	        tls_version(first.tls), each);
	cr_expect_leq(each, IDLE_MAX);
	for (size_t i = 0; i < N_IDLE; i++)
		tlsbuild_free(&sides[i]);
	tlsbuild_free(&first);
}

Test(tls_memory, an_idle_connection_of_version_1_3_costs_little)
{
	expect_cheap(TLS1_3_VERSION);
}

Test(tls_memory, an_idle_connection_of_version_1_2_costs_little)
{
	expect_cheap(TLS1_2_VERSION);
}

Test(tls_memory, nothing_stays_after_connections_of_any_fate)
{
	struct tlsbuild_side server = {0};
	uint8_t byte;
	size_t before = 0;

	if (!failmalloc_works())
		cr_skip("a sanitizer's malloc does not count");
	for (int i = 0; i < 800; i++) {
		if (i == 600) // malloc's own caches are full by then
			before = mallinfo2().uordblks;
		open_one(&server, i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
		tlsbuild_free(&server);
		cr_assert_eq(tls_accept(&server.tls, site.servers[0], tlsbuild_emit, &server), 0);
		tls_put(server.tls, slice_of("garbage", 7));
		cr_assert_eq(tls_read(server.tls, &byte, 1), -EPROTO);
		tlsbuild_free(&server);
	}
	cr_expect_lt(mallinfo2().uordblks, before + 4096, "%zu more",
	             mallinfo2().uordblks - before);
}

// One handshake and one byte each way, while the n-th allocation fails. The library between the two is not allowed to abort.
static bool talk(unsigned int n)
{
	struct tlsbuild_side server = {0}, client = {0};
	uint8_t byte, room[65536];
	size_t len;
	bool done;

	server.out = malloc(sizeof(room)); // so that only the library has to do without
	client.out = malloc(sizeof(room));
	server.room = client.room = sizeof(room);
	failmalloc_arm(n);
	if (tls_accept(&server.tls, site.servers[0], tlsbuild_emit, &server) == 0 &&
	    tls_connect(&client.tls, site.clients[0], "api.example.com", tlsbuild_emit, &client) ==
	            0) {
		for (int i = 0; i < 4; i++) {
			len = server.len;
			memcpy(room, server.out, len);
			server.len = 0;
			tls_put(client.tls, slice_of(room, len));
			if (tls_read(client.tls, &byte, 1) == -EPROTO)
				break;
			len = client.len;
			memcpy(room, client.out, len);
			client.len = 0;
			tls_put(server.tls, slice_of(room, len));
			if (tls_read(server.tls, &byte, 1) == -EPROTO)
				break;
		}
	}
	done = client.tls && tls_is_open(client.tls) && tls_is_open(server.tls) &&
	       tls_write(server.tls, slice_of("x", 1)) == 0 &&
	       tls_write(client.tls, slice_of("x", 1)) == 0;
	failmalloc_disarm();
	tlsbuild_free(&server);
	tlsbuild_free(&client);
	return done;
}

Test(tls_memory, a_connection_fails_in_order_when_memory_runs_out, .timeout = 120)
{
	unsigned int n = 1;

	if (!failmalloc_works())
		cr_skip("a sanitizer's malloc does not fail");
	cr_assert(talk(1000000), "with memory it works");
	while (!talk(n) && n < 100000)
		n++;
	cr_expect_gt(n, 100);
	cr_expect_lt(n, 100000);
}

Test(tls_memory, contexts_fail_in_order_when_memory_runs_out, .timeout = 120)
{
	struct tls_server *s = NULL;
	struct tls_client *c = NULL;
	struct tls_tickets *t = NULL;
	struct err err;
	int rc = -1;

	if (!failmalloc_works())
		cr_skip("a sanitizer's malloc does not fail");
	for (unsigned int n = 1; rc; n++) {
		failmalloc_arm(n);
		rc = tls_server_new(&s, site.conf, 0, NULL, site.tickets, &err);
		failmalloc_disarm();
		cr_assert(rc == 0 ? s != NULL : s == NULL && err.msg[0]);
	}
	rc = -1;
	for (unsigned int n = 1; rc; n++) {
		failmalloc_arm(n);
		rc = tls_client_new(&c, site.conf, 0, &err);
		failmalloc_disarm();
		cr_assert(rc == 0 ? c != NULL : c == NULL && err.msg[0]);
	}
	failmalloc_arm(1);
	cr_expect_eq(tls_tickets_new(&t, 1), -ENOMEM);
	failmalloc_disarm();
	tls_server_free(s);
	tls_client_free(c);
}
