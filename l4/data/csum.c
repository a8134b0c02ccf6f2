// SPDX-License-Identifier: BSD-3-Clause
#include "l4/data/csum.h"

uint64_t csum_add(uint64_t acc, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t other = 0; // a second chain of carries, for the second adder
	uint64_t rest = 0;

	for (; len >= 32; len -= 32, p += 32) {
		acc = csum_add8(csum_add8(acc, csum_load8(p)), csum_load8(p + 8));
		other = csum_add8(csum_add8(other, csum_load8(p + 16)), csum_load8(p + 24));
	}
	for (; len >= 8; len -= 8, p += 8)
		acc = csum_add8(acc, csum_load8(p));
	if (len)
		memcpy(&rest, p, len); // an odd byte is followed by a zero (RFC 1071 section 4.1)
	return csum_add8(csum_add8(acc, other), rest);
}
