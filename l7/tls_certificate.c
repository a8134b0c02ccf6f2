// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls_certificate.h"

#include "l7/tls_context.h"
#include "l7/tls_file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// OpenSSL's own would ask at the terminal.
static int no_passphrase(char *out, int size, int rwflag, void *arg)
{
	return -1;
}

// Whether the last read found no more PEM block of its kind, rather than a broken one.
static bool is_end_of_pem(void)
{
	unsigned long error = ERR_peek_last_error();

	return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

// Consumes `leaf` only in so far as ctx takes a reference.
static int use_chain(SSL_CTX *ctx, BIO *pem, X509 *leaf, const char *file, struct err *err)
{
	X509 *next;

	if (SSL_CTX_use_certificate(ctx, leaf) != 1)
		return err_set(err, -EINVAL, "%s: %s", file, tls_context_reason());
	for (int n = 2; (next = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL)); n++) {
		if (!SSL_CTX_add0_chain_cert(ctx, next)) {
			X509_free(next);
			return err_set(err, -EINVAL, "%s: certificate %d: %s", file, n,
			               tls_context_reason());
		}
	}
	if (!is_end_of_pem())
		return err_set(err, -EINVAL, "%s: after the first certificate: %s", file,
		               tls_context_reason());
	tls_context_drain();
	return 0;
}

static int load_certificate(SSL_CTX *ctx, const struct conf *conf, const char *file,
                            struct err *err)
{
	BIO *pem = NULL;
	X509 *leaf;
	int rc = tls_file_open(&pem, conf, file, err);

	if (rc)
		return rc;
	leaf = PEM_read_bio_X509_AUX(pem, NULL, no_passphrase, NULL);
	if (leaf)
		rc = use_chain(ctx, pem, leaf, file, err);
	else if (is_end_of_pem())
		rc = err_set(err, -EINVAL, "%s: holds no certificate in PEM", file);
	else
		rc = err_set(err, -EINVAL, "%s: %s", file, tls_context_reason());
	tls_context_drain();
	X509_free(leaf);
	BIO_free(pem);
	return rc;
}

// The error's sentence for a key that could not be read.
static int refuse_key(const char *file, struct err *err)
{
	unsigned long error = ERR_peek_last_error();

	if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_BAD_PASSWORD_READ)
		err_set(err, -EINVAL, "%s: is encrypted; lb7d has nobody to ask", file);
	else
		err_set(err, -EINVAL, "%s: holds no private key in PEM", file);
	tls_context_drain();
	return -EINVAL;
}

static int load_key(SSL_CTX *ctx, const struct conf *conf, const struct conf_tls *files,
                    struct err *err)
{
	BIO *pem = NULL;
	EVP_PKEY *key;
	int rc = tls_file_open(&pem, conf, files->key, err);

	if (rc)
		return rc;
	key = PEM_read_bio_PrivateKey(pem, NULL, no_passphrase, NULL);
	if (!key)
		rc = refuse_key(files->key, err);
	else if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) != 1)
		rc = err_set(err, -EINVAL, "%s: does not belong to %s", files->key,
		             files->certificate);
	else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
		rc = err_set(err, -EINVAL, "%s: %s", files->key, tls_context_reason());
	tls_context_drain();
	EVP_PKEY_free(key);
	BIO_free(pem);
	return rc;
}

int tls_certificate_load(SSL_CTX *ctx, const struct conf *conf, const struct conf_tls *files,
                         const char *place, struct err *err)
{
	int rc = load_certificate(ctx, conf, files->certificate, err);

	if (rc) {
		err_prefix(err, "%s.certificate", place);
		return rc;
	}
	rc = load_key(ctx, conf, files, err);
	if (rc)
		err_prefix(err, "%s.key", place);
	return rc;
}

const char *tls_certificate_place(char out[TLS_CERTIFICATE_PLACE_SIZE], uint16_t l7, uint16_t i)
{
	snprintf(out, TLS_CERTIFICATE_PLACE_SIZE, "l7[%u].tls[%u]", l7, i);
	return out;
}

// --- advice ---

PRINTF_LIKE(3, 4)
static void say(const struct tls_certificate_advice *a, const char *file, const char *fmt, ...)
{
	char flaw[160];
	struct err err;
	va_list args;

	va_start(args, fmt);
	vsnprintf(flaw, sizeof(flaw), fmt, args);
	va_end(args);
	err_set(&err, 0, "%s.certificate: %s: %s", a->place, file, flaw);
	a->say(err.msg, a->data);
}

// The n-th of the file, beginning with 1.
static void advise_on_dates(const X509 *x, unsigned n, const char *file,
                            const struct tls_certificate_advice *a)
{
	const ASN1_TIME *begin = X509_get0_notBefore(x), *end = X509_get0_notAfter(x);
	char text[32] = "?";
	struct tm tm;

	if (X509_cmp_current_time(end) < 0 && ASN1_TIME_to_tm(end, &tm)) {
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
		say(a, file, "certificate %u has expired, on %s", n, text);
	} else if (X509_cmp_current_time(begin) > 0 && ASN1_TIME_to_tm(begin, &tm)) {
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
		say(a, file, "certificate %u is not valid before %s", n, text);
	}
}

// By name and by signature: an authority that has changed its key keeps its name.
static bool has_signed(X509 *issuer, X509 *x)
{
	return X509_check_issued(issuer, x) == X509_V_OK &&
	       X509_verify(x, X509_get0_pubkey(issuer)) == 1;
}

// RFC 8446 section 4.4.2: each certificate should certify the one before it. TLS 1.2 says must, and some clients insist.
void tls_certificate_advise(SSL_CTX *ctx, const char *file, const struct tls_certificate_advice *a)
{
	X509 *x = SSL_CTX_get0_certificate(ctx);
	STACK_OF(X509) *chain = NULL;

	SSL_CTX_get0_chain_certs(ctx, &chain);
	advise_on_dates(x, 1, file, a);
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *next = sk_X509_value(chain, i);
		unsigned n = (unsigned)i + 2;

		advise_on_dates(next, n, file, a);
		if (!has_signed(next, x))
			say(a, file,
			    "certificate %u is not signed by certificate %u, which follows it",
			    n - 1, n);
		x = next;
	}
	tls_context_drain();
}

// One name in lower case; a name with a NUL or a blank inside is nobody's.
static int add_name(const ASN1_STRING *string, int (*add)(void *to, const char *name), void *to)
{
	int len = ASN1_STRING_length(string);
	const uint8_t *bytes = ASN1_STRING_get0_data(string);
	char name[256];

	if (len <= 0 || len >= (int)sizeof(name))
		return 0;
	for (int i = 0; i < len; i++) {
		if (!isgraph(bytes[i]))
			return 0;
		name[i] = (char)tolower(bytes[i]);
	}
	name[len] = '\0';
	return add(to, name);
}

static int add_common_name(const X509 *leaf, int (*add)(void *to, const char *name), void *to)
{
	const X509_NAME *subject = X509_get_subject_name(leaf);
	int i = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (i < 0)
		return 0;
	return add_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)), add, to);
}

int tls_certificate_names(const X509 *leaf, int (*add)(void *to, const char *name), void *to)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int rc = 0, n_dns = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !rc; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS) {
			n_dns++;
			rc = add_name(name->d.dNSName, add, to);
		}
	}
	GENERAL_NAMES_free(names);
	tls_context_drain();
	return rc || n_dns > 0 ? rc : add_common_name(leaf, add, to);
}
