// SPDX-License-Identifier: BSD-3-Clause
// The part of a stream that is a gRPC call (grpc.h), or one of gRPC-Web (grpc_web.h). Whatever goes wrong reaches the client as HTTP
// status 200 with a grpc-status: in the head if none was sent, else in trailers behind what was sent. The call's time runs
// here, too: it began when the request came. grpc-timeout is passed on as it came: the backend's time ends a little later than ours,
// and by then its stream was cancelled; a smaller number would have to be found anew for each attempt and gains nothing.
#pragma once

#include "l7/message.h"
#include "l7/text.h"

struct stream;
struct stream_refusal;
struct worker;

// What the client asked for. Before the stream does anything else.
void stream_grpc_begin(struct stream *s, const struct request *r);

// The head as the route's pool is to get it: gRPC-Web becomes gRPC where the pool speaks HTTP/2; who speaks HTTP/1 is taken to know
// gRPC-Web itself. False: it does not fit.
NODISCARD bool stream_grpc_request(struct stream *s, struct request *r, struct text *scratch);

// The route answers without a backend: its text is the message. The stream is finished.
void stream_grpc_answer_route(struct stream *s);

// Content for the backend. False: it is malformed; the stream is finished.
NODISCARD bool stream_grpc_data(struct stream *s, struct slice bytes);

// Whether the request may end here. False: likewise.
NODISCARD bool stream_grpc_request_end(struct stream *s);

// An answer's head. False: it was no gRPC, which the client was told; the stream is finished.
NODISCARD bool stream_grpc_response(struct stream *s, struct response *r, struct text *scratch);

// Content for the client.
void stream_grpc_body(struct stream *s, struct slice bytes);

// Ends the answer. False: it had no grpc-status; the client was told one.
NODISCARD bool stream_grpc_end(struct stream *s, const struct fields *trailers);

// Tells the client how the call ended. False: it cannot be told, break the connection: HTTP/1.0, or gRPC-Web within a message. `status`: enum grpc_status.
NODISCARD bool stream_grpc_fail(struct stream *s, uint8_t status, const char *reason);

// The same of a request, w->request, that did not become a stream, for HTTP/2: fills w->response, which has no content. False: it
// is no gRPC. Sets what of *refusal is gRPC's.
NODISCARD bool stream_grpc_refuse(struct worker *w, struct stream_refusal *refusal,
                                  struct text *scratch);
