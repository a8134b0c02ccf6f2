// SPDX-License-Identifier: BSD-3-Clause
#include "l7/message.h"

uint8_t message_method(struct slice s)
{
	static const char names[METHOD_COUNT][8] = {
		[METHOD_GET] = "GET",     [METHOD_HEAD] = "HEAD",     [METHOD_POST] = "POST",
		[METHOD_PUT] = "PUT",     [METHOD_DELETE] = "DELETE", [METHOD_OPTIONS] = "OPTIONS",
		[METHOD_PATCH] = "PATCH", [METHOD_TRACE] = "TRACE",   [METHOD_CONNECT] = "CONNECT",
	};

	for (int method = METHOD_GET; method < METHOD_COUNT; method++)
		if (strlen(names[method]) == s.len && memcmp(s.ptr, names[method], s.len) == 0)
			return (uint8_t)method;
	return METHOD_OTHER;
}

// Below 2^63, so that nobody's signed arithmetic wraps.
bool message_length(struct slice s, uint64_t *length)
{
	uint64_t n = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = s.ptr[i] - (unsigned)'0';

		if (digit > 9 || n > ((uint64_t)INT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*length = n;
	return true;
}
