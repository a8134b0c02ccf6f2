// SPDX-License-Identifier: BSD-3-Clause
#include "tools/lbtop_source.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "l4/base/clock.h"
#include "l4/model/conf.h"

int lbtop_source_init(struct lbtop_source *src, const char *dir, struct err *err)
{
	memset(src, 0, sizeof(*src));
	src->dir = dir;
	if (stats_shm_dir(src->shm, dir))
		return err_set(err, -ENAMETOOLONG, "%s: the name is too long", dir);
	return 0;
}

void lbtop_source_fini(struct lbtop_source *src)
{
	if (src->is_open)
		stats_close(&src->stats);
	src->is_open = false;
}

// --- the store: is it still the one that was opened ---

static struct lbtop_inode inode_of(const char *dir)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, stats_shapes[STATS_META].name);
	if (stat(path, &st) < 0)
		return (struct lbtop_inode){0};
	return (struct lbtop_inode){st.st_dev, st.st_ino};
}

static bool is_same(const struct lbtop_inode *a, const struct lbtop_inode *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

// Opens the store if it is not open, or another one stands in its place. `*is_removed`: nothing does, so that
// the counters of the one that was there are the last word.
static int refresh(struct lbtop_source *src, bool *is_removed, struct err *err)
{
	const struct lbtop_inode here[2] = {inode_of(src->dir), inode_of(src->shm)};
	struct stats stats;
	int rc;

	*is_removed = src->is_open && here[0].ino == 0 && here[1].ino == 0;
	if (*is_removed)
		return 0;
	if (src->is_open && is_same(&here[0], &src->opened[0]) &&
	    is_same(&here[1], &src->opened[1]) && stats_layout_owner(src->stats.meta) == STATS_OURS)
		return 0;
	rc = stats_open(&stats, src->dir, err);
	if (rc)
		return rc;
	lbtop_source_fini(src);
	src->stats = stats;
	src->is_open = true;
	memcpy(src->opened, here, sizeof(here));
	src->epoch++;
	return 0;
}

// --- copying ---

static void copy_words(uint64_t *to, const void *counters, size_t n)
{
	const uint64_t *from = counters;

	for (size_t i = 0; i < n; i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

// Lanes of a daemon that had more of them have counted, too.
static bool is_lane(const struct stats *s, uint32_t lane)
{
	return lane < s->meta->n_lanes ||
	       __atomic_load_n(&s->lanes[lane].rx_packets, __ATOMIC_RELAXED) > 0;
}

static int copy_lanes(struct lbtop_sample *out, const struct stats *s)
{
	struct lbtop_rows *rows = &out->rows[LBTOP_LANE];
	size_t n = 0;
	int rc = lbtop_sample_make_rows(out, LBTOP_LANE, STATS_SLOTS);

	if (rc)
		return rc;
	for (uint32_t lane = 0; lane < STATS_SLOTS; lane++) {
		struct lbtop_row *row = &rows->row[n];

		if (!is_lane(s, lane))
			continue;
		row->id = lane;
		row->is_retired = lane >= s->meta->n_lanes;
		snprintf(row->name, sizeof(row->name), "%u", lane);
		copy_words(row->value, &s->lanes[lane], lbtop_schemas[LBTOP_LANE].n_values);
		n++;
	}
	rows->n = n;
	return 0;
}

static uint32_t used_of(const uint32_t *used)
{
	return __atomic_load_n(used, __ATOMIC_ACQUIRE);
}

static void write_address(struct lbtop_row *row, const struct addr *address, uint16_t port)
{
	addr_port_text(address, be16_from(port), row->address);
}

static void copy_service(struct lbtop_row *row, const struct stats *s, uint32_t id)
{
	const struct stats_service_name *n = &s->service_names[id];
	struct service_counters sum;

	row->id = id;
	row->is_retired = used_of(&n->used) != STATS_LIVE;
	lbtop_sample_text(row->name, sizeof(row->name), n->name, sizeof(n->name));
	write_address(row, &n->address, n->port);
	if (n->protocol < PROTO_COUNT)
		lbtop_sample_text(row->protocol, sizeof(row->protocol),
		                  conf_protocol_names[n->protocol], sizeof(row->protocol));
	stats_sum_service(s, (uint16_t)id, &sum);
	copy_words(row->value, &sum, lbtop_schemas[LBTOP_SERVICE].n_values);
}

static void copy_backend(struct lbtop_row *row, const struct stats *s, uint32_t id)
{
	const struct stats_backend_name *n = &s->backend_names[id];
	struct backend_counters sum;

	row->id = id;
	row->is_retired = used_of(&n->used) != STATS_LIVE;
	lbtop_sample_text(row->name, sizeof(row->name), n->name, sizeof(n->name));
	lbtop_sample_text(row->pool, sizeof(row->pool), n->pool, sizeof(n->pool));
	write_address(row, &n->address, n->port);
	stats_sum_backend(s, (uint16_t)id, &sum);
	copy_words(row->value, &sum, lbtop_schemas[LBTOP_BACKEND].n_values);
}

// The roster may change while it is read: rows are made for those there were, and the others have their
// place in the next sample.
static int copy_services(struct lbtop_sample *out, const struct stats *s)
{
	struct lbtop_rows *rows = &out->rows[LBTOP_SERVICE];
	size_t n = 0, n_made;
	int rc;

	for (uint32_t id = 0; id < STATS_SERVICES; id++)
		n += used_of(&s->service_names[id].used) != STATS_FREE;
	rc = lbtop_sample_make_rows(out, LBTOP_SERVICE, n);
	if (rc)
		return rc;
	n_made = n;
	n = 0;
	for (uint32_t id = 0; id < STATS_SERVICES && n < n_made; id++)
		if (used_of(&s->service_names[id].used) != STATS_FREE)
			copy_service(&rows->row[n++], s, id);
	rows->n = n;
	return 0;
}

static int copy_backends(struct lbtop_sample *out, const struct stats *s)
{
	struct lbtop_rows *rows = &out->rows[LBTOP_BACKEND];
	size_t n = 0, n_made;
	int rc;

	for (uint32_t id = 0; id < STATS_BACKENDS; id++)
		n += used_of(&s->backend_names[id].used) != STATS_FREE;
	rc = lbtop_sample_make_rows(out, LBTOP_BACKEND, n);
	if (rc)
		return rc;
	n_made = n;
	n = 0;
	for (uint32_t id = 0; id < STATS_BACKENDS && n < n_made; id++)
		if (used_of(&s->backend_names[id].used) != STATS_FREE)
			copy_backend(&rows->row[n++], s, id);
	rows->n = n;
	return 0;
}

// A process that another user owns is alive, too.
static enum lbtop_state state_of(uint32_t pid, bool is_removed)
{
	if (is_removed)
		return LBTOP_REMOVED;
	if (pid == 0 || pid > INT32_MAX)
		return LBTOP_STOPPED;
	return kill((pid_t)pid, 0) < 0 && errno == ESRCH ? LBTOP_DEAD : LBTOP_RUNNING;
}

static void copy_meta(struct lbtop_sample *out, const struct lbtop_source *src, bool is_removed)
{
	const struct stats_meta *meta = src->stats.meta;

	out->daemon[LBTOP_LB4D] = (struct lbtop_daemon){
		.state = state_of(meta->pid, is_removed),
		.is_bpf = src->stats.is_bpf,
		.pid = meta->pid,
		.generation = meta->generation,
		.n_lanes = meta->n_lanes,
		.epoch = src->epoch,
		.started_ns = meta->started_ns,
	};
	lbtop_sample_text(out->node, sizeof(out->node), meta->node, sizeof(meta->node));
}

static void stamp(struct lbtop_sample *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	out->time_ns = (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
	out->clock_ns = clock_now_ns();
}

int lbtop_source_take(struct lbtop_source *src, struct lbtop_sample **out, struct err *err)
{
	struct lbtop_sample *s;
	bool is_removed;
	int rc = refresh(src, &is_removed, err);

	if (rc)
		return rc;
	s = lbtop_sample_new();
	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	stamp(s);
	copy_meta(s, src, is_removed);
	rc = copy_lanes(s, &src->stats);
	if (!rc)
		rc = copy_services(s, &src->stats);
	if (!rc)
		rc = copy_backends(s, &src->stats);
	if (rc) {
		lbtop_sample_free(s);
		return err_set(err, rc, "out of memory");
	}
	*out = s;
	return 0;
}
