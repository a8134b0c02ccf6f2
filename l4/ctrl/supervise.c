// SPDX-License-Identifier: BSD-3-Clause
#include "l4/ctrl/supervise.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "l4/base/log.h"
#include "l4/ctrl/control.h"
#include "l4/ctrl/l7_client.h"

static const double KNOCK_S = 0.010;        // between two attempts to connect
static const double START_LIMIT_S = 10.;    // from its start to being ready
static const double BACK_OFF_MIN_S = 0.100; // before it is started again
static const double BACK_OFF_MAX_S = 10.;
static const double LONG_LIFE_S = 10.; // after which the back-off begins anew
static const double HURRY_S = 1.;      // from the second wish to stop to the end
static const double SLACK_S = 5.;      // beyond its grace, for one that stops and tells us nothing

enum { REASON_SIZE = CTL_SENTENCE_SIZE };

struct supervise {
	struct supervise_setup setup;
	uint8_t state; // enum ctl_l7_state
	struct l7_process process;
	struct ev_io exit; // of the process
	struct l7_session *session;
	struct ev_timer next; // attempt to connect, or start after the back-off
	struct ev_timer kill;
	double began; // ev_now() when it was started, or looked for
	double knock_s, back_off_s;
	uint32_t n_restarts;
	char reason[REASON_SIZE];
	void (*stopped)(void *data); // NULL: it shall go on
	void *stopped_data;
	bool has_served; // this process has been ready
	bool has_ended;  // one before it
};

static struct ev_loop *loop_of(const struct supervise *v)
{
	return v->setup.control->loop;
}

static const struct conf *conf_of(const struct supervise *v)
{
	return v->setup.control->conf;
}

bool supervise_is_wanted(const struct conf *conf)
{
	if (conf->has_admin)
		return true;
	for (uint16_t i = 0; i < conf->n_pools; i++)
		if (conf->pools[i].health.type != HEALTH_NONE)
			return true;
	for (uint16_t i = 0; i < conf->n_services; i++)
		if (conf->services[i].l7 && !conf_service_pool(conf, &conf->services[i]))
			return true;
	return false;
}

static void set_reason(struct supervise *v, const char *reason)
{
	snprintf(v->reason, sizeof(v->reason), "%s", reason);
}

static void in_a_while(struct supervise *v, double s)
{
	ev_now_update(loop_of(v));
	ev_timer_stop(loop_of(v), &v->next);
	ev_timer_set(&v->next, s, 0.);
	ev_timer_start(loop_of(v), &v->next);
}

static double age_s(const struct supervise *v)
{
	return ev_now(loop_of(v)) - v->began;
}

// --- the end of it ---

static void close_session(struct supervise *v)
{
	struct l7_session *s = v->session;

	v->session = NULL; // who waits for an answer is told so, and looks
	l7_session_close(s);
}

static void back_off(struct supervise *v, const char *reason)
{
	set_reason(v, reason);
	if (age_s(v) >= LONG_LIFE_S)
		v->back_off_s = BACK_OFF_MIN_S;
	LOG_WARN("lb7d down reason=\"%s\" retry_ms=%.0f", reason, v->back_off_s * 1000.);
	v->state = CTL_L7_BACK_OFF;
	in_a_while(v, v->back_off_s);
	v->back_off_s *= 2.;
	if (v->back_off_s > BACK_OFF_MAX_S)
		v->back_off_s = BACK_OFF_MAX_S;
}

static void finish_stop(struct supervise *v)
{
	void (*stopped)(void *data) = v->stopped;

	ev_timer_stop(loop_of(v), &v->next);
	ev_timer_stop(loop_of(v), &v->kill);
	v->stopped = NULL;
	v->state = CTL_L7_OFF;
	stopped(v->stopped_data);
}

static void on_exit_of_it(struct ev_loop *loop, struct ev_io *w, int revents)
{
	struct supervise *v = w->data;
	char reason[REASON_SIZE];
	pid_t pid = v->process.pid;

	ev_io_stop(loop, w);
	l7_process_end(&v->process, reason, sizeof(reason));
	v->has_ended = true;
	close_session(v);
	if (v->stopped) {
		LOG_INFO("lb7d stopped pid=%d reason=\"%s\"", pid, reason);
		finish_stop(v);
		return;
	}
	back_off(v, reason);
}

// --- the process ---

static void watch_process(struct supervise *v)
{
	ev_io_set(&v->exit, v->process.pidfd, EV_READ);
	ev_io_start(loop_of(v), &v->exit);
}

static void start(struct supervise *v)
{
	struct err err;

	ev_now_update(loop_of(v));
	v->began = ev_now(loop_of(v));
	v->has_served = false;
	v->knock_s = KNOCK_S;
	if (v->setup.spawn(&v->process, &v->setup.program, &err)) {
		back_off(v, err.msg);
		return;
	}
	v->n_restarts += v->has_ended;
	LOG_INFO("lb7d started pid=%d program=%s", v->process.pid, v->setup.program.path);
	watch_process(v);
	in_a_while(v, v->knock_s);
}

// One that we did not start, or did and forgot.
static int adopt(struct supervise *v, pid_t pid)
{
	int rc;

	if (v->process.pid == pid)
		return 0;
	if (v->process.pid) // ours has not got the socket: it will end, and say why
		return -EBUSY;
	rc = l7_process_adopt(&v->process, pid);
	if (rc)
		return rc;
	ev_now_update(loop_of(v));
	v->began = ev_now(loop_of(v));
	watch_process(v);
	return 0;
}

// Forgets one that is not ours to care for.
static void leave_alone(struct supervise *v)
{
	ev_io_stop(loop_of(v), &v->exit);
	l7_process_forget(&v->process);
}

// --- the conversation ---

static void on_ready(void *data)
{
	struct supervise *v = data;

	LOG_INFO("lb7d ready pid=%d adopted=%s after_ms=%.0f", v->process.pid,
	         v->process.is_child ? "no" : "yes", age_s(v) * 1000.);
	v->has_served = true;
	v->knock_s = KNOCK_S;
	if (v->state == CTL_L7_STARTING)
		v->state = CTL_L7_RUNNING;
	set_reason(v, "");
}

// It stops, and we do not hear how far it is.
static void allow_grace(struct supervise *v, int64_t grace_left_ms)
{
	v->kill.repeat = SLACK_S + (grace_left_ms > 0 ? (double)grace_left_ms / 1000. : 0.);
	ev_timer_again(loop_of(v), &v->kill);
}

static void on_ended(void *data, const char *why)
{
	struct supervise *v = data;
	const struct ctl_l7_status *last = l7_session_status(v->session);
	bool was_managed = last->managed || !last->pid;
	int64_t grace_left_ms = last->grace_left_ms;

	close_session(v);
	set_reason(v, why);
	if (v->stopped) {
		allow_grace(v, grace_left_ms);
		return;
	}
	if (!was_managed) {
		leave_alone(v);
		back_off(v, why);
		return;
	}
	// If it has ended, its pidfd says how in a moment, and this attempt will not be made.
	v->state = CTL_L7_STARTING;
	in_a_while(v, v->knock_s);
	v->knock_s = v->knock_s * 2. > 1. ? 1. : v->knock_s * 2.;
}

static void talk(struct supervise *v, int fd, pid_t pid)
{
	struct l7_session_setup setup = {
		.control = v->setup.control,
		.conf_file = v->setup.program.conf_file,
		.fd = fd,
		.ready = on_ready,
		.ended = on_ended,
		.data = v,
	};
	char why[96];

	if (pid && !l7_process_shares_network(pid)) {
		close(fd);
		snprintf(why, sizeof(why), "pid %d is a lb7d of another network namespace", pid);
		back_off(v, why);
		return;
	}
	if ((pid && adopt(v, pid)) || l7_session_open(&v->session, &setup)) {
		close(fd);
		in_a_while(v, v->knock_s);
	}
}

// Nobody listens.
static void meet_silence(struct supervise *v)
{
	char why[64];

	if (!v->process.pid) {
		start(v);
		return;
	}
	if (age_s(v) < START_LIMIT_S || v->has_served || !v->process.is_child) {
		in_a_while(v, v->has_served ? 10. * KNOCK_S : KNOCK_S);
		return;
	}
	snprintf(why, sizeof(why), "does not listen after %.0f s", START_LIMIT_S);
	LOG_WARN("lb7d killed pid=%d reason=\"%s\"", v->process.pid, why);
	l7_process_signal(&v->process, SIGKILL); // the rest is done when it has ended
}

static void try_to_connect(struct supervise *v)
{
	char why[REASON_SIZE];
	pid_t pid = 0;
	int fd = v->setup.connect(conf_of(v)->control_l7, &pid);

	if (fd >= 0) {
		talk(v, fd, pid);
	} else if (fd == -ENOENT || fd == -ECONNREFUSED) {
		meet_silence(v);
	} else if (fd == -EAGAIN) { // somebody listens, and is busy
		in_a_while(v, 10. * KNOCK_S);
	} else {
		snprintf(why, sizeof(why), "%.200s: %s", conf_of(v)->control_l7, strerror(-fd));
		back_off(v, why);
	}
}

static void on_next(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct supervise *v = w->data;

	v->state = CTL_L7_STARTING;
	try_to_connect(v);
}

static void begin_if_wanted(struct supervise *v)
{
	if (v->state != CTL_L7_OFF || v->stopped || !supervise_is_wanted(conf_of(v)))
		return;
	v->state = CTL_L7_STARTING;
	ev_now_update(loop_of(v));
	v->began = ev_now(loop_of(v));
	try_to_connect(v);
}

// --- for others ---

int supervise_propose(struct supervise *v, const struct conf *next, l7_session_answer *answer,
                      void *data)
{
	if (!v || !v->session || v->stopped)
		return -ENOTCONN;
	return l7_session_propose(v->session, next, answer, data);
}

void supervise_changed(struct supervise *v, bool agreed)
{
	if (!v)
		return;
	if (v->session && !agreed)
		l7_session_sync(v->session);
	begin_if_wanted(v);
}

bool supervise_is_behind(const struct supervise *v)
{
	if (!v || v->state == CTL_L7_OFF)
		return false;
	return !v->session || !l7_session_is_ready(v->session) || *l7_session_complaint(v->session);
}

static void on_kill(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct supervise *v = w->data;

	if (v->session && w->repeat > HURRY_S) // it answers: it knows how long its grace is
		return;
	LOG_WARN("lb7d killed pid=%d reason=\"does not stop\"", v->process.pid);
	l7_process_signal(&v->process, SIGKILL);
	ev_timer_stop(loop, w);
}

void supervise_stop(struct supervise *v, void (*done)(void *data), void *data)
{
	bool is_again = v && v->stopped;

	if (!v || !v->process.pid) {
		if (v) {
			ev_timer_stop(loop_of(v), &v->next);
			close_session(v);
			v->state = CTL_L7_OFF;
		}
		done(data);
		return;
	}
	v->stopped = done;
	v->stopped_data = data;
	v->state = CTL_L7_DRAINING;
	ev_timer_stop(loop_of(v), &v->next);
	LOG_INFO("lb7d stopping pid=%d%s", v->process.pid, is_again ? " hurried=yes" : "");
	l7_process_signal(&v->process, SIGTERM);
	v->kill.repeat = is_again ? HURRY_S : SLACK_S;
	ev_now_update(loop_of(v));
	ev_timer_again(loop_of(v), &v->kill);
}

void supervise_hang_up(const struct supervise *v)
{
	// Not before it has made itself ready for signals: this one would end it.
	if (v && v->session && l7_session_is_ready(v->session))
		l7_process_signal(&v->process, SIGHUP);
}

static const char *reason_of(const struct supervise *v)
{
	if (v->session && *l7_session_complaint(v->session))
		return l7_session_complaint(v->session);
	return v->reason;
}

int supervise_status(const struct supervise *v, struct ctl_l7_status *out)
{
	int rc;

	if (!v)
		return 0;
	if (v->session) {
		rc = ctl_field_copy(ctl_method_types[CTL_L7_STATUS].result, out,
		                    l7_session_status(v->session));
		if (rc)
			return rc;
	}
	out->state = v->state;
	if (v->session && v->state == CTL_L7_RUNNING && out->draining) // somebody else's wish
		out->state = CTL_L7_DRAINING;
	out->pid = (uint32_t)v->process.pid;
	out->restarts = v->n_restarts;
	snprintf(out->reason, sizeof(out->reason), "%s", reason_of(v));
	return 0;
}

// --- life ---

int supervise_open(struct supervise **out, const struct supervise_setup *setup)
{
	struct supervise *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->setup = *setup;
	if (!v->setup.spawn)
		v->setup.spawn = l7_process_spawn;
	if (!v->setup.connect)
		v->setup.connect = l7_client_connect;
	v->knock_s = KNOCK_S;
	v->back_off_s = BACK_OFF_MIN_S;
	ev_init(&v->exit, on_exit_of_it);
	ev_init(&v->next, on_next);
	ev_init(&v->kill, on_kill);
	v->exit.data = v->next.data = v->kill.data = v;
	*out = v;
	begin_if_wanted(v);
	return 0;
}

void supervise_close(struct supervise *v)
{
	if (!v)
		return;
	ev_io_stop(loop_of(v), &v->exit);
	ev_timer_stop(loop_of(v), &v->next);
	ev_timer_stop(loop_of(v), &v->kill);
	close_session(v);
	l7_process_forget(&v->process);
	free(v);
}
