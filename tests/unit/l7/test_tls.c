// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls.h"
#include "l7/tls_digest.h"
#include "tests/support/tlsbuild.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>

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

static struct tlsbuild_site site;
static struct tlsbuild_side client, server;

static void begin(void)
{
	static const char *const alpn[] = {"http/1.1", NULL};
	tlsbuild_begin();
	tlsbuild_leaf("api", "DNS:api.example.com,IP:192.0.2.1", 0, 30);
	tlsbuild_leaf("wild", "DNS:*.example.com,DNS:Other.Example.net", 0, 30);
	tlsbuild_leaf("rsa", "DNS:api.example.com", 0, 30);
	tlsbuild_site_open(&site, text, alpn, N_L7, N_POOLS);
}

static void end(void)
{
	tlsbuild_free(&client);
	tlsbuild_free(&server);
	tlsbuild_site_close(&site);
}

TestSuite(tls, .init = begin, .fini = end);

static void open_pair(int pool, const char *name, int l7, size_t step)
{
	tlsbuild_free(&client);
	tlsbuild_free(&server);
	cr_assert_eq(tls_accept(&server.tls, site.servers[l7], tlsbuild_emit, &server), 0);
	cr_assert_eq(tls_connect(&client.tls, site.clients[pool], name, tlsbuild_emit, &client), 0);
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

// A peer of OpenSSL alone with our server, in one version.
static void open_raw(struct tlsbuild_raw *raw, int version, int l7)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	tlsbuild_raw_init(raw, SSL_new(ctx));
	SSL_CTX_free(ctx);
	SSL_set_connect_state(raw->ssl);
	tlsbuild_raw_name(raw, "api.example.com");
	cr_assert_eq(tls_accept(&server.tls, site.servers[l7], tlsbuild_emit, &server), 0);
	tlsbuild_raw_run(raw, &server, NULL, 0);
}

static void expect_raw_talks(struct tlsbuild_raw *raw)
{
	char got[16];

	cr_assert_eq(SSL_write(raw->ssl, "ping", 4), 4);
	cr_assert_eq(tlsbuild_raw_run(raw, &server, got, sizeof(got)), 4);
	cr_expect(memcmp(got, "ping", 4) == 0);
	cr_assert_eq(tls_write(server.tls, slice_of("pong", 4)), 0);
	BIO_write(raw->in, server.out, (int)server.len);
	server.len = 0;
	cr_assert_eq(SSL_read(raw->ssl, got, sizeof(got)), 4);
	cr_expect(memcmp(got, "pong", 4) == 0);
}

Test(tls, opens_in_version_1_2_with_an_aead)
{
	struct tlsbuild_raw raw;

	open_raw(&raw, TLS1_2_VERSION, ANY);
	cr_assert(tls_is_open(server.tls), "%s", tls_reason(server.tls));
	cr_expect_str_eq(tls_version(server.tls), "TLSv1.2");
	cr_expect_str_eq(tls_cipher(server.tls), "ECDHE-ECDSA-AES128-GCM-SHA256");
	cr_expect_str_eq(tls_server_name(server.tls), "api.example.com");
	for (int i = 0; i < 3; i++)
		expect_raw_talks(&raw);
	tlsbuild_raw_free(&raw);
}

Test(tls, speaks_every_suite_of_both_versions)
{
	static const char *const old[] = {
		"ECDHE-ECDSA-AES128-GCM-SHA256",
		"ECDHE-ECDSA-AES256-GCM-SHA384",
		"ECDHE-ECDSA-CHACHA20-POLY1305",
	};
	static const char *const new[] = {
		"TLS_AES_128_GCM_SHA256",
		"TLS_AES_256_GCM_SHA384",
		"TLS_CHACHA20_POLY1305_SHA256",
	};

	for (size_t i = 0; i < 2 * ARRAY_LEN(old); i++) {
		const char *suite = i < ARRAY_LEN(old) ? old[i] : new[i - ARRAY_LEN(old)];
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		struct tlsbuild_raw raw;

		if (i < ARRAY_LEN(old)) {
			SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
			cr_assert(SSL_CTX_set_cipher_list(ctx, suite));
		} else {
			cr_assert(SSL_CTX_set_ciphersuites(ctx, suite));
		}
		tlsbuild_raw_init(&raw, SSL_new(ctx));
		SSL_set_connect_state(raw.ssl);
		cr_assert_eq(tls_accept(&server.tls, site.servers[ANY], tlsbuild_emit, &server), 0);
		tlsbuild_raw_run(&raw, &server, NULL, 0);
		cr_assert(tls_is_open(server.tls), "%s: %s", suite, tls_reason(server.tls));
		cr_expect_str_eq(tls_cipher(server.tls), suite);
		for (int j = 0; j < 3; j++)
			expect_raw_talks(&raw);
		tlsbuild_raw_free(&raw);
		tlsbuild_free(&server);
		SSL_CTX_free(ctx);
	}
}

Test(tls, refuses_what_is_older_than_tls_min)
{
	struct tlsbuild_raw raw;

	open_raw(&raw, TLS1_2_VERSION, NEW);
	cr_expect(server.has_failed && !tls_is_open(server.tls));
	cr_expect_str_eq(tls_reason(server.tls), "unsupported protocol");
	tlsbuild_raw_free(&raw);
}

Test(tls, refuses_suites_without_forward_secrecy_or_aead)
{
	static const char *const suites[] = {"AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256"};

	for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		struct tlsbuild_raw raw;

		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
		cr_assert(SSL_CTX_set_cipher_list(ctx, suites[i]));
		tlsbuild_raw_init(&raw, SSL_new(ctx));
		SSL_set_connect_state(raw.ssl);
		cr_assert_eq(tls_accept(&server.tls, site.servers[SECOND], tlsbuild_emit, &server),
		             0);
		tlsbuild_raw_run(&raw, &server, NULL, 0);
		cr_expect(server.has_failed);
		cr_expect_str_eq(tls_reason(server.tls), "no shared cipher");
		tlsbuild_raw_free(&raw);
		tlsbuild_free(&server);
		SSL_CTX_free(ctx);
	}
}

Test(tls, passes_writes_of_any_size)
{
	static const size_t sizes[] = {1, 16383, 16384, 16385, 100000, 1 << 20};

	open_pair(VERIFIED, "api.example.com", ANY, 0);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		expect_passes(&server, &client, sizes[i], 0);
		expect_passes(&client, &server, sizes[i], 1000);
	}
	cr_assert_eq(tls_write(server.tls, slice_of(NULL, 0)), 0);
	cr_expect_eq(server.len, 0, "nothing to say, nothing said");
}

Test(tls, writes_nothing_before_the_handshake_is_over)
{
	cr_assert_eq(tls_accept(&server.tls, site.servers[ANY], tlsbuild_emit, &server), 0);
	cr_expect_eq(tls_write(server.tls, slice_of("x", 1)), -ENOTCONN);
	tls_close(server.tls);
	cr_expect_eq(server.len, 0);
}

Test(tls, tells_an_end_from_a_cut)
{
	uint8_t byte;

	open_pair(VERIFIED, "api.example.com", ANY, 0);
	cr_assert_eq(tls_write(client.tls, slice_of("hello", 5)), 0);
	client.len -= 1; // the last octet never comes
	tlsbuild_deliver(&client, &server, 0, &byte, 1);
	cr_expect(!server.has_ended && !server.has_failed);
	cr_expect_eq(tls_read(server.tls, &byte, 1), -EAGAIN);

	open_pair(VERIFIED, "api.example.com", ANY, 0);
	tls_close(client.tls);
	tlsbuild_deliver(&client, &server, 0, &byte, 1);
	cr_expect(server.has_ended);
	cr_expect_eq(tls_read(server.tls, &byte, 1), 0, "and so it stays");
}

Test(tls, closes_once_and_writes_no_more)
{
	open_pair(VERIFIED, "api.example.com", ANY, 0);
	tls_close(server.tls);
	size_t len = server.len;
	cr_expect_gt(len, 0);
	tls_close(server.tls);
	cr_expect_eq(server.len, len);
	cr_expect_eq(tls_write(server.tls, slice_of("x", 1)), -EPROTO);
}

Test(tls, still_writes_after_the_peer_has_closed)
{
	uint8_t byte;

	open_pair(VERIFIED, "api.example.com", ANY, 0);
	tls_close(client.tls);
	tlsbuild_deliver(&client, &server, 0, &byte, 1);
	cr_assert(server.has_ended);
	cr_expect_eq(tls_write(server.tls, slice_of("x", 1)), 0);
	cr_expect_eq(tlsbuild_deliver(&server, &client, 0, &byte, 1), 1);
	cr_expect_eq(byte, 'x');
}

static const struct {
	const char *name, *bytes, *reason;
} garbage[] = {
	{"HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "http request"},
	{"text", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "wrong version number"},
	{"a record that is too long", "\x16\x03\x01\xff\xff\x01\x01\x01\x01\x01\x01\x01", NULL},
};

Test(tls, refuses_what_is_no_tls)
{
	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		uint8_t byte;

		cr_assert_eq(tls_accept(&server.tls, site.servers[ANY], tlsbuild_emit, &server), 0);
		tls_put(server.tls, slice_of(garbage[i].bytes, strlen(garbage[i].bytes)));
		cr_expect_eq(tls_read(server.tls, &byte, 1), -EPROTO, "%s", garbage[i].name);
		cr_assert_not_null(tls_reason(server.tls));
		if (garbage[i].reason)
			cr_expect_str_eq(tls_reason(server.tls), garbage[i].reason);
		cr_expect_eq(tls_read(server.tls, &byte, 1), -EPROTO, "it stays so");
		cr_expect_eq(tls_write(server.tls, slice_of("x", 1)), -EPROTO);
		tlsbuild_free(&server);
	}
}

// The client's first message, in client.out.
static void make_client_hello(void)
{
	uint8_t byte;

	tlsbuild_free(&client);
	cr_assert_eq(tls_connect(&client.tls, site.clients[VERIFIED], "api.example.com",
	                         tlsbuild_emit, &client),
	             0);
	cr_assert_eq(tls_read(client.tls, &byte, 1), -EAGAIN);
	cr_assert_gt(client.len, 100);
}

Test(tls, waits_for_the_rest_of_every_truncated_client_hello)
{
	uint8_t byte;

	make_client_hello();
	for (size_t len = 0; len < client.len; len++) {
		cr_assert_eq(tls_accept(&server.tls, site.servers[ANY], tlsbuild_emit, &server), 0);
		uint8_t *cut = malloc(len + 1);
		memcpy(cut, client.out, len);
		tls_put(server.tls, slice_of(cut, len));
		cr_expect_eq(tls_read(server.tls, &byte, 1), -EAGAIN, "%zu", len);
		cr_expect_eq(server.len, 0);
		free(cut);
		tlsbuild_free(&server);
	}
}

Test(tls, survives_every_changed_octet_of_a_client_hello)
{
	uint8_t byte;

	make_client_hello();
	for (size_t i = 0; i < client.len; i++) {
		cr_assert_eq(tls_accept(&server.tls, site.servers[ANY], tlsbuild_emit, &server), 0);
		client.out[i] ^= 0x81;
		tls_put(server.tls, slice_of(client.out, client.len));
		ssize_t n = tls_read(server.tls, &byte, 1);
		cr_expect(n == -EAGAIN || n == -EPROTO, "%zu: %zd", i, n);
		cr_expect(!tls_is_open(server.tls));
		client.out[i] ^= 0x81;
		tlsbuild_free(&server);
	}
}

Test(tls, refuses_every_changed_octet_of_a_record_with_an_alert)
{
	uint8_t bytes[16];

	for (size_t i = 5; i < 26; i++) {
		open_pair(VERIFIED, "api.example.com", ANY, 0);
		cr_assert_eq(tls_write(client.tls, slice_of("hello", 5)), 0);
		cr_assert_lt(i, client.len);
		client.out[i] ^= 1;
		cr_expect_eq(tlsbuild_deliver(&client, &server, 0, bytes, sizeof(bytes)), 0);
		cr_expect(server.has_failed);
		cr_expect_str_eq(tls_reason(server.tls), "decryption failed or bad record mac");
		tlsbuild_deliver(&server, &client, 0, bytes, sizeof(bytes));
		cr_expect(client.has_failed, "it was told");
		cr_expect_str_eq(tls_reason(client.tls), "sslv3 alert bad record mac");
	}
}

Test(tls, refuses_a_record_that_comes_twice)
{
	uint8_t bytes[16], again[64];
	size_t len;

	open_pair(VERIFIED, "api.example.com", ANY, 0);
	cr_assert_eq(tls_write(client.tls, slice_of("hello", 5)), 0);
	len = client.len;
	cr_assert_leq(len, sizeof(again));
	memcpy(again, client.out, len);
	cr_expect_eq(tlsbuild_deliver(&client, &server, 0, bytes, sizeof(bytes)), 5);
	tls_put(server.tls, slice_of(again, len));
	cr_expect_eq(tls_read(server.tls, bytes, sizeof(bytes)), -EPROTO);
}

Test(tls, goes_on_after_a_key_update_from_either_side)
{
	struct tlsbuild_raw raw;

	open_raw(&raw, TLS1_3_VERSION, ANY);
	cr_assert(tls_is_open(server.tls));
	for (int i = 0; i < 4; i++) {
		cr_assert(SSL_key_update(raw.ssl, i % 2 ? SSL_KEY_UPDATE_REQUESTED
		                                        : SSL_KEY_UPDATE_NOT_REQUESTED));
		expect_raw_talks(&raw);
		expect_raw_talks(&raw);
	}
	tlsbuild_raw_free(&raw);
}

Test(tls, does_not_renegotiate)
{
	struct tlsbuild_raw raw;
	char got[16];

	open_raw(&raw, TLS1_2_VERSION, ANY);
	cr_assert(tls_is_open(server.tls));
	SSL_set_options(raw.ssl, SSL_OP_LEGACY_SERVER_CONNECT);
	cr_assert(SSL_renegotiate(raw.ssl));
	SSL_do_handshake(raw.ssl);
	tlsbuild_raw_run(&raw, &server, got, sizeof(got));
	cr_expect(raw.error == SSL_ERROR_SSL || server.has_failed, "the client is told no");
	tlsbuild_raw_free(&raw);
}

Test(tls, hears_why_the_other_side_has_ended_a_handshake)
{
	open_pair(VERIFIED, "elsewhere.example.org", ANY, 0);
	cr_expect(client.has_failed && server.has_failed);
	cr_expect_str_eq(tls_reason(client.tls), "hostname mismatch");
	cr_expect_str_eq(tls_reason(server.tls), "sslv3 alert bad certificate");
}

Test(tls, outlives_its_contexts)
{
	open_pair(VERIFIED, "api.example.com", ANY, 0);
	tls_server_free(site.servers[ANY]);
	tls_client_free(site.clients[VERIFIED]);
	site.servers[ANY] = NULL;
	site.clients[VERIFIED] = NULL;
	expect_passes(&client, &server, 100, 0);
	expect_passes(&server, &client, 100, 0);
}
