// SPDX-License-Identifier: BSD-3-Clause
// Figures in few columns, for people. NAN is "-".
#pragma once

#include "l4/base/cc.h"

enum { LBTOP_FORMAT_SIZE = 24 };

enum lbtop_unit {
	LBTOP_COUNT,   // "0" "0.4" "12" "1.23k" "45.6M"
	LBTOP_PERCENT, // of 0..1: "0.0" "12.3" "100"
	LBTOP_TIME,    // of nanoseconds: "850ns" "12.3us" "1.23ms" "45.6s"
	LBTOP_UNIT_COUNT
};

// Writes at most seven columns into out[LBTOP_FORMAT_SIZE]; returns out.
const char *lbtop_format(char *out, enum lbtop_unit unit, double value);

// A time span for titles: "42s", "5m12s", "3h04m", "12d03h".
const char *lbtop_format_age(char *out, uint64_t seconds);

// A whole number, digit by digit.
const char *lbtop_format_exact(char *out, uint64_t value);
