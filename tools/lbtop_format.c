// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct step {
	double unit;
	const char *suffix;
};

static const struct step counts[] = {
	{1e18, "E"}, {1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"},
};
static const struct step times[] = {
	{1e9, "s"},
	{1e6, "ms"},
	{1e3, "us"},
};

// Three digits: what rounds to 1000 of a unit is 1.00 of the next.
static void write_scaled(char *out, double value, const struct step *s)
{
	double scaled = value / s->unit;
	int decimals = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;

	snprintf(out, LBTOP_FORMAT_SIZE, "%.*f%s", decimals, scaled, s->suffix);
}

static const struct step *step_of(const struct step *steps, size_t n, double value)
{
	for (size_t i = 0; i < n; i++)
		if (value >= steps[i].unit * 0.9995)
			return &steps[i];
	return NULL;
}

static void write_count(char *out, double value)
{
	const struct step *s = step_of(counts, ARRAY_LEN(counts), value);

	if (s && value >= 999.5)
		write_scaled(out, value, s);
	else if (value > 0 && value < 9.95 && value != floor(value))
		snprintf(out, LBTOP_FORMAT_SIZE, "%.1f", value);
	else
		snprintf(out, LBTOP_FORMAT_SIZE, "%.0f", value);
}

static void write_time(char *out, double ns)
{
	const struct step *s = step_of(times, ARRAY_LEN(times), ns);

	if (ns >= 1e12) // beyond any latency: whole seconds
		snprintf(out, LBTOP_FORMAT_SIZE, "%.0fs", fmin(ns / 1e9, 999999));
	else if (s)
		write_scaled(out, ns, s);
	else
		snprintf(out, LBTOP_FORMAT_SIZE, "%.0fns", ns);
}

const char *lbtop_format(char *out, enum lbtop_unit unit, double value)
{
	if (isnan(value)) {
		snprintf(out, LBTOP_FORMAT_SIZE, "-");
		return out;
	}
	switch (unit) {
	case LBTOP_PERCENT:
		snprintf(out, LBTOP_FORMAT_SIZE, "%.*f", value < 0.9995 ? 1 : 0, value * 100);
		break;
	case LBTOP_TIME:
		write_time(out, value);
		break;
	default:
		write_count(out, value);
	}
	return out;
}

const char *lbtop_format_age(char *out, uint64_t seconds)
{
	uint64_t minutes = seconds / 60, hours = minutes / 60;

	if (minutes == 0)
		snprintf(out, LBTOP_FORMAT_SIZE, "%" PRIu64 "s", seconds);
	else if (hours == 0)
		snprintf(out, LBTOP_FORMAT_SIZE, "%" PRIu64 "m%02" PRIu64 "s", minutes,
		         seconds % 60);
	else if (hours < 24)
		snprintf(out, LBTOP_FORMAT_SIZE, "%" PRIu64 "h%02" PRIu64 "m", hours, minutes % 60);
	else
		snprintf(out, LBTOP_FORMAT_SIZE, "%" PRIu64 "d%02" PRIu64 "h", hours / 24,
		         hours % 24);
	return out;
}

const char *lbtop_format_exact(char *out, uint64_t value)
{
	snprintf(out, LBTOP_FORMAT_SIZE, "%" PRIu64, value);
	return out;
}
