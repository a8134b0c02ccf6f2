// SPDX-License-Identifier: BSD-3-Clause
// What comes in when a connection is open, against OpenSSL on the other side.
#include "l7/tls.h"
#include "tests/support/failmalloc.h"
#include "tests/support/tlsbuild.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static struct tlsbuild_site site;
static SSL_CTX *client_context;
static struct tlsbuild_side server;
static struct tlsbuild_raw raw;

static void begin(void)
{
	tlsbuild_begin();
	tlsbuild_leaf("api", "DNS:api.example.com", 0, 30);
	tlsbuild_site_open(
		&site,
		"{'l7': [{'name': 'web', 'tls': [{'certificate': 'api.pem', 'key': 'api.key'}],"
		"  'routes': [{'path': '/', 'pool': 'p'}]}],"
		" 'pools': [{'name': 'p', 'backends': []}]}",
		NULL, 1, 0);
	client_context = SSL_CTX_new(TLS_client_method());
}

static void end(void)
{
	tlsbuild_raw_free(&raw);
	tlsbuild_free(&server);
	SSL_CTX_free(client_context);
	tlsbuild_site_close(&site);
}

TestSuite(tls_record, .init = begin, .fini = end);

static void open_pair(int version)
{
	tlsbuild_raw_free(&raw);
	tlsbuild_free(&server);
	SSL_CTX_set_max_proto_version(client_context, version);
	tlsbuild_raw_init(&raw, SSL_new(client_context));
	SSL_set_connect_state(raw.ssl);
	cr_assert_eq(tls_accept(&server.tls, site.servers[0], tlsbuild_emit, &server), 0);
	tlsbuild_raw_run(&raw, &server, NULL, 0);
	cr_assert(tls_is_open(server.tls), "%s", tls_reason(server.tls));
	(void)BIO_reset(raw.out);
}

// What the client has to say, as one piece.
static struct slice said(void)
{
	char *bytes;
	long len = BIO_get_mem_data(raw.out, &bytes);

	return slice_of(bytes, (size_t)len);
}

// The client's records, in two puts cut at every place, into readers of several sizes.
Test(tls_record, reads_the_same_at_every_cut_and_with_every_room)
{
	static const size_t rooms[] = {1, 7, 64, 65, 300, 4096};

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		open_pair(versions[v]);
		for (size_t i = 0, len = 1000; i < len; i++) {
			uint8_t text[364], got[4096], *front, *rest;
			size_t n_got = 0, room = rooms[i % ARRAY_LEN(rooms)];
			ssize_t n;

			memset(text, (int)i, sizeof(text));
			cr_assert_eq(SSL_write(raw.ssl, text, 64), 64);
			cr_assert_eq(SSL_write(raw.ssl, text + 64, 300), 300);
			struct slice all = said();
			len = all.len + 1;
			front = malloc(i + 1);
			rest = malloc(all.len - i + 1);
			memcpy(front, all.ptr, i);
			memcpy(rest, all.ptr + i, all.len - i);
			tls_put(server.tls, slice_of(front, i));
			while ((n = tls_read(server.tls, got + n_got, room)) > 0)
				n_got += (size_t)n;
			cr_assert_eq(n, -EAGAIN);
			tls_put(server.tls, slice_of(rest, all.len - i));
			while ((n = tls_read(server.tls, got + n_got, room)) > 0)
				n_got += (size_t)n;
			cr_assert_eq(n, -EAGAIN, "cut at %zu: %s", i, tls_reason(server.tls));
			cr_assert_eq(n_got, sizeof(text));
			cr_assert(memcmp(got, text, sizeof(text)) == 0);
			free(front);
			free(rest);
			(void)BIO_reset(raw.out);
		}
	}
}

Test(tls_record, reads_the_largest_record_into_exactly_its_room)
{
	static uint8_t text[16384], got[16384];

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		open_pair(versions[v]);
		for (int i = 0; i < 3; i++) {
			memset(text, 'a' + i, sizeof(text));
			cr_assert_eq(SSL_write(raw.ssl, text, sizeof(text)), sizeof(text));
			tls_put(server.tls, said());
			cr_expect_eq(tls_read(server.tls, got, sizeof(got)), sizeof(got));
			cr_expect(memcmp(got, text, sizeof(got)) == 0);
			cr_expect_eq(tls_read(server.tls, got, sizeof(got)), -EAGAIN);
			(void)BIO_reset(raw.out);
		}
	}
}

Test(tls_record, takes_the_padding_off)
{
	char got[64];

	SSL_CTX_set_block_padding(client_context, 1000);
	open_pair(TLS1_3_VERSION);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(SSL_write(raw.ssl, "hi\0\0", 4), 4);
		cr_assert_gt(said().len, 1000);
		tls_put(server.tls, said());
		cr_expect_eq(tls_read(server.tls, got, sizeof(got)), 4);
		cr_expect(memcmp(got, "hi\0\0", 4) == 0, "zeros of the text are text");
		cr_expect_eq(tls_read(server.tls, got, sizeof(got)), -EAGAIN);
		(void)BIO_reset(raw.out);
	}
}

Test(tls_record, sends_no_longer_fragments_than_the_client_wants)
{
	static uint8_t text[3000], got[3000];

	SSL_CTX_set_tlsext_max_fragment_length(client_context, TLSEXT_max_fragment_length_512);
	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		open_pair(versions[v]);
		server.len = 0;
		cr_assert_eq(tls_write(server.tls, slice_of(text, sizeof(text))), 0);
		size_t n_records = 0;
		for (size_t at = 0; at < server.len; n_records++) {
			size_t len = (size_t)server.out[at + 3] << 8 | server.out[at + 4];
			cr_assert_leq(len, 512 + 25);
			at += 5 + len;
		}
		cr_expect_eq(n_records, 6);
		BIO_write(raw.in, server.out, (int)server.len);
		for (size_t n = 0, more; n < sizeof(got); n += more)
			cr_assert(SSL_read_ex(raw.ssl, got, sizeof(got), &more));
	}
}

Test(tls_record, gives_many_records_to_one_emit)
{
	static uint8_t text[4 * 16384];

	open_pair(TLS1_3_VERSION);
	size_t before = server.n_emits;
	cr_assert_eq(tls_write(server.tls, slice_of(text, sizeof(text))), 0);
	cr_expect_eq(server.n_emits, before + 1);
}

// A record in clear, as an attacker on the way may put in.
static const struct {
	const char *name, *bytes;
	size_t len;
	const char *reason; // NULL: any
} injected[] = {
	{"an alert", "\x15\x03\x03\0\x02\x01\0", 7, NULL},
	{"a fatal alert", "\x15\x03\x03\0\x02\x02\x28", 7, NULL},
	{"ChangeCipherSpec", "\x14\x03\x03\0\x01\x01", 6, NULL},
	{"handshake", "\x16\x03\x03\0\x04\x01\0\0\0", 9, NULL},
	{"data",
         "\x17\x03\x03\0\x04"
         "data",
         9, "decryption failed or bad record mac"},
	{"an empty record", "\x17\x03\x03\0\0", 5, "decryption failed or bad record mac"},
	{"too long a record", "\x17\x03\x03\xff\xff", 5, "a record is too long"},
	{"just too long a record", "\x17\x03\x03\x48\x01", 5, "a record is too long"},
	{"HTTP", "GET / HTTP/1.1\r\n\r\n", 18, "an unexpected record"},
	{"another version", "\x17\x03\x04\0\0", 5, "wrong version number"},
};

Test(tls_record, refuses_what_is_not_encrypted)
{
	uint8_t bytes[64];

	for (size_t v = 0; v < ARRAY_LEN(versions); v++)
		for (size_t i = 0; i < ARRAY_LEN(injected); i++) {
			open_pair(versions[v]);
			server.len = 0;
			tls_put(server.tls, slice_of(injected[i].bytes, injected[i].len));
			cr_expect_eq(tls_read(server.tls, bytes, sizeof(bytes)), -EPROTO, "%s",
			             injected[i].name);
			cr_assert_not_null(tls_reason(server.tls));
			if (injected[i].reason)
				cr_expect_str_eq(tls_reason(server.tls), injected[i].reason);
			cr_expect_gt(server.len, 0, "the client is told");
			BIO_write(raw.in, server.out, (int)server.len);
			int n = SSL_read(raw.ssl, bytes, 1);
			cr_expect_eq(SSL_get_error(raw.ssl, n), SSL_ERROR_SSL);
		}
}

Test(tls_record, goes_on_over_a_warning_of_version_1_2_only)
{
	char got[8];

	// OpenSSL 3.0 has no call for it; a renegotiating client is answered with one, and goes on.
	open_pair(TLS1_2_VERSION);
	SSL_renegotiate(raw.ssl);
	SSL_do_handshake(raw.ssl);
	server.len = 0;
	tls_put(server.tls, said());
	cr_expect_eq(tls_read(server.tls, got, sizeof(got)), -EAGAIN);
	cr_expect_eq(server.len, 5 + 8 + 2 + 16, "one alert: no_renegotiation");
	cr_expect_eq(tls_write(server.tls, slice_of("x", 1)), 0, "and we are well");
}

Test(tls_record, tells_what_ended_the_connection)
{
	uint8_t byte;

	// The client dislikes a record and says so in an encrypted alert.
	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		open_pair(versions[v]);
		server.len = 0;
		cr_assert_eq(tls_write(server.tls, slice_of("hello", 5)), 0);
		server.out[server.len - 1] ^= 1;
		BIO_write(raw.in, server.out, (int)server.len);
		cr_expect_lt(SSL_read(raw.ssl, &byte, 1), 0);
		tls_put(server.tls, said());
		server.len = 0;
		cr_expect_eq(tls_read(server.tls, &byte, 1), -EPROTO);
		cr_expect_str_eq(tls_reason(server.tls), "bad record mac");
		cr_expect_eq(server.len, 0, "no alert answers an alert");
	}
}

Test(tls_record, ends_with_close_notify_after_the_last_data)
{
	char got[8];

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		open_pair(versions[v]);
		cr_assert_eq(SSL_write(raw.ssl, "bye", 3), 3);
		SSL_shutdown(raw.ssl);
		tls_put(server.tls, said());
		cr_expect_eq(tls_read(server.tls, got, sizeof(got)), 3);
		cr_expect_eq(tls_read(server.tls, got, sizeof(got)), 0);
		server.len = 0;
		tls_close(server.tls);
		BIO_write(raw.in, server.out, (int)server.len);
		cr_expect_eq(SSL_read(raw.ssl, got, 1), 0);
		cr_expect_eq(SSL_get_shutdown(raw.ssl) & SSL_RECEIVED_SHUTDOWN,
		             SSL_RECEIVED_SHUTDOWN);
	}
}

Test(tls_record, asks_for_no_memory_where_a_record_is_whole)
{
	char got[64];

	open_pair(TLS1_3_VERSION);
	cr_assert_eq(SSL_write(raw.ssl, "ping", 4), 4);
	server.out = realloc(server.out, 4096);
	server.room = 4096;
	server.len = 0;
	failmalloc_arm(1);
	tls_put(server.tls, said());
	ssize_t n = tls_read(server.tls, got, sizeof(got));
	int rc = tls_write(server.tls, slice_of("pong", 4));
	failmalloc_disarm();
	cr_expect_eq(n, 4);
	cr_expect_eq(rc, 0);
}
