// SPDX-License-Identifier: BSD-3-Clause
// A few values out of a JSON text (RFC 8259) by their paths, in one pass, without memory: for events of a stream, of which a handful
// of numbers matters and none is kept. What is not on a path is stepped over.
//
// No validator: it notices what keeps it from finding its way (brackets, colons, commas, strings without an end), not every
// fault. Strings are given as they are written, escapes and all, and a key written with escapes is not recognised.
// Any thread; the work is linear in the text.
#pragma once

#include "l4/base/slice.h"

enum json_scan_type {
	JSON_SCAN_NONE,
	JSON_SCAN_OBJECT,
	JSON_SCAN_ARRAY,
	JSON_SCAN_STRING,
	JSON_SCAN_NUMBER,
	JSON_SCAN_TRUE,
	JSON_SCAN_FALSE,
	JSON_SCAN_NULL,
};

struct json_scan_value {
	uint8_t type;      // enum json_scan_type
	bool is_empty;     // an object or array without members, a string without characters
	struct slice text; // of a string between the quotes, of a number; else empty
};

// A name that leads to what is wanted. An array is looked through: its elements are where it is.
struct json_scan_path {
	const char *key;
	uint8_t len; // of it
	char first;  // character of it
	uint8_t id;  // of the value itself, as `found` is given it; 0 = not wanted
	uint8_t n_below;
	const struct json_scan_path *below; // [n_below] names in it
};

enum {
	JSON_SCAN_DEPTH = 12
}; // objects and arrays on a path, one in another; below that nothing is found

#define JSON_SCAN_KEY(text) .key = (text), .len = sizeof(text) - 1, .first = (text)[0]

typedef void (*json_scan_found)(void *owner, uint8_t id, const struct json_scan_value *v);

// Calls `found` for each wanted value, in the order of the text; a path may be found several times. `root` is the path of
// the text itself, its key is not used. False: the text is no JSON; what was found until then was given.
NODISCARD bool json_scan(struct slice text, const struct json_scan_path *root,
                         json_scan_found found, void *owner);

// Calls `each` for all strings and numbers that it comes by, in the order of the text: with their id, or 0 for what is not wanted. What
// is stepped over has strings without an id, keys among them, and nothing else. False as above.
NODISCARD bool json_scan_each(struct slice text, const struct json_scan_path *root,
                              json_scan_found each, void *owner);

// Where the number that p is at ends; NULL: there is none.
const uint8_t *json_scan_number_end(const uint8_t *p, const uint8_t *end);

// The number, if it is a whole one of at most 18 digits. False: it is not, *out is untouched.
bool json_scan_number(const struct json_scan_value *v, uint64_t *out);
