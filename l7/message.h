// SPDX-License-Identifier: BSD-3-Clause
// The head of an HTTP message as routing, rewriting and both protocol versions see it. All slices are borrowed
// from the bytes that were parsed, or from wherever rewriting put them; a head is used up before the
// callback that parsed it returns. A worker has one request and one response to parse into.
#pragma once

#include "l7/header.h"

enum {
	MESSAGE_FIELDS_MAX = 288, // limits.headers (256 at most), and what rewriting adds
	MESSAGE_HTTP2 = 2,        // `minor` of what came by HTTP/2
};

enum method {
	METHOD_OTHER,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_OPTIONS,
	METHOD_PATCH,
	METHOD_TRACE,
	METHOD_CONNECT,
	METHOD_COUNT
};

// How the receiver finds the end of the content (RFC 9112 section 6.3).
enum body {
	BODY_NONE,
	BODY_LENGTH,      // content_length bytes; 0 is BODY_LENGTH too, as it is said aloud
	BODY_CHUNKED,     // of unknown length: a stream
	BODY_UNTIL_CLOSE, // responses only: a stream that ends with the connection
	BODY_TUNNEL,      // after 101, or 2xx to CONNECT
	BODY_COUNT
};

struct field {
	struct slice name;  // as received
	struct slice value; // without blanks around it
	uint8_t id;         // enum header
	bool is_dropped;    // not to be passed on
};

struct fields {
	uint16_t n;
	struct field at[MESSAGE_FIELDS_MAX]; // in the order of arrival
};

struct request {
	struct slice method_text;
	struct slice target; // as received, for the log
	struct slice
		authority; // host[:port] of an absolute target, else of Host; empty if HTTP/1.0 gave none
	struct slice path;    // begins with '/', or "*"; without the query; empty with CONNECT
	struct slice query;   // after the '?'; ptr NULL if there is none
	struct slice upgrade; // value of Upgrade if Connection names it; else empty
	uint64_t content_length;
	uint8_t method;        // enum method
	uint8_t minor;         // HTTP/1.minor: 0 or 1; MESSAGE_HTTP2
	uint8_t body;          // enum body: NONE, LENGTH, CHUNKED
	bool is_persistent;    // RFC 9112 section 9.3
	bool expects_continue; // Expect: 100-continue
	bool accepts_trailers; // TE: trailers
	struct fields fields;
};

struct response {
	struct slice reason;
	struct slice upgrade;
	uint64_t content_length;
	uint16_t status; // 100..999
	uint8_t minor;   // as above
	uint8_t body;    // enum body
	bool is_persistent;
	struct fields fields;
};

// The first field of this kind that is not dropped, or NULL.
static inline const struct field *message_field(const struct fields *f, enum header id)
{
	for (uint16_t i = 0; i < f->n; i++)
		if (f->at[i].id == id && !f->at[i].is_dropped)
			return &f->at[i];
	return NULL;
}

// Appends a field; false if there is no room. Name and value are borrowed.
static inline bool message_add(struct fields *f, enum header id, struct slice name,
                               struct slice value)
{
	if (f->n == MESSAGE_FIELDS_MAX)
		return false;
	f->at[f->n++] = (struct field){.name = name, .value = value, .id = (uint8_t)id};
	return true;
}

// enum method of a method's name.
uint8_t message_method(struct slice s);

// The value of a Content-Length: 1*DIGIT, below 2^63. False: it is none; *length is untouched.
NODISCARD bool message_length(struct slice s, uint64_t *length);
