// SPDX-License-Identifier: BSD-3-Clause
// The field section of a head or a trailer: lines of "name: value", up to and with the empty line.
#pragma once

#include "l7/http1_scan.h"
#include "l7/message.h"

// Which fields of the list arrived, so that nobody searches for them again.
struct http1_fields_marks {
	uint64_t present;          // bit: enum header
	uint64_t twice;            // ditto: more than once
	uint16_t at[HEADER_COUNT]; // where the last one is; set for those that are present
};

static_assert(HEADER_COUNT <= 64, "one bit each");

static inline bool http1_fields_has(const struct http1_fields_marks *m, enum header id)
{
	return m->present >> id & 1;
}

static inline bool http1_fields_has_twice(const struct http1_fields_marks *m, enum header id)
{
	return m->twice >> id & 1;
}

// The last value of a field that is present; an empty slice of NULL if it is not.
static inline struct slice http1_fields_value(const struct fields *f,
                                              const struct http1_fields_marks *m, enum header id)
{
	return http1_fields_has(m, id) ? f->at[m->at[id]].value : (struct slice){0};
}

// Takes the section off s, at most `max` fields. Returns 0, HTTP1_SCAN_MORE or an enum http1_error; only after 0
// is *out of use. *m is filled.
NODISCARD int http1_fields_parse(struct fields *out, struct http1_fields_marks *m,
                                 struct http1_scan *s, uint16_t max);

// What Connection says (RFC 9110 section 7.6.1).
struct http1_fields_options {
	bool has_close;
	bool has_keep_alive;
	bool has_upgrade;
};

// Reads all Connection fields. A field that they name and that the list does not know is dropped; those of the list are
// passed on or not as their class says, so that nobody can have an Authorization or a Host taken away.
// Returns 0 or HTTP1_CONNECTION.
NODISCARD int http1_fields_connection(struct http1_fields_options *out, struct fields *f,
                                      const struct http1_fields_marks *m);
