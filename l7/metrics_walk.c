// SPDX-License-Identifier: BSD-3-Clause
#include "l7/metrics_walk.h"

#include <assert.h>
#include <string.h>

#include "l4/base/hash.h"

// Fields are numbered through: counters, times, histograms of TCP.
enum sort { COUNTER, TIME, LOG2 };

struct place {
	enum sort sort;
	uint16_t i; // in its list
};

static const struct metrics_set_lists *lists_of(const struct metrics_walk *w)
{
	return &metrics_set_lists[w->set->kind];
}

static uint16_t count_fields(const struct metrics_set_lists *l)
{
	return (uint16_t)(l->n_fields + l->n_times + l->n_log2s);
}

static struct place place_of(const struct metrics_set_lists *l, uint16_t field)
{
	if (field < l->n_fields)
		return (struct place){COUNTER, field};
	field = (uint16_t)(field - l->n_fields);
	if (field < l->n_times)
		return (struct place){TIME, field};
	return (struct place){LOG2, (uint16_t)(field - l->n_times)};
}

static void family_of(struct metrics_family *out, const struct metrics_set_lists *l, uint16_t field)
{
	const struct place p = place_of(l, field);

	if (p.sort == COUNTER)
		metrics_family_of(out, l->prefix, &l->fields[p.i], l->rules);
	else if (p.sort == TIME)
		metrics_family_of_time(out, l->prefix, &l->times[p.i]);
	else
		metrics_family_of_log2(out, l->prefix, &l->log2s[p.i]);
}

// --- rows ---

static void write_counter(const struct metrics_walk *w, struct text *out, const char *labels,
                          const struct stats_field *f)
{
	const struct metrics_family *family = &w->family;
	uint64_t value = stats_slots_word(&w->set->counters, w->set->ids[w->i], f->offset);

	if (family->unit_ns)
		metrics_page_seconds(out, family->name, labels, value * family->unit_ns);
	else if (family->is_counter)
		metrics_page_count(out, family->name, labels, value);
	else // below zero for a moment, as its summands are read one after the other
		metrics_page_gauge(out, family->name, labels, (int64_t)value);
}

static void write_time(const struct metrics_walk *w, struct text *out, const char *labels,
                       const struct stats_time *f)
{
	struct stats_histogram h;

	stats_slots_sum(&w->set->times, w->set->ids[w->i], f->offset, &h, sizeof(h));
	metrics_page_time(out, w->family.name, labels, &h, metrics_family_bounds(f->name));
}

static void write_log2(const struct metrics_walk *w, struct text *out, const char *labels,
                       const struct stats_log2_field *f)
{
	struct counters_log2 h;

	stats_slots_sum(&w->set->counters, w->set->ids[w->i], f->offset, &h, sizeof(h));
	metrics_page_log2(out, &w->family, labels, &h);
}

static void write_row(const struct metrics_walk *w, struct text *out)
{
	const struct metrics_set_lists *l = lists_of(w);
	const struct place p = place_of(l, w->field);
	char labels[METRICS_PAGE_LABELS];

	if (p.sort == TIME && !metrics_set_has_time(w->set, w->i, p.i))
		return;
	if (!metrics_set_label(w->set, w->i, labels))
		return;
	if (w->family.is_gen_ai)
		metrics_set_label_model_api(w->set, w->i, labels);
	if (w->family.label)
		metrics_page_label(labels, w->family.label, w->family.value);
	if (p.sort == COUNTER)
		write_counter(w, out, labels, &l->fields[p.i]);
	else if (p.sort == TIME)
		write_time(w, out, labels, &l->times[p.i]);
	else
		write_log2(w, out, labels, &l->log2s[p.i]);
}

// --- order ---

// Hashes of the families' names, made once: to make all names anew for each question would be a millisecond for each page.
enum { MOST_FIELDS = 128 };
static uint64_t name_hashes[METRICS_KINDS][MOST_FIELDS];

static const uint64_t *names_of(const struct metrics_walk *w)
{
	const struct metrics_set_lists *l = lists_of(w);
	uint64_t *hashes = name_hashes[w->set->kind];
	struct metrics_family family;

	assert(count_fields(l) <= MOST_FIELDS);
	for (uint16_t f = 0; !hashes[0] && f < count_fields(l); f++) {
		uint16_t last = (uint16_t)(count_fields(l) - 1 -
		                           f); // the first one says that all are there

		family_of(&family, l, last);
		hashes[last] = hash_bytes(family.name, strlen(family.name), 1);
	}
	return hashes;
}

// The next field of this family, wherever it stands.
static bool next_field(struct metrics_walk *w)
{
	const struct metrics_set_lists *l = lists_of(w);
	const uint64_t *names = names_of(w);

	for (uint16_t f = (uint16_t)(w->field + 1); f < count_fields(l); f++) {
		if (names[f] != names[w->field])
			continue;
		w->field = f;
		family_of(&w->family, l, f);
		w->i = 0;
		return true;
	}
	return false;
}

// Whether an earlier field has begun the family of this one.
static bool is_begun(const uint64_t *names, uint16_t field)
{
	for (uint16_t f = 0; f < field; f++)
		if (names[f] == names[field])
			return true;
	return false;
}

static bool begin_family(struct metrics_walk *w, uint16_t field)
{
	const struct metrics_set_lists *l = lists_of(w);

	while (field < count_fields(l) && is_begun(names_of(w), field))
		field++;
	if (field == count_fields(l))
		return false;
	family_of(&w->family, l, field);
	w->first = w->field = field;
	w->i = 0;
	w->is_headed = false;
	return true;
}

void metrics_walk_begin(struct metrics_walk *w, const struct metrics_set *set)
{
	w->set = set;
	begin_family(w, 0); // every kind has fields
}

static void write_head(const struct metrics_walk *w, struct text *out)
{
	const char *type = place_of(lists_of(w), w->first).sort != COUNTER ? "histogram"
	                   : w->family.is_counter                          ? "counter"
	                                                                   : "gauge";

	metrics_page_head(out, w->family.name, type, w->family.help);
}

bool metrics_walk_step(struct metrics_walk *w, struct text *out)
{
	if (!w->is_headed) {
		write_head(w, out);
		w->is_headed = true;
		return true;
	}
	if (w->i < w->set->n) {
		write_row(w, out);
		w->i++;
		return true;
	}
	return next_field(w) || begin_family(w, (uint16_t)(w->first + 1));
}
