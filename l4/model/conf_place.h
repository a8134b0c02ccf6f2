// SPDX-License-Identifier: BSD-3-Clause
// Where in the configuration something is: "services[2].port". A chain of structs on the stacks of
// the functions that walk down the tree; nothing is formatted until something is wrong.
// Inside l4/model/conf*.c only.
#pragma once

#include "l4/base/err.h"

struct conf_place {
	const struct conf_place *up; // NULL at the top
	const char *key;             // NULL: `index` counts
	size_t index;
};

enum {
	CONF_PLACE_SIZE =
		200, // the longest, "services[1023].quic_lb[6].server_id_length", and reserve
	CONF_QUOTE_SIZE = 64,
};

// Writes the place into out[CONF_PLACE_SIZE] ("" for the top) and returns out.
const char *conf_place_text(const struct conf_place *place, char *out);

// "PLACE: sentence", or the sentence alone at the top. Returns `code`.
int conf_place_err(const struct conf_place *place, struct err *err, int code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

// The operator's text in quotes, safe for a terminal and a log: what is not printable ASCII
// becomes '?', what is long is cut. Writes into out[CONF_QUOTE_SIZE] and returns out.
const char *conf_place_quote(const char *text, char *out);
