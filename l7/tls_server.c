// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls_server.h"

#include "l7/tls_certificate.h"
#include "l7/tls_conn.h"
#include "l7/tls_context.h"
#include "l7/tls_record.h"
#include "l7/tls_tickets.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_NAME = 255 };

struct host { // one certificate
	SSL_CTX *ctx;
	struct tls_tickets_of_host tickets;
};

struct name {
	char *text; // "api.example.com" or "*.example.com", lower case
	uint16_t host;
};

struct tls_server {
	atomic_uint n_refs;          // its creator's and its connections'
	struct tls_tickets *tickets; // borrowed
	struct host *hosts;
	struct name *names; // sorted by text, unique
	size_t n_hosts, n_names;
	uint8_t alpn[256]; // as on the wire: length, name, ...
	uint8_t alpn_len;
};

// --- names ---

static int cmp_name(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	return order ? order : (x->host > y->host) - (x->host < y->host);
}

static int cmp_text(const void *key, const void *name)
{
	return strcmp(key, ((const struct name *)name)->text);
}

static const struct name *find(const struct tls_server *s, const char *text)
{
	return bsearch(text, s->names, s->n_names, sizeof(*s->names), cmp_text);
}

// Exact before wildcard before the first.
static uint16_t pick_host(const struct tls_server *s, const char *asked)
{
	char wild[MAX_NAME + 2];
	const struct name *name = find(s, asked);
	const char *dot = strchr(asked, '.');

	if (!name && dot && dot > asked) {
		wild[0] = '*';
		strcpy(wild + 1, dot); // asked has at most MAX_NAME characters
		name = find(s, wild);
	}
	return name ? name->host : 0;
}

// Names of certificates that come later in the file and were there before stay with the first.
static void sort_names(struct tls_server *s)
{
	size_t n = 0;

	if (s->n_names > 0)
		qsort(s->names, s->n_names, sizeof(*s->names), cmp_name);
	for (size_t i = 0; i < s->n_names; i++) {
		if (n > 0 && strcmp(s->names[n - 1].text, s->names[i].text) == 0)
			free(s->names[i].text);
		else
			s->names[n++] = s->names[i];
	}
	s->n_names = n;
}

static int add_name(void *to, const char *text)
{
	struct tls_server *s = to;
	struct name *more = reallocarray(s->names, s->n_names + 1, sizeof(*more));
	char *copy = strdup(text);

	if (more)
		s->names = more;
	if (!more || !copy) {
		free(copy);
		return -ENOMEM;
	}
	more[s->n_names++] = (struct name){.text = copy, .host = (uint16_t)(s->n_hosts - 1)};
	return 0;
}

// --- callbacks ---

// server_name of RFC 6066 section 3: a list (two bytes of length) of one entry: type 0, two bytes of length, the name. In lower
// case into name[MAX_NAME + 1]; false if there is none or it is malformed, which OpenSSL refuses later.
static bool read_server_name(SSL *ssl, char *name)
{
	const unsigned char *ext;
	size_t ext_len, len;

	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &ext, &ext_len) ||
	    ext_len < 5 || ext[2] != TLSEXT_NAMETYPE_host_name)
		return false;
	len = (size_t)ext[3] << 8 | ext[4];
	if (len == 0 || len > MAX_NAME || len > ext_len - 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isgraph(ext[5 + i]))
			return false;
		name[i] = (char)tolower(ext[5 + i]);
	}
	name[len] = '\0';
	return true;
}

// Before OpenSSL looks at tickets, which the host's keys must open. Comes again after a HelloRetryRequest; what was chosen
// first stays then.
static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
	const struct tls_server *s = arg;
	struct tls *t = tls_conn_of(ssl);
	char name[MAX_NAME + 1];

	if (t->name || !read_server_name(ssl, name))
		return SSL_CLIENT_HELLO_SUCCESS;
	t->name = strdup(name);
	t->host = pick_host(s, name);
	if (!t->name || (t->host > 0 && !SSL_set_SSL_CTX(ssl, s->hosts[t->host].ctx))) {
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_CLIENT_HELLO_ERROR;
	}
	return SSL_CLIENT_HELLO_SUCCESS;
}

// Makes OpenSSL confirm the name, and put it into the session.
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	return tls_conn_of(ssl)->name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *theirs, unsigned int theirs_len, void *arg)
{
	const struct tls_server *s = arg;
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, out_len, s->alpn, s->alpn_len, theirs, theirs_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; // RFC 7301 section 3.2: no_application_protocol
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                         EVP_MAC_CTX *mac, int is_new)
{
	const struct tls *t = tls_conn_of(ssl);
	struct tls_tickets *tickets = t->server->tickets;
	struct tls_tickets_of_host *host = &t->server->hosts[t->host].tickets;

	return is_new ? tls_tickets_seal(tickets, host, name, iv, cipher, mac)
	              : tls_tickets_open(tickets, host, name, iv, cipher, mac);
}

// RFC 6066 section 3: no session is resumed under another name than it was made for.
static SSL_TICKET_RETURN on_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *key_name,
                                   size_t key_name_len, SSL_TICKET_STATUS status, void *arg)
{
	const char *name = tls_conn_of(ssl)->name;
	const char *old = session ? SSL_SESSION_get0_hostname(session) : NULL;

	if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	if (!name != !old || (name && strcasecmp(name, old) != 0))
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	if (status == SSL_TICKET_SUCCESS && SSL_version(ssl) < TLS1_3_VERSION)
		return SSL_TICKET_RETURN_USE;
	return SSL_TICKET_RETURN_USE_RENEW; // RFC 8446 appendix C.4: a client uses a ticket once
}

// --- set-up ---

static void set_alpn(struct tls_server *s, const char *const *alpn)
{
	for (; alpn && *alpn; alpn++) {
		size_t len = strlen(*alpn);

		assert(len > 0 && len <= TLS_CONN_ALPN_MAX);
		assert(len < sizeof(s->alpn) - s->alpn_len);
		s->alpn[s->alpn_len++] = (uint8_t)len;
		memcpy(s->alpn + s->alpn_len, *alpn, len);
		s->alpn_len += (uint8_t)len;
	}
}

// What a ticket is bound to: this l7 entry and this certificate.
static int identify(uint8_t id[TLS_TICKETS_ID_LEN], const char *l7, const X509 *leaf)
{
	uint8_t bytes[SHA256_DIGEST_LENGTH + CONF_NAME_MAX];
	size_t len = strnlen(l7, CONF_NAME_MAX);

	if (!X509_digest(leaf, EVP_sha256(), bytes, NULL))
		return -ENOMEM;
	memcpy(bytes + SHA256_DIGEST_LENGTH, l7, len);
	len += SHA256_DIGEST_LENGTH;
	return EVP_Digest(bytes, len, id, NULL, EVP_sha256(), NULL) ? 0 : -ENOMEM;
}

static int init_context(struct tls_server *s, struct host *h)
{
	SSL_CTX *ctx = h->ctx;

	SSL_CTX_set_client_hello_cb(ctx, on_client_hello, s);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	if (s->alpn_len > 0)
		SSL_CTX_set_alpn_select_cb(ctx, on_alpn, s);
	tls_record_watch(ctx);
	SSL_CTX_set_timeout(ctx, tls_tickets_lifetime_s(s->tickets));
	return SSL_CTX_set_num_tickets(ctx, 1) && SSL_CTX_set_max_early_data(ctx, 0) &&
	                       SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket_key) &&
	                       SSL_CTX_set_session_ticket_cb(ctx, NULL, on_ticket, s) &&
	                       SSL_CTX_set_session_id_context(ctx, h->tickets.id,
	                                                      sizeof(h->tickets.id))
	               ? 0
	               : -ENOMEM;
}

static int add_host(struct tls_server *s, const struct conf *conf, uint16_t l7, uint16_t i,
                    struct err *err)
{
	const struct conf_l7 *entry = &conf->l7[l7];
	struct host *h = &s->hosts[s->n_hosts];
	const X509 *leaf;
	char place[TLS_CERTIFICATE_PLACE_SIZE];
	int rc;

	tls_certificate_place(place, l7, i);
	h->ctx = tls_context_new(TLS_server_method(), entry->tls_min);
	if (!h->ctx)
		return err_set(err, -ENOMEM, "%s: no memory", place);
	s->n_hosts++;
	rc = tls_certificate_load(h->ctx, conf, &entry->tls[i], place, err);
	if (rc)
		return rc;
	leaf = SSL_CTX_get0_certificate(h->ctx);
	if (identify(h->tickets.id, entry->name, leaf) || init_context(s, h) ||
	    tls_certificate_names(leaf, add_name, s)) {
		tls_context_drain();
		return err_set(err, -ENOMEM, "%s: no memory", place);
	}
	return 0;
}

int tls_server_new(struct tls_server **out, const struct conf *conf, uint16_t l7,
                   const char *const *alpn, struct tls_tickets *tickets, struct err *err)
{
	const struct conf_l7 *entry = &conf->l7[l7];
	struct tls_server *s = calloc(1, sizeof(*s));
	int rc;

	assert(entry->n_tls > 0);
	if (!s)
		return err_set(err, -ENOMEM, "l7[%u]: no memory", l7);
	atomic_init(&s->n_refs, 1);
	s->tickets = tickets;
	s->hosts = calloc(entry->n_tls, sizeof(*s->hosts));
	if (!s->hosts) {
		rc = err_set(err, -ENOMEM, "l7[%u]: no memory", l7);
		goto fail;
	}
	set_alpn(s, alpn);
	for (uint16_t i = 0; i < entry->n_tls; i++) {
		rc = add_host(s, conf, l7, i, err);
		if (rc)
			goto fail;
	}
	sort_names(s);
	*out = s;
	return 0;
fail:
	tls_server_put(s);
	return rc;
}

void tls_server_advise(const struct tls_server *s, const struct conf *conf, uint16_t l7,
                       conf_advice_say say, void *data)
{
	char place[TLS_CERTIFICATE_PLACE_SIZE];
	const struct tls_certificate_advice advice = {.place = place, .say = say, .data = data};

	for (uint16_t i = 0; i < s->n_hosts; i++) {
		tls_certificate_place(place, l7, i);
		tls_certificate_advise(s->hosts[i].ctx, conf->l7[l7].tls[i].certificate, &advice);
	}
}

struct tls_server *tls_server_get(struct tls_server *s)
{
	atomic_fetch_add_explicit(&s->n_refs, 1, memory_order_relaxed);
	return s;
}

void tls_server_put(struct tls_server *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->n_refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < s->n_names; i++)
		free(s->names[i].text);
	for (size_t i = 0; i < s->n_hosts; i++) {
		SSL_CTX_free(s->hosts[i].ctx);
		OPENSSL_cleanse(&s->hosts[i].tickets, sizeof(s->hosts[i].tickets));
	}
	free(s->names);
	free(s->hosts);
	free(s);
}

void tls_server_free(struct tls_server *s)
{
	tls_server_put(s);
}

SSL_CTX *tls_server_context(const struct tls_server *s)
{
	return s->hosts[0].ctx;
}
