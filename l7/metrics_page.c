// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics_page.h"

#include <stdio.h>
#include <string.h>

#include "l4/base/clock.h"
#include "l4/model/stats_log2.h"

void metrics_page_head(struct text *out, const char *name, const char *type, const char *help)
{
	TEXT_ADD_LITERAL(out, "# HELP ");
	text_add_z(out, name);
	TEXT_ADD_LITERAL(out, " ");
	text_add_z(out, help);
	TEXT_ADD_LITERAL(out, "\n# TYPE ");
	text_add_z(out, name);
	TEXT_ADD_LITERAL(out, " ");
	text_add_z(out, type);
	TEXT_ADD_LITERAL(out, "\n");
}

static void begin(struct text *out, const char *name, const char *labels)
{
	text_add_z(out, name);
	if (*labels) {
		TEXT_ADD_LITERAL(out, "{");
		text_add_z(out, labels);
		TEXT_ADD_LITERAL(out, "}");
	}
	TEXT_ADD_LITERAL(out, " ");
}

// Exact, without an exponent and zeros at the end.
static void add_seconds(struct text *out, uint64_t ns)
{
	char digits[] = ".000000000";
	uint64_t rest = ns % CLOCK_NS_PER_S;
	size_t n = 0;

	text_add_number(out, ns / CLOCK_NS_PER_S);
	for (size_t i = 9; i; i--, rest /= 10) {
		digits[i] = (char)('0' + rest % 10);
		if (!n && digits[i] != '0')
			n = i + 1;
	}
	text_add(out, digits, n);
}

void metrics_page_count(struct text *out, const char *name, const char *labels, uint64_t value)
{
	begin(out, name, labels);
	text_add_number(out, value);
	TEXT_ADD_LITERAL(out, "\n");
}

void metrics_page_gauge(struct text *out, const char *name, const char *labels, int64_t value)
{
	begin(out, name, labels);
	if (value < 0)
		TEXT_ADD_LITERAL(out, "-");
	text_add_number(out, value < 0 ? -(uint64_t)value : (uint64_t)value);
	TEXT_ADD_LITERAL(out, "\n");
}

void metrics_page_seconds(struct text *out, const char *name, const char *labels, uint64_t ns)
{
	begin(out, name, labels);
	add_seconds(out, ns);
	TEXT_ADD_LITERAL(out, "\n");
}

// --- labels ---

static void add_escaped(struct text *t, char c)
{
	const char pair[] = {'\\', c == '\n' ? 'n' : c};

	if (c == '\\' || c == '"' || c == '\n')
		text_add(t, pair, sizeof(pair));
	else
		text_add(t, &c, 1);
}

void metrics_page_label(char labels[METRICS_PAGE_LABELS], const char *label, const char *value)
{
	size_t before = strlen(labels);
	// The closing quote and the end have their room in any case.
	struct text t = {.ptr = labels, .len = before, .size = METRICS_PAGE_LABELS - 2};

	if (before > t.size)
		return;
	if (before)
		TEXT_ADD_LITERAL(&t, ",");
	text_add_z(&t, label);
	TEXT_ADD_LITERAL(&t, "=\"");
	if (t.is_cut) {
		labels[before] = '\0';
		return;
	}
	for (; *value && !t.is_cut; value++)
		add_escaped(&t, *value);
	labels[t.len] = '"';
	labels[t.len + 1] = '\0';
}

void metrics_page_label_number(char labels[METRICS_PAGE_LABELS], const char *label, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	metrics_page_label(labels, label, text);
}

// --- histograms ---

static void begin_bucket(struct text *out, const char *name, const char *labels)
{
	text_add_z(out, name);
	TEXT_ADD_LITERAL(out, "_bucket{");
	text_add_z(out, labels);
	TEXT_ADD_LITERAL(out, ",le=\"");
}

static void end_bucket(struct text *out, uint64_t n)
{
	TEXT_ADD_LITERAL(out, "\"} ");
	text_add_number(out, n);
	TEXT_ADD_LITERAL(out, "\n");
}

// What all have behind their buckets; of numbers (unit_ns 0) or times.
static void add_end(struct text *out, const char *name, const char *labels, uint64_t n)
{
	begin_bucket(out, name, labels);
	TEXT_ADD_LITERAL(out, "+Inf");
	end_bucket(out, n);
	text_add_z(out, name);
	begin(out, "_count", labels);
	text_add_number(out, n);
	TEXT_ADD_LITERAL(out, "\n");
	text_add_z(out, name);
	begin(out, "_sum", labels);
}

void metrics_page_time(struct text *out, const char *name, const char *labels,
                       const struct stats_histogram *h, const uint64_t *bounds)
{
	uint64_t n = 0;
	size_t bucket = 0;

	for (; *bounds; bounds++) {
		while (bucket < STATS_HISTOGRAM_BOUNDS && stats_histogram_bounds[bucket] <= *bounds)
			n += h->bucket[bucket++];
		begin_bucket(out, name, labels);
		add_seconds(out, *bounds);
		end_bucket(out, n);
	}
	add_end(out, name, labels, stats_histogram_count(h));
	add_seconds(out, h->sum_ns);
	TEXT_ADD_LITERAL(out, "\n");
}

// Bounds that are shown: of times 32 to 2^25 units (of us: half a minute), of numbers up to 1023.
enum { LOG2_TIME_FIRST = 5, LOG2_TIME_LAST = 25, LOG2_NUMBER_LAST = 10 };

// Bucket b holds whole units up to 2^b - 1, so of times what is below 2^b units.
void metrics_page_log2(struct text *out, const struct metrics_family *family, const char *labels,
                       const struct counters_log2 *h)
{
	uint64_t unit_ns = family->unit_ns, n = 0;
	unsigned first = unit_ns ? LOG2_TIME_FIRST : 0;
	unsigned last = unit_ns ? LOG2_TIME_LAST : LOG2_NUMBER_LAST;

	for (unsigned b = 0; b <= last; b++) {
		n += h->bucket[b];
		if (b < first)
			continue;
		begin_bucket(out, family->name, labels);
		if (unit_ns)
			add_seconds(out, (UINT64_C(1) << b) * unit_ns);
		else
			text_add_number(out, (UINT64_C(1) << b) - 1);
		end_bucket(out, n);
	}
	add_end(out, family->name, labels, stats_log2_count(h));
	if (unit_ns)
		add_seconds(out, h->sum * unit_ns);
	else
		text_add_number(out, h->sum);
	TEXT_ADD_LITERAL(out, "\n");
}
