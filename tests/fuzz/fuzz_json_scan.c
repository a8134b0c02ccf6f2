// SPDX-License-Identifier: BSD-3-Clause
// Any bytes as JSON: what jansson reads, the scanner reads, and it finds the same values on the same paths.
#include <stdlib.h>

#include "tests/support/jsoncheck.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_scan_path deepest[] = {{JSON_SCAN_KEY("a"), .id = 5},
                                                {JSON_SCAN_KEY(""), .id = 6}};
static const struct json_scan_path deeper[] = {
	{JSON_SCAN_KEY("a"), .id = 3, .below = deepest, .n_below = 2},
	{JSON_SCAN_KEY("b"), .id = 4},
};
static const struct json_scan_path below[] = {
	{JSON_SCAN_KEY("a"), .id = 1, .below = deeper, .n_below = 2},
	{JSON_SCAN_KEY("b"), .below = deeper, .n_below = 2},
	{JSON_SCAN_KEY("cc"), .id = 2},
};
static const struct json_scan_path root = {.id = 7, .below = below, .n_below = 3};

// Keys written with escapes are not recognised; only \u can write these.
static bool has_escaped_key(const uint8_t *data, size_t size)
{
	return size && memmem(data, size, "\\u", 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool is_plain = !size || !memchr(data, '\\', size);
	struct jsoncheck want = {.has_text = is_plain}, got = {.has_text = is_plain};
	bool is_json = jsoncheck_read(&want, slice_of(data, size), &root);
	bool is_read = json_scan(slice_of(data, size), &root, jsoncheck_note, &got);

	if (is_json && !is_read)
		abort();
	if (is_json && !has_escaped_key(data, size) && !eventcheck_eq(&want.seen, &got.seen))
		abort();
	eventcheck_fini(&want.seen);
	eventcheck_fini(&got.seen);
	return 0;
}
