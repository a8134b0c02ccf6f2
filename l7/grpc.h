// SPDX-License-Identifier: BSD-3-Clause
// What somebody between a gRPC client and its server has to know of gRPC: which messages are gRPC, how long a call may take, and how
// a failure is said so that every client library understands it. Sources, all of github.com/grpc/grpc/doc: PROTOCOL-HTTP2.md,
// PROTOCOL-WEB.md, http-grpc-status-mapping.md, statuscodes.md. Pure; any thread.
#pragma once

#include "l7/access.h"
#include "l7/http2.h"
#include "l7/message.h"

enum grpc_kind {
	GRPC_NONE,
	GRPC_NATIVE,   // application/grpc
	GRPC_WEB,      // application/grpc-web: trailers are a frame of the content
	GRPC_WEB_TEXT, // application/grpc-web-text: the same in base64
	GRPC_KIND_COUNT
};

// X(SYMBOL): in the order of their numbers (statuscodes.md).
#define GRPC_STATUSES(X)       \
	X(OK)                  \
	X(CANCELLED)           \
	X(UNKNOWN)             \
	X(INVALID_ARGUMENT)    \
	X(DEADLINE_EXCEEDED)   \
	X(NOT_FOUND)           \
	X(ALREADY_EXISTS)      \
	X(PERMISSION_DENIED)   \
	X(RESOURCE_EXHAUSTED)  \
	X(FAILED_PRECONDITION) \
	X(ABORTED)             \
	X(OUT_OF_RANGE)        \
	X(UNIMPLEMENTED)       \
	X(INTERNAL)            \
	X(UNAVAILABLE)         \
	X(DATA_LOSS)           \
	X(UNAUTHENTICATED)

#define X(SYMBOL) GRPC_##SYMBOL,
enum grpc_status { GRPC_STATUSES(X) GRPC_STATUS_COUNT };
#undef X

extern const char *const grpc_status_names[GRPC_STATUS_COUNT]; // "DEADLINE_EXCEEDED"

// --- what is gRPC ---

// By the value of Content-Type, in any case. *subtype is "+proto" of application/grpc+proto, empty if there is none; parameters are of
// neither. NULL is fine.
enum grpc_kind grpc_kind_of(struct slice content_type, struct slice *subtype);

// The same of a message; GRPC_NONE without a Content-Type, or with several.
enum grpc_kind grpc_kind_of_fields(const struct fields *f, struct slice *subtype);

// "application/grpc-web-text" and the like, without a subtype; "" of GRPC_NONE.
extern const char *const grpc_content_types[GRPC_KIND_COUNT];

// --- how long ---

// The value of grpc-timeout: 1 to 8 digits and one of "HMSmun"; a second is "1S". False if malformed or zero, *ns is untouched then.
// What exceeds 64 bits is UINT64_MAX.
NODISCARD bool grpc_parse_timeout(struct slice value, uint64_t *ns);

// --- how it went ---

// The value of grpc-status, a decimal number without leading zeros. False if it is none up to 255; numbers that no standard
// names are none of ours to judge.
NODISCARD bool grpc_parse_status(struct slice value, uint8_t *status);

// Whether this is the server's fault and not the caller's, nor just an answer: as OpenTelemetry's conventions for gRPC have it. Numbers
// that no standard names are.
bool grpc_is_server_error(uint8_t status);

// What an HTTP status means that came without grpc-status: http-grpc-status-mapping.md. Only for what others said.
enum grpc_status grpc_status_of_http(uint16_t status);

// What RST_STREAM of a server means: PROTOCOL-HTTP2.md, "Errors".
enum grpc_status grpc_status_of_reset(enum http2_error error);

// What we say if a request ends so. `status`: the HTTP status that another client would have got; decides where `end`
// alone does not.
enum grpc_status grpc_status_of_end(enum access_end end, uint16_t status);

// Percent-encoded as grpc-message is: all but space and visible ASCII, and '%'.
void grpc_write_message(struct text *t, struct slice message);

// Adds grpc-status and, unless it is empty, grpc-message, which is encoded already and borrowed. False: no room.
NODISCARD bool grpc_add_status(struct fields *f, enum grpc_status status, struct slice message);
