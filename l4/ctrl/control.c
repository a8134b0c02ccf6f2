// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"
#include "l4/ctrl/captures.h"
#include "l4/ctrl/change.h"
#include "l4/ctrl/health_feed.h"
#include "l4/ctrl/neighbor.h"
#include "l4/ctrl/next_hop.h"
#include "l4/data/compile.h"
#include "l4/model/conf_advice.h"

// How often we look whether the lanes have moved on from an old snapshot. They do within a burst,
// or within the longest sleep of an idle one.
static const double BURY_INTERVAL_S = 0.005;

// How long a transition of health may wait for others.
static const double SOON_S = 0.010;

// A snapshot that is served no more, but may still be read.
struct snapshot_grave {
	struct snapshot_grave *next;
	struct snapshot *snap;
	uint32_t successor; // generation of the one that replaced it
};

struct control_timer {
	ev_timer timer;
	ev_timer settle; // after a change: new backends have had their time
	ev_timer linger; // now and then: removed ones as well
	ev_timer soon;   // after a transition of health
	double cost_s;   // of the last compilation
	struct control *control;
};

// What a snapshot says of new and removed backends depends on how long they have been so.
static const double SETTLE_S = ROSTER_SETTLE_S + 0.1, LINGER_INTERVAL_S = 600;

static void on_bury(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct control_timer *t = CONTAINER_OF(timer, struct control_timer, timer);

	control_bury(t->control);
	if (!t->control->grave)
		ev_timer_stop(loop, timer);
}

static void on_settled(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct control_timer *t = CONTAINER_OF(timer, struct control_timer, settle);

	ev_timer_stop(loop, timer);
	control_refresh(t->control);
}

static void on_soon(struct ev_loop *loop, ev_timer *timer, int events)
{
	control_refresh(CONTAINER_OF(timer, struct control_timer, soon)->control);
}

static bool has_retired(const struct roster *r)
{
	for (uint16_t id = 1; id < r->n_backends; id++)
		if (r->backends[id].e.used && !r->backends[id].e.live)
			return true;
	return false;
}

static void on_linger(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct control_timer *t = CONTAINER_OF(timer, struct control_timer, linger);

	if (has_retired(&t->control->roster))
		control_refresh(t->control);
}

int control_init(struct control *c, struct ev_loop *loop, struct stats *stats, const char *file)
{
	int rc;

	*c = (struct control){.loop = loop, .stats = stats, .started_ns = clock_now_ns()};
	c->conf_file = strdup(file);
	c->bury = calloc(1, sizeof(*c->bury));
	rc = c->conf_file && c->bury ? roster_init(&c->roster) : -ENOMEM;
	if (!rc)
		rc = change_open(&c->change, c);
	if (rc) {
		roster_fini(&c->roster);
		free(c->conf_file);
		free(c->bury);
		return rc;
	}
	c->bury->control = c;
	ev_timer_init(&c->bury->timer, on_bury, BURY_INTERVAL_S, BURY_INTERVAL_S);
	ev_timer_init(&c->bury->settle, on_settled, SETTLE_S, SETTLE_S);
	ev_timer_init(&c->bury->linger, on_linger, LINGER_INTERVAL_S, LINGER_INTERVAL_S);
	ev_timer_start(loop, &c->bury->linger);
	ev_timer_init(&c->bury->soon, on_soon, SOON_S, 0.);
	return 0;
}

static void free_grave(struct control *c)
{
	while (c->grave) {
		struct snapshot_grave *next = c->grave->next;

		snapshot_free(c->grave->snap);
		free(c->grave);
		c->grave = next;
	}
}

void control_fini(struct control *c)
{
	ev_timer_stop(c->loop, &c->bury->timer);
	ev_timer_stop(c->loop, &c->bury->settle);
	ev_timer_stop(c->loop, &c->bury->linger);
	ev_timer_stop(c->loop, &c->bury->soon);
	free(c->bury);
	change_close(c->change);
	free_grave(c);
	snapshot_free(c->serving);
	roster_fini(&c->roster);
	conf_free(c->conf);
	free(c->conf_file);
}

// A lane that does not run reads nothing; one that starts takes the newest.
static bool lanes_have_passed(const struct control *c, uint32_t generation)
{
	for (uint16_t i = 0; i < c->conf->n_lanes; i++)
		if (lane_is_running(c->lanes[i]) &&
		    (int32_t)(lane_generation(c->lanes[i]) - generation) < 0)
			return false;
	return true;
}

void control_bury(struct control *c)
{
	for (struct snapshot_grave **at = &c->grave; *at;) {
		struct snapshot_grave *g = *at;

		if (!lanes_have_passed(c, g->successor)) {
			at = &g->next;
			continue;
		}
		*at = g->next;
		snapshot_free(g->snap);
		free(g);
	}
}

static int compile(struct control *c, struct snapshot **out, struct err *err)
{
	struct mac macs[CONF_MAX_PORTS];
	struct snapshot_input in = {
		.conf = c->conf,
		.roster = &c->roster,
		.port_macs = macs,
		.generation = c->generation + 1,
		.now_ns = clock_now_ns(),
	};

	for (uint16_t i = 0; i < c->conf->n_ports; i++)
		memcpy(&macs[i], &c->ports[i].mac, sizeof(macs[i]));
	return compile_snapshot(out, &in, err);
}

// `grave` is the place for the old one, made beforehand so that nothing can fail from here on.
static void publish(struct control *c, struct snapshot *next, struct snapshot_grave *grave)
{
	struct snapshot *old = c->serving;

	roster_publish(&c->roster, c->stats);
	c->serving = next;
	c->generation = next->generation;
	c->stats->meta->generation = next->generation;
	// The XDP programs first learn what is new, then the lanes serve it: a packet that comes
	// too early is punted by a lane, one that comes too late would go astray in the kernel.
	if (c->services_changed)
		c->services_changed(c);
	for (uint16_t i = 0; i < c->conf->n_lanes; i++)
		lane_publish(c->lanes[i], next);
	if (c->captures)
		captures_follow(c->captures);
	if (!old) {
		free(grave);
		return;
	}
	*grave = (struct snapshot_grave){
		.next = c->grave, .snap = old, .successor = next->generation};
	c->grave = grave;
	ev_timer_again(c->loop, &c->bury->timer);
}

static int rebuild(struct control *c, struct err *err)
{
	struct snapshot_grave *grave = calloc(1, sizeof(*grave));
	uint64_t began_ns = clock_now_ns();
	struct snapshot *next;
	int rc;

	if (!grave)
		return err_set(err, -ENOMEM, "snapshot: out of memory");
	rc = compile(c, &next, err);
	if (rc) {
		free(grave);
		return rc;
	}
	publish(c, next, grave);
	c->bury->cost_s = (double)(clock_now_ns() - began_ns) / CLOCK_NS_PER_S;
	ev_timer_stop(c->loop, &c->bury->soon); // done with this one
	return 0;
}

static void resolve(struct control *c)
{
	if (c->neighbor)
		neighbor_update(c->neighbor);
	else
		next_hop_decree(c);
}

// Puts the old configuration back after a failure.
static void go_back(struct control *c, struct conf *old)
{
	struct err ignored;

	c->conf = old;
	// The roster still has all ids of the old configuration, so this cannot fail for want of
	// any.
	if (old && roster_update(&c->roster, old, clock_now_ns(), &ignored))
		LOG_ERROR("roster not restored reason=\"%s\"", ignored.msg);
	if (old)
		resolve(c);
}

static void log_advice(const char *sentence, void *data)
{
	LOG_WARN("advice %s", sentence);
}

int control_apply(struct control *c, struct conf *conf, struct err *err)
{
	struct conf *old = c->conf;
	int rc = old ? conf_check_reload(old, conf, err) : 0;

	if (!rc)
		rc = roster_update(&c->roster, conf, clock_now_ns(), err);
	if (rc) {
		conf_free(conf);
		return rc;
	}
	c->conf = conf;
	health_feed_forget(c);
	resolve(c);
	rc = rebuild(c, err);
	if (rc) {
		go_back(c, old);
		conf_free(conf);
		return rc;
	}
	conf_free(old);
	conf_advice(conf, log_advice, NULL);
	if (c->conf_changed)
		c->conf_changed(c);
	ev_timer_again(c->loop, &c->bury->settle);
	return 0;
}

void control_refresh(struct control *c)
{
	struct err err;

	if (rebuild(c, &err))
		LOG_ERROR("snapshot not rebuilt reason=\"%s\" serving_generation=%u", err.msg,
		          c->generation);
}

void control_refresh_soon(struct control *c)
{
	ev_timer *soon = &c->bury->soon;

	if (ev_is_active(soon))
		return;
	// A timer counts from the loop's time, which stood still while the last one was compiled.
	ev_now_update(c->loop);
	ev_timer_set(soon, c->bury->cost_s > SOON_S ? c->bury->cost_s : SOON_S, 0.);
	ev_timer_start(c->loop, soon);
}

int control_save(struct control *c, struct err *err)
{
	int rc = conf_save(c->conf, c->conf_file, err);

	if (rc)
		return rc;
	c->is_saved = true;
	LOG_INFO("saved file=%s generation=%u", c->conf_file, c->generation);
	return 0;
}
