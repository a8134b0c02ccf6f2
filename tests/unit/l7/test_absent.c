// SPDX-License-Identifier: BSD-3-Clause
#include "l7/absent.h"

#include <criterion/criterion.h>

Test(absent, only_addresses_of_no_interface_are_absent)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{"127.0.0.1", false},
		{"127.1.2.3", false},   // all of 127/8 is the host's
		{"192.0.2.99", true},   // RFC 5737: nobody's
		{"2001:db8::99", true}, // RFC 3849: nobody's
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct addr address;

		cr_assert_eq(addr_parse(&address, cases[i].text), 0);
		cr_expect_eq(absent_is(&address), cases[i].want, "%s", cases[i].text);
	}
}
