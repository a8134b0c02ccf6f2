// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_sample.h"

#include <errno.h>
#include <stdlib.h>

const char *const lbtop_sample_states[LBTOP_STATE_COUNT] = {
	[LBTOP_ABSENT] = "absent",   [LBTOP_RUNNING] = "running", [LBTOP_STOPPED] = "stopped",
	[LBTOP_DEAD] = "dead",       [LBTOP_REMOVED] = "removed", [LBTOP_UNREADABLE] = "unreadable",
	[LBTOP_UNKNOWN] = "unknown",
};

const char *const lbtop_sample_daemons[LBTOP_HALVES] = {"lb4d", "lb7d"};

struct lbtop_sample *lbtop_sample_new(void)
{
	return calloc(1, sizeof(struct lbtop_sample));
}

void lbtop_sample_free(struct lbtop_sample *s)
{
	if (!s)
		return;
	arena_fini(&s->arena);
	free(s);
}

int lbtop_sample_make_rows(struct lbtop_sample *s, enum lbtop_kind kind, size_t n)
{
	size_t n_values = lbtop_schemas[kind].n_values;
	struct lbtop_rows *rows = &s->rows[kind];
	uint64_t *values;

	if (n == 0)
		return 0;
	rows->row = arena_alloc(&s->arena, n, sizeof(*rows->row), sizeof(uint64_t));
	values = arena_alloc(&s->arena, n, n_values * sizeof(*values), sizeof(*values));
	if (!rows->row || !values)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		rows->row[i].value = values + i * n_values;
	rows->n = n;
	return 0;
}

int lbtop_sample_make_times(struct lbtop_sample *s, enum lbtop_kind kind, struct lbtop_row *row)
{
	if (!row->times)
		row->times = arena_alloc(&s->arena, lbtop_schemas[kind].n_times,
		                         sizeof(*row->times), sizeof(uint64_t));
	return row->times ? 0 : -ENOMEM;
}

int lbtop_sample_make_logs(struct lbtop_sample *s, enum lbtop_kind kind, struct lbtop_row *row)
{
	if (!row->logs)
		row->logs = arena_alloc(&s->arena, lbtop_schemas[kind].n_logs, sizeof(*row->logs),
		                        sizeof(uint64_t));
	return row->logs ? 0 : -ENOMEM;
}

const struct lbtop_row *lbtop_sample_find(const struct lbtop_sample *s, enum lbtop_kind kind,
                                          uint32_t id)
{
	const struct lbtop_rows *rows = &s->rows[kind];
	size_t low = 0, high = rows->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (rows->row[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < rows->n && rows->row[low].id == id ? &rows->row[low] : NULL;
}

void lbtop_sample_text(char *out, size_t size, const char *text, size_t len)
{
	size_t n = 0;

	while (n + 1 < size && n < len && text[n]) {
		out[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
		n++;
	}
	out[n] = '\0';
}
