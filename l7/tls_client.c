// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls_client.h"

#include "l4/base/addr.h"
#include "l7/tls_conn.h"
#include "l7/tls_context.h"
#include "l7/tls_file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MAX_SESSIONS = 64 }; // names; a session holds the peer's certificates, some KB

struct kept {
	char *name;           // NULL = a free place
	SSL_SESSION *session; // the newest
	uint64_t used;        // the client's clock at the last use
};

struct tls_client {
	atomic_uint n_refs; // its creator's and its connections'
	SSL_CTX *ctx;
	bool verify;
	uint64_t clock; // counts uses
	struct kept kept[MAX_SESSIONS];
};

static struct kept *find(struct tls_client *c, const char *name)
{
	for (size_t i = 0; i < MAX_SESSIONS; i++)
		if (c->kept[i].name && strcmp(c->kept[i].name, name) == 0)
			return &c->kept[i];
	return NULL;
}

// A free place, or the one that was not used for the longest time.
static struct kept *find_place(struct tls_client *c)
{
	struct kept *oldest = &c->kept[0];

	for (size_t i = 0; i < MAX_SESSIONS; i++) {
		if (!c->kept[i].name)
			return &c->kept[i];
		if (c->kept[i].used < oldest->used)
			oldest = &c->kept[i];
	}
	return oldest;
}

static void forget(struct kept *k)
{
	free(k->name);
	SSL_SESSION_free(k->session);
	*k = (struct kept){0};
}

// 1: `session` is ours now.
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	const struct tls *t = tls_conn_of(ssl);
	struct tls_client *c = t->client;
	struct kept *k;

	if (!t->name)
		return 0;
	k = find(c, t->name);
	if (!k) {
		char *name = strdup(t->name);

		if (!name)
			return 0;
		k = find_place(c);
		forget(k);
		k->name = name;
	}
	SSL_SESSION_free(k->session);
	k->session = session;
	k->used = ++c->clock;
	return 1;
}

// Takes all certificates and lists of revoked ones; false if there is none, or what is there is broken.
static bool add_authorities(X509_STORE *store, BIO *pem)
{
	char passphrase[] = ""; // else OpenSSL would ask at the terminal
	STACK_OF(X509_INFO) *all = PEM_X509_INFO_read_bio(pem, NULL, NULL, passphrase);
	int n = 0;
	bool is_good = all != NULL;

	for (int i = 0; i < sk_X509_INFO_num(all) && is_good; i++) {
		const X509_INFO *one = sk_X509_INFO_value(all, i);

		if (one->x509)
			is_good = X509_STORE_add_cert(store, one->x509) == 1;
		if (one->crl && is_good)
			is_good = X509_STORE_add_crl(store, one->crl) == 1;
		n += one->x509 || one->crl;
	}
	sk_X509_INFO_pop_free(all, X509_INFO_free);
	return is_good && n > 0;
}

static int trust_file(struct tls_client *c, const struct conf *conf, const char *ca,
                      struct err *err)
{
	BIO *pem;
	int rc = tls_file_open(&pem, conf, ca, err);

	if (rc)
		return rc;
	if (!add_authorities(SSL_CTX_get_cert_store(c->ctx), pem))
		rc = err_set(err, -EINVAL, "%s: %s", ca,
		             ERR_peek_error() ? tls_context_reason()
		                              : "holds no certificate in PEM");
	BIO_free(pem);
	tls_context_drain();
	return rc;
}

static int trust(struct tls_client *c, const struct conf *conf, uint16_t pool, struct err *err)
{
	const char *ca = conf->pools[pool].tls.ca;
	int rc;

	if (!ca)
		return SSL_CTX_set_default_verify_paths(c->ctx)
		               ? 0
		               : err_set(err, -ENOMEM, "pools[%u].tls: the system's CAs: %s", pool,
		                         tls_context_reason());
	rc = trust_file(c, conf, ca, err);
	if (rc)
		err_prefix(err, "pools[%u].tls.ca", pool);
	return rc;
}

int tls_client_new(struct tls_client **out, const struct conf *conf, uint16_t pool, struct err *err)
{
	const struct conf_pool *p = &conf->pools[pool];
	struct tls_client *c = calloc(1, sizeof(*c));
	int rc = 0;

	if (!c)
		return err_set(err, -ENOMEM, "pools[%u].tls: no memory", pool);
	atomic_init(&c->n_refs, 1);
	c->verify = p->has_tls && p->tls.verify;
	c->ctx = tls_context_new(TLS_client_method(), TLS_MIN_1_2);
	if (!c->ctx)
		rc = err_set(err, -ENOMEM, "pools[%u].tls: no memory", pool);
	else if (c->verify)
		rc = trust(c, conf, pool, err);
	if (rc) {
		tls_client_put(c);
		return rc;
	}
	SSL_CTX_set_verify(c->ctx, c->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ctx, on_session);
	*out = c;
	return 0;
}

static bool set_name(SSL *ssl, char *name, bool verify)
{
	struct addr address;
	bool is_address = addr_parse(&address, name) == 0;

	if (!is_address && !SSL_set_tlsext_host_name(ssl, name))
		return false;
	if (!verify)
		return true;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name)
	                  : SSL_set1_host(ssl, name);
}

SSL *tls_client_ssl(struct tls_client *c, char *server_name)
{
	SSL *ssl = SSL_new(c->ctx);
	struct kept *k;

	if (!ssl || !server_name)
		return ssl;
	if (!set_name(ssl, server_name, c->verify)) {
		SSL_free(ssl);
		return NULL;
	}
	k = find(c, server_name);
	if (k && SSL_SESSION_is_resumable(k->session) && SSL_set_session(ssl, k->session))
		k->used = ++c->clock;
	return ssl;
}

bool tls_client_verifies(const struct tls_client *c)
{
	return c->verify;
}

struct tls_client *tls_client_get(struct tls_client *c)
{
	atomic_fetch_add_explicit(&c->n_refs, 1, memory_order_relaxed);
	return c;
}

void tls_client_put(struct tls_client *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->n_refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < MAX_SESSIONS; i++)
		forget(&c->kept[i]);
	SSL_CTX_free(c->ctx);
	free(c);
}

void tls_client_free(struct tls_client *c)
{
	tls_client_put(c);
}
