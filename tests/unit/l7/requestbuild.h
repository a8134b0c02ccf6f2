// SPDX-License-Identifier: BSD-3-Clause
// Requests for tests, without a parser:
//
//	struct request *r = requestbuild("api.example.com:443", "/chat/x?room=1");
//
//	requestbuild_add(r, "Cookie", "sid=7");
#pragma once

#include "l7/message.h"

#include <stdlib.h>
#include <strings.h>

static inline struct slice requestbuild_slice(const char *text)
{
	return slice_of(text, strlen(text));
}

// A GET; in a static buffer.
static inline struct request *requestbuild(const char *authority, const char *target)
{
	static struct request r;
	const char *query = strchr(target, '?');

	r = (struct request){
		.method = METHOD_GET,
		.method_text = requestbuild_slice("GET"),
		.target = requestbuild_slice(target),
		.authority = requestbuild_slice(authority),
		.path = slice_of(target, query ? (size_t)(query - target) : strlen(target)),
		.minor = 1,
		.is_persistent = true,
	};
	if (query)
		r.query = requestbuild_slice(query + 1);
	return &r;
}

static inline void requestbuild_add(struct request *r, const char *name, const char *value)
{
	enum header id = strcasecmp(name, "cookie") == 0 ? HEADER_COOKIE : HEADER_OTHER;

	if (!message_add(&r->fields, id, requestbuild_slice(name), requestbuild_slice(value)))
		abort();
}
