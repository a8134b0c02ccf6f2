// SPDX-License-Identifier: BSD-3-Clause
// Finding the route and picking the backend of one request, beside what a plain proxy does: routes in a sorted list, looked
// at one by one until one matches; the smooth weighted round robin of nginx, which looks at every backend for each request.
// Medians; requests differ, in an order that no predictor learns.
#include "l4/base/clock.h"
#include "l7/pick.h"
#include "l7/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { N_ROUTES = 1000, N_REQUESTS = 1024, N_BACKENDS = 100, RUNS = 31 };

static struct conf_route routes[N_ROUTES];
static struct site_route compiled[N_ROUTES];
static struct conf_l7 conf = {.routes = routes};
static struct site_l7 l7 = {.conf = &conf, .routes = compiled};

static struct asked {
	char host[64], path[128];
	struct slice authority, target;
} asked[N_REQUESTS];
static struct request request; // as in a worker, the same memory for each

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *ns)
{
	qsort(ns, RUNS, sizeof(*ns), by_value);
	return ns[RUNS / 2];
}

static void report(const char *name, double *ours, double *theirs)
{
	double a = median(ours), b = median(theirs);

	printf("bench %s ours=%.1f yardstick=%.1f ratio=%.3f\n", name, a, b, a / b);
}

static struct slice slice_z(const char *text)
{
	return slice_of(text, strlen(text));
}

// --- routes ---

static char *made(char *text, int rc)
{
	if (rc < 0)
		abort();
	return text;
}

static char *host_of(uint32_t nth)
{
	char *text = NULL;
	int rc = asprintf(&text, "api-%u.region-1.example.com", nth);

	return made(text, rc);
}

static char *path_of(uint32_t version, uint32_t service)
{
	char *text = NULL;
	int rc = asprintf(&text, "/api/v%u/service-%u/", version, service);

	return made(text, rc);
}

// Longer paths before shorter ones, as such files are written: the first that matches is the best.
static void make_routes(uint32_t n_hosts)
{
	uint32_t each = N_ROUTES / n_hosts;

	for (uint32_t i = 0; i < N_ROUTES; i++) {
		bool is_last = i % each == each - 1;

		routes[i].host = n_hosts > 1 ? host_of(i / each) : NULL;
		routes[i].path = is_last ? "/" : path_of(i % 2, i % each);
		compiled[i] = (struct site_route){.conf = &routes[i], .pool = SITE_NONE};
	}
	conf.n_routes = N_ROUTES;
}

static void make_requests(uint32_t n_hosts)
{
	uint32_t each = N_ROUTES / n_hosts;

	for (uint32_t i = 0; i < N_REQUESTS; i++) {
		uint32_t route = (uint32_t)rand() % N_ROUTES;

		snprintf(asked[i].host, sizeof(asked[i].host), "api-%u.region-1.example.com:443",
		         route / each);
		snprintf(asked[i].path, sizeof(asked[i].path),
		         "/api/v%u/service-%u/users/%u/orders", route % 2, route % each,
		         (uint32_t)rand());
		asked[i].authority = slice_z(asked[i].host);
		asked[i].target = slice_z(asked[i].path);
	}
}

static bool matches(const struct conf_route *c, const struct request *r)
{
	size_t len = strlen(c->path), host = c->host ? strlen(c->host) : 0;

	if (host && (host > r->authority.len || r->authority.ptr[host] != ':' ||
	             strncasecmp((const char *)r->authority.ptr, c->host, host) != 0))
		return false;
	if (len > r->path.len || memcmp(r->path.ptr, c->path, len) != 0)
		return false;
	return c->path[len - 1] == '/' || r->path.len == len || r->path.ptr[len] == '/';
}

static const struct site_route *linear(const struct request *r)
{
	for (uint32_t i = 0; i < N_ROUTES; i++)
		if (matches(&routes[i], r))
			return &compiled[i];
	return NULL;
}

static void ask(uint32_t i)
{
	request.authority = asked[i].authority;
	request.path = asked[i].target;
}

static const struct site_route *route_find_l7(const struct request *r)
{
	return route_find(&l7, r);
}

// Twice, and the second counts: the other of the two has just had the caches for itself.
static double pass(const struct site_route *(*find)(const struct request *), uintptr_t *sum)
{
	uint64_t start = 0;

	for (int twice = 0; twice < 2; twice++) {
		start = clock_now_ns();
		for (uint32_t i = 0; i < N_REQUESTS; i++) {
			ask(i);
			*sum = *sum * 31 + (uintptr_t)find(&request);
		}
	}
	return (double)(clock_now_ns() - start) / N_REQUESTS;
}

static void run_routes(const char *name, uint32_t n_hosts)
{
	double ours[RUNS], theirs[RUNS];
	struct arena arena = {0};
	uintptr_t sum = 0, other = 0;

	make_routes(n_hosts);
	make_requests(n_hosts);
	if (route_build(&l7, &arena))
		abort();
	for (uint32_t k = 0; k < RUNS; k++) {
		ours[k] = pass(route_find_l7, &sum);
		theirs[k] = pass(linear, &other);
	}
	if (sum != other) // the same routes, or the comparison is none
		abort();
	report(name, ours, theirs);
	arena_fini(&arena);
}

// --- backends ---

static struct pick_load load[N_BACKENDS], *loads[N_BACKENDS];
static int32_t current[N_BACKENDS];

// ngx_http_upstream_get_peer(), without failures
static uint16_t smooth(const struct conf_pool *pool)
{
	int32_t total = 0;
	uint16_t best = 0;

	for (uint16_t i = 0; i < pool->n_backends; i++) {
		current[i] += pool->backends[i].weight;
		total += pool->backends[i].weight;
		if (current[i] > current[best])
			best = i;
	}
	current[best] -= total;
	return best;
}

static uint8_t is_healthy(void *owner, const struct conf_pool *pool,
                          const struct conf_backend *backend)
{
	return HEALTH_HEALTHY;
}

static struct site *make_site(const char *balance)
{
	static char json[N_BACKENDS * 128];
	size_t len = (size_t)snprintf(json, sizeof(json),
	                              "{\"l7\":[{\"name\":\"l\",\"routes\":[{\"path\":\"/\","
	                              "\"pool\":\"p\"}]}],\"pools\":[{\"name\":\"p\","
	                              "\"balance\":\"%s\",\"backends\":[",
	                              balance);
	struct conf *parsed;
	struct site *site;

	for (uint32_t i = 0; i < N_BACKENDS; i++)
		len += (size_t)snprintf(json + len, sizeof(json) - len,
		                        "%s{\"name\":\"b%u\",\"address\":\"10.0.0.%u\",\"port\":80,"
		                        "\"weight\":%u}",
		                        i ? "," : "", i, i + 1, 50 + i);
	len += (size_t)snprintf(json + len, sizeof(json) - len, "]}]}");
	if (conf_parse(&parsed, json, len, NULL) ||
	    site_new(&site, parsed, 1, is_healthy, NULL, NULL))
		abort();
	return site;
}

static void run_pick(const char *name, const char *balance)
{
	struct site *site = make_site(balance);
	struct pick p = {.random = 47, .loads = loads};
	struct addr source = addr_ip4(be32_from(0xc6336407));
	const struct conf_pool *pool = &site->conf->pools[0];
	double ours[RUNS], theirs[RUNS];
	volatile uint32_t sum = 0;

	for (uint32_t i = 0; i < N_BACKENDS; i++) {
		loads[i] = &load[i];
		load[i].active = (uint32_t)rand() % 100;
	}
	for (uint32_t k = 0; k < RUNS; k++) {
		uint64_t start = clock_now_ns();

		for (uint32_t i = 0; i < N_REQUESTS; i++) {
			source.ip4 = be32_from(i);
			sum += pick_backend(&p, pool, &site->pools[0],
			                    pick_hash(pool, &request, &source), NULL, 0);
		}
		ours[k] = (double)(clock_now_ns() - start) / N_REQUESTS;
		start = clock_now_ns();
		for (uint32_t i = 0; i < N_REQUESTS; i++)
			sum += smooth(pool);
		theirs[k] = (double)(clock_now_ns() - start) / N_REQUESTS;
	}
	report(name, ours, theirs);
	site_put(site);
}

int main(void)
{
	request.method_text = slice_z("GET");
	srand(47);
	run_routes("route_1000_one_host", 1);
	run_routes("route_1000_100_hosts", 100);
	run_pick("pick_round_robin_100", "round_robin");
	run_pick("pick_least_requests_100", "least_requests");
	run_pick("pick_maglev_100", "maglev");
	return 0;
}
