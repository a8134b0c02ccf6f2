// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics_page.h"

#include <string.h>

#include "l4/model/stats_log2.h"

void metrics_page_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

// Whole numbers whole, as doubles hold them up to 2^53; others without an exponent and zeros at the end.
static const char *number(char text[48], double value)
{
	size_t n;

	if (value == (double)(int64_t)value) {
		snprintf(text, 48, "%lld", (long long)value);
		return text;
	}
	n = (size_t)snprintf(text, 48, "%.9f", value);
	while (text[n - 1] == '0')
		n--;
	text[n] = '\0';
	return text;
}

void metrics_page_value(FILE *out, const char *name, const char *labels, double value)
{
	char text[48];

	if (*labels)
		fprintf(out, "%s{%s} %s\n", name, labels, number(text, value));
	else
		fprintf(out, "%s %s\n", name, number(text, value));
}

void metrics_page_label(char labels[METRICS_PAGE_LABELS], const char *label, const char *value)
{
	char *at = labels + strlen(labels), *end = labels + METRICS_PAGE_LABELS;
	int n = snprintf(at, (size_t)(end - at), "%s%s=\"", *labels ? "," : "", label);

	if (n < 0 || n >= end - at - 4) {
		*at = '\0'; // no room for as much as an empty value
		return;
	}
	for (at += n; *value && at < end - 3; value++) {
		if (strchr("\\\"\n", *value))
			*at++ = '\\';
		*at++ = (char)(*value == '\n' ? 'n' : *value);
	}
	memcpy(at, "\"", 2);
}

// The labels of thing i in a family.
static const char *labels_of(char out[METRICS_PAGE_LABELS], const struct metrics_page_set *set,
                             size_t i, const struct metrics_family *f)
{
	if (!f->label)
		return set->labels[i];
	memcpy(out, set->labels[i], METRICS_PAGE_LABELS);
	metrics_page_label(out, f->label, f->value);
	return out;
}

static const char *values_of(const struct metrics_page_set *set, size_t i, uint16_t offset)
{
	return (const char *)set->values + i * set->stride + offset;
}

// --- counters ---

static void write_field(FILE *out, const struct metrics_page_set *set, const struct stats_field *f,
                        const struct metrics_family *family)
{
	char space[METRICS_PAGE_LABELS];

	for (size_t i = 0; i < set->n; i++) {
		uint64_t value = stats_value(values_of(set, i, 0), f);

		// A gauge may be below zero for a moment: its summands were read one after the other.
		metrics_page_value(out, family->name, labels_of(space, set, i, family),
		                   family->is_counter ? (double)value * family->scale
		                                      : (double)(int64_t)value);
	}
}

// Whether an earlier field has begun this family.
static bool is_begun(const struct metrics_page_set *set, const struct stats_field *fields, size_t n,
                     const struct metrics_rule *rules, const struct metrics_family *family)
{
	for (size_t i = 0; i < n; i++) {
		struct metrics_family earlier;

		metrics_family_of(&earlier, set->prefix, &fields[i], rules);
		if (strcmp(earlier.name, family->name) == 0)
			return true;
	}
	return false;
}

void metrics_page_counters(FILE *out, const struct metrics_page_set *set,
                           const struct stats_field *fields, size_t n,
                           const struct metrics_rule *rules)
{
	for (size_t i = 0; i < n; i++) {
		struct metrics_family family, other;

		metrics_family_of(&family, set->prefix, &fields[i], rules);
		if (is_begun(set, fields, i, rules, &family))
			continue;
		metrics_page_head(out, family.name, family.is_counter ? "counter" : "gauge",
		                  family.help);
		for (size_t j = i; j < n; j++) {
			metrics_family_of(&other, set->prefix, &fields[j], rules);
			if (strcmp(other.name, family.name) == 0)
				write_field(out, set, &fields[j], &other);
		}
	}
}

// --- histograms ---

static void write_bucket(FILE *out, const char *name, const char *labels, const char *bound,
                         uint64_t n)
{
	fprintf(out, "%s_bucket{%s,le=\"%s\"} %llu\n", name, labels, bound, (unsigned long long)n);
}

static void write_end(FILE *out, const char *name, const char *labels, double sum, uint64_t n)
{
	char text[48];

	write_bucket(out, name, labels, "+Inf", n);
	fprintf(out, "%s_sum{%s} %s\n", name, labels, number(text, sum));
	fprintf(out, "%s_count{%s} %llu\n", name, labels, (unsigned long long)n);
}

static void write_time(FILE *out, const char *name, const char *labels,
                       const struct stats_histogram *h, const uint64_t *bounds)
{
	char text[48];

	for (; *bounds; bounds++)
		write_bucket(out, name, labels, number(text, (double)*bounds * 1e-9),
		             stats_histogram_up_to(h, *bounds));
	write_end(out, name, labels, (double)h->sum_ns * 1e-9, stats_histogram_count(h));
}

void metrics_page_times(FILE *out, const struct metrics_page_set *set,
                        const struct stats_time *fields, size_t n)
{
	char space[METRICS_PAGE_LABELS], last[METRICS_FAMILY_NAME] = "";

	for (size_t i = 0; i < n; i++) {
		struct metrics_family family;

		metrics_family_of_time(&family, set->prefix, &fields[i]);
		if (strcmp(last, family.name) != 0)
			metrics_page_head(out, family.name, "histogram", family.help);
		memcpy(last, family.name, sizeof(last));
		for (size_t j = 0; j < set->n; j++)
			write_time(out, family.name, labels_of(space, set, j, &family),
			           (const struct stats_histogram *)(const void *)values_of(
					   set, j, fields[i].offset),
			           metrics_family_bounds(fields[i].name));
	}
}

// Bounds that are shown: of times 32 to 2^25 units (of us: half a minute), of numbers up to 1023.
enum { LOG2_TIME_FIRST = 5, LOG2_TIME_LAST = 25, LOG2_NUMBER_LAST = 10 };

// Bucket b holds whole units up to 2^b - 1, so of times what is below 2^b units.
static void write_log2(FILE *out, const struct metrics_family *f, const char *labels,
                       const struct counters_log2 *h)
{
	bool is_time = f->scale < 1;
	unsigned first = is_time ? LOG2_TIME_FIRST : 0;
	unsigned last = is_time ? LOG2_TIME_LAST : LOG2_NUMBER_LAST;
	uint64_t n = 0;
	char text[48];

	for (unsigned b = 0; b < COUNTERS_LOG2_BUCKETS; b++) {
		double bound = (double)(UINT64_C(1) << b) - (is_time ? 0 : 1);

		n += h->bucket[b];
		if (b >= first && b <= last)
			write_bucket(out, f->name, labels, number(text, bound * f->scale), n);
	}
	write_end(out, f->name, labels, (double)h->sum * f->scale, n);
}

void metrics_page_log2(FILE *out, const struct metrics_page_set *set,
                       const struct stats_log2_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct metrics_family family;

		metrics_family_of_log2(&family, set->prefix, &fields[i]);
		metrics_page_head(out, family.name, "histogram", family.help);
		for (size_t j = 0; j < set->n; j++)
			write_log2(out, &family, set->labels[j],
			           (const struct counters_log2 *)(const void *)values_of(
					   set, j, fields[i].offset));
	}
}
