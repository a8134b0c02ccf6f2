// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbctl_hex.h"

#include <errno.h>
#include <string.h>

static const char digits[] = "0123456789abcdef";

static int digit(char c)
{
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

	return at ? (int)(at - digits) : -1;
}

int lbctl_hex_read(uint8_t *out, size_t room, size_t *len, const char *text, struct err *err)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (digit(text[i]) < 0)
			return err_set(err, -EINVAL, "character %zu is not a hex digit", i + 1);
	if (n % 2)
		return err_set(err, -EINVAL, "%zu hex digits, but a byte is two", n);
	if (n / 2 > room)
		return err_set(err, -EINVAL, "%zu bytes, more than %zu", n / 2, room);
	for (size_t i = 0; i < n / 2; i++)
		out[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
	*len = n / 2;
	return 0;
}

int lbctl_hex_read_exactly(uint8_t *out, size_t len, const char *text, struct err *err)
{
	size_t n = strlen(text);

	if (n != 2 * len)
		return err_set(err, -EINVAL, "%zu characters, not %zu hex digits", n, 2 * len);
	return lbctl_hex_read(out, len, &n, text, err);
}

void lbctl_hex_write(char *out, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = 0;
}
