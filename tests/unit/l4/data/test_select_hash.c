// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/select.h"

#include <criterion/criterion.h>

Test(select_hash, every_part_of_the_5_tuple_counts)
{
	static const struct pkt_key base = {
		.src = {1, 2, 3, 4}, .dst = {5, 6, 7, 8}, .proto = IPPROTO_NUM_TCP};

	for (unsigned family = ADDR_IP4; family <= ADDR_IP6; family += 2) {
		size_t n_words = family == ADDR_IP4 ? 1 : 4;
		struct pkt_key k = base;
		uint64_t hash;

		k.family = (uint8_t)family;
		hash = select_hash(&k);
		for (size_t i = 0; i < 2 * n_words + 3; i++) {
			struct pkt_key other = k;

			if (i < n_words)
				other.src[i] ^= 1;
			else if (i < 2 * n_words)
				other.dst[i - n_words] ^= 1;
			else if (i == 2 * n_words)
				other.sport = be16_from(1);
			else if (i == 2 * n_words + 1)
				other.dport = be16_from(1);
			else
				other.proto = IPPROTO_NUM_UDP;
			cr_expect_neq(select_hash(&other) >> 32, hash >> 32, "IPv%u, part %zu",
			              family, i);
			cr_expect_neq((uint32_t)select_hash(&other), (uint32_t)hash,
			              "IPv%u, part %zu", family, i);
		}
	}
}

// Pinned: changing it moves every flow of every node that is upgraded one by one.
Test(select_hash, the_hash_is_the_same_for_ever)
{
	struct pkt_key k = {.src = {be32_raw(be32_from(0xc6336407))},
	                    .dst = {be32_raw(be32_from(0xcb00710a))},
	                    .sport = be16_from(40000),
	                    .dport = be16_from(80),
	                    .proto = IPPROTO_NUM_TCP,
	                    .family = ADDR_IP4};

	cr_expect_eq(select_hash(&k), UINT64_C(0xb466052e1aa93613), "%#018lx", select_hash(&k));
	k.family = ADDR_IP6;
	cr_expect_eq(select_hash(&k), UINT64_C(0xac620f75d89c4f4b), "%#018lx", select_hash(&k));
}
