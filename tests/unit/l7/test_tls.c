// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls.h"
#include "l7/tls_digest.h"
#include "tests/support/tlsbuild.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>

enum { LIFETIME_S = 3600 };

static const char text[] =
	"{'l7': [{'name': 'any', 'tls': [{'certificate': 'api.pem', 'key': 'api.key'},"
	"   {'certificate': 'wild.pem', 'key': 'wild.key'}],"
	"  'routes': [{'path': '/', 'pool': 'verified'}]},"
	" {'name': 'new', 'tls_min': '1.3', 'tls': [{'certificate': 'api.pem', 'key': 'api.key'}],"
	"  'routes': [{'path': '/', 'pool': 'verified'}]},"
	" {'name': 'rsa', 'tls': [{'certificate': 'rsa.pem', 'key': 'rsa.key'}],"
	"  'routes': [{'path': '/', 'pool': 'verified'}]}],"
	" 'pools': [{'name': 'verified', 'tls': {'ca': 'ca.pem'}, 'backends': []},"
	" {'name': 'trusting', 'tls': {'verify': false}, 'backends': []}]}";

enum { ANY, NEW, SECOND, N_L7 };
enum { VERIFIED, TRUSTING, N_POOLS };

static struct conf *conf;
static struct tls_tickets *tickets;
static struct tls_server *servers[N_L7];
static struct tls_client *clients[N_POOLS];
static struct tlsbuild_side client, server;

static void begin(void)
{
	static const char *const alpn[] = {"http/1.1", NULL};
	struct err err = {0};

	tlsbuild_begin();
	tlsbuild_leaf("api", "DNS:api.example.com,IP:192.0.2.1", 0, 30);
	tlsbuild_leaf("wild", "DNS:*.example.com,DNS:Other.Example.net", 0, 30);
	tlsbuild_leaf("rsa", "DNS:api.example.com", 0, 30);
	conf = tlsbuild_conf(text);
	cr_assert_eq(tls_tickets_new(&tickets, LIFETIME_S), 0);
	for (int i = 0; i < N_L7; i++)
		cr_assert_eq(tls_server_new(&servers[i], conf, (uint16_t)i, alpn, tickets, &err), 0,
		             "%s", err.msg);
	for (int i = 0; i < N_POOLS; i++)
		cr_assert_eq(tls_client_new(&clients[i], conf, (uint16_t)i, &err), 0, "%s",
		             err.msg);
}

static void end(void)
{
	tlsbuild_free(&client);
	tlsbuild_free(&server);
	for (int i = 0; i < N_L7; i++)
		tls_server_free(servers[i]);
	for (int i = 0; i < N_POOLS; i++)
		tls_client_free(clients[i]);
	tls_tickets_free(tickets);
	conf_free(conf);
	tlsbuild_end();
}

TestSuite(tls, .init = begin, .fini = end);

static void open_pair(int pool, const char *name, int l7, size_t step)
{
	tlsbuild_free(&client);
	tlsbuild_free(&server);
	cr_assert_eq(tls_accept(&server.tls, servers[l7], tlsbuild_emit, &server), 0);
	cr_assert_eq(tls_connect(&client.tls, clients[pool], name, tlsbuild_emit, &client), 0);
	tlsbuild_shake(&client, &server, step);
}

// `text` from one to the other, whole.
static void expect_passes(struct tlsbuild_side *from, struct tlsbuild_side *to, size_t len,
                          size_t step)
{
	uint8_t *sent = malloc(len), *got = malloc(len);

	tls_digest_random(sent, len);
	cr_assert_eq(tls_write(from->tls, slice_of(sent, len)), 0);
	cr_expect_eq(tlsbuild_deliver(from, to, step, got, len), len);
	cr_expect(memcmp(sent, got, len) == 0);
	free(sent);
	free(got);
}

Test(tls, opens_in_version_1_3_and_passes_bytes_both_ways)
{
	open_pair(VERIFIED, "api.example.com", ANY, 0);
	cr_assert(tls_is_open(client.tls) && tls_is_open(server.tls));
	cr_expect_str_eq(tls_version(server.tls), "TLSv1.3");
	cr_expect_str_eq(tls_cipher(server.tls), "TLS_AES_128_GCM_SHA256");
	cr_expect_str_eq(tls_server_name(server.tls), "api.example.com");
	cr_expect(!tls_is_resumed(server.tls) && !tls_is_resumed(client.tls));
	expect_passes(&client, &server, 100, 0);
	expect_passes(&server, &client, 100, 0);
}

Test(tls, takes_ciphertext_byte_by_byte)
{
	open_pair(VERIFIED, "api.example.com", ANY, 1);
	cr_assert(tls_is_open(client.tls) && tls_is_open(server.tls));
	expect_passes(&client, &server, 1000, 1);
	expect_passes(&server, &client, 1000, 1);
}

Test(tls, emits_each_flight_in_one_piece)
{
	open_pair(VERIFIED, "api.example.com", ANY, 0);
	cr_expect_eq(server.n_emits, 2, "ServerHello to Finished, then the ticket");
	cr_expect_eq(client.n_emits, 2, "ClientHello, then Finished");
}
