// SPDX-License-Identifier: BSD-3-Clause
// Answers that came from no daemon as JSON, from the same field tables as lbctl_table.h.
#pragma once

#include <stdio.h>

#include "l4/model/ctl_field.h"

// Writes the struct at `base` as an object, indented, with a newline behind; what is absent is left out.
// Texts must need no escapes, and the type no rows: hex, names and words are all that it is for.
void lbctl_json_print(FILE *f, const struct ctl_type *type, const void *base);
