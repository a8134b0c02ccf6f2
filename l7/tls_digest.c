// SPDX-License-Identifier: BSD-3-Clause
// The low-level SHA-1: deprecated by OpenSSL 3, but it allocates nothing and so cannot fail, where EVP fetches the
// algorithm anew at each call.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "l7/tls_digest.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/random.h>

static_assert(SHA_DIGEST_LENGTH == 20, "the header promises 20 bytes");

void tls_digest_sha1(uint8_t out[20], struct slice bytes)
{
	SHA_CTX ctx;

	SHA1_Init(&ctx);
	SHA1_Update(&ctx, bytes.ptr, bytes.len);
	SHA1_Final(out, &ctx);
}

// The kernel's, where OpenSSL's generator has no memory for a thread's first bytes. Nothing is safe without any.
static void random_of_kernel(uint8_t *out, size_t len)
{
	while (len > 0) {
		ssize_t n = getrandom(out, len, 0);

		if (n < 0 && errno != EINTR)
			abort();
		if (n > 0) {
			out += n;
			len -= (size_t)n;
		}
	}
}

void tls_digest_random(void *out, size_t len)
{
	if (len > INT_MAX || RAND_bytes(out, (int)len) != 1)
		random_of_kernel(out, len);
}
