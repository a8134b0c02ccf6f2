// SPDX-License-Identifier: BSD-3-Clause
// Operands of a command line to requests of the control protocol.
#pragma once

#include "l4/model/ctl.h"
#include "tools/lbctl_command.h"

struct lbctl_request {
	struct ctl_request request;
	char what[192]; // of a change, for people: "web/web-1: drain"; "" for a question
};

// The next request of the command; most have one, `backends remove` and the like one a name. -EINVAL and a
// sentence if an operand or option is wrong.
NODISCARD int lbctl_request_next(struct lbctl_request *out, const struct lbctl_command *c,
                                 const struct lbctl_options *opts, struct lbctl_operands_left *left,
                                 struct err *err);
