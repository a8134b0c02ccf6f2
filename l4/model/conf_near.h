// SPDX-License-Identifier: BSD-3-Clause
// "Did you mean": the key an operator probably wanted to write. Inside l4/model/conf*.c only.
#pragma once

#include "l4/model/conf_key.h"

bool conf_near_is_known(const struct conf_object *object, const char *name);

// The object's key nearest to `name`: at most two slips of the pen (a letter too many, too few,
// wrong, two swapped) and fewer than half of its letters, else one that begins with it. Or NULL.
const char *conf_near_find(const struct conf_object *object, const char *name);
