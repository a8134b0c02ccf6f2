// SPDX-License-Identifier: BSD-3-Clause
// Changes that operators ask for (backend.add, .remove, .weight, .state), made to a copy of the running configuration.
// Both daemons do. Any thread.
#pragma once

#include "l4/model/conf.h"
#include "l4/model/ctl_method.h"

// *out is an edited copy, checked as a backend; conf_check() it as a whole. 0; -ENOENT ("there is no pool \"web\""), -EEXIST,
// -EINVAL or -ENOMEM with *err. `method` is one of the four.
NODISCARD int ctl_edit_conf(struct conf **out, const struct conf *running, enum ctl_method method,
                            const union ctl_params *params, struct err *err);
