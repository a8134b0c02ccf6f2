// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/flow_scan.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "l4/base/clock.h"
#include "l4/ctrl/control.h"

enum {
	SLICE_NS = 2000000, // of the loop's time at once
	CHUNK = 4096,       // slots between two looks at the clock
	SKEW_S = 16, // a lane may stamp an entry while we look: ahead by less than this is no age
};

// What is left to do between two slices.
static const double pause_s = 0.0005;

struct flow_scan {
	struct control *control;
	struct ev_timer timer;
	struct flow_scan_ask *asking;  // are served by the walk that goes on
	struct flow_scan_ask *waiting; // came later, are served by the next
	uint16_t lane;
	uint8_t family; // 0 = IPv4, 1 = IPv6
	uint32_t slot;
	bool is_finishing; // `done` functions are running and read the counts
	struct flow_counts counts;
};

uint16_t flow_scan_age_s(uint16_t now_s, uint16_t seen_s)
{
	uint16_t age = (uint16_t)(now_s - seen_s);

	return age > UINT16_MAX - SKEW_S ? 0 : age;
}

static const struct flow_table *table_of(const struct flow_scan *s)
{
	const struct lane *lane = s->control->lanes[s->lane];

	return s->family == 0 ? &lane->flows4 : &lane->flows6;
}

static void count_slots(struct flow_scan *s, const struct flow_table *t, uint32_t end,
                        uint16_t now_s)
{
	const uint16_t *timeout_s = s->control->serving->timeout_s;
	struct flow_copy copy;

	for (; s->slot < end; s->slot++) {
		if (!flow_peek(t, s->slot, &copy))
			continue;
		if (flow_scan_age_s(now_s, copy.f.seen_s) >
		    timeout_s[flow_state(&copy.f) % FLOW_STATE_COUNT])
			continue;
		s->counts.lanes[s->lane][s->family]++;
		if (copy.f.backend < STATS_BACKENDS)
			s->counts.backends[copy.f.backend]++;
	}
}

// A chunk of the table under way. False when there is no table left.
static bool walk(struct flow_scan *s)
{
	const struct flow_table *t;
	uint32_t n, end;

	if (s->lane >= s->control->conf->n_lanes || !s->control->lanes || !s->control->serving)
		return false;
	t = table_of(s);
	n = flow_n_slots(t);
	end = n - s->slot > CHUNK ? s->slot + CHUNK : n;
	count_slots(s, t, end, lane_clock_s(s->control->lanes[s->lane]));
	if (end < n)
		return true;
	s->slot = 0;
	s->family ^= 1;
	s->lane += s->family == 0;
	return true;
}

static void start(struct flow_scan *s)
{
	s->asking = s->waiting;
	s->waiting = NULL;
	s->lane = 0;
	s->family = 0;
	s->slot = 0;
	memset(&s->counts, 0, sizeof(s->counts));
}

static void finish(struct flow_scan *s)
{
	struct flow_scan_ask *ask;

	// One at a time: `done` may ask again or forget others.
	s->is_finishing = true;
	while ((ask = s->asking)) {
		s->asking = ask->next;
		ask->is_waiting = false;
		ask->done(ask, &s->counts);
	}
	s->is_finishing = false;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct flow_scan *s = w->data;
	uint64_t began_ns = clock_now_ns(), now_ns = began_ns;
	bool is_more = true;

	while (is_more && now_ns - began_ns < SLICE_NS) {
		is_more = walk(s);
		now_ns = clock_now_ns();
	}
	if (!is_more)
		finish(s);
	if (!s->asking)
		start(s);
	if (!s->asking)
		return;
	ev_timer_set(&s->timer, pause_s, 0.);
	ev_timer_start(loop, &s->timer);
}

int flow_scan_new(struct flow_scan **out, struct control *c)
{
	struct flow_scan *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->control = c;
	ev_timer_init(&s->timer, on_timer, 0., 0.);
	s->timer.data = s;
	*out = s;
	return 0;
}

void flow_scan_free(struct flow_scan *s)
{
	if (!s)
		return;
	ev_timer_stop(s->control->loop, &s->timer);
	free(s);
}

static void append(struct flow_scan_ask **list, struct flow_scan_ask *ask)
{
	while (*list)
		list = &(*list)->next;
	*list = ask;
}

void flow_scan_ask(struct flow_scan *s, struct flow_scan_ask *ask)
{
	ask->next = NULL;
	ask->is_waiting = true;
	append(&s->waiting, ask);
	if (s->asking || s->is_finishing || ev_is_active(&s->timer))
		return;
	start(s);
	ev_timer_set(&s->timer, 0., 0.);
	ev_timer_start(s->control->loop, &s->timer);
}

static void unlink_from(struct flow_scan_ask **list, const struct flow_scan_ask *ask)
{
	while (*list && *list != ask)
		list = &(*list)->next;
	if (*list)
		*list = ask->next;
}

void flow_scan_forget(struct flow_scan *s, struct flow_scan_ask *ask)
{
	if (!ask->is_waiting)
		return;
	ask->is_waiting = false;
	unlink_from(&s->asking, ask);
	unlink_from(&s->waiting, ask);
}
