// SPDX-License-Identifier: BSD-3-Clause
// Answers for people: single values as a list, rows as tables, both from the field tables.
#pragma once

#include "l4/model/ctl_field.h"

// Prints the struct at `base` to stdout, without the table of rows called `hidden` (may be NULL).
// 0 or -ENOMEM.
NODISCARD int lbctl_table_print(const struct ctl_type *type, const void *base, const char *hidden);
