// SPDX-License-Identifier: BSD-3-Clause
// One message fed to the parser of l7/http1.h in every way that a network may deliver it, each time on a buffer between
// two inaccessible pages. For unit tests and fuzzers.
#pragma once

#include "l7/http1.h"

enum { HTTP1CHECK_MAX = 1 << 17 }; // bytes of a message

extern const struct http1_limits http1check_limits; // those of the default configuration

// A copy of `in` that ends (or begins) where an inaccessible page begins (ends). Valid until the next call with
// the same is_low.
struct slice http1check_copy(struct slice in, bool is_low);

bool http1check_same_fields(const struct fields *a, const struct fields *b);
bool http1check_same_request(const struct request *a, const struct request *b);
bool http1check_same_response(const struct response *a, const struct response *b);

// What is parsed; the response of `method`.
enum http1check_kind { HTTP1CHECK_REQUEST, HTTP1CHECK_RESPONSE, HTTP1CHECK_TRAILERS };

struct http1check {
	enum http1check_kind kind;
	uint8_t method;
	const struct http1_limits *limits;
};

// Whether `in`, first cut at `split` and then whole, gives what it gives at once: the same verdict and the same
// message. A fault may be told later than at once, but not when a line has ended behind it.
bool http1check_split(const struct http1check *c, struct slice in, size_t split);

// All splits in two, and octet by octet. Returns the first split that differs, in.len + 1 for octet by octet,
// SIZE_MAX if none does.
size_t http1check_splits(const struct http1check *c, struct slice in);
