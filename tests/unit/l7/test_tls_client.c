// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls.h"
#include "tests/support/tlsbuild.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>

enum { GOOD, EXPIRED, EARLY, N_L7 };
enum { VERIFIED, TRUSTING, STRANGER, CLEAR, MISSING, BROKEN, N_POOLS };

static const char text[] =
	"{'l7': [{'name': 'good', 'tls': [{'certificate': 'good.pem', 'key': 'good.key'}],"
	"  'routes': [{'path': '/', 'pool': 'verified'}]},"
	" {'name': 'expired', 'tls': [{'certificate': 'expired.pem', 'key': 'expired.key'}],"
	"  'routes': [{'path': '/', 'pool': 'verified'}]},"
	" {'name': 'early', 'tls': [{'certificate': 'early.pem', 'key': 'early.key'}],"
	"  'routes': [{'path': '/', 'pool': 'verified'}]}],"
	" 'pools': [{'name': 'verified', 'tls': {'ca': 'ca.pem'}, 'backends': []},"
	" {'name': 'trusting', 'tls': {'verify': false}, 'backends': []},"
	" {'name': 'stranger', 'tls': {}, 'backends': []},"
	" {'name': 'clear', 'backends': []},"
	" {'name': 'missing', 'tls': {'ca': 'gone.pem'}, 'backends': []},"
	" {'name': 'broken', 'tls': {'ca': 'broken'}, 'backends': []}]}";

static struct tlsbuild_site site;
static struct tlsbuild_side client, server;

static void begin(void)
{
	tlsbuild_begin();
	tlsbuild_leaf("good", "DNS:api.example.com,DNS:*.many.example,IP:192.0.2.1,IP:2001:db8::1",
	              0, 30);
	tlsbuild_leaf("expired", "DNS:api.example.com", -30, -1);
	tlsbuild_leaf("early", "DNS:api.example.com", 1, 30);
	tlsbuild_file("broken", "no certificate\n");
	tlsbuild_site_open(&site, text, NULL, N_L7, MISSING);
}

static void end(void)
{
	tlsbuild_free(&client);
	tlsbuild_free(&server);
	tlsbuild_site_close(&site);
}

TestSuite(tls_client, .init = begin, .fini = end);

static void open_pair(int pool, const char *name, int l7)
{
	tlsbuild_free(&client);
	tlsbuild_free(&server);
	cr_assert_eq(tls_accept(&server.tls, site.servers[l7], tlsbuild_emit, &server), 0);
	cr_assert_eq(tls_connect(&client.tls, site.clients[pool], name, tlsbuild_emit, &client), 0);
	tlsbuild_shake(&client, &server, 0);
}

static const struct {
	int pool, l7;
	const char *name, *reason; // NULL: it opens
} cases[] = {
	{VERIFIED, GOOD, "api.example.com", NULL},
	{VERIFIED, GOOD, "API.example.com", NULL},
	{VERIFIED, GOOD, "a.many.example", NULL},
	{VERIFIED, GOOD, "192.0.2.1", NULL},
	{VERIFIED, GOOD, "2001:db8::1", NULL},
	{VERIFIED, GOOD, "www.example.com", "hostname mismatch"},
	{VERIFIED, GOOD, "a.b.many.example", "hostname mismatch"},
	{VERIFIED, GOOD, "192.0.2.2", "IP address mismatch"},
	{VERIFIED, GOOD, "2001:db8::2", "IP address mismatch"},
	{VERIFIED, EXPIRED, "api.example.com", "certificate has expired"},
	{VERIFIED, EARLY, "api.example.com", "certificate is not yet valid"},
	{STRANGER, GOOD, "api.example.com", "self-signed certificate in certificate chain"},
	{TRUSTING, GOOD, "www.example.com", NULL},
	{TRUSTING, EXPIRED, "api.example.com", NULL},
	{TRUSTING, GOOD, NULL, NULL},
	{CLEAR, EXPIRED, NULL, NULL},
};

Test(tls_client, verifies_whom_it_speaks_to)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		open_pair(cases[i].pool, cases[i].name, cases[i].l7);
		cr_expect_eq(tls_is_open(client.tls), cases[i].reason == NULL, "%s: %s",
		             cases[i].name, tls_reason(client.tls));
		if (cases[i].reason) {
			cr_expect_str_eq(tls_reason(client.tls), cases[i].reason);
			cr_expect(server.has_failed, "the server was told");
		}
	}
}

Test(tls_client, sends_names_and_no_addresses)
{
	open_pair(TRUSTING, "www.example.com", GOOD);
	cr_expect_str_eq(tls_server_name(server.tls), "www.example.com");
	open_pair(TRUSTING, "192.0.2.1", GOOD);
	cr_expect_null(tls_server_name(server.tls));
	open_pair(TRUSTING, "2001:db8::1", GOOD);
	cr_expect_null(tls_server_name(server.tls));
}

Test(tls_client, verifies_nobody_without_a_name)
{
	struct tls *t;

	cr_expect_eq(tls_connect(&t, site.clients[VERIFIED], NULL, tlsbuild_emit, &client),
	             -EINVAL);
}

Test(tls_client, resumes_per_name)
{
	open_pair(VERIFIED, "api.example.com", GOOD);
	cr_expect(!tls_is_resumed(client.tls));
	open_pair(VERIFIED, "a.many.example", GOOD);
	cr_expect(!tls_is_resumed(client.tls));
	open_pair(VERIFIED, "api.example.com", GOOD);
	cr_expect(tls_is_resumed(client.tls) && tls_is_resumed(server.tls));
	open_pair(VERIFIED, "api.example.com", GOOD);
	cr_expect(tls_is_resumed(client.tls), "again, with the ticket of the last one");
	open_pair(TRUSTING, "api.example.com", GOOD);
	cr_expect(!tls_is_resumed(client.tls), "another pool");
}

Test(tls_client, resumes_after_connections_that_ended_without_a_word)
{
	open_pair(VERIFIED, "api.example.com", GOOD);
	tlsbuild_free(&client);
	open_pair(VERIFIED, "api.example.com", GOOD);
	cr_expect(tls_is_resumed(client.tls));
}

Test(tls_client, keeps_the_sessions_of_the_64_names_used_last)
{
	char name[64];

	for (int i = 0; i <= 64; i++) {
		snprintf(name, sizeof(name), "n%d.many.example", i);
		open_pair(VERIFIED, name, GOOD);
		cr_assert(tls_is_open(client.tls));
	}
	open_pair(VERIFIED, "n64.many.example", GOOD);
	cr_expect(tls_is_resumed(client.tls));
	open_pair(VERIFIED, "n1.many.example", GOOD);
	cr_expect(tls_is_resumed(client.tls));
	open_pair(VERIFIED, "n0.many.example", GOOD);
	cr_expect(!tls_is_resumed(client.tls), "the first had to go");
}

Test(tls_client, says_which_ca_it_cannot_read)
{
	struct tls_client *c = NULL;
	struct err err = {0};

	cr_expect_eq(tls_client_new(&c, site.conf, MISSING, &err), -ENOENT);
	cr_expect_str_eq(err.msg, "pools[4].tls.ca: gone.pem: No such file or directory");
	cr_expect_eq(tls_client_new(&c, site.conf, BROKEN, &err), -EINVAL);
	cr_expect(strncmp(err.msg, "pools[5].tls.ca: broken: ", 25) == 0, "%s", err.msg);
	cr_expect_null(c);
}

static const char *const h2[] = {"h2", NULL};
static const char *const http1[] = {"http/1.1", NULL};
static const char *const both[] = {"h2", "http/1.1", NULL};

static const struct {
	const char *const *server, *const *client; // client NULL: offers nothing
	const char *agreed;                        // NULL: refused
} offers[] = {
	{both, both, "h2"}, {http1, both, "http/1.1"}, {both, http1, "http/1.1"},
	{both, NULL, ""},   {NULL, both, ""},          {http1, h2, NULL},
};

Test(tls_client, offers_protocols_connection_by_connection)
{
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		struct tls_server *s;
		struct err err = {0};
		struct slice agreed;

		cr_assert_eq(
			tls_server_new(&s, site.conf, GOOD, offers[i].server, site.tickets, &err),
			0);
		tlsbuild_free(&client);
		tlsbuild_free(&server);
		cr_assert_eq(tls_accept(&server.tls, s, tlsbuild_emit, &server), 0);
		cr_assert_eq(tls_connect(&client.tls, site.clients[VERIFIED], "api.example.com",
		                         tlsbuild_emit, &client),
		             0);
		if (offers[i].client)
			cr_assert_eq(tls_offer(client.tls, offers[i].client), 0);
		tlsbuild_shake(&client, &server, 0);
		agreed = tls_alpn(client.tls);
		cr_expect_eq(tls_is_open(client.tls), offers[i].agreed != NULL, "case %zu", i);
		if (offers[i].agreed)
			cr_expect(slice_eq(agreed,
			                   slice_of(offers[i].agreed, strlen(offers[i].agreed))),
			          "case %zu: %.*s", i, (int)agreed.len, (const char *)agreed.ptr);
		else
			cr_expect_str_eq(tls_reason(client.tls),
			                 "tlsv1 alert no application protocol");
		tls_server_free(s);
	}
}
