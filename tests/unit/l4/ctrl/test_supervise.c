// SPDX-License-Identifier: BSD-3-Clause
// lb7d is played by this test: a listening socket in the same loop, and a child process that waits to be
// killed. Every wait is for a condition, and the loop turns meanwhile.
#include "l4/ctrl/supervise.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "l4/base/log.h"
#include "l4/ctrl/change.h"
#include "l4/ctrl/control.h"
#include "l4/ctrl/l7_client.h"
#include "l4/model/ctl.h"

// Of the pool: what makes the configuration want lb7d, or not.
static const char probed[] = "\"health\":{\"type\":\"tcp\"},";
static const char plain[] = "";

enum { LINE_SIZE = 1 << 16 };

// The lb7d that this test plays.
static struct {
	int listener; // -1 = does not listen
	int fd;       // of the connection, -1 = none
	char line[LINE_SIZE];
	size_t len;
	bool is_standalone;
	bool is_silent;       // answers nothing
	const char *refusal;  // of l7.configure; NULL = takes all
	char text[LINE_SIZE]; // of the last l7.configure
	unsigned n_configured, n_connections;
} lb7d;

static struct {
	struct ev_loop *loop;
	struct stats stats;
	struct control control;
	char dir[32], path[64], file[64];
	unsigned n_spawned;
	pid_t pid;        // of the newest child
	int spawn_error;  // what spawning fails with, 0 = it does not
	int exit_at_once; // status that the child ends with, -1 = it waits
	bool is_stopped;
	struct ev_timer alarm; // turns the loop, so that conditions are looked at
} t;

static void on_alarm(struct ev_loop *loop, struct ev_timer *w, int revents)
{
}

// --- the socket ---

static void listen_as_lb7d(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", t.path);
	unlink(t.path);
	lb7d.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(lb7d.listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(lb7d.listener, 8), 0);
}

static void hang_up(void)
{
	if (lb7d.fd >= 0)
		close(lb7d.fd);
	lb7d.fd = -1;
	lb7d.len = 0;
}

static void listen_no_more(void)
{
	hang_up();
	if (lb7d.listener >= 0)
		close(lb7d.listener);
	lb7d.listener = -1;
}

static void send_line(char *line, size_t len)
{
	cr_assert_not_null(line);
	cr_assert_eq(send(lb7d.fd, line, len, MSG_NOSIGNAL), (ssize_t)len);
	free(line);
}

static void answer_status(const struct ctl_id *id)
{
	union ctl_result result;
	size_t len = 0;
	char *line;

	ctl_method_init_result(CTL_L7_STATUS, &result);
	result.l7_status.managed = !lb7d.is_standalone;
	result.l7_status.state = CTL_L7_RUNNING;
	result.l7_status.pid = (uint32_t)getpid();
	result.l7_status.connections = 7;
	line = ctl_result_encode(id, CTL_L7_STATUS, &result, &len);
	send_line(line, len);
}

static void answer_configure(const struct ctl_id *id, const struct ctl_l7_configure *params)
{
	static const union ctl_result empty;
	struct err err;
	size_t len = 0;
	char *line;

	lb7d.n_configured++;
	snprintf(lb7d.text, sizeof(lb7d.text), "%s", params->text);
	cr_expect_str_eq(params->file, t.file);
	if (lb7d.refusal) {
		err_set(&err, CTL_REFUSED, "%s", lb7d.refusal);
		line = ctl_error_encode(id, &err, &len);
	} else {
		line = ctl_result_encode(id, CTL_L7_CONFIGURE, &empty, &len);
	}
	send_line(line, len);
}

static void fill_change(struct ctl_health_change *change, uint8_t state)
{
	*change = (struct ctl_health_change){.pool = "web",
	                                     .name = "web-1",
	                                     .address = addr_ip4(be32_from(0x0a00000b)),
	                                     .port = be16_from(80),
	                                     .state = state,
	                                     .reason = "connect: refused",
	                                     .changed_ms = 1790000000123};
}

static void answer_watch(const struct ctl_id *id)
{
	union ctl_result result;
	const struct ctl_type *rows = ctl_method_types[CTL_HEALTH_WATCH].result->fields[0].rows;
	size_t len = 0;
	char *line;

	ctl_method_init_result(CTL_HEALTH_WATCH, &result);
	fill_change(ctl_field_add_row(&result.health_watch.backends, rows), HEALTH_UNHEALTHY);
	line = ctl_result_encode(id, CTL_HEALTH_WATCH, &result, &len);
	ctl_method_free_result(CTL_HEALTH_WATCH, &result);
	send_line(line, len);
}

static void notify(uint8_t state)
{
	struct ctl_request notice = {.method = CTL_HEALTH_CHANGED};
	size_t len = 0;
	char *line;

	fill_change(&notice.params.health_change, state);
	line = ctl_request_encode(&notice, &len);
	send_line(line, len);
}

static void serve_line(void)
{
	struct ctl_request request;
	struct err err = {0};

	cr_assert_eq(ctl_request_decode(&request, lb7d.line, lb7d.len, &err), 0, "%s", err.msg);
	if (request.method == CTL_L7_STATUS)
		answer_status(&request.id);
	else if (request.method == CTL_L7_CONFIGURE)
		answer_configure(&request.id, &request.params.l7_configure);
	else if (request.method == CTL_HEALTH_WATCH)
		answer_watch(&request.id);
	else
		cr_assert_fail("lb7d was asked %s", lb7d.line);
	ctl_request_free(&request);
}

static void accept_one(void)
{
	int fd = lb7d.listener >= 0 ? accept4(lb7d.listener, NULL, NULL, SOCK_CLOEXEC) : -1;

	if (fd < 0)
		return;
	hang_up();
	lb7d.fd = fd;
	lb7d.n_connections++;
}

// What lb7d does in one turn of the loop.
static void play(void)
{
	ssize_t n;

	accept_one();
	while (lb7d.fd >= 0 && !lb7d.is_silent) {
		n = recv(lb7d.fd, lb7d.line + lb7d.len, 1, MSG_DONTWAIT);
		if (n <= 0)
			break;
		lb7d.len += (size_t)n;
		cr_assert_lt(lb7d.len, LINE_SIZE);
		if (lb7d.line[lb7d.len - 1] != '\n')
			continue;
		serve_line();
		lb7d.len = 0;
	}
}

#define WAIT_FOR(condition)                 \
	do {                                \
		play();                     \
		ev_run(t.loop, EVRUN_ONCE); \
	} while (!(condition))

// --- the process ---

static int spawn(struct l7_process *out, const struct l7_program *program, struct err *err)
{
	pid_t pid;

	if (t.spawn_error)
		return err_set(err, -t.spawn_error, "cannot start lb7d: %s",
		               strerror(t.spawn_error));
	t.n_spawned++;
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGTERM, SIG_DFL);
		while (t.exit_at_once < 0)
			pause();
		_exit(t.exit_at_once);
	}
	t.pid = pid;
	*out = (struct l7_process){.pid = pid, .pidfd = pidfd_open(pid, 0), .is_child = true};
	return 0;
}

// --- around ---

static struct conf *conf_of(const char *check, int weight)
{
	char text[1024];
	struct conf *conf;
	struct err err = {0};

	snprintf(
		text, sizeof(text),
		"{\"control_l7\":\"%s\",\"pools\":[{\"name\":\"web\",\"table_size\":251,%s"
		"\"backends\":[{\"name\":\"web-1\",\"address\":\"10.0.0.11\",\"port\":80,\"weight\":%d},"
		"{\"name\":\"web-2\",\"address\":\"10.0.0.12\",\"port\":80}]}]}",
		t.path, check, weight);
	cr_assert_eq(conf_parse(&conf, text, strlen(text), &err), 0, "%s", err.msg);
	return conf;
}

// The kernel tells that this test listens; it does so for the child, if there is one.
static int reach(const char *path, pid_t *pid)
{
	int fd = l7_client_connect(path, pid);

	if (t.pid)
		*pid = t.pid;
	return fd;
}

static void open_supervise(void)
{
	struct supervise_setup setup = {.control = &t.control,
	                                .program = {.path = "/nowhere/lb7d", .conf_file = t.file},
	                                .spawn = spawn,
	                                .connect = reach};

	cr_assert_eq(supervise_open(&t.control.supervise, &setup), 0);
}

static void begin(const char *check)
{
	struct err err = {0};

	cr_assert_eq(control_apply(&t.control, conf_of(check, 1), &err), 0, "%s", err.msg);
	open_supervise();
}

static struct ctl_l7_status status(void)
{
	union ctl_result result;

	ctl_method_init_result(CTL_L7_STATUS, &result);
	cr_assert_eq(supervise_status(t.control.supervise, &result.l7_status), 0);
	return result.l7_status; // without rows here
}

static bool is_running(void)
{
	return status().state == CTL_L7_RUNNING;
}

static void setup(void)
{
	log_init("test", LOG_LEVEL_COUNT);
	lb7d.listener = lb7d.fd = -1;
	t.exit_at_once = -1;
	snprintf(t.dir, sizeof(t.dir), "/tmp/lb47-test-XXXXXX");
	cr_assert_not_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/lb7d.sock", t.dir);
	snprintf(t.file, sizeof(t.file), "%s/edge.json", t.dir);
	t.loop = ev_loop_new(0);
	ev_timer_init(&t.alarm, on_alarm, 0.001, 0.001);
	ev_timer_start(t.loop, &t.alarm);
	cr_assert_eq(stats_open_private(&t.stats), 0);
	cr_assert_eq(control_init(&t.control, t.loop, &t.stats, t.file), 0);
}

static void teardown(void)
{
	char command[64];

	supervise_close(t.control.supervise);
	control_fini(&t.control);
	stats_close(&t.stats);
	ev_loop_destroy(t.loop);
	if (t.pid)
		kill(t.pid, SIGKILL);
	snprintf(command, sizeof(command), "rm -rf %s", t.dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(supervise, .init = setup, .fini = teardown, .timeout = 10);

// --- start ---

Test(supervise, what_nobody_wants_is_not_started)
{
	begin(plain);
	cr_expect_eq(status().state, CTL_L7_OFF);
	cr_expect_eq(t.n_spawned, 0);
	cr_expect_not(supervise_is_behind(t.control.supervise));
}

Test(supervise, lb7d_is_started_configured_and_watched)
{
	begin(probed);
	cr_expect_eq(status().state, CTL_L7_STARTING);
	cr_expect_eq(t.n_spawned, 1);
	cr_expect(supervise_is_behind(t.control.supervise));
	listen_as_lb7d();
	WAIT_FOR(is_running());
	cr_expect_eq(t.n_spawned, 1);
	cr_expect_eq(lb7d.n_configured, 1);
	cr_expect(strstr(lb7d.text, "web-1"));
	cr_expect_eq(status().connections, 7);
	cr_expect_eq(status().restarts, 0);
	cr_expect_not(supervise_is_behind(t.control.supervise));
}

Test(supervise, health_reaches_the_snapshot)
{
	begin(probed);
	listen_as_lb7d();
	WAIT_FOR(t.control.generation == 2);
	cr_expect_eq(t.control.serving->backends[1].health, HEALTH_UNHEALTHY, "the first list");
	WAIT_FOR(is_running());
	notify(HEALTH_HEALTHY);
	WAIT_FOR(t.control.generation == 3);
	cr_expect_eq(t.control.serving->backends[1].health, HEALTH_HEALTHY, "and a transition");
}

Test(supervise, one_that_runs_already_is_adopted)
{
	listen_as_lb7d();
	begin(probed);
	WAIT_FOR(is_running());
	cr_expect_eq(t.n_spawned, 0);
	cr_expect_eq(status().pid, (uint32_t)getpid());
}

Test(supervise, one_that_runs_by_itself_is_left_alone)
{
	lb7d.is_standalone = true;
	listen_as_lb7d();
	begin(probed);
	WAIT_FOR(status().state == CTL_L7_BACK_OFF);
	cr_expect(strstr(status().reason, "runs by itself"), "%s", status().reason);
	cr_expect_eq(lb7d.n_configured, 0);
	cr_expect_eq(t.n_spawned, 0);
	lb7d.is_standalone = false;
	WAIT_FOR(is_running());
}

Test(supervise, what_cannot_be_started_is_tried_again)
{
	t.spawn_error = ENOENT;
	begin(probed);
	cr_expect_eq(status().state, CTL_L7_BACK_OFF);
	cr_expect_str_eq(status().reason, "cannot start lb7d: No such file or directory");
	t.spawn_error = 0;
	WAIT_FOR(t.n_spawned == 1);
	listen_as_lb7d();
	WAIT_FOR(is_running());
	cr_expect_str_empty(status().reason);
}

// --- back-off ---

Test(supervise, an_end_is_told_and_followed_by_a_start)
{
	t.exit_at_once = 3;
	begin(probed);
	WAIT_FOR(status().state == CTL_L7_BACK_OFF);
	cr_expect_str_eq(status().reason, "exit status 3");
	WAIT_FOR(t.n_spawned == 2);
	cr_expect_eq(status().restarts, 1);
}

Test(supervise, the_back_off_doubles)
{
	double at[4] = {0};

	t.exit_at_once = 1;
	begin(probed);
	for (unsigned i = 0; i < 4; i++) {
		WAIT_FOR(t.n_spawned == i + 1);
		at[i] = ev_now(t.loop);
	}
	cr_expect_geq(at[2] - at[1], 0.2, "after 100 ms came 200");
	cr_expect_geq(at[3] - at[2], 0.4);
}

Test(supervise, a_killed_one_is_back_within_a_second)
{
	double killed;

	begin(probed);
	listen_as_lb7d();
	WAIT_FOR(is_running());
	ev_now_update(t.loop);
	killed = ev_now(t.loop);
	kill(t.pid, SIGKILL);
	listen_no_more();
	WAIT_FOR(status().state == CTL_L7_BACK_OFF);
	cr_expect_str_eq(status().reason, "killed by signal 9 (Killed)");
	cr_expect_eq(t.control.roster.backends[1].health.state, HEALTH_UNHEALTHY, "as last known");
	WAIT_FOR(t.n_spawned == 2);
	listen_as_lb7d();
	WAIT_FOR(is_running());
	cr_expect_lt(ev_now(t.loop) - killed, 1.);
	cr_expect_eq(lb7d.n_configured, 2);
}

Test(supervise, a_connection_that_ends_is_made_again_without_a_start)
{
	begin(probed);
	listen_as_lb7d();
	WAIT_FOR(is_running());
	hang_up();
	WAIT_FOR(lb7d.n_connections == 2 && is_running());
	cr_expect_eq(t.n_spawned, 1);
}

// --- changes ---

static struct {
	bool is_done;
	int rc;
	struct err err;
} told;

static void on_told(struct change_ask *ask, int rc, const struct err *err)
{
	told.is_done = true;
	told.rc = rc;
	told.err = *err;
}

static struct change_ask ask = {.done = on_told};

static uint16_t running_weight(void)
{
	return t.control.conf->pools[0].backends[0].weight;
}

static void start_running(void)
{
	begin(probed);
	listen_as_lb7d();
	WAIT_FOR(is_running() && t.control.generation == 2); // with the health that it told
}

Test(supervise, a_change_reaches_lb7d_first)
{
	struct err err = {0};

	start_running();
	cr_expect_eq(change_edit(&t.control, conf_of(probed, 7), &ask, &err), CHANGE_LATER);
	cr_expect_eq(running_weight(), 1, "not before lb7d has said yes");
	WAIT_FOR(told.is_done);
	cr_expect_eq(told.rc, 0);
	cr_expect_eq(running_weight(), 7);
	cr_expect(strstr(lb7d.text, "\"weight\": 7"), "%s", lb7d.text);
	cr_expect_eq(lb7d.n_configured, 2);
}

Test(supervise, what_lb7d_refuses_is_refused_as_a_whole)
{
	struct err err = {0};
	uint32_t generation;

	start_running();
	generation = t.control.generation;
	lb7d.refusal = "l7[0].tls[0].certificate: api.pem: No such file or directory";
	cr_expect_eq(change_edit(&t.control, conf_of(probed, 7), &ask, &err), CHANGE_LATER);
	WAIT_FOR(told.is_done);
	cr_expect_lt(told.rc, 0);
	cr_expect_str_eq(told.err.msg, lb7d.refusal);
	cr_expect_eq(running_weight(), 1);
	cr_expect_eq(t.control.generation, generation);
	cr_expect_eq(t.control.n_edit_failures, 1);
}

Test(supervise, what_lb4d_refuses_does_not_reach_lb7d)
{
	struct err err = {0};
	struct conf *next;

	start_running();
	next = conf_of(probed, 7);
	next->flows *= 2;
	cr_expect_lt(change_edit(&t.control, next, &ask, &err), 0);
	cr_expect_eq(lb7d.n_configured, 1);
}

Test(supervise, a_change_does_not_wait_for_one_that_is_away)
{
	struct err err = {0};

	start_running();
	t.spawn_error = ENOENT;
	kill(t.pid, SIGKILL);
	listen_no_more();
	WAIT_FOR(status().state == CTL_L7_BACK_OFF);
	cr_expect_eq(change_edit(&t.control, conf_of(probed, 7), &ask, &err), 0);
	cr_expect_eq(running_weight(), 7);
	cr_expect(supervise_is_behind(t.control.supervise), "lbctl is told so");
	t.pid = 0;
	listen_as_lb7d(); // as one that somebody else started
	WAIT_FOR(is_running());
	cr_expect(strstr(lb7d.text, "\"weight\": 7"), "%s", lb7d.text);
}

Test(supervise, one_that_dies_over_a_change_does_not_stop_it)
{
	struct err err = {0};

	start_running();
	lb7d.is_silent = true;
	cr_expect_eq(change_edit(&t.control, conf_of(probed, 7), &ask, &err), CHANGE_LATER);
	kill(t.pid, SIGKILL);
	listen_no_more();
	WAIT_FOR(told.is_done);
	cr_expect_eq(told.rc, 0);
	cr_expect_eq(running_weight(), 7);
}

static unsigned n_turns;

static void on_turn(struct change_turn *turn)
{
	struct err err = {0};

	n_turns++;
	cr_expect_not(change_is_under_way(&t.control));
	cr_expect_geq(change_edit(&t.control, conf_of(probed, 8), &ask, &err), 0);
}

Test(supervise, changes_are_made_one_after_the_other)
{
	struct change_turn turn = {.run = on_turn}, other = {.run = on_turn},
			   gone = {.run = on_turn};
	struct err err = {0};

	start_running();
	cr_expect_eq(change_edit(&t.control, conf_of(probed, 7), &ask, &err), CHANGE_LATER);
	change_wait(&t.control, &turn);
	change_wait(&t.control, &gone);
	change_wait(&t.control, &other);
	change_leave(&t.control, &gone);
	WAIT_FOR(n_turns == 1);
	cr_expect_eq(running_weight(), 7);
	WAIT_FOR(n_turns == 2);
	WAIT_FOR(!change_is_under_way(&t.control));
	cr_expect_eq(running_weight(), 8);
	cr_expect_eq(lb7d.n_configured, 4);
}

Test(supervise, who_asked_and_left_is_not_told)
{
	struct err err = {0};

	start_running();
	cr_expect_eq(change_edit(&t.control, conf_of(probed, 7), &ask, &err), CHANGE_LATER);
	change_forget(&t.control, &ask);
	WAIT_FOR(running_weight() == 7);
	cr_expect_not(told.is_done);
}

Test(supervise, what_runs_and_lb7d_refuses_is_shown)
{
	lb7d.refusal = "admin: cannot listen";
	begin(probed);
	listen_as_lb7d();
	WAIT_FOR(is_running());
	cr_expect_str_eq(status().reason, "admin: cannot listen");
	cr_expect(supervise_is_behind(t.control.supervise));
	lb7d.refusal = NULL;
	supervise_changed(t.control.supervise, false);
	WAIT_FOR(!supervise_is_behind(t.control.supervise));
	cr_expect_str_empty(status().reason);
}

Test(supervise, a_reload_may_be_the_first_to_want_it)
{
	struct err err = {0};

	begin(plain);
	cr_expect_eq(change_edit(&t.control, conf_of(probed, 1), &ask, &err), 0);
	cr_expect_eq(t.n_spawned, 1);
}

Test(supervise, it_stays_when_nobody_wants_it_any_more)
{
	struct err err = {0};

	start_running();
	cr_expect_eq(change_edit(&t.control, conf_of(plain, 1), &ask, &err), CHANGE_LATER);
	WAIT_FOR(told.is_done);
	cr_expect(is_running(), "its connections go on");
}

// --- stop ---

static void on_stopped(void *data)
{
	t.is_stopped = true;
}

Test(supervise, a_stop_waits_for_the_end)
{
	start_running();
	supervise_stop(t.control.supervise, on_stopped, NULL);
	cr_expect_not(t.is_stopped);
	cr_expect_eq(status().state, CTL_L7_DRAINING);
	WAIT_FOR(t.is_stopped);
	cr_expect_eq(waitpid(t.pid, NULL, WNOHANG), -1, "it has ended, and was reaped");
	cr_expect_eq(t.n_spawned, 1, "and is not started again");
}

Test(supervise, a_stop_without_a_process_is_done_at_once)
{
	t.spawn_error = ENOENT;
	begin(probed);
	supervise_stop(t.control.supervise, on_stopped, NULL);
	cr_expect(t.is_stopped);
	cr_expect_eq(status().state, CTL_L7_OFF);
}

Test(supervise, who_is_left_alone_lives_on)
{
	start_running();
	supervise_close(t.control.supervise);
	t.control.supervise = NULL;
	cr_expect_eq(waitpid(t.pid, NULL, WNOHANG), 0, "as after a crash of lb4d");
}
