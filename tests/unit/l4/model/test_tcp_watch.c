// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/tcp_watch.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/confcase.h"
#include "tests/support/failmalloc.h"

static const char edge[] =
	"{'lanes': [0], 'services': ["
	" {'name': 'web', 'address': '203.0.113.10', 'port': 80, 'protocol': 'tcp', 'pool': 'l4'},"
	" {'name': 'api', 'address': '203.0.113.10', 'port': 443, 'protocol': 'tcp', 'l7': 'api'},"
	" {'name': 'api6', 'address': '2001:db8::10', 'port': 443, 'protocol': 'tcp', 'l7': 'api'},"
	" {'name': 'far', 'address': '203.0.113.20', 'port': 443, 'protocol': 'tcp', 'l7': 'far'}],"
	"'l7': ["
	" {'name': 'api', 'routes': [{'path': '/a', 'pool': 'rest'}, {'path': '/b', 'pool': 'chat'},"
	"  {'path': '/c', 'pool': 'rest'}, {'path': '/', 'answer': {'status': 404}}]},"
	" {'name': 'far', 'hosts': 'far', 'routes': [{'path': '/', 'pool': 'unused'}]}],"
	"'pools': ["
	" {'name': 'unused', 'backends': [{'name': 'u1', 'address': '10.0.0.9', 'port': 1}]},"
	" {'name': 'l4', 'backends': [{'name': 'w1', 'address': '10.0.0.1', 'port': 80}]},"
	" {'name': 'far', 'backends': [{'name': 'f1', 'address': '10.0.0.2', 'port': 443}]},"
	" {'name': 'chat', 'backends': [{'name': 'c1', 'address': '10.0.0.3', 'port': 8080},"
	"                               {'name': 'c2', 'address': 'fd00::4', 'port': 8080}]},"
	" {'name': 'rest', 'backends': [{'name': 'r1', 'address': '10.0.0.5', 'port': 8080},"
	"                               {'name': 'r2', 'address': '10.0.0.3', 'port': 8080}]}]}";

static struct conf *conf;
static struct roster roster;

static void setup(void)
{
	char *text = confcase_json(edge);
	struct err err;

	cr_assert_eq(conf_parse(&conf, text, strlen(text), &err), 0, "%s", err.msg);
	free(text);
	cr_assert_eq(roster_init(&roster), 0);
	cr_assert_eq(roster_update(&roster, conf, 1, &err), 0, "%s", err.msg);
}

static void teardown(void)
{
	roster_fini(&roster);
	conf_free(conf);
}

TestSuite(tcp_watch, .init = setup, .fini = teardown);

// "> 203.0.113.10:443 api; < 10.0.0.3:8080 c1; ..." in the order of the list.
static void describe(const struct tcp_watch *w, size_t n, char *out, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < n && at < size; i++) {
		char address[ADDR_PORT_TEXT_SIZE];

		at += (size_t)snprintf(out + at, size - at, "%s %s %s; ",
		                       w[i].is_backend ? "to" : "at",
		                       addr_port_text(&w[i].address, w[i].port, address),
		                       w[i].is_backend ? roster.backends[w[i].id].name
		                                       : roster.services[w[i].id].name);
	}
}

Test(tcp_watch, lists_what_the_workers_of_this_host_serve_and_use)
{
	struct tcp_watch *list;
	char text[512];
	size_t n;

	cr_assert_eq(tcp_watch_list(&list, &n, conf, &roster), 0);
	describe(list, n, text, sizeof(text));
	// 10.0.0.3:8080 is c1 of one pool and r2 of another: once, as the first.
	cr_expect_str_eq(text, "to 10.0.0.3:8080 c1; to 10.0.0.5:8080 r1; at 203.0.113.10:443 api; "
	                       "at [2001:db8::10]:443 api6; to [fd00::4]:8080 c2; ");
	free(list);
}

Test(tcp_watch, is_empty_without_l7)
{
	struct tcp_watch *list;
	size_t n = 1;

	conf->n_l7 = 0;
	conf->n_services = 1;
	cr_assert_eq(tcp_watch_list(&list, &n, conf, &roster), 0);
	cr_expect_eq(n, 0);
	free(list);
}

Test(tcp_watch, says_so_without_memory)
{
	struct tcp_watch *list;
	size_t n;

	for (unsigned at = 1; failmalloc_works() && at <= 2; at++) {
		int rc;

		failmalloc_arm(at);
		rc = tcp_watch_list(&list, &n, conf, &roster);
		failmalloc_disarm();
		cr_expect_eq(rc, -ENOMEM, "allocation %u", at);
	}
}
