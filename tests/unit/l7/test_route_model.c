// SPDX-License-Identifier: BSD-3-Clause
// route_find() beside a matcher that looks at every route and says for each how well it fits: random routes, random requests.
#include "l7/route.h"
#include "tests/unit/l7/requestbuild.h"

#include <criterion/criterion.h>

#include <stdlib.h>

enum { N_ROUTES = 40, N_TABLES = 300, N_REQUESTS = 300 };

static const char *const hosts[] = {
	NULL, "a.b", "b", "x.a.b", "*.b", "*.a.b", "*.x.a.b", "A.B", "*.B",
};
static const char *const asked_hosts[] = {
	"", "a.b", "b", "x.a.b", "y.x.a.b", "y.b", "B:80", "X.a.B.", "c", "[::b]:80", "x.y.a.b.:1",
};
static const char *const segments[] = {"", "a", "b", "ab", "a-segment-longer-than-16-bytes"};
static const char *const methods[] = {"GET", "POST"};

static uint32_t any(uint32_t n)
{
	return (uint32_t)rand() % n;
}

static void make_path(char out[200], uint32_t n_max)
{
	uint32_t n = 1 + any(n_max);

	out[0] = '\0';
	for (uint32_t i = 0; i < n; i++) {
		strcat(out, "/");
		strcat(out, segments[any(ARRAY_LEN(segments))]);
	}
}

// 0 = does not match; more is better.
static size_t host_fit(const char *wanted, struct slice authority)
{
	char host[64] = "";
	size_t len;

	if (!wanted)
		return 1;
	memcpy(host, authority.ptr, authority.len);
	if (host[0] == '[')
		return 0;
	host[strcspn(host, ":")] = '\0';
	len = strlen(host);
	if (len && host[len - 1] == '.')
		host[--len] = '\0';
	if (wanted[0] != '*')
		return strcasecmp(host, wanted) == 0 ? 1000 : 0;
	wanted++; // ".b"
	if (len <= strlen(wanted) || strcasecmp(host + len - strlen(wanted), wanted) != 0)
		return 0;
	return 1 + strlen(wanted);
}

static size_t path_fit(const struct conf_route *route, struct slice path)
{
	size_t len = strlen(route->path);

	if (path.len < len || memcmp(path.ptr, route->path, len) != 0)
		return 0;
	if (route->match == MATCH_EXACT)
		return path.len == len ? 1000 : 0;
	if (path.len > len && route->path[len - 1] != '/' && path.ptr[len] != '/')
		return 0;
	return len;
}

static bool conditions_fit(const struct conf_route *c, const struct request *r)
{
	if (c->method && !slice_eq(requestbuild_slice(c->method), r->method_text))
		return false;
	if (c->n_headers && !(r->fields.n && slice_eq(r->fields.at[0].value, slice_of("1", 1))))
		return false;
	return !c->n_query || r->query.ptr;
}

static const struct site_route *naive(const struct site_l7 *l7, const struct request *r)
{
	const struct site_route *best = NULL;
	size_t best_fit = 0;

	for (uint16_t i = 0; i < l7->conf->n_routes; i++) {
		const struct conf_route *c = l7->routes[i].conf;
		size_t host = host_fit(c->host, r->authority), path = path_fit(c, r->path);
		size_t fit = (host * 10000 + path) * 10 + !!c->method + c->n_headers + c->n_query;

		if (!host || !path || !conditions_fit(c, r) || fit <= best_fit)
			continue;
		best = &l7->routes[i];
		best_fit = fit;
	}
	return best;
}

static struct request *make_request(char path[200])
{
	struct request *r;

	make_path(path, 5);
	if (any(3) == 0)
		strcat(path, "?q");
	r = requestbuild(asked_hosts[any(ARRAY_LEN(asked_hosts))], path);
	r->method_text = requestbuild_slice(methods[any(2)]);
	if (any(2))
		requestbuild_add(r, "x", any(2) ? "1" : "2");
	return r;
}

Test(route_model, route_find_agrees_with_looking_at_every_route)
{
	static struct conf_condition header[] = {{"X", "1"}}, query[] = {{"q", NULL}};
	static char paths[N_ROUTES][200], path[200];
	static struct conf_route routes[N_ROUTES];
	static struct site_route compiled[N_ROUTES];
	size_t n_found = 0;

	srand(47);
	for (int table = 0; table < N_TABLES; table++) {
		struct conf_l7 conf = {.routes = routes, .n_routes = (uint16_t)(1 + any(N_ROUTES))};
		struct site_l7 l7 = {.conf = &conf, .routes = compiled};
		struct arena arena = {0};

		for (uint16_t i = 0; i < conf.n_routes; i++) {
			make_path(paths[i], 4);
			routes[i] = (struct conf_route){
				.host = hosts[any(ARRAY_LEN(hosts))],
				.path = paths[i],
				.match = any(3) ? MATCH_PREFIX : MATCH_EXACT,
				.method = any(3) ? NULL : methods[any(2)],
				.headers = header,
				.n_headers = any(4) == 0,
				.query = query,
				.n_query = any(4) == 0,
			};
			compiled[i] = (struct site_route){.conf = &routes[i]};
		}
		cr_assert_eq(route_build(&l7, &arena), 0);
		for (int i = 0; i < N_REQUESTS; i++) {
			const struct request *r = make_request(path);
			const struct site_route *want = naive(&l7, r);

			cr_assert_eq(route_find(&l7, r), want, "table %d: %s", table, path);
			n_found += want != NULL;
		}
		arena_fini(&arena);
	}
	cr_expect_gt(n_found, N_TABLES * N_REQUESTS / 5);
	cr_expect_lt(n_found, N_TABLES * N_REQUESTS);
}
