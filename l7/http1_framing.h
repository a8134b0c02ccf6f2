// SPDX-License-Identifier: BSD-3-Clause
// Where the content of a message ends and what becomes of the connection (RFC 9112 sections 6.3 and 9.3), from the
// fields of its head.
#pragma once

#include "l7/http1_fields.h"

// Fills what of *r follows from its fields and from what the request line gave: authority, upgrade, content_length, body
// and the booleans. Returns 0 or an enum http1_error.
NODISCARD int http1_framing_request(struct request *r, const struct http1_fields_marks *m);

// Likewise. `method` (enum method) is that of the request answered.
NODISCARD int http1_framing_response(struct response *r, const struct http1_fields_marks *m,
                                     uint8_t method);
