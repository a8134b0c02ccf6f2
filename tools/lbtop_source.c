// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "l4/base/clock.h"
#include "l4/model/conf.h"
#include "l4/model/health.h"
#include "l4/model/stats_writer.h"

int lbtop_source_init(struct lbtop_source *src, const char *dir, struct err *err)
{
	memset(src, 0, sizeof(*src));
	src->dir = dir;
	if (stats_shm_dir(src->shm, dir))
		return err_set(err, -ENAMETOOLONG, "a folder's name of %zu bytes is too long: %s",
		               strlen(dir), dir);
	return 0;
}

void lbtop_source_fini(struct lbtop_source *src)
{
	if (src->opened[LBTOP_LB4D].is_open)
		stats_close(&src->l4);
	if (src->opened[LBTOP_LB7D].is_open)
		stats_l7_close(&src->l7);
	memset(src->opened, 0, sizeof(src->opened));
}

// --- is a store still the one that was opened? ---

static struct lbtop_inode inode_of(const char *dir, const char *name)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (stat(path, &st) < 0)
		return (struct lbtop_inode){0};
	return (struct lbtop_inode){st.st_dev, st.st_ino};
}

static bool is_same(const struct lbtop_inode *a, const struct lbtop_inode *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

enum lbtop_found lbtop_source_look(const struct lbtop_source *src, enum lbtop_half half,
                                   const char *name, struct lbtop_inode here[2])
{
	const struct lbtop_opened *o = &src->opened[half];

	here[0] = inode_of(src->dir, name);
	here[1] = inode_of(src->shm, name);
	if (here[0].ino == 0 && here[1].ino == 0)
		return LBTOP_FOUND_NOTHING;
	if (o->is_open && is_same(&here[0], &o->inode[0]) && is_same(&here[1], &o->inode[1]))
		return LBTOP_FOUND_SAME;
	return LBTOP_FOUND_OTHER;
}

void lbtop_source_mark(struct lbtop_opened *o, const struct lbtop_inode here[2])
{
	o->is_open = true;
	o->is_removed = false;
	o->epoch++;
	memcpy(o->inode, here, sizeof(o->inode));
}

// --- samples ---

void lbtop_source_words(uint64_t *to, const void *counters, size_t n)
{
	const uint64_t *from = counters;

	for (size_t i = 0; i < n; i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

struct stats_slots lbtop_source_by_slot(struct stats_slots slots)
{
	return (struct stats_slots){
		.base = slots.base, .n_slots = 1, .n_ids = slots.n_slots, .stride = slots.stride};
}

static bool has_times(const struct stats_histogram *times, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (stats_histogram_count(&times[i]))
			return true;
	return false;
}

// Kept only where anything was recorded: a row of zeros would be ten kilobytes in each sample.
static int copy_times(struct lbtop_sample *out, const struct lbtop_part *part,
                      struct lbtop_row *row)
{
	struct stats_histogram times[STATS_L7_SERVICE_TIMES];
	size_t n = lbtop_schemas[part->kind].n_times;

	static_assert(STATS_L7_SERVICE_TIMES + 0 >= STATS_L7_BACKEND_TIMES, "no kind has more");
	if (!part->times.n_ids)
		return 0;
	stats_slots_sum(&part->times, row->id, 0, times, n * sizeof(*times));
	if (!has_times(times, n))
		return 0;
	if (lbtop_sample_make_times(out, part->kind, row))
		return -ENOMEM;
	memcpy(row->times, times, n * sizeof(*times));
	return 0;
}

// The roster may change while it is read: rows are made for those there were, and the others have their
// place in the next sample.
int lbtop_source_copy_part(struct lbtop_sample *out, const struct lbtop_source *src,
                           const struct lbtop_part *part)
{
	struct lbtop_rows *rows = &out->rows[part->kind];
	size_t n_made = 0, n = 0;
	int rc;

	for (uint32_t id = 0; id < part->counters.n_ids; id++)
		n_made += part->is_used(src, id);
	rc = lbtop_sample_make_rows(out, part->kind, n_made);
	for (uint32_t id = 0; !rc && id < part->counters.n_ids && n < n_made; id++) {
		struct lbtop_row *row = &rows->row[n];

		if (!part->is_used(src, id))
			continue;
		row->id = id;
		part->describe(row, src, id);
		stats_slots_sum(&part->counters, id, 0, row->value,
		                lbtop_schemas[part->kind].n_values * sizeof(*row->value));
		rc = copy_times(out, part, row);
		n++;
	}
	rows->n = rc ? 0 : n;
	return rc;
}

void lbtop_source_backend(struct lbtop_row *row, uint8_t state, uint8_t health, uint16_t weight)
{
	row->weight = weight;
	if (state < STATE_COUNT)
		snprintf(row->state, sizeof(row->state), "%s", conf_state_names[state]);
	if (health < HEALTH_STATE_COUNT)
		snprintf(row->health, sizeof(row->health), "%s", health_names[health]);
}

enum lbtop_state lbtop_source_state(const struct stats_writer *writer, bool is_removed)
{
	static const enum lbtop_state states[] = {
		[STATS_WRITER_STOPPED] = LBTOP_STOPPED,
		[STATS_WRITER_ALIVE] = LBTOP_RUNNING,
		[STATS_WRITER_DEAD] = LBTOP_DEAD,
		[STATS_WRITER_UNKNOWN] = LBTOP_UNKNOWN,
	};

	return is_removed ? LBTOP_REMOVED : states[stats_writer_life(writer)];
}

static void stamp(struct lbtop_sample *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	out->time_ns = (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
	out->clock_ns = clock_now_ns();
}

// One half alone is a node, too; why the other is not there only matters if it is.
static int judge(const int rc[LBTOP_HALVES], struct err errs[LBTOP_HALVES], struct err *err)
{
	enum lbtop_half why =
		rc[LBTOP_LB4D] == -ENOENT && rc[LBTOP_LB7D] != -ENOENT ? LBTOP_LB7D : LBTOP_LB4D;

	if (!rc[LBTOP_LB4D] || !rc[LBTOP_LB7D])
		return 0;
	return err_set(err, rc[why], "%s", errs[why].msg);
}

int lbtop_source_take(struct lbtop_source *src, struct lbtop_sample **out, struct err *err)
{
	struct err errs[LBTOP_HALVES] = {0};
	const int rcs[LBTOP_HALVES] = {
		[LBTOP_LB4D] = lbtop_source_open_l4(src, &errs[LBTOP_LB4D]),
		[LBTOP_LB7D] = lbtop_source_open_l7(src, &errs[LBTOP_LB7D]),
	};
	int rc = judge(rcs, errs, err);
	struct lbtop_sample *s;

	if (rc)
		return rc;
	s = lbtop_sample_new();
	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	stamp(s);
	for (size_t i = 0; i < LBTOP_HALVES; i++)
		if (rcs[i] && rcs[i] != -ENOENT)
			s->daemon[i].state = LBTOP_UNREADABLE;
	if (!rcs[LBTOP_LB7D])
		rc = lbtop_source_copy_l7(s, src);
	if (!rc && !rcs[LBTOP_LB4D])
		rc = lbtop_source_copy_l4(s, src);
	if (rc) {
		lbtop_sample_free(s);
		return err_set(err, rc, "out of memory");
	}
	*out = s;
	return 0;
}
