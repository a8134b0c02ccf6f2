// SPDX-License-Identifier: BSD-3-Clause
// What lb7d answers itself within a stream: errors, redirects, fixed answers. The stream is finished by the caller.
#pragma once

#include "l7/message.h"

struct stream;

// A short text with the status and the reason (may be NULL).
void stream_answer_error(struct stream *s, uint16_t status, const char *reason);

// The route's redirect or answer.
void stream_answer_route(struct stream *s, const struct request *r);
