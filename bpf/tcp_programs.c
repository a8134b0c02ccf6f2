// SPDX-License-Identifier: BSD-3-Clause
#include "bpf/tcp_programs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/attach.h"
#include "l4/base/clock.h"
#include "l4/base/log.h"
#include "l4/model/stats_writer.h"
#include "l4/model/tcp_watch.h"

struct tcp_programs {
	struct attach_tcp *tcp;
	// of an lb7d that is alone
	bool is_alone;
	struct stats stats;
	struct roster roster;
};

static bool is_wanted(const struct conf *conf)
{
	if (!conf->telemetry.tcp)
		LOG_INFO("tcp not counted reason=\"telemetry.tcp is false\"");
	return conf->telemetry.tcp;
}

struct tcp_programs *tcp_programs_open(const struct conf *conf, const struct stats *stats)
{
	struct tcp_programs *t;
	struct err err = {0};

	if (!is_wanted(conf))
		return NULL;
	if (!stats->is_bpf) {
		LOG_INFO("tcp not counted reason=\"the counters are in files, not in BPF maps\"");
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t || attach_tcp_open(&t->tcp, conf->stats, &err)) {
		LOG_WARN("tcp not counted reason=\"%s\"", t ? err.msg : strerror(ENOMEM));
		free(t);
		return NULL;
	}
	return t;
}

// Who has lanes is an lb4d. One that cannot be seen from here may run.
static bool is_lb4d_there(const struct stats_meta *meta)
{
	enum stats_writer_life life = stats_writer_life(&meta->writer);

	return meta->n_lanes && (life == STATS_WRITER_ALIVE || life == STATS_WRITER_UNKNOWN);
}

static int open_store(struct stats *out, const struct conf *conf, struct err *err)
{
	int fds[STATS_REGION_COUNT];
	int rc = attach_stats(conf->stats, fds, err);

	if (rc)
		return rc;
	rc = stats_map(out, fds, true, true, err);
	for (int i = 0; i < STATS_REGION_COUNT; i++)
		close(fds[i]);
	if (rc || !is_lb4d_there(out->meta))
		return rc;
	rc = err_set(err, -EBUSY, "lb4d counts, process %" PRIu32, out->meta->writer.pid);
	stats_close(out);
	return rc;
}

// Into the store that is open; on failure it stays so.
static int open_alone(struct tcp_programs *t, const struct conf *conf, struct err *err)
{
	int rc = roster_init(&t->roster);

	if (rc)
		return err_set(err, rc, "out of memory");
	rc = attach_tcp_open(&t->tcp, conf->stats, err);
	if (rc) {
		roster_fini(&t->roster);
		return rc;
	}
	roster_adopt(&t->roster, &t->stats, clock_now_ns());
	stats_announce(&t->stats, conf->node, 0, (uint32_t)getpid());
	return 0;
}

// Without a bpffs there are no maps for lb7d's own counters either, and their warning says what to do.
static enum log_level level_of(int rc)
{
	return rc == -ENODEV ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
}

struct tcp_programs *tcp_programs_open_alone(const struct conf *conf)
{
	struct tcp_programs *t;
	struct err err = {0};
	int rc;

	if (!is_wanted(conf))
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t) {
		LOG_WARN("tcp not counted reason=\"%s\"", strerror(ENOMEM));
		return NULL;
	}
	t->is_alone = true;
	rc = open_store(&t->stats, conf, &err);
	if (rc) {
		log_line(level_of(rc), "tcp not counted reason=\"%s\"", err.msg);
		goto err_free;
	}
	if (open_alone(t, conf, &err)) {
		LOG_WARN("tcp not counted reason=\"%s\"", err.msg);
		goto err_stats;
	}
	return t;
err_stats:
	stats_close(&t->stats);
err_free:
	free(t);
	return NULL;
}

static struct attach_tcp_entry entry_of(const struct tcp_watch *w)
{
	struct attach_tcp_entry e = {
		.key = {.port = be16_raw(w->port),
	                .side = w->is_backend ? TCP_BACKEND : TCP_SERVICE,
	                .family = w->address.family},
		.target = {.id = w->id},
	};

	memcpy(e.key.addr, w->address.word, sizeof(e.key.addr));
	return e;
}

static int update(const struct tcp_programs *t, const struct conf *conf,
                  const struct roster *roster, struct err *err)
{
	struct attach_tcp_entry *entries;
	struct tcp_watch *list;
	size_t n;
	int rc = tcp_watch_list(&list, &n, conf, roster);

	if (rc)
		return err_set(err, rc, "out of memory");
	entries = calloc(n + 1, sizeof(*entries));
	for (size_t i = 0; entries && i < n; i++)
		entries[i] = entry_of(&list[i]);
	rc = entries ? attach_tcp_update(t->tcp, entries, n, err)
	             : err_set(err, -ENOMEM, "out of memory");
	free(entries);
	free(list);
	if (!rc)
		LOG_INFO("tcp counted endpoints=%zu", n);
	return rc;
}

static int update_alone(struct tcp_programs *t, const struct conf *conf, struct err *err)
{
	int rc = roster_update(&t->roster, conf, clock_now_ns(), err);

	if (!rc)
		roster_publish(&t->roster, &t->stats);
	return rc ? rc : update(t, conf, &t->roster, err);
}

void tcp_programs_update(struct tcp_programs *t, const struct conf *conf,
                         const struct roster *roster)
{
	struct err err;

	if (t && (t->is_alone ? update_alone(t, conf, &err) : update(t, conf, roster, &err)))
		LOG_ERROR("tcp counted for the endpoints of before reason=\"%s\"", err.msg);
}

void tcp_programs_close(struct tcp_programs *t)
{
	if (!t)
		return;
	attach_tcp_close(t->tcp);
	if (t->is_alone) {
		stats_writer_leave(&t->stats.meta->writer);
		roster_fini(&t->roster);
		stats_close(&t->stats);
	}
	free(t);
}
