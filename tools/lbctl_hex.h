// SPDX-License-Identifier: BSD-3-Clause
// Bytes as hexadecimal digits. Sentences never repeat the text, which may be a key.
#pragma once

#include "l4/base/err.h"

// Reads all of `text`, 0..room bytes, into out. -EINVAL and a sentence without a place: the caller puts the
// option's name in front.
NODISCARD int lbctl_hex_read(uint8_t *out, size_t room, size_t *len, const char *text,
                             struct err *err);

// The same for exactly `len` bytes.
NODISCARD int lbctl_hex_read_exactly(uint8_t *out, size_t len, const char *text, struct err *err);

// Lower case, no prefix, to out[2 * len + 1].
void lbctl_hex_write(char *out, const uint8_t *bytes, size_t len);
