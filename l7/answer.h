// SPDX-License-Identifier: BSD-3-Clause
// Answers that lb7d gives itself: errors, redirects, fixed answers. Of an error the client learns the status and a reason in
// words, nothing of what is behind us. Shapes are filled by the functions below, or by hand, and written as HTTP/1.
// Any thread; no allocation.
#pragma once

#include "l4/model/conf.h"
#include "l7/message.h"
#include "l7/text.h"

enum { ANSWER_DATE_SIZE = 30 }; // "Sun, 06 Nov 1994 08:49:37 GMT" and the end

struct answer {
	uint16_t status;          // 200..599
	const char *content_type; // of body; NULL if there is none
	struct slice body;        // borrowed; never sent with 204, 205 and 304
	struct slice location;    // borrowed; ptr NULL = none
	const char *upgrade;      // 426: what to upgrade to, "websocket"; NULL = none
	uint64_t now_s;           // CLOCK_REALTIME for Date; 0 = without
	bool is_error;            // ours: not to be stored by any cache
};

// "502 Bad Gateway: the backend broke the connection\n" as text/plain; the body lies in *scratch. `reason` is a text of ours,
// NULL = none; never put addresses or file names into it. 426 names WebSocket and its version 13 (RFC 6455 section 4.4).
struct answer answer_error(uint16_t status, const char *reason, struct text *scratch);

// What the configuration says; borrowed from it.
struct answer answer_fixed(const struct conf_answer *conf);

// The Location lies in *scratch. False, *out untouched, if it does not fit or would hold what no header may: answer 400.
NODISCARD bool answer_redirect(struct answer *out, const struct conf_redirect *conf,
                               const struct request *r, struct text *scratch);

// The head as a response to be written by a client's protocol; a->body is its content. Slices are borrowed from *a and `date`.
void answer_response(struct response *out, const struct answer *a, char date[ANSWER_DATE_SIZE]);

// Appends the whole response: head and body, without body for a HEAD request (its Content-Length is said all the same).
// `client_minor`: 0 towards HTTP/1.0. `closes`: the connection ends behind it, and the client is told so.
// False if it does not fit: *t is as it was. With `upgrade` Connection says so and not "close": keep that connection.
NODISCARD bool answer_write(struct text *t, const struct answer *a, uint8_t client_minor,
                            bool is_head, bool closes);

// "HTTP/1.1 100 Continue" and the empty line; for HTTP/1.1 requests with expects_continue only.
NODISCARD bool answer_write_continue(struct text *t);

// IMF-fixdate (RFC 9110 section 5.6.7) of seconds since 1970, up to the year 9999. Returns out.
const char *answer_date(char out[ANSWER_DATE_SIZE], uint64_t now_s);
