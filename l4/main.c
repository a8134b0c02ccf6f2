// SPDX-License-Identifier: BSD-3-Clause lb4d: the fast path and the control plane in one daemon.
// This file is the table of contents: what is opened, in which order, and how it is closed again,
// in reverse.
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ev.h>

#include "bpf/tcp_programs.h"
#include "l4/base/clock.h"
#include "l4/base/log.h"
#include "l4/ctrl/captures.h"
#include "l4/ctrl/change.h"
#include "l4/ctrl/control.h"
#include "l4/ctrl/neighbor.h"
#include "l4/ctrl/options.h"
#include "l4/ctrl/privileges.h"
#include "l4/ctrl/server.h"
#include "l4/ctrl/steering.h"
#include "l4/ctrl/store.h"
#include "l4/ctrl/supervise.h"
#include "l4/dpdk/engine.h"
#include "l4/model/stats_writer.h"

struct daemon {
	struct options options;
	struct conf *boot; // as it was at start: ports and lanes point into it
	struct ev_loop *loop;
	struct stats stats;
	struct engine engine;
	struct control control;
	struct steering *steering;
	struct server *server;
	ev_signal stop[2];
	ev_signal reload;
	struct change_turn reload_turn;
	char *l7_program, *l7_conf; // of lb7d; owned
	cpu_set_t cpus;             // where we might run before DPDK pinned us
	unsigned n_stops;           // signals to stop
	ev_timer watch;             // link states; the end of the captures with --once
};

static void on_l7_stopped(void *data)
{
	const struct daemon *d = data;

	ev_break(d->loop, EVBREAK_ALL);
}

// lb7d first: while its streams end, packets still have to reach it. The second signal hurries it, the
// third does not wait.
static void on_stop(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct daemon *d = watcher->data;

	LOG_INFO("stopping signal=%s", strsignal(watcher->signum));
	if (++d->n_stops > 2)
		ev_break(loop, EVBREAK_ALL);
	else
		supervise_stop(d->control.supervise, on_l7_stopped, d);
}

static void reload(struct change_turn *turn)
{
	struct daemon *d = CONTAINER_OF(turn, struct daemon, reload_turn);
	struct err err;

	if (change_reload(&d->control, NULL, &err))
		return; // logged, and remembered for lbctl status; or it will be
}

static void on_reload(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct daemon *d = watcher->data;

	supervise_hang_up(d->control.supervise);
	if (!change_is_under_way(&d->control))
		reload(&d->reload_turn);
	else if (!d->reload_turn.is_waiting)
		change_wait(&d->control, &d->reload_turn);
}

static void on_watch(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct daemon *d = timer->data;

	engine_watch(&d->engine, d->control.ports);
	if (d->options.is_once && engine_is_dry(&d->engine) &&
	    engine_idle_ns(&d->engine) > 300 * CLOCK_NS_PER_MS)
		ev_break(loop, EVBREAK_ALL);
}

// Before anything is opened: a signal that comes while lb4d starts waits for the loop to run, as it
// must neither kill the process nor leave an XDP program behind.
static void watch_signals(struct daemon *d)
{
	static const int stops[2] = {SIGTERM, SIGINT};

	for (int i = 0; i < 2; i++) {
		ev_signal_init(&d->stop[i], on_stop, stops[i]);
		d->stop[i].data = d;
		ev_signal_start(d->loop, &d->stop[i]);
	}
	ev_signal_init(&d->reload, on_reload, SIGHUP);
	d->reload.data = d;
	d->reload_turn.run = reload;
	ev_signal_start(d->loop, &d->reload);
	signal(SIGPIPE, SIG_IGN);
}

static void watch_engine(struct daemon *d)
{
	ev_timer_init(&d->watch, on_watch, 0.1, 0.1);
	d->watch.data = d;
	ev_timer_start(d->loop, &d->watch);
}

static bool has_kernel_port(const struct control *c, uint16_t n_ports)
{
	for (uint16_t i = 0; i < n_ports; i++)
		if (c->ports[i].if_index)
			return true;
	return false;
}

static void on_conf_changed(struct control *c)
{
	tcp_programs_update(c->tcp_programs, c->conf, &c->roster);
}

// Takes the file's configuration into service: neighbours first, so that the first snapshot knows
// as many next hops as the kernel does.
static int serve(struct daemon *d, struct err *err)
{
	struct conf *conf;
	int rc = conf_clone(&conf, d->boot);

	if (rc)
		return err_set(err, rc, "%s: out of memory", d->boot->file);
	engine_describe(&d->engine, d->control.ports);
	d->control.lanes = d->engine.lanes;
	d->control.has_hugepages = d->engine.eal.has_hugepages;
	roster_adopt(&d->control.roster, &d->stats, clock_now_ns());
	if (has_kernel_port(&d->control, d->boot->n_ports))
		rc = neighbor_open(&d->control.neighbor, &d->control, control_refresh, err);
	if (rc) {
		conf_free(conf);
		return rc;
	}
	d->control.tcp_programs = tcp_programs_open(conf, &d->stats);
	d->control.conf_changed = on_conf_changed;
	rc = control_apply(&d->control, conf, err);
	if (!rc)
		rc = steering_open(&d->steering, &d->control, err);
	if (!rc)
		rc = engine_start(&d->engine, err);
	if (rc) {
		steering_close(d->steering);
		tcp_programs_close(d->control.tcp_programs);
		neighbor_close(d->control.neighbor);
		return rc;
	}
	d->control.is_saved = true;
	return 0;
}

// Not on the lanes' cores, unless there are no others: a lane shares its core with nobody.
static void choose_l7_cpus(struct daemon *d)
{
	cpu_set_t others = d->cpus;

	for (uint16_t i = 0; i < d->boot->n_lanes; i++)
		if (d->boot->lanes[i] < CPU_SETSIZE)
			CPU_CLR(d->boot->lanes[i], &others);
	if (CPU_COUNT(&others) > 0)
		d->cpus = others;
}

// Without its keeper lb4d still forwards: whatever goes wrong here is said, and no reason to stop.
static void keep_l7(struct daemon *d)
{
	struct supervise_setup setup = {.control = &d->control, .program.cpus = &d->cpus};

	if (d->options.is_once)
		return;
	choose_l7_cpus(d);
	d->l7_program = l7_process_beside("lb7d");
	d->l7_conf = options_absolute(d->options.conf_file);
	setup.program.path = d->l7_program;
	setup.program.conf_file = d->l7_conf;
	setup.program.control = d->boot->control_l7;
	if (!d->l7_program || !d->l7_conf || supervise_open(&d->control.supervise, &setup))
		LOG_ERROR("lb7d not kept reason=\"out of memory\"");
}

static void leave_l7(struct daemon *d)
{
	supervise_close(d->control.supervise);
	d->control.supervise = NULL;
	free(d->l7_program);
	free(d->l7_conf);
}

static int run(struct daemon *d, struct err *err)
{
	int rc = serve(d, err);

	if (rc)
		return rc;
	stats_announce(&d->stats, d->boot->node, d->boot->n_lanes, (uint32_t)getpid());
	d->stats.meta->cycles_hz = core_cycles_hz();
	watch_engine(d);
	privileges_drop(d->boot);
	LOG_INFO("ready node=%s file=%s control=%s lanes=%u generation=%u", d->boot->node,
	         d->boot->file, d->boot->control, d->boot->n_lanes, d->control.generation);
	keep_l7(d);
	if (captures_open(&d->control.captures, &d->control))
		LOG_ERROR("no captures reason=\"out of memory\"");
	ev_run(d->loop, 0);
	leave_l7(d);
	engine_stop(&d->engine);
	captures_close(d->control.captures);
	d->control.captures = NULL;
	steering_close(d->steering);
	tcp_programs_close(d->control.tcp_programs);
	neighbor_close(d->control.neighbor);
	stats_writer_leave(&d->stats.meta->writer);
	LOG_INFO("stopped");
	return 0;
}

static int open_engine(struct daemon *d, struct err *err)
{
	char xdp_object[64];
	int fd = steering_object(d->boot, xdp_object, sizeof(xdp_object), err);
	int rc;

	if (fd < 0 && fd != -ENOENT)
		return fd;
	rc = engine_open(&d->engine, d->boot, &d->stats, xdp_object, err);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int open_and_run(struct daemon *d, struct err *err)
{
	int rc;

	sched_getaffinity(0, sizeof(d->cpus), &d->cpus);
	// Not the default loop: that one reaps every child, lb7d's exit status included.
	d->loop = ev_loop_new(EVFLAG_AUTO);
	if (!d->loop)
		return err_set(err, -ENOMEM, "no event loop");
	watch_signals(d);
	rc = conf_load(&d->boot, d->options.conf_file, err);
	if (rc)
		return rc;
	rc = store_open(&d->stats, d->boot, err);
	if (rc)
		goto err_conf;
	rc = control_init(&d->control, d->loop, &d->stats, d->options.conf_file);
	if (rc)
		goto err_store;
	// First of all the socket's lock: a second lb4d must not touch the devices of the first.
	rc = server_open(&d->server, &d->control, d->boot->control, err);
	if (rc)
		goto err_control;
	rc = open_engine(d, err);
	if (rc)
		goto err_server;
	rc = run(d, err);
	engine_close(&d->engine);
err_server:
	server_close(d->server);
err_control:
	control_fini(&d->control);
err_store:
	stats_close(&d->stats);
err_conf:
	conf_free(d->boot);
	return rc;
}

int main(int argc, char **argv)
{
	static struct daemon d;
	struct err err = {0};
	int rc;

	if (options_parse(&d.options, argc, argv, &rc))
		return rc;
	log_init("lb4d", d.options.log_level);
	rc = open_and_run(&d, &err);
	if (rc)
		LOG_ERROR("not started reason=\"%s\"", err.code ? err.msg : strerror(-rc));
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
