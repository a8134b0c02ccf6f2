// SPDX-License-Identifier: BSD-3-Clause
// Memory for tables that are read at random: anonymous, all zero and there before the first access, in huge pages where the
// kernel has them (else the table works, at the price of TLB misses). Any thread.
#pragma once

#include <stddef.h>

#include "l4/base/cc.h"

NODISCARD void *pages_new(size_t size);     // NULL: no memory
void pages_free(void *memory, size_t size); // NULL is good
