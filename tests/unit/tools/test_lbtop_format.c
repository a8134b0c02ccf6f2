// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_format.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const struct {
	enum lbtop_unit unit;
	double value;
	const char *want;
} cases[] = {
	{LBTOP_COUNT, 0, "0"},           {LBTOP_COUNT, 0.04, "0.0"},
	{LBTOP_COUNT, 0.4, "0.4"},       {LBTOP_COUNT, 7, "7"},
	{LBTOP_COUNT, 9.94, "9.9"},      {LBTOP_COUNT, 9.96, "10"},
	{LBTOP_COUNT, 12.3, "12"},       {LBTOP_COUNT, 999.4, "999"},
	{LBTOP_COUNT, 999.6, "1.00k"},   {LBTOP_COUNT, 1000, "1.00k"},
	{LBTOP_COUNT, 9994, "9.99k"},    {LBTOP_COUNT, 9996, "10.0k"},
	{LBTOP_COUNT, 99960, "100k"},    {LBTOP_COUNT, 999400, "999k"},
	{LBTOP_COUNT, 999600, "1.00M"},  {LBTOP_COUNT, 14.2e6, "14.2M"},
	{LBTOP_COUNT, 100e9, "100G"},    {LBTOP_COUNT, 18446744073709551615., "18.4E"},
	{LBTOP_COUNT, NAN, "-"},         {LBTOP_PERCENT, 0, "0.0"},
	{LBTOP_PERCENT, 0.1234, "12.3"}, {LBTOP_PERCENT, 0.9996, "100"},
	{LBTOP_PERCENT, 1, "100"},       {LBTOP_PERCENT, NAN, "-"},
	{LBTOP_TIME, 0, "0ns"},          {LBTOP_TIME, 850, "850ns"},
	{LBTOP_TIME, 999.6, "1.00us"},   {LBTOP_TIME, 12345, "12.3us"},
	{LBTOP_TIME, 180e3, "180us"},    {LBTOP_TIME, 1.5e6, "1.50ms"},
	{LBTOP_TIME, 2.5e9, "2.50s"},    {LBTOP_TIME, 1e13, "10000s"},
	{LBTOP_TIME, 1e30, "999999s"},   {LBTOP_TIME, NAN, "-"},
};

Test(lbtop_format, figures_have_three_digits_and_a_unit)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char out[LBTOP_FORMAT_SIZE];

		cr_expect_str_eq(lbtop_format(out, cases[i].unit, cases[i].value), cases[i].want);
	}
}

Test(lbtop_format, no_figure_is_wider_than_seven_columns)
{
	for (int unit = 0; unit < LBTOP_UNIT_COUNT; unit++) {
		for (double value = 1e-12; value < 1.8e19; value *= 1.37) {
			char out[LBTOP_FORMAT_SIZE];

			if (unit == LBTOP_PERCENT && value > 100)
				break;
			lbtop_format(out, unit, value);
			cr_assert_leq(strlen(out), 7, "unit %d: %s", unit, out);
		}
	}
}

static const struct {
	uint64_t seconds;
	const char *want;
} ages[] = {
	{0, "0s"},       {59, "59s"},       {60, "1m00s"},    {312, "5m12s"},      {3599, "59m59s"},
	{3600, "1h00m"}, {86399, "23h59m"}, {86400, "1d00h"}, {1047600, "12d03h"},
};

Test(lbtop_format, a_span_is_told_in_its_two_largest_units)
{
	for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
		char out[LBTOP_FORMAT_SIZE];

		cr_expect_str_eq(lbtop_format_age(out, ages[i].seconds), ages[i].want);
	}
}
