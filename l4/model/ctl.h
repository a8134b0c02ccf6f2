// SPDX-License-Identifier: BSD-3-Clause
// The control protocol: JSON-RPC 2.0, one object a line, over a UNIX stream socket. Both ends use this file,
// so neither sees JSON: a method's parameters and its result are plain structs (ctl_rows.h), described by
// tables (ctl_method.h) that drive encoding, decoding, lbctl's columns and their help.
//
//	{"jsonrpc":"2.0","id":1,"method":"backend.state","params":{"pool":"web","name":"web-1","state":"drain"}}
//	{"jsonrpc":"2.0","id":1,"result":{}}
//	{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"params.state: \"up\", \"drain\" or ..."}}
//
// Requests are decoded strictly: an unknown key, a missing one, a wrong type or a value out of range is
// refused with its place. Answers are decoded leniently: unknown keys are skipped, so that an older lbctl
// reads a newer daemon. No batches. A request without "id" is a notification: done, not answered.
//
// lb7d speaks the same on a socket of its own (conf.control_l7). Between two answers it may send
// notifications to whoever asked it to watch; lb4d is its client for as long as both live.
#pragma once

#include "l4/base/err.h"
#include "l4/model/ctl_method.h"

enum {
	CTL_REQUEST_MAX = 1 << 20, // bytes of a request's line to lb4d, newline included
	// To lb7d: CONF_FILE_MAX of a configuration, all of it quotes, and room.
	CTL_REQUEST_L7_MAX = (32 << 20) + (64 << 10),
	CTL_ANSWER_MAX = 32 << 20, // of an answer's: 8192 backends of at most 2 KiB, and room
};

// JSON-RPC 2.0, section 5.1; 1 is ours.
enum ctl_code {
	CTL_OK = 0,
	CTL_REFUSED = 1, // the operation failed; the message is the sentence for the operator
	CTL_BAD_JSON = -32700,
	CTL_BAD_REQUEST = -32600,
	CTL_BAD_METHOD = -32601,
	CTL_BAD_PARAMS = -32602,
	CTL_INTERNAL = -32603, // no memory
};

enum ctl_id_kind { CTL_ID_NONE, CTL_ID_NULL, CTL_ID_NUMBER, CTL_ID_TEXT };

// What the asking side called its request; comes back with the answer.
struct ctl_id {
	uint8_t kind; // enum ctl_id_kind
	int64_t number;
	char text[64];
};

struct ctl_request {
	struct ctl_id id;
	uint8_t method; // enum ctl_method
	union ctl_params params;
};

// Reads a line (newline or not). Returns 0 or an enum ctl_code, also in err->code, with the sentence. On
// failure out->id is what could be read of it (null if nothing, as the standard asks), the rest undefined.
// ctl_request_free() it when done, unless it failed.
NODISCARD int ctl_request_decode(struct ctl_request *out, const char *line, size_t len,
                                 struct err *err);

void ctl_request_free(struct ctl_request *request); // what its parameters own

// Reads a line that the asked side sent. Returns 0 and *out if it is a notification (leniently, like
// answers; a method that we do not know is CTL_METHOD_NONE; ctl_request_free() it), -ENOMSG if it is an
// answer, or -EPROTO if it is neither.
NODISCARD int ctl_notice_decode(struct ctl_request *out, const char *line, size_t len,
                                struct err *err);

// The lines, each with its newline; *len does not count the final NUL. free() them; NULL if
// there is no memory.
char *ctl_request_encode(const struct ctl_request *request, size_t *len);
char *ctl_result_encode(const struct ctl_id *id, enum ctl_method method,
                        const union ctl_result *result, size_t *len);
char *ctl_error_encode(const struct ctl_id *id, const struct err *error, size_t *len);

// Reads the answer to `method`. Returns 0 and *out (ctl_method_free_result() it), or the answer's error code with
// its message in *err, or -EPROTO if the line is no answer; then *out is untouched.
NODISCARD int ctl_answer_decode(union ctl_result *out, enum ctl_method method, const char *line,
                                size_t len, struct err *err);

// The result object of an answer, indented, keys as they came; ends with a newline; free() it. NULL if
// there is none.
char *ctl_answer_text(const char *line, size_t len);
