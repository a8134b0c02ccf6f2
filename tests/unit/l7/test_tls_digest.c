// SPDX-License-Identifier: BSD-3-Clause
#include "l7/tls_digest.h"
#include "tests/support/failmalloc.h"
#include "tests/support/guard.h"

#include <criterion/criterion.h>

#include <stdio.h>

static void expect_sha1(struct slice bytes, const char *want)
{
	uint8_t digest[20];
	char hex[41] = "";

	tls_digest_sha1(digest, bytes);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	cr_expect_str_eq(hex, want);
}

Test(tls_digest, sha1_gives_the_known_answers)
{
	static const char *const accept =
		"dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

	// FIPS 180-2, appendix A.1 and A.2
	expect_sha1(slice_of("abc", 3), "a9993e364706816aba3e25717850c26c9cd0d89d");
	expect_sha1(slice_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56),
	            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	expect_sha1(slice_of(NULL, 0), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	// RFC 6455 section 1.3
	expect_sha1(slice_of(accept, strlen(accept)), "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
}

Test(tls_digest, random_fills_exactly_what_it_was_given)
{
	for (size_t len = 0; len < 100; len++) {
		uint8_t *p = guard_alloc(len);

		tls_digest_random(p, len);
		guard_free(p, len);
	}
}

Test(tls_digest, random_bytes_differ_from_call_to_call)
{
	uint8_t a[32] = {0}, b[32] = {0}, zero[32] = {0};

	tls_digest_random(a, sizeof(a));
	tls_digest_random(b, sizeof(b));
	cr_expect(memcmp(a, b, sizeof(a)) != 0);
	cr_expect(memcmp(a, zero, sizeof(a)) != 0);
}

Test(tls_digest, random_needs_no_memory)
{
	uint8_t a[32] = {0}, zero[32] = {0};

	failmalloc_arm(1);
	tls_digest_random(a, sizeof(a));
	failmalloc_disarm();
	cr_expect(memcmp(a, zero, sizeof(a)) != 0);
}
