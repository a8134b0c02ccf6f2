// SPDX-License-Identifier: BSD-3-Clause
// lb7d's control socket as its clients see it: a real socket, lines in and out.
#include "l7/operator.h"
#include "tests/unit/l7/managerbuild.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/un.h>

enum { ANSWER_MAX = 1 << 20, LONG_LINE = 33 << 20 };

static struct managerbuild b;
static struct operator* o;
static char path[100];
static char answer[ANSWER_MAX];
static size_t answer_len;
static struct err err;

static void begin(void)
{
	signal(SIGPIPE, SIG_IGN); // as lb7d does, and as clients are ended here
	managerbuild_begin(&b);
	snprintf(path, sizeof(path), "%s/sock", b.dir);
	cr_assert_eq(operator_open(&o, &b.manager, path, &err), 0, "%s", err.msg);
}

static void end(void)
{
	operator_close(o);
	managerbuild_end(&b);
}

TestSuite(operator, .init = begin, .fini = end, .timeout = 60);

static int connect_client(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(at.sun_path, path, strlen(path) + 1);
	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	answer_len = 0;
	return fd;
}

// Lets the loop run; what comes meanwhile is appended to `answer`. False when the connection has ended.
static bool turn(int fd)
{
	ssize_t n;

	loop_turn(&b.loop, 2);
	n = read(fd, answer + answer_len, sizeof(answer) - 1 - answer_len);
	if (n > 0)
		answer_len += (size_t)n;
	answer[answer_len] = 0;
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static void say(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EAGAIN)
			return;
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		turn(fd);
	}
}

static unsigned count_lines(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < answer_len; i++)
		n += answer[i] == '\n';
	return n;
}

static bool wait_lines(int fd, unsigned n)
{
	for (int i = 0; i < 1000 && count_lines() < n; i++)
		if (!turn(fd))
			break;
	return count_lines() >= n;
}

static bool wait_end(int fd)
{
	for (int i = 0; i < 1000; i++)
		if (!turn(fd))
			return true;
	return false;
}

// Asks on a connection of its own; ' stands for ".
static const char *ask(const char *request)
{
	char *line = managerbuild_quote(strdup(request));
	int fd = connect_client();

	say(fd, line, strlen(line));
	say(fd, "\n", 1);
	cr_assert(wait_lines(fd, 1), "no answer to %s", request);
	free(line);
	close(fd);
	return answer;
}

static void configure(void)
{
	cr_assert_eq(manager_apply(
			     &b.manager,
			     managerbuild_conf("{'node': 'n', 'workers': 1, 'pools': [{'name': 'p',"
	                                       " 'backends': [{'name': 'x', 'address':"
	                                       " '10.0.0.1', 'port': 80}]}]}"),
			     &err),
	             0, "%s", err.msg);
}

Test(operator, a_second_one_is_refused)
{
	struct operator* second = NULL;

	cr_expect_eq(operator_open(&second, &b.manager, path, &err), -EADDRINUSE);
	cr_expect(strstr(err.msg, "already running"), "%s", err.msg);
	cr_expect_null(second);
	cr_expect(strstr(ask("{'jsonrpc': '2.0', 'id': 1, 'method': 'status'}"), "\"pid\":"));
}

Test(operator, requests_are_answered_in_order)
{
	static const char requests[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n\n"
		"{\"jsonrpc\":\"2.0\",\"id\":\"two\",\"method\":\"pool.list\"}\nnonsense\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"status\"}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"l7.status\"}\n";
	static const char *const marks[] = {"\"id\":1,\"result\"", "\"id\":\"two\",\"result\"",
	                                    "\"id\":null,\"error\"", "\"id\":3,\"result\""};
	const char *at = answer;
	int fd = connect_client();

	configure();
	say(fd, requests, sizeof(requests) - 1);
	cr_assert(wait_lines(fd, 4));
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		at = strstr(at, marks[i]);
		cr_assert_not_null(at, "%s: %s", marks[i], answer);
	}
	close(fd);
}

Test(operator, every_split_of_a_request_is_answered)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"counters\"}\n";

	for (size_t cut = 1; cut < sizeof(request) - 1; cut++) {
		int fd = connect_client();

		say(fd, request, cut);
		turn(fd);
		say(fd, request + cut, sizeof(request) - 1 - cut);
		cr_expect(wait_lines(fd, 1), "cut at %zu", cut);
		close(fd);
	}
}

static const struct {
	const char *name, *request, *sentence;
	bool is_managed, has_conf;
} refusals[] = {
	{"lanes", "{'jsonrpc': '2.0', 'id': 1, 'method': 'flow.count'}",
         "\"code\":-32601,\"message\":\"method: \\\"flow.count\\\" is served by lb4d: lb7d has no lanes",
         false, true},
	{"explain",
         "{'jsonrpc': '2.0', 'id': 1, 'method': 'explain', 'params': {'protocol': 'tcp', 'source':"
         " '10.0.0.1', 'source_port': 1, 'destination': '10.0.0.2', 'destination_port': 2}}",
         "lb7d has no lanes", false, true},
	{"reload while managed", "{'jsonrpc': '2.0', 'id': 1, 'method': 'reload'}",
         "\"code\":1,\"message\":\"lb4d manages this lb7d: ask it\"", true, true},
	{"save while managed", "{'jsonrpc': '2.0', 'id': 1, 'method': 'save'}",
         "lb4d manages this lb7d: ask it", true, true},
	{"an edit while managed",
         "{'jsonrpc': '2.0', 'id': 1, 'method': 'backend.state', 'params': {'pool': 'p', 'name':"
         " 'x', 'state': 'down'}}",
         "lb4d manages this lb7d: ask it", true, true},
	{"a configuration while alone",
         "{'jsonrpc': '2.0', 'id': 1, 'method': 'l7.configure', 'params': {'file': 'f', 'text': '{}'}}",
         "this lb7d runs by itself", false, true},
	{"lists before there is anything", "{'jsonrpc': '2.0', 'id': 1, 'method': 'pool.list'}",
         "lb4d has not given a configuration yet", true, false},
	{"an unknown pool",
         "{'jsonrpc': '2.0', 'id': 1, 'method': 'backend.list', 'params': {'pool': 'z'}}",
         "there is no pool \\\"z\\\"", false, true},
	{"a file that is not there", "{'jsonrpc': '2.0', 'id': 1, 'method': 'reload'}", "conf.json",
         false, true},
};

Test(operator, refusals_say_why)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		if (refusals[i].has_conf && !b.manager.site)
			configure();
		if (!refusals[i].has_conf)
			continue;
		b.manager.is_managed = refusals[i].is_managed;
		cr_expect(strstr(ask(refusals[i].request), refusals[i].sentence), "%s: %s",
		          refusals[i].name, answer);
	}
}

Test(operator, before_there_is_a_configuration_only_status_is_known)
{
	b.manager.is_managed = true;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (!refusals[i].has_conf)
			cr_expect(strstr(ask(refusals[i].request), refusals[i].sentence), "%s: %s",
			          refusals[i].name, answer);
	cr_expect(strstr(ask("{'jsonrpc': '2.0', 'id': 1, 'method': 'l7.status'}"),
	                 "\"state\":\"starting\""),
	          "%s", answer);
}

Test(operator, edits_reach_the_running_configuration)
{
	configure();
	cr_expect(strstr(ask("{'jsonrpc': '2.0', 'id': 1, 'method': 'backend.state', 'params':"
	                     " {'pool': 'p', 'name': 'x', 'state': 'drain'}}"),
	                 "\"generation\":2,\"saved\":false"),
	          "%s", answer);
	cr_expect_eq(b.manager.site->conf->pools[0].backends[0].state, STATE_DRAIN);
	cr_expect(strstr(ask("{'jsonrpc': '2.0', 'id': 1, 'method': 'backend.list'}"),
	                 "\"state\":\"drain\""),
	          "%s", answer);
	cr_expect(strstr(ask("{'jsonrpc': '2.0', 'id': 1, 'method': 'backend.remove', 'params':"
	                     " {'pool': 'p', 'name': 'y'}}"),
	                 "has no backend"),
	          "%s", answer);
	cr_expect_eq(b.manager.n_edit_failures, 1);
}

// --- l7.configure ---

static void send_configuration(int fd, const char *text, size_t blanks)
{
	static const char head[] =
		"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"l7.configure\",\"params\":"
		"{\"file\":\"/etc/lb47/edge.json\",\"text\":\"";
	char *fill = malloc(blanks + 1);

	memset(fill, ' ', blanks);
	say(fd, head, sizeof(head) - 1);
	say(fd, text, strlen(text));
	say(fd, fill, blanks);
	say(fd, "\"}}\n", 4);
	free(fill);
}

Test(operator, a_managed_one_takes_what_lb4d_runs)
{
	int fd = connect_client();

	b.manager.is_managed = true;
	send_configuration(fd, "{\\\"node\\\": \\\"edge\\\", \\\"workers\\\": 1}", 0);
	cr_assert(wait_lines(fd, 1));
	cr_expect(strstr(answer, "\"result\":{}"), "%s", answer);
	cr_assert_not_null(b.manager.site);
	cr_expect_str_eq(b.manager.site->conf->node, "edge");
	cr_expect_str_eq(b.manager.site->conf->file, "/etc/lb47/edge.json");
	// Refused as a whole, with a sentence.
	answer_len = 0;
	send_configuration(fd, "{\\\"workers\\\": 1, \\\"pools\\\": 7}", 0);
	cr_assert(wait_lines(fd, 1));
	cr_expect(strstr(answer, "\"error\":{\"code\":1,\"message\":\"pools"), "%s", answer);
	cr_expect_str_eq(b.manager.site->conf->node, "edge");
	// A megabyte is more than lb4d accepts itself, and no more than a configuration may have.
	answer_len = 0;
	send_configuration(fd, "{\\\"node\\\": \\\"big\\\", \\\"workers\\\": 1}", 15 << 20);
	cr_assert(wait_lines(fd, 1));
	cr_expect(strstr(answer, "\"result\":{}"), "%s", answer);
	cr_expect_str_eq(b.manager.site->conf->node, "big");
	close(fd);
}

Test(operator, keys_of_the_fast_path_may_change_under_a_managed_one)
{
	int fd = connect_client();

	b.manager.is_managed = true;
	send_configuration(fd, "{\\\"workers\\\": 1, \\\"flows\\\": 2048}", 0);
	cr_assert(wait_lines(fd, 1));
	send_configuration(fd, "{\\\"workers\\\": 2, \\\"flows\\\": 4096}", 0);
	cr_assert(wait_lines(fd, 2));
	cr_expect_null(strstr(answer, "error"), "%s", answer);
	cr_expect_eq(b.manager.n_workers, 1);
	close(fd);
}

Test(operator, a_line_beyond_the_limit_ends_the_connection)
{
	char *line = malloc(LONG_LINE);
	int fd = connect_client();

	memset(line, ' ', LONG_LINE);
	say(fd, line, LONG_LINE);
	cr_expect(wait_end(fd));
	cr_expect(strstr(answer, "a line has at most"), "%s", answer);
	free(line);
	close(fd);
}

// --- health ---

static const struct probe probe = {
	.pool = "p",
	.name = "x",
	.address = {.family = ADDR_IP4},
	.verdict.record = {.state = HEALTH_UNHEALTHY,
                           .changed_ns = 5000000000,
                           .reason = "status 503"},
};

Test(operator, whoever_watches_is_told_and_nobody_else)
{
	static const char watch[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"health.watch\"}\n";
	int other = connect_client(), fd = connect_client();

	say(fd, watch, sizeof(watch) - 1);
	cr_assert(wait_lines(fd, 1));
	operator_tell_health(o, &probe);
	cr_assert(wait_lines(fd, 2));
	cr_expect(strstr(answer,
	                 "{\"jsonrpc\":\"2.0\",\"method\":\"health.changed\",\"params\":{"
	                 "\"pool\":\"p\",\"name\":\"x\",\"address\":\"0.0.0.0\",\"port\":0,"
	                 "\"state\":\"unhealthy\",\"reason\":\"status 503\",\"changed_ms\":5000}}"),
	          "%s", answer);
	answer_len = 0;
	cr_expect_not(wait_lines(other, 1));
	close(fd);
	close(other);
}

Test(operator, a_watcher_that_takes_nothing_is_ended)
{
	static const char watch[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"health.watch\"}\n";
	int fd = connect_client();

	say(fd, watch, sizeof(watch) - 1);
	cr_assert(wait_lines(fd, 1));
	for (int i = 0; i < 100000; i++)
		operator_tell_health(o, &probe);
	loop_turn(&b.loop, 0);
	cr_expect_lt(b.loop.bufs.used_size, 1 << 20);
	close(fd);
}

// --- clients that do not behave ---

static void pass(uint64_t ms)
{
	for (uint64_t gone = 0; gone <= ms; gone += 1000) {
		b.loop.now_ns += 1000 * CLOCK_NS_PER_MS;
		timer_run(&b.loop.timers, b.loop.now_ns / CLOCK_NS_PER_MS);
	}
}

Test(operator, half_a_line_is_waited_for_half_a_minute)
{
	int silent = connect_client(), fd = connect_client();

	say(fd, "{\"jsonrpc\"", 10);
	turn(fd);
	pass(29000);
	cr_expect(turn(fd));
	pass(31000);
	cr_expect(wait_end(fd));
	cr_expect(turn(silent), "who asked for nothing may stay");
	close(fd);
	close(silent);
}

Test(operator, a_half_closed_client_gets_its_answer)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}";
	int fd = connect_client();

	say(fd, request, sizeof(request) - 1); // without a newline: the end ends it
	shutdown(fd, SHUT_WR);
	cr_expect(wait_end(fd));
	cr_expect_eq(count_lines(), 1);
	cr_expect(strstr(answer, "\"result\""));
	close(fd);
}

Test(operator, the_idlest_makes_room_for_the_next)
{
	int fds[65];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = connect_client();
		turn(fds[i]);
	}
	cr_expect(wait_end(fds[0]));
	cr_expect(turn(fds[64]));
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}
