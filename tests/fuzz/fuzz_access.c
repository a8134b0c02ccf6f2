// SPDX-License-Identifier: BSD-3-Clause
// Any text of a client in an access line: one line, ASCII without control characters but for what is UTF-8, quotes
// in pairs, never longer than promised.
#include <stdlib.h>

#include "l7/access.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Walks over the line as a reader of JSON does; whether it ends outside of strings and every brace is where it belongs.
static bool is_one_object(const char *p, size_t len)
{
	bool in_string = false;

	for (size_t i = 0; i + 1 < len; i++) {
		if ((uint8_t)p[i] < ' ' || p[i] == 0x7f)
			return false;
		if (in_string && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			in_string = !in_string;
		else if (!in_string &&
		         ((p[i] == '{') != (i == 0) || (p[i] == '}') != (i + 2 == len)))
			return false;
	}
	return !in_string && p[len - 1] == '\n';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char line[ACCESS_LINE_MAX];
	struct text t = text_of(line, sizeof(line));
	struct slice all = slice_of(data, size), half = slice_of(data, size / 2);
	const struct access_record r = {
		.method = half,
		.host = all,
		.target = all,
		.user_agent = half,
		.referer = all,
		.request_id = half,
		.start_ns = 1,
		.end_ns = size,
		.status = (uint16_t)size,
		.end = (uint8_t)size,
		.pool = "pool",
	};

	access_write(&t, &r);
	if (t.is_cut || !is_one_object(t.ptr, t.len))
		abort();
	return 0;
}
