// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/l7/managerbuild.h"

#include <errno.h>
#include <poll.h>

static struct managerbuild b;
static struct err err;
static uint16_t port, admin_port;

static void begin(void)
{
	managerbuild_begin(&b);
	port = managerbuild_port(NULL);
	admin_port = managerbuild_port(NULL);
}

static void end(void)
{
	managerbuild_end(&b);
}

TestSuite(manager, .init = begin, .fini = end, .timeout = 30);

// A service that answers `word`; `more` are further keys of the configuration.
static struct conf *build(const char *word, const char *more)
{
	char text[2048];

	snprintf(text, sizeof(text),
	         "{'workers': 2, 'services': [{'name': 's', 'address': '127.0.0.1', 'port': %u,"
	         " 'protocol': 'tcp', 'l7': 'a'}],"
	         " 'l7': [{'name': 'a', 'routes': [{'path': '/', 'answer': {'body': '%s'}}]%s",
	         port, word, more);
	return managerbuild_conf(text);
}

static const char plain[] = "}]}";

static int apply(const char *word, const char *more)
{
	return manager_apply(&b.manager, build(word, more), &err);
}

// What the service says now.
static const char *get(void)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	static char answer[4096];
	struct sockaddr_in at = {.sin_family = AF_INET,
	                         .sin_port = htons(port),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	ssize_t n, len = 0;

	cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(write(fd, request, sizeof(request) - 1), (ssize_t)sizeof(request) - 1);
	while ((n = read(fd, answer + len, sizeof(answer) - 1 - (size_t)len)) > 0)
		len += n;
	answer[len] = 0;
	close(fd);
	return strstr(answer, "\r\n\r\n") ? strstr(answer, "\r\n\r\n") + 4 : answer;
}

// Workers take a configuration over in their own time.
static bool says(const char *word)
{
	for (int i = 0; i < 1000; i++) {
		if (strcmp(get(), word) == 0)
			return true;
		poll(NULL, 0, 5);
	}
	return false;
}

Test(manager, serves_what_was_applied_last)
{
	cr_assert_eq(apply("one", plain), 0, "%s", err.msg);
	cr_expect(says("one"));
	cr_assert_eq(apply("two", plain), 0, "%s", err.msg);
	cr_expect(says("two"));
	cr_expect_eq(b.manager.generation, 2);
}

static const struct {
	const char *name, *more, *sentence;
} refusals[] = {
	{"a certificate that is not there",
         ", 'tls': [{'certificate': 'no.pem', 'key': 'no.key'}]}]}", "no.pem"},
	{"an address of somebody else", "}], 'admin': {'address': '192.0.2.1', 'port': 9}}",
         "admin: 192.0.2.1:9"},
	{"a key that is fixed", "}], 'worker_memory_mb': 7}", "worker_memory_mb"},
	{"a CA that is not there, for probes",
         "}], 'pools': [{'name': 'p', 'health': {'type': 'https'}, 'tls': {'ca': 'no.pem'},"
         " 'backends': []}]}",
         "no.pem"},
};

Test(manager, a_reload_is_all_or_nothing)
{
	const struct site *site;
	const struct probe_set *probes;

	cr_assert_eq(apply("one", plain), 0, "%s", err.msg);
	site = b.manager.site;
	probes = b.manager.probes;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		cr_expect_lt(apply("two", refusals[i].more), 0, "%s", refusals[i].name);
		cr_expect(strstr(err.msg, refusals[i].sentence), "%s: %s", refusals[i].name,
		          err.msg);
		cr_expect_eq(b.manager.site, site, "%s", refusals[i].name);
		cr_expect_eq(b.manager.probes, probes, "%s", refusals[i].name);
		cr_expect_null(b.manager.admin, "%s", refusals[i].name);
		cr_expect_eq(b.manager.generation, 1, "%s", refusals[i].name);
	}
	cr_expect(says("one"));
}

Test(manager, a_start_that_fails_can_be_tried_again)
{
	cr_expect_lt(apply("one", refusals[0].more), 0);
	cr_expect_eq(b.manager.n_workers, 0);
	cr_assert_eq(apply("two", plain), 0, "%s", err.msg);
	cr_expect(says("two"));
}

Test(manager, an_admin_address_that_stays_is_kept)
{
	char more[128];
	const struct admin *admin;

	snprintf(more, sizeof(more), "}], 'admin': {'port': %u}}", admin_port);
	cr_assert_eq(apply("one", more), 0, "%s", err.msg);
	admin = b.manager.admin;
	cr_assert_not_null(admin);
	cr_assert_eq(apply("two", more), 0, "%s", err.msg);
	cr_expect_eq(b.manager.admin, admin);
	cr_assert_eq(apply("three", plain), 0, "%s", err.msg);
	cr_expect_null(b.manager.admin);
}

Test(manager, health_outlives_a_reload_of_what_stays)
{
	static const char two[] =
		"}], 'pools': [{'name': 'p', 'health': {'type': 'tcp'}, 'backends': ["
		" {'name': 'x', 'address': '127.0.0.1', 'port': 1},"
		" {'name': 'y', 'address': '127.0.0.1', 'port': 2}]}]}";
	static const char other[] =
		"}], 'pools': [{'name': 'p', 'health': {'type': 'tcp', 'interval_ms': 5000},"
		" 'backends': [{'name': 'y', 'address': '127.0.0.1', 'port': 2},"
		" {'name': 'z', 'address': '127.0.0.1', 'port': 3}]}]}";
	struct manager *m = &b.manager;
	const struct conf_pool *pool;
	const struct probe *y;

	cr_assert_eq(apply("one", two), 0, "%s", err.msg);
	pool = &m->site->conf->pools[0];
	for (uint32_t i = 0; i < m->probes->n; i++)
		m->probes->entries[i].probe->verdict.record.state = HEALTH_UNHEALTHY;
	y = probe_set_find(m->probes, site_backend_key(pool, &pool->backends[1]));
	cr_assert_eq(apply("one", other), 0, "%s", err.msg);
	pool = &m->site->conf->pools[0];
	cr_expect_eq(m->probes->n, 2);
	cr_expect_eq(probe_set_find(m->probes, site_backend_key(pool, &pool->backends[0])), y);
	cr_expect_eq(manager_health(m, pool, &pool->backends[0]), HEALTH_UNHEALTHY);
	cr_expect_eq(manager_health(m, pool, &pool->backends[1]), HEALTH_UNKNOWN);
	cr_expect_eq(m->site->pools[0].backends[0].health, HEALTH_UNHEALTHY);
	// Without a check nothing is known any more.
	cr_assert_eq(apply("one", plain), 0, "%s", err.msg);
	cr_expect_eq(m->probes->n, 0);
}

Test(manager, a_configuration_is_not_taken_while_it_stops)
{
	cr_assert_eq(apply("one", plain), 0, "%s", err.msg);
	b.manager.grace_ms = 60000;
	manager_drain(&b.manager);
	cr_expect_eq(apply("two", plain), -ESHUTDOWN);
	cr_expect_gt(manager_grace_left_ms(&b.manager), 59000);
}

static const struct {
	const char *name, *text;
	bool is_wanted;
} wants[] = {
	{"nothing", "{}", false},
	{"a pool", "{'pools': [{'name': 'p', 'backends': []}]}", false},
	{"a pool with a check",
         "{'pools': [{'name': 'p', 'health': {'type': 'tcp'}, 'backends': []}]}", true},
	{"an admin address", "{'admin': {'port': 9100}}", true},
	{"an l7 entry that no service names",
         "{'l7': [{'name': 'a', 'routes': [{'path': '/', 'answer': {}}]}]}", false},
	{"an l7 service of other hosts",
         "{'services': [{'name': 's', 'address': '192.0.2.1', 'port': 80, 'protocol': 'tcp',"
         " 'l7': 'a'}], 'l7': [{'name': 'a', 'hosts': 'p', 'routes': [{'path': '/', 'answer': {}}]}],"
         " 'pools': [{'name': 'p', 'backends': []}]}",
         false},
	{"an l7 service",
         "{'services': [{'name': 's', 'address': '192.0.2.1', 'port': 80, 'protocol': 'tcp',"
         " 'l7': 'a'}], 'l7': [{'name': 'a', 'routes': [{'path': '/', 'answer': {}}]}]}",
         true},
};

Test(manager, knows_what_there_is_to_do)
{
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		struct conf *conf = managerbuild_conf(wants[i].text);

		cr_expect_eq(manager_is_wanted(conf), wants[i].is_wanted, "%s", wants[i].name);
		conf_free(conf);
	}
}
