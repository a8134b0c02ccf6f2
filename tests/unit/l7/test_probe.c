// SPDX-License-Identifier: BSD-3-Clause
// Probes against a backend that this test plays, on a port of the loopback device.
#include "tests/unit/l7/probebuild.h"

#include <errno.h>
#include <sys/resource.h>

static struct probebuild b;
static char request[4096]; // what the probe sent
static size_t request_len;

static void begin(void)
{
	probebuild_begin(&b);
}

static void end(void)
{
	probebuild_end(&b);
}

TestSuite(probe, .init = begin, .fini = end, .timeout = 30);

// One pool with one backend on our port; `check` are keys of its "health", `more` of the pool.
static void start(const char *check, const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text),
	         "{'pools': [{'name': 'p', 'health': {%s, 'interval_ms': 10, 'timeout_ms': 10,"
	         " 'rise': 2, 'fall': 2}%s,"
	         " 'backends': [{'name': 'b', 'address': '127.0.0.1', 'port': %u}]}]}",
	         check, more, b.port);
	request_len = 0;
	probebuild_start(&b, text);
}

// The probe's connection is accepted and its request read to its end.
static void take_request(void)
{
	for (int i = 0; i < 2000; i++) {
		ssize_t n = probebuild_read(&b, request + request_len,
		                            sizeof(request) - 1 - request_len);
		request_len += n > 0 ? (size_t)n : 0;
		request[request_len] = 0;
		if (request_len > 4 && strcmp(request + request_len - 4, "\r\n\r\n") == 0)
			return;
	}
	cr_assert_fail("no request came");
}

static void answer(const char *bytes, size_t len)
{
	cr_assert_eq(write(b.accepted, bytes, len), (ssize_t)len);
}

static const struct {
	const char *answer, *reason;
	bool is_good;
} answers[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", "status 200", true},
	{"HTTP/1.0 302 Found\r\n\r\n", "status 302", true},
	{"HTTP/1.1 503 Service Unavailable\r\n\r\n", "status 503", false},
	{"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n", "status 404", false},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
         "status 204", true},
	{"SSH-2.0-OpenSSH_9.2\r\n", "answer: malformed status line", false},
	{"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
         "answer: malformed field name, or blank before the colon", false},
};

Test(probe, answers_and_what_they_say)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		start("'type': 'http'", "");
		take_request();
		answer(answers[i].answer, strlen(answers[i].answer));
		probebuild_finish(&b);
		cr_expect_str_eq(b.last->verdict.record.reason, answers[i].reason);
		cr_expect_eq(b.last->verdict.record.state,
		             answers[i].is_good ? HEALTH_HEALTHY : HEALTH_UNHEALTHY, "%s",
		             answers[i].reason);
	}
}

Test(probe, every_split_of_an_answer_is_understood)
{
	static const char bytes[] = "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 204 No Content\r\nA: b\r\n\r\n";

	for (size_t cut = 1; cut < sizeof(bytes) - 1; cut++) {
		start("'type': 'http'", "");
		take_request();
		answer(bytes, cut);
		for (int i = 0; i < 3; i++)
			loop_turn(&b.loop, 0);
		cr_assert_eq(b.n_changes, 0, "cut at %zu", cut);
		answer(bytes + cut, sizeof(bytes) - 1 - cut);
		probebuild_finish(&b);
		cr_expect_str_eq(b.last->verdict.record.reason, "status 204", "cut at %zu", cut);
	}
}

Test(probe, an_endless_head_is_not_listened_to)
{
	char junk[1024] = "HTTP/1.1 200 OK\r\nA: ";

	memset(junk + 20, 'x', sizeof(junk) - 20);
	start("'type': 'http'", "");
	take_request();
	for (int i = 0; i < 64 && !b.n_changes; i++) {
		if (write(b.accepted, junk + (i ? 20 : 0), sizeof(junk) - 20) < 0)
			break;
		loop_turn(&b.loop, 1);
	}
	probebuild_finish(&b);
	cr_expect_str_eq(b.last->verdict.record.reason, "answer: head beyond limits.header");
}

Test(probe, connections_that_fail_say_how)
{
	start("'type': 'http'", "");
	take_request();
	probebuild_hang_up(&b);
	probebuild_finish(&b);
	cr_expect_str_eq(b.last->verdict.record.reason, "closed without an answer");
	start("'type': 'http'", "");
	b.set->entries[0].probe->plan->check.timeout_ms = 30;
	probebuild_finish(&b);
	cr_expect_str_eq(b.last->verdict.record.reason, "no answer within 30 ms");
	close(b.listening);
	start("'type': 'tcp'", "");
	probebuild_finish(&b);
	cr_expect_str_eq(b.last->verdict.record.reason, "connect: connection refused");
}

Test(probe, our_own_want_of_descriptors_is_no_verdict)
{
	struct rlimit limit, none;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	start("'type': 'tcp'", "");
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < 1000 && !b.set->entries[0].probe->is_skipping; i++)
		loop_turn(&b.loop, 1);
	cr_expect(b.set->entries[0].probe->is_skipping);
	cr_expect_eq(b.n_changes, 0);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	probebuild_finish(&b);
	cr_expect_str_eq(b.last->verdict.record.reason, "connected");
}

Test(probe, tcp_wants_a_connection_and_no_more)
{
	start("'type': 'tcp'", "");
	probebuild_finish(&b);
	cr_expect_str_eq(b.last->verdict.record.reason, "connected");
	cr_expect_eq(b.last->verdict.record.state, HEALTH_HEALTHY);
}

// proxy-protocol.txt, section 2.2: command LOCAL, no addresses.
Test(probe, a_proxy_header_comes_first_where_the_pool_wants_one)
{
	static const uint8_t header[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51,
	                                 0x55, 0x49, 0x54, 0x0a, 0x20, 0x00, 0x00, 0x00};

	start("'type': 'http'", ", 'proxy_protocol': true");
	take_request();
	cr_expect_arr_eq(request, header, sizeof(header));
	cr_expect_eq(strncmp(request + sizeof(header), "GET / HTTP/1.1\r\n", 16), 0);
}

static const struct {
	const char *check, *address, *request;
	uint16_t port;
} requests[] = {
	{"'type': 'http'", "10.0.0.1", "GET / HTTP/1.1\r\nHost: 10.0.0.1:8080\r\n", 8080},
	{"'type': 'http', 'path': '/up?deep=1'", "10.0.0.1",
         "GET /up?deep=1 HTTP/1.1\r\nHost: 10.0.0.1\r\n", 80},
	{"'type': 'https'", "2001:db8::1", "GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n", 443},
	{"'type': 'https'", "2001:db8::1", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n", 80},
	{"'type': 'http', 'host': 'app.example.com'", "10.0.0.1",
         "GET / HTTP/1.1\r\nHost: app.example.com\r\n", 8080},
	{"'type': 'http', 'port': 9000", "10.0.0.1", "GET / HTTP/1.1\r\nHost: 10.0.0.1:9000\r\n",
         80},
};

Test(probe, requests_name_whom_they_are_for)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		struct probe_plan *plan;
		char check[256], buffer[1024] = "";
		struct text t = text_of(buffer, sizeof(buffer) - 1);
		struct err err = {0};
		struct addr address;

		snprintf(check, sizeof(check),
		         "{'pools': [{'name': 'p', 'health': {%s}, 'backends': []}]}",
		         requests[i].check);
		conf_free(b.conf);
		b.conf = managerbuild_conf(check);
		cr_assert_eq(probe_plan_new(&plan, b.conf, 0, &err), 0, "%s", err.msg);
		cr_assert_eq(addr_parse(&address, requests[i].address), 0);
		probe_plan_request(plan, &t, &address,
		                   probe_plan_port(plan, be16_from(requests[i].port)));
		cr_expect_leq(t.len, probe_plan_request_size(plan));
		cr_expect_eq(strncmp(buffer, requests[i].request, strlen(requests[i].request)), 0,
		             "%s", buffer);
		cr_expect(strstr(buffer, "\r\nConnection: close\r\n\r\n"), "%s", buffer);
		probe_plan_put(plan);
	}
}

Test(probe, four_thousand_do_not_come_at_once)
{
	enum { PROBES = 4000, BINS = 10 };
	size_t size = 64 + PROBES * 80, len = 0, bins[BINS] = {0};
	char *text = malloc(size);
	struct err err = {0};

	len += (size_t)snprintf(text, size, "{'pools': [");
	for (unsigned i = 0; i < PROBES; i++) {
		if (i % 1000 == 0)
			len += (size_t)snprintf(text + len, size - len,
			                        "%s{'name': 'p%u', 'health': {'type': 'tcp'},"
			                        " 'backends': [",
			                        i ? "]}," : "", i);
		len += (size_t)snprintf(text + len, size - len,
		                        "%s{'name': 'b%u', 'address': '10.0.%u.%u', 'port': 1}",
		                        i % 1000 ? "," : "", i, i / 250, i % 250);
	}
	snprintf(text + len, size - len, "]}]}");
	b.conf = managerbuild_conf(text);
	free(text);
	cr_assert_eq(probe_set_new(&b.set, b.conf, NULL, &b.owner, &err), 0, "%s", err.msg);
	probe_set_start(b.set, NULL);
	cr_assert_eq(b.set->n, PROBES);
	for (uint32_t i = 0; i < b.set->n; i++) {
		uint64_t in_ms = b.set->entries[i].probe->timer.at_ms - b.loop.timers.now_ms - 1;

		cr_assert_lt(in_ms, 1000);
		bins[in_ms * BINS / 1000]++;
	}
	for (size_t i = 0; i < BINS; i++) // 400 each, sigma 19
		cr_expect(bins[i] > 300 && bins[i] < 500, "%zu", bins[i]);
}
