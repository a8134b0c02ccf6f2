// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/methods.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#include "l4/base/clock.h"
#include "l4/ctrl/supervise.h"

static const double LOAD_INTERVAL_S = 1.;

// How busy a lane is: its clock of busy time, looked at once a second.
struct load {
	uint64_t busy_ns; // at the last look
	double percent;   // between the last two
};

struct methods {
	struct control *control;
	struct flow_scan *scan;
	struct ev_timer load_timer;
	uint64_t looked_ns;
	struct load load[CONF_MAX_LANES];
};

static const struct {
	int (*run)(struct methods_call *call);
	bool is_change;
} table[CTL_METHOD_COUNT] = {
	[CTL_STATUS] = {.run = methods_status},
	[CTL_RELOAD] = {.run = methods_reload, .is_change = true},
	[CTL_SAVE] = {.run = methods_save, .is_change = true},
	[CTL_SERVICE_LIST] = {.run = methods_service_list},
	[CTL_POOL_LIST] = {.run = methods_pool_list},
	[CTL_BACKEND_LIST] = {.run = methods_backend_list},
	[CTL_BACKEND_ADD] = {.run = methods_backend_edit, .is_change = true},
	[CTL_BACKEND_REMOVE] = {.run = methods_backend_edit, .is_change = true},
	[CTL_BACKEND_WEIGHT] = {.run = methods_backend_edit, .is_change = true},
	[CTL_BACKEND_STATE] = {.run = methods_backend_edit, .is_change = true},
	[CTL_FLOW_COUNT] = {.run = methods_flow_count},
	[CTL_FLOW_LOOKUP] = {.run = methods_flow_lookup},
	[CTL_COUNTERS] = {.run = methods_counters},
	[CTL_EXPLAIN] = {.run = methods_explain},
	[CTL_CAPTURE] = {.run = methods_capture},
	[CTL_L7_STATUS] = {.run = methods_l7_status},
};

static uint64_t busy_ns(const struct methods *m, uint16_t lane)
{
	return __atomic_load_n(&m->control->stats->lanes[lane].busy_ns, __ATOMIC_RELAXED);
}

static void on_load_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct methods *m = w->data;
	uint64_t now_ns = clock_now_ns();

	for (unsigned i = 0; i < STATS_SLOTS; i++) {
		struct load *l = &m->load[i];
		uint64_t busy = busy_ns(m, i);
		double percent =
			100. * (double)(busy - l->busy_ns) / (double)(now_ns - m->looked_ns);

		l->percent = percent > 100. ? 100. : percent;
		l->busy_ns = busy;
	}
	m->looked_ns = now_ns;
}

static void watch_load(struct methods *m)
{
	for (unsigned i = 0; i < STATS_SLOTS; i++)
		m->load[i].busy_ns = busy_ns(m, i);
	m->looked_ns = clock_now_ns();
	ev_timer_init(&m->load_timer, on_load_timer, LOAD_INTERVAL_S, LOAD_INTERVAL_S);
	m->load_timer.data = m;
	ev_timer_start(m->control->loop, &m->load_timer);
}

int methods_open(struct methods **out, struct control *c)
{
	struct methods *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return -ENOMEM;
	m->control = c;
	rc = flow_scan_new(&m->scan, c);
	if (rc) {
		free(m);
		return rc;
	}
	watch_load(m);
	*out = m;
	return 0;
}

void methods_close(struct methods *m)
{
	if (!m)
		return;
	ev_timer_stop(m->control->loop, &m->load_timer);
	flow_scan_free(m->scan);
	free(m);
}

static void on_turn(struct change_turn *turn)
{
	struct methods_call *call = CONTAINER_OF(turn, struct methods_call, turn);
	int rc = table[call->method].run(call);

	if (rc != METHODS_LATER)
		methods_finish(call, rc);
}

static void on_changed(struct change_ask *change, int rc, const struct err *err)
{
	struct methods_call *call = CONTAINER_OF(change, struct methods_call, change);

	call->err = *err;
	methods_finish(call, methods_change(call, rc));
}

int methods_run(struct methods *m, struct methods_call *call)
{
	int rc;

	call->methods = m;
	call->control = m->control;
	call->fd = -1;
	call->err = (struct err){0};
	call->ask = (struct flow_scan_ask){0};
	call->change = (struct change_ask){.done = on_changed};
	call->turn = (struct change_turn){.run = on_turn};
	ctl_method_init_result(call->method, &call->result);
	if (table[call->method].is_change && change_is_under_way(m->control)) {
		change_wait(m->control, &call->turn);
		return METHODS_LATER;
	}
	rc = table[call->method].run(call);
	if (rc < 0)
		ctl_method_free_result(call->method, &call->result);
	return rc;
}

void methods_cancel(struct methods_call *call)
{
	flow_scan_forget(call->methods->scan, &call->ask);
	change_leave(call->control, &call->turn);
	change_forget(call->control, &call->change);
	ctl_method_free_result(call->method, &call->result);
}

bool methods_serves(enum ctl_method method)
{
	return table[method].run;
}

bool methods_is_change(enum ctl_method method)
{
	return table[method].is_change;
}

int methods_count_flows(struct methods_call *call,
                        void (*done)(struct flow_scan_ask *ask, const struct flow_counts *counts))
{
	call->ask.done = done;
	flow_scan_ask(call->methods->scan, &call->ask);
	return METHODS_LATER;
}

void methods_finish(struct methods_call *call, int rc)
{
	if (rc < 0)
		ctl_method_free_result(call->method, &call->result);
	call->done(call, rc);
}

int methods_change(struct methods_call *call, int rc)
{
	struct ctl_change *change = &call->result.change;
	const struct control *c = call->control;

	if (rc == CHANGE_LATER)
		return METHODS_LATER;
	change->generation = c->generation;
	change->saved = c->is_saved;
	if (supervise_is_behind(c->supervise))
		snprintf(change->note, sizeof(change->note),
		         "lb7d does not serve it yet, see lbctl l7");
	return rc;
}

double methods_busy(const struct methods *m, uint16_t lane)
{
	return m->load[lane].percent;
}

void *methods_row(struct methods_call *call, struct ctl_rows *rows, const char *name)
{
	const struct ctl_field *f = ctl_field_find(ctl_method_types[call->method].result, name);
	void *row = ctl_field_add_row(rows, f->rows);

	if (!row)
		err_set(&call->err, -ENOMEM, "no memory for the answer");
	return row;
}
