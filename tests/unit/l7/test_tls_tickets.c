// SPDX-License-Identifier: BSD-3-Clause
// Which session ticket opens which session, and for how long.
#include "l7/tls_tickets.h"

#include "l4/base/clock.h"
#include "tests/support/tlsbuild.h"

#include <criterion/criterion.h>

enum { LIFETIME_S = 3600, HALF_S = LIFETIME_S / 2 };
enum { WEB, OTHER, N_L7 };

static const char text[] =
	"{'l7': [{'name': 'web', 'tls': [{'certificate': 'a.pem', 'key': 'a.key'},"
	"   {'certificate': 'b.pem', 'key': 'b.key'}], 'routes': [{'path': '/', 'pool': 'p'}]},"
	" {'name': 'other', 'tls': [{'certificate': 'a.pem', 'key': 'a.key'}],"
	"  'routes': [{'path': '/', 'pool': 'p'}]}],"
	" 'pools': [{'name': 'p', 'backends': []}]}";

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static struct conf *conf;
static struct tls_tickets *tickets;
static struct tls_server *servers[N_L7];
static SSL_CTX *client_context;
static SSL_SESSION *kept; // the newest session that the client got

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION_free(kept);
	kept = session;
	return 1;
}

static void load_servers(void)
{
	struct err err = {0};

	for (int i = 0; i < N_L7; i++) {
		tls_server_free(servers[i]);
		cr_assert_eq(tls_server_new(&servers[i], conf, (uint16_t)i, NULL, tickets, &err), 0,
		             "%s", err.msg);
	}
}

static void begin(void)
{
	tlsbuild_begin();
	tlsbuild_leaf("a", "DNS:*.a.example,DNS:a.example", 0, 30);
	tlsbuild_leaf("b", "DNS:b.example", 0, 30);
	conf = tlsbuild_conf(text);
	cr_assert_eq(tls_tickets_new(&tickets, LIFETIME_S), 0);
	load_servers();
	client_context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_session_cache_mode(client_context,
	                               SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(client_context, on_session);
}

static void end(void)
{
	for (int i = 0; i < N_L7; i++)
		tls_server_free(servers[i]);
	SSL_SESSION_free(kept);
	kept = NULL;
	SSL_CTX_free(client_context);
	tls_tickets_free(tickets);
	conf_free(conf);
	tlsbuild_end();
}

TestSuite(tls_tickets, .init = begin, .fini = end);

// Opens a connection, offering the kept session if `offer`; whether it was resumed.
static bool visit(int version, int l7, const char *name, bool offer)
{
	struct tlsbuild_side server = {0};
	struct tlsbuild_raw raw;
	bool is_resumed;

	SSL_CTX_set_max_proto_version(client_context, version);
	tlsbuild_raw_init(&raw, SSL_new(client_context));
	SSL_set_connect_state(raw.ssl);
	tlsbuild_raw_name(&raw, name);
	if (offer) { // a copy, as OpenSSL spoils a session of 1.3 by using it
		SSL_SESSION *copy = SSL_SESSION_dup(kept);
		cr_assert(copy && SSL_set_session(raw.ssl, copy));
		SSL_SESSION_free(copy);
	}
	cr_assert_eq(tls_accept(&server.tls, servers[l7], tlsbuild_emit, &server), 0);
	tlsbuild_raw_run(&raw, &server, NULL, 0);
	cr_assert(tls_is_open(server.tls), "%s", tls_reason(server.tls));
	is_resumed = tls_is_resumed(server.tls);
	cr_expect_eq(SSL_session_reused(raw.ssl), is_resumed);
	cr_expect_str_eq(tls_server_name(server.tls), name);
	cr_assert_eq(tls_write(server.tls, slice_of("x", 1)), 0);
	tlsbuild_raw_run(&raw, &server, NULL, 0);
	cr_expect_neq(raw.error, SSL_ERROR_SSL, "the client can read what we wrote");
	if (version == TLS1_2_VERSION) { // on_session() never hears of a renewed ticket there
		SSL_SESSION_free(kept);
		kept = SSL_get1_session(raw.ssl);
	}
	tlsbuild_raw_free(&raw);
	tlsbuild_free(&server);
	return is_resumed;
}

Test(tls_tickets, a_ticket_opens_its_own_session)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		cr_expect(!visit(versions[i], WEB, "a.example", false));
		cr_expect(visit(versions[i], WEB, "a.example", true));
		cr_expect(visit(versions[i], WEB, "a.example", true), "and again");
	}
}

Test(tls_tickets, a_ticket_survives_a_reload)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		visit(versions[i], WEB, "b.example", false);
		load_servers();
		cr_expect(visit(versions[i], WEB, "b.example", true));
	}
}

Test(tls_tickets, a_ticket_of_one_host_opens_no_session_of_another)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		visit(versions[i], WEB, "a.example", false);
		cr_expect(!visit(versions[i], WEB, "b.example", true));
		visit(versions[i], WEB, "b.example", false);
		cr_expect(!visit(versions[i], WEB, "a.example", true));
	}
}

Test(tls_tickets, a_ticket_of_one_name_opens_no_session_of_another_name)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		visit(versions[i], WEB, "x.a.example", false);
		cr_expect(!visit(versions[i], WEB, "y.a.example", true));
	}
}

Test(tls_tickets, a_ticket_of_one_l7_entry_opens_no_session_of_another)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		visit(versions[i], WEB, "a.example", false);
		cr_expect(!visit(versions[i], OTHER, "a.example", true), "the same certificate");
	}
}

Test(tls_tickets, a_ticket_of_another_process_opens_nothing)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct tls_tickets *old = tickets;

		visit(versions[i], WEB, "a.example", false);
		cr_assert_eq(tls_tickets_new(&tickets, LIFETIME_S), 0);
		load_servers();
		cr_expect(!visit(versions[i], WEB, "a.example", true));
		tls_tickets_free(old);
	}
}

// Whether the tickets of two sessions were made with the same key.
static bool is_same_key(const SSL_SESSION *a, const SSL_SESSION *b)
{
	const unsigned char *x, *y;
	size_t len;

	SSL_SESSION_get0_ticket(a, &x, &len);
	cr_assert_gt(len, TLS_TICKETS_NAME_LEN);
	SSL_SESSION_get0_ticket(b, &y, &len);
	return memcmp(x, y, TLS_TICKETS_NAME_LEN) == 0;
}

Test(tls_tickets, a_ticket_outlives_one_rotation_and_not_two)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		uint64_t now = 7 * (i + 1) * LIFETIME_S * CLOCK_NS_PER_S;
		SSL_SESSION *old;

		tls_tickets_rotate(tickets, now); // the first one only starts the clock
		visit(versions[i], WEB, "a.example", false);
		old = kept;
		SSL_SESSION_up_ref(old);
		tls_tickets_rotate(tickets, now + (HALF_S - 1) * CLOCK_NS_PER_S);
		cr_expect(visit(versions[i], WEB, "a.example", true));
		tls_tickets_rotate(tickets, now + HALF_S * CLOCK_NS_PER_S);
		SSL_SESSION_free(kept);
		kept = old;
		SSL_SESSION_up_ref(old);
		cr_expect(visit(versions[i], WEB, "a.example", true), "the older key");
		tls_tickets_rotate(tickets, now + 2 * HALF_S * CLOCK_NS_PER_S);
		cr_expect(!is_same_key(kept, old), "the older key's ticket was replaced");
		cr_expect(visit(versions[i], WEB, "a.example", true), "by one that still opens");
		SSL_SESSION_free(kept);
		kept = old;
		cr_expect(!visit(versions[i], WEB, "a.example", true), "the first is too old");
	}
}

Test(tls_tickets, a_ticket_is_too_old_when_nobody_rotated_for_long)
{
	tls_tickets_rotate(tickets, 1);
	visit(TLS1_3_VERSION, WEB, "a.example", false);
	tls_tickets_rotate(tickets, 1 + (uint64_t)LIFETIME_S * CLOCK_NS_PER_S);
	cr_expect(!visit(TLS1_3_VERSION, WEB, "a.example", true));
}

Test(tls_tickets, a_host_s_keys_are_its_own)
{
	struct tls_tickets_of_host hosts[2] = {{.id = "one"}, {.id = "two"}};
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
	uint8_t name[TLS_TICKETS_NAME_LEN], iv[EVP_MAX_IV_LENGTH];

	cr_expect_eq(tls_tickets_seal(tickets, &hosts[0], name, iv, cipher, mac), 1);
	cr_expect_eq(tls_tickets_open(tickets, &hosts[0], name, iv, cipher, mac), 1);
	cr_expect_eq(tls_tickets_open(tickets, &hosts[1], name, iv, cipher, mac), 0);
	cr_expect(memcmp(hosts[0].key[0].aes, hosts[1].key[0].aes, TLS_TICKETS_KEY_LEN) != 0);
	cr_expect(memcmp(hosts[0].key[0].mac, hosts[0].key[0].aes, TLS_TICKETS_KEY_LEN) != 0);
	EVP_MAC_CTX_free(mac);
	EVP_MAC_free(hmac);
	EVP_CIPHER_CTX_free(cipher);
}
