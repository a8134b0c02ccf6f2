// SPDX-License-Identifier: BSD-3-Clause
// The header fields that lb7d knows by number, and those that it treats alike.
// Names are compared without case (RFC 9110 section 5.1); HTTP/2 sends them in lower case.
#pragma once

#include "l4/base/slice.h"

// What a hop may do with a field.
enum header_class {
	HEADER_END_TO_END,
	HEADER_HOP,     // RFC 9110 section 7.6.1: meant for us, never passed on
	HEADER_FRAMING, // says where the message ends: written anew
	HEADER_CLAIM,   // says who the client is: dropped or appended to, as "forwarded" says
};

// X(SYMBOL, "lower-case name", CLASS)
#define HEADERS(X)                                                          \
	X(ACCEPT, "accept", END_TO_END)                                     \
	X(ACCEPT_ENCODING, "accept-encoding", END_TO_END)                   \
	X(ACCEPT_LANGUAGE, "accept-language", END_TO_END)                   \
	X(AUTHORIZATION, "authorization", END_TO_END)                       \
	X(CACHE_CONTROL, "cache-control", END_TO_END)                       \
	X(CONNECTION, "connection", HOP)                                    \
	X(CONTENT_ENCODING, "content-encoding", END_TO_END)                 \
	X(CONTENT_LENGTH, "content-length", FRAMING)                        \
	X(CONTENT_TYPE, "content-type", END_TO_END)                         \
	X(COOKIE, "cookie", END_TO_END)                                     \
	X(DATE, "date", END_TO_END)                                         \
	X(EXPECT, "expect", END_TO_END)                                     \
	X(FORWARDED, "forwarded", CLAIM)                                    \
	X(GRPC_MESSAGE, "grpc-message", END_TO_END)                         \
	X(GRPC_STATUS, "grpc-status", END_TO_END)                           \
	X(GRPC_TIMEOUT, "grpc-timeout", END_TO_END)                         \
	X(HOST, "host", END_TO_END)                                         \
	X(HTTP2_SETTINGS, "http2-settings", HOP)                            \
	X(KEEP_ALIVE, "keep-alive", HOP)                                    \
	X(LOCATION, "location", END_TO_END)                                 \
	X(ORIGIN, "origin", END_TO_END)                                     \
	X(PROXY_AUTHENTICATE, "proxy-authenticate", HOP)                    \
	X(PROXY_AUTHORIZATION, "proxy-authorization", HOP)                  \
	X(PROXY_CONNECTION, "proxy-connection", HOP)                        \
	X(RANGE, "range", END_TO_END)                                       \
	X(REFERER, "referer", END_TO_END)                                   \
	X(SEC_WEBSOCKET_ACCEPT, "sec-websocket-accept", END_TO_END)         \
	X(SEC_WEBSOCKET_EXTENSIONS, "sec-websocket-extensions", END_TO_END) \
	X(SEC_WEBSOCKET_KEY, "sec-websocket-key", END_TO_END)               \
	X(SEC_WEBSOCKET_PROTOCOL, "sec-websocket-protocol", END_TO_END)     \
	X(SEC_WEBSOCKET_VERSION, "sec-websocket-version", END_TO_END)       \
	X(SERVER, "server", END_TO_END)                                     \
	X(SET_COOKIE, "set-cookie", END_TO_END)                             \
	X(TE, "te", HOP)                                                    \
	X(TRAILER, "trailer", END_TO_END)                                   \
	X(TRANSFER_ENCODING, "transfer-encoding", FRAMING)                  \
	X(UPGRADE, "upgrade", HOP)                                          \
	X(USER_AGENT, "user-agent", END_TO_END)                             \
	X(VIA, "via", END_TO_END)                                           \
	X(X_ACCEL_BUFFERING, "x-accel-buffering", END_TO_END)               \
	X(X_FORWARDED_FOR, "x-forwarded-for", CLAIM)                        \
	X(X_FORWARDED_HOST, "x-forwarded-host", CLAIM)                      \
	X(X_FORWARDED_PROTO, "x-forwarded-proto", CLAIM)                    \
	X(X_REAL_IP, "x-real-ip", CLAIM)                                    \
	X(X_REQUEST_ID, "x-request-id", END_TO_END)

#define X(SYMBOL, name, CLASS) HEADER_##SYMBOL,
enum header { HEADER_OTHER, HEADERS(X) HEADER_COUNT };
#undef X

extern const char *const header_names[HEADER_COUNT]; // lower case; "" for HEADER_OTHER
extern const uint8_t header_classes[HEADER_COUNT];   // enum header_class

// The number of a name, HEADER_OTHER if it is none of the list. One comparison for most names.
enum header header_find(struct slice name);

// Without case; ASCII only, as field names, schemes, host names and most tokens are.
bool header_eq(struct slice a, const char *lower);

// The same between two that were received.
bool header_same(struct slice a, struct slice b);

// Whether a comma-separated list (RFC 9110 section 5.6.1) holds the token, without case.
bool header_has_token(struct slice list, const char *lower);

// Takes the next element off the front of such a list, without the blanks around it; false at its end. A
// quoted string is not looked into: no list that we read has one with a comma.
bool header_next_token(struct slice *list, struct slice *token);
