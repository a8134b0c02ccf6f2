// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/tlsbuild.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DAY_S = 24 * 60 * 60 };

static char folder[64];
static EVP_PKEY *ca_key;
static X509 *ca;
static long serial;

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "tlsbuild: %s\n", what);
	abort();
}

static FILE *create(const char *stem, const char *suffix)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s%s", folder, stem, suffix);
	f = fopen(path, "we");
	must(f != NULL, path);
	return f;
}

static void add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, ca ? ca : x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(ext && X509_add_ext(x, ext, -1), value);
	X509_EXTENSION_free(ext);
}

static X509 *make(EVP_PKEY *key, const char *cn, const char *names, int first_day, int last_day)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1,
	                           0);
	X509_set_issuer_name(x, ca ? X509_get_subject_name(ca) : subject);
	X509_gmtime_adj(X509_getm_notBefore(x), (long)first_day * DAY_S - 60);
	X509_gmtime_adj(X509_getm_notAfter(x), (long)last_day * DAY_S);
	X509_set_pubkey(x, key);
	if (!ca)
		add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	if (names)
		add_extension(x, NID_subject_alt_name, names);
	must(X509_sign(x, ca ? ca_key : key, EVP_sha256()), "X509_sign");
	return x;
}

void tlsbuild_file(const char *name, const char *text)
{
	FILE *f = create(name, "");

	must(fputs(text, f) >= 0 && fclose(f) == 0, name);
}

void tlsbuild_begin(void)
{
	FILE *f;

	snprintf(folder, sizeof(folder), "/tmp/tlsbuild-XXXXXX");
	must(mkdtemp(folder) != NULL, "mkdtemp");
	ca_key = EVP_EC_gen("P-256");
	must(ca_key != NULL, "EVP_EC_gen");
	ca = make(ca_key, "lb47 test CA", NULL, 0, 30);
	f = create("ca", ".pem");
	must(PEM_write_X509(f, ca) && fclose(f) == 0, "ca.pem");
}

void tlsbuild_end(void)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;

	must(d != NULL, folder);
	// cppcheck-suppress readdirCalled ; nobody else has this DIR, and readdir_r is obsolete
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	rmdir(folder);
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	ca = NULL;
	ca_key = NULL;
}

const char *tlsbuild_folder(void)
{
	return folder;
}

void tlsbuild_leaf(const char *stem, const char *names, int first_day, int last_day)
{
	EVP_PKEY *key = strncmp(stem, "rsa", 3) == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	X509 *x;
	FILE *f;

	must(key != NULL, "a new key");
	x = make(key, stem, names, first_day, last_day);
	f = create(stem, ".pem");
	must(PEM_write_X509(f, x) && PEM_write_X509(f, ca) && fclose(f) == 0, stem);
	f = create(stem, ".key");
	must(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) && fclose(f) == 0, stem);
	X509_free(x);
	EVP_PKEY_free(key);
}

struct conf *tlsbuild_conf(const char *text)
{
	FILE *f = create("conf", ".json");
	char path[512];
	struct err err;
	struct conf *conf;

	for (; *text; text++)
		fputc(*text == '\'' ? '"' : *text, f);
	must(fclose(f) == 0, "conf.json");
	snprintf(path, sizeof(path), "%s/conf.json", folder);
	must(conf_load(&conf, path, &err) == 0, err.msg);
	return conf;
}

void tlsbuild_site_open(struct tlsbuild_site *site, const char *text, const char *const *alpn,
                        uint16_t n_l7, uint16_t n_pools)
{
	struct err err = {0};

	*site = (struct tlsbuild_site){.conf = tlsbuild_conf(text)};
	must(tls_tickets_new(&site->tickets, 3600) == 0, "tickets");
	for (uint16_t i = 0; i < n_l7; i++)
		must(tls_server_new(&site->servers[i], site->conf, i, alpn, site->tickets, &err) ==
		             0,
		     err.msg);
	for (uint16_t i = 0; i < n_pools; i++)
		must(tls_client_new(&site->clients[i], site->conf, i, &err) == 0, err.msg);
}

void tlsbuild_site_close(struct tlsbuild_site *site)
{
	for (size_t i = 0; i < ARRAY_LEN(site->servers); i++)
		tls_server_free(site->servers[i]);
	for (size_t i = 0; i < ARRAY_LEN(site->clients); i++)
		tls_client_free(site->clients[i]);
	tls_tickets_free(site->tickets);
	conf_free(site->conf);
	tlsbuild_end();
}

void tlsbuild_emit(void *owner, struct slice ciphertext)
{
	struct tlsbuild_side *side = owner;

	side->n_emits++;
	if (ciphertext.len == 0)
		return;
	if (ciphertext.len > side->room - side->len) {
		side->room = 2 * (side->len + ciphertext.len);
		side->out = realloc(side->out, side->room);
		must(side->out != NULL, "no memory");
	}
	memcpy(side->out + side->len, ciphertext.ptr, ciphertext.len);
	side->len += ciphertext.len;
}

void tlsbuild_free(struct tlsbuild_side *side)
{
	tls_free(side->tls);
	free(side->out);
	*side = (struct tlsbuild_side){0};
}

// Everything there is to read now.
static size_t read_all(struct tlsbuild_side *side, uint8_t *text, size_t size)
{
	uint8_t bytes[4096];
	size_t len = 0;
	ssize_t n;

	while ((n = tls_read(side->tls, bytes, sizeof(bytes))) > 0) {
		must((size_t)n <= size - len, "more plaintext than there is room");
		memcpy(text + len, bytes, (size_t)n);
		len += (size_t)n;
	}
	side->has_ended |= n == 0;
	side->has_failed |= n == -EPROTO;
	must(n == 0 || n == -EPROTO || n == -EAGAIN, "what tls_read() says");
	return len;
}

size_t tlsbuild_deliver(struct tlsbuild_side *from, struct tlsbuild_side *to, size_t step,
                        void *text, size_t size)
{
	uint8_t *bytes = from->out, none[1], *to_text = text ? text : none;
	size_t len = from->len, n_text = 0;

	from->out = NULL;
	from->len = from->room = 0;
	for (size_t at = 0, n; at < len; at += n) {
		n = step && step < len - at ? step : len - at;
		// A copy that ends where it ends: what is read too far, a sanitizer sees.
		uint8_t *piece = malloc(n);

		must(piece != NULL, "no memory");
		memcpy(piece, bytes + at, n);
		tls_put(to->tls, slice_of(piece, n));
		n_text += read_all(to, to_text + n_text, size - n_text);
		free(piece);
		if (to->has_ended || to->has_failed)
			break;
	}
	free(bytes);
	return n_text;
}

void tlsbuild_shake(struct tlsbuild_side *client, struct tlsbuild_side *server, size_t step)
{
	uint8_t none;

	read_all(client, &none, 0);
	while (client->len > 0 || server->len > 0) {
		tlsbuild_deliver(client, server, step, &none, 0);
		tlsbuild_deliver(server, client, step, &none, 0);
	}
}

void tlsbuild_raw_init(struct tlsbuild_raw *raw, SSL *ssl)
{
	raw->ssl = ssl;
	raw->in = BIO_new(BIO_s_mem());
	raw->out = BIO_new(BIO_s_mem());
	must(ssl && raw->in && raw->out, "no memory");
	SSL_set_bio(ssl, raw->in, raw->out);
	raw->error = SSL_ERROR_NONE;
}

void tlsbuild_raw_name(struct tlsbuild_raw *raw, const char *name)
{
	char *copy = strdup(name); // not const to OpenSSL

	must(copy && SSL_set_tlsext_host_name(raw->ssl, copy), name);
	free(copy);
}

void tlsbuild_raw_free(struct tlsbuild_raw *raw)
{
	if (raw->ssl)
		SSL_shutdown(raw->ssl); // else its session is not resumable
	SSL_free(raw->ssl);
	ERR_clear_error();
	*raw = (struct tlsbuild_raw){0};
}

// Reads, which drives the handshake as well, and hands over what comes out of it.
static void step_raw(struct tlsbuild_raw *raw, struct tlsbuild_side *from)
{
	uint8_t bytes[4096];
	int n;

	if (from->len > 0)
		BIO_write(raw->in, from->out, (int)from->len);
	from->len = 0;
	do {
		n = SSL_read(raw->ssl, bytes, sizeof(bytes));
	} while (n > 0);
	raw->error = SSL_get_error(raw->ssl, n);
	ERR_clear_error();
}

size_t tlsbuild_raw_run(struct tlsbuild_raw *raw, struct tlsbuild_side *ours, void *text,
                        size_t size)
{
	struct tlsbuild_side from = {0};
	uint8_t none[1], *to_text = text ? text : none;
	size_t n_text = 0;
	char *bytes;
	long len;

	for (;;) {
		step_raw(raw, ours);
		len = BIO_get_mem_data(raw->out, &bytes);
		if (len > 0)
			tlsbuild_emit(&from, slice_of(bytes, (size_t)len));
		(void)BIO_reset(raw->out);
		if (from.len == 0 || ours->has_failed || ours->has_ended)
			break;
		n_text += tlsbuild_deliver(&from, ours, 0, to_text + n_text, size - n_text);
	}
	free(from.out);
	return n_text;
}
