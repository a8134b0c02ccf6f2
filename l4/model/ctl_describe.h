// SPDX-License-Identifier: BSD-3-Clause
// Rows of answers, as far as they repeat the configuration: both daemons list the same things. The rest of a row is untouched.
#pragma once

#include "l4/model/conf.h"
#include "l4/model/ctl_rows.h"

void ctl_describe_service(struct ctl_service *row, const struct conf_service *s);
void ctl_describe_pool(struct ctl_pool *row, const struct conf_pool *pool);
