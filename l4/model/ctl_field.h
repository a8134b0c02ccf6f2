// SPDX-License-Identifier: BSD-3-Clause
// Structs that describe themselves: name, JSON key, column heading and help of every field. Fields are
// plain C; tables say where they lie.
#pragma once

#include "l4/base/addr.h"
#include "l4/base/err.h"

enum ctl_kind {
	CTL_TEXT,    // char[size], ends with NUL
	CTL_STRING,  // char *, owned; NULL = left out; any length
	CTL_WORD,    // uint8_t: index into words[n_words]; "" is no word
	CTL_BOOL,    // bool
	CTL_U32,     // uint32_t, min..max
	CTL_U64,     // uint64_t up to 2^63 - 1
	CTL_I64,     // int64_t
	CTL_PERCENT, // double, 0..100
	CTL_SECONDS, // int64_t; negative = never happened, left out
	CTL_ADDR,    // struct addr; ADDR_NONE = left out
	CTL_PORT,    // be16; a number in JSON
	CTL_MAC,     // struct mac; all zero = left out
	CTL_HEX,     // struct ctl_hex or ctl_cid; no bytes = left out
	CTL_ROWS,    // struct ctl_rows
};

struct ctl_hex {
	uint8_t len;
	uint8_t byte[15]; // CONF_SERVER_ID_MAX
};

// The same, longer.
struct ctl_cid {
	uint8_t len;
	uint8_t byte[20]; // the longest connection ID of QUIC v1 (RFC 9000, section 17.2)
};
static_assert(offsetof(struct ctl_cid, byte) == offsetof(struct ctl_hex, byte),
              "CTL_HEX takes both, and the field's size for the number of bytes");

struct ctl_field {
	const char *name;    // JSON key
	const char *heading; // of a column, or label of a single value; NULL = not shown in tables
	const char *help;
	uint8_t kind;     // enum ctl_kind
	bool is_optional; // parameters: may be left out and keeps its initial value; texts: left
			  // out of JSON when empty
	uint16_t offset;
	uint16_t size;
	uint32_t min, max;        // CTL_U32; max 0 = no limit
	const char *const *words; // CTL_WORD
	size_t n_words;
	const struct ctl_type *rows; // CTL_ROWS: what each row is
};

struct ctl_type {
	const struct ctl_field *fields;
	size_t n_fields;
	size_t size;         // of the struct
	const void *initial; // the struct before decoding; NULL = all zero
};

struct ctl_rows {
	void *row; // [n] of the table's type; owned
	uint32_t n, room;
};

enum { CTL_FIELD_TEXT_SIZE = 512 };

// A new row, all zero or its type's initial value; NULL if there is no memory. Moves the others.
void *ctl_field_add_row(struct ctl_rows *rows, const struct ctl_type *type);

// Frees the rows and strings inside the struct at `base` and leaves them empty.
void ctl_field_free_owned(const struct ctl_type *type, void *base);

// *out, which owns nothing, becomes a copy of *from that shares nothing with it. 0, or -ENOMEM: then it is as it
// was.
NODISCARD int ctl_field_copy(const struct ctl_type *type, void *out, const void *from);

// Whether the value is left out of JSON, and shown as "-": empty optional text, no address, ...
bool ctl_field_is_absent(const struct ctl_field *f, const void *base);

// The value for people, without blanks at the ends: "-" where there is none, "yes" and "no", "3d 4h".
// Any kind but CTL_ROWS; a long string is cut. Returns out.
const char *ctl_field_show(const struct ctl_field *f, const void *base,
                           char out[CTL_FIELD_TEXT_SIZE]);

// The opposite, for what operators type and for the texts in JSON. 0, or -EINVAL and a sentence that
// begins with the value or the rule ("70000 is not in 1..65535"). Any kind but CTL_ROWS.
NODISCARD int ctl_field_read(const struct ctl_field *f, void *base, const char *text,
                             struct err *err);

// Sets an integer field; range checked. Kinds CTL_U32, CTL_U64, CTL_I64, CTL_SECONDS, CTL_PORT.
NODISCARD int ctl_field_set_int(const struct ctl_field *f, void *base, int64_t value,
                                struct err *err);
int64_t ctl_field_get_int(const struct ctl_field *f, const void *base);

// NULL if the type has no field of that name.
const struct ctl_field *ctl_field_find(const struct ctl_type *type, const char *name);
