// SPDX-License-Identifier: BSD-3-Clause
// The control side of captures with two lanes whose rounds a test makes, and a client that takes the memory as lbctl
// does.
#include "l4/ctrl/captures.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "l4/base/clock.h"
#include "l4/base/log.h"
#include "l4/ctrl/control.h"
#include "l4/ctrl/server.h"
#include "l4/data/capture_tap.h"
#include "l4/data/pipeline.h"
#include "l4/model/ctl.h"
#include "tests/support/pktbuild.h"

#define SERVICE(name, port, what)                                            \
	"{\"name\":\"" name "\",\"address\":\"203.0.113.10\",\"port\":" port \
	",\"protocol\":\"tcp\"," what "}"
#define CONF(driver, services)                                                                     \
	"{\"node\":\"test-1\",\"flows\":1024,\"lanes\":[0,1],\"ports\":[{\"name\":\"wan\"," driver \
	",\"mac\":\"02:00:00:00:00:01\"}],\"services\":[" services "],"                            \
	"\"l7\":[{\"name\":\"api\",\"routes\":[{\"path\":\"/\",\"pool\":\"web\"}]}],"              \
	"\"pools\":[{\"name\":\"web\",\"table_size\":251,\"backends\":[{\"name\":\"web-1\","       \
	"\"address\":\"10.0.0.11\",\"port\":80,\"mac\":\"02:00:00:00:00:0b\"}]}]}"
#define WEB SERVICE("web", "80", "\"pool\":\"web\"")
#define API SERVICE("api", "443", "\"l7\":\"api\"")
#define PCAP "\"driver\":\"pcap\",\"rx\":\"in.pcap\""
#define XDP "\"driver\":\"af_xdp\",\"device\":\"lo\""

enum { N_LANES = 2 };

static struct {
	struct ev_loop *loop;
	struct stats stats;
	struct lane lane[N_LANES];
	struct lane *lanes[N_LANES];
	struct control control;
	struct server *server;
	char dir[32], path[64], file[64];
	struct err err;
} t;

static struct conf *conf_of(const char *text)
{
	struct conf *conf;
	FILE *f = fopen(t.file, "w");

	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
	cr_assert_eq(conf_load(&conf, t.file, &t.err), 0, "%s", t.err.msg);
	return conf;
}

static void open_with(const char *text)
{
	log_init("test", LOG_LEVEL_COUNT);
	snprintf(t.dir, sizeof(t.dir), "/tmp/lb47-test-XXXXXX");
	cr_assert_not_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/lb4d.sock", t.dir);
	snprintf(t.file, sizeof(t.file), "%s/edge.json", t.dir);
	t.loop = ev_loop_new(0);
	cr_assert_eq(stats_open_private(&t.stats), 0);
	cr_assert_eq(control_init(&t.control, t.loop, &t.stats, t.file), 0);
	for (unsigned i = 0; i < N_LANES; i++) {
		struct lane_setup setup = {.index = (uint16_t)i,
		                           .n_lanes = N_LANES,
		                           .n_flows = 512,
		                           .stats = &t.stats};

		cr_assert_eq(lane_init(&t.lane[i], &setup), 0);
		t.lanes[i] = &t.lane[i];
	}
	t.control.lanes = t.lanes;
	cr_assert_eq(control_apply(&t.control, conf_of(text), &t.err), 0, "%s", t.err.msg);
	for (unsigned i = 0; i < N_LANES; i++) {
		lane_quiesce(&t.lane[i]);
		lane_set_running(&t.lane[i], true);
	}
	cr_assert_eq(captures_open(&t.control.captures, &t.control), 0);
	cr_assert_eq(server_open(&t.server, &t.control, t.path, &t.err), 0, "%s", t.err.msg);
}

static void setup(void)
{
	open_with(CONF(PCAP, WEB "," API));
}

// As main.c does it.
static void teardown(void)
{
	char command[64];

	for (int i = 0; i < N_LANES; i++)
		lane_set_running(&t.lane[i], false);
	captures_close(t.control.captures);
	t.control.captures = NULL;
	server_close(t.server);
	control_fini(&t.control);
	for (int i = 0; i < N_LANES; i++)
		lane_fini(&t.lane[i]);
	stats_close(&t.stats);
	ev_loop_destroy(t.loop);
	snprintf(command, sizeof(command), "rm -rf %s", t.dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(captures, .init = setup, .fini = teardown);

// A round of a lane with one SYN to the service.
static void round_of(unsigned lane, uint16_t dport)
{
	struct pktbuild b;
	struct pkt p;

	pktbuild_start(&b);
	pktbuild_eth(&b);
	pktbuild_ip4(&b);
	pktbuild_tcp(&b, .sport = 40000, .dport = dport, .flags = PKTBUILD_SYN);
	pktbuild_end(&b);
	lane_quiesce(&t.lane[lane]);
	lane_tick(&t.lane[lane], clock_now_ns());
	pkt_init(&p, b.byte, (uint16_t)b.len, 0, NULL);
	pipeline_run(&t.lane[lane], &p, 1);
	lane_count(&t.lane[lane], &p, 1);
}

// --- as lbctl does it ---

struct asker {
	int fd, passed;
	char answer[2048];
	struct capture_shared *memory;
	struct capture_reader lane[N_LANES];
};

static void hear(struct asker *a)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {a->answer, sizeof(a->answer) - 1};
	struct msghdr message = {.msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = control.bytes,
	                         .msg_controllen = sizeof(control.bytes)};
	const struct cmsghdr *header;
	ssize_t n;

	while ((n = recvmsg(a->fd, &message, MSG_DONTWAIT)) < 0)
		ev_run(t.loop, EVRUN_NOWAIT);
	a->answer[n] = 0;
	header = CMSG_FIRSTHDR(&message);
	a->passed = -1;
	if (header)
		memcpy(&a->passed, CMSG_DATA(header), sizeof(int));
}

static void say(struct asker *a, const char *params)
{
	char line[512];
	int len = snprintf(
		line, sizeof(line),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"capture\",\"params\":{%s}}\n", params);

	cr_assert_eq(write(a->fd, line, (size_t)len), len);
	hear(a);
}

static void map(struct asker *a)
{
	size_t size = (size_t)lseek(a->passed, 0, SEEK_END);

	a->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, a->passed, 0);
	cr_assert(a->memory != MAP_FAILED && capture_ring_is_sound(a->memory, size));
	for (uint32_t i = 0; i < N_LANES; i++)
		capture_ring_reader(&a->lane[i], a->memory, i);
}

static struct asker ask(const char *params)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct asker a = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", t.path);
	cr_assert_eq(connect(a.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	say(&a, params);
	if (a.passed >= 0)
		map(&a);
	return a;
}

static uint64_t kept(const struct asker *a)
{
	struct capture_counts sum = {0};

	for (int i = 0; i < N_LANES; i++)
		capture_ring_sum(&a->lane[i], &sum);
	return sum.kept;
}

static void turn(void)
{
	for (int i = 0; i < 20; i++)
		ev_run(t.loop, EVRUN_NOWAIT);
}

static bool is_tapped(unsigned lane)
{
	lane_quiesce(&t.lane[lane]);
	return lane_taps(&t.lane[lane]);
}

static void expect_said(const struct asker *a, const char *what)
{
	cr_expect(strstr(a->answer, what), "%s is not in %s", what, a->answer);
}

Test(captures, all_lanes_tell_their_packets)
{
	struct asker a = ask("");

	expect_said(&a, "\"lanes\":2");
	expect_said(&a, "\"name\":\"wan\"");
	round_of(0, 80);
	round_of(1, 80);
	round_of(1, 443);
	cr_expect_eq(kept(&a), 3);
}

Test(captures, a_connection_that_ends_ends_its_capture_and_no_other)
{
	struct asker a = ask(""), b = ask("\"service\":\"web\"");

	close(a.fd);
	turn();
	round_of(0, 80);
	cr_expect_eq(kept(&a), 0);
	cr_expect_eq(kept(&b), 1);
	close(b.fd);
	turn();
	cr_expect_not(is_tapped(0));
}

// What is freed while a lane may still use it is what the sanitizers see here.
Test(captures, what_a_lane_still_uses_is_kept_for_it)
{
	struct asker a = ask("");

	round_of(0, 80);
	round_of(1, 80);
	close(a.fd);
	turn();
	// Lane 0 goes on with what it had, as in the middle of a burst.
	cr_expect_not_null(lane_taps(&t.lane[0]));
	cr_expect_eq(lane_taps(&t.lane[0])->n, 1);
	lane_quiesce(&t.lane[0]);
	lane_quiesce(&t.lane[1]);
	for (uint64_t until = clock_now_ns() + 20 * CLOCK_NS_PER_MS; clock_now_ns() < until;)
		ev_run(t.loop, EVRUN_NOWAIT);
	cr_expect_not(is_tapped(0) || is_tapped(1));
}

Test(captures, there_are_only_so_many)
{
	struct asker a[CAPTURE_TAP_MAX], more;

	for (int i = 0; i < CAPTURE_TAP_MAX; i++) {
		a[i] = ask("");
		cr_expect_geq(a[i].passed, 0);
	}
	more = ask("");
	cr_expect_lt(more.passed, 0);
	expect_said(&more, "4 captures run already, and no more can");
	close(a[2].fd);
	turn();
	more = ask("");
	cr_expect_geq(more.passed, 0);
	round_of(0, 80);
	cr_expect(kept(&a[0]) == 1 && kept(&a[3]) == 1 && kept(&more) == 1);
}

static const struct {
	const char *params, *said;
} refused[] = {
	{"\"service\":\"nobody\"", "no service \\\"nobody\\\""},
	{"\"filter\":\"1,5 0 0 0\"", "filter: instruction 0 (5 0 0 0) cannot be"},
	{"\"filter\":\"\"", "filter: "},
	{"\"snap\":16385", "params.snap: 16385 is not in 0..16384"},
	{"\"rate\":0", "params.rate: 0 is not in 1..10000000"},
	{"\"what\":0", "params.what: unknown key"},
};

Test(captures, what_cannot_be_is_refused_and_leaves_nothing)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct asker a = ask(refused[i].params);

		cr_expect_lt(a.passed, 0);
		expect_said(&a, refused[i].said);
		close(a.fd);
	}
	cr_expect_not(is_tapped(0));
}

Test(captures, a_connection_has_one_capture)
{
	struct asker a = ask("");

	say(&a, "");
	cr_expect_lt(a.passed, 0);
	expect_said(&a, "this connection has a capture already");
	round_of(0, 80);
	cr_expect_eq(kept(&a), 1);
}

Test(captures, a_reload_is_followed_and_a_service_that_leaves_ends_its_capture)
{
	struct asker web = ask("\"service\":\"web\""), all = ask("");

	cr_assert_eq(control_apply(&t.control, conf_of(CONF(PCAP, API "," WEB)), &t.err), 0);
	round_of(0, 80);
	cr_expect_eq(kept(&web), 1);
	cr_expect_eq(web.memory->end, CAPTURE_GOES_ON);
	cr_assert_eq(control_apply(&t.control, conf_of(CONF(PCAP, API)), &t.err), 0);
	cr_expect_eq(web.memory->end, CAPTURE_SERVICE_GONE);
	cr_expect_eq(all.memory->end, CAPTURE_GOES_ON);
	round_of(0, 80);
	cr_expect_eq(kept(&web), 1);
	cr_expect_eq(kept(&all), 2);
}

Test(captures, the_memory_cannot_be_taken_away_under_the_lanes)
{
	struct asker a = ask("");

	cr_expect_eq(ftruncate(a.passed, 0), -1);
	cr_expect_eq(errno, EPERM);
	memset(a.memory, 0xff, (size_t)lseek(a.passed, 0, SEEK_END));
	round_of(0, 80);
	round_of(1, 80);
	close(a.fd);
	turn();
	cr_expect_not(is_tapped(0));
}

Test(captures, lanes_that_stop_say_so)
{
	struct asker a = ask("");

	for (int i = 0; i < N_LANES; i++)
		lane_set_running(&t.lane[i], false);
	captures_close(t.control.captures);
	t.control.captures = NULL;
	cr_expect_eq(a.memory->end, CAPTURE_STOPPED);
	a = ask("");
	expect_said(&a, "the lanes do not run yet");
}

Test(captures_xdp, what_no_lane_can_see_is_said, .fini = teardown)
{
	struct asker a;

	open_with(CONF(XDP, WEB "," API));
	a = ask("\"service\":\"api\"");
	cr_expect_lt(a.passed, 0);
	expect_said(&a, "this does: tcpdump -ni lo 'host 203.0.113.10 and port 443'");
	a = ask("\"service\":\"web\"");
	expect_said(&a, "only the clients' packets pass here");
	a = ask("");
	expect_said(&a, "goes to the kernel, where tcpdump sees it");
}

Test(captures, packets_for_the_l7_workers_are_seen_on_other_ports)
{
	struct asker a = ask("\"service\":\"api\"");

	expect_said(&a, "punt them to the kernel");
	round_of(0, 443);
	cr_expect_eq(kept(&a), 1);
}
