// SPDX-License-Identifier: BSD-3-Clause
#include "l7/text.h"

void text_add_z(struct text *t, const char *string)
{
	text_add(t, string, strlen(string));
}

void text_add_number(struct text *t, uint64_t number)
{
	char digits[20]; // of 2^64 - 1
	size_t begin = sizeof(digits);

	do {
		digits[--begin] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	text_add(t, digits + begin, sizeof(digits) - begin);
}

void text_add_hex(struct text *t, uint64_t number)
{
	char digits[16];
	size_t begin = sizeof(digits);

	do {
		digits[--begin] = "0123456789abcdef"[number & 15];
		number >>= 4;
	} while (number);
	text_add(t, digits + begin, sizeof(digits) - begin);
}
