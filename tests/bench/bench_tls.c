// SPDX-License-Identifier: BSD-3-Clause
// Nanoseconds to seal and to open one TLS 1.3 record (AES-128-GCM) of a server's connection, beside OpenSSL's AES-GCM alone (one
// EVP context, nonce, header and tag as TLS has them) and, as `..._ssl`, beside OpenSSL's whole SSL_write() and SSL_read() on the
// other end of the same connection. They run in turns; the medians are printed. Then handshakes, and bytes of heap per idle
// connection, both beside SSL.
#include "l4/base/clock.h"
#include "tests/support/tlsbuild.h"

#include <openssl/evp.h>

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { TURNS = 21, TURN_BYTES = 4 << 20, N_IDLE = 500 };

static struct tls_tickets *tickets;
static struct tls_server *context;
static SSL_CTX *client_context, *server_context;
static struct tlsbuild_side server;
static struct tlsbuild_raw raw;
static uint8_t text[1 << 14], room[1 << 15];

static void must(bool good)
{
	if (!good)
		abort();
}

static void begin(void)
{
	char path[256];
	struct conf *conf;

	tlsbuild_begin();
	tlsbuild_leaf("api", "DNS:api.example.com", 0, 30);
	conf = tlsbuild_conf(
		"{'l7': [{'name': 'web', 'tls': [{'certificate': 'api.pem', 'key': 'api.key'}],"
		"  'routes': [{'path': '/', 'pool': 'p'}]}],"
		" 'pools': [{'name': 'p', 'backends': []}]}");
	must(tls_tickets_new(&tickets, 3600) == 0 &&
	     tls_server_new(&context, conf, 0, NULL, tickets, NULL) == 0);
	client_context = SSL_CTX_new(TLS_client_method());
	must(SSL_CTX_set_ciphersuites(client_context, "TLS_AES_128_GCM_SHA256"));
	server_context = SSL_CTX_new(TLS_server_method());
	snprintf(path, sizeof(path), "%s/api.pem", tlsbuild_folder());
	must(SSL_CTX_use_certificate_chain_file(server_context, path));
	snprintf(path, sizeof(path), "%s/api.key", tlsbuild_folder());
	must(SSL_CTX_use_PrivateKey_file(server_context, path, SSL_FILETYPE_PEM));
	SSL_CTX_set_mode(server_context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_mode(client_context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(server_context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(server_context, 1);
	conf_free(conf);
	tlsbuild_end();
}

static void open_ours(struct tlsbuild_raw *peer, struct tlsbuild_side *ours)
{
	tlsbuild_raw_init(peer, SSL_new(client_context));
	SSL_set_connect_state(peer->ssl);
	must(tls_accept(&ours->tls, context, tlsbuild_emit, ours) == 0);
	tlsbuild_raw_run(peer, ours, NULL, 0);
	must(tls_is_open(ours->tls));
}

// --- what is compared; each does `n` records of `len` and returns ns ---

typedef uint64_t turn_fn(size_t n, size_t len);

static struct {
	EVP_CIPHER_CTX *seal, *open;
	uint8_t nonce[12], aad[5], tag[16];
	uint8_t sealed[1 << 14];
} gcm;

static void gcm_init(void)
{
	static const uint8_t key[16] = "0123456789abcde";

	gcm.seal = EVP_CIPHER_CTX_new();
	gcm.open = EVP_CIPHER_CTX_new();
	must(EVP_EncryptInit_ex(gcm.seal, EVP_aes_128_gcm(), NULL, key, NULL) &&
	     EVP_DecryptInit_ex(gcm.open, EVP_aes_128_gcm(), NULL, key, NULL));
}

static void gcm_seal_one(size_t len)
{
	int m;

	must(EVP_EncryptInit_ex(gcm.seal, NULL, NULL, NULL, gcm.nonce) &&
	     EVP_EncryptUpdate(gcm.seal, NULL, &m, gcm.aad, sizeof(gcm.aad)) &&
	     EVP_EncryptUpdate(gcm.seal, gcm.sealed, &m, text, (int)len) &&
	     EVP_EncryptFinal_ex(gcm.seal, gcm.sealed + m, &m) &&
	     EVP_CIPHER_CTX_ctrl(gcm.seal, EVP_CTRL_AEAD_GET_TAG, sizeof(gcm.tag), gcm.tag));
}

static uint64_t gcm_seal(size_t n, size_t len)
{
	uint64_t since = clock_now_ns();

	for (size_t i = 0; i < n; i++)
		gcm_seal_one(len);
	return clock_now_ns() - since;
}

static uint64_t gcm_open(size_t n, size_t len)
{
	uint64_t since;
	int m;

	gcm_seal_one(len);
	since = clock_now_ns();
	for (size_t i = 0; i < n; i++)
		must(EVP_DecryptInit_ex(gcm.open, NULL, NULL, NULL, gcm.nonce) &&
		     EVP_CIPHER_CTX_ctrl(gcm.open, EVP_CTRL_AEAD_SET_TAG, sizeof(gcm.tag),
		                         gcm.tag) &&
		     EVP_DecryptUpdate(gcm.open, NULL, &m, gcm.aad, sizeof(gcm.aad)) &&
		     EVP_DecryptUpdate(gcm.open, room, &m, gcm.sealed, (int)len) &&
		     EVP_DecryptFinal_ex(gcm.open, room + m, &m) == 1);
	return clock_now_ns() - since;
}

static uint64_t ours_write(size_t n, size_t len)
{
	uint64_t since = clock_now_ns(), ns;

	for (size_t i = 0; i < n; i++)
		must(tls_write(server.tls, slice_of(text, len)) == 0);
	ns = clock_now_ns() - since;
	// The other end stays in step.
	BIO_write(raw.in, server.out, (int)server.len);
	server.len = 0;
	while (SSL_read(raw.ssl, room, sizeof(room)) > 0)
		;
	return ns;
}

static uint64_t ssl_read(size_t n, size_t len)
{
	uint64_t since, ns;

	for (size_t i = 0; i < n; i++)
		must(tls_write(server.tls, slice_of(text, len)) == 0);
	BIO_write(raw.in, server.out, (int)server.len);
	server.len = 0;
	since = clock_now_ns();
	for (size_t i = 0; i < n; i++)
		must(SSL_read(raw.ssl, room, sizeof(room)) == (int)len);
	ns = clock_now_ns() - since;
	return ns;
}

// Each record by itself, until tls_read() asks for more, as a connection's reader does.
static uint64_t ours_read(size_t n, size_t len)
{
	uint64_t since, ns;
	char *bytes;
	size_t left, one;

	for (size_t i = 0; i < n; i++)
		must(SSL_write(raw.ssl, text, (int)len) == (int)len);
	left = (size_t)BIO_get_mem_data(raw.out, &bytes);
	one = left / n;
	since = clock_now_ns();
	for (; left > 0; left -= one, bytes += one) {
		tls_put(server.tls, slice_of(bytes, one));
		must(tls_read(server.tls, room, sizeof(room)) == (ssize_t)len);
		must(tls_read(server.tls, room, sizeof(room)) == -EAGAIN);
	}
	ns = clock_now_ns() - since;
	(void)BIO_reset(raw.out);
	return ns;
}

static uint64_t ssl_write(size_t n, size_t len)
{
	uint64_t since = clock_now_ns(), ns;
	char *bytes;
	long size;

	for (size_t i = 0; i < n; i++)
		must(SSL_write(raw.ssl, text, (int)len) == (int)len);
	ns = clock_now_ns() - since;
	size = BIO_get_mem_data(raw.out, &bytes);
	tls_put(server.tls, slice_of(bytes, (size_t)size));
	while (tls_read(server.tls, room, sizeof(room)) > 0)
		;
	(void)BIO_reset(raw.out);
	return ns;
}

static int cmp_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), cmp_double);
	return v[n / 2];
}

static void compare(const char *name, size_t len, turn_fn *ours, turn_fn *yardstick)
{
	double a[TURNS], b[TURNS];
	size_t n = TURN_BYTES / (len + 256);

	for (size_t i = 0; i < TURNS; i++) {
		a[i] = (double)ours(n, len) / (double)n;
		b[i] = (double)yardstick(n, len) / (double)n;
	}
	printf("bench tls_%s_%zu ours=%.0f yardstick=%.0f ratio=%.2f unit=ns_per_record\n", name,
	       len, median(a, TURNS), median(b, TURNS), median(a, TURNS) / median(b, TURNS));
}

// --- connections ---

static void handshake_of_ssl(struct tlsbuild_raw *client, struct tlsbuild_raw *peer)
{
	char *bytes;
	long len;

	tlsbuild_raw_init(client, SSL_new(client_context));
	tlsbuild_raw_init(peer, SSL_new(server_context));
	SSL_set_connect_state(client->ssl);
	SSL_set_accept_state(peer->ssl);
	for (int i = 0; i < 3; i++) {
		SSL_read(client->ssl, room, sizeof(room));
		len = BIO_get_mem_data(client->out, &bytes);
		BIO_write(peer->in, bytes, (int)len);
		(void)BIO_reset(client->out);
		SSL_read(peer->ssl, room, sizeof(room));
		len = BIO_get_mem_data(peer->out, &bytes);
		BIO_write(client->in, bytes, (int)len);
		(void)BIO_reset(peer->out);
	}
	must(SSL_is_init_finished(peer->ssl));
}

static void compare_connections(void)
{
	static struct tlsbuild_side sides[N_IDLE];
	static struct tlsbuild_raw peers[N_IDLE];
	struct tlsbuild_raw client;
	size_t before = mallinfo2().uordblks, ours, theirs;
	uint64_t since = clock_now_ns(), ours_ns, theirs_ns;

	for (size_t i = 0; i < N_IDLE; i++) {
		open_ours(&client, &sides[i]);
		tlsbuild_raw_free(&client);
		free(sides[i].out);
		sides[i].out = NULL;
	}
	ours_ns = (clock_now_ns() - since) / N_IDLE;
	ours = (mallinfo2().uordblks - before) / N_IDLE;
	before = mallinfo2().uordblks;
	since = clock_now_ns();
	for (size_t i = 0; i < N_IDLE; i++) {
		handshake_of_ssl(&client, &peers[i]);
		tlsbuild_raw_free(&client);
	}
	theirs_ns = (clock_now_ns() - since) / N_IDLE;
	theirs = (mallinfo2().uordblks - before) / N_IDLE;
	printf("bench tls_handshake ours=%.1f yardstick=%.1f ratio=%.2f unit=us_both_ends\n",
	       (double)ours_ns / 1000, (double)theirs_ns / 1000,
	       (double)ours_ns / (double)theirs_ns);
	printf("bench tls_idle ours=%zu yardstick=%zu ratio=%.2f unit=bytes_per_connection\n", ours,
	       theirs, (double)ours / (double)theirs);
	for (size_t i = 0; i < N_IDLE; i++) {
		tlsbuild_free(&sides[i]);
		tlsbuild_raw_free(&peers[i]);
	}
}

int main(void)
{
	static const size_t sizes[] = {64, 1024, 16384};

	begin();
	gcm_init();
	open_ours(&raw, &server);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		compare("write", sizes[i], ours_write, gcm_seal);
		compare("read", sizes[i], ours_read, gcm_open);
		compare("write_ssl", sizes[i], ours_write, ssl_write);
		compare("read_ssl", sizes[i], ours_read, ssl_read);
	}
	compare_connections();
	tlsbuild_raw_free(&raw);
	tlsbuild_free(&server);
	EVP_CIPHER_CTX_free(gcm.seal);
	EVP_CIPHER_CTX_free(gcm.open);
	SSL_CTX_free(client_context);
	SSL_CTX_free(server_context);
	tls_server_free(context);
	tls_tickets_free(tickets);
	return 0;
}
