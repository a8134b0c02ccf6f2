// SPDX-License-Identifier: BSD-3-Clause
// What write(2) leaves to its callers.
#pragma once

#include <stddef.h>

#include "l4/base/cc.h"

// All of it, whatever a signal or a small write leaves; on a blocking descriptor. 0 or -errno, with a part written.
NODISCARD int file_write(int fd, const void *bytes, size_t len);
