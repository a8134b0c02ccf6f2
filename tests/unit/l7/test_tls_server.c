// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls.h"
#include "tests/support/tlsbuild.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct tls_tickets *tickets;
static struct tls_server *context;
static struct tlsbuild_side server;
static struct tlsbuild_raw raw;

static void begin(void)
{
	tlsbuild_begin();
	tlsbuild_leaf("first", "DNS:first.example.com,DNS:Two.Example.org", 0, 30);
	tlsbuild_leaf("wild", "DNS:*.example.com,DNS:first.example.com", 0, 30);
	tlsbuild_leaf("named.example.net", NULL, 0, 30);
	tlsbuild_leaf("expired", "DNS:expired.example.com", -30, -1);
	tlsbuild_leaf("early", "DNS:early.example.com", 1, 30);
	cr_assert_eq(tls_tickets_new(&tickets, 3600), 0);
}

static void end(void)
{
	tlsbuild_raw_free(&raw);
	tlsbuild_free(&server);
	tls_server_free(context);
	tls_tickets_free(tickets);
	tlsbuild_end();
}

TestSuite(tls_server, .init = begin, .fini = end);

// A server of these certificates, or the reason why there is none.
static const char *load(const char *certificates, const char *const *alpn)
{
	static struct err err;
	char text[1024];
	struct conf *conf;

	snprintf(text, sizeof(text),
	         "{'l7': [{'name': 'plain', 'routes': [{'path': '/', 'pool': 'p'}]},"
	         " {'name': 'web', 'tls': [%s], 'routes': [{'path': '/', 'pool': 'p'}]}],"
	         " 'pools': [{'name': 'p', 'backends': []}]}",
	         certificates);
	conf = tlsbuild_conf(text);
	err.msg[0] = '\0';
	tls_server_free(context);
	context = NULL;
	cr_expect_eq(tls_server_new(&context, conf, 1, alpn, tickets, &err), err.code);
	conf_free(conf);
	return err.msg;
}

#define PAIR(stem) "{'certificate': '" stem ".pem', 'key': '" stem ".key'}"

static void shake_hands(const char *name, const char *alpn)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	tlsbuild_raw_free(&raw);
	tlsbuild_free(&server);
	tlsbuild_raw_init(&raw, SSL_new(ctx));
	SSL_CTX_free(ctx);
	SSL_set_connect_state(raw.ssl);
	if (name)
		tlsbuild_raw_name(&raw, name);
	if (alpn) // this one returns 0 if it worked
		cr_assert_eq(SSL_set_alpn_protos(raw.ssl, (const uint8_t *)alpn,
		                                 (unsigned int)strlen(alpn)),
		             0);
	cr_assert_eq(tls_accept(&server.tls, context, tlsbuild_emit, &server), 0);
	tlsbuild_raw_run(&raw, &server, NULL, 0);
}

// The CN of the certificate that the client was shown, which is its file's stem.
static const char *shown(void)
{
	static char name[64];
	X509 *x = SSL_get1_peer_certificate(raw.ssl);

	name[0] = '\0';
	if (x)
		X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name,
		                          sizeof(name));
	X509_free(x);
	return name;
}

static const struct {
	const char *asked, *shown;
} names[] = {
	{"first.example.com", "first"}, // exact before wildcard
	{"two.example.org", "first"},
	{"TWO.example.ORG", "first"},
	{"a.example.com", "wild"},
	{"A.EXAMPLE.com", "wild"},
	{"a.b.example.com", "first"}, // a wildcard is one label
	{"example.com", "first"},
	{".example.com", "first"},
	{"*.example.com", "wild"},
	{"named.example.net", "named.example.net"}, // no SAN: the CN
	{"elsewhere.test", "first"},
	{NULL, "first"},
};

Test(tls_server, shows_the_certificate_that_the_client_asked_for)
{
	cr_assert_str_empty(
		load(PAIR("first") "," PAIR("wild") "," PAIR("named.example.net"), NULL));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		shake_hands(names[i].asked, NULL);
		cr_assert(tls_is_open(server.tls), "%s: %s", names[i].asked,
		          tls_reason(server.tls));
		cr_expect_str_eq(shown(), names[i].shown, "%s", names[i].asked);
		if (!names[i].asked)
			cr_expect_null(tls_server_name(server.tls));
		else
			cr_expect(strcasecmp(tls_server_name(server.tls), names[i].asked) == 0);
	}
}

static const struct {
	const char *theirs, *agreed; // NULL: refused
} protocols[] = {
	{NULL, ""},       {"\x08http/1.1", "http/1.1"},       {"\x02h2\x08http/1.1", "http/1.1"},
	{"\x02h2", NULL}, {"\x08http/1.0\x08http/1.2", NULL},
};

Test(tls_server, agrees_on_a_protocol_or_refuses)
{
	static const char *const alpn[] = {"http/1.1", NULL};

	cr_assert_str_empty(load(PAIR("first"), alpn));
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		shake_hands(NULL, protocols[i].theirs);
		cr_assert_eq(tls_is_open(server.tls), protocols[i].agreed != NULL);
		if (protocols[i].agreed)
			cr_expect(slice_eq(
				tls_alpn(server.tls),
				slice_of(protocols[i].agreed, strlen(protocols[i].agreed))));
		else
			cr_expect_str_eq(tls_reason(server.tls), "no application protocol");
	}
}

Test(tls_server, prefers_protocols_in_its_own_order)
{
	static const char *const alpn[] = {"h2", "http/1.1", NULL};

	cr_assert_str_empty(load(PAIR("first") "," PAIR("wild"), alpn));
	shake_hands("a.example.com", "\x08http/1.1\x02h2");
	cr_expect(slice_eq(tls_alpn(server.tls), slice_of("h2", 2)));
}

Test(tls_server, sends_the_whole_chain)
{
	cr_assert_str_empty(load(PAIR("first"), NULL));
	shake_hands(NULL, NULL);
	cr_expect_eq(sk_X509_num(SSL_get_peer_cert_chain(raw.ssl)), 2);
}

Test(tls_server, serves_a_certificate_that_is_out_of_date)
{
	cr_assert_str_empty(load(PAIR("expired") "," PAIR("early"), NULL));
	shake_hands("expired.example.com", NULL);
	cr_expect(tls_is_open(server.tls));
	cr_expect_str_eq(shown(), "expired");
	shake_hands("early.example.com", NULL);
	cr_expect_str_eq(shown(), "early");
}

static const struct {
	const char *certificate, *key, *message;
} mistakes[] = {
	{"gone.pem", "first.key", "l7[1].tls[1].certificate: gone.pem: No such file or directory"},
	{"first.pem", "gone.key", "l7[1].tls[1].key: gone.key: No such file or directory"},
	{"first.pem", "wild.key", "l7[1].tls[1].key: wild.key: does not belong to first.pem"},
	{"first.key", "first.key",
         "l7[1].tls[1].certificate: first.key: holds no certificate in PEM"},
	{"first.pem", "first.pem", "l7[1].tls[1].key: first.pem: holds no private key in PEM"},
	{"empty", "first.key", "l7[1].tls[1].certificate: empty: holds no certificate in PEM"},
	{"first.pem", "empty", "l7[1].tls[1].key: empty: holds no private key in PEM"},
	{"broken", "first.key", "l7[1].tls[1].certificate: broken: "},
	{"first.pem", "broken", "l7[1].tls[1].key: broken: holds no private key in PEM"},
	{"conf.json", "first.key",
         "l7[1].tls[1].certificate: conf.json: holds no certificate in PEM"},
};

Test(tls_server, says_what_is_wrong_with_which_file)
{
	tlsbuild_file("empty", "");
	tlsbuild_file("broken", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	                        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		char certificates[256];
		const char *said;

		snprintf(certificates, sizeof(certificates),
		         PAIR("first") ", {'certificate': '%s', 'key': '%s'}",
		         mistakes[i].certificate, mistakes[i].key);
		said = load(certificates, NULL);
		cr_expect(strncmp(said, mistakes[i].message, strlen(mistakes[i].message)) == 0,
		          "%s", said);
		cr_expect_null(context);
	}
}

Test(tls_server, asks_nobody_for_a_passphrase)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char path[512];

	snprintf(path, sizeof(path), "%s/locked.key", tlsbuild_folder());
	FILE *f = fopen(path, "we");
	cr_assert(PEM_write_PKCS8PrivateKey(f, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL));
	fclose(f);
	EVP_PKEY_free(key);
	cr_expect_str_eq(load("{'certificate': 'first.pem', 'key': 'locked.key'}", NULL),
	                 "l7[1].tls[0].key: locked.key: is encrypted; lb7d has nobody to ask");
}

Test(tls_server, takes_absolute_paths_too)
{
	char certificates[512];

	snprintf(certificates, sizeof(certificates),
	         "{'certificate': '%s/first.pem', 'key': '%s/first.key'}", tlsbuild_folder(),
	         tlsbuild_folder());
	cr_expect_str_empty(load(certificates, NULL));
}
