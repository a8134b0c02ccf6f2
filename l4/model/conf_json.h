// SPDX-License-Identifier: BSD-3-Clause
// Text into struct conf: what conf_load() and conf_parse() have in common.
#pragma once

#include "l4/base/slice.h"
#include "l4/model/conf.h"

// As conf_parse(); where `file` is not NULL it becomes conf->file and stands before every place.
NODISCARD int conf_json_read(struct conf **out, struct slice text, const char *file,
                             struct err *err);
