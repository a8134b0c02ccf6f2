// SPDX-License-Identifier: BSD-3-Clause
// gRPC-Web (github.com/grpc/grpc/doc/PROTOCOL-WEB.md) towards a browser, gRPC towards its server:
//
//	application/grpc-web+proto       -> application/grpc+proto, TE: trailers
//	application/grpc-web-text+proto  -> the same; the content was base64
//	messages                         <- the same octets; in base64 for -text
//	a last frame, flag 0x80          <- trailers
//
// Nothing is held: octets go on as they come, each piece of an answer is base64 of its own with its own padding, as the protocol
// allows. Pure; any thread.
#pragma once

#include "l7/grpc.h"
#include "l7/grpc_message.h"
#include "l7/text.h"

#include <sys/types.h>

// A decoder of base64 (RFC 4648 section 4) in pieces, padded each by itself or not. All zero = at the start.
struct grpc_web_base64 {
	uint32_t bits;
	uint8_t n;     // letters of the present four, paddings included
	uint8_t n_pad; // of these
};

struct grpc_web {                     // of one call; all zero: it is none of gRPC-Web
	struct grpc_message messages; // of the answer
	struct grpc_web_base64 base64;
	bool is_web;       // the client's side is gRPC-Web
	bool is_bridged;   // the backend's is gRPC
	bool is_text;      // the request is base64
	bool answers_text; // the answer is to be
};

// Reads what the client asks for: in base64 if Accept names that, else like the request.
void grpc_web_open(struct grpc_web *w, enum grpc_kind kind, const struct fields *f);

// The kind of the answer.
static inline enum grpc_kind grpc_web_kind(const struct grpc_web *w)
{
	return w->answers_text ? GRPC_WEB_TEXT : w->is_web ? GRPC_WEB : GRPC_NATIVE;
}

// Makes a gRPC request of it, and sets is_bridged; the new Content-Type lies in *scratch. False: it does not fit.
NODISCARD bool grpc_web_request(struct grpc_web *w, struct request *r, struct text *scratch);

// Makes a gRPC-Web answer of a gRPC one, likewise. What gRPC says in a head alone ("trailers-only") stays there unless it is moved: see
// grpc_web_is_trailer().
NODISCARD bool grpc_web_response(const struct grpc_web *w, struct response *r,
                                 struct text *scratch);

// Whether a field of an answer without messages belongs into the last frame, as browsers show scripts of a head only what
// Access-Control-Expose-Headers lists.
bool grpc_web_is_trailer(const struct field *f);

enum { GRPC_WEB_FRAME = 5 }; // flag and length

// The last frame: fields that are not dropped, names in lower case. False: it does not fit; *t is as it was.
NODISCARD bool grpc_web_write_trailers(struct text *t, const struct fields *trailers);

// --- base64 ---

// Decodes all of `in`: octets written to `out`, which has room for GRPC_WEB_DECODED(in.len); -EINVAL if it is no base64.
#define GRPC_WEB_DECODED(len) (((len) + 3) / 4 * 3)
NODISCARD ssize_t grpc_web_decode(struct grpc_web_base64 *b, struct slice in, uint8_t *out);

// Whether the content may end here.
static inline bool grpc_web_is_whole(const struct grpc_web_base64 *b)
{
	return b->n == 0;
}

// Encodes all of `in`, padded; returns GRPC_WEB_ENCODED(in.len), as many as `out` has room for.
#define GRPC_WEB_ENCODED(len) (((len) + 2) / 3 * 4)
size_t grpc_web_encode(struct slice in, char *out);
