// SPDX-License-Identifier: BSD-3-Clause
// The target of a request (RFC 9112 section 3.2) and the host it is for.
#pragma once

#include "l7/message.h"

// What whoever looked for the target's end has seen on the way.
struct http1_target_marks {
	const uint8_t *question; // the first '?', or NULL
	bool has_percent;        // there may be a '%'
};

// Fills authority, path and query from the target, in the form that the method wants. An absolute target without a path
// has "/", or "*" with OPTIONS (section 3.2.4); CONNECT has none. What the target's form does not give
// stays empty.
// Returns 0 or HTTP1_TARGET: besides the grammar, a path with a malformed %xx or with %00 is refused.
NODISCARD int http1_target_split(struct request *r, const struct http1_target_marks *marks);

// Whether it is host[:port]: a name, an IPv4 or a bracketed IPv6 address, port 1..65535. Stricter than RFC 3986, which
// has sub-delims and %xx in names: no name of the DNS has them.
bool http1_target_is_authority(struct slice s);
