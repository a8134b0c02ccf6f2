// SPDX-License-Identifier: BSD-3-Clause
// What the kernel counts of TCP: rows for those of lb4d's services and backends that have had a connection.
#include <errno.h>
#include <string.h>

#include "l4/model/stats_log2.h"
#include "tools/lbtop_source.h"

struct side {
	enum lbtop_kind owners; // rows that are in the sample already
	enum lbtop_kind kind;
	const struct tcp_counters *counters; // by the owner's id
};

static bool is_used(const struct tcp_counters *c)
{
	for (size_t i = 0; i < STATS_TCP_FIELDS; i++)
		if (stats_value(c, &stats_tcp_fields[i]))
			return true;
	return false;
}

static const struct counters_log2 *log_of(const struct tcp_counters *c, size_t i)
{
	return (const void *)((const char *)c + stats_tcp_histograms[i].offset);
}

static bool has_logs(const struct tcp_counters *c)
{
	for (size_t i = 0; i < STATS_TCP_HISTOGRAMS; i++)
		if (stats_log2_count(log_of(c, i)))
			return true;
	return false;
}

static int copy_logs(struct lbtop_sample *out, enum lbtop_kind kind, struct lbtop_row *row,
                     const struct tcp_counters *c)
{
	if (!has_logs(c))
		return 0;
	if (lbtop_sample_make_logs(out, kind, row))
		return -ENOMEM;
	for (size_t i = 0; i < STATS_TCP_HISTOGRAMS; i++)
		stats_log2_add(&row->logs[i], log_of(c, i));
	return 0;
}

static void copy_name(struct lbtop_row *row, const struct lbtop_row *owner)
{
	row->id = owner->id;
	row->is_retired = owner->is_retired;
	memcpy(row->name, owner->name, sizeof(row->name));
	memcpy(row->pool, owner->pool, sizeof(row->pool));
	memcpy(row->address, owner->address, sizeof(row->address));
}

static int copy_side(struct lbtop_sample *out, const struct side *side)
{
	const struct lbtop_rows *owners = &out->rows[side->owners];
	struct lbtop_rows *rows = &out->rows[side->kind];
	size_t n = 0, n_made;
	int rc;

	for (size_t i = 0; i < owners->n; i++)
		n += is_used(&side->counters[owners->row[i].id]);
	rc = lbtop_sample_make_rows(out, side->kind, n);
	n_made = n;
	n = 0;
	for (size_t i = 0; !rc && i < owners->n && n < n_made; i++) {
		const struct tcp_counters *c = &side->counters[owners->row[i].id];
		struct lbtop_row *row = &rows->row[n];

		if (!is_used(c))
			continue;
		copy_name(row, &owners->row[i]);
		lbtop_source_words(row->value, c, lbtop_schemas[side->kind].n_values);
		rc = copy_logs(out, side->kind, row, c);
		n++;
	}
	rows->n = n;
	return rc;
}

int lbtop_source_copy_tcp(struct lbtop_sample *out, const struct stats *s)
{
	const struct side clients = {LBTOP_SERVICE, LBTOP_TCP_SERVICE, s->tcp_services};
	const struct side backends = {LBTOP_BACKEND, LBTOP_TCP_BACKEND, s->tcp_backends};
	int rc = copy_side(out, &clients);

	return rc ? rc : copy_side(out, &backends);
}
