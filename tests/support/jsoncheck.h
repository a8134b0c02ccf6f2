// SPDX-License-Identifier: BSD-3-Clause
// The values on paths of a JSON text, found by jansson: what l7/json_scan.c is compared with. Both write down what they see in the
// same way.
#pragma once

#include "l7/json_scan.h"
#include "tests/support/eventcheck.h"

// json_scan_found, for a `struct jsoncheck` as owner.
struct jsoncheck {
	struct eventcheck seen;
	bool has_text; // note strings' text, too: where nothing is escaped both see the same
};
void jsoncheck_note(void *owner, uint8_t id, const struct json_scan_value *v);

// False: jansson refuses the text.
bool jsoncheck_read(struct jsoncheck *c, struct slice text, const struct json_scan_path *root);
