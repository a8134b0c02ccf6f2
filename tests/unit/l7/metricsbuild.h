// SPDX-License-Identifier: BSD-3-Clause
// Pages of metrics, of a manager and an lb4d's half of the counter store that the test fills; and what a page must be
// (prometheus.io, "Exposition formats"): families in one piece, each behind its HELP and TYPE, no sample twice.
#pragma once

#include "l4/model/stats.h"
#include "l7/metrics.h"

#include "tests/unit/l7/managerbuild.h"

#include <string.h>

enum { METRICSBUILD_LINES = 100000 };

struct metricsbuild {
	struct managerbuild b;
	struct stats l4;
	char *page; // the last one, ends with '\0'
	size_t len;
	unsigned n_pieces;
};

// A configuration with n backends that a route names, and no service, so that no port is needed.
static inline struct conf *metricsbuild_conf(const struct metricsbuild *m, const char *pool,
                                             unsigned n)
{
	size_t size = 1024 + (size_t)n * 80, at;
	char *text = malloc(size);
	struct conf *conf;

	at = (size_t)snprintf(
		text, size,
		"{'node': 'edge-1', 'stats': '%s', 'workers': 1, 'l7': [{'name': 'x', "
		"'routes': [{'path': '/', 'pool': '%s'}]}], 'pools': [{'name': '%s', "
		"'backends': [",
		m->b.dir, pool, pool);
	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, size - at,
		                       "%s{'name': 'b%u', 'address': '127.0.%u.%u', 'port': 80}",
		                       i ? "," : "", i, i / 200, 1 + i % 200);
	snprintf(text + at, size - at, "]}]}");
	conf = managerbuild_conf(text);
	free(text);
	return conf;
}

static inline void metricsbuild_begin(struct metricsbuild *m)
{
	struct err err;

	memset(m, 0, sizeof(*m));
	managerbuild_begin(&m->b);
	cr_assert_eq(stats_open_shm(&m->l4, m->b.dir, &err), 0, "%s", err.msg);
	stats_announce(&m->l4, "edge-1", 2, (uint32_t)getpid());
}

static inline void metricsbuild_apply(struct metricsbuild *m, const char *pool, unsigned n)
{
	struct err err;

	cr_assert_eq(manager_apply(&m->b.manager, metricsbuild_conf(m, pool, n), &err), 0, "%s",
	             err.msg);
}

static inline void metricsbuild_end(struct metricsbuild *m)
{
	char shm[STATS_DIR_SIZE], command[STATS_DIR_SIZE + 16];

	cr_assert_eq(stats_shm_dir(shm, m->b.dir), 0);
	managerbuild_end(&m->b);
	stats_close(&m->l4);
	snprintf(command, sizeof(command), "rm -r %s", shm);
	cr_expect_eq(system(command), 0);
	free(m->page);
}

// A page; between its pieces, `meanwhile` may happen.
static inline void metricsbuild_read(struct metricsbuild *m,
                                     void (*meanwhile)(struct metricsbuild *m))
{
	struct metrics *page = metrics_open(&m->b.manager);
	char piece[METRICS_PIECE];
	bool has_more = true;

	cr_assert_not_null(page);
	m->len = m->n_pieces = 0;
	while (has_more) {
		struct text out = text_of(piece, sizeof(piece));

		has_more = metrics_next(page, &out);
		m->page = realloc(m->page, m->len + out.len + 1);
		memcpy(m->page + m->len, piece, out.len);
		m->len += out.len;
		m->page[m->len] = '\0';
		m->n_pieces++;
		if (meanwhile)
			meanwhile(m);
	}
	metrics_close(page);
}

// --- what a page must be ---

struct metricsbuild_line {
	struct slice sample, family;
};

static inline int metricsbuild_compare(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = memcmp(a.ptr, b.ptr, n);

	return order ? order : (int)a.len - (int)b.len;
}

static inline int metricsbuild_by_sample(const void *a, const void *b)
{
	return metricsbuild_compare(((const struct metricsbuild_line *)a)->sample,
	                            ((const struct metricsbuild_line *)b)->sample);
}

static inline bool metricsbuild_ends_with(struct slice s, const char *end)
{
	size_t n = strlen(end);

	return s.len > n && memcmp(s.ptr + s.len - n, end, n) == 0;
}

// Name of the family that a sample of this type belongs to.
static inline struct slice metricsbuild_family(const char *line, bool is_histogram)
{
	static const char *const ends[] = {"_bucket", "_sum", "_count"};
	struct slice name = slice_of(line, strcspn(line, "{ "));

	for (size_t i = 0; is_histogram && i < ARRAY_LEN(ends); i++)
		if (metricsbuild_ends_with(name, ends[i]))
			name.len -= strlen(ends[i]);
	return name;
}

static inline void metricsbuild_no_twins(struct metricsbuild_line *lines, size_t n)
{
	qsort(lines, n, sizeof(*lines), metricsbuild_by_sample);
	for (size_t i = 1; i < n; i++)
		cr_assert(!slice_eq(lines[i - 1].sample, lines[i].sample), "twice: %.*s",
		          (int)lines[i].sample.len, (const char *)lines[i].sample.ptr);
}

// Asserts that the page is one; returns how many samples it has.
static inline size_t metricsbuild_check(const struct metricsbuild *m)
{
	struct metricsbuild_line *lines = calloc(METRICSBUILD_LINES, sizeof(*lines));
	struct metricsbuild_line *heads = calloc(1000, sizeof(*heads));
	size_t n = 0, n_heads = 0;
	bool is_histogram = false;

	cr_assert(m->len && m->page[m->len - 1] == '\n');
	for (const char *at = m->page, *end; *at; at = end + 1) {
		end = strchr(at, '\n');
		if (strncmp(at, "# HELP ", 7) == 0) {
			heads[n_heads++].sample = slice_of(at + 7, strcspn(at + 7, " "));
			cr_assert_eq(strncmp(end + 1, "# TYPE ", 7), 0, "%.80s", at);
			continue;
		}
		cr_assert_gt(n_heads, 0);
		if (strncmp(at, "# TYPE ", 7) == 0) {
			cr_assert(strncmp(at + 7, (const char *)heads[n_heads - 1].sample.ptr,
			                  heads[n_heads - 1].sample.len + 1) == 0);
			is_histogram = memmem(at, (size_t)(end - at), " histogram", 10);
			continue;
		}
		cr_assert_lt(n, METRICSBUILD_LINES);
		lines[n].family = metricsbuild_family(at, is_histogram);
		cr_assert(slice_eq(lines[n].family, heads[n_heads - 1].sample),
		          "not of its family: %.*s", (int)(end - at), at);
		lines[n++].sample = slice_of(
			at, (size_t)((const char *)memrchr(at, ' ', (size_t)(end - at)) - at));
	}
	metricsbuild_no_twins(lines, n);
	metricsbuild_no_twins(heads, n_heads);
	free(lines);
	free(heads);
	return n;
}

// The value of a sample, "" if it is not there.
static inline const char *metricsbuild_value(const struct metricsbuild *m, const char *sample)
{
	static char value[64];
	size_t n = strlen(sample);

	for (const char *at = m->page; at && *at; at = strchr(at, '\n') + 1)
		if (strncmp(at, sample, n) == 0 && at[n] == ' ') {
			snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + n + 1, "\n"),
			         at + n + 1);
			return value;
		}
	return "";
}
