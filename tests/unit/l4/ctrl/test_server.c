// SPDX-License-Identifier: BSD-3-Clause
// The whole control side without a NIC: real sockets in a folder of the test's own, two lanes that nobody
// runs, and the loop turned by hand.
#include "l4/ctrl/server.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"
#include "l4/ctrl/control.h"
#include "l4/data/pipeline.h"
#include "l4/model/ctl.h"
#include "tests/support/pktbuild.h"

static const char conf_text_in[] =
	"{\"node\":\"test-1\",\"flows\":1024,\"lanes\":[0,1],"
	"\"ports\":[{\"name\":\"wan\",\"driver\":\"pcap\",\"rx\":\"in.pcap\",\"mac\":\"02:00:00:00:00:01\"}],"
	"\"snat\":{\"addresses\":[\"10.0.0.1\"]},"
	"\"services\":["
	"{\"name\":\"web\",\"address\":\"203.0.113.10\",\"port\":80,\"protocol\":\"tcp\",\"pool\":\"web\"},"
	"{\"name\":\"nat\",\"address\":\"203.0.113.10\",\"port\":81,\"protocol\":\"tcp\",\"forward\":\"nat\",\"pool\":\"web\"},"
	"{\"name\":\"h3\",\"address\":\"203.0.113.10\",\"port\":443,\"protocol\":\"quic\",\"pool\":\"h3\","
	"\"quic_lb\":[{\"config_id\":2,\"server_id_length\":1,\"nonce_length\":4}]},"
	"{\"name\":\"api\",\"address\":\"203.0.113.10\",\"port\":8443,\"protocol\":\"tcp\",\"l7\":\"api\"}],"
	"\"l7\":[{\"name\":\"api\",\"routes\":[{\"path\":\"/\",\"pool\":\"web\"}]}],"
	"\"pools\":[{\"name\":\"web\",\"table_size\":251,\"backends\":["
	"{\"name\":\"web-1\",\"address\":\"10.0.0.11\",\"port\":80,\"mac\":\"02:00:00:00:00:0b\"},"
	"{\"name\":\"web-2\",\"address\":\"10.0.0.12\",\"port\":80,\"mac\":\"02:00:00:00:00:0c\"}]},"
	"{\"name\":\"h3\",\"table_size\":251,\"backends\":["
	"{\"name\":\"h3-1\",\"address\":\"10.0.0.31\",\"port\":443,\"mac\":\"02:00:00:00:00:1f\",\"server_id\":\"11\"},"
	"{\"name\":\"h3-2\",\"address\":\"10.0.0.32\",\"port\":443,\"mac\":\"02:00:00:00:00:20\",\"server_id\":\"22\"}]}]}";

enum { N_LANES = 2, ANSWER_SIZE = 1 << 16 };

static struct {
	struct ev_loop *loop;
	struct stats stats;
	struct lane lane[N_LANES];
	struct lane *lanes[N_LANES];
	struct control control;
	struct server *server;
	char dir[32], path[64], file[64];
	char answer[ANSWER_SIZE];
} t;

static void start_lanes(void)
{
	for (unsigned i = 0; i < N_LANES; i++) {
		struct lane_setup setup = {.index = (uint16_t)i,
		                           .n_lanes = N_LANES,
		                           .n_flows = 512,
		                           .stats = &t.stats};

		cr_assert_eq(lane_init(&t.lane[i], &setup), 0);
		t.lanes[i] = &t.lane[i];
	}
	t.control.lanes = t.lanes;
}

static void setup(void)
{
	struct conf *conf;
	struct err err = {0};
	FILE *f;

	log_init("test", LOG_LEVEL_COUNT);
	snprintf(t.dir, sizeof(t.dir), "/tmp/lb47-test-XXXXXX");
	cr_assert_not_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/run/lb4d.sock", t.dir);
	snprintf(t.file, sizeof(t.file), "%s/edge.json", t.dir);
	f = fopen(t.file, "w");
	cr_assert(f && fputs(conf_text_in, f) >= 0 && fclose(f) == 0);
	t.loop = ev_loop_new(0);
	cr_assert_eq(stats_open_private(&t.stats), 0);
	cr_assert_eq(control_init(&t.control, t.loop, &t.stats, t.file), 0);
	start_lanes();
	cr_assert_eq(conf_load(&conf, t.file, &err), 0, "%s", err.msg);
	t.control.ports[0].mac = conf->ports[0].mac;
	cr_assert_eq(control_apply(&t.control, conf, &err), 0, "%s", err.msg);
	t.control.is_saved = true;
	for (int i = 0; i < N_LANES; i++) {
		lane_quiesce(&t.lane[i]);
		lane_tick(&t.lane[i], clock_now_ns());
	}
	cr_assert_eq(server_open(&t.server, &t.control, t.path, &err), 0, "%s", err.msg);
}

static void teardown(void)
{
	char command[64];

	server_close(t.server);
	control_fini(&t.control);
	for (int i = 0; i < N_LANES; i++)
		lane_fini(&t.lane[i]);
	stats_close(&t.stats);
	ev_loop_destroy(t.loop);
	snprintf(command, sizeof(command), "rm -rf %s", t.dir);
	cr_assert_eq(system(command), 0);
}

static int reach(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", t.path);
	cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
		if (n < 0 && errno != EAGAIN)
			return; // the server had enough
		ev_run(t.loop, EVRUN_NOWAIT);
	}
}

// Turns the loop until a line (true) or the end of the stream (false) has come.
static bool hear(int fd)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = recv(fd, t.answer + len, 1, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return false;
		if (n < 0) {
			ev_run(t.loop, EVRUN_NOWAIT);
			continue;
		}
		len += (size_t)n;
		cr_assert_lt(len, ANSWER_SIZE - 1);
		t.answer[len] = 0;
		if (t.answer[len - 1] == '\n')
			return true;
	}
}

static const char *ask(const char *method, const char *params)
{
	char line[512];
	int fd = reach();

	snprintf(line, sizeof(line),
	         "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{%s}}\n", method,
	         params);
	say(fd, line, strlen(line));
	cr_assert(hear(fd));
	close(fd);
	return t.answer;
}

static void expect_in(const char *answer, const char *what)
{
	cr_expect(strstr(answer, what), "%s is not in %s", what, answer);
}

static void send_syn(const char *src, uint16_t sport, uint16_t dport)
{
	struct pktbuild b;
	uint8_t frame[PKT_HEADROOM + 256];
	struct pkt p;
	size_t len;

	pktbuild_start(&b);
	pktbuild_eth(&b);
	pktbuild_ip4(&b, .src = src, .dst = "203.0.113.10");
	pktbuild_tcp(&b, .sport = sport, .dport = dport, .flags = PKTBUILD_SYN);
	len = pktbuild_end(&b);
	memcpy(frame + PKT_HEADROOM, b.byte, len);
	pkt_init(&p, frame + PKT_HEADROOM, (uint16_t)len, 0, NULL);
	lane_quiesce(&t.lane[1]);
	pipeline_run(&t.lane[1], &p, 1);
	lane_count(&t.lane[1], &p, 1);
	cr_assert_eq(p.verdict, VERDICT_FORWARD);
}

TestSuite(server, .init = setup, .fini = teardown);

Test(server, every_method_answers)
{
	static const char key[] =
		"\"protocol\":\"tcp\",\"source\":\"198.51.100.7\",\"source_port\":40000,"
		"\"destination\":\"203.0.113.10\",\"destination_port\":80";

	send_syn("198.51.100.7", 40000, 80);
	expect_in(ask("status", ""), "\"node\":\"test-1\"");
	expect_in(ask("reload", ""), "\"saved\":true");
	expect_in(ask("save", ""), "\"saved\":true");
	expect_in(ask("service.list", ""), "\"name\":\"nat\"");
	expect_in(ask("pool.list", ""), "\"usable\":2");
	expect_in(ask("backend.list", ""), "\"name\":\"web-2\"");
	expect_in(ask("flow.count", ""), "\"flows\":1");
	expect_in(ask("flow.lookup", key), "\"lane\":1");
	expect_in(ask("counters", ""), "\"difference\":0");
	expect_in(ask("explain", key), "\"verdict\":\"forward\"");
}

Test(server, backends_are_changed_all_or_nothing)
{
	expect_in(ask("backend.weight", "\"pool\":\"web\",\"name\":\"web-1\",\"weight\":7"),
	          "\"saved\":false");
	expect_in(ask("backend.list", ""), "\"weight\":7");
	expect_in(ask("backend.state", "\"pool\":\"web\",\"name\":\"web-1\",\"state\":\"drain\""),
	          "\"generation\":3");
	expect_in(ask("backend.list", ""), "\"state\":\"drain\"");
	expect_in(ask("backend.add",
	              "\"pool\":\"web\",\"name\":\"web-3\",\"address\":\"10.0.0.13\",\"port\":80,"
	              "\"mac\":\"02:00:00:00:00:0d\""),
	          "\"generation\":4");
	expect_in(ask("pool.list", ""), "\"backends\":3,\"usable\":2");
	expect_in(ask("backend.add",
	              "\"pool\":\"web\",\"name\":\"web-3\",\"address\":\"10.0.0.14\",\"port\":80"),
	          "\"code\":1");
	expect_in(ask("backend.remove", "\"pool\":\"web\",\"name\":\"web-9\""),
	          "pool \\\"web\\\" has no backend \\\"web-9\\\"");
	expect_in(ask("backend.remove", "\"pool\":\"no\",\"name\":\"web-9\""),
	          "there is no pool \\\"no\\\"");
	expect_in(ask("backend.remove", "\"pool\":\"web\",\"name\":\"web-3\""), "\"generation\":5");
}

Test(server, a_refused_change_is_no_refused_reload)
{
	ask("backend.remove", "\"pool\":\"web\",\"name\":\"web-9\"");
	ask("backend.weight", "\"pool\":\"no\",\"name\":\"web-1\",\"weight\":7");
	ask("backend.add",
	    "\"pool\":\"web\",\"name\":\"web-1\",\"address\":\"10.0.0.14\",\"port\":80");
	expect_in(ask("status", ""), "\"change_failures\":3");
	expect_in(t.answer, "\"reload_failures\":0");
	expect_in(t.answer, "\"last_error\":\"change refused: ");
}

Test(server, a_saved_change_survives_a_reload_and_another_does_not)
{
	ask("backend.weight", "\"pool\":\"web\",\"name\":\"web-1\",\"weight\":7");
	expect_in(ask("save", ""), "\"saved\":true");
	ask("backend.weight", "\"pool\":\"web\",\"name\":\"web-2\",\"weight\":9");
	ask("reload", "");
	expect_in(ask("backend.list", ""), "\"weight\":7");
	cr_expect_null(strstr(t.answer, "\"weight\":9"));
}

Test(server, a_removed_backend_is_listed_while_it_serves_flows)
{
	for (uint16_t port = 1000; port < 1100; port++)
		send_syn("198.51.100.7", port, 80);
	ask("backend.remove", "\"pool\":\"web\",\"name\":\"web-1\"");
	expect_in(ask("backend.list", "\"pool\":\"web\""), "\"state\":\"removed\"");
	cr_expect_null(strstr(t.answer, "\"flows\":0"));
}

Test(server, explain_follows_a_living_flow_and_leaves_no_trace)
{
	static const char key[] =
		"\"protocol\":\"tcp\",\"source\":\"198.51.100.7\",\"source_port\":%u,"
		"\"destination\":\"203.0.113.10\",\"destination_port\":81";
	char params[256];

	send_syn("198.51.100.7", 40000, 81);
	snprintf(params, sizeof(params), key, 40000u);
	expect_in(ask("explain", params), "\"flow\":\"living\"");
	expect_in(t.answer, "\"lane\":1");
	snprintf(params, sizeof(params), key, 40001u);
	expect_in(ask("explain", params), "\"flow\":\"new\"");
	expect_in(ask("flow.count", ""), "\"flows\":1,");
	expect_in(ask("counters", ""), "\"received\":1,");
}

Test(server, a_backends_answer_is_found_and_explained)
{
	char params[256], *at;
	unsigned snat_port, last;

	send_syn("198.51.100.7", 40000, 81);
	ask("flow.lookup", "\"protocol\":\"tcp\",\"source\":\"198.51.100.7\",\"source_port\":40000,"
	                   "\"destination\":\"203.0.113.10\",\"destination_port\":81");
	at = strstr(t.answer, "\"snat_port\":");
	cr_assert(at && sscanf(at, "\"snat_port\":%u", &snat_port) == 1, "%s", t.answer);
	at = strstr(t.answer, "\"address\":\"10.0.0.1");
	cr_assert(at && sscanf(at, "\"address\":\"10.0.0.%u", &last) == 1, "%s", t.answer);
	snprintf(params, sizeof(params),
	         "\"protocol\":\"tcp\",\"source\":\"10.0.0.%u\",\"source_port\":80,"
	         "\"destination\":\"10.0.0.1\",\"destination_port\":%u",
	         last, snat_port);
	expect_in(ask("flow.lookup", params), "\"service\":\"nat\"");
	expect_in(ask("explain", params), "\"verdict\":\"forward\"");
	expect_in(t.answer, "\"service\":\"nat\"");
}

Test(server, explain_names_the_reason_of_a_refusal)
{
	expect_in(ask("explain",
	              "\"protocol\":\"tcp\",\"source\":\"198.51.100.7\",\"source_port\":1,"
	              "\"destination\":\"203.0.113.10\",\"destination_port\":443"),
	          "\"reason\":\"no_service\"");
	expect_in(ask("explain",
	              "\"protocol\":\"udp\",\"source\":\"2001:db8::7\",\"source_port\":1,"
	              "\"destination\":\"2001:db8::8\",\"destination_port\":443"),
	          "\"reason\":\"not_ours\"");
	expect_in(ask("explain",
	              "\"protocol\":\"udp\",\"source\":\"2001:db8::7\",\"source_port\":1,"
	              "\"destination\":\"203.0.113.10\",\"destination_port\":443"),
	          "of different families");
}

#define H3                                                                     \
	"\"protocol\":\"quic\",\"source\":\"198.51.100.7\",\"source_port\":1," \
	"\"destination\":\"203.0.113.10\",\"destination_port\":443"

Test(server, explain_sends_a_cid_of_quic_to_its_server)
{
	expect_in(ask("explain", H3 ",\"cid\":\"451100000000\""), "\"backend\":\"h3-1\"");
	expect_in(ask("explain", H3 ",\"cid\":\"452200000000\""), "\"backend\":\"h3-2\"");
	expect_in(
		ask("explain", H3 ",\"cid\":\"452200000000\",\"long_header\":true,\"scid\":\"01\""),
		"\"backend\":\"h3-2\"");
	expect_in(ask("explain", H3), "\"verdict\":\"forward\"");
	expect_in(ask("explain", H3 ",\"cid\":\"45\",\"scid\":\"01\""),
	          "scid: a short header has none");
}

static void make_unhealthy(const char *backend)
{
	for (uint16_t id = 1; id < t.control.roster.n_backends; id++) {
		struct roster_backend *b = &t.control.roster.backends[id];

		if (strcmp(b->name, backend) != 0)
			continue;
		b->health.state = HEALTH_UNHEALTHY;
		b->health.changed_ns = 1;
		snprintf(b->health.reason, sizeof(b->health.reason), "connect: refused");
	}
	control_refresh(&t.control);
	for (int i = 0; i < N_LANES; i++)
		lane_quiesce(&t.lane[i]);
}

#define WEB                                                                   \
	"\"protocol\":\"tcp\",\"source\":\"198.51.100.7\",\"source_port\":1," \
	"\"destination\":\"203.0.113.10\",\"destination_port\":80"

Test(server, explain_tells_health_and_a_pool_that_failed_open)
{
	make_unhealthy("web-1");
	expect_in(ask("explain", WEB), "\"backend\":\"web-2\"");
	cr_expect_null(strstr(t.answer, "unhealthy"));
	make_unhealthy("web-2");
	expect_in(ask("explain", WEB), "s: connect: refused");
	expect_in(t.answer, "pool web has failed open: none is healthy, so all are used");
	expect_in(ask("pool.list", ""), "\"usable\":2,\"unhealthy\":2,\"failed_open\":true");
	expect_in(ask("backend.list", ""), "\"reason\":\"connect: refused\"");
}

Test(server, explain_tells_why_a_pool_is_empty)
{
	t.control.conf->pools[0].when_unhealthy = UNHEALTHY_NONE;
	make_unhealthy("web-1");
	make_unhealthy("web-2");
	expect_in(ask("explain", WEB), "\"reason\":\"pool_empty\"");
	expect_in(t.answer, "pool web: 2 of 2 backends are unhealthy, when_unhealthy is none");
}

Test(server, explain_tells_who_answers_an_l7_service)
{
	expect_in(ask("explain",
	              "\"protocol\":\"tcp\",\"source\":\"198.51.100.7\",\"source_port\":1,"
	              "\"destination\":\"203.0.113.10\",\"destination_port\":8443"),
	          "\"reason\":\"l7_service\"");
	expect_in(t.answer, "l7 entry api is answered by this host's workers");
	expect_in(t.answer, "this lb4d keeps no lb7d");
	expect_in(ask("l7.status", ""), "\"state\":\"off\"");
	expect_in(ask("l7.configure", "\"file\":\"f\",\"text\":\"{}\""), "is served by lb7d");
}

Test(server, a_broken_file_replaces_nothing)
{
	FILE *f = fopen(t.file, "w");

	cr_assert(f && fputs("{\"flows\":7}", f) >= 0 && fclose(f) == 0);
	expect_in(ask("reload", ""), "edge.json: flows: 7 is not in 1024..16777216");
	expect_in(ask("status", ""), "\"generation\":1,");
	expect_in(t.answer, "\"reload_failures\":1");
	expect_in(t.answer, "\"change_failures\":0");
	expect_in(t.answer, "\"last_error\":\"reload refused: ");
}

static int count_steered(const struct control *c, uint16_t port, struct steer_counters *out)
{
	*out = (struct steer_counters){.service = 12};
	return port == 0 ? 0 : -ENOENT;
}

Test(server, counters_show_what_an_xdp_program_counted)
{
	expect_in(ask("counters", ""), "\"steered\":[]");
	t.control.count_steered = count_steered;
	expect_in(ask("counters", ""),
	          "\"steered\":[{\"port\":\"wan\",\"name\":\"service\",\"packets\":12,");
	cr_expect_null(strstr(t.answer, "no_socket"), "not asked for zeros");
	expect_in(ask("counters", "\"all\":true"), "\"name\":\"no_socket\",\"packets\":0,");
}

Test(server, lines_may_come_in_pieces_and_in_heaps)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"pool.list\"}\n";
	int fd = reach();

	for (size_t i = 0; i < strlen(line); i++)
		say(fd, line + i, 1);
	cr_expect(hear(fd));
	for (int i = 0; i < 50; i++)
		say(fd, line, strlen(line));
	for (int i = 0; i < 50; i++)
		cr_expect(hear(fd));
	close(fd);
}

Test(server, answers_come_in_order)
{
	static const char lines[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"flow.count\"}\n\n"
				    "{\"jsonrpc\":\"2.0\",\"method\":\"status\"}\n"
				    "nonsense\n"
				    "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"pool.list\"}";
	int fd = reach();

	say(fd, lines, strlen(lines));
	shutdown(fd, SHUT_WR); // the end of the stream ends the last line
	cr_expect(hear(fd));
	expect_in(t.answer, "\"id\":1");
	cr_expect(hear(fd));
	expect_in(t.answer, "-32700");
	cr_expect(hear(fd));
	expect_in(t.answer, "\"id\":2");
	cr_expect_not(hear(fd), "then the connection ends");
	close(fd);
}

Test(server, an_endless_line_is_refused)
{
	static char junk[CTL_REQUEST_MAX + 8192];
	int fd = reach();

	memset(junk, ' ', sizeof(junk));
	say(fd, junk, sizeof(junk));
	cr_expect(hear(fd));
	expect_in(t.answer, "a line has at most 1048576 bytes");
	cr_expect_not(hear(fd));
	close(fd);
}

Test(server, clients_that_do_not_read_hold_up_nobody)
{
	static const char line[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"counters\",\"params\":{\"all\":true}}\n";
	int deaf = reach();

	for (int i = 0; i < 2000; i++) {
		if (send(deaf, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		ev_run(t.loop, EVRUN_NOWAIT);
	}
	expect_in(ask("pool.list", ""), "\"usable\":2");
	close(deaf);
}

Test(server, a_client_that_leaves_in_the_middle_is_forgotten)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"flow.count\"}\n";

	for (int i = 0; i < 100; i++) {
		int fd = reach();

		say(fd, line, i % 2 ? strlen(line) : 10);
		close(fd);
	}
	expect_in(ask("flow.count", ""), "\"flows\":0");
}

Test(server, idle_clients_make_room_for_new_ones)
{
	int fds[100];

	for (int i = 0; i < 100; i++) {
		fds[i] = reach();
		ev_run(t.loop, EVRUN_NOWAIT);
	}
	expect_in(ask("pool.list", ""), "\"usable\":2");
	cr_expect_not(hear(fds[0]), "the idlest had to go");
	for (int i = 0; i < 100; i++)
		close(fds[i]);
}

Test(server, a_second_daemon_is_refused_by_name)
{
	char want[128];
	struct server *second = NULL;
	struct err err = {0};

	snprintf(want, sizeof(want), "already running: pid %d answers on %s", getpid(), t.path);
	cr_expect_eq(server_open(&second, &t.control, t.path, &err), -EADDRINUSE);
	cr_expect_str_eq(err.msg, want);
	cr_expect_null(second);
}

Test(server, a_socket_that_answers_without_a_lock_is_respected)
{
	char lock[80];
	struct server *second = NULL;
	struct err err = {0};

	snprintf(lock, sizeof(lock), "%s.lock", t.path);
	cr_assert_eq(unlink(lock), 0);
	cr_expect_eq(server_open(&second, &t.control, t.path, &err), -EADDRINUSE);
}

Test(server, the_socket_of_a_killed_daemon_is_replaced)
{
	struct err err = {0};
	struct stat st;
	char stale[80];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct server *second;

	snprintf(stale, sizeof(stale), "%s/stale.sock", t.dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", stale);
	cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(fd); // without unlink, as if killed
	cr_assert_eq(server_open(&second, &t.control, stale, &err), 0, "%s", err.msg);
	server_close(second);
	cr_expect_eq(stat(stale, &st), -1, "a clean stop removes it");
}

Test(server, the_socket_is_for_owner_and_group)
{
	struct stat st;

	cr_assert_eq(stat(t.path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0660);
}

Test(server, what_is_no_socket_is_left_alone)
{
	struct server *second = NULL;
	struct err err = {0};

	cr_expect_eq(server_open(&second, &t.control, t.file, &err), -EEXIST);
	cr_expect(strstr(err.msg, "exists and is no socket"), "%s", err.msg);
	cr_expect_eq(access(t.file, F_OK), 0);
}

Test(server, a_path_longer_than_sockets_have_is_refused)
{
	char path[200];
	struct server *second = NULL;
	struct err err = {0};

	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = 0;
	cr_expect_eq(server_open(&second, &t.control, path, &err), -ENAMETOOLONG);
}
