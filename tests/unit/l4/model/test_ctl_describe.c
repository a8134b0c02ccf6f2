// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>
#include <string.h>

#include "l4/model/ctl_describe.h"

Test(ctl_describe, a_service_keeps_what_was_counted)
{
	const struct conf_service s = {.name = "web", .l7 = "site", .port = be16_from(443)};
	struct ctl_service row = {.packets = 7, .pool = "old"};

	ctl_describe_service(&row, &s);
	cr_expect_str_eq(row.name, "web");
	cr_expect_str_eq(row.pool, "");
	cr_expect_str_eq(row.l7, "site");
	cr_expect(row.port == s.port);
	cr_expect_eq(row.packets, 7);
}
