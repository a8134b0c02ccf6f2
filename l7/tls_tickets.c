// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls_tickets.h"

#include "l4/base/clock.h"
#include "l7/tls_context.h"
#include "l7/tls_digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MASTER_LEN = 32 };

struct tls_tickets {
	_Atomic(uint64_t)
		generation;   // of the newer master, from 1; read without the lock to see a change
	pthread_mutex_t lock; // over the masters; taken once per host and rotation
	uint8_t master[2][MASTER_LEN];
	uint32_t lifetime_s;
	bool has_begun; // the rotating thread's: began_ns is set
	uint64_t began_ns;
};

int tls_tickets_new(struct tls_tickets **out, uint32_t lifetime_s)
{
	struct tls_tickets *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	tls_digest_random(t->master[0], MASTER_LEN);
	atomic_init(&t->generation, 1);
	t->lifetime_s = lifetime_s;
	*out = t;
	return 0;
}

void tls_tickets_free(struct tls_tickets *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(t->master, sizeof(t->master));
	free(t);
}

uint32_t tls_tickets_lifetime_s(const struct tls_tickets *t)
{
	return t->lifetime_s;
}

static void replace_master(struct tls_tickets *t)
{
	pthread_mutex_lock(&t->lock);
	memcpy(t->master[1], t->master[0], MASTER_LEN);
	tls_digest_random(t->master[0], MASTER_LEN);
	atomic_fetch_add_explicit(&t->generation, 1, memory_order_release);
	pthread_mutex_unlock(&t->lock);
}

void tls_tickets_rotate(struct tls_tickets *t, uint64_t now_ns)
{
	uint64_t half_ns = t->lifetime_s * CLOCK_NS_PER_S / 2, age_ns;

	if (!t->has_begun) {
		t->has_begun = true;
		t->began_ns = now_ns;
	}
	age_ns = now_ns - t->began_ns;
	if (age_ns < half_ns)
		return;
	t->began_ns = now_ns;
	replace_master(t);
	if (age_ns >= 2 * half_ns) // nobody called for so long that both are too old
		replace_master(t);
}

// HKDF-Expand, one block: what `label` names for the host, from a master key that is uniformly random already.
static int expand(uint8_t *out, size_t len, const uint8_t *master, const uint8_t *id, uint8_t label)
{
	uint8_t info[TLS_TICKETS_ID_LEN + 2], block[EVP_MAX_MD_SIZE];
	unsigned int n;

	memcpy(info, id, TLS_TICKETS_ID_LEN);
	info[TLS_TICKETS_ID_LEN] = label;
	info[TLS_TICKETS_ID_LEN + 1] = 1; // the block's number
	if (!HMAC(EVP_sha256(), master, MASTER_LEN, info, sizeof(info), block, &n) || n < len)
		return -ENOMEM;
	memcpy(out, block, len);
	OPENSSL_cleanse(block, sizeof(block));
	return 0;
}

static int derive(struct tls_ticket_key *key, const uint8_t *master, const uint8_t *id)
{
	int rc = expand(key->name, sizeof(key->name), master, id, 'n');

	if (!rc)
		rc = expand(key->aes, sizeof(key->aes), master, id, 'a');
	if (!rc)
		rc = expand(key->mac, sizeof(key->mac), master, id, 'm');
	return rc;
}

static int refresh(struct tls_tickets *t, struct tls_tickets_of_host *host)
{
	uint64_t generation = atomic_load_explicit(&t->generation, memory_order_acquire);
	uint8_t master[2][MASTER_LEN];
	int rc = 0;

	if (generation == host->generation)
		return 0;
	pthread_mutex_lock(&t->lock);
	memcpy(master, t->master, sizeof(master));
	generation = atomic_load_explicit(&t->generation, memory_order_relaxed);
	pthread_mutex_unlock(&t->lock);
	host->generation = 0;
	host->n_keys = generation > 1 ? 2 : 1;
	for (int i = 0; i < host->n_keys && !rc; i++)
		rc = derive(&host->key[i], master[i], host->id);
	if (!rc)
		host->generation = generation;
	OPENSSL_cleanse(master, sizeof(master));
	return rc;
}

static int begin(const struct tls_ticket_key *key, const uint8_t *iv, EVP_CIPHER_CTX *cipher,
                 EVP_MAC_CTX *mac, bool is_new)
{
	uint8_t mac_key[TLS_TICKETS_KEY_LEN];
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, mac_key, sizeof(mac_key)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	int done;

	memcpy(mac_key, key->mac, sizeof(mac_key));
	done = EVP_MAC_CTX_set_params(mac, params) &&
	       EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv, is_new);
	OPENSSL_cleanse(mac_key, sizeof(mac_key));
	return done ? 1 : -1;
}

static int find(const struct tls_tickets_of_host *host, const uint8_t *name)
{
	for (int i = 0; i < host->n_keys; i++)
		if (memcmp(host->key[i].name, name, TLS_TICKETS_NAME_LEN) == 0)
			return i;
	return -1;
}

int tls_tickets_seal(struct tls_tickets *t, struct tls_tickets_of_host *host, uint8_t *name,
                     uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	if (refresh(t, host)) {
		tls_context_drain();
		return -1;
	}
	memcpy(name, host->key[0].name, TLS_TICKETS_NAME_LEN);
	tls_digest_random(iv, (size_t)EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
	return begin(&host->key[0], iv, cipher, mac, true);
}

int tls_tickets_open(struct tls_tickets *t, struct tls_tickets_of_host *host, const uint8_t *name,
                     const uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	int i, rc;

	if (refresh(t, host)) {
		tls_context_drain();
		return 0; // a whole handshake does without
	}
	i = find(host, name);
	if (i < 0)
		return 0;
	rc = begin(&host->key[i], iv, cipher, mac, false);
	return rc == 1 && i > 0 ? 2 : rc;
}
