// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/ctl_field.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "l4/model/ctl_method.h"

Test(ctl_field, durations_read_like_durations)
{
	static const struct ctl_field field = {
		.name = "s", .kind = CTL_SECONDS, .is_optional = true};
	static const struct {
		int64_t s;
		const char *want;
	} cases[] = {
		{-1, "-"},         {0, "0s"},
		{59, "59s"},       {60, "1m00s"},
		{3599, "59m59s"},  {3600, "1h00m"},
		{86399, "23h59m"}, {86400 * 3 + 3600 * 4, "3d04h"},
	};
	char text[CTL_FIELD_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		cr_expect_str_eq(ctl_field_show(&field, &cases[i].s, text), cases[i].want);
}

Test(ctl_field, what_is_not_there_is_shown_as_a_dash)
{
	const struct ctl_type *type = ctl_method_types[CTL_FLOW_LOOKUP].result;
	union ctl_result result;
	char text[CTL_FIELD_TEXT_SIZE];

	ctl_method_init_result(CTL_FLOW_LOOKUP, &result);
	cr_expect_str_eq(ctl_field_show(ctl_field_find(type, "snat_address"), &result, text), "-");
	cr_expect_str_eq(ctl_field_show(ctl_field_find(type, "snat_port"), &result, text), "-");
	cr_expect_str_eq(ctl_field_show(ctl_field_find(type, "backend"), &result, text), "-");
	cr_expect_str_eq(ctl_field_show(ctl_field_find(type, "lane"), &result, text), "0");
}

Test(ctl_field, what_was_typed_is_read_or_refused)
{
	static const struct {
		const char *field, *text;
		bool ok;
	} cases[] = {
		{"weight", "0", true},
		{"weight", "1000", true},
		{"weight", "1001", false},
		{"weight", "", false},
		{"weight", " 1", false},
		{"weight", "1x", false},
		{"state", "up", true},
		{"state", "Up", false},
		{"state", "", false},
		{"port", "80", true},
		{"port", "0", false},
		{"port", "99999999999999999999", false},
		{"address", "::1", true},
		{"address", "", false},
		{"mac", "02:00:00:00:00:01", true},
		{"mac", "2:0", false},
		{"server_id", "0aFF", true},
		{"server_id", "", false},
		{"server_id", "000102030405060708090a0b0c0d0e0f", false},
		{"name", "", false},
	};
	const struct ctl_type *type = ctl_method_types[CTL_BACKEND_ADD].params;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct ctl_field *f = ctl_field_find(type, cases[i].field);
		union ctl_params params, before;
		struct err err = {0};

		ctl_method_init_params(CTL_BACKEND_ADD, &params);
		before = params;
		cr_expect_eq(ctl_field_read(f, &params, cases[i].text, &err) == 0, cases[i].ok,
		             "%s \"%s\"", cases[i].field, cases[i].text);
		cr_expect_eq(err.code == 0, cases[i].ok);
		cr_expect(cases[i].ok || memcmp(&params, &before, type->size) == 0,
		          "untouched on failure");
	}
}

Test(ctl_field, connection_ids_are_longer_than_server_ids)
{
	const struct ctl_field *f = ctl_field_find(ctl_method_types[CTL_EXPLAIN].params, "cid");
	static const char longest[] = "000102030405060708090a0b0c0d0e0f10111213";
	char shown[CTL_FIELD_TEXT_SIZE];
	union ctl_params params = {0};
	struct err err;

	cr_assert_eq(ctl_field_read(f, &params, longest, &err), 0);
	cr_expect_eq(params.explain_params.cid.len, 20);
	cr_expect_eq(params.explain_params.scid.len, 0, "nothing is written behind it");
	cr_expect_str_eq(ctl_field_show(f, &params, shown), longest);
	cr_expect_eq(ctl_field_read(f, &params, "000102030405060708090a0b0c0d0e0f1011121314", &err),
	             -EINVAL);
}

static void expect_documented(const struct ctl_type *type, bool is_result, const char *what)
{
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct ctl_field *f = &type->fields[i];

		cr_expect(f->help && *f->help, "%s.%s", what, f->name);
		cr_expect(!is_result || (f->heading && *f->heading), "%s.%s", what, f->name);
		cr_expect(f->kind != CTL_TEXT || f->size > 1, "%s.%s", what, f->name);
		if (f->kind == CTL_ROWS)
			expect_documented(f->rows, is_result, f->name);
	}
}

Test(ctl_field, every_field_of_every_method_is_documented)
{
	for (unsigned m = CTL_METHOD_NONE + 1; m < CTL_METHOD_COUNT; m++) {
		expect_documented(ctl_method_types[m].params, false, ctl_method_types[m].name);
		expect_documented(ctl_method_types[m].result, true, ctl_method_types[m].name);
		cr_expect(*ctl_method_types[m].help);
	}
}
